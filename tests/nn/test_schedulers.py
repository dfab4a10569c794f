"""Every scheduler against stored trajectories, saved and resumed, and the schedulers' errors and warnings."""

from __future__ import annotations

import json
import warnings
from pathlib import Path

import numpy as np
import pytest

import autograd
from nn.optim import SGD, Adagrad, Adam, Optimizer, lr_scheduler, swa_utils
from nn.optim.lr_scheduler import (
    ChainedScheduler,
    ConstantLR,
    CosineAnnealingLR,
    CosineAnnealingWarmRestarts,
    CyclicLR,
    ExponentialLR,
    LambdaLR,
    LinearLR,  # fmt: skip
    LRScheduler,
    MultiplicativeLR,
    OneCycleLR,
    PolynomialLR,
    ReduceLROnPlateau,
    SequentialLR,
    StepLR,
)
from tests.data.make_optim import advance, build, observed, two_groups

STORED = json.loads((Path(__file__).parents[1] / "data" / "schedulers.json").read_text(encoding="utf-8"))
CLASSES = {**vars(lr_scheduler), "SWALR": swa_utils.SWALR}
EVERY = pytest.mark.parametrize(
    "case", STORED, ids=lambda case: "-".join(f"{v}" for v in case["spec"].values() if not isinstance(v, list))
)


def new(lr=0.1, **kwargs) -> Optimizer:
    return SGD([autograd.zeros(1, requires_grad=True)], lr=lr, **kwargs)


def made(spec) -> tuple:
    optimizer = two_groups(autograd, SGD)
    return optimizer, build(CLASSES, optimizer, spec)


def test_every_scheduler_is_in_the_table():
    stored = {case["spec"]["scheduler"] for case in STORED}
    there = {n for n, c in CLASSES.items() if isinstance(c, type) and issubclass(c, LRScheduler)}
    assert there | set(lr_scheduler.__all__) == stored | {"LRScheduler", "_LRScheduler"}


@EVERY
def test_equals_the_stored_trajectory(case):
    optimizer, scheduler = made(case["spec"])
    rows = [observed(optimizer)] + [advance(scheduler, optimizer, i) for i in range(len(case["rows"]) - 1)]
    np.testing.assert_allclose(rows, case["rows"], rtol=1e-12, atol=1e-17)
    assert scheduler.get_last_lr() == rows[-1][:2]


@EVERY
def test_resumes_bit_for_bit(case):
    optimizer, scheduler = made(case["spec"])
    for i in range(9):
        advance(scheduler, optimizer, i)
    saved = json.loads(json.dumps(scheduler.state_dict())), optimizer.state_dict()
    expected = [advance(scheduler, optimizer, i) for i in range(9, 20)]

    other, resumed = made(case["spec"])
    other.load_state_dict(saved[1])
    resumed.load_state_dict(integer_keys(saved[0]))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert [advance(resumed, other, i) for i in range(9, 20)] == expected


def integer_keys(saved):
    """What JSON made of the milestones' counter."""
    if isinstance(saved.get("milestones"), dict):
        saved["milestones"] = {int(k): n for k, n in saved["milestones"].items()}
    return saved


@EVERY
def test_begun_in_the_middle_with_last_epoch(case):
    """Groups that carry `initial_lr` and the present learning rate: the schedule continues from there."""
    spec = case["spec"]
    if spec["scheduler"] in ("SequentialLR", "ChainedScheduler", "ReduceLROnPlateau", "SWALR"):
        with pytest.raises((TypeError, KeyError)):
            build(CLASSES, new(), {**spec, "last_epoch": 3, "surprise": 1})
        return
    optimizer, scheduler = made(spec)
    for i in range(5):
        advance(scheduler, optimizer, i)
    if spec["scheduler"] == "CosineAnnealingWarmRestarts":
        return  # which cycle it is in is part of its own state
    again = build(CLASSES, optimizer, {**spec, "last_epoch": scheduler.last_epoch})
    assert again.last_epoch == scheduler.last_epoch + 1


