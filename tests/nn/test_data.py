"""Datasets, samplers, collating, the DataLoader and its worker processes."""

from __future__ import annotations

import gc
import multiprocessing
import os
import pickle
import random
import signal
import subprocess
import sys
import time
from collections import Counter, OrderedDict, UserDict, UserList, namedtuple
from pathlib import Path

import numpy as np
import pytest

import autograd
import nn.data as data
from autograd import tensor
from autograd._array import exports
from nn.data import DataLoader, Dataset, IterableDataset, TensorDataset, get_worker_info

ROOT = Path(__file__).resolve().parents[2]


class Squares(Dataset):
    """i -> i * i, with what a test wants to happen at one index."""

    def __init__(self, length=10, at=None, happens=None):
        self.length, self.at, self.happens = length, at, happens

    def __len__(self):
        return self.length

    def __getitem__(self, i):
        if i == self.at:
            self.happens()
        return i * i


class Count(IterableDataset):
    """0, 1, ..., divided between the workers."""

    def __init__(self, length=10):
        self.length = length

    def __iter__(self):
        info = get_worker_info()
        first, step = (info.id, info.num_workers) if info else (0, 1)
        return iter(range(first, self.length, step))

    def __len__(self):
        return self.length


def flat(loader) -> list:
    return [value for batch in loader for value in batch.tolist()]


@pytest.fixture(autouse=True)
def no_process_is_left():
    """Whatever a test does to its workers, none survives it, not even as a zombie."""
    yield
    gc.collect()
    assert multiprocessing.active_children() == []


# ---------------------------------------------------------------- datasets


def test_tensor_dataset():
    d = TensorDataset(autograd.arange(3), autograd.arange(6).reshape(3, 2))
    assert len(d) == 3
    assert [part.tolist() for part in d[1]] == [1, [2, 3]]
    assert [part.tolist() for part in d[-1]] == [2, [4, 5]]
    with pytest.raises(AssertionError, match=r"Size mismatch between tensors, their first axes are \[3, 2\] long"):
        TensorDataset(autograd.zeros(3), autograd.zeros(2))
    with pytest.raises(AssertionError, match="Size mismatch"):
        TensorDataset(tensor(1.0))
    with pytest.raises(ValueError, match="at least one tensor"):
        TensorDataset()


def test_stack_dataset():
    assert data.StackDataset(range(3), "abc")[1] == (1, "b")
    assert data.StackDataset(x=range(3), y="abc")[2] == {"x": 2, "y": "c"}
    assert len(data.StackDataset("abc")) == 3
    with pytest.raises(ValueError, match=r"Size mismatch between datasets, their lengths are \[3, 2\]"):
        data.StackDataset(range(3), "ab")
    for arguments in (((), {}), ((range(3),), {"y": range(3)})):
        with pytest.raises(ValueError, match="give at least one dataset, and either all by position or all by keyword"):
            data.StackDataset(*arguments[0], **arguments[1])


def test_concat_dataset():
    joined = Squares(3) + Squares(2)
    assert isinstance(joined, data.ConcatDataset)
    assert [joined[i] for i in range(len(joined))] == [0, 1, 4, 0, 1]
    assert joined.cumulative_sizes == [3, 5]
    assert joined[-1] == 1
    assert data.ConcatDataset(["", "ab", "", "c"])[2] == "c"
    with pytest.raises(IndexError, match="index 5 is outside its 5 samples"):
        joined[5]
    with pytest.raises(ValueError, match="should not exceed dataset length, got -6 for 5"):
        joined[-6]
    with pytest.raises(AssertionError, match="should not be an empty iterable"):
        data.ConcatDataset([])
    with pytest.raises(TypeError, match=r"does not support IterableDataset \(datasets\[1\]\); use ChainDataset"):
        data.ConcatDataset([Squares(), Count()])


def test_chain_dataset():
    chain = Count(2) + Count(3)
    assert list(chain) == [0, 1, 0, 1, 2]
    assert len(chain) == 5
    with pytest.raises(AssertionError, match=r"only supports IterableDataset, datasets\[1\] is a Squares"):
        list(data.ChainDataset([Count(1), Squares()]))


def test_subset():
    part = data.Subset(Squares(), [5, 1])
    assert [part[0], part[1], len(part)] == [25, 1, 2]
    assert part.__getitems__([1, 0]) == [1, 25]
    assert flat(DataLoader(data.Subset(part, [1]))) == [1]


