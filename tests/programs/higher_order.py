import torch
from torch.autograd import grad
from torch.autograd.functional import hessian, hvp, jacobian, jvp, vhp, vjp
from torch.func import functional_call, grad as fgrad, hessian as fhess, jacfwd, jacrev, vmap

x = torch.tensor([1.0, 2.0, 3.0], requires_grad=True)
y = (x ** 3).sum()
g, = grad(y, x, create_graph=True)
h = torch.stack([grad(gi, x, retain_graph=True)[0] for gi in g])
print(g, h)


def f(v):
    return torch.stack([v[0] ** 2 * v[1], torch.sin(v[1] * v[2])])


def s(v):
    return (v ** 2).prod()


v = torch.tensor([0.5, 1.5, -0.7])
print(jacobian(f, v), hessian(s, v), sep="\n")
print(vjp(f, v, torch.ones(2)), jvp(f, v, torch.ones(3)), hvp(s, v, torch.ones(3)), vhp(s, v, torch.ones(3)), sep="\n")
print(fgrad(s)(v), jacrev(f)(v), jacfwd(f)(v), fhess(s)(v), sep="\n")
print(vmap(fgrad(s))(torch.stack([v, 2 * v])), vmap(torch.dot)(torch.ones(3, 2), torch.arange(6.0).view(3, 2)))
model = torch.nn.Linear(3, 1)
params = {k: torch.ones_like(p) for k, p in model.named_parameters()}
print(functional_call(model, params, (v,)))


def loss(params, x, t):
    return (functional_call(model, params, (x.unsqueeze(0),)).squeeze(0) - t).pow(2).sum()


per_sample = vmap(fgrad(loss), in_dims=(None, 0, 0))(params, torch.stack([v, -v]), torch.zeros(2, 1))
print({k: p.shape for k, p in per_sample.items()}, per_sample["weight"][0])
# gradient penalty
D = torch.nn.Sequential(torch.nn.Linear(2, 8), torch.nn.Tanh(), torch.nn.Linear(8, 1))
torch.manual_seed(0)
for p in D.parameters():
    torch.nn.init.uniform_(p, -0.5, 0.5)
z = torch.rand(4, 2, requires_grad=True)
gz, = grad(D(z).sum(), z, create_graph=True)
penalty = ((gz.norm(2, dim=1) - 1) ** 2).mean()
penalty.backward()
print(penalty, D[0].weight.grad[:2])
a = torch.tensor(2.0, requires_grad=True)
n = a
for _ in range(4):
    n = n - (n ** 2 - 2) / (2 * n)
n.backward()
print(n, a.grad)
print(torch.autograd.gradcheck(f, v.double().requires_grad_()), torch.autograd.gradgradcheck(s, v.double().requires_grad_()))
