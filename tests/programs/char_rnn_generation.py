import random
import string
import torch
import torch.nn as nn

letters = string.ascii_lowercase
n_letters = len(letters) + 1
names = ["anna", "hannah", "nina", "nathan", "ian"]


class RNN(nn.Module):
    def __init__(self, input_size, hidden_size, output_size):
        super().__init__()
        self.hidden_size = hidden_size
        self.i2h = nn.Linear(input_size + hidden_size, hidden_size)
        self.i2o = nn.Linear(input_size + hidden_size, output_size)
        self.o2o = nn.Linear(hidden_size + output_size, output_size)
        self.dropout = nn.Dropout(0.1)
        self.softmax = nn.LogSoftmax(dim=1)

    def forward(self, input, hidden):
        combined = torch.cat((input, hidden), 1)
        hidden = self.i2h(combined)
        output = self.i2o(combined)
        output = self.o2o(torch.cat((hidden, output), 1))
        return self.softmax(self.dropout(output)), hidden


def input_tensor(line):
    t = torch.zeros(len(line), 1, n_letters)
    for i, c in enumerate(line):
        t[i, 0, letters.find(c)] = 1
    return t


def target_tensor(line):
    return torch.LongTensor([letters.find(c) for c in line[1:]] + [n_letters - 1])


torch.manual_seed(0)
random.seed(0)
rnn = RNN(n_letters, 24, n_letters)
criterion = nn.NLLLoss()
total = 0.0
for step in range(60):
    line = random.choice(names)
    inputs, targets = input_tensor(line), target_tensor(line)
    targets.unsqueeze_(-1)
    hidden = torch.zeros(1, rnn.hidden_size)
    rnn.zero_grad()
    loss = torch.Tensor([0])
    for i in range(inputs.size(0)):
        output, hidden = rnn(inputs[i], hidden)
        loss += criterion(output, targets[i])
    loss.backward()
    for p in rnn.parameters():
        p.data.add_(p.grad.data, alpha=-0.02)
    total += loss.item() / inputs.size(0)
    if step % 20 == 19:
        print(step, round(total / 20, 4))
        total = 0.0
rnn.eval()
with torch.no_grad():
    inp, hidden, name = input_tensor("n"), torch.zeros(1, 24), "n"
    for i in range(6):
        output, hidden = rnn(inp[0], hidden)
        topi = output.topk(1)[1][0][0]
        if topi == n_letters - 1:
            break
        name += letters[topi]
        inp = input_tensor(letters[topi])
print(name)
