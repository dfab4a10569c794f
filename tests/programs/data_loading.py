import numpy as np
import torch
from torch.utils.data import (BatchSampler, ConcatDataset, DataLoader, Dataset, IterableDataset, RandomSampler, SequentialSampler,
                              Subset, SubsetRandomSampler, TensorDataset, WeightedRandomSampler, random_split)


class Squares(Dataset):
    def __init__(self, n):
        self.n = n

    def __len__(self):
        return self.n

    def __getitem__(self, i):
        if torch.is_tensor(i):
            i = i.tolist()
        return {"x": np.float32(i), "y": torch.tensor(i ** 2), "name": f"s{i}", "pair": (i, float(i))}


torch.manual_seed(0)
for batch in DataLoader(Squares(5), batch_size=2):
    print(batch["x"], batch["y"], batch["name"], batch["pair"])
for batch in DataLoader(Squares(10), batch_size=4, shuffle=True, drop_last=True):
    print(batch["y"])
train, val = random_split(Squares(10), [7, 3], generator=torch.Generator().manual_seed(42))
print(train.indices, val.indices, len(train))
a, b = random_split(range(10), [0.3, 0.7])
print(list(a), list(b))
ds = TensorDataset(torch.arange(6).view(3, 2), torch.tensor([7, 8, 9]))
print(ds[1], len(ds), next(iter(DataLoader(ds, batch_size=3))))
print([x for x in DataLoader(ConcatDataset([range(3), range(10, 12)]), batch_size=2)])
print(list(DataLoader(Subset(range(100), [5, 50, 99]))))
print(list(BatchSampler(SequentialSampler(range(7)), 3, False)))
print(list(RandomSampler(range(6))), list(RandomSampler(range(6), replacement=True, num_samples=4)))
print(list(SubsetRandomSampler([3, 4, 5])), list(WeightedRandomSampler([0.1, 0.9, 0.4], 5)))
print([b.tolist() for b in DataLoader(range(9), sampler=SubsetRandomSampler(range(0, 9, 2)), batch_size=2)])


class Stream(IterableDataset):
    def __iter__(self):
        return iter(range(5))


print([b.tolist() for b in DataLoader(Stream(), batch_size=2)])


def collate(samples):
    xs = [torch.ones(n) for n in samples]
    return torch.nn.utils.rnn.pad_sequence(xs, batch_first=True), torch.tensor([len(x) for x in xs])


for x, lengths in DataLoader([1, 3, 2], batch_size=3, collate_fn=collate):
    print(x, lengths)
loader = DataLoader(list(range(8)), batch_size=4, shuffle=True, generator=torch.Generator().manual_seed(7))
print([b.tolist() for b in loader], [b.tolist() for b in loader], len(loader))
