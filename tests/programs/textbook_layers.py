# A softmax layer and an MLP by hand, and by nn; then a CNN and an LSTM with a textbook's spelling.
import numpy as np
import torch
import torch.nn.functional as F
from torch import nn
from torch.autograd import Variable
from torch.utils.data import DataLoader, TensorDataset

np.random.seed(100)
bound = 1 / np.sqrt(3)
W = torch.tensor(np.random.uniform(-bound, bound, (5, 3)), requires_grad=True)
b = torch.zeros(5, dtype=torch.float64, requires_grad=True)
X = torch.arange(1.0, 13.0, dtype=torch.float64).reshape(4, 3)
loss = F.cross_entropy(X @ W.t() + b, torch.arange(4), size_average=False)
loss.backward()
np.set_printoptions(precision=6, suppress=True)
print(W.grad.numpy(), b.grad.numpy())
print(F.leaky_relu(torch.tensor([-1.0]), 0.2), nn.LeakyReLU(0.2)(torch.Tensor([-1, 1])))
print(F.softmax(torch.tensor([[1.0, 2.0, 3.0]])), F.sigmoid(torch.zeros(1)), F.tanh(torch.ones(1)))


class MLP(nn.Module):
    def __init__(self):
        super(MLP, self).__init__()
        self.fc1 = nn.Linear(64, 52)
        self.fc2 = nn.Linear(52, 32)
        self.fc3 = nn.Linear(32, 10)
        self.dropout = nn.Dropout(p=0.2)

    def forward(self, x):
        x = x.view(-1, 64)
        x = self.dropout(F.relu(self.fc1(x)))
        x = F.relu(self.fc2(x))
        return self.fc3(x)


torch.manual_seed(1)
images, labels = torch.rand(96, 1, 8, 8), torch.arange(96) % 10
loader = DataLoader(TensorDataset(images, labels), batch_size=32, shuffle=True)
model = MLP()
print(model, sum(p.numel() for p in model.parameters() if p.requires_grad))
optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.5)
criterion = nn.CrossEntropyLoss()
for epoch in range(3):
    model.train()
    running = 0.0
    for data, target in loader:
        data, target = Variable(data), Variable(target)
        optimizer.zero_grad()
        loss = criterion(model(data), target)
        loss.backward()
        optimizer.step()
        running += loss.data.item() * data.size(0)
    print("epoch {} loss {:.4f}".format(epoch, running / len(loader.dataset)))
model.eval()
with torch.no_grad():
    output = model(images)
    _, predicted = torch.max(output.data, 1)
print(predicted[:10].tolist(), (predicted == labels).sum().item())

cnn = nn.Sequential(nn.Conv2d(1, 4, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(64, 10))
lstm = nn.LSTM(8, 16, batch_first=True)
out, (h, c) = lstm(images.squeeze(1))
print(cnn(images).shape, out.shape, h.shape, torch.allclose(out[:, -1], h[0]))
x = images[:1].clone().requires_grad_(True)
F.nll_loss(F.log_softmax(cnn(x), dim=1), labels[:1]).backward()
moved = torch.clamp(x + 0.1 * x.grad.sign(), 0, 1)
print(round((moved - x).abs().max().item(), 4))
