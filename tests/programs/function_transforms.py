"""Function transforms as their tutorials have them: ensembles, per-sample gradients, neural tangent kernels, Jacobians, conv fused with batch norm."""

import torch, torch.nn as nn, torch.nn.functional as F, copy, functools
from torch.func import functional_call, vmap, grad, jacrev, jacfwd, hessian, vjp, jvp, stack_module_state

torch.manual_seed(0)


class SimpleMLP(nn.Module):
    def __init__(self):
        super(SimpleMLP, self).__init__()
        self.fc1 = nn.Linear(16, 12)
        self.fc2 = nn.Linear(12, 12)
        self.fc3 = nn.Linear(12, 10)

    def forward(self, x):
        x = x.flatten(1)
        x = F.relu(self.fc1(x))
        x = F.relu(self.fc2(x))
        return self.fc3(x)


num_models = 4
data = torch.randn(3, 5, 1, 4, 4)
targets = torch.randint(10, (15,))
models = [SimpleMLP() for _ in range(num_models)]
minibatches = data[: num_models - 1]
models3 = models[:3]
predictions_diff = [m(mb) for m, mb in zip(models3, minibatches)]
params, buffers = stack_module_state(models3)
base_model = copy.deepcopy(models3[0]).to("meta")


def fmodel(params, buffers, x):
    return functional_call(base_model, (params, buffers), (x,))


print([p.size(0) for p in params.values()])
pv = vmap(fmodel)(params, buffers, minibatches)
print(torch.allclose(pv, torch.stack(predictions_diff), atol=1e-5), pv.shape)
pv2 = vmap(fmodel, in_dims=(0, 0, None))(params, buffers, minibatches[0])
print(pv2.shape)


# per sample
class SimpleCNN(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 4, 3, 1)
        self.conv2 = nn.Conv2d(4, 4, 3, 1)
        self.fc1 = nn.Linear(16, 8)
        self.fc2 = nn.Linear(8, 10)

    def forward(self, x):
        x = F.relu(self.conv1(x))
        x = F.relu(self.conv2(x))
        x = F.max_pool2d(x, 2)
        x = torch.flatten(x, 1)
        x = F.relu(self.fc1(x))
        return F.log_softmax(self.fc2(x), dim=1)


def loss_fn(p, t):
    return F.nll_loss(p, t)


d = torch.randn(6, 1, 8, 8)
tg = torch.randint(10, (6,))
model = SimpleCNN()
loss = loss_fn(model(d), tg)
loss.backward()
print(loss)
params = {k: v.detach() for k, v in model.named_parameters()}
buffers = {k: v.detach() for k, v in model.named_buffers()}


def compute_loss(params, buffers, sample, target):
    return loss_fn(functional_call(model, (params, buffers), (sample.unsqueeze(0),)), target.unsqueeze(0))


ft = vmap(grad(compute_loss), in_dims=(None, None, 0, 0))
g = ft(params, buffers, d, tg)
for k, v in g.items():
    print(k, v.shape, torch.allclose(v.mean(0), model.get_parameter(k).grad, atol=1e-5))


# ntk
class CNN(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 4, 3)
        self.fc = nn.Linear(4 * 4, 3)

    def forward(self, x):
        return self.fc(self.conv1(x).relu().flatten(1))


net = CNN()
params = {k: v.detach() for k, v in net.named_parameters()}
x1, x2 = torch.randn(4, 3, 4, 4), torch.randn(2, 3, 4, 4)


def fnet(params, x):
    return functional_call(net, params, (x.unsqueeze(0),)).squeeze(0)


def empirical_ntk(fnet, params, x1, x2, compute="full"):
    j1 = vmap(jacrev(fnet), (None, 0))(params, x1)
    j1 = j1.values()
    j1 = [j.flatten(2) for j in j1]
    j2 = vmap(jacrev(fnet), (None, 0))(params, x2)
    j2 = [j.flatten(2) for j in j2.values()]
    eq = {"full": "Naf,Mbf->NMab", "trace": "Naf,Maf->NM", "diagonal": "Naf,Maf->NMa"}[compute]
    return torch.stack([torch.einsum(eq, a, b) for a, b in zip(j1, j2)]).sum(0)