def test_base_classes_say_what_a_subclass_defines():
    with pytest.raises(NotImplementedError, match="Dataset: a Dataset defines __getitem__"):
        Dataset()[0]
    with pytest.raises(NotImplementedError, match="defines __iter__"):
        iter(IterableDataset())
    with pytest.raises(NotImplementedError, match="defines __iter__"):
        iter(data.Sampler())
    assert Dataset[int] is Dataset
    assert DataLoader[int] is DataLoader


@pytest.mark.parametrize(
    ("lengths", "expected"),
    [
        ([7, 3], [7, 3]),
        ([0.7, 0.3], [7, 3]),
        ([0.5, 0.25, 0.25], [6, 2, 2]),
        ([1 / 3] * 3, [4, 3, 3]),
        ([10, 0], [10, 0]),
    ],
)
def test_random_split(lengths, expected):
    parts = data.random_split(Squares(10), lengths, generator=autograd.Generator().manual_seed(1))
    assert [len(part) for part in parts] == expected
    assert sorted(i for part in parts for i in part.indices) == list(range(10))
    again = data.random_split(Squares(10), lengths, generator=autograd.Generator().manual_seed(1))
    assert [part.indices for part in again] == [part.indices for part in parts]


def test_random_split_refuses():
    with pytest.raises(
        ValueError, match="Sum of input lengths does not equal the length of the input dataset: 9 != 10"
    ):
        data.random_split(Squares(10), [6, 3])
    with pytest.raises(ValueError, match=r"Fraction at index 0 is not between 0 and 1: 1.5"):
        data.random_split(Squares(10), [1.5, -0.5])
    with pytest.raises(ValueError, match="must be sizes, or fractions that sum to 1"):
        data.random_split(Squares(10), [0.5, 0.4])
    with pytest.warns(UserWarning, match="Length of split at index 1 is 0"):
        data.random_split(Squares(2), [0.9, 0.1])


# ---------------------------------------------------------------- samplers


def test_samplers_draw_what_they_should():
    assert list(data.SequentialSampler("abc")) == [0, 1, 2]
    assert sorted(data.RandomSampler(range(20))) == list(range(20))
    assert sorted(data.SubsetRandomSampler([5, 7, 9])) == [5, 7, 9]
    many = Counter(data.RandomSampler(range(3), num_samples=7))
    assert sum(many.values()) == 7
    assert min(many.values()) == 2, "without replacement every pass has each sample once"
    drawn = list(data.RandomSampler(range(3), replacement=True, num_samples=50))
    assert len(drawn) == 50
    assert set(drawn) == {0, 1, 2}
    weighted = Counter(data.WeightedRandomSampler([0.0, 1.0, 3.0], 4000, generator=autograd.Generator().manual_seed(0)))
    assert set(weighted) == {1, 2}
    assert 2.6 < weighted[2] / weighted[1] < 3.4
    assert sorted(data.WeightedRandomSampler([1.0, 2.0, 3.0], 3, replacement=False)) == [0, 1, 2]
    assert len(data.RandomSampler(range(4))) == 4
    assert len(data.SubsetRandomSampler([1])) == 1
    assert len(data.WeightedRandomSampler([1], 2)) == 2


@pytest.mark.parametrize(
    "make",
    [
        lambda g: data.RandomSampler(range(30), generator=g),
        lambda g: data.RandomSampler(range(30), replacement=True, generator=g),
        lambda g: data.SubsetRandomSampler(range(30), generator=g),
        lambda g: data.WeightedRandomSampler([1.0] * 30, 30, generator=g),
        lambda g: DataLoader(Squares(30), shuffle=True, generator=g),
    ],
)
def test_same_seed_same_order(make):
    def order(seed):
        return [int(v) for v in make(autograd.Generator().manual_seed(seed))]

    assert order(1) == order(1)
    assert order(1) != order(2)
    autograd.manual_seed(3)
    first = [int(v) for v in make(None)]
    second = [int(v) for v in make(None)]
    autograd.manual_seed(3)
    assert [int(v) for v in make(None)] == first
    assert first != second


def test_batch_sampler():
    assert list(data.BatchSampler(range(5), 2, False)) == [[0, 1], [2, 3], [4]]
    assert list(data.BatchSampler(range(5), 2, True)) == [[0, 1], [2, 3]]
    assert [len(data.BatchSampler(range(5), 2, drop)) for drop in (False, True)] == [3, 2]


