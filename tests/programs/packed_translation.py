"""A translator with packed sequences and attention, and text classifiers."""

import math
import random

import torch
import torch.nn as nn
import torch.nn.functional as F
import torch.optim as optim

SEED = 1234
random.seed(SEED)
torch.manual_seed(SEED)
torch.backends.cudnn.deterministic = True


class Encoder(nn.Module):
    def __init__(self, i, e, h, dh, d):
        super().__init__()
        self.embedding = nn.Embedding(i, e)
        self.rnn = nn.GRU(e, h, bidirectional=True)
        self.fc = nn.Linear(h * 2, dh)
        self.dropout = nn.Dropout(d)

    def forward(self, src, sl):
        em = self.dropout(self.embedding(src))
        pe = nn.utils.rnn.pack_padded_sequence(em, sl.to("cpu"))
        po, h = self.rnn(pe)
        o, _ = nn.utils.rnn.pad_packed_sequence(po)
        h = torch.tanh(self.fc(torch.cat((h[-2, :, :], h[-1, :, :]), dim=1)))
        return o, h


class Attention(nn.Module):
    def __init__(self, e, d):
        super().__init__()
        self.attn = nn.Linear((e * 2) + d, d)
        self.v = nn.Linear(d, 1, bias=False)

    def forward(self, h, eo, mask):
        sl = eo.shape[0]
        h = h.unsqueeze(1).repeat(1, sl, 1)
        eo = eo.permute(1, 0, 2)
        en = torch.tanh(self.attn(torch.cat((h, eo), dim=2)))
        a = self.v(en).squeeze(2)
        a = a.masked_fill(mask == 0, -1e10)
        return F.softmax(a, dim=1)


class Decoder(nn.Module):
    def __init__(self, o, e, eh, dh, d, a):
        super().__init__()
        self.output_dim = o
        self.attention = a
        self.embedding = nn.Embedding(o, e)
        self.rnn = nn.GRU((eh * 2) + e, dh)
        self.fc_out = nn.Linear((eh * 2) + dh + e, o)
        self.dropout = nn.Dropout(d)

    def forward(self, i, h, eo, mask):
        i = i.unsqueeze(0)
        em = self.dropout(self.embedding(i))
        a = self.attention(h, eo, mask).unsqueeze(1)
        w = torch.bmm(a, eo.permute(1, 0, 2)).permute(1, 0, 2)
        o, h = self.rnn(torch.cat((em, w), dim=2), h.unsqueeze(0))
        assert (o == h).all()
        em = em.squeeze(0)
        return self.fc_out(torch.cat((o.squeeze(0), w.squeeze(0), em), dim=1)), h.squeeze(0), a.squeeze(1)


class Seq2Seq(nn.Module):
    def __init__(self, e, d, p, dev):
        super().__init__()
        self.encoder = e
        self.decoder = d
        self.p = p
        self.device = dev

    def create_mask(self, s):
        return (s != self.p).permute(1, 0)

    def forward(self, src, sl, trg, tf=0.5):
        b = src.shape[1]
        tl = trg.shape[0]
        outs = torch.zeros(tl, b, self.decoder.output_dim).to(self.device)
        eo, h = self.encoder(src, sl)
        inp = trg[0, :]
        m = self.create_mask(src)
        for t in range(1, tl):
            o, h, _ = self.decoder(inp, h, eo, m)
            outs[t] = o
            inp = trg[t] if random.random() < tf else o.argmax(1)
        return outs


m = Seq2Seq(Encoder(15, 8, 12, 12, 0.5), Decoder(15, 8, 12, 12, 0.5, Attention(12, 12)), 1, torch.device("cpu"))


def init_weights(m):
    for n, p in m.named_parameters():
        if "weight" in n:
            nn.init.normal_(p.data, mean=0, std=0.01)
        else:
            nn.init.constant_(p.data, 0)


print(m.apply(init_weights))
print(f"The model has {sum(p.numel() for p in m.parameters() if p.requires_grad):,} trainable parameters")
opt = optim.Adam(m.parameters())
crit = nn.CrossEntropyLoss(ignore_index=1)
src = torch.randint(2, 15, (7, 4))
sl = torch.tensor([7, 5, 5, 3])
for i, l in enumerate(sl):
    src[l:, i] = 1
trg = torch.randint(2, 15, (6, 4))
for e in range(5):
    m.train()
    opt.zero_grad()
    o = m(src, sl, trg)
    od = o.shape[-1]
    l = crit(o[1:].view(-1, od), trg[1:].view(-1))
    l.backward()
    n = torch.nn.utils.clip_grad_norm_(m.parameters(), 1)
    opt.step()
    print(f"\tTrain Loss: {l:.3f} | Train PPL: {math.exp(l):7.3f}", n)
m.eval()
with torch.no_grad():
    print(m(src, sl, trg, 0).argmax(-1).T)


class CNN1d(nn.Module):
    def __init__(self, v, e, nf, fs, o, d, p):
        super().__init__()
        self.embedding = nn.Embedding(v, e, padding_idx=p)
        self.convs = nn.ModuleList([nn.Conv1d(in_channels=e, out_channels=nf, kernel_size=f) for f in fs])
        self.fc = nn.Linear(len(fs) * nf, o)
        self.dropout = nn.Dropout(d)

    def forward(self, t):
        em = self.embedding(t).permute(0, 2, 1)
        c = [F.relu(conv(em)) for conv in self.convs]
        p = [F.max_pool1d(q, q.shape[2]).squeeze(2) for q in c]
        return self.fc(self.dropout(torch.cat(p, dim=1)))


c = CNN1d(20, 6, 4, [2, 3], 1, 0.5, 0)
c.embedding.weight.data.copy_(torch.randn(20, 6))
c.embedding.weight.data[0] = torch.zeros(6)
cr = nn.BCEWithLogitsLoss()
op = optim.Adam(c.parameters())


def binary_accuracy(p, y):
    return (torch.round(torch.sigmoid(p)) == y).float().sum() / len(y)


X = torch.randint(0, 20, (8, 9))
Y = torch.randint(0, 2, (8,)).float()
for e in range(3):
    op.zero_grad()
    p = c(X).squeeze(1)
    l = cr(p, Y)
    a = binary_accuracy(p, Y)
    l.backward()
    op.step()
    print(l.item(), a.item())


class FT(nn.Module):
    def __init__(self):
        super().__init__()
        self.e = nn.Embedding(20, 6)
        self.fc = nn.Linear(6, 1)

    def forward(self, t):
        em = self.e(t)
        p = F.avg_pool2d(em, (em.shape[1], 1)).squeeze(1)
        return self.fc(p)


print(FT()(X).squeeze(1))
