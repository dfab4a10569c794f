"""Hooks on saved tensors, tensors, modules and several gradients at once."""

import os
import tempfile
import uuid

import torch

x = torch.randn(5, requires_grad=True)
y = x.exp()
print(y.equal(y.grad_fn._saved_result))
torch.manual_seed(0)


def pack_hook(x):
    print("Packing", x.shape, x.dtype)
    return x


def unpack_hook(x):
    print("Unpacking", tuple(x.shape))
    return x


a = torch.ones(5, requires_grad=True)
b = torch.ones(5, requires_grad=True) * 2
with torch.autograd.graph.saved_tensors_hooks(pack_hook, unpack_hook):
    y = a * b
y.sum().backward()
print(a.grad)


class SelfDeletingTempFile:
    def __init__(self):
        self.name = os.path.join(tempfile.gettempdir(), str(uuid.uuid4()))

    def __del__(self):
        os.remove(self.name)


def pk(t):
    f = SelfDeletingTempFile()
    torch.save(t, f.name)
    return f


def up(f):
    return torch.load(f.name)


x = torch.randn(5, requires_grad=True)
with torch.autograd.graph.saved_tensors_hooks(pk, up):
    y = x.pow(2)
print(y.grad_fn._saved_self.equal(x))
y.sum().backward()
print(torch.allclose(x.grad, 2 * x))
with torch.autograd.graph.save_on_cpu():
    z = (x**3).sum()
z.backward()
# hooks on tensors
v = torch.tensor([0.0, 0.0, 0.0], requires_grad=True)
h = v.register_hook(lambda g: g * 2)
v.backward(torch.tensor([1.0, 2.0, 3.0]))
print(v.grad)
h.remove()
m = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.ReLU(), torch.nn.Linear(4, 1))
log = []
for n, mod in m.named_modules():
    if not list(mod.children()):
        mod.register_forward_hook(lambda mod, i, o, n=n: log.append(("f", n, tuple(o.shape))))
        mod.register_full_backward_hook(
            lambda mod, gi, go, n=n: log.append(("b", n, tuple(go[0].shape), gi[0] is None))
        )
m(torch.ones(2, 3)).sum().backward()
print(log)


def opt_hook(p):
    p.data -= 0.1 * p.grad
    p.grad = None


for p in m.parameters():
    p.register_post_accumulate_grad_hook(opt_hook)
before = m[0].weight.clone()
m(torch.ones(2, 3)).sum().backward()
print((before - m[0].weight).abs().sum(), m[0].weight.grad)
t = torch.tensor([1.0, 2.0], requires_grad=True)
t2 = t * 3
t2.retain_grad()
t2.register_hook(lambda g: print("hook", g))
(t2**2).sum().backward()
print(t2.grad, t.grad)
torch.autograd.graph.register_multi_grad_hook((t,), lambda gs: print("multi", [g.sum() for g in gs]))
(t * 2).sum().backward()
print(len((t * 2).grad_fn.next_functions), torch.ones(1, requires_grad=True).exp().grad_fn.name())
