# Creating tensors, their properties, NumPy, shapes, arithmetic, reductions, indexing: a textbook's first chapter.
import numpy as np
import torch
from torch import Tensor

torch.manual_seed(7)
print(torch.empty(2, 3).shape)
print(torch.rand(2, 3))
print(torch.randn(2, 3))
print(torch.tensor([1.0, 2, 3]), torch.Tensor([1, 2, 3]), Tensor(2, 3).size())
print(torch.tensor([[1, 2], [3, 4]]))
a = torch.ones(2, 3)
print(a, torch.zeros(2, 3, dtype=torch.int), torch.zeros(2, 3, dtype=int).dtype)
print(torch.ones_like(a), torch.zeros_like(a))

t = torch.Tensor([[11, 12, 13, 14, 15], [21, 22, 23, 24, 25], [31, 32, 33, 34, 35]])
print(t.dtype, t.device, t.layout, t.size(), t.shape, t.size(0), t.type())
row = torch.tensor([[41, 42, 43, 44, 45.0]])
t1 = torch.cat((t, row), 0)
column = torch.tensor([[101.0], [102], [103], [104]])
t2 = torch.cat([t1, column], dim=1)
print(t2, t2.shape)

n = np.array([1, 2, 3])
shared = torch.from_numpy(n)
n[0] = 100
shared[1] = 200
print(n, shared, shared.numpy(), type(shared.numpy()))
copied = torch.tensor(n)
n[2] = -1
print(copied, shared.dtype)

t = torch.arange(1, 13)
print(t.reshape(2, 6), t.reshape(-1, 4), t.numel(), t.view(3, 4))
x = torch.zeros(2, 1, 2, 1, 2)
print(torch.squeeze(x).size(), x.squeeze(1).size(), torch.unsqueeze(torch.squeeze(x), 1).size())
batch = torch.rand(3, 1, 28, 28)
print(batch.reshape(3, -1).shape, torch.flatten(batch, start_dim=1).shape, batch.flatten().shape)

t1 = torch.tensor([[1.1, 1.2, 1.3], [2.1, 2.2, 2.3]])
t2 = torch.tensor([[10.1, 11, 12], [20, 21, 22]])
print(t1 + t2, torch.add(t1, t2), t1 - t2, torch.sub(t1, t2))
print(t1 * t2, torch.mul(t1, t2), t1 / t2, torch.div(t1, t2))
print(t1 + 10, t1 * torch.tensor([1, 10, 100]), t1 > 2, torch.eq(t1, t1), t1 == 1.2)

t = torch.tensor([[1.0, 2, 3], [4, 5, 6]])
print(t.sum(), torch.sum(t, dim=0), t.mean(), torch.mean(t, 1), t.std(), t.max(), t.argmax())
print(torch.max(t, dim=1))
values, indices = t.max(1)
print(values, indices, t.mean().item(), t.max(dim=0)[1])

batch = torch.rand(16, 3, 32, 32)
print(batch[0:2].shape, batch[0:1].size(), batch[::2].shape, batch[0].shape, batch[:, :, 0:8, 0:6].shape)
print(torch.index_select(batch, 1, torch.tensor([0, 1])).shape, batch[..., 0:6].shape, batch[0, ...].shape)
t = torch.tensor([[3, 3.1, 3.2], [3.3, 3.4, 3.5]])
mask = t.ge(3.2)
print(mask, torch.masked_select(t, mask), t[mask], torch.take(t, torch.tensor([0, 1, 5])))

t = torch.tensor([[1, 2, 3], [4, 5, 6]])
print(t.stride(), t[1][2].storage_offset(), t.storage_offset(), t.t().stride(), t.is_contiguous(), t.t().is_contiguous())
print(t.storage().tolist() if hasattr(t, "storage") else t.flatten().tolist())
