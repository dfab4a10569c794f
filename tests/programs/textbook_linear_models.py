# Losses, gradient descent, linear, polynomial and logistic regression in a textbook's spelling.
import numpy as np
import torch
from torch import nn, optim
from torch.autograd import Variable

y, y_hat = torch.Tensor([1, 2, 3]), torch.Tensor([2, 2, 1])
print(torch.sum((y_hat - y) ** 2) / (2 * 3), nn.MSELoss()(y_hat, y), nn.MSELoss(size_average=False)(y_hat, y))
print(nn.MSELoss(reduce=False)(y_hat, y))

w = Variable(torch.Tensor([-2, 3]), requires_grad=True)
for i in range(20):
    J = w[0] ** 2 + w[1] ** 2 + 2 * w[1] + 5
    J.backward()
    w.data -= 0.1 * w.grad.data
    w.grad.data.zero_()
    if i in (0, 1, 2, 9, 19):
        print(i + 1, w.data, J.data)

np.random.seed(20)
x = np.random.normal(5, 1, 100)
price = 2.8 * x - np.random.normal(0, 1, 100)
inputs = Variable(torch.from_numpy(x).float().unsqueeze(1))
targets = Variable(torch.from_numpy(price).float().view(-1, 1))
torch.manual_seed(0)


class LinearRegression(nn.Module):
    def __init__(self):
        super(LinearRegression, self).__init__()
        self.linear = nn.Linear(1, 1)

    def forward(self, x):
        return self.linear(x)


model = LinearRegression()
criterion = nn.MSELoss()
optimizer = optim.SGD(model.parameters(), lr=0.003)
for epoch in range(40):
    loss = criterion(model(inputs), targets)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    if (epoch + 1) % 10 == 0:
        print("Epoch[{}/{}], loss: {:.4f}".format(epoch + 1, 40, loss.data.item()))

np.random.seed(100)
X = np.random.rand(10, 2)
t = X @ np.array([2, 3]) + 2.6
A = np.hstack([X, np.ones((10, 1))])
print(np.round(np.linalg.inv(A.T @ A) @ A.T @ t, 4))
X, t = torch.Tensor(X), torch.Tensor(t).view(10, 1)
W = torch.zeros(2, 1, requires_grad=True)
b = torch.zeros(1, requires_grad=True)
optimizer = optim.SGD([W, b], lr=0.01)
for epoch in range(1000):
    loss = torch.sum((torch.mm(X, W) + b - t) ** 2)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
print([round(v, 2) for v in W.view(-1).tolist()], round(b.item(), 2))
print(round((torch.mm(torch.Tensor([[4, 5]]), W) + b).item(), 1))

torch.manual_seed(3)
points = torch.cat((torch.randn(100, 2) * 0.8 - 2, torch.randn(100, 2) * 1.2 + 2), 0)
labels = torch.cat((torch.zeros(100, 1), torch.ones(100, 1)))
model = nn.Sequential(nn.Linear(2, 1), nn.Sigmoid())
optimizer = torch.optim.SGD(model.parameters(), lr=0.01, weight_decay=1e-4)
criterion = nn.BCELoss()
for epoch in range(200):
    optimizer.zero_grad()
    loss = criterion(model(points), labels)
    loss.backward()
    optimizer.step()
print(round(loss.item(), 4), ((model(points) > 0.5).float() == labels).float().mean())

torch.manual_seed(5)
sides = torch.rand(50, 2)
area = sides.sum(1, keepdim=True) / 2
model = nn.Sequential(nn.Linear(2, 50), nn.Sigmoid(), nn.Linear(50, 1))
optimizer = torch.optim.Adam(model.parameters(), lr=0.003)
for epoch in range(100):
    loss = nn.MSELoss()(model(sides), area)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
print(round(loss.item(), 4))