def test_tensor_learning_rates_keep_their_identity():
    lr = autograd.tensor(0.1)
    optimizer = new(lr)
    scheduler = ExponentialLR(optimizer, 0.5)
    optimizer.step()
    scheduler.step()
    assert optimizer.param_groups[0]["lr"] is lr
    assert lr.item() == pytest.approx(0.05)
    assert scheduler.get_last_lr()[0] is not lr
    assert scheduler.base_lrs[0].item() == pytest.approx(0.1)


def test_zero_dimensional_measurements():
    optimizer = new()
    scheduler = ReduceLROnPlateau(optimizer, patience=0)
    for value in (1.0, float("nan"), 2.0):
        scheduler.step(autograd.tensor(value))
    assert scheduler.get_last_lr() == [pytest.approx(1e-3)]


def test_plateau_grows_with_new_groups():
    optimizer = new()
    scheduler = ReduceLROnPlateau(optimizer, patience=0)
    listed = ReduceLROnPlateau(optimizer, patience=0, min_lr=[0.0])
    optimizer.add_param_group({"params": [autograd.zeros(1, requires_grad=True)]})
    scheduler.step(1.0)
    scheduler.step(1.0)
    assert scheduler.get_last_lr() == [pytest.approx(0.01)] * 2
    listed.step(1.0)
    with pytest.raises(RuntimeError, match=r"number of param groups in the `optimizer` \(2\) differs"):
        listed.step(1.0)


def test_warm_restarts_take_fractions():
    optimizer = new(1.0)
    scheduler = CosineAnnealingWarmRestarts(optimizer, T_0=2, T_mult=3)
    for epoch, cycle, place in ((1.5, 2, 1.5), (2.0, 6, 0.0), (7.5, 6, 5.5), (8.0, 18, 0.0), (26, 54, 0)):
        scheduler.step(epoch)
        assert (scheduler.T_i, scheduler.T_cur) == (cycle, place)
        assert scheduler.get_last_lr() == [pytest.approx((1 + np.cos(np.pi * place / cycle)) / 2)]
    with pytest.raises(ValueError, match="Expected non-negative epoch, but got -1"):
        scheduler.step(-1)


def test_momentum_of_adam_is_its_first_beta():
    optimizer = Adam([autograd.zeros(1, requires_grad=True)])
    OneCycleLR(optimizer, max_lr=0.1, total_steps=10)
    assert optimizer.param_groups[0]["betas"] == (0.95, 0.999)
    CyclicLR(Adam([autograd.zeros(1, requires_grad=True)]), 0.1, 0.2)


@pytest.mark.parametrize("scheduler", [
    StepLR(new(), 2), lr_scheduler.MultiStepLR(new(), [2]), ConstantLR(new(), 0.5, 3), LinearLR(new()),
    ExponentialLR(new(), 0.5), PolynomialLR(new()), CosineAnnealingLR(new(), 7)],
    ids=lambda s: type(s).__name__)  # fmt: skip
def test_closed_form_agrees_with_steps(scheduler):
    rates = []
    for _ in range(9):
        rates.append(scheduler.get_last_lr()[0])
        scheduler.optimizer.step()
        scheduler.step()
    for epoch, expected in enumerate(rates):
        with pytest.warns(UserWarning, match="epoch parameter in `scheduler.step"):
            scheduler.step(epoch)
        assert scheduler.get_last_lr() == [pytest.approx(expected, abs=1e-16)]


class Halving:
    def __init__(self, base):
        self.base = base

    def __call__(self, t):
        return self.base**t


def test_callable_objects_are_saved_and_functions_are_not():
    for cls in (LambdaLR, MultiplicativeLR):
        saved = cls(new(), [Halving(0.5)]).state_dict()
        assert saved["lr_lambdas"] == [{"base": 0.5}]
        other = cls(new(), [Halving(0.9)])
        other.load_state_dict(saved)
        assert other.lr_lambdas[0].base == 0.5
        assert cls(new(), lambda t: 1.0).state_dict()["lr_lambdas"] == [None]
    saved = CyclicLR(new(), 0.1, 0.2, scale_fn=Halving(0.5), cycle_momentum=False).state_dict()
    other = CyclicLR(new(), 0.1, 0.2, scale_fn=Halving(0.9), cycle_momentum=False)
    other.load_state_dict(saved)
    assert other.scale_fn(2) == 0.25


