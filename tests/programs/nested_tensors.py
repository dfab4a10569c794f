"""Nested tensors: rows of different lengths in one tensor."""

import torch, torch.nn as nn, torch.nn.functional as F

torch.manual_seed(0)
nt = torch.nested.nested_tensor([torch.arange(12).reshape(2, 6).float(), torch.arange(18).reshape(3, 6).float()])
print(f"{nt=}")
print(nt.is_nested, nt.dim(), nt.ndim, nt.size(0), nt.size(2), nt.dtype, nt.device, nt.numel())
print(nt.size(-1))
try:
    nt.size(1)
except RuntimeError as e:
    print("RuntimeError")
print([t.shape for t in nt.unbind()], nt[0].shape, nt[1][0])
padded = torch.nested.to_padded_tensor(nt, padding=0.0)
print(padded.shape, padded)
print(nt.to_padded_tensor(-1.0, (2, 4, 6)).shape)
r = nt.reshape(2, -1, 2, 3).transpose(1, 2)
print([t.shape for t in r.unbind()])
print((nt * 2)[1])
print((nt + nt)[0])
print(torch.relu(nt - 5)[0], nt.softmax(-1)[0].sum(-1), F.dropout(nt, 0.0)[0].shape)
lin = nn.Linear(6, 4)
out = lin(nt)
print([t.shape for t in out.unbind()], torch.allclose(out[0], lin(nt[0])))
a = torch.nested.nested_tensor([torch.randn(2, 4), torch.randn(5, 4)])
b = torch.nested.nested_tensor([torch.randn(4, 3), torch.randn(4, 6)])
print([t.shape for t in torch.matmul(a, b).unbind()])
print([t.shape for t in torch.bmm(a, b).unbind()])
x = torch.randn(3, 4, requires_grad=True)
y = torch.randn(2, 4, requires_grad=True)
n2 = torch.nested.as_nested_tensor([x, y])
print(n2.requires_grad)
s = torch.nested.to_padded_tensor(n2 * 3, 0.0).sum()
s.backward()
print(x.grad, y.grad)
q = torch.nested.nested_tensor([torch.randn(2, 3, 4), torch.randn(2, 5, 4)])
o = F.scaled_dot_product_attention(q, q, q)
print(
    [t.shape for t in o.unbind()],
    torch.allclose(o[0], F.scaled_dot_product_attention(q[0][None], q[0][None], q[0][None])[0], atol=1e-6),
)
print(
    nt.detach().requires_grad,
    nt.clone()[0].sum(),
    nt.to(torch.float64).dtype,
    isinstance(nt, torch.Tensor),
    nt.contiguous().is_nested,
)
ln = nn.LayerNorm(6)
print(ln(nt)[0].mean(-1).abs().max() < 1e-5)
print(torch.nested.nested_tensor([[1, 2], [3.0]]))
e = nn.Embedding(10, 3)
idx = torch.nested.nested_tensor([torch.tensor([1, 2]), torch.tensor([3])], dtype=torch.long)
print([t.shape for t in e(idx).unbind()])
mean = torch.stack([t.mean(0) for t in nt.unbind()])
print(mean)
