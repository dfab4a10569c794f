"""Averaged models: the means they promise, buffers, saving, and running statistics computed anew."""

from __future__ import annotations

import copy

import numpy as np
import pytest

import autograd
import nn
from nn.optim import SGD
from nn.optim.swa_utils import (
    SWALR,
    AveragedModel,
    get_ema_avg_fn,
    get_ema_multi_avg_fn,
    get_swa_avg_fn,
    get_swa_multi_avg_fn,
    update_bn,
)

VALUES = [1.0, 2.0, 6.0, -3.0]


class Tiny(nn.Module):
    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(autograd.zeros(2, dtype=autograd.float64))
        self.register_buffer("seen", autograd.zeros(1, dtype=autograd.float64))
        self.register_buffer("count", autograd.tensor(0))

    def forward(self, x):
        return x * self.weight

    def set(self, value):
        self.weight.data.fill_(value)
        self.seen.fill_(10 * value)
        self.count.fill_(int(value))


def averaged(**kwargs) -> AveragedModel:
    model = Tiny()
    result = AveragedModel(model, **kwargs)
    for value in VALUES:
        model.set(value)
        result.update_parameters(model)
    return result


def ema(decay):
    result = VALUES[0]
    for value in VALUES[1:]:
        result = decay * result + (1 - decay) * value
    return result


@pytest.mark.parametrize(("kwargs", "expected"), [
    ({}, np.mean(VALUES)),
    ({"avg_fn": get_swa_avg_fn()}, np.mean(VALUES)),
    ({"multi_avg_fn": get_swa_multi_avg_fn()}, np.mean(VALUES)),
    ({"avg_fn": get_ema_avg_fn(0.9)}, ema(0.9)),
    ({"multi_avg_fn": get_ema_multi_avg_fn(0.9)}, ema(0.9)),
    ({"avg_fn": lambda a, w, n: a + w}, np.sum(VALUES)),
])  # fmt: skip
def test_means(kwargs, expected):
    result = averaged(**kwargs)
    assert result.module.weight.tolist() == pytest.approx([expected] * 2, rel=1e-14)
    assert result.n_averaged.item() == 4
    assert result.module.seen.tolist() == [-30.0]  # copied from the model
    assert result(autograd.ones(2)).requires_grad


def test_buffers_can_be_averaged():
    result = averaged(use_buffers=True, multi_avg_fn=get_ema_multi_avg_fn(0.5))
    assert result.module.seen.tolist() == pytest.approx([10 * ema(0.5)])
    assert result.module.count.item() == 0  # whole numbers are cut at each step: 1, 1.5, 3.5, 0


def test_the_model_itself_is_left_alone():
    model = Tiny()
    model.set(5.0)
    result = AveragedModel(model, device="cpu")
    result.update_parameters(model)
    result.module.weight.data.fill_(0.0)
    assert model.weight.tolist() == [5.0, 5.0]


def test_saved_and_resumed():
    result = averaged()
    again = AveragedModel(Tiny())
    again.load_state_dict(copy.deepcopy(result.state_dict()))
    assert set(result.state_dict()) == {"n_averaged", "module.weight", "module.seen", "module.count"}
    model = Tiny()
    model.set(7.0)
    for m in (result, again):
        m.update_parameters(model)
    assert again.module.weight.tolist() == result.module.weight.tolist()


def test_update_bn_computes_plain_means():
    autograd.manual_seed(0)
    model = nn.Sequential(nn.BatchNorm1d(3, momentum=0.3), nn.Linear(3, 2))
    batches = [autograd.randn(8, 3) * (i + 1) + i for i in range(3)]
    model.eval()
    update_bn([(batch, None) for batch in batches], model, device="cpu")
    norm = model[0]
    np.testing.assert_allclose(norm.running_mean.numpy(), np.mean([b.numpy().mean(0) for b in batches], 0), rtol=1e-5)
    np.testing.assert_allclose(
        norm.running_var.numpy(), np.mean([b.numpy().var(0, ddof=1) for b in batches], 0), rtol=1e-5
    )
    assert norm.momentum == 0.3
    assert not model.training
    assert model[1].weight.grad is None


def test_update_bn_restores_the_model_when_a_batch_fails():
    model = nn.Sequential(nn.BatchNorm1d(3)).eval()
    with pytest.raises((RuntimeError, ValueError)):
        update_bn([autograd.randn(4, 3), autograd.randn(4, 5)], model)
    assert model[0].momentum == 0.1
    assert not model.training


def test_update_bn_without_batch_norm_reads_nothing():
    update_bn(iter(lambda: 1 / 0, None), nn.Linear(1, 1))


def test_a_training_with_swa():
    """The recipe of the paper: train, average from some step on, and use the average."""
    autograd.manual_seed(0)
    x = autograd.randn(64, 3)
    y = x @ autograd.tensor([[1.0], [-2.0], [0.5]])
    model = nn.Linear(3, 1)
    optimizer = SGD(model.parameters(), lr=0.3)
    mean, scheduler = AveragedModel(model), SWALR(optimizer, swa_lr=0.05, anneal_epochs=5)
    for step in range(60):
        optimizer.zero_grad()
        ((model(x) - y) ** 2).mean().backward()
        optimizer.step()
        scheduler.step()
        if step >= 30:
            mean.update_parameters(model)
    assert optimizer.param_groups[0]["lr"] == pytest.approx(0.05)
    assert ((mean(x) - y) ** 2).mean().item() < 1e-2


@pytest.mark.parametrize("make", [get_ema_avg_fn, get_ema_multi_avg_fn])
@pytest.mark.parametrize("decay", [-0.1, 1.5, float("nan")])
def test_decay_must_be_a_share(make, decay):
    with pytest.raises(ValueError, match=r"Invalid decay value .* provided. Please provide a value in \[0,1\] range"):
        make(decay)


def test_one_function_only():
    with pytest.raises(AssertionError, match="Only one of avg_fn and multi_avg_fn"):
        AveragedModel(Tiny(), avg_fn=get_swa_avg_fn(), multi_avg_fn=get_swa_multi_avg_fn())
