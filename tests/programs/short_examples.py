"""pytorch/examples that are short: forward-forward, MNIST with an LSTM, hogwild, GAT, language translation's parts, ImageNet's meters."""

import torch, torch.nn as nn, torch.nn.functional as F, math, time
from torch.optim import Adam, Adadelta, SGD
from torch.optim.lr_scheduler import StepLR

torch.manual_seed(0)


def overlay_y_on_x(x, y, classes=10):
    x_ = x.clone()
    x_[:, :classes] *= 0.0
    x_[range(x.shape[0]), y] = x.max()
    return x_


class Layer(nn.Linear):
    def __init__(self, i, o, bias=True, device=None, dtype=None):
        super().__init__(i, o, bias, device, dtype)
        self.relu = torch.nn.ReLU()
        self.opt = Adam(self.parameters(), lr=0.03)
        self.threshold = 1.5
        self.num_epochs = 5

    def forward(self, x):
        x_direction = x / (x.norm(2, 1, keepdim=True) + 1e-4)
        return self.relu(torch.mm(x_direction, self.weight.T) + self.bias.unsqueeze(0))

    def train(self, x_pos, x_neg):
        for i in range(self.num_epochs):
            g_pos = self.forward(x_pos).pow(2).mean(1)
            g_neg = self.forward(x_neg).pow(2).mean(1)
            loss = torch.log(1 + torch.exp(torch.cat([-g_pos + self.threshold, g_neg - self.threshold]))).mean()
            self.opt.zero_grad()
            loss.backward()
            self.opt.step()
        print("Loss: ", loss.item())
        return self.forward(x_pos).detach(), self.forward(x_neg).detach()


class FF(nn.Module):
    def __init__(self, dims):
        super().__init__()
        self.layers = [Layer(dims[d], dims[d + 1]) for d in range(len(dims) - 1)]

    def predict(self, x):
        per = []
        for label in range(10):
            h = overlay_y_on_x(x, label)
            goodness = []
            for l in self.layers:
                h = l(h)
                goodness = goodness + [h.pow(2).mean(1)]
            per += [sum(goodness).unsqueeze(1)]
        return torch.cat(per, 1).argmax(1)

    def train(self, xp, xn):
        h_pos, h_neg = xp, xn
        for i, l in enumerate(self.layers):
            print("training layer: ", i)
            h_pos, h_neg = l.train(h_pos, h_neg)


x = torch.rand(40, 64)
y = torch.randint(0, 10, (40,))
rnd = torch.randperm(40)
net = FF([64, 32, 16])
net.train(overlay_y_on_x(x, y), overlay_y_on_x(x, y[rnd]))
print("train error:", 1.0 - net.predict(x).eq(y).float().mean().item())


class RNNNet(nn.Module):
    def __init__(self):
        super(RNNNet, self).__init__()
        self.rnn = nn.LSTM(input_size=28, hidden_size=16, batch_first=True)
        self.batchnorm = nn.BatchNorm1d(16)
        self.dropout1 = nn.Dropout2d(0.25)
        self.dropout2 = nn.Dropout2d(0.5)
        self.fc1 = nn.Linear(16, 32)
        self.fc2 = nn.Linear(32, 10)

    def forward(self, input):
        input = input.reshape(-1, 28, 28)
        output, hidden = self.rnn(input)
        output = output[:, -1, :]
        output = self.batchnorm(output)
        output = self.dropout1(output)
        output = self.fc1(output)
        output = F.relu(output)
        output = self.dropout2(output)
        return F.log_softmax(self.fc2(output), dim=1)


import warnings

warnings.simplefilter("ignore")
m = RNNNet()
o = Adadelta(m.parameters(), lr=1.0)
sch = StepLR(o, step_size=1, gamma=0.7)
xs = torch.rand(24, 1, 28, 28)
ys = torch.randint(0, 10, (24,))
for e in range(3):
    m.train()
    for b in range(3):
        d, t = xs[b * 8 : b * 8 + 8], ys[b * 8 : b * 8 + 8]
        o.zero_grad()
        l = F.nll_loss(m(d), t)
        l.backward()
        o.step()
        print("Train Epoch: {} [{}/{} ({:.0f}%)]\tLoss: {:.6f}".format(e, b * 8, 24, 100.0 * b / 3, l.item()))
    m.eval()
    sch.step()
    print(o.param_groups[0]["lr"])
    with torch.no_grad():
        print(F.nll_loss(m(xs), ys, reduction="sum").item() / 24)


