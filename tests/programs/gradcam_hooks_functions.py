import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.autograd import Function
from torch.autograd.function import once_differentiable

torch.manual_seed(0)
net = nn.Sequential(nn.Conv2d(1, 4, 3, padding=1), nn.ReLU(), nn.Conv2d(4, 6, 3, padding=1), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(6, 3))
store = {}


def fwd(module, inp, out):
    store["act"] = out
    out.register_hook(lambda g: store.__setitem__("grad", g))


net[2].register_forward_hook(fwd)
x = torch.rand(1, 1, 6, 6, requires_grad=True)
score = net(x)[0, 1]
score.backward()
weights = store["grad"].mean(dim=(2, 3), keepdim=True)
cam = F.relu((weights * store["act"]).sum(dim=1, keepdim=True)).detach()
print(cam.shape, weights.flatten(), x.grad.abs().amax())
v = torch.tensor([1.0, 2.0], requires_grad=True)
h = v.register_hook(lambda g: g.clamp(max=1.5))
w = v * 2
w.retain_grad()
(w ** 2).sum().backward()
print(v.grad, w.grad)
h.remove()


class GradReverse(Function):
    @staticmethod
    def forward(ctx, x, lambd):
        ctx.lambd = lambd
        return x.view_as(x)

    @staticmethod
    def backward(ctx, grad_output):
        return grad_output.neg() * ctx.lambd, None


class LinearFunction(Function):
    @staticmethod
    def forward(ctx, input, weight, bias=None):
        ctx.save_for_backward(input, weight, bias)
        output = input.mm(weight.t())
        if bias is not None:
            output += bias.unsqueeze(0).expand_as(output)
        return output

    @staticmethod
    def backward(ctx, grad_output):
        input, weight, bias = ctx.saved_tensors
        grad_input = grad_weight = grad_bias = None
        if ctx.needs_input_grad[0]:
            grad_input = grad_output.mm(weight)
        if ctx.needs_input_grad[1]:
            grad_weight = grad_output.t().mm(input)
        if bias is not None and ctx.needs_input_grad[2]:
            grad_bias = grad_output.sum(0)
        return grad_input, grad_weight, grad_bias


class STE(Function):
    @staticmethod
    def forward(ctx, x):
        ctx.mark_non_differentiable()
        return (x > 0).float()

    @staticmethod
    @once_differentiable
    def backward(ctx, g):
        return F.hardtanh(g)


class SumDiff(Function):
    @staticmethod
    def forward(a, b):
        return a + b, a - b

    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.set_materialize_grads(True)

    @staticmethod
    def backward(ctx, gs, gd):
        return gs + gd, gs - gd


y = torch.tensor([1.0, -2.0], requires_grad=True)
GradReverse.apply(y, 0.5).sum().backward()
print(y.grad)
inp = (torch.randn(5, 4, dtype=torch.double, requires_grad=True), torch.randn(3, 4, dtype=torch.double, requires_grad=True))
print(torch.autograd.gradcheck(LinearFunction.apply, inp, eps=1e-6, atol=1e-4))
z = torch.tensor([0.3, -0.2], requires_grad=True)
(STE.apply(z) * torch.tensor([3.0, 0.5])).sum().backward()
print(z.grad)
a, b = torch.ones(2, requires_grad=True), torch.ones(2, requires_grad=True)
s, d = SumDiff.apply(a, b)
(s * 2 + d).sum().backward()
print(a.grad, b.grad, s.grad_fn.name())
with torch.autograd.set_detect_anomaly(False):
    with torch.autograd.profiler.profile(enabled=False) as prof:
        print(torch.sqrt(torch.tensor(4.0)))
x = torch.randn(3, requires_grad=True)
from torch.utils.checkpoint import checkpoint, checkpoint_sequential
big = nn.Sequential(nn.Linear(3, 8), nn.Tanh(), nn.Linear(8, 8), nn.Tanh())
out = checkpoint(big, x.unsqueeze(0), use_reentrant=False).sum()
out.backward()
g1 = x.grad.clone()
x.grad = None
big(x.unsqueeze(0)).sum().backward()
print(torch.allclose(g1, x.grad))
for bad in (lambda: torch.ones(2, 3) @ torch.ones(2, 3), lambda: torch.ones(2) + torch.ones(3), lambda: torch.ones(3).view(2, 2),
            lambda: torch.ones(2, requires_grad=True).numpy(), lambda: torch.cat([torch.ones(2, 2), torch.ones(3, 3)]),
            lambda: F.cross_entropy(torch.ones(1, 2), torch.tensor([5])), lambda: torch.tensor([1, 2], requires_grad=True),
            lambda: torch.ones(2).backward(), lambda: nn.Linear(2, 3)(torch.ones(4)), lambda: torch.ones(3)[5], lambda: torch.ones(2).item()):
    try:
        bad()
    except Exception as e:
        print(type(e).__name__)
