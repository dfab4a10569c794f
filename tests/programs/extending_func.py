"""Functions of one's own under the transforms of torch.func, dual tensors, and what the transforms refuse."""

import torch, numpy as np
from torch.autograd import Function
from torch.func import vmap, grad, jacrev, jacfwd, hessian, vjp, jvp


def t(f):
    try:
        r = f()
        print(r)
    except Exception as e:
        print(type(e).__name__, str(e)[:400])


class NumpySort(Function):
    @staticmethod
    def forward(x, dim):
        device = x.device
        x = x.cpu().numpy()
        ind = np.argsort(x, axis=dim)
        ind_inv = np.argsort(ind, axis=dim)
        result = np.take_along_axis(x, ind, axis=dim)
        return torch.tensor(result, device=device), torch.tensor(ind), torch.tensor(ind_inv)

    @staticmethod
    def setup_context(ctx, inputs, output):
        x, dim = inputs
        _, ind, ind_inv = output
        ctx.mark_non_differentiable(ind, ind_inv)
        ctx.save_for_backward(ind, ind_inv)
        ctx.dim = dim

    @staticmethod
    def backward(ctx, g, _0, _1):
        ind, ind_inv = ctx.saved_tensors
        return NumpyTake.apply(g, ind_inv, ind, ctx.dim), None

    @staticmethod
    def vmap(info, in_dims, x, dim):
        x_bdim, _ = in_dims
        x = x.movedim(x_bdim, 0)
        dim = dim if dim >= 0 else dim + x.dim() - 1
        return NumpySort.apply(x, dim + 1), (0, 0, 0)


class NumpyTake(Function):
    @staticmethod
    def forward(x, ind, ind_inv, dim):
        return torch.tensor(np.take_along_axis(x.cpu().numpy(), ind.cpu().numpy(), dim))

    @staticmethod
    def setup_context(ctx, inputs, output):
        x, ind, ind_inv, dim = inputs
        ctx.save_for_backward(ind, ind_inv)
        ctx.dim = dim

    @staticmethod
    def backward(ctx, g):
        ind, ind_inv = ctx.saved_tensors
        return NumpyTake.apply(g, ind_inv, ind, ctx.dim), None, None, None

    @staticmethod
    def vmap(info, in_dims, x, ind, ind_inv, dim):
        xb, ib, iib, _ = in_dims
        ld = x.dim() if xb is None else x.dim() - 1
        dim = dim if dim >= 0 else dim + ld

        def e(y, b):
            return y.expand(info.batch_size, *y.shape) if b is None else y.movedim(b, 0)

        x = e(x, xb)
        ind = e(ind, ib)
        ind_inv = e(ind_inv, iib)
        return NumpyTake.apply(x, ind, ind_inv, dim + 1), 0


torch.manual_seed(0)
x = torch.randn(2, 3)
t(lambda: grad(lambda x: NumpySort.apply(x, -1)[0].pow(2).sum())(x))
t(lambda: vmap(lambda x: NumpySort.apply(x, 0)[0])(x))
t(lambda: vmap(grad(lambda x: NumpySort.apply(x, 0)[0][0] * 2.0))(x))
t(lambda: jacrev(lambda x: NumpySort.apply(x, 0)[0])(x[0]))


class MyCube(Function):
    generate_vmap_rule = True

    @staticmethod
    def forward(x):
        result = x**3
        dx = 3 * x**2
        return result, dx

    @staticmethod
    def setup_context(ctx, inputs, output):
        (x,) = inputs
        result, dx = output
        ctx.save_for_backward(x, dx)

    @staticmethod
    def backward(ctx, grad_output, grad_dx):
        x, dx = ctx.saved_tensors
        return grad_output * dx + grad_dx * 6 * x


def my_cube(x):
    return MyCube.apply(x)[0]


t(lambda: grad(grad(my_cube))(torch.tensor(2.0)))
t(lambda: vmap(my_cube)(torch.arange(3.0)))
t(lambda: vmap(grad(my_cube))(torch.arange(3.0)))


class NoRule(Function):
    @staticmethod
    def forward(x):
        return x * 2

    @staticmethod
    def setup_context(ctx, inputs, output):
        pass

    @staticmethod
    def backward(ctx, g):
        return g * 2


t(lambda: vmap(NoRule.apply)(torch.arange(3.0)))


class OldStyle(Function):
    @staticmethod
    def forward(ctx, x):
        return x * 2

    @staticmethod
    def backward(ctx, g):
        return g * 2


t(lambda: vmap(OldStyle.apply)(torch.arange(3.0)))