def test_samplers_refuse():
    for make in (lambda: data.RandomSampler([]), lambda: data.RandomSampler("ab", num_samples=0)):
        with pytest.raises(ValueError, match=r"num_samples should be a positive integer value, but got num_samples=0"):
            make()
    loader = DataLoader(Squares(4), batch_size=2)
    with pytest.raises(ValueError, match="batch_size attribute should not be set after DataLoader is initialized"):
        loader.batch_size = 4  # the sampler was made for the old one
    loader.worker_init_fn = None
    with pytest.raises(ValueError, match="num_samples=0 \\(the dataset is empty\\)"):
        DataLoader(Squares(0), shuffle=True)
    with pytest.raises(ValueError, match="num_samples=-1"):
        data.WeightedRandomSampler([1.0], -1)
    with pytest.raises(ValueError, match=r"weights should be a 1d sequence but given weights have shape \(1, 1\)"):
        data.WeightedRandomSampler([[1.0]], 1)
    with pytest.raises(TypeError, match="replacement should be a boolean value, but got replacement=1"):
        data.RandomSampler("ab", replacement=1)
    with pytest.raises(ValueError, match="replacement should be a boolean value, but got replacement=0"):
        data.WeightedRandomSampler([1.0], 1, 0)
    with pytest.raises(ValueError, match="drop_last should be a boolean value, but got drop_last=None"):
        data.BatchSampler("ab", 1, None)
    for size in (0, -1, True, 2.0):
        with pytest.raises(ValueError, match=f"batch_size should be a positive integer, but got batch_size={size!r}"):
            DataLoader(Squares(), batch_size=size)


# ---------------------------------------------------------------- collating

Point = namedtuple("Point", "x y")


@pytest.mark.parametrize(
    ("batch", "expected"),
    [
        ([1, 2], tensor([1, 2])),
        ([1.5, 2.0], tensor([1.5, 2.0], dtype=autograd.float64)),
        ([True, False], tensor([True, False])),
        ([np.float32(1), np.float32(2)], tensor([1.0, 2.0])),
        ([np.arange(2), np.arange(2)], tensor([[0, 1], [0, 1]])),
        ([tensor(1.0), tensor(2.0)], tensor([1.0, 2.0])),
        (["a", "b"], ["a", "b"]),
        ([b"a"], [b"a"]),
        ([(1, "a"), (2, "b")], [tensor([1, 2]), ("a", "b")]),
        ([[1, 2], [3, 4]], [tensor([1, 3]), tensor([2, 4])]),
        ([Point(1, 2), Point(3, 4)], Point(tensor([1, 3]), tensor([2, 4]))),
        ([{"a": 1}, {"a": 2}], {"a": tensor([1, 2])}),
        ([OrderedDict(a=1)], OrderedDict(a=tensor([1]))),
        ([UserDict(a=1)], UserDict(a=tensor([1]))),
        ([UserList([1, 2])], UserList([tensor([1]), tensor([2])])),
    ],
    ids=repr,
)
def test_default_collate(batch, expected):
    made = data.default_collate(batch)
    assert type(made) is type(expected)
    assert repr(made) == repr(expected)


def test_collated_arrays_do_not_count_as_held_outside():
    """While memory does, all that operations save is looked through."""
    samples = [np.array([1.0, 2.0]), np.array([3.0, 4.0])]
    made = data.default_collate(samples)
    assert not {id(a) for a in (*samples, made._data)} & {*exports.table}
    samples[0][:] = 9.0
    assert made.tolist() == [[1.0, 2.0], [3.0, 4.0]]


def test_collate_keeps_dtypes_and_history():
    x = autograd.ones(2, requires_grad=True)
    stacked = data.default_collate([x, x * 2])
    stacked.sum().backward()
    assert x.grad.tolist() == [3.0, 3.0]
    assert data.default_collate([np.zeros(1, "f8")]).dtype is autograd.float64


def test_collate_refuses():
    with pytest.raises(
        TypeError, match=r"must contain tensors, numpy arrays, numbers, dicts or lists; found .*'NoneType'"
    ):
        data.default_collate([None])
    with pytest.raises(TypeError, match="found an array of dtype <U1"):
        data.default_collate([np.array(["a"])])
    with pytest.raises(
        RuntimeError, match=r"each element in list of batch should be of equal size, got sizes \[1, 2\]"
    ):
        data.default_collate([[1], [1, 2]])
    with pytest.raises(RuntimeError, match=r"stack expects each tensor to be equal size, .* \[\(1,\), \(2,\)\]"):
        data.default_collate([autograd.ones(1), autograd.ones(2)])
    with pytest.raises(ValueError, match="got an empty batch"):
        data.default_collate([])


