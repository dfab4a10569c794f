"""Loaders at their edges: how a worker ended, contexts, batches of unusual containers, the download."""

from __future__ import annotations

import multiprocessing
import os
import queue
import sys
import threading
from collections.abc import Mapping, Sequence
from types import SimpleNamespace

import numpy as np
import pytest

from nn import data
from nn.data import _pool, _worker, images


@pytest.mark.parametrize(("code", "said"), [
    (None, "it closed its connection"), (3, "it ended with exit code 3"), (0, "it ended with exit code 0"),
    (-9, "it was killed by signal SIGKILL"), (-250, "it was killed by signal 250")])  # fmt: skip
def test_how_a_worker_ended_is_said(code, said):
    if code == -9 and os.name == "nt":
        pytest.skip("Windows has no SIGKILL")
    assert _pool._reason(code) == said


def test_a_context_is_taken_as_it_is():
    context = multiprocessing.get_context("spawn")
    assert _pool.default_context(context) is context
    assert data.DataLoader([1, 2], multiprocessing_context="spawn", num_workers=1).multiprocessing_context is not None


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_childs_copy_of_a_pool_ends_nobody():
    class Untouched:
        def is_alive(self):
            raise AssertionError("the copy touched its owner's worker")

    processes, pipes = [Untouched()], [object()]
    _pool._stop(os.getpid() + 1, processes, pipes)
    assert len(processes) == len(pipes) == 1


class Frozen(Mapping):
    """A mapping that is not made from a dict."""

    def __init__(self, a, b):
        self.items_ = {"a": a, "b": b}

    def __getitem__(self, key):
        return self.items_[key]

    def __iter__(self):
        return iter(self.items_)

    def __len__(self):
        return 2


class Pair(Sequence):
    """A sequence that is not made from a list."""

    def __init__(self, first, second):
        self.both = (first, second)

    def __getitem__(self, i):
        return self.both[i]

    def __len__(self):
        return 2


def test_containers_that_cannot_be_made_anew_become_plain_ones():
    batch = data.default_collate([Frozen(1, 2.0), Frozen(3, 4.0)])
    assert type(batch) is dict
    assert (batch["a"].tolist(), batch["b"].tolist()) == ([1, 3], [2.0, 4.0])
    pairs = data.default_collate([Pair(1, 2), Pair(3, 4)])
    assert type(pairs) is list
    assert [p.tolist() for p in pairs] == [[1, 3], [2, 4]]


def test_classes_may_stand_in_annotations():
    assert data.Sampler[int] is data.Sampler
    assert data.Dataset[int] is data.Dataset


def test_an_iterator_of_a_loader_is_its_own():
    it = iter(data.DataLoader(range(4), 2))
    assert iter(it) is it
    assert [b.tolist() for b in it] == [[0, 1], [2, 3]]


@pytest.mark.parametrize(("split", "stem"), [("train", "train"), ("test", "t10k")])
def test_the_download_asks_for_the_files_of_one_split_with_their_checksums(monkeypatch, tmp_path, split, stem):
    asked = {}

    class Cache:
        def fetch(self, name):
            asked.setdefault("files", []).append(name)
            return str(tmp_path / "mnist" / name)

    def create(path, url, registry, env, retry_if_failed):
        asked.update(url=url, registry=registry, env=env)
        return Cache()

    monkeypatch.setitem(sys.modules, "pooch", SimpleNamespace(create=create, os_cache=lambda name: tmp_path))
    assert images._download(split) == str(tmp_path / "mnist")
    assert len(asked["files"]) == 2
    assert all(name.startswith(stem) for name in asked["files"])
    assert asked["url"].startswith("https://")
    assert all(v.startswith("sha256:") and len(v) == 71 for v in asked["registry"].values())


def test_mnist_without_a_path_is_the_download(monkeypatch):
    monkeypatch.setattr(images, "_download", lambda split: f"the folder of {split}")
    monkeypatch.setattr(images, "_from_folder", lambda folder, split: (str(folder), split))
    assert images.mnist(split="test") == ("the folder of test", "test")


def test_numbers_of_numpy_make_tensors_of_their_dtype():
    assert data.default_collate([np.int16(1), np.int16(2)]).dtype.name == "int16"


def stop(given):
    raise StopIteration("this is no iterator")


@pytest.mark.parametrize("option", ["collate_fn", "worker_init_fn"])
def test_a_stop_in_a_worker_does_not_end_the_pass_in_silence(option):
    said = r"(?s)Caught StopIteration in DataLoader worker process 0.*this is no iterator"
    with pytest.raises(RuntimeError, match=said):
        list(data.DataLoader([1, 2, 3], num_workers=1, **{option: stop}))


def test_a_worker_whose_parent_is_gone_ends(monkeypatch):
    parents = iter([10, 10, 1])
    monkeypatch.setattr(_worker, "WATCH_SECONDS", 0.001)
    monkeypatch.setattr(_worker.os, "getppid", lambda: next(parents))
    ended = []

    def leave(status):
        ended.append(status)
        raise SystemExit

    monkeypatch.setattr(_worker.os, "_exit", leave)
    here, there = multiprocessing.Pipe()
    with pytest.raises(SystemExit):
        _worker._receive(there, queue.SimpleQueue(), threading.Event())
    here.close()
    assert (ended, list(parents)) == ([1], [])
