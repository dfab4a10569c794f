import math
import torch
from torch import nn
from torch.nn import functional as F

corpus = [ord(c) - 96 if c != ' ' else 0 for c in "the time machine by h g wells the time traveller " * 6]
vocab = 27


def seq_data_iter_sequential(corpus, batch_size, num_steps):
    num_tokens = ((len(corpus) - 1) // batch_size) * batch_size
    Xs = torch.tensor(corpus[:num_tokens]).reshape(batch_size, -1)
    Ys = torch.tensor(corpus[1:num_tokens + 1]).reshape(batch_size, -1)
    for i in range(0, num_steps * (Xs.shape[1] // num_steps), num_steps):
        yield Xs[:, i: i + num_steps], Ys[:, i: i + num_steps]


def get_params(vocab_size, num_hiddens):
    def normal(shape):
        return torch.randn(size=shape) * 0.1

    W_xh, W_hh = normal((vocab_size, num_hiddens)), normal((num_hiddens, num_hiddens))
    b_h, W_hq, b_q = torch.zeros(num_hiddens), normal((num_hiddens, vocab_size)), torch.zeros(vocab_size)
    params = [W_xh, W_hh, b_h, W_hq, b_q]
    for param in params:
        param.requires_grad_(True)
    return params


def rnn(inputs, state, params):
    W_xh, W_hh, b_h, W_hq, b_q = params
    H, = state
    outputs = []
    for X in inputs:
        H = torch.tanh(torch.mm(X, W_xh) + torch.mm(H, W_hh) + b_h)
        outputs.append(torch.mm(H, W_hq) + b_q)
    return torch.cat(outputs, dim=0), (H,)


def grad_clipping(params, theta):
    norm = torch.sqrt(sum(torch.sum((p.grad ** 2)) for p in params))
    if norm > theta:
        for param in params:
            param.grad[:] *= theta / norm


torch.manual_seed(0)
params = get_params(vocab, 32)
loss = nn.CrossEntropyLoss()
for epoch in range(3):
    state, total, n = None, 0.0, 0
    for X, Y in seq_data_iter_sequential(corpus, 4, 8):
        if state is None:
            state = (torch.zeros((4, 32)),)
        else:
            for s in state:
                s.detach_()
        y = Y.T.reshape(-1)
        y_hat, state = rnn(F.one_hot(X.T, vocab).type(torch.float32), state, params)
        l = loss(y_hat, y.long()).mean()
        l.backward()
        grad_clipping(params, 1)
        with torch.no_grad():
            for p in params:
                p -= 1.0 * p.grad
                p.grad.zero_()
        total, n = total + l.item() * y.numel(), n + y.numel()
    print(f'perplexity {math.exp(total / n):.3f}')
gru = nn.GRU(vocab, 16, num_layers=2, bidirectional=True)
out, h = gru(torch.rand(5, 3, vocab))
print(out.shape, h.shape, out.mean(), h.abs().sum())
lstm = nn.LSTM(8, 6, batch_first=True, proj_size=4)
out, (h, c) = lstm(torch.rand(2, 5, 8))
print(out.shape, h.shape, c.shape, out.sum())
packed = nn.utils.rnn.pack_padded_sequence(torch.rand(3, 5, 8), [5, 3, 2], batch_first=True)
out, (h, c) = nn.LSTM(8, 6, batch_first=True)(packed)
pad, lengths = nn.utils.rnn.pad_packed_sequence(out, batch_first=True)
print(pad.shape, lengths, pad[1, 3:].abs().sum(), h.sum())
print(nn.utils.rnn.pad_sequence([torch.ones(2), torch.ones(3)], batch_first=True, padding_value=9))