def test_default_convert():
    made = data.default_convert(
        {"a": np.arange(2), "b": [np.float32(1), "s", 3], "c": Point(np.arange(1), None), "d": (1,)}
    )
    assert repr(made) == "{'a': tensor([0, 1]), 'b': [tensor(1.), 's', 3], 'c': Point(x=tensor([0]), y=None), 'd': [1]}"
    text = np.array(["a"])
    assert data.default_convert(text) is text
    t = tensor(1)
    assert data.default_convert(t) is t


# ---------------------------------------------------------------- the loader

EVERY_WAY = pytest.mark.parametrize("workers", [0, 1, 2, 3])


@EVERY_WAY
@pytest.mark.parametrize("options", [{}, {"batch_size": 3}, {"batch_size": 3, "drop_last": True}, {"batch_size": 20}])
def test_order_and_batches(workers, options):
    loader = DataLoader(Squares(), num_workers=workers, **options)
    size = options.get("batch_size", 1)
    expected = [[i * i for i in range(s, min(s + size, 10))] for s in range(0, 10, size)]
    if options.get("drop_last"):
        expected = [batch for batch in expected if len(batch) == size]
    assert [batch.tolist() for batch in loader] == expected
    assert len(loader) == len(expected)


@EVERY_WAY
def test_shuffle_is_the_same_with_any_number_of_workers(workers):
    def order(count):
        loader = DataLoader(
            Squares(), 2, shuffle=True, num_workers=count, generator=autograd.Generator().manual_seed(5)
        )
        return [flat(loader), flat(loader)]

    first, second = order(workers)
    assert [first, second] == order(0)
    assert first != second
    assert sorted(first) == [i * i for i in range(10)]


@EVERY_WAY
def test_samplers_and_batch_samplers(workers):
    assert flat(DataLoader(Squares(), sampler=[3, 1], num_workers=workers)) == [9, 1]
    loader = DataLoader(Squares(), batch_sampler=[[1, 2], [3]], num_workers=workers)
    assert [batch.tolist() for batch in loader] == [[1, 4], [9]]
    assert len(loader) == 2


@EVERY_WAY
def test_without_batching(workers):
    loader = DataLoader(Squares(3), batch_size=None, num_workers=workers)
    assert list(loader) == [0, 1, 4]
    assert len(loader) == 3
    assert list(DataLoader(Count(3), batch_size=None, num_workers=workers)) == [0, 1, 2]


@EVERY_WAY
@pytest.mark.parametrize("drop", [False, True])
def test_streams(workers, drop):
    loader = DataLoader(Count(10), batch_size=3, num_workers=workers, drop_last=drop)
    for _ in range(2):
        batches = [batch.tolist() for batch in loader]
        assert all(len(batch) == 3 for batch in batches) or not drop
        if not drop:
            assert sorted(i for batch in batches for i in batch) == list(range(10))
    if not workers:
        assert len(batches) == len(loader) == (3 if drop else 4)


@EVERY_WAY
def test_structures_and_collate_fn(workers):
    d = TensorDataset(autograd.arange(4.0), autograd.arange(4))
    x, y = next(iter(DataLoader(d, batch_size=4, num_workers=workers)))
    assert (x.dtype, y.dtype) == (autograd.float32, autograd.int64)
    assert y.tolist() == [0, 1, 2, 3]
    assert list(DataLoader(Squares(4), 2, collate_fn=sum, num_workers=workers)) == [1, 13]


class Whole(Squares):
    def __getitems__(self, numbers):
        return [-i for i in numbers]


def test_a_whole_batch_at_once():
    assert flat(DataLoader(Whole(3), 2)) == [0, -1, -2]
    assert flat(DataLoader(data.Subset(Whole(3), [2]), 2)) == [-2]


class Plain(TensorDataset):
    """Not exactly a TensorDataset, so that its samples are read one by one."""