for c in ("full", "trace", "diagonal"):
    r = empirical_ntk(fnet, params, x1, x2, c)
    print(r.shape, r.flatten()[:3])


def ntk_vps(func, params, x1, x2, compute="full"):
    def get_ntk(x1, x2):
        def f1(p):
            return func(p, x1)

        def f2(p):
            return func(p, x2)

        output, vjp_fn = vjp(f1, params)

        def slice(v):
            v_ = vjp_fn(v)
            _, o = jvp(f2, (params,), v_)
            return o

        return vmap(slice)(torch.eye(output.numel(), dtype=output.dtype).view(output.numel(), *output.shape))

    res = vmap(vmap(get_ntk, (None, 0)), (0, None))(x1, x2)
    return torch.einsum("NMKK->NM", res) if compute == "trace" else res


print(torch.allclose(ntk_vps(fnet, params, x1, x2), empirical_ntk(fnet, params, x1, x2), atol=1e-4))


# jacobians
def predict(weight, bias, x):
    return F.linear(x, weight, bias).tanh()


D = 4
weight = torch.randn(D, D)
bias = torch.randn(D)
x = torch.randn(D)


def compute_jac(xp):
    return torch.stack([torch.autograd.grad(predict(weight, bias, xp), xp, vec)[0] for vec in torch.eye(D)])


jac = compute_jac(x.clone().requires_grad_())
print(jac.shape)
print(jac[0])
_, vjp_fn = vjp(functools.partial(predict, weight, bias), x)
(fj,) = vmap(vjp_fn)(torch.eye(D))
print(torch.allclose(fj, jac))
print(
    torch.allclose(jacrev(predict, argnums=2)(weight, bias, x), jac),
    torch.allclose(jacfwd(predict, argnums=2)(weight, bias, x), jac, atol=1e-6),
)
jw, jb = jacrev(predict, argnums=(0, 1))(weight, bias, x)
print(jw.shape, jb.shape)
h = hessian(predict, argnums=2)(weight, bias, x)
print(h.shape)
print(torch.allclose(jacfwd(jacfwd(predict, argnums=2), argnums=2)(weight, bias, x), h, atol=1e-5))
bh = vmap(jacrev(predict, argnums=2), in_dims=(None, None, 0))(weight, bias, torch.randn(5, D))
print(bh.shape)


def hvp(f, primals, tangents):
    return jvp(grad(f), primals, tangents)[1]


def f(x):
    return x.sin().sum()


xx = torch.randn(8)
tan = torch.randn(8)
print(torch.allclose(hvp(f, (xx,), (tan,)), -xx.sin() * tan, atol=1e-6))


def hvp_revrev(f, primals, tangents):
    _, vf = vjp(grad(f), *primals)
    return vf(*tangents)[0]


print(torch.allclose(hvp_revrev(f, (xx,), (tan,)), -xx.sin() * tan, atol=1e-6))


# fused conv-bn
def convolution_backward(grad_out, X, weight):
    grad_input = F.conv2d(X.transpose(0, 1), grad_out.transpose(0, 1)).transpose(0, 1)
    grad_X = F.conv_transpose2d(grad_out, weight)
    return grad_X, grad_input


class Conv2D(torch.autograd.Function):
    @staticmethod
    def forward(ctx, X, weight):
        ctx.save_for_backward(X, weight)
        return F.conv2d(X, weight)

    @staticmethod
    def backward(ctx, grad_out):
        X, weight = ctx.saved_tensors
        return convolution_backward(grad_out, X, weight)


w = torch.rand(5, 3, 3, 3, requires_grad=True, dtype=torch.double)
X = torch.rand(4, 3, 7, 7, requires_grad=True, dtype=torch.double)
print(torch.autograd.gradcheck(Conv2D.apply, (X, w)))


