"""Metrics, early stopping, checkpoints that survive being killed, the progress line."""

from __future__ import annotations

import math
import os
import random
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import autograd
import nn
from autograd import tensor
from nn import optim
from nn.data import DataLoader, TensorDataset
from nn.training import Checkpoint, ConfusionMatrix, EarlyStopping, Mean, accuracy, progress

ROOT = Path(__file__).resolve().parents[2]

# ---------------------------------------------------------------- metrics


def test_mean():
    loss = Mean()
    with pytest.raises(RuntimeError, match="Mean: nothing was added"):
        loss.compute()
    loss.update(2.0, count=3)
    loss.update(tensor(4.0, requires_grad=True))
    assert loss.compute() == 2.5
    loss.reset()
    loss.update(1)
    assert loss.compute() == 1.0


@pytest.mark.parametrize("value", [math.nan, math.inf, tensor(math.nan)])
def test_mean_speaks_of_divergence(value):
    loss = Mean()
    loss.update(1.0, count=7)
    with pytest.raises(ValueError, match=r"Mean: the value is (nan|inf) after 7 samples; training has diverged"):
        loss.update(value)
    assert loss.compute() == 1.0


def test_accuracy():
    scores = tensor([[0.1, 0.9], [0.8, 0.2], [0.3, 0.7]], requires_grad=True)
    assert accuracy(scores, tensor([1, 0, 0])) == pytest.approx(2 / 3)
    assert accuracy([1, 2, 3, 4], np.array([1, 2, 3, 5])) == 0.75
    with pytest.raises(ValueError, match=r"predictions of shape \(3, 2\) do not fit targets of shape \(2,\)"):
        accuracy(scores, tensor([1, 0]))
    with pytest.raises(ValueError, match="do not fit"):
        accuracy([], [])


def test_confusion_matrix():
    metrics = pytest.importorskip("sklearn.metrics")
    rng = np.random.default_rng(0)
    truth, guess = rng.integers(0, 4, 200), rng.integers(0, 4, 200)
    matrix = ConfusionMatrix(4)
    matrix.update(tensor(guess[:120]), tensor(truth[:120]))
    matrix.update(autograd.eye(4)[tensor(guess[120:])], tensor(truth[120:]))
    assert matrix.compute().tolist() == metrics.confusion_matrix(truth, guess).tolist()
    assert matrix.accuracy() == pytest.approx(metrics.accuracy_score(truth, guess))
    assert matrix.precision() == pytest.approx(metrics.precision_score(truth, guess, average=None).tolist())
    assert matrix.recall() == pytest.approx(metrics.recall_score(truth, guess, average=None).tolist())
    matrix.reset()
    assert math.isnan(matrix.accuracy())
    assert all(map(math.isnan, matrix.recall() + matrix.precision()))


def test_confusion_matrix_refuses():
    matrix = ConfusionMatrix(3)
    with pytest.raises(IndexError, match=r"target\[1\] is 3 but there are 3 classes"):
        matrix.update([0, 0], [2, 3])
    with pytest.raises(IndexError, match=r"prediction\[0\] is -1 but there are 3 classes"):
        matrix.update([-1], [0])
    with pytest.raises(ValueError, match=r"predictions \(2, 3\) do not fit targets \(3,\)"):
        matrix.update(autograd.zeros(2, 3), [0, 1, 2])
    with pytest.raises(ValueError, match="classes must be positive, got 0"):
        ConfusionMatrix(0)
    assert int(matrix.compute().sum()) == 0, "a refused batch adds nothing"


# ---------------------------------------------------------------- early stopping


def stops(stopper, figures) -> list[bool]:
    return [stopper(figure) for figure in figures]


def test_early_stopping():
    assert stops(EarlyStopping(2), [1.0, 0.9, 0.95, 0.9, 0.8]) == [False, False, False, True, False]
    assert stops(EarlyStopping(1, mode="max"), [0.1, 0.2, 0.2]) == [False, False, True]
    assert stops(EarlyStopping(1, 0.1), [1.0, 0.95]) == [False, True]
    assert stops(EarlyStopping(3, 0.001, relative=True), [2.0, 1.9985, 1.9982, 1.9981]) == [False, False, False, True]
    assert stops(EarlyStopping(1, 0.1, relative=True), [-1.0, -1.2]) == [False, False]
    assert stops(EarlyStopping(2), [math.nan, math.nan]) == [False, True]
    assert stops(EarlyStopping(2), [1.0, tensor(math.nan), 0.5]) == [False, False, False]