@pytest.mark.parametrize("numbers", [[0], [3, 1, 1], [-1, 2]])
def test_reading_a_tensor_dataset_at_once_equals_sample_by_sample(numbers):
    tensors = autograd.arange(8.0).reshape(4, 2).requires_grad_(), autograd.arange(4)
    for whole, single in [
        (TensorDataset(*tensors), Plain(*tensors)),
        (data.Subset(TensorDataset(*tensors), [3, 0, 2, 1]), data.Subset(Plain(*tensors), [3, 0, 2, 1])),
        (
            data.Subset(data.Subset(TensorDataset(*tensors), [3, 0, 2, 1]), range(4)),
            data.Subset(Plain(*tensors), [3, 0, 2, 1]),
        ),
    ]:
        ((x, y),), ((u, v),) = (list(DataLoader(d, batch_sampler=[numbers])) for d in (whole, single))
        assert (x.tolist(), y.tolist(), x.dtype, y.dtype) == (u.tolist(), v.tolist(), u.dtype, v.dtype)
        grads = [autograd.grad((part * part).sum(), tensors[0])[0].tolist() for part in (x, u)]
        assert grads[0] == grads[1]
    for d in (TensorDataset(*tensors), Plain(*tensors)):
        with pytest.raises(IndexError):
            list(DataLoader(d, batch_sampler=[[4]]))


def test_an_empty_dataset_in_order_has_no_batches():
    assert list(DataLoader(Squares(0))) == []
    assert len(DataLoader(Squares(0))) == 0
    assert list(DataLoader(Count(0), num_workers=2)) == []


def test_a_loader_has_the_attributes_of_its_arguments():
    d = Squares()
    loader = DataLoader(d, 4, num_workers=1, pin_memory=True, timeout=3, prefetch_factor=5)
    assert (loader.dataset, loader.batch_size, loader.num_workers, loader.drop_last) == (d, 4, 1, False)
    assert (loader.timeout, loader.prefetch_factor, loader.pin_memory) == (3, 5, True)
    assert isinstance(loader.sampler, data.SequentialSampler)
    assert isinstance(loader.batch_sampler, data.BatchSampler)
    assert DataLoader(d).prefetch_factor is None


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"num_workers": -1}, "num_workers option should be non-negative, got -1"),
        ({"timeout": -1}, "timeout option should be non-negative, got -1"),
        ({"prefetch_factor": 2}, "prefetch_factor option could only be specified with num_workers > 0"),
        ({"prefetch_factor": 0, "num_workers": 1}, "prefetch_factor option should be positive, got 0"),
        ({"persistent_workers": True}, "persistent_workers option needs num_workers > 0"),
        ({"sampler": [1], "shuffle": True}, "sampler option is mutually exclusive with shuffle"),
        ({"batch_sampler": [[1]], "batch_size": 2}, "batch_sampler option is mutually exclusive with batch_size"),
        ({"batch_sampler": [[1]], "shuffle": True}, "batch_sampler option is mutually exclusive"),
        ({"batch_size": None, "drop_last": True}, "batch_size=None option disables auto-batching"),
        ({"multiprocessing_context": "teleport"}, "should specify a valid start method in .*, but got 'teleport'"),
    ],
)
def test_arguments_that_exclude_each_other(options, message):
    with pytest.raises(ValueError, match=message):
        DataLoader(Squares(), **options)


@pytest.mark.parametrize("option", [{"shuffle": True}, {"sampler": [1]}, {"batch_sampler": [[1]]}])
def test_streams_have_no_order_to_choose(option):
    name = next(iter(option))
    with pytest.raises(ValueError, match=f"with IterableDataset: expected unspecified {name} option, but got {name}="):
        DataLoader(Count(), **option)


# ---------------------------------------------------------------- as in PyTorch


WRONG_CALLS = [
    lambda d: d.DataLoader([1], batch_size=0),
    lambda d: d.DataLoader([1], num_workers=-1),
    lambda d: d.DataLoader([1], timeout=-1),
    lambda d: d.DataLoader([1], prefetch_factor=2),
    lambda d: d.DataLoader([1], persistent_workers=True),
    lambda d: d.DataLoader([1], sampler=[0], shuffle=True),
    lambda d: d.DataLoader([1], batch_sampler=[[0]], drop_last=True),
    lambda d: d.DataLoader([1], batch_size=None, drop_last=True),
    lambda d: d.DataLoader([], shuffle=True),
    lambda d: d.DataLoader([1], num_workers=1, multiprocessing_context="teleport"),
    lambda d: list(d.DataLoader([None])),
    lambda d: list(d.DataLoader([[1], [1, 2]], batch_size=2)),
    lambda d: list(d.DataLoader([np.zeros(1), np.zeros(2)], batch_size=2)),
    lambda d: list(d.DataLoader([1], sampler=[1])),
    lambda d: d.RandomSampler([1], replacement=2),
    lambda d: d.RandomSampler([1], num_samples=0),
    lambda d: d.BatchSampler([1], 1.5, False),
    lambda d: d.WeightedRandomSampler([1.0], 0),
    lambda d: d.StackDataset([1], [1, 2]),
    lambda d: d.StackDataset(),
    lambda d: d.random_split([1, 2], [3]),
    lambda d: d.random_split([1, 2], [1.5, -0.5]),
    lambda d: d.Dataset()[0],
]


