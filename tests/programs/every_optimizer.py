"""A few steps of every optimizer, with closures, and what its state and groups hold."""

import torch
from torch import nn

torch.manual_seed(0)
X = torch.randn(16, 4)
Y = torch.randn(16, 1)
opts = dict(
    SGD=dict(lr=0.05, momentum=0.9, dampening=0.1, weight_decay=0.01),
    SGDn=dict(lr=0.05, momentum=0.9, nesterov=True),
    Adam=dict(lr=0.01, amsgrad=True),
    AdamW=dict(lr=0.01, weight_decay=0.1),
    Adamax=dict(lr=0.01),
    NAdam=dict(lr=0.01),
    RAdam=dict(lr=0.01),
    Adagrad=dict(lr=0.1, lr_decay=0.01),
    Adadelta=dict(lr=1.0),
    RMSprop=dict(lr=0.01, momentum=0.5, centered=True),
    Rprop=dict(lr=0.01),
    ASGD=dict(lr=0.01),
    Adafactor=dict(lr=0.01),
    LBFGS=dict(lr=0.1, max_iter=3),
    SparseAdam=dict(lr=0.01),
    Muon=dict(lr=0.01),
)
for n, k in opts.items():
    torch.manual_seed(1)
    m = nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 1))
    try:
        ps = m.parameters() if n not in ("Muon",) else [p for p in m.parameters() if p.ndim == 2]
        if n == "SparseAdam":
            e = nn.Embedding(10, 3, sparse=True)
            o = torch.optim.SparseAdam(e.parameters(), **k)
            for i in range(3):
                l = e(torch.tensor([1, 2, 2])).pow(2).sum()
                o.zero_grad()
                l.backward()
                o.step()
            print(n, e.weight.sum().item())
            continue
        o = getattr(torch.optim, n[:3] if n == "SGDn" else n)(ps, **k)

        def c():
            o.zero_grad()
            l = nn.functional.mse_loss(m(X), Y)
            l.backward()
            return l

        for i in range(4):
            l = o.step(c)
        print(
            n,
            l.item(),
            sum(p.sum() for p in m.parameters()).item(),
            len(o.state_dict()["state"]),
            sorted(o.state_dict()["param_groups"][0]),
        )
    except Exception as ex:
        print(n, type(ex).__name__, ex)
print(torch.optim.Adam(m.parameters()))
print(torch.optim.SGD([{"params": m[0].parameters(), "lr": 0.1}, {"params": m[2].parameters()}], lr=0.01))