def test_warns_when_stepped_before_the_optimizer():
    scheduler = StepLR(new(), 2)
    with pytest.warns(UserWarning, match=r"Detected call of `lr_scheduler.step\(\)` before `optimizer.step\(\)`"):
        scheduler.step()
    scheduler.step()


def test_warns_when_step_was_replaced():
    optimizer = new()
    scheduler = StepLR(optimizer, 2)
    optimizer.step = lambda: None
    with pytest.warns(UserWarning, match="has been overridden after learning rate scheduler"):
        scheduler.step()


def test_warns_when_get_lr_is_read():
    with pytest.warns(UserWarning, match=r"please use `get_last_lr\(\)`"):
        StepLR(new(), 2).get_lr()


def test_own_schedulers():
    class Root(LRScheduler):
        def get_lr(self):
            return [lr / (1 + self.last_epoch) ** 0.5 for lr in self.base_lrs]

    optimizer = new(1.0)
    scheduler = Root(optimizer)
    optimizer.step()
    scheduler.step()
    assert scheduler.get_last_lr() == [pytest.approx(0.5**0.5)]
    with pytest.raises(NotImplementedError, match=r"define get_lr\(\)"):
        LRScheduler(new())


def test_the_optimizer_still_steps_under_a_scheduler():
    w = autograd.ones(1, requires_grad=True)
    optimizer = SGD([w], lr=1.0)
    StepLR(optimizer, 2)
    StepLR(optimizer, 3)  # a second scheduler finds the first one's mark
    w.grad = autograd.ones(1)
    assert optimizer.step(lambda: 7) == 7
    assert w.item() == 0