def test_early_stopping_remembers_the_best():
    stopper = EarlyStopping(3)
    assert stopper.best is None
    improved = []
    for figure in (3.0, 2.0, 2.5, 1.0):
        stopper(figure)
        improved.append(stopper.improved)
    assert (stopper.best, improved) == (1.0, [True, True, False, True])
    twin = EarlyStopping(3)
    stopper(1.5)
    twin.load_state_dict(stopper.state_dict())
    assert stops(twin, [1.1, 1.2]) == [False, True]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"patience": 0}, "expected patience >= 1, min_delta >= 0; got 0 and 0.0"),
        ({"min_delta": -1.0}, "got 3 and -1.0"),
        ({"mode": "best"}, "mode must be 'min' or 'max', got 'best'"),
    ],
)
def test_early_stopping_refuses(options, message):
    with pytest.raises(ValueError, match=message):
        EarlyStopping(**options)


# ---------------------------------------------------------------- checkpoints


class Run:
    """A small training whose every epoch draws random numbers of all kinds."""

    def __init__(self, path, seed=0):
        autograd.manual_seed(seed)
        random.seed(seed)
        np.random.seed(seed)  # noqa: NPY002
        x = autograd.randn(24, 5, generator=autograd.Generator().manual_seed(3))
        self.model = nn.Sequential(nn.Linear(5, 8), nn.Dropout(0.2), nn.ReLU(), nn.Linear(8, 1))
        self.optimizer = optim.Adam(self.model.parameters(), lr=0.01)
        self.scheduler = optim.lr_scheduler.StepLR(self.optimizer, 2, gamma=0.5)
        self.order = autograd.Generator().manual_seed(7)
        self.loader = DataLoader(TensorDataset(x, x.sum(1, keepdim=True)), 8, shuffle=True, generator=self.order)
        self.checkpoint = Checkpoint(
            path, model=self.model, optimizer=self.optimizer, scheduler=self.scheduler, order=self.order
        )

    def epoch(self):
        for x, y in self.loader:
            noise = random.gauss(0, 0.01) + float(np.random.randn()) * 0.01  # noqa: NPY002
            loss = ((self.model(x) - y + noise) ** 2).mean()
            self.optimizer.zero_grad()
            loss.backward()
            self.optimizer.step()
        self.scheduler.step()
        return float(loss)

    def bits(self):
        return [p.detach().numpy().tobytes() for p in self.model.parameters()]


def test_a_resumed_run_continues_bit_for_bit(tmp_path):
    whole = Run(tmp_path / "whole.ckpt")
    losses = [whole.epoch() for _ in range(6)]

    first = Run(tmp_path / "run.ckpt")
    for epoch in range(3):
        first.epoch()
        first.checkpoint.save(epoch, losses=losses[: epoch + 1])
    second = Run(tmp_path / "run.ckpt", seed=99)
    start = second.checkpoint.resume()
    assert start == 3
    assert second.checkpoint.extra == {"losses": losses[:3]}
    assert [second.epoch() for _ in range(start, 6)] == losses[3:]
    assert second.bits() == whole.bits()
    assert os.listdir(tmp_path) == ["run.ckpt"]


def test_without_a_file_a_run_starts_at_zero(tmp_path):
    run = Run(tmp_path / "run.ckpt")
    before = run.bits()
    assert run.checkpoint.resume() == 0
    assert run.bits() == before


class Part:
    """Something with a state; refuses to load what it does not like."""

    def __init__(self, value):
        self.value = value

    def state_dict(self):
        return {"value": self.value}

    def load_state_dict(self, state):
        self.value = state["value"]
        if self.value == "bad":
            raise RuntimeError("Part: bad state")


def test_all_parts_or_none(tmp_path):
    path = tmp_path / "run.ckpt"
    Checkpoint(path, a=Part([1, autograd.ones(2)]), b=Part("bad")).save(0)
    a, b = Part([0, autograd.zeros(2)]), Part("good")
    random.seed(1)
    state, ours = random.getstate(), autograd.get_rng_state()
    with pytest.raises(RuntimeError, match="Part: bad state"):
        Checkpoint(path, a=a, b=b).resume()
    assert (a.value[0], a.value[1].tolist(), b.value) == (0, [0.0, 0.0], "good")
    assert random.getstate() == state
    assert autograd.get_rng_state().tolist() == ours.tolist()


