"""The video series' lessons: tensors, autograd, building models, training with summaries."""

import torch, math
import torch.nn as nn
import torch.nn.functional as F

torch.manual_seed(1729)
# tensors
z = torch.zeros(5, 3)
print(z)
print(z.dtype)
i = torch.ones((5, 3), dtype=torch.int16)
print(i)
r1 = torch.rand(2, 2)
print(r1)
ones = torch.zeros(2, 2) + 1
twos = torch.ones(2, 2) * 2
threes = (torch.ones(2, 2) * 7 - 1) / 2
fours = twos**2
sqrt2s = twos**0.5
print(ones, twos, threes, fours, sqrt2s)
powers2 = twos ** torch.tensor([[1, 2], [3, 4]])
print(powers2)
fives = ones + fours
print(fives)
dozens = threes * fours
print(dozens)
a = torch.rand(2, 3)
b = torch.rand(3, 2)
try:
    print(a * b)
except RuntimeError as e:
    print(str(e).split(":")[-1] if False else "RuntimeError")
rand = torch.rand(2, 4)
doubled = rand * (torch.ones(1, 4) * 2)
print(rand)
print(doubled)
a = torch.ones(4, 3, 2)
print((a * torch.rand(3, 2)).shape, (a * torch.rand(3, 1)).shape, (a * torch.rand(1, 2)).shape)
for s in [(4, 3), (2, 3), (0,)]:
    try:
        a * torch.rand(*s)
    except RuntimeError as e:
        print("RuntimeError", s)
a = torch.rand(2, 4) * 2 - 1
print(torch.abs(a))
print(torch.ceil(a))
print(torch.floor(a))
print(torch.clamp(a, -0.5, 0.5))
angles = torch.tensor([0, math.pi / 4, math.pi / 2, 3 * math.pi / 4])
sines = torch.sin(angles)
inverses = torch.asin(sines)
print(angles)
print(sines)
print(inverses)
b = torch.tensor([1, 5, 11])
c = torch.tensor([2, 7, 10])
print(torch.bitwise_xor(b, c))
d = torch.tensor([[1.0, 2.0], [3.0, 4.0]])
e = torch.ones(1, 2)
print(torch.eq(d, e))
print(torch.max(d))
print(torch.max(d).item())
print(torch.mean(d))
print(torch.std(d))
print(torch.prod(d))
print(torch.unique(torch.tensor([1, 2, 1, 2, 1, 2])))
v1 = torch.tensor([1.0, 0.0, 0.0])
v2 = torch.tensor([0.0, 1.0, 0.0])
m1 = torch.rand(2, 2)
m2 = torch.tensor([[3.0, 0.0], [0.0, 3.0]])
print(torch.linalg.cross(v2, v1))
print(m1)
m3 = torch.linalg.matmul(m1, m2)
print(m3)
print(torch.linalg.svd(m3))
a = torch.tensor([0, math.pi / 4, math.pi / 2, 3 * math.pi / 4])
print(torch.sin(a), a)
b = a.clone()
print(torch.sin_(b), b)
a = torch.ones(2, 2)
b = torch.rand(2, 2)
print(a.add_(b))
print(a)
print(b.mul_(b))
a = torch.rand(2, 2)
b = torch.rand(2, 2)
c = torch.zeros(2, 2)
old_id = id(c)
d = torch.matmul(a, b, out=c)
print(c, c is d, id(c) == old_id)
torch.rand(2, 2, out=c)
print(c, id(c) == old_id)
a = torch.ones(2, 2, requires_grad=True)
b = a.clone()
print(b.requires_grad, b)
c = a.detach().clone()
print(c.requires_grad)
f = torch.rand(226, 226, 3)
print(f.unsqueeze(0).shape, torch.rand(1, 20).squeeze(0).shape, torch.rand(2, 2).squeeze(0).shape)
print(torch.ones(4, 3, 2).reshape(6 * 4).shape, torch.reshape(torch.ones(4, 3, 2), (24,)).shape)
# autograd
a = torch.linspace(0.0, 2.0 * math.pi, steps=25, requires_grad=True)
print(a)
b = torch.sin(a)
print(b)
c = 2 * b
print(c)
d = c + 1
print(d)
out = d.sum()
print(out)
print("d:")
print(d.grad_fn.name())
print(d.grad_fn.next_functions[0][0].name())
print(d.grad_fn.next_functions[0][0].next_functions[0][0].name())
print(d.grad_fn.next_functions[0][0].next_functions[0][0].next_functions[0][0].name())
print(a.grad_fn)
out.backward()
print(a.grad)