O = new()  # noqa: E741
AG = Adagrad([autograd.zeros(1, requires_grad=True)])
ERRORS = [
    (lambda: StepLR(3, 2), TypeError, "int is not an Optimizer"),
    (lambda: OneCycleLR(3, 2), TypeError, "int is not an Optimizer"),
    (lambda: CyclicLR(3, 1, 2), TypeError, "int is not an Optimizer"),
    (lambda: ReduceLROnPlateau(3), TypeError, "int is not an Optimizer"),
    (lambda: StepLR(new(), 2, last_epoch=1), KeyError, "'initial_lr' is not specified in param_groups"),
    (lambda: LambdaLR(O, [abs, abs]), ValueError, "Expected 1 lr_lambdas, but got 2"),
    (lambda: MultiplicativeLR(O, 3), TypeError, "lr_lambda should be a function, but got int"),
    (lambda: ConstantLR(O, 1.5), ValueError, "Constant multiplicative factor expected to be between 0 and 1"),
    (lambda: LinearLR(O, 0.0), ValueError, "Starting multiplicative factor expected to be greater than 0"),
    (lambda: LinearLR(O, 0.5, 1.5), ValueError, "Ending multiplicative factor expected to be between 0 and 1"),
    (lambda: CosineAnnealingWarmRestarts(O, 0), ValueError, "Expected positive integer T_0, but got 0"),
    (lambda: CosineAnnealingWarmRestarts(O, 1, 0), ValueError, "Expected integer T_mult >= 1, but got 0"),
    (lambda: CosineAnnealingWarmRestarts(O, 1, 1, "a"), ValueError, "Expected float or int eta_min"),
    (lambda: CyclicLR(O, 1, 2, mode="wild"), ValueError, "mode is invalid and scale_fn is None"),
    (lambda: CyclicLR(O, [1, 2], 2), ValueError, "base_lr must have the same length as optimizer.param_groups"),
    (lambda: CyclicLR(AG, 1, 2), ValueError, "optimizer must support momentum or beta1"),
    (lambda: OneCycleLR(AG, 1, 2), ValueError, "optimizer must support momentum or beta1"),
    (lambda: OneCycleLR(O, 1), ValueError, "You must define either total_steps OR"),
    (lambda: OneCycleLR(O, 1, 0), ValueError, "Expected positive integer total_steps, but got 0"),
    (lambda: OneCycleLR(O, 1, epochs=-1, steps_per_epoch=2), ValueError, "Expected positive integer epochs"),
    (lambda: OneCycleLR(O, 1, epochs=1, steps_per_epoch=2.5), ValueError, "Expected positive integer steps_per_epoch"),
    (lambda: OneCycleLR(O, 1, 5, pct_start=1.5), ValueError, "Expected float between 0 and 1 pct_start"),
    (lambda: OneCycleLR(O, 1, 5, anneal_strategy="no"), ValueError, "anneal_strategy must be one of 'cos' or 'linear'"),
    (lambda: OneCycleLR(O, [1, 2], 5), ValueError, "max_lr must have the same length"),
    (lambda: ReduceLROnPlateau(O, factor=1.0), ValueError, "Factor should be < 1.0"),
    (lambda: ReduceLROnPlateau(O, mode="up"), ValueError, "mode up is unknown!"),
    (lambda: ReduceLROnPlateau(O, threshold_mode="up"), ValueError, "threshold mode up is unknown!"),
    (lambda: ReduceLROnPlateau(O, min_lr=[1, 2]), ValueError, "expected 1 min_lrs, got 2"),
    (lambda: SequentialLR(O, [], []), ValueError, "expects at least one scheduler"),
    (lambda: SequentialLR(O, [StepLR(O, 1)], [3]), ValueError, "number of schedulers provided to be one more"),
    (lambda: SequentialLR(O, [3], []), TypeError, "at index 0 should have `optimizer` as its attribute"),
    (lambda: SequentialLR(O, [ReduceLROnPlateau(O)], []), ValueError, "does not support `ReduceLROnPlateau`"),
    (lambda: SequentialLR(O, [StepLR(new(), 1)], []), ValueError, "expects all schedulers to belong to the same"),
    (lambda: ChainedScheduler([]), ValueError, "expects at least one scheduler to be chained"),
    (lambda: ChainedScheduler([3]), TypeError, "at index 0 should have `optimizer`"),
    (lambda: ChainedScheduler([ReduceLROnPlateau(O)]), ValueError, "does not support `ReduceLROnPlateau`"),
    (lambda: ChainedScheduler([StepLR(O, 1), StepLR(new(), 1)]), ValueError, "belong to the same optimizer"),
    (lambda: swa_utils.SWALR(O, 1.0, anneal_strategy="no"), ValueError, "anneal_strategy must be one of"),
    (lambda: swa_utils.SWALR(O, 1.0, -1), ValueError, "anneal_epochs must be equal or greater than 0, got -1"),
    (lambda: swa_utils.SWALR(O, [1.0, 2.0]), ValueError, "swa_lr must have the same length"),
]


@pytest.mark.parametrize(("make", "error", "text"), ERRORS, ids=[text[:40] for _, _, text in ERRORS])
def test_errors(make, error, text):
    with pytest.raises(error, match=text.replace("(", r"\(")):
        make()


def test_one_cycle_ends():
    optimizer = new(momentum=0.9)
    scheduler = OneCycleLR(optimizer, max_lr=0.1, total_steps=3)
    for _ in range(3):
        optimizer.step()
        scheduler.step()
    with pytest.raises(ValueError, match=r"Tried to step 4 times. The specified number of total steps is 3"):
        scheduler.step()


def test_loading_another_number_of_parts():
    optimizer = new()
    saved = ChainedScheduler([StepLR(optimizer, 1)]).state_dict()
    with pytest.raises(ValueError, match="loaded state has 1 schedulers, this ChainedScheduler has 2"):
        ChainedScheduler([StepLR(optimizer, 1), StepLR(optimizer, 1)]).load_state_dict(saved)
