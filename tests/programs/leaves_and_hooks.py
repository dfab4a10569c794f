"""Leaves, retained gradients, hooks that watch them, optimizers inside the backward pass, loading onto the meta device."""

import torch, copy, io
import torch.nn as nn
import torch.nn.functional as F

torch.manual_seed(0)
x = torch.ones(1, 3)
W = torch.ones(3, 2, requires_grad=True)
b = torch.ones(1, 2, requires_grad=True)
y = torch.ones(1, 2)
z = (x @ W) + b
y_pred = F.relu(z)
loss = F.mse_loss(y_pred, y)
for n, t in dict(x=x, W=W, b=b, y=y, z=z, y_pred=y_pred, loss=loss).items():
    print(f"{n}: leaf {t.is_leaf} requires_grad {t.requires_grad} retains {t.retains_grad} fn {t.grad_fn is not None}")
loss.backward()
print(f"{W.grad=}")
print(f"{b.grad=}")
try:
    loss.backward()
except RuntimeError as e:
    print(str(e)[:60])
z = (x @ W) + b
y_pred = F.relu(z)
loss = F.mse_loss(y_pred, y)
z.retain_grad()
y_pred.retain_grad()
loss.retain_grad()
W.grad = None
b.grad = None
loss.backward()
print(f"{W.grad=}")
print(f"{b.grad=}")
print(f"{z.grad=}")
print(f"{y_pred.grad=}")
print(f"{loss.grad=}")
print(z.retains_grad, W.retains_grad)
x.requires_grad_()
W.retain_grad()
print(x.is_leaf, W.retains_grad)


# visualizing gradients
def fc_layer(i, o, act, bn):
    l = [nn.Linear(i, o)]
    if bn:
        l.append(nn.BatchNorm1d(o))
    l.append(act())
    return l


class Net(nn.Module):
    def __init__(self, bn, layers=6):
        super().__init__()
        self.net = nn.Sequential(
            *fc_layer(8, 8, nn.Sigmoid, bn),
            *[m for _ in range(layers) for m in fc_layer(8, 8, nn.Sigmoid, bn)],
            nn.Linear(8, 3),
        )

    def forward(self, x):
        return self.net(x)


def hook_forward(name, grads, back):
    def hook(module, args, output):
        output.register_hook(back(name, grads))

    return hook


def hook_backward(name, grads):
    def hook(grad):
        grads.append((name, grad))

    return hook


def get_all_layers(layer, fwd, back):
    layers, grads = {}, []
    for name, l in layer.named_modules():
        if any(l.children()) is False:
            layers[name] = l
            l.register_forward_hook(fwd(name, grads, back))
    return layers, grads


xs = torch.randn(10, 8)
ys = torch.randint(0, 3, (10,))
for bn in (True, False):
    m = Net(bn)
    layers, grads = get_all_layers(m, hook_forward, hook_backward)
    F.cross_entropy(m(xs), ys).backward()
    print(list(layers))
    print([(n, f"{g.abs().mean().item():.3e}") for n, g in grads])
# optimizer step in backward
model = nn.Sequential(nn.Linear(4, 4), nn.ReLU(), nn.Linear(4, 1))
ref = copy.deepcopy(model)
opts = {p: torch.optim.Adam([p], foreach=False, lr=0.01) for p in model.parameters()}


def optimizer_hook(parameter):
    opts[parameter].step()
    opts[parameter].zero_grad()


for p in model.parameters():
    p.register_post_accumulate_grad_hook(optimizer_hook)
o = torch.optim.Adam(ref.parameters(), lr=0.01)
for k in range(3):
    d = torch.randn(5, 4)
    model(d).sum().backward()
    o.zero_grad()
    ref(d).sum().backward()
    o.step()
print(
    all(torch.allclose(a, b) for a, b in zip(model.parameters(), ref.parameters())),
    [p.grad for p in model.parameters()],
)


# tips for loading
class SomeModule(nn.Module):
    def __init__(self, size):
        super().__init__()
        self.linears = nn.ModuleList([nn.Linear(size, size) for _ in range(2)])

    def forward(self, x):
        for l in self.linears:
            x = l(x)
        return x


m = SomeModule(4)
f = io.BytesIO()
torch.save(m.state_dict(), f)
f.seek(0)
state_dict = torch.load(f, weights_only=True)
with torch.device("meta"):
    mm = SomeModule(4)
print(
    mm.linears[0].weight.device,
    mm.linears[0].weight.is_meta,
    mm.linears[0].weight.shape,
    mm(torch.ones(2, 4, device="meta")).shape,
)
print(mm.linears[0].weight)
try:
    mm.linears[0].weight.sum().item()
except RuntimeError as e:
    print("RuntimeError")
print(
    mm.load_state_dict(state_dict, assign=True),
    mm.linears[0].weight.device,
    torch.equal(mm(torch.ones(2, 4)), m(torch.ones(2, 4))),
)
t = torch.empty(3, 4, device="meta")
print(t, (t @ t.T).shape, (t + 1).device, t.sum(0).shape, t.dtype)
n = nn.Linear(3, 2, device="meta")
print(n.weight.is_meta, type(n.weight))
n = n.to_empty(device="cpu")
print(n.weight.device, n.weight.shape)
conv = nn.Sequential(
    nn.Conv2d(3, 8, 3, device="meta"), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(8 * 7 * 7, 10, device="meta")
)
print(conv(torch.empty(1, 3, 16, 16, device="meta")).shape)
try:
    torch.ones(2) + torch.ones(2, device="meta")
except RuntimeError as e:
    print("RuntimeError")
print(sum(p.numel() for p in conv.parameters()))
a, c = torch.arange(2.0), torch.arange(4.0)
torch.utils.swap_tensors(a, c)
print(a, c)