@pytest.mark.parametrize("number", range(len(WRONG_CALLS)))
def test_errors_are_of_the_class_programs_catch(number):
    theirs = pytest.importorskip("torch.utils.data")
    raised = []
    for package in (data, theirs):
        with pytest.raises(Exception) as error:  # noqa: PT011  (which one is the question)
            WRONG_CALLS[number](package)
        raised.append(error.type)
    assert raised[0] is raised[1]


@pytest.mark.parametrize(
    "samples",
    [
        [1, 2], [1.5, 2], [True, False], ["a", "b"], [(1, "a"), (2, "b")], [[1.0], [2.0]], [{"a": [1, (2.5, "x")]}] * 2,
        [np.arange(3)] * 2, [np.float32(1), np.float32(2)], [np.int16(1)], [b"x"], [Point(1, 2.0)] * 2,
        [OrderedDict(b=1, a=2.0)], [(), ()], [1j],
    ],
    ids=repr,
)  # fmt: skip
def test_collating_equals_torch(samples):
    torch = pytest.importorskip("torch")
    try:
        theirs = torch.utils.data.default_collate(samples)
    except TypeError:
        assert samples == [1j], "complex numbers are batched here"
        return
    assert plain(data.default_collate(samples)) == plain(theirs)


def plain(value):
    """Tensors as (dtype, nested list); containers keep their class."""
    if hasattr(value, "tolist"):
        return str(value.dtype).removeprefix("torch."), value.tolist()
    if isinstance(value, dict):
        return type(value)((k, plain(v)) for k, v in value.items())
    if isinstance(value, (list, tuple)):
        parts = map(plain, value)
        return type(value)(*parts) if hasattr(value, "_fields") else type(value)(parts)
    return value


@pytest.mark.parametrize("options", [{}, {"batch_size": 4}, {"batch_size": 4, "drop_last": True}, {"batch_size": None}])
@pytest.mark.parametrize("workers", [0, 2])
def test_streams_and_maps_batch_as_in_torch(options, workers):
    torch = pytest.importorskip("torch")

    class Stream(torch.utils.data.IterableDataset):
        __iter__ = Count.__iter__

        def __init__(self):
            self.length = 10

    for ours, theirs in [(range(10), range(10)), (Count(10), Stream())]:
        if ours is not theirs and workers:
            continue  # whose share a worker's stream is, is each library's own to ask
        a = [plain(batch) for batch in DataLoader(ours, num_workers=workers, **options)]
        assert a == [plain(batch) for batch in torch.utils.data.DataLoader(theirs, num_workers=workers, **options)]


# ---------------------------------------------------------------- workers


class Draws(Dataset):
    """What the worker's generators draw, and who it is."""

    def __len__(self):
        return 6

    def __getitem__(self, i):
        info = get_worker_info()
        drawn = (random.random(), float(np.random.rand()), float(autograd.rand(())))  # noqa: NPY002
        return info and (info.id, info.num_workers, info.seed, len(info.dataset)), drawn


def test_workers_have_numbers_and_seeds_of_their_own():
    def read(seed):
        loader = DataLoader(Draws(), batch_size=None, num_workers=2, generator=autograd.Generator().manual_seed(seed))
        return [tuple(row) for row in loader]

    first = read(0)
    infos = [tuple(info) for info, _ in first]
    assert [info[0] for info in infos] == [0, 1] * 3
    assert {info[1] for info in infos} == {2}
    assert infos[1][2] == infos[0][2] + 1
    assert {info[3] for info in infos} == {6}
    assert len({number for _, drawn in first for number in drawn}) == 18, "no two draws are alike"
    assert repr(first) == repr(read(0))
    assert repr(first) != repr(read(1))


def test_workers_do_not_disturb_the_main_generators():
    autograd.manual_seed(1)
    random.seed(1)
    next(iter(DataLoader(Squares(), num_workers=2)))
    state = random.getstate()
    random.seed(1)
    assert state == random.getstate()
    assert get_worker_info() is None


def mark(worker):
    Squares.marked = worker


class Marks(Squares):
    def __getitem__(self, i):
        return Squares.marked


def test_worker_init_fn():
    assert flat(DataLoader(Marks(4), num_workers=2, worker_init_fn=mark)) == [0, 1, 0, 1]
    assert not hasattr(Squares, "marked")