class TinyModel(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer1 = nn.Linear(100, 20)
        self.relu = nn.ReLU()
        self.layer2 = nn.Linear(20, 10)

    def forward(self, x):
        return self.layer2(self.relu(self.layer1(x)))


some_input = torch.randn(4, 100)
ideal = torch.randn(4, 10)
model = TinyModel()
print(model)
print(model.layer2.weight[0][0:10])
print(model.layer2.weight.grad)
opt = torch.optim.SGD(model.parameters(), lr=0.001)
pred = model(some_input)
loss = (ideal - pred).pow(2).sum()
print(loss)
loss.backward()
print(model.layer2.weight[0][0:10])
print(model.layer2.weight.grad[0][0:10])
opt.step()
print(model.layer2.weight[0][0:10])
for _ in range(5):
    (ideal - model(some_input)).pow(2).sum().backward()
print(model.layer2.weight.grad[0][0:10])
opt.zero_grad(set_to_none=False)
print(model.layer2.weight.grad[0][0:10])
a = torch.ones(2, 3, requires_grad=True)
with torch.no_grad():
    c2 = a + 1
print(a + 1, c2)


def add1(x, y):
    return x + y


@torch.no_grad()
def add2(x, y):
    return x + y


b = torch.ones(2, 3, requires_grad=True) * 2
print(add1(a, b), add2(a, b))
with torch.inference_mode():
    print((a * 2).requires_grad)
x = torch.rand(5, requires_grad=True)
y = x.detach()
print(y)
x = torch.randn(3, requires_grad=True)
y = x * 2
while y.data.norm() < 1000:
    y = y * 2
print(y)
y.backward(torch.tensor([0.1, 1.0, 0.0001]))
print(x.grad)


def exp_adder(x, y):
    return 2 * x.exp() + 3 * y


print(torch.autograd.functional.jacobian(exp_adder, (torch.rand(1), torch.rand(1))))
print(torch.autograd.functional.jacobian(exp_adder, (torch.rand(3), torch.rand(3))))


def do_doublings(x):
    y = x * 2
    while y.data.norm() < 1000:
        y = y * 2
    return y


print(torch.autograd.functional.vjp(do_doublings, torch.randn(3), v=torch.tensor([0.1, 1.0, 0.0001])))
# models
print("The model:")
print(model)
print("\n\nJust one layer:")
print(model.layer2)
for n, p in model.named_parameters():
    print(n, p.shape)
lin = nn.Linear(3, 2)
x = torch.rand(1, 3)
print(x)
for p in lin.parameters():
    print(p)
print(lin(x))


class LeNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 6, 5)
        self.conv2 = nn.Conv2d(6, 16, 3)
        self.fc1 = nn.Linear(16 * 6 * 6, 120)
        self.fc2 = nn.Linear(120, 84)
        self.fc3 = nn.Linear(84, 10)

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.conv1(x)), (2, 2))
        x = F.max_pool2d(F.relu(self.conv2(x)), 2)
        x = x.view(-1, self.num_flat_features(x))
        return self.fc3(F.relu(self.fc2(F.relu(self.fc1(x)))))

    def num_flat_features(self, x):
        n = 1
        for s in x.size()[1:]:
            n *= s
        return n


net = LeNet()
print(net)
inp = torch.rand(1, 1, 32, 32)
print("\nImage batch shape:")
print(inp.shape)
o = net(inp)
print(o)
print(o.shape)


class LSTMTagger(nn.Module):
    def __init__(self, embedding_dim, hidden_dim, vocab_size, tagset_size):
        super().__init__()
        self.word_embeddings = nn.Embedding(vocab_size, embedding_dim)
        self.lstm = nn.LSTM(embedding_dim, hidden_dim)
        self.hidden2tag = nn.Linear(hidden_dim, tagset_size)

    def forward(self, s):
        e = self.word_embeddings(s)
        lo, _ = self.lstm(e.view(len(s), 1, -1))
        return F.log_softmax(self.hidden2tag(lo.view(len(s), -1)), dim=1)


print(LSTMTagger(6, 6, 9, 3)(torch.tensor([0, 1, 2])))
t = torch.rand(1, 6, 6)
print(t)
print(nn.MaxPool2d(3)(t))
t = torch.rand(1, 4, 4) * 20 + 5
print(t)
print(t.mean())
nt = nn.BatchNorm1d(4)(t)
print(nt)
print(nt.mean())
t = torch.rand(1, 4, 4)
dr = nn.Dropout(p=0.4)
print(dr(t))
print(dr(t))
tr = nn.Transformer(d_model=16, nhead=4, num_encoder_layers=1, num_decoder_layers=1, dim_feedforward=8)
print(tr(torch.rand(3, 1, 16), torch.rand(2, 1, 16)).shape)


# training
class Garment(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 6, 5)
        self.pool = nn.MaxPool2d(2, 2)
        self.conv2 = nn.Conv2d(6, 16, 5)
        self.fc1 = nn.Linear(16 * 4 * 4, 120)
        self.fc2 = nn.Linear(120, 84)
        self.fc3 = nn.Linear(84, 10)

    def forward(self, x):
        x = self.pool(F.relu(self.conv1(x)))
        x = self.pool(F.relu(self.conv2(x)))
        x = x.view(-1, 16 * 4 * 4)
        return self.fc3(F.relu(self.fc2(F.relu(self.fc1(x)))))


model = Garment()
loss_fn = torch.nn.CrossEntropyLoss()
dummy_outputs = torch.rand(4, 10)
dummy_labels = torch.tensor([1, 5, 3, 7])
print(dummy_outputs)
print(dummy_labels)
print("Total loss for this batch: {}".format(loss_fn(dummy_outputs, dummy_labels).item()))
opt = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9)
from torch.utils.data import TensorDataset, DataLoader

ds = TensorDataset(torch.randn(32, 1, 28, 28), torch.randint(0, 10, (32,)))
loader = DataLoader(ds, batch_size=4, shuffle=True)
for epoch in range(2):
    model.train(True)
    running = 0.0
    for k, (x, y) in enumerate(loader):
        opt.zero_grad()
        loss = loss_fn(model(x), y)
        loss.backward()
        opt.step()
        running += loss.item()
    model.eval()
    v = 0.0
    with torch.no_grad():
        for k, (x, y) in enumerate(loader):
            v += loss_fn(model(x), y)
    print("LOSS train {} valid {}".format(running / (k + 1), v / (k + 1)))
