# Backward through scalars, vectors and matrices, as a textbook on automatic differentiation spells it.
import torch
from torch.autograd import Variable

x = torch.arange(1, 6, dtype=torch.float32, requires_grad=True)
y = torch.sum(x**2)
print(y, y.grad_fn is not None)
y.backward()
print(x.grad)

x = Variable(torch.Tensor([1, 2, 3, 4, 5]), requires_grad=True)
y = x**2
y.backward(torch.ones(5))
print(x.grad, x.grad.data)
x.grad.data.zero_()
y = x**2
y.backward(torch.ones_like(x))
print(x.grad)
try:
    (x**2).backward()
except RuntimeError as error:
    print("RuntimeError", "scalar" in str(error))

a = torch.Tensor([1, 2, 3, 4, 5])
torch.manual_seed(0)
W = torch.randn(3, 5, requires_grad=True)
b = torch.randn(3, requires_grad=True)
z = torch.matmul(W, a) + b
z.backward(torch.ones(3))
print(z, W.grad, b.grad)

w = torch.tensor([1.0, -2.0], requires_grad=True)
x = torch.tensor([3.0, 2.0], requires_grad=True)
b = torch.tensor(2.0, requires_grad=True)
y = 1 / (1 + torch.exp(-(torch.dot(w, x) + b)))
y.backward()
print(y.item(), w.grad, x.grad, b.grad)

x = torch.tensor(4.5, requires_grad=True)
for step in range(5):
    f = x**2 - 2.25
    f.backward()
    with torch.no_grad():
        x -= f / x.grad
        x.grad.zero_()
    print(step, round(x.item(), 5))

J = torch.autograd.functional.jacobian(lambda v: torch.softmax(v, 0), torch.tensor([1.0, 2.0, 3.0]))
print(J)
print(torch.autograd.functional.hessian(lambda v: torch.sum(v**3), torch.tensor([1.0, 2.0])))
x = torch.tensor(1.5, requires_grad=True)
(g,) = torch.autograd.grad(torch.cos(x**2 - 1), x, create_graph=True)
(h,) = torch.autograd.grad(g, x)
print(g.item(), h.item())
