"""Models and optimizers through save and load, and weights from PyTorch's files into our modules."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest

import autograd
import nn
from nn import optim

DATA = Path(__file__).resolve().parents[1] / "data"


def through_a_file(value, **options):
    f = io.BytesIO()
    autograd.save(value, f, **{k: v for k, v in options.items() if k == "weights_only"})
    f.seek(0)
    return autograd.load(f, **options)


def network():
    autograd.manual_seed(0)
    return nn.Sequential(nn.Conv2d(1, 3, 3), nn.BatchNorm2d(3), nn.ReLU(), nn.Flatten(), nn.Linear(48, 2))


def test_a_state_dict_moves_a_model():
    source, target = network(), network()
    source(autograd.randn(4, 1, 6, 6))  # moves the running statistics
    state = through_a_file(source.state_dict())
    assert list(state) == list(source.state_dict())
    target.load_state_dict(state)
    x = autograd.randn(2, 1, 6, 6)
    assert autograd.equal(source.eval()(x), target.eval()(x))


def test_a_file_that_does_not_fit_changes_nothing():
    target = network()
    before = {k: v.clone() for k, v in target.state_dict().items()}
    state = network().state_dict()
    state["0.weight"] = state["0.weight"] + 1
    state["4.weight"] = autograd.zeros(2, 47)
    with pytest.raises(RuntimeError, match=r"size mismatch for 4\.weight"):
        target.load_state_dict(through_a_file(state))
    for name, value in target.state_dict().items():
        assert autograd.equal(value, before[name]), name


def test_parameters_come_back_as_parameters():
    p = nn.Parameter(autograd.arange(3.0))
    frozen = nn.Parameter(autograd.ones(2), requires_grad=False)
    back = through_a_file({"p": p, "again": p, "frozen": frozen})
    assert type(back["p"]) is nn.Parameter
    assert back["p"] is back["again"]
    assert back["p"].requires_grad
    assert type(back["frozen"]) is nn.Parameter
    assert not back["frozen"].requires_grad


def test_tied_weights_stay_tied():
    embedding = nn.Embedding(5, 3)
    head = nn.Linear(3, 5, bias=False)
    head.weight = embedding.weight
    state = through_a_file(nn.ModuleList([embedding, head]).state_dict())
    state["0.weight"][0, 0] = 42.0
    assert state["1.weight"][0, 0].item() == 42.0


def test_a_whole_module_needs_pickle_said_aloud():
    model = network()
    with pytest.raises(TypeError, match="Sequential, which is not plain data: save its state_dict"):
        through_a_file(model)
    back = through_a_file(model, weights_only=False)
    x = autograd.randn(2, 1, 6, 6)
    assert autograd.equal(model.eval()(x), back.eval()(x))


@pytest.mark.parametrize(
    "kind",
    ["SGD", "Adam", "AdamW", "Adagrad", "Adadelta", "RMSprop", "NAdam", "RAdam", "Adamax", "ASGD", "Rprop", "LBFGS"],
)
def test_an_optimizer_continues_bit_for_bit(kind):
    options = {"SGD": {"momentum": 0.9, "lr": 0.01}, "Adam": {"amsgrad": True}}.get(kind, {})

    def start():
        w = nn.Parameter(autograd.tensor([1.0, -2.0, 3.0]))
        return w, getattr(optim, kind)([w], **options)

    def step(w, optimizer):
        def closure():
            optimizer.zero_grad()
            loss = ((w * w - 1) ** 2).sum()
            loss.backward()
            return loss

        optimizer.step(closure)

    w, optimizer = start()
    for _ in range(3):
        step(w, optimizer)
    state = through_a_file({"w": w.detach(), "optimizer": optimizer.state_dict()})
    twin, other = start()
    with autograd.no_grad():
        twin.copy_(state["w"])
    other.load_state_dict(state["optimizer"])
    for _ in range(3):
        step(w, optimizer)
        step(twin, other)
    assert twin.tolist() == w.tolist()


# ---------------------------------------------------------------- from PyTorch's files


def test_weights_of_a_stored_torch_file():
    checkpoint = autograd.load(DATA / "checkpoint.pt")
    assert type(checkpoint["parameter"]) is nn.Parameter
    model = nn.Linear(2, 3)
    model.load_state_dict(checkpoint["model"])
    assert model(autograd.ones(1, 2)).tolist() == [[1.0, 6.0, 11.0]]
    optimizer = optim.Adam(model.parameters(), lr=0.5)
    optimizer.load_state_dict(checkpoint["optimizer"])
    assert optimizer.param_groups[0]["lr"] == pytest.approx(0.1)
    model(autograd.ones(1, 2)).sum().backward()
    optimizer.step()
    assert not autograd.equal(model.bias.detach(), autograd.arange(3.0))


def test_fresh_torch_weights_give_the_same_outputs(tmp_path):
    torch = pytest.importorskip("torch")
    theirs = torch.nn.Sequential(
        torch.nn.Conv2d(1, 3, 3), torch.nn.BatchNorm2d(3), torch.nn.ReLU(), torch.nn.Flatten(), torch.nn.Linear(48, 2)
    )
    x = np.random.default_rng(0).normal(size=(4, 1, 6, 6)).astype(np.float32)
    theirs(torch.tensor(x))
    torch.save(theirs.state_dict(), tmp_path / "weights.pt")
    ours = network()
    ours.load_state_dict(autograd.load(tmp_path / "weights.pt"))
    expected = theirs.eval()(torch.tensor(x)).detach().numpy()
    np.testing.assert_allclose(ours.eval()(autograd.tensor(x)).detach().numpy(), expected, rtol=1e-5, atol=1e-6)
