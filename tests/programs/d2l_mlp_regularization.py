import math
import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

torch.manual_seed(1)


class Accumulator:
    def __init__(self, n):
        self.data = [0.0] * n

    def add(self, *args):
        self.data = [a + float(b) for a, b in zip(self.data, args)]

    def __getitem__(self, idx):
        return self.data[idx]


def accuracy(y_hat, y):
    if len(y_hat.shape) > 1 and y_hat.shape[1] > 1:
        y_hat = y_hat.argmax(axis=1)
    cmp = y_hat.type(y.dtype) == y
    return float(cmp.type(y.dtype).sum())


def dropout_layer(X, dropout):
    assert 0 <= dropout <= 1
    if dropout == 1:
        return torch.zeros_like(X)
    if dropout == 0:
        return X
    mask = (torch.rand(X.shape) > dropout).float()
    return mask * X / (1.0 - dropout)


X = torch.arange(16, dtype=torch.float32).reshape((2, 8))
print(dropout_layer(X, 0.), dropout_layer(X, 0.5), dropout_layer(X, 1.))
W = torch.normal(0, 0.5, (16, 4))
Xs = torch.normal(0, 1, (120, 16))
ys = (Xs @ W).argmax(dim=1)


def softmax(X):
    X_exp = torch.exp(X)
    partition = X_exp.sum(1, keepdim=True)
    return X_exp / partition


y = torch.tensor([0, 2])
y_hat = torch.tensor([[0.1, 0.3, 0.6], [0.3, 0.2, 0.5]])
print(y_hat[[0, 1], y], -torch.log(y_hat[range(len(y_hat)), y]), accuracy(y_hat, y) / len(y))
print(softmax(y_hat).sum(1))
net = nn.Sequential(nn.Flatten(), nn.Linear(16, 32), nn.ReLU(), nn.Dropout(0.2), nn.Linear(32, 4))


def init_weights(m):
    if type(m) == nn.Linear:
        nn.init.normal_(m.weight, std=0.01)


net.apply(init_weights)
loss = nn.CrossEntropyLoss(reduction='none')
trainer = torch.optim.SGD([
    {"params": net[1].weight, 'weight_decay': 0.01},
    {"params": net[1].bias},
    {"params": net[4].parameters()}], lr=0.5)
for epoch in range(4):
    net.train()
    metric = Accumulator(3)
    for i in range(0, 120, 30):
        X, y = Xs[i:i + 30], ys[i:i + 30]
        y_hat = net(X)
        l = loss(y_hat, y)
        trainer.zero_grad()
        l.mean().backward()
        trainer.step()
        metric.add(l.sum(), accuracy(y_hat, y), y.numel())
    print(f'epoch {epoch + 1} loss {metric[0] / metric[2]:.4f} acc {metric[1] / metric[2]:.3f}')
print(net[1].weight.norm(), net.state_dict()['4.bias'])
print([(name, param.shape) for name, param in net.named_parameters()])
max_degree = 8
features = np.random.default_rng(0).normal(size=(40, 1))
poly = np.power(features, np.arange(max_degree).reshape(1, -1))
for i in range(max_degree):
    poly[:, i] /= math.gamma(i + 1)
true_w = np.zeros(max_degree)
true_w[0:4] = np.array([5, 1.2, -3.4, 5.6])
labels = np.dot(poly, true_w)
true_w, features, poly, labels = [torch.tensor(x, dtype=torch.float32) for x in [true_w, features, poly, labels]]
print(poly[:2, :4], labels[:2])