class Pid(Squares):
    def __getitem__(self, i):
        return os.getpid()


def test_persistent_workers_stay():
    loader = DataLoader(Pid(4), num_workers=2, persistent_workers=True)
    assert flat(loader) == flat(loader)
    partial = iter(loader)
    next(partial)
    assert len(set(flat(loader))) == 2
    with pytest.raises(RuntimeError, match="this pass is over"):
        next(partial)
    temporary = DataLoader(Pid(4), num_workers=2)
    assert set(flat(temporary)).isdisjoint(flat(temporary))
    assert pickle.loads(pickle.dumps(loader))._pool is None


class Dishonest(Squares):
    def __getitem__(self, i):
        return lambda: i


class Strange(Exception):
    def __init__(self, one, two):
        super().__init__(one, two)


def raises(error):
    def happens():
        raise error

    return happens


@pytest.mark.parametrize(
    "error", [ValueError("too odd"), KeyError("k"), IndexError("far"), OSError(5, "disk"), ZeroDivisionError()]
)
def test_an_error_in_a_worker_comes_back(error):
    loader = DataLoader(Squares(6, 3, raises(error)), batch_size=2, num_workers=2)
    batches = iter(loader)
    assert next(batches).tolist() == [0, 1]
    with pytest.raises(
        type(error), match=r"(?s)Caught .* in DataLoader worker process 1\.\nOriginal Traceback.*test_data\.py"
    ):
        next(batches)
    assert next(batches).tolist() == [16, 25], "the others go on"
    with pytest.raises(type(error)):
        list(loader)


def test_errors_whose_class_cannot_be_made_again():
    with pytest.raises(RuntimeError, match=r"(?s)Caught Strange in DataLoader worker process 0.*Strange: \(1, 2\)"):
        list(DataLoader(Squares(1, 0, raises(Strange(1, 2))), num_workers=1))

    class Local(Exception):
        pass

    with pytest.raises(RuntimeError, match=r"(?s)Caught .*Local"):
        list(DataLoader(Squares(1, 0, raises(Local("x"))), num_workers=1))


def test_errors_at_the_start_of_a_worker():
    loader = DataLoader(Squares(), num_workers=2, worker_init_fn=lambda worker: 1 / 0)
    with pytest.raises(ZeroDivisionError, match=r"(?s)Caught ZeroDivisionError in DataLoader worker process 0"):
        list(loader)

    class NoStream(IterableDataset):
        def __iter__(self):
            raise LookupError("no stream")

    with pytest.raises(LookupError, match=r"(?s)worker process 0.*no stream"):
        list(DataLoader(NoStream(), num_workers=1))


def test_results_that_cannot_be_sent():
    with pytest.raises(
        (AttributeError, pickle.PicklingError), match="while sending a batch in DataLoader worker process 0"
    ):
        list(DataLoader(Dishonest(2), batch_size=None, num_workers=1))


@pytest.mark.parametrize("workers", [0, 1])
def test_stop_iteration_in_a_dataset_does_not_end_the_epoch_silently(workers):
    with pytest.raises(RuntimeError, match=r"(?s)the dataset raised StopIteration for \[3\]"):
        list(DataLoader(Squares(6, 3, raises(StopIteration())), num_workers=workers))


@pytest.mark.parametrize(
    ("happens", "reason"),
    [
        (lambda: os.kill(os.getpid(), signal.SIGKILL), "it was killed by signal SIGKILL"),
        (lambda: os._exit(3), "it ended with exit code 3"),
        (lambda: sys.exit(4), "it ended with exit code 4"),
    ],
)
def test_a_worker_that_dies_is_noticed(happens, reason):
    loader = DataLoader(Squares(8, 5, happens), num_workers=2)
    start = time.monotonic()
    with pytest.raises(RuntimeError, match=rf"DataLoader worker \(pid\(s\) \d+\) exited unexpectedly: {reason}"):
        list(loader)
    assert time.monotonic() - start < 5
    assert multiprocessing.active_children() == []


@pytest.mark.skipif("fork" not in multiprocessing.get_all_start_methods(), reason="needs fork")
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*:DeprecationWarning")
def test_a_fork_of_the_program_leaves_the_workers_alone():
    """A copied iterator that is dropped in a child must not stop the parent's workers."""
    batches = iter(DataLoader(Squares(6), num_workers=2))
    first = next(batches).item()

    def drop():
        nonlocal batches
        del batches
        gc.collect()

    child = multiprocessing.get_context("fork").Process(target=drop)
    child.start()
    child.join()
    child.close()
    assert [first, *flat(batches)] == [0, 1, 4, 9, 16, 25]


