"""Clusters, components, Gaussian processes, filters and hidden Markov models by linear algebra."""

import math

import torch
from torch import nn

torch.manual_seed(0)
# kmeans
X = torch.cat(
    [torch.randn(20, 2) + c for c in (torch.tensor([0.0, 0.0]), torch.tensor([5.0, 5.0]), torch.tensor([0.0, 5.0]))]
)
c = X[torch.randperm(60)[:3]].clone()
for i in range(10):
    a = torch.cdist(X, c).argmin(1)
    n = torch.stack([X[a == k].mean(0) for k in range(3)])
    if torch.allclose(n, c):
        break
    c = n
print(i, c, a.bincount(minlength=3))
# pca, svd, lstsq
Xc = X - X.mean(0)
U, S, Vh = torch.linalg.svd(Xc, full_matrices=False)
print(S, (S**2 / 59 / (Xc.var(0).sum())).cumsum(0), Vh.abs())
cov = torch.cov(X.T)
w, v = torch.linalg.eigh(cov)
print(w, v.abs(), torch.corrcoef(X.T))
A = torch.randn(10, 3)
b = A @ torch.tensor([[1.0], [2.0], [3.0]]) + 0.01 * torch.randn(10, 1)
r = torch.linalg.lstsq(A, b)
print(r.solution.T, torch.linalg.pinv(A) @ b, torch.linalg.solve(A.T @ A, A.T @ b).T)


# GP regression
def rbf(a, b, l=1.0, s=1.0):
    return s * torch.exp(-0.5 * torch.cdist(a, b) ** 2 / l**2)


x = torch.linspace(0, 5, 8)[:, None]
y = torch.sin(x[:, 0])
ll = torch.tensor(0.0, requires_grad=True)
ls = torch.tensor(0.0, requires_grad=True)
ln = torch.tensor(-2.0, requires_grad=True)
o = torch.optim.Adam([ll, ls, ln], 0.1)
for i in range(20):
    K = rbf(x, x, ll.exp(), ls.exp()) + ln.exp() * torch.eye(8)
    L = torch.linalg.cholesky(K)
    al = torch.cholesky_solve(y[:, None], L)
    nll = 0.5 * y @ al[:, 0] + L.diagonal().log().sum() + 4 * math.log(2 * math.pi)
    o.zero_grad()
    nll.backward()
    o.step()
print(nll.item(), ll.item(), ls.item(), ln.item())
xs = torch.tensor([[2.3], [4.1]])
Ks = rbf(x, xs, ll.exp(), ls.exp())
print((Ks.T @ al)[:, 0], torch.distributions.MultivariateNormal(torch.zeros(8), K).log_prob(y))
# logistic LBFGS
Xl = torch.randn(40, 3)
yl = (Xl @ torch.tensor([1.0, -2.0, 0.5]) > 0).float()
wl = torch.zeros(3, requires_grad=True)
lb = torch.optim.LBFGS([wl], lr=1, max_iter=10, line_search_fn="strong_wolfe")


def closure():
    lb.zero_grad()
    l = nn.functional.binary_cross_entropy_with_logits(Xl @ wl, yl) + 0.01 * wl.pow(2).sum()
    l.backward()
    return l


for _ in range(2):
    print(lb.step(closure).item())
print(wl)
# svm hinge, perceptron
w = torch.zeros(3)
bb = 0.0
for ep in range(5):
    for xi, yi in zip(Xl, 2 * yl - 1):
        if yi * (xi @ w + bb) <= 0:
            w += yi * xi
            bb += yi.item()
print(w, bb)
ws = torch.randn(3, requires_grad=True)
os_ = torch.optim.SGD([ws], 0.1)
for i in range(20):
    l = torch.clamp(1 - (2 * yl - 1) * (Xl @ ws), min=0).mean() + 0.01 * ws.norm() ** 2
    os_.zero_grad()
    l.backward()
    os_.step()
print(l.item())
# matrix factorization
R = torch.randint(1, 6, (6, 5)).float()
mask = torch.rand(6, 5) > 0.3
P = nn.Parameter(torch.randn(6, 2) * 0.1)
Q = nn.Parameter(torch.randn(5, 2) * 0.1)
om = torch.optim.Adagrad([P, Q], 0.5)
for i in range(30):
    l = ((R - P @ Q.T)[mask] ** 2).mean()
    om.zero_grad()
    l.backward()
    om.step()
