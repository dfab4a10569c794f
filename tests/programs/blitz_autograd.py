import torch

x = torch.ones(2, 2, requires_grad=True)
print(x)
y = x + 2
print(y, y.grad_fn is not None)
z = y * y * 3
out = z.mean()
print(z, out)
out.backward()
print(x.grad)
a = torch.tensor([[1.0, 2.0], [3.0, 4.0]])
a = (a * 3) / (a - 1.5)
print(a.requires_grad)
a.requires_grad_(True)
b = (a * a).sum()
print(b.requires_grad, b.grad_fn.name())
x = torch.tensor([0.5, -1.0, 2.0], requires_grad=True)
y = x * 2
while y.data.norm() < 1000:
    y = y * 2
print(y)
v = torch.tensor([0.1, 1.0, 0.0001], dtype=torch.float)
y.backward(v)
print(x.grad)
print(x.requires_grad, (x ** 2).requires_grad)
with torch.no_grad():
    print((x ** 2).requires_grad)
y = x.detach()
print(y.requires_grad, x.eq(y).all())
a = torch.tensor([2., 3.], requires_grad=True)
b = torch.tensor([6., 4.], requires_grad=True)
Q = 3*a**3 - b**2
Q.backward(gradient=torch.tensor([1., 1.]))
print(9*a**2 == a.grad, -2*b == b.grad)
inp = torch.eye(4, 5, requires_grad=True)
out = (inp+1).pow(2).t()
out.backward(torch.ones_like(out), retain_graph=True)
print(f"First call\n{inp.grad}")
out.backward(torch.ones_like(out), retain_graph=True)
print(f"\nSecond call\n{inp.grad}")
inp.grad.zero_()
out.backward(torch.ones_like(out), retain_graph=True)
print(f"\nCall after zeroing gradients\n{inp.grad}")
w = torch.randn(5, 3, generator=torch.Generator().manual_seed(1)).requires_grad_()
bias = torch.zeros(3, requires_grad=True)
loss = torch.nn.functional.binary_cross_entropy_with_logits(torch.ones(5) @ w + bias, torch.zeros(3))
loss.backward()
print(loss, w.grad, bias.grad)
try:
    loss.backward()
except RuntimeError as e:
    print("second backward:", str(e)[:60])
x = torch.tensor(1.5, requires_grad=True)
(g,) = torch.autograd.grad(torch.sin(x) ** 2, x, create_graph=True)
(gg,) = torch.autograd.grad(g, x)
print(g, gg)
