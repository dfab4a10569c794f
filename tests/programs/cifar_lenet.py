import torch
import torch.nn as nn
import torch.nn.functional as F
import torch.optim as optim


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 6, 5)
        self.pool = nn.MaxPool2d(2, 2)
        self.conv2 = nn.Conv2d(6, 16, 5)
        self.fc1 = nn.Linear(16 * 5 * 5, 120)
        self.fc2 = nn.Linear(120, 84)
        self.fc3 = nn.Linear(84, 10)

    def forward(self, x):
        x = self.pool(F.relu(self.conv1(x)))
        x = self.pool(F.relu(self.conv2(x)))
        x = torch.flatten(x, 1)
        x = F.relu(self.fc1(x))
        x = F.relu(self.fc2(x))
        x = self.fc3(x)
        return x


torch.manual_seed(3)
net = Net()
print(net)
params = list(net.parameters())
print(len(params), params[0].size())
images = torch.rand(24, 3, 32, 32)
labels = torch.randint(0, 10, (24,))
criterion = nn.CrossEntropyLoss()
optimizer = optim.SGD(net.parameters(), lr=0.01, momentum=0.9)
running_loss = 0.0
for epoch in range(3):
    for i in range(0, 24, 8):
        inputs, target = images[i:i + 8], labels[i:i + 8]
        optimizer.zero_grad()
        outputs = net(inputs)
        loss = criterion(outputs, target)
        loss.backward()
        optimizer.step()
        running_loss += loss.item()
    print(f'[{epoch + 1}] loss: {running_loss / 3:.5f}')
    running_loss = 0.0
outputs = net(images)
_, predicted = torch.max(outputs.data, 1)
total, correct = labels.size(0), (predicted == labels).sum().item()
print(f'Accuracy of the network on the {total} images: {100 * correct // total} %')
out = net(torch.zeros(1, 3, 32, 32))
net.zero_grad()
out.backward(torch.ones(1, 10))
print(net.conv1.bias.grad)
target = torch.arange(10.0).view(1, -1)
loss = nn.MSELoss()(net(torch.zeros(1, 3, 32, 32)), target)
print(loss, loss.grad_fn.name(), loss.grad_fn.next_functions[0][0] is not None)
print(sum(p.numel() for p in net.parameters() if p.requires_grad))
