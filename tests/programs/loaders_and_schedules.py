"""Loaders, samplers, packed sequences and schedules of learning rates."""

import torch, os, csv, collections
from torch.utils.data import *
from torch.utils.data import (
    Dataset,
    DataLoader,
    IterableDataset,
    get_worker_info,
    random_split,
    ConcatDataset,
    Subset,
    WeightedRandomSampler,
    SubsetRandomSampler,
    BatchSampler,
    SequentialSampler,
    default_collate,
)
from torch.nn.utils.rnn import pad_sequence, pack_padded_sequence, pad_packed_sequence, pack_sequence, PackedSequence

torch.manual_seed(0)


class D(Dataset):
    def __init__(self, n, transform=None):
        self.n = n
        self.transform = transform

    def __len__(self):
        return self.n

    def __getitem__(self, i):
        if torch.is_tensor(i):
            i = i.tolist()
        s = {"image": torch.full((2, 2), float(i)), "label": i % 3, "name": f"s{i}"}
        return self.transform(s) if self.transform else s


for i, b in enumerate(DataLoader(D(5), batch_size=2, shuffle=True)):
    print(i, b["image"].shape, b["label"], b["name"])


def coll(b):
    x, y = zip(*b)
    return (
        pad_sequence([torch.tensor(q) for q in x], batch_first=True, padding_value=-1),
        torch.tensor(y),
        torch.tensor([len(q) for q in x]),
    )


data = [([1, 2, 3], 0), ([4], 1), ([5, 6], 0)]
for x, y, l in DataLoader(data, batch_size=3, collate_fn=coll):
    print(x, y, l)
    p = pack_padded_sequence(x.float().unsqueeze(-1), l, batch_first=True, enforce_sorted=False)
    print(p)
    o, h = torch.nn.LSTM(1, 2, batch_first=True)(p)
    print(o.data.shape, pad_packed_sequence(o, batch_first=True)[1], h[0].shape)


class It(IterableDataset):
    def __init__(self, a, b):
        self.a = a
        self.b = b

    def __iter__(self):
        w = get_worker_info()
        a, b = self.a, self.b
        if w is not None:
            per = -(-(b - a) // w.num_workers)
            a = self.a + w.id * per
            b = min(a + per, self.b)
        return iter(range(a, b))


print(list(DataLoader(It(3, 7), num_workers=0)), list(DataLoader(It(3, 9), num_workers=2)))
a, b = random_split(D(10), [7, 3], generator=torch.Generator().manual_seed(42))
print(a.indices, len(b), b[0]["name"])
c = ConcatDataset([D(2), D(3)])
print(len(c), c[3]["name"], c.cumulative_sizes, len(Subset(c, [0, 4])), (D(2) + D(1)).__class__.__name__)
w = [0.1, 0.9, 0.5]
print(
    list(WeightedRandomSampler(w, 5)),
    list(SubsetRandomSampler([5, 6, 7])),
    list(BatchSampler(SequentialSampler(range(7)), 3, False)),
    list(BatchSampler(RandomSampler(range(5)), 2, True)),
)
print(
    default_collate([(1, 2.0), (3, 4.0)]),
    default_collate([{"a": torch.ones(1)}, {"a": torch.zeros(1)}]),
    default_collate(["x", "y"]),
)


def wi(i):
    torch.manual_seed(i)


dl = DataLoader(
    D(6),
    2,
    num_workers=2,
    worker_init_fn=wi,
    persistent_workers=True,
    pin_memory=False,
    drop_last=True,
    prefetch_factor=2,
)
print(
    [b["label"].tolist() for b in dl], len(dl), dl.batch_size, dl.dataset.n, dl.num_workers, type(dl.sampler).__name__
)
it = iter(dl)
print(next(it)["name"])
print(
    pack_sequence([torch.tensor([1, 2]), torch.tensor([3])]),
    torch.nn.utils.rnn.unpad_sequence(torch.arange(6).view(2, 3), torch.tensor([3, 1]), batch_first=True),
)


class Tok:
    def __init__(self, ts):
        c = collections.Counter(w for t in ts for w in t.split())
        self.itos = ["<pad>", "<unk>"] + [w for w, _ in c.most_common()]
        self.stoi = {w: i for i, w in enumerate(self.itos)}

    def __call__(self, t):
        return [self.stoi.get(w, 1) for w in t.split()]


ts = ["a b c a", "b d"]
tk = Tok(ts)
print([tk(t) for t in ts], tk("zzz a"))
eb = torch.nn.EmbeddingBag(6, 3, mode="mean")
off = torch.tensor([0, 4])
print(eb(torch.tensor(tk(ts[0]) + tk(ts[1])), off).shape)
from torch.utils.data import TensorDataset, ChainDataset, StackDataset

print(
    list(ChainDataset([It(0, 2), It(5, 6)])),
    StackDataset(torch.arange(3), torch.arange(3) * 2)[1],
    TensorDataset(torch.arange(3), torch.ones(3))[0:2],
)
sd = torch.optim.lr_scheduler
net = torch.nn.Linear(2, 1)
for mk in (
    lambda o: sd.StepLR(o, 2, 0.5),
    lambda o: sd.MultiStepLR(o, [1, 3]),
    lambda o: sd.ExponentialLR(o, 0.9),
    lambda o: sd.CosineAnnealingLR(o, 4),
    lambda o: sd.CosineAnnealingWarmRestarts(o, 2),
    lambda o: sd.OneCycleLR(o, 0.5, total_steps=6),
    lambda o: sd.CyclicLR(o, 0.1, 0.5, 2),
    lambda o: sd.LinearLR(o),
    lambda o: sd.ConstantLR(o),
    lambda o: sd.PolynomialLR(o, 4),
    lambda o: sd.LambdaLR(o, lambda e: 0.5**e),
    lambda o: sd.MultiplicativeLR(o, lambda e: 0.9),
    lambda o: sd.SequentialLR(o, [sd.ConstantLR(o, 0.1, 2), sd.ExponentialLR(o, 0.9)], [2]),
    lambda o: sd.ChainedScheduler([sd.ConstantLR(o, 0.1, 2), sd.ExponentialLR(o, 0.9)]),
):
    o = torch.optim.SGD(net.parameters(), 0.1, momentum=0.9)
    s = mk(o)
    L = []
    for e in range(5):
        o.step()
        L.append(round(o.param_groups[0]["lr"], 5))
        s.step()
    print(type(s).__name__, L)
o = torch.optim.SGD(net.parameters(), 0.1)
s = sd.ReduceLROnPlateau(o, "min", factor=0.1, patience=1)
[s.step(v) for v in (1, 1, 1, 1, 0.5)]
print(o.param_groups[0]["lr"], s.num_bad_epochs)
