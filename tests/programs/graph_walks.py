"""Graphs walked from their ends through `next_functions`, as tutorials print them."""

import torch, torch.nn as nn, torch.nn.functional as F

torch.manual_seed(0)


def sx(fn):
    if fn is None:
        return "None"
    n = [sx(m) for m, i in fn.next_functions]
    return type(fn).__name__.replace("Backward", "") + ("(" + ",".join(n) + ")" if n else "")


def walk(fn):
    print(sx(fn)[:500])


x = torch.ones(2, 2, requires_grad=True)
w = torch.ones(2, 2, requires_grad=True)
b = torch.ones(2, requires_grad=True)
y = x + 2
z = y * y * 3
out = z.mean()
walk(out.grad_fn)
print(
    type(out.grad_fn),
    type(y.grad_fn.next_functions[0][0]),
    y.grad_fn is y.grad_fn,
    out.grad_fn.next_functions[0][0] is z.grad_fn,
)
out.backward()
print(x.grad)
c = [
    ("mm", lambda: torch.mm(x, w)),
    ("addmm", lambda: F.linear(x, w, b)),
    ("mlp", lambda: F.cross_entropy(nn.Linear(4, 3)(torch.relu(nn.Linear(2, 4)(x))), torch.tensor([0, 1]))),
    ("mse", lambda: F.mse_loss(x @ w + b, torch.zeros(2, 2))),
    ("mse2", lambda: ((x @ w + b - torch.zeros(2, 2)) ** 2).mean()),
    ("bce", lambda: F.binary_cross_entropy_with_logits(x @ w, torch.ones(2, 2))),
    ("sm", lambda: torch.log_softmax(x, 1)[0, 1]),
    ("norm", lambda: x.norm()),
    ("std", lambda: x.std()),
    ("cat", lambda: torch.cat([x, w]).sum()),
    ("stack", lambda: torch.stack([x, w]).sum(0)),
    ("conv", lambda: F.max_pool2d(F.relu(nn.Conv2d(1, 2, 1)(x.view(1, 1, 2, 2))), 2).flatten(1)),
    ("bn", lambda: nn.BatchNorm1d(2)(x)),
    ("ln", lambda: nn.LayerNorm(2)(x)),
    ("emb", lambda: nn.Embedding(3, 2)(torch.tensor([0, 1])).mean(0)),
    ("T", lambda: x.T @ w),
    ("view", lambda: x.view(-1).exp().sum()),
    ("div", lambda: (x / w).log()),
    ("sub", lambda: 1 - x),
    ("pow", lambda: 2**x),
    ("sig", lambda: torch.sigmoid(x @ b)),
    ("inpl", lambda: x.clone().add_(1).mul_(w)),
    ("idx", lambda: x[0] * x[:, 1]),
    ("where", lambda: torch.where(x > 0, x, w)),
    (
        "ctc",
        lambda: F.ctc_loss(
            torch.rand(5, 2, 4).log_softmax(2).requires_grad_(),
            torch.ones(2, 2, dtype=torch.long),
            torch.tensor([5, 5]),
            torch.tensor([2, 2]),
        ),
    ),
    ("drop", lambda: F.dropout(x, 0.5)),
    ("softce", lambda: F.nll_loss(F.log_softmax(x, 1), torch.tensor([0, 1]))),
    ("l1", lambda: F.l1_loss(x, torch.zeros(2, 2))),
    ("sl1", lambda: F.smooth_l1_loss(x, torch.zeros(2, 2))),
    ("max", lambda: x.max()),
    ("maxd", lambda: x.max(1)[0]),
    ("clamp", lambda: x.clamp(0, 1)),
    ("bmm", lambda: torch.bmm(x[None], w[None])),
    ("cumsum", lambda: x.cumsum(0)),
    ("prod", lambda: x.prod()),
    ("sumd", lambda: x.sum(1, keepdim=True)),
    ("var", lambda: x.var(0)),
    ("unsq", lambda: x.unsqueeze(0).squeeze()),
    ("exp", lambda: x.expand(3, 2, 2)),
    ("rep", lambda: x.repeat(2, 1)),
    ("gather", lambda: x.gather(0, torch.zeros(1, 2, dtype=torch.long))),
    ("isel", lambda: x.index_select(0, torch.tensor([0]))),
]
for n, f in c:
    print(n, end=" ")
    walk(f().grad_fn)


def get_back(fn):
    print(str(fn).split(" at ")[0])
    for n in fn.next_functions:
        if n[0]:
            try:
                tensor = getattr(n[0], "variable")
                print("Tensor with grad found:", tensor, " - gradient:", tensor.grad)
            except AttributeError:
                get_back(n[0])


p = torch.tensor(1.0, requires_grad=True)
q = torch.tensor(2.0, requires_grad=True)
r = torch.tensor(3.0, requires_grad=True)
(p * q + r).backward()
get_back((p * q + r).grad_fn)


def dot(var, params):
    """The lines of a drawing, as torchviz makes them."""
    names = {id(v): k for k, v in params.items()}
    nodes, edges = {}, []

    def add(fn):
        if fn in nodes:
            return
        label = str(type(fn).__name__)
        if hasattr(fn, "variable"):
            label += " " + names.get(id(fn.variable), "") + str(tuple(fn.variable.size()))
        nodes[fn] = label
        for u, _ in fn.next_functions:
            if u is not None:
                add(u)
                edges.append((nodes[u], label))

    add(var.grad_fn)
    return sorted(nodes.values()), sorted(edges)


model = nn.Sequential(nn.Linear(8, 16), nn.Tanh(), nn.Linear(16, 1))
for part in dot(model(torch.randn(1, 8)).mean(), dict(model.named_parameters())):
    print(*part, sep="\n")