print(l.item())
# HMM forward/viterbi
Tm = torch.tensor([[0.7, 0.3], [0.4, 0.6]]).log()
Em = torch.tensor([[0.5, 0.4, 0.1], [0.1, 0.3, 0.6]]).log()
pi = torch.tensor([0.6, 0.4]).log()
obs = [0, 1, 2, 2]
f = pi + Em[:, obs[0]]
for o_ in obs[1:]:
    f = torch.logsumexp(f[:, None] + Tm, 0) + Em[:, o_]
print(f.logsumexp(0).exp())
v = pi + Em[:, obs[0]]
bp = []
for o_ in obs[1:]:
    m, i = (v[:, None] + Tm).max(0)
    bp.append(i)
    v = m + Em[:, o_]
path = [v.argmax().item()]
for i in reversed(bp):
    path.insert(0, i[path[0]].item())
print(path, v.max())
# kalman
F_ = torch.tensor([[1.0, 1.0], [0.0, 1.0]])
H = torch.tensor([[1.0, 0.0]])
Qk = 0.01 * torch.eye(2)
Rk = torch.tensor([[0.1]])
xk = torch.zeros(2, 1)
Pk = torch.eye(2)
for z in (1.0, 2.1, 2.9, 4.2):
    xk = F_ @ xk
    Pk = F_ @ Pk @ F_.T + Qk
    Sk = H @ Pk @ H.T + Rk
    K = Pk @ H.T @ torch.inverse(Sk)
    xk = xk + K @ (torch.tensor([[z]]) - H @ xk)
    Pk = (torch.eye(2) - K @ H) @ Pk
print(xk.T, Pk)
# EM gmm
mu = torch.tensor([[0.0, 1.0], [4.0, 4.0]])
cov = torch.stack([torch.eye(2)] * 2)
pk = torch.tensor([0.5, 0.5])
for i in range(5):
    lp = torch.stack(
        [torch.distributions.MultivariateNormal(mu[k], cov[k]).log_prob(X) + pk[k].log() for k in range(2)], 1
    )
    g = torch.softmax(lp, 1)
    N = g.sum(0)
    mu = (g.T @ X) / N[:, None]
    d = X[:, None] - mu
    cov = torch.einsum("nk,nki,nkj->kij", g, d, d) / N[:, None, None] + 1e-4 * torch.eye(2)
    pk = N / 60
print(lp.logsumexp(1).sum(), mu)
print(
    torch.histc(X[:, 0], 5, -3, 8),
    torch.quantile(X, torch.tensor([0.25, 0.5]), dim=0),
    torch.histogram(X[:, 1], bins=4)[0],
    torch.bucketize(X[:4, 0], torch.tensor([0.0, 2.0, 4.0])),
    torch.searchsorted(torch.tensor([1, 3, 5]), torch.tensor([0, 3, 9])),
)
print(
    torch.trapezoid(torch.tensor([1.0, 2.0, 3.0])),
    torch.cumulative_trapezoid(torch.tensor([1.0, 2.0, 3.0])),
    torch.gradient(torch.tensor([1.0, 4.0, 9.0, 16.0])),
    torch.cartesian_prod(torch.tensor([1, 2]), torch.tensor([3, 4])),
    torch.combinations(torch.arange(3)),
    torch.vander(torch.tensor([1, 2, 3])),
)
# neural ODE rk4
net = nn.Sequential(nn.Linear(2, 16), nn.Tanh(), nn.Linear(16, 2))
on = torch.optim.RMSprop(net.parameters(), 1e-2)
y0 = torch.tensor([[2.0, 0.0]])
ts = torch.linspace(0, 1, 6)


def rk4(f, y, ts):
    out = [y]
    for a, b in zip(ts[:-1], ts[1:]):
        h = b - a
        k1 = f(y)
        k2 = f(y + h * k1 / 2)
        k3 = f(y + h * k2 / 2)
        k4 = f(y + h * k3)
        y = y + h / 6 * (k1 + 2 * k2 + 2 * k3 + k4)
        out.append(y)
    return torch.stack(out)


true = rk4(lambda y: y**3 @ torch.tensor([[-0.1, 2.0], [-2.0, -0.1]]), y0, ts)
for i in range(5):
    l = (rk4(net, y0, ts) - true).abs().mean()
    on.zero_grad()
    l.backward()
    on.step()
print(l.item())
