"""Tensors and modules on the meta device: shapes without values, and how they get values afterwards."""

import torch, torch.nn as nn, torch.nn.functional as F, io, copy, warnings


def t(n, f):
    try:
        r = f()
        print(n, r)
    except Exception as e:
        print(n, type(e).__name__, str(e).splitlines()[0][:200] if str(e) else "")


torch.manual_seed(0)
x = torch.empty(3, 4, device="meta")
print(x, x.shape, x.device, x.is_meta, x.dtype, x.requires_grad, x.device.type == "meta")
print(
    torch.ones(2, device="meta", dtype=torch.float64),
    torch.zeros(2, dtype=torch.long, device="meta"),
    torch.rand(2, 3, device="meta", requires_grad=True),
    torch.tensor([1.0, 2.0], device="meta"),
    torch.arange(5, device="meta"),
    torch.randn(2, device=torch.device("meta")),
)
print(torch.empty((), device="meta"), torch.empty(0, device="meta"))
for n, f in [
    ("add", lambda: x + 1),
    ("mm", lambda: x @ x.T),
    ("sum", lambda: x.sum()),
    ("s0", lambda: x.sum(0)),
    ("cat", lambda: torch.cat([x, x])),
    ("view", lambda: x.view(2, 6)),
    ("idx", lambda: x[0, :2]),
    ("relu", lambda: F.relu(x)),
    ("max", lambda: x.max(1)[1]),
    ("softmax", lambda: x.softmax(-1).shape),
    ("to", lambda: x.to(torch.float64)),
    ("cmp", lambda: x > 0),
    ("like", lambda: torch.zeros_like(x)),
    ("rl", lambda: torch.rand_like(x)),
    ("new", lambda: x.new_zeros(2)),
    ("stack", lambda: torch.stack([x, x], 1).shape),
    ("ein", lambda: torch.einsum("ij,kj->ik", x, x)),
    ("scalar", lambda: x + torch.tensor(1.0)),
    ("item", lambda: x.sum().item()),
    ("np", lambda: x.numpy()),
    ("list", lambda: x.tolist()),
    ("bool", lambda: bool(x.sum())),
    ("cpu", lambda: x.cpu()),
    ("tocpu", lambda: x.to("cpu")),
    ("inp", lambda: x.add_(1)),
    ("zero", lambda: x.zero_()),
    ("fill", lambda: x.fill_(3)),
    ("num", lambda: (x.numel(), x.element_size(), x.stride(), x.is_contiguous())),
    ("clone", lambda: x.clone()),
    ("det", lambda: x.detach()),
    ("tm", lambda: torch.ones(2).to("meta")),
    ("el", lambda: torch.empty_like(x, device="cpu").shape),
    ("cpy", lambda: torch.ones(3, 4).copy_(x) if 0 else x.copy_(torch.ones(3, 4))),
    ("f", lambda: x.float()),
    ("perm", lambda: x.permute(1, 0).shape),
    ("exp", lambda: x[None].expand(2, 3, 4).shape),
    ("where", lambda: torch.where(x > 0, x, x).shape),
    ("len", lambda: len(x)),
    ("iter", lambda: [r.shape for r in x]),
    ("dc", lambda: copy.deepcopy(x)),
    ("type", lambda: (type(x), x.type())),
]:
    t(n, f)
with torch.device("meta"):
    m = nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Dropout(0.1), nn.Linear(8, 2))
    b = torch.ones(2)
    print(b.device, torch.rand(1).is_meta)
print(torch.ones(1).device, torch.rand(2))
print(m)
print([(n, p.is_meta, tuple(p.shape), p.requires_grad) for n, p in m.named_parameters()])
print([(n, b.device) for n, b in m.named_buffers()])
print(sum(p.numel() for p in m.parameters()), isinstance(m[0].weight, nn.Parameter), type(m[0].weight), m[0].weight)
print(m(torch.empty(5, 4, device="meta")).shape)
t("mto", lambda: m.to("cpu"))
r = nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Dropout(0.1), nn.Linear(8, 2)).eval()
sd = r.state_dict()
with warnings.catch_warnings(record=True) as w:
    warnings.simplefilter("always")
    m.load_state_dict(sd)
    print(len(w) > 0, m[0].weight.is_meta)
m.load_state_dict(sd, assign=True)
m.eval()
z = torch.randn(3, 4)
print(torch.equal(m(z), r(z)), m[0].weight.device, m[0].weight.requires_grad)
q = nn.Linear(3, 2, device="meta")
q.to_empty(device="cpu")
print(q.weight.device, q.weight.shape, type(q.weight).__name__, q.weight.requires_grad)
nn.init.ones_(q.weight)
nn.init.zeros_(q.bias)
print(q(torch.ones(1, 3)))
k = nn.utils.skip_init(nn.Linear, 10, 5)
print(k.weight.device, k.weight.shape)
c = copy.deepcopy(r).to("meta")
print(c[0].weight.is_meta, r[0].weight.is_meta, c[1].running_mean.is_meta)
from torch.func import functional_call

print(torch.equal(functional_call(c, {**dict(r.named_parameters()), **dict(r.named_buffers())}, (z,)), r(z)))
cv = nn.Sequential(
    nn.Conv2d(3, 8, 3, device="meta"), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(8 * 7 * 7, 10, device="meta")
)
print(cv(torch.empty(2, 3, 16, 16, device="meta")).shape)
e = nn.Embedding(10, 3, device="meta")
print(e(torch.zeros(2, 5, dtype=torch.long, device="meta")).shape)
l = nn.LSTM(4, 5, device="meta")
o, _ = l(torch.empty(3, 2, 4, device="meta"))
print(o.shape)
tl = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True, device="meta")
print(tl(torch.empty(2, 3, 8, device="meta")).shape)
opt = torch.optim.SGD(cv.parameters(), lr=0.1)
print(len(opt.param_groups[0]["params"]))
y = m(torch.randn(2, 4))
print(y.shape)
torch.manual_seed(1)
nn.Linear(3, 3, device="meta")
print(torch.rand(1))
p = nn.Parameter(torch.empty(2, 2, device="meta"))
print(p, p.is_meta)
torch.manual_seed(2)
nn.utils.skip_init(nn.Linear, 3, 3)
print(torch.rand(1))