def unsqueeze_all(t):
    return t[None, :, None, None]


def batch_norm_backward(grad_out, X, sum, sqrt_var, N, eps):
    tmp = ((X - unsqueeze_all(sum) / N) * grad_out).sum(dim=(0, 2, 3))
    tmp *= -1
    d_denom = tmp / (sqrt_var + eps) ** 2
    d_var = d_denom / (2 * sqrt_var)
    d_mean_dx = grad_out / unsqueeze_all(sqrt_var + eps)
    d_mean_dx = unsqueeze_all(-d_mean_dx.sum(dim=(0, 2, 3)) / N)
    grad_input = X * unsqueeze_all(d_var * N)
    grad_input += unsqueeze_all(-d_var * sum)
    grad_input *= 2 / ((N - 1) * N)
    grad_input += d_mean_dx
    grad_input *= unsqueeze_all(sqrt_var + eps)
    grad_input += grad_out
    grad_input /= unsqueeze_all(sqrt_var + eps)
    return grad_input


class BatchNorm(torch.autograd.Function):
    @staticmethod
    def forward(ctx, X, eps=1e-3):
        sum = X.sum(dim=(0, 2, 3))
        var = X.var(unbiased=True, dim=(0, 2, 3))
        N = X.numel() / X.size(1)
        sqrt_var = torch.sqrt(var)
        ctx.save_for_backward(X)
        ctx.eps = eps
        ctx.sum = sum
        ctx.N = N
        ctx.sqrt_var = sqrt_var
        return (X - unsqueeze_all(sum / N)) / unsqueeze_all(sqrt_var + eps)

    @staticmethod
    def backward(ctx, grad_out):
        (X,) = ctx.saved_tensors
        return batch_norm_backward(grad_out, X, ctx.sum, ctx.sqrt_var, ctx.N, ctx.eps)


a = torch.rand(1, 2, 3, 4, requires_grad=True, dtype=torch.double)
print(torch.autograd.gradcheck(BatchNorm.apply, (a,), fast_mode=False))


# double backward by custom functions
class Sinh(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        expx = torch.exp(x)
        expnegx = torch.exp(-x)
        ctx.save_for_backward(expx, expnegx)
        return (expx - expnegx) / 2, expx, expnegx

    @staticmethod
    def backward(ctx, grad_out, _grad_out_exp, _grad_out_negexp):
        expx, expnegx = ctx.saved_tensors
        g = grad_out * (expx + expnegx) / 2
        g = g + _grad_out_exp * expx
        return g - _grad_out_negexp * expnegx


def sinh(x):
    return Sinh.apply(x)[0]


x = torch.rand(3, 3, requires_grad=True, dtype=torch.double)
print(torch.autograd.gradcheck(sinh, x), torch.autograd.gradgradcheck(sinh, x))


def cube_forward(x):
    return x**3


def cube_backward(g, x):
    return g * 3 * x**2


def cube_backward_backward(gg, sav, x):
    return gg * 6 * sav * x, gg * 3 * x**2


class CubeBackward(torch.autograd.Function):
    @staticmethod
    def forward(ctx, grad_out, x):
        ctx.save_for_backward(x, grad_out)
        return cube_backward(grad_out, x)

    @staticmethod
    def backward(ctx, gg):
        x, go = ctx.saved_tensors
        dx, dg = cube_backward_backward(gg, go, x)
        return dg, dx


class Cube(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return cube_forward(x)

    @staticmethod
    def backward(ctx, g):
        (x,) = ctx.saved_tensors
        return CubeBackward.apply(g, x)


x = torch.tensor(2.0, requires_grad=True, dtype=torch.double)
print(torch.autograd.gradcheck(Cube.apply, x), torch.autograd.gradgradcheck(Cube.apply, x))
y = Cube.apply(x)
(gx,) = torch.autograd.grad(y, x, create_graph=True)
print(gx, torch.autograd.grad(gx, x))
