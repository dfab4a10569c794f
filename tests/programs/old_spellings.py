# The way tutorials were written before PyTorch 0.4.
import torch
import torch.nn as nn
import torch.nn.functional as F
import torch.optim as optim
from torch.autograd import Variable

torch.manual_seed(1)
x = Variable(torch.linspace(-1, 1, 100).view(-1, 1), requires_grad=False)
y = Variable(x.data.pow(2) + 0.2 * torch.rand(x.size()))
print(isinstance(x, Variable), x.data.type(), y.data[:3])


class Net(torch.nn.Module):
    def __init__(self, n_feature, n_hidden, n_output):
        super(Net, self).__init__()
        self.hidden = torch.nn.Linear(n_feature, n_hidden)
        self.predict = torch.nn.Linear(n_hidden, n_output)

    def forward(self, x):
        x = F.sigmoid(self.hidden(x))
        return self.predict(F.tanh(x))


net = Net(1, 10, 1)
optimizer = optim.SGD(net.parameters(), lr=0.2)
loss_func = torch.nn.MSELoss(size_average=True)
for t in range(60):
    prediction = net(x)
    loss = loss_func(prediction, y)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
print('Loss=%.4f' % loss.data.numpy())
print(F.softmax(torch.arange(6.0).view(2, 3)), nn.Softmax()(torch.ones(2, 2)))
print(F.mse_loss(x, y, size_average=False).item(), F.l1_loss(x[:3], y[:3], reduce=False).squeeze())
w = Variable(torch.Tensor([1.0]), requires_grad=True)
for epoch in range(5):
    for x_val, y_val in zip([1.0, 2.0, 3.0], [2.0, 4.0, 6.0]):
        l = (x_val * w - y_val) * (x_val * w - y_val)
        l.backward()
        w.data = w.data - 0.01 * w.grad.data
        w.grad.data.zero_()
print("progress:", epoch, l.data[0], w.data[0])
a = torch.FloatTensor(2, 3).zero_()
b = torch.LongTensor([[1, 2], [3, 4]])
c = torch.ByteTensor([0, 1, 1])
print(a, b, b.float(), c.long().sum(), torch.range(0, 3), torch.DoubleTensor([1.5]))
print(torch.ones(2).type(torch.LongTensor), torch.Tensor(2, 2).fill_(3), b.new(2).zero_())
print(isinstance(b, torch.LongTensor), isinstance(a, torch.LongTensor), torch.is_tensor(a), a.is_cuda)
v = Variable(torch.ones(2, 2), requires_grad=True)
out = 3 * (v + 2) ** 2
out.mean().backward()
print(v.grad.data, v.grad_fn, out.creator if hasattr(out, "creator") else "no creator")
torch.nn.init.xavier_uniform(net.hidden.weight)
nn.utils.clip_grad_norm(net.parameters(), 1.0)
print(net.hidden.weight.size(), torch.mm(a, a.t()).size(), torch.cat((a, a), 0).size())
m = nn.DataParallel(net)
print(list(m.state_dict().keys()), m(x[:1]).size())
print(nn.CrossEntropyLoss(size_average=False)(torch.eye(3), torch.LongTensor([0, 1, 1])))
print(F.upsample(torch.arange(4.).view(1, 1, 2, 2), scale_factor=2, mode='nearest'))
print(torch.addmm(1, torch.ones(2, 2), 2, torch.ones(2, 2), torch.ones(2, 2)) if False else torch.addmm(torch.ones(2, 2), torch.ones(2, 2), torch.ones(2, 2), beta=1, alpha=2))