# hogwild
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 4, kernel_size=5)
        self.conv2_drop = nn.Dropout2d()
        self.fc1 = nn.Linear(4 * 12 * 12, 10)

    def forward(self, x):
        x = F.relu(F.max_pool2d(self.conv1(x), 2))
        x = x.view(-1, 576)
        x = F.dropout(x, training=self.training)
        return F.log_softmax(self.fc1(x), dim=1)


model = Net()
model.share_memory()
print(all(p.is_shared() for p in model.parameters()))
opt = SGD(model.parameters(), lr=0.01, momentum=0.5)
l = F.nll_loss(model(xs), ys)
l.backward()
opt.step()
print(l.item())


# GAT
class GraphAttentionLayer(nn.Module):
    def __init__(self, in_features, out_features, n_heads, concat=False, dropout=0.4, leaky_relu_slope=0.2):
        super().__init__()
        self.n_heads, self.concat, self.dropout = n_heads, concat, dropout
        self.n_hidden = out_features // n_heads if concat else out_features
        self.W = nn.Parameter(torch.empty(size=(in_features, self.n_hidden * n_heads)))
        self.a = nn.Parameter(torch.empty(size=(n_heads, 2 * self.n_hidden, 1)))
        self.leakyrelu = nn.LeakyReLU(leaky_relu_slope)
        self.softmax = nn.Softmax(dim=1)
        nn.init.xavier_normal_(self.W)
        nn.init.xavier_normal_(self.a)

    def scores(self, h):
        s = torch.matmul(h, self.a[:, : self.n_hidden, :])
        t = torch.matmul(h, self.a[:, self.n_hidden :, :])
        return self.leakyrelu(s + t.mT)

    def forward(self, h, adj):
        n = h.shape[0]
        ht = torch.mm(h, self.W)
        ht = F.dropout(ht, self.dropout, training=self.training)
        ht = ht.view(n, self.n_heads, self.n_hidden).permute(1, 0, 2)
        e = self.scores(ht)
        mask = -9e16 * torch.ones_like(e)
        att = torch.where(adj > 0, e, mask)
        att = F.softmax(att, dim=-1)
        att = F.dropout(att, self.dropout, training=self.training)
        hp = torch.matmul(att, ht)
        return hp.permute(1, 0, 2).contiguous().view(n, -1) if self.concat else hp.mean(dim=0)


class GAT(nn.Module):
    def __init__(self, i, h, heads, c):
        super().__init__()
        self.g1 = GraphAttentionLayer(i, h, heads, concat=True, dropout=0.4)
        self.g2 = GraphAttentionLayer(h, c, 1, concat=False, dropout=0.4)

    def forward(self, x, adj):
        return F.log_softmax(F.elu(self.g2(F.elu(self.g1(x, adj)), adj)), dim=1)


N = 12
adj = ((torch.rand(N, N) > 0.7) | torch.eye(N, dtype=torch.bool)).float()
feats = F.normalize(torch.rand(N, 6), p=1, dim=1)
lab = torch.randint(0, 3, (N,))
gat = GAT(6, 8, 2, 3)
og = Adam(gat.parameters(), lr=0.005, weight_decay=5e-4)
for e in range(4):
    gat.train()
    og.zero_grad()
    out = gat(feats, adj)
    loss = nn.NLLLoss()(out[:8], lab[:8])
    loss.backward()
    og.step()
    gat.eval()
    out = gat(feats, adj)
    print(f"Epoch {e + 1} loss {loss.item():.5f} val {(out[8:].argmax(1) == lab[8:]).float().mean():.4f}")


# translation
class PositionalEncoding(nn.Module):
    def __init__(self, emb_size, dropout, maxlen=50):
        super().__init__()
        den = torch.exp(-torch.arange(0, emb_size, 2) * math.log(10000) / emb_size)
        pos = torch.arange(0, maxlen).reshape(maxlen, 1)
        pe = torch.zeros((maxlen, emb_size))
        pe[:, 0::2] = torch.sin(pos * den)
        pe[:, 1::2] = torch.cos(pos * den)
        pe = pe.unsqueeze(-2)
        self.dropout = nn.Dropout(dropout)
        self.register_buffer("pos_embedding", pe)

    def forward(self, t):
        return self.dropout(t + self.pos_embedding[: t.size(0), :])


class TokenEmbedding(nn.Module):
    def __init__(self, v, e):
        super().__init__()
        self.embedding = nn.Embedding(v, e)
        self.emb_size = e

    def forward(self, t):
        return self.embedding(t.long()) * math.sqrt(self.emb_size)


