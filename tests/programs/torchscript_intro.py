"""TorchScript, as its introduction has it, run eagerly."""

import torch, torch.nn as nn, torch.nn.functional as F

torch.manual_seed(191009)


class MyDecisionGate(torch.nn.Module):
    def forward(self, x):
        if x.sum() > 0:
            return x
        else:
            return -x


class MyCell(torch.nn.Module):
    def __init__(self):
        super(MyCell, self).__init__()
        self.dg = MyDecisionGate()
        self.linear = torch.nn.Linear(4, 4)

    def forward(self, x, h):
        new_h = torch.tanh(self.dg(self.linear(x)) + h)
        return new_h, new_h


my_cell = MyCell()
x = torch.rand(3, 4)
h = torch.rand(3, 4)
print(my_cell)
print(my_cell(x, h))
scripted = torch.jit.script(my_cell)
print(scripted(x, h))
traced = torch.jit.trace(my_cell, (x, h))
print(torch.equal(traced(x, h)[0], scripted(x, h)[0]))


class MyRNNLoop(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.cell = torch.jit.trace(MyCell(), (x, h))

    def forward(self, xs):
        h, y = torch.zeros(3, 4), torch.zeros(3, 4)
        for i in range(xs.size(0)):
            y, h = self.cell(xs[i], h)
        return y, h


rnn = torch.jit.script(MyRNNLoop())
print(rnn(torch.rand(10, 3, 4))[0].shape)


@torch.jit.script
def fn(x: torch.Tensor, y: int) -> torch.Tensor:
    return x * y


print(fn(torch.ones(2), 3))
import io

buf = io.BytesIO()
torch.jit.save(traced, buf)
buf.seek(0)
loaded = torch.jit.load(buf)
print(torch.equal(loaded(x, h)[0], traced(x, h)[0]))
