# In the manner of a book on deep learning: temperatures by hand, then with modules.
import collections
import numpy as np
import torch
import torch.nn as nn
import torch.optim as optim

torch.set_printoptions(edgeitems=2, linewidth=75)
t_c = torch.tensor([0.5, 14.0, 15.0, 28.0, 11.0, 8.0, 3.0, -4.0, 6.0, 13.0, 21.0])
t_u = torch.tensor([35.7, 55.9, 58.2, 81.9, 56.3, 48.9, 33.9, 21.8, 48.4, 60.4, 68.4])


def model(t_u, w, b):
    return w * t_u + b


def loss_fn(t_p, t_c):
    return ((t_p - t_c) ** 2).mean()


w, b = torch.ones(()), torch.zeros(())
t_p = model(t_u, w, b)
print(t_p, loss_fn(t_p, t_c))
delta = 0.1
print((loss_fn(model(t_u, w + delta, b), t_c) - loss_fn(model(t_u, w - delta, b), t_c)) / (2.0 * delta))
t_un = 0.1 * t_u
params = torch.tensor([1.0, 0.0], requires_grad=True)
for epoch in range(1, 201):
    if params.grad is not None:
        params.grad.zero_()
    loss = loss_fn(model(t_un, *params), t_c)
    loss.backward()
    with torch.no_grad():
        params -= 1e-2 * params.grad
    if epoch % 100 == 0:
        print('Epoch %d, Loss %f' % (epoch, float(loss)))
print(params)
torch.manual_seed(123)
shuffled_indices = torch.randperm(11)
train_indices, val_indices = shuffled_indices[:-2], shuffled_indices[-2:]
print(train_indices, val_indices)
t_un_train, t_un_val = t_un[train_indices].unsqueeze(1), t_un[val_indices].unsqueeze(1)
t_c_train, t_c_val = t_c[train_indices].unsqueeze(1), t_c[val_indices].unsqueeze(1)
seq_model = nn.Sequential(collections.OrderedDict([
    ('hidden_linear', nn.Linear(1, 8)),
    ('hidden_activation', nn.Tanh()),
    ('output_linear', nn.Linear(8, 1))
]))
print(seq_model)
for name, param in seq_model.named_parameters():
    print(name, param.shape)
optimizer = optim.SGD(seq_model.parameters(), lr=1e-3)
for epoch in range(1, 101):
    loss_train = nn.MSELoss()(seq_model(t_un_train), t_c_train)
    with torch.no_grad():
        loss_val = nn.MSELoss()(seq_model(t_un_val), t_c_val)
        assert loss_val.requires_grad == False
    optimizer.zero_grad()
    loss_train.backward()
    optimizer.step()
    if epoch in (1, 100):
        print(f"Epoch {epoch}, Training loss {loss_train.item():.4f}, Validation loss {loss_val.item():.4f}")
print('hidden', seq_model.hidden_linear.weight.grad.shape, seq_model.output_linear.bias)
points = torch.tensor([[4.0, 1.0], [5.0, 3.0], [2.0, 1.0]])
print(points.storage_offset(), points.stride(), points[1].storage_offset(), points.t().is_contiguous(), id(points) == id(points.t()))
print(points[1:, 0], points[None].shape, points.to(torch.int), points.transpose(0, 1).contiguous().stride())
img_t = torch.randn(3, 5, 5)
weights = torch.tensor([0.2126, 0.7152, 0.0722])
print(torch.einsum('...chw,c->...hw', img_t, weights).shape, img_t.mean(-3).shape)
wine = torch.from_numpy(np.array([[7.0, 0.27, 6], [6.3, 0.3, 5], [8.1, 0.28, 6]], dtype=np.float32))
target = wine[:, -1].long()
onehot = torch.zeros(3, 10).scatter_(1, target.unsqueeze(1), 1.0)
print(onehot, (wine[:, :-1] - wine[:, :-1].mean(0)) / torch.sqrt(torch.var(wine[:, :-1], dim=0)), torch.le(target, 5))
torch.set_printoptions(profile="default")
