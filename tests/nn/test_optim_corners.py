"""Optimizers and schedulers at the corners: parameters without gradients, no iterations, schedules begun in the middle."""

from __future__ import annotations

import math

import pytest

import nn
from autograd import fast_paths, tensor
from nn import optim
from nn.optim import lr_scheduler


def test_no_iteration_evaluates_the_loss_once():
    p, calls = nn.Parameter(tensor([1.0, 2.0])), []
    opt = optim.LBFGS([p], max_iter=0)

    def closure():
        calls.append(1)
        opt.zero_grad()
        loss = (p * p).sum()
        loss.backward()
        return loss

    assert opt.step(closure).item() == 5.0
    assert (calls, p.tolist()) == ([1], [1.0, 2.0])


def test_a_recorded_step_leaves_parameters_without_gradients_alone():
    p, q = (tensor(v, requires_grad=True).clone() for v in ([1.0, 2.0], [3.0]))
    q.retain_grad()  # none has arrived
    p.grad = tensor([1.0, -1.0])
    optim.SGD([p, q], lr=0.5, differentiable=True).step()
    assert (p.tolist(), q.tolist()) == ([0.5, 2.5], [3.0])


class Counter:
    """A scheduler of one's own that has no last_epoch."""

    def __init__(self, optimizer):
        self.optimizer, self.steps = optimizer, 0

    def step(self):
        self.steps += 1

    def _update_lr(self, epoch):
        self.step()

    def get_last_lr(self):
        return [group["lr"] for group in self.optimizer.param_groups]


def sgd(lr=1.0):
    return optim.SGD([nn.Parameter(tensor([1.0]))], lr=lr)


def run(opt, schedule, count):
    rates = []
    for _ in range(count):
        opt.step()
        schedule.step()
        rates.append(opt.param_groups[0]["lr"])
    return rates


def test_a_measured_schedule_warns_of_a_given_epoch_and_takes_it():
    schedule = lr_scheduler.ReduceLROnPlateau(sgd())
    with pytest.warns(UserWarning, match="The epoch parameter in `scheduler.step"):
        schedule.step(1.0, epoch=7)
    assert schedule.last_epoch == 7


@pytest.mark.parametrize("begun", [1, 4, 9])
def test_a_cosine_begun_in_the_middle_goes_on_as_if_from_the_start(begun):
    opt = sgd()
    whole = run(opt, lr_scheduler.CosineAnnealingLR(opt, 10), 10)
    again = sgd()
    again.param_groups[0].update(initial_lr=1.0, lr=whole[begun - 1])
    rest = run(again, lr_scheduler.CosineAnnealingLR(again, 10, last_epoch=begun - 1), 10 - begun)
    assert rest == pytest.approx(whole[begun:], abs=1e-12)


def test_a_cosine_that_counts_no_step_yet_is_given_by_its_closed_form():
    opt = sgd()
    schedule = lr_scheduler.CosineAnnealingLR(opt, 10)
    schedule.load_state_dict({**schedule.state_dict(), "last_epoch": 4, "_step_count": 0})
    schedule.step()
    assert opt.param_groups[0]["lr"] == pytest.approx((1 + math.cos(math.pi * 5 / 10)) / 2)


def test_a_sequence_takes_a_schedule_of_ones_own():
    opt = sgd()
    own = Counter(opt)
    schedule = lr_scheduler.SequentialLR(opt, [lr_scheduler.ConstantLR(opt, 0.5, total_iters=10), own], [2])
    assert run(opt, schedule, 3) == [0.5, 0.5, 0.5]
    assert own.steps == 2


@pytest.mark.parametrize("fast", [True, False])
def test_a_step_leaves_parameters_without_gradients_alone(fast):
    p, q = nn.Parameter(tensor([1.0, 2.0])), nn.Parameter(tensor([3.0]))
    p.grad = tensor([1.0, -1.0])
    opt = optim.SGD([p, q], lr=0.5, momentum=0.9)
    with fast_paths(fast):
        opt.step()
    assert (p.tolist(), q.tolist()) == ([0.5, 2.5], [3.0])
    assert "momentum_buffer" not in opt.state.get(q, {})