def test_a_start_that_fails_half_way_leaves_nobody(monkeypatch):
    from nn.data import _pool

    start, started = _pool.Pool._start, []

    def fail_second(self, orders, context):
        if started:
            raise OSError(11, "no more processes")
        started.append(1)
        start(self, orders, context)

    monkeypatch.setattr(_pool.Pool, "_start", fail_second)
    with pytest.raises(OSError, match="no more processes"):
        iter(DataLoader(Squares(), num_workers=2))
    assert multiprocessing.active_children() == []


def test_a_worker_that_died_before_it_was_asked():
    batches = iter(DataLoader(Pid(40), num_workers=1, prefetch_factor=1))
    worker = next(batches).item()
    os.kill(worker, signal.SIGKILL)
    time.sleep(0.1)
    with pytest.raises(RuntimeError, match="exited unexpectedly: it was killed by signal SIGKILL"):
        list(batches)


def test_a_killed_worker_among_persistent_ones_is_replaced():
    loader = DataLoader(Pid(4), num_workers=2, persistent_workers=True)
    os.kill(flat(loader)[0], signal.SIGKILL)
    with pytest.raises(RuntimeError, match="exited unexpectedly"):
        flat(loader)
    assert len(set(flat(loader))) == 2


def test_timeout():
    loader = DataLoader(Squares(4, 2, lambda: time.sleep(30)), num_workers=2, timeout=0.3)
    start = time.monotonic()
    with pytest.raises(RuntimeError, match=r"timed out after 0\.3 seconds waiting for worker 0"):
        list(loader)
    assert time.monotonic() - start < 5
    assert multiprocessing.active_children() == []


def test_leaving_early_is_quick_and_leaves_nobody():
    for happens in (None, lambda: time.sleep(30)):
        loader = DataLoader(Squares(10_000, 4, happens), batch_size=2, num_workers=2, prefetch_factor=4)
        start = time.monotonic()
        for _ in loader:
            break
        gc.collect()
        assert multiprocessing.active_children() == []
        assert time.monotonic() - start < 4


class Large(Squares):
    def __getitem__(self, i):
        return np.full(100_000, i, np.float32)


def test_large_batches_and_long_index_lists_pass():
    assert [int(b[0, 0]) for b in DataLoader(Large(8), 2, num_workers=2, prefetch_factor=4)] == [0, 2, 4, 6]
    assert len(flat(DataLoader(Squares(300_000), 100_000, num_workers=1, prefetch_factor=3))) == 300_000


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_every_way_to_start_a_process(method):
    if method not in multiprocessing.get_all_start_methods():
        pytest.skip(f"no {method} here")
    if method != "fork":  # needs a program that can be imported again
        code = (
            "import nn.data as d\n"
            "if __name__ == '__main__':\n"
            f"    l = d.DataLoader(range(6), 2, num_workers=2, multiprocessing_context='{method}')\n"
            "    print([b.tolist() for b in l])\n"
        )
        result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, timeout=60)
        assert result.stdout.strip() == "[[0, 1], [2, 3], [4, 5]]", result.stderr
        return
    assert flat(DataLoader(range(6), 2, num_workers=2, multiprocessing_context=method)) == list(range(6))


ORPHANS = """
import os, sys, time
import nn.data as d
class Slow(d.Dataset):
    def __len__(self): return 1000
    def __getitem__(self, i):
        time.sleep(0.01)
        return os.getpid()
it = iter(d.DataLoader(Slow(), num_workers=2))
print(next(it).item(), next(it).item(), flush=True)
time.sleep(60)
"""


@pytest.mark.skipif(not hasattr(os, "getppid") or os.name == "nt", reason="POSIX")
def test_workers_end_when_their_parent_is_killed():
    parent = subprocess.Popen([sys.executable, "-c", ORPHANS], stdout=subprocess.PIPE, text=True, cwd=ROOT)
    try:
        workers = [int(pid) for pid in parent.stdout.readline().split()]
        assert len(workers) == 2
    finally:
        parent.kill()
        parent.wait()
        parent.stdout.close()
    end = time.monotonic() + 8
    while any(map(alive, workers)) and time.monotonic() < end:
        time.sleep(0.1)
    assert not any(map(alive, workers))


def alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except OSError:
        return False
    return state != "Z"  # waits for whoever adopted it to take note