class Seq2Seq(nn.Module):
    def __init__(self, ne, nd, e, h, sv, tv, ff=16, dropout=0.1):
        super().__init__()
        self.transformer = nn.Transformer(
            d_model=e, nhead=h, num_encoder_layers=ne, num_decoder_layers=nd, dim_feedforward=ff, dropout=dropout
        )
        self.generator = nn.Linear(e, tv)
        self.src_tok_emb = TokenEmbedding(sv, e)
        self.tgt_tok_emb = TokenEmbedding(tv, e)
        self.positional_encoding = PositionalEncoding(e, dropout=dropout)

    def forward(self, src, trg, sm, tm, spm, tpm, mkpm):
        return self.generator(
            self.transformer(
                self.positional_encoding(self.src_tok_emb(src)),
                self.positional_encoding(self.tgt_tok_emb(trg)),
                sm,
                tm,
                None,
                spm,
                tpm,
                mkpm,
            )
        )

    def encode(self, src, m):
        return self.transformer.encoder(self.positional_encoding(self.src_tok_emb(src)), m)

    def decode(self, t, mem, m):
        return self.transformer.decoder(self.positional_encoding(self.tgt_tok_emb(t)), mem, m)


PAD = 1


def sq(sz):
    mask = (torch.triu(torch.ones((sz, sz))) == 1).transpose(0, 1)
    return mask.float().masked_fill(mask == 0, float("-inf")).masked_fill(mask == 1, float(0.0))


def create_mask(src, tgt):
    return (
        torch.zeros((src.shape[0], src.shape[0])).type(torch.bool),
        sq(tgt.shape[0]),
        (src == PAD).transpose(0, 1),
        (tgt == PAD).transpose(0, 1),
    )


tr = Seq2Seq(2, 2, 16, 4, 11, 13)
for p in tr.parameters():
    if p.dim() > 1:
        nn.init.xavier_uniform_(p)
ot = Adam(tr.parameters(), lr=0.001, betas=(0.9, 0.98), eps=1e-9)
lf = nn.CrossEntropyLoss(ignore_index=PAD)
src = torch.randint(2, 11, (6, 4))
src[4:, 1] = PAD
tgt = torch.randint(2, 13, (7, 4))
tgt[5:, 2] = PAD
for e in range(3):
    tr.train()
    ti = tgt[:-1, :]
    ms = create_mask(src, ti)
    logits = tr(src, ti, ms[0], ms[1], ms[2], ms[3], ms[2])
    ot.zero_grad()
    loss = lf(logits.reshape(-1, logits.shape[-1]), tgt[1:, :].reshape(-1))
    loss.backward()
    ot.step()
    print(f"Epoch: {e}, Train loss: {loss.item():.3f}")
tr.eval()
s1 = src[:, :1]
memory = tr.encode(s1, torch.zeros(6, 6).type(torch.bool))
ysq = torch.ones(1, 1).fill_(2).type(torch.long)
for i in range(4):
    out = tr.decode(ysq, memory, (sq(ysq.size(0)).type(torch.bool)))
    prob = tr.generator(out.transpose(0, 1)[:, -1])
    _, nw = torch.max(prob, dim=1)
    ysq = torch.cat([ysq, torch.ones(1, 1).type_as(s1.data).fill_(nw.item())], dim=0)
print(ysq.flatten())


class AverageMeter(object):
    def __init__(self, name, fmt=":f"):
        self.name, self.fmt = name, fmt
        self.val = self.avg = self.sum = self.count = 0

    def update(self, val, n=1):
        self.val = val
        self.sum += val * n
        self.count += n
        self.avg = self.sum / self.count

    def __str__(self):
        return ("{name} {val" + self.fmt + "} ({avg" + self.fmt + "})").format(**self.__dict__)


def accuracy(output, target, topk=(1,)):
    with torch.no_grad():
        maxk = max(topk)
        _, pred = output.topk(maxk, 1, True, True)
        pred = pred.t()
        correct = pred.eq(target.view(1, -1).expand_as(pred))
        return [correct[:k].reshape(-1).float().sum(0, keepdim=True).mul_(100.0 / target.size(0)) for k in topk]


o5 = torch.randn(8, 10)
t5 = torch.randint(0, 10, (8,))
a1, a5 = accuracy(o5, t5, (1, 5))
print(a1, a5)
top = AverageMeter("Acc@1", ":6.2f")
top.update(a1[0], 8)
print(str(top))
