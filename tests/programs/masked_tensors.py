"""Masked tensors: values of which some do not count."""

import torch
from torch.masked import masked_tensor, as_masked_tensor, MaskedTensor, is_masked_tensor
import warnings

warnings.simplefilter("ignore")
data = torch.arange(24).reshape(2, 3, 4)
mask = data % 2 == 0
mt = masked_tensor(data.float(), mask)
print(mt[0])
print(mt)
print(mt.sum(), mt.mean(), mt.amax(), mt.amin(), mt.prod())
print(mt.sum(0))
print(mt.mean(-1))
print(mt.get_data()[0, 0], mt.get_mask()[0, 0])
print(mt.to_tensor(-1.0)[0])
print(is_masked_tensor(mt), is_masked_tensor(data), isinstance(mt, torch.Tensor), mt.shape, mt.dtype)
a = masked_tensor(torch.tensor([1.0, 2.0, 3.0]), torch.tensor([True, False, True]))
b = masked_tensor(torch.tensor([4.0, 5.0, 6.0]), torch.tensor([True, False, True]))
print(a + b, a * 2, a - b, a / b, -a, a.exp(), torch.sin(a), a.sqrt(), a**2, a > 2, abs(a))
try:
    print(a + masked_tensor(torch.ones(3), torch.tensor([True, True, True])))
except ValueError as e:
    print("ValueError", str(e)[:22])
print(a.sum(), a.mean(), a.max() if False else a.amax())
x = torch.tensor([-10.0, -5, 0, 5, 10, 50, 60, 70, 80, 90, 100], requires_grad=True)
m = x < 0
mx = masked_tensor(x.detach(), m, requires_grad=True)
my = masked_tensor(torch.ones_like(x.detach()), ~m, requires_grad=True)
y = torch.where(m, torch.exp(mx), my) if False else torch.exp(mx)
y.sum().backward()
print(mx.grad)
n = masked_tensor(torch.tensor([1.0, float("nan"), 3.0]), torch.tensor([True, False, True]))
print(n.mean(), n.sum())
print(mt.reshape(6, 4)[0], mt.transpose(0, 1).shape, mt.view(-1)[:3] if False else "")