def test_a_model_of_another_shape_changes_nothing(tmp_path):
    path = tmp_path / "run.ckpt"
    Checkpoint(path, stopper=EarlyStopping(), model=nn.Linear(3, 2)).save(0)
    model, stopper = nn.Linear(4, 2), EarlyStopping()
    stopper(5.0)
    before = model.weight.detach().clone()
    with pytest.raises(RuntimeError, match="size mismatch"):
        Checkpoint(path, stopper=stopper, model=model).resume()
    assert autograd.equal(model.weight, before)
    assert stopper.best == 5.0


def test_checkpoints_that_do_not_fit(tmp_path):
    path = tmp_path / "run.ckpt"
    Checkpoint(path, a=Part(1), b=Part(2)).save(0)
    with pytest.raises(RuntimeError, match=r"lacks the parts \['c'\] and holds the unknown \['b'\]"):
        Checkpoint(path, a=Part(1), c=Part(2)).resume()
    autograd.save({"epoch": 3}, path)
    with pytest.raises(RuntimeError, match=r"was not written by Checkpoint\.save"):
        Checkpoint(path).resume()
    path.write_bytes(path.read_bytes()[:-5])
    with pytest.raises(RuntimeError, match="truncated, damaged"):
        Checkpoint(path).resume()
    with pytest.raises(TypeError, match="net is a int, which has no state_dict and load_state_dict"):
        Checkpoint(path, net=3)


KILLED = """
import os, random, signal, sys, time
import autograd, nn
from nn.training import Checkpoint
path = sys.argv[1]

class Walk:
    def __init__(self): self.w = autograd.zeros(20_000)
    def state_dict(self): return {"w": self.w}
    def load_state_dict(self, state): self.w = state["w"]

def train(path, epochs):
    autograd.manual_seed(0)
    walk = Walk()
    checkpoint = Checkpoint(path, walk=walk)
    for epoch in range(checkpoint.resume(), epochs):
        walk.w = walk.w * 0.9 + autograd.randn(20_000)
        checkpoint.save(epoch)
    return walk.w

def in_a_child(path, epochs, seconds=None):
    # Train in a process of its own; kill it after its first sign of life and some time.
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.write(write, b"alive")
        train(path, epochs)
        os._exit(0)
    os.read(read, 1)
    if seconds is not None:
        time.sleep(seconds)
        os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    os.close(read)
    os.close(write)

start = time.monotonic()
train(path + ".whole", 10)
each = (time.monotonic() - start) / 10
rng, last = random.Random(1), -1
for kill in range(50):
    in_a_child(path, 100_000, rng.uniform(0, 3 * each))
    if os.path.exists(path):
        epoch = autograd.load(path)["epoch"]
        assert epoch >= last, (epoch, last)
        last = epoch
in_a_child(path, last + 6)
whole = train(path + ".whole", last + 6)
final = autograd.load(path)
assert final["epoch"] == last + 5
assert final["parts"]["walk"]["w"].numpy().tobytes() == whole.numpy().tobytes()
assert sorted(os.listdir(os.path.dirname(path))) == ["run.ckpt", "run.ckpt.whole"], os.listdir(os.path.dirname(path))
print("epochs", last + 1)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_run_killed_fifty_times_ends_as_one_that_was_not(tmp_path):
    result = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", KILLED, str(tmp_path / "run.ckpt")],
        capture_output=True, text=True, timeout=120, cwd=ROOT,
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    assert int(result.stdout.split()[1]) > 0, "some epoch got done between the deaths (how many is up to the machine)"


# ---------------------------------------------------------------- progress


def test_progress(capsys):
    pytest.importorskip("tqdm")
    bar = progress(range(3), "epoch 1", leave=True, mininterval=0)
    assert list(bar) == [0, 1, 2]
    text = capsys.readouterr().err
    assert "epoch 1" in text
    assert "3/3" in text


def test_progress_without_tqdm(monkeypatch):
    monkeypatch.setitem(sys.modules, "tqdm.auto", None)
    with pytest.raises(ImportError, match=r"progress: .*pip install glassgrad\[examples\]"):
        progress([1])