class Both(Function):
    generate_vmap_rule = True

    @staticmethod
    def forward(x):
        return x * 2

    @staticmethod
    def setup_context(ctx, inputs, output):
        pass

    @staticmethod
    def backward(ctx, g):
        return g * 2

    @staticmethod
    def vmap(info, in_dims, x):
        return x, 0


t(lambda: vmap(Both.apply)(torch.arange(3.0)))


class Jv(Function):
    @staticmethod
    def forward(x):
        return x**2

    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.save_for_forward(inputs[0])
        ctx.save_for_backward(inputs[0])

    @staticmethod
    def backward(ctx, g):
        return 2 * g * ctx.saved_tensors[0]

    @staticmethod
    def jvp(ctx, t):
        return 2 * t * ctx.saved_tensors[0]


t(lambda: jvp(Jv.apply, (torch.tensor(3.0),), (torch.tensor(1.0),)))
from torch.autograd.function import once_differentiable


class Once(Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x.exp()

    @staticmethod
    @once_differentiable
    def backward(ctx, g):
        (x,) = ctx.saved_tensors
        return g * x.exp()


x = torch.tensor(1.0, requires_grad=True)
t(lambda: vmap(lambda x: x.item())(torch.arange(3.0)))
t(lambda: vmap(lambda x: float(x))(torch.arange(3.0)))
t(lambda: vmap(lambda x: int(x.sum()))(torch.arange(3.0)))
t(lambda: vmap(lambda x: x if x > 0 else -x)(torch.arange(3.0)))
t(lambda: vmap(lambda x: x.numpy())(torch.arange(3.0)))
t(lambda: vmap(lambda x: x.tolist())(torch.arange(3.0)))
t(lambda: vmap(lambda x: 3)(torch.arange(3.0)))
t(lambda: vmap(lambda x: x, in_dims=2)(torch.ones(3, 2)))
t(lambda: vmap(lambda x, y: x + y)(torch.ones(3), torch.ones(2)))
t(lambda: vmap(lambda x: torch.rand(2) + x)(torch.ones(3)))
t(lambda: vmap(lambda x: torch.rand(2) + x, randomness="same")(torch.ones(3)))
t(lambda: vmap(lambda x: x.add_(1))(torch.ones(3)))
t(lambda: vmap(lambda x: torch.dropout(x, 0.5, True))(torch.ones(3)))
t(lambda: jacrev(lambda x: x**2, chunk_size=2)(torch.arange(3.0)))
t(lambda: vmap(lambda x: x**2, chunk_size=2)(torch.arange(5.0)))
import torch.autograd.forward_ad as fwAD

with fwAD.dual_level():
    d = fwAD.make_dual(torch.tensor([1.0, 2.0]), torch.tensor([1.0, 0.0]))
    print(d, d * 2, d.sin())
    print(fwAD.unpack_dual(d * 3))
    print(fwAD.unpack_dual(d).tangent)
t(lambda: grad(lambda x: x**2)(torch.ones(2)))
t(lambda: grad(lambda x: x.sum().item())(torch.ones(2)))
t(lambda: vmap(lambda x: (print(x), x.sum())[1])(torch.ones(2, 2)))


class Multi(Function):
    @staticmethod
    def forward(ctx, x, y):
        ctx.save_for_backward(x, y)
        return x * y, x + y

    @staticmethod
    def backward(ctx, a, b):
        x, y = ctx.saved_tensors
        print("needs", ctx.needs_input_grad)
        return a * y + b, a * x + b


a = torch.tensor(2.0, requires_grad=True)
b = torch.tensor(3.0)
p, q = Multi.apply(a, b)
print(
    p,
    q,
    type(p.grad_fn),
    type(p.grad_fn).__name__,
    p.grad_fn.name(),
    isinstance(p.grad_fn, torch.autograd.Function) if 0 else "",
)
(p + q).backward()
print(a.grad)


class Wrong(Function):
    @staticmethod
    def forward(ctx, x):
        return x * 1

    @staticmethod
    def backward(ctx, g):
        return g, g


t(lambda: Wrong.apply(a).backward())


class Shape(Function):
    @staticmethod
    def forward(ctx, x):
        return x * 1

    @staticmethod
    def backward(ctx, g):
        return torch.ones(3)


t(lambda: Shape.apply(a).backward())


class NoBack(Function):
    @staticmethod
    def forward(ctx, x):
        return x * 1


t(lambda: NoBack.apply(a).backward())
t(lambda: NoRule.forward.__name__)
