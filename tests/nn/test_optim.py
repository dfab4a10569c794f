"""One suite for all optimizers: stored trajectories, saving, groups, hooks, dtypes, the fast path against the formula."""

from __future__ import annotations

import copy
import json
import pickle
from pathlib import Path

import numpy as np
import pytest

import autograd
from autograd import Tensor, _parallel, fast_paths
from nn import optim
from nn.optim import (
    ASGD,
    LBFGS,
    SGD,
    Adadelta,
    Adafactor,
    Adagrad,
    Adam,
    Adamax,
    AdamW,
    NAdam,
    Optimizer,
    RAdam,
    RMSprop,
    Rprop,
    _line_search,
    _update,
)
from nn.optim.optimizer import register_optimizer_step_post_hook, register_optimizer_step_pre_hook, required
from tests.data.make_optim import loss, options, start, trajectory

STORED = json.loads((Path(__file__).parents[1] / "data" / "optimizers.json").read_text(encoding="utf-8"))


def name_of(case) -> str:
    return "-".join([case["optimizer"], *(f"{k}={v}" for k, v in case["options"].items())])


EVERY_CASE = pytest.mark.parametrize("case", STORED, ids=name_of)
WHOLE = ("Adafactor", "LBFGS")  # whose update of a weight depends on other weights: there is one path, and no kernel
ELEMENTWISE = pytest.mark.parametrize("case", [c for c in STORED if c["optimizer"] not in WHOLE], ids=name_of)
PATHS = pytest.mark.parametrize("path", [True, False], ids=["fast", "plain"])
CLASSES = [c for c in vars(optim).values() if isinstance(c, type) and issubclass(c, Optimizer) and c is not Optimizer]
COMPLEX = pytest.mark.parametrize("cls", [c for c in CLASSES if c.__name__ != "Adafactor"], ids=lambda c: c.__name__)
EVERY_CLASS = pytest.mark.parametrize("cls", CLASSES, ids=lambda c: c.__name__)


def made(case, params, **more) -> Optimizer:
    return getattr(optim, case["optimizer"])(params, **options({**case["options"], **more}))


def tensors(*shapes, dtype=np.float64, seed=0) -> list[Tensor]:
    r = np.random.default_rng(seed)
    values = [r.standard_normal(s) + (1j * r.standard_normal(s) if np.dtype(dtype).kind == "c" else 0) for s in shapes]
    return [autograd.tensor(np.asarray(v).astype(dtype), requires_grad=True) for v in values]


def give_gradients(params, seed, zeros=0.2) -> None:
    """The same pseudo-random gradients for the same seed, some of them zero."""
    r = np.random.default_rng(seed)
    for p in params:
        g = r.standard_normal(p.shape) * (r.random(p.shape) >= zeros)
        if p.is_complex():
            g = g + 1j * r.standard_normal(p.shape)
        p.grad = autograd.tensor(np.asarray(g).astype(p._data.dtype))


def close(a, b, rtol=1e-12) -> None:
    for x, y in zip(a, b, strict=True):
        np.testing.assert_allclose(x.detach().numpy(), y.detach().numpy(), rtol=rtol, atol=rtol)


def rosenbrock_step(optimizer, params):
    def closure():
        optimizer.zero_grad()
        value = loss(params)
        value.backward()
        return value

    return optimizer.step(closure)


# ---------------------------------------------------------------------------------------------- the formulas


def test_every_optimizer_is_in_the_table():
    assert {case["optimizer"] for case in STORED} == {cls.__name__ for cls in CLASSES}
    assert {cls.__name__ for cls in CLASSES} <= set(optim.__all__)


@PATHS
@EVERY_CASE
def test_equals_the_stored_trajectory(case, path):
    with fast_paths(path):
        params = start(autograd)
        rows = trajectory(made(case, params), params)
    # A line search multiplies rounding errors by its Hessian at every step.
    rtol = 1e-7 if case["optimizer"] == "LBFGS" else 1e-12
    np.testing.assert_allclose(rows, case["steps"], rtol=rtol)


MIXED = [(3, 4), (4,), (), (2, 0), (150, 120), (33, 500), (1,)]  # gathered, empty, and in blocks


@ELEMENTWISE
def test_fast_path_equals_the_formula(case):
    runs = []
    for path in (True, False):
        params = tensors(*MIXED)
        optimizer = made(case, params)
        with fast_paths(path):
            for step in range(4):
                give_gradients(params, step)
                optimizer.step()
        runs.append((params, optimizer))
    (fast, a), (plain, b) = runs
    close(fast, plain)
    for p, q in zip(fast, plain, strict=True):
        assert list(a.state[p]) == list(b.state[q])
        close(a.state[p].values(), b.state[q].values())


@ELEMENTWISE
def test_paths_can_be_changed_between_steps(case):
    params, twins = tensors(*MIXED[:5]), tensors(*MIXED[:5])
    mixed, whole = made(case, params), made(case, twins)
    for step in range(4):
        with fast_paths(step % 2 == 0):
            give_gradients(params, step)
            mixed.step()
        give_gradients(twins, step)
        whole.step()
    close(params, twins)


class CountingTeam(_parallel.Team):
    """Counts the jobs that it shares."""

    shared = 0

    def _share(self, work, pieces):
        self.shared += 1
        return super()._share(work, pieces)


@pytest.mark.fast
def test_a_big_parameter_is_updated_by_two_threads(monkeypatch):
    monkeypatch.setattr(_update, "SHARED", 1000)
    monkeypatch.setattr(_parallel, "team", team := CountingTeam(2))
    monkeypatch.setattr(_update, "BLOCK_BYTES", 1 << 14)
    params, twins = tensors((300, 200), (5,), (170, 100)), tensors((300, 200), (5,), (170, 100))
    a, b = Adam(params, lr=0.1), Adam(twins, lr=0.1)
    for step in range(3):
        give_gradients(params, step)
        a.step()
        give_gradients(twins, step)
        with fast_paths(False):
            b.step()
    close(params, twins)
    assert team.shared  # at first; later ones only if that was worth it


@PATHS
@EVERY_CLASS
def test_zero_gradients_stay_finite(cls, path):
    params = tensors((3,), (20000,), dtype=np.float32)
    optimizer = cls(params, lr=0.1)

    def closure():
        for p in params:
            p.grad = autograd.zeros_like(p)
        return autograd.tensor(0.0)

    with fast_paths(path):
        for _ in range(3):
            optimizer.step(closure)
    assert all(np.isfinite(p.detach().numpy()).all() for p in params)


@PATHS
def test_centered_rmsprop_survives_a_constant_gradient(path):
    (w,) = tensors((50,), dtype=np.float32)
    optimizer = RMSprop([w], centered=True, alpha=0.5)
    with fast_paths(path):
        for _ in range(60):
            w.grad = autograd.full((50,), 0.1)
            optimizer.step()
    assert np.isfinite(w.detach().numpy()).all()


@PATHS
@pytest.mark.parametrize("cls", [c for c in CLASSES if c is not Rprop])  # whose steps have a lower bound
def test_a_learning_rate_of_zero_changes_nothing(cls, path):
    params = tensors((3,), dtype=np.float32)
    before = params[0].tolist()
    with fast_paths(path):
        for step in range(2):
            optimizer = cls(params, lr=0.0)
            give_gradients(params, step)
            optimizer.step(lambda: autograd.tensor(1.0))
    assert params[0].tolist() == before


# ---------------------------------------------------------------------------------------------- dtypes and layouts


@PATHS
@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
@EVERY_CLASS
def test_dtypes_are_kept(cls, dtype, path):
    check_dtypes(cls, dtype, path)


@PATHS
@pytest.mark.parametrize("dtype", ["complex64", "complex128"])
@COMPLEX
def test_complex_dtypes_are_kept(cls, dtype, path):
    check_dtypes(cls, dtype, path)


def check_dtypes(cls, dtype, path):
    params = tensors((3, 2), (4,), (), (17000,), dtype=dtype)
    optimizer = cls(params)
    with fast_paths(path):
        for step in range(2):
            give_gradients(params, step)
            optimizer.step(lambda: autograd.tensor(1.0))
    for p in params:
        assert p._data.dtype == dtype
        assert p.grad._data.dtype == dtype
        for key, value in optimizer.state[p].items():
            if isinstance(value, Tensor) and key not in ("step", "eta", "mu", "mu_product"):
                assert value._data.dtype.char in (np.dtype(dtype).char, p._data.real.dtype.char)
    json.dumps([float(abs(p._data).max()) for p in params])


@ELEMENTWISE
def test_half_precision_is_computed_in_float32(case):
    """Only the stored numbers are rounded: two steps from the same state differ by a rounding."""
    small, wide = tensors((3,), (17000,), dtype=np.float16), tensors((3,), (17000,), dtype=np.float16)
    wide = [w.detach().float().requires_grad_() for w in wide]
    a, b = made(case, small), made(case, wide)
    give_gradients(small, 0)
    for p, w in zip(small, wide, strict=True):
        w.grad = p.grad.float()
    a.step(), b.step()
    for p, w in zip(small, wide, strict=True):
        np.testing.assert_allclose(p.detach().numpy(), w.detach().numpy(), rtol=1e-3, atol=1e-3)


@PATHS
@COMPLEX
def test_complex_parameters_are_pairs_of_real_ones(cls, path):
    (z,) = tensors((4,), dtype=np.complex128)
    pair = autograd.tensor(z.detach().numpy().view(float).reshape(4, 2), requires_grad=True)
    optimizers = cls([z], lr=0.01), cls([pair], lr=0.01)
    with fast_paths(path):
        for step in range(3):
            give_gradients([z], step)
            pair.grad = autograd.tensor(z.grad.numpy().view(float).reshape(4, 2))
            for optimizer in optimizers:
                optimizer.step(lambda: autograd.tensor(1.0))
    np.testing.assert_allclose(z.detach().numpy().view(float).reshape(4, 2), pair.detach().numpy(), rtol=1e-13)


@EVERY_CLASS
def test_parameters_that_are_not_contiguous(cls):
    base = tensors((400, 300), (150, 200), (6,))
    odd = [
        base[0].detach().T.requires_grad_(),
        base[1].detach()[:, ::2].requires_grad_(),
        base[2].detach()[::2].requires_grad_(),
    ]
    plain = [autograd.tensor(p.detach().numpy().copy(), requires_grad=True) for p in odd]
    for params in (odd, plain):
        optimizer = cls(params, lr=0.01)
        for step in range(3):
            give_gradients(params, step)
            optimizer.step(lambda: autograd.tensor(1.0))
    close(odd, plain)
    np.testing.assert_array_equal(base[0].detach().numpy().T, odd[0].detach().numpy())


def test_gradients_in_another_order_of_memory():
    params, twins = tensors((200, 150), (3, 4)), tensors((200, 150), (3, 4))
    a, b = Adam(params), Adam(twins)
    give_gradients(params, 0), give_gradients(twins, 0)
    for p in params:
        p.grad = p.grad.T.contiguous().T
        assert not p.grad.is_contiguous()
    a.step(), b.step()
    close(params, twins)


def test_shared_memory_is_updated_one_after_the_other():
    memory = autograd.ones(4)
    left, right = memory[:3].requires_grad_(), memory[1:].requires_grad_()
    left.grad, right.grad = autograd.ones(3), autograd.ones(3)
    SGD([left, right], lr=1.0).step()
    assert memory.tolist() == [0.0, -1.0, -1.0, 0.0]


def test_in_place_change_is_noticed_by_the_graph():
    w = autograd.ones(2, requires_grad=True)
    optimizer = SGD([w], lr=0.1)
    y = (w * w).sum()
    version = w._version
    w.grad = autograd.ones(2)
    optimizer.step()
    assert w._version > version
    with pytest.raises(RuntimeError, match="in-place"):
        y.backward()


def test_gradients_are_left_alone():
    params = tensors((3,), (20000,))
    for case in STORED:
        if case["optimizer"] in WHOLE:
            continue
        give_gradients(params, 0)
        before = [p.grad.numpy().copy() for p in params]
        optimizer = made(case, params)
        optimizer.step(), optimizer.step()
        for p, g in zip(params, before, strict=True):
            np.testing.assert_array_equal(p.grad.numpy(), g)


def test_adafactor_knows_a_product_exactly():
    """Squared gradients that are a column times a row are estimated without error from their means."""
    r = np.random.default_rng(0)
    g = np.abs(r.standard_normal((3, 5, 1))) * np.abs(r.standard_normal((3, 1, 7)))
    w = autograd.zeros(3, 5, 7, dtype=autograd.float64, requires_grad=True)
    optimizer = Adafactor([w], lr=0.5, eps=(0.0, 0.25))
    w.grad = autograd.tensor(g)
    optimizer.step()
    np.testing.assert_allclose(w.detach().numpy(), -0.25 * 0.5, rtol=1e-12)
    kept = {k: tuple(v.shape) for k, v in optimizer.state[w].items()}
    assert kept == {"step": (), "row_var": (3, 5, 1), "col_var": (3, 1, 7)}


def test_adafactor_refuses_complex_parameters():
    (z,) = tensors((2,), dtype=np.complex64)
    give_gradients([z], 0)
    with pytest.raises(RuntimeError, match="Adafactor does not support complex parameters"):
        Adafactor([z]).step()


# ---------------------------------------------------------------------------------------------- steps


@EVERY_CLASS
def test_closure(cls):
    params = start(autograd)
    optimizer = cls(params, lr=1e-3)
    first = loss(params).item()
    with autograd.no_grad():
        returned = rosenbrock_step(optimizer, params)
    assert returned.item() == first
    assert loss(params).item() < first


@EVERY_CLASS
def test_either_zero_grad_gives_the_same_trajectory(cls):
    rows = []
    for to_none in (True, False):
        params = start(autograd)
        optimizer = cls(params, lr=1e-3)
        plain_zero = type(optimizer).zero_grad
        optimizer.zero_grad = lambda zero=plain_zero, o=optimizer, n=to_none: zero(o, n)
        rows.append(trajectory(optimizer, params, 5))
    assert rows[0] == rows[1]


def test_zero_grad():
    params = tensors((2,), (3,), ())
    optimizer = SGD(params[:2])
    give_gradients(params, 0)
    held = params[0].grad
    params[1].grad = None
    optimizer.zero_grad(set_to_none=False)
    assert params[0].grad is held
    assert held.tolist() == [0.0, 0.0]
    assert params[1].grad is None
    optimizer.zero_grad()
    assert params[0].grad is None
    assert params[2].grad is not None


def test_zero_grad_forgets_the_gradients_history():
    w = autograd.tensor([2.0], requires_grad=True)
    (w**3).sum().backward(create_graph=True)
    assert w.grad.requires_grad
    SGD([w]).zero_grad(set_to_none=False)
    assert not w.grad.requires_grad
    assert w.grad.tolist() == [0.0]


@EVERY_CLASS
def test_parameters_without_gradient_are_left_alone(cls):
    params = tensors((2,), (3,), (2,))
    optimizer = cls(params)
    before = params[1].tolist()
    for step in range(3):
        give_gradients(params, step)
        params[1].grad = None
        optimizer.step(lambda: autograd.tensor(1.0))
    assert params[1].tolist() == before
    give_gradients(params, 5)
    optimizer.step(lambda: autograd.tensor(1.0))
    assert params[1].tolist() != before


def test_counters_are_each_parameters_own():
    params = tensors((2,), (3,))
    optimizer = Adam(params, lr=0.1)
    for step in range(4):
        give_gradients(params, step, zeros=0)
        if step % 2:
            params[1].grad = None
        optimizer.step()
    assert [optimizer.state[p]["step"].item() for p in params] == [4.0, 2.0]
    twin = tensors((2,), (3,))[1]
    alone = Adam([twin], lr=0.1)
    for step in (0, 2):
        others = tensors((2,), (3,))
        give_gradients(others, step, zeros=0)
        twin.grad = others[1].grad
        alone.step()
    close([params[1]], [twin])


def test_options_may_change_between_steps():
    params, twins = start(autograd), start(autograd)
    a, b = Adam(params, lr=0.1), Adam(twins, lr=0.1)
    for i in range(4):
        for optimizer in (a, b):
            optimizer.param_groups[0]["lr"] = 0.1 / (i + 1)
            optimizer.param_groups[0]["amsgrad"] = i > 1
            optimizer.param_groups[0]["betas"] = (0.5 + 0.1 * i, 0.9)
        rosenbrock_step(a, params)
        with fast_paths(False):
            rosenbrock_step(b, twins)
    close(params, twins)
    assert "max_exp_avg_sq" in a.state[params[0]]


def change_nothing(optimizer, p):
    pass


def replace_entry(optimizer, p):
    optimizer.state[p]["exp_avg"] = autograd.ones_like(p).detach()


def clear_state(optimizer, p):
    optimizer.state.clear()


def remove_entry(optimizer, p):
    del optimizer.state[p]["exp_avg_sq"]


def change_in_place(optimizer, p):
    optimizer.state[p]["exp_avg"].mul_(0.5)


def count_back(optimizer, p):
    optimizer.state[p]["step"].fill_(1.0)


def plain_number(optimizer, p):
    optimizer.state[p]["step"] = 1


def new_data(optimizer, p):
    p.data = autograd.full(p.shape, 0.25, dtype=p.dtype)


def reorder_state(optimizer, p):
    held = optimizer.state[p]["exp_avg"]
    held.data = autograd.tensor(np.asfortranarray(held.numpy()))


@pytest.mark.parametrize("change", [
    change_nothing, replace_entry, clear_state, remove_entry, change_in_place, count_back, plain_number, new_data,
    reorder_state], ids=lambda f: f.__name__)  # fmt: skip
def test_what_a_user_changes_between_steps_counts(change):
    """The fast path keeps a plan from step to step; it must notice whatever the formula would."""
    runs = []
    for path in (True, False):
        params = tensors((3, 2), (2,), (130, 140))
        optimizer = Adam(params, lr=0.1)
        with fast_paths(path):
            for step in range(4):
                give_gradients(params, step)
                optimizer.step()
                if step == 1:
                    change(optimizer, params[0])
                    change(optimizer, params[2])
        runs.append(params)
    close(*runs)


def test_big_and_small_learning_rates_stay_finite():
    for lr in (1e-35, 1e-25, 1e-12, 1e6, autograd.tensor(1e-3)):
        params, twins = tensors((5,), dtype=np.float32), tensors((5,), dtype=np.float32)
        for path, group in ((True, params), (False, twins)):
            give_gradients(group, 0)
            with fast_paths(path):
                Adam(group, lr=lr).step()
        close(params, twins, 1e-5)


def test_numpy_numbers_are_as_good_as_pythons():
    params, twins = tensors((5,), dtype=np.float32), tensors((5,), dtype=np.float32)
    options = {"lr": 0.1, "momentum": 0.9, "weight_decay": 0.1, "dampening": 0.3}
    a, b = SGD(params, **options), SGD(twins, **{k: np.float64(v) for k, v in options.items()})
    for step in range(3):
        give_gradients(params, step), give_gradients(twins, step)
        a.step(), b.step()
    np.testing.assert_array_equal(params[0].detach().numpy(), twins[0].detach().numpy())
    c = Adam(twins, lr=np.float64(0.1), betas=(np.float64(0.9), np.float64(0.99)))
    assert [type(beta) for beta in c.param_groups[0]["betas"]] == [float, float]


def test_hooks():
    w = autograd.ones(1, requires_grad=True)
    w.grad = autograd.ones(1)
    optimizer, calls = SGD([w], lr=0.1), []
    handles = [
        optimizer.register_step_pre_hook(lambda *a: calls.append(("pre", *a))),
        optimizer.register_step_post_hook(lambda *a: calls.append(("post", *a))),
        register_optimizer_step_pre_hook(lambda *a: calls.append(("all pre", *a))),
        register_optimizer_step_post_hook(lambda *a: calls.append(("all post", *a))),
    ]
    closure = lambda: 5  # noqa: E731
    assert optimizer.step(closure) == 5
    assert [c[0] for c in calls] == ["all pre", "pre", "post", "all post"]
    assert calls[0][1:] == (optimizer, (closure,), {})
    for handle in handles:
        handle.remove()
    optimizer.step()
    assert len(calls) == 4


def test_pre_hooks_may_change_arguments():
    optimizer = SGD([autograd.ones(1, requires_grad=True)])
    handle = optimizer.register_step_pre_hook(lambda o, args, kwargs: ((lambda: 9,), {}))
    assert optimizer.step() == 9
    handle.remove()
    optimizer.register_step_pre_hook(lambda o, args, kwargs: 3)
    with pytest.raises(RuntimeError, match=r"must return None or a tuple of \(new_args, new_kwargs\), but got 3"):
        optimizer.step()


def test_own_optimizers():
    class Signs(Optimizer):
        def __init__(self, params, lr=required):
            super().__init__(params, {"lr": lr})

        def step(self, closure=None):
            for group in self.param_groups:
                for p in group["params"]:
                    p.data -= group["lr"] * p.grad.sign()

    class Incomplete(Optimizer):
        pass

    w = autograd.ones(2, requires_grad=True)
    w.grad = autograd.tensor([3.0, -4.0])
    optimizer = Signs([w], lr=0.5)
    calls = []
    optimizer.register_step_post_hook(lambda *a: calls.append(a))
    optimizer.step()
    assert w.tolist() == [0.5, 1.5]
    assert len(calls) == 1
    with pytest.raises(ValueError, match="didn't specify a value of required optimization parameter lr"):
        Signs([w])
    assert repr(required) == "<required parameter>"
    with pytest.raises(NotImplementedError, match=r"Incomplete: define step\(\), or _formula\(\)"):
        Incomplete([w], {}).step()


def test_own_formula_without_kernel():
    class Mean(Optimizer):
        """w ← mean of the gradients so far."""

        def _slots(self, group):
            return {"total": 0.0}

        def _coefficients(self, group, n, fresh):
            n["step"] += 1
            return (float(n["step"]),)

        def _formula(self, w, g, s, c):
            total = s[0] + g
            return total / c[0], total

    w = autograd.ones(2, requires_grad=True)
    optimizer = Mean([w], {})
    for g in (1.0, 2.0, 6.0):
        w.grad = autograd.full((2,), g)
        optimizer.step()
    assert w.tolist() == [3.0, 3.0]


DIFFERENTIABLE = [(c, {}) for c in CLASSES if c.__name__ not in WHOLE] + [
    (SGD, {"momentum": 0.9, "nesterov": True, "weight_decay": 0.1}), (Adam, {"amsgrad": True, "weight_decay": 0.1}),
    (RMSprop, {"momentum": 0.5, "centered": True, "maximize": True}), (AdamW, {"weight_decay": 0.3}),
    (NAdam, {"decoupled_weight_decay": True, "weight_decay": 0.2})]  # fmt: skip


def unrolled(cls, kwargs, start, lr):
    """The loss after three recorded steps, as a function of the first weights and the learning rate."""
    w = start.clone()
    optimizer = cls([w], lr=lr, differentiable=True, **kwargs)
    f = lambda: ((w - 1) ** 4 + w.clone() ** 2).sum()  # noqa: E731 - a clone, since steps change w itself
    for _ in range(3):
        (w.grad,) = autograd.grad(f(), w, create_graph=True)
        optimizer.step()
    return f()


@pytest.mark.parametrize(("cls", "kwargs"), DIFFERENTIABLE, ids=lambda v: getattr(v, "__name__", str(v)))
def test_differentiable_steps(cls, kwargs):
    """Gradients through the optimizer, against central differences; the values are those of ordinary steps."""
    start = autograd.tensor([0.3, -1.2, 2.5], dtype=autograd.float64, requires_grad=True)
    lr = autograd.tensor(0.01, dtype=autograd.float64, requires_grad=True)
    value = unrolled(cls, kwargs, start, lr)
    found = autograd.grad(value, (start, lr), allow_unused=True)

    with autograd.enable_grad():
        at = lambda v, r: unrolled(cls, kwargs, autograd.tensor(v, requires_grad=True), autograd.tensor(r)).item()  # noqa: E731
    point, h = start.detach().numpy(), 1e-6
    rate = np.float64(0.01)
    for i, e in enumerate(np.eye(3) * h):
        expected = (at(point + e, rate) - at(point - e, rate)) / (2 * h)
        assert found[0].numpy()[i] == pytest.approx(expected, rel=1e-5, abs=1e-6)
    if cls not in (ASGD, Rprop):  # keep the learning rate in their state, as a number
        expected = (at(point, rate + h) - at(point, rate - h)) / (2 * h)
        assert found[1].item() == pytest.approx(expected, rel=1e-5, abs=1e-6)


@pytest.mark.parametrize("cls", [c for c in CLASSES if c.__name__ not in WHOLE])
def test_differentiable_steps_equal_ordinary_ones(cls):
    for dtype in (np.float64, np.complex128):
        (w,), (twin,) = tensors((3,), dtype=dtype), tensors((3,), dtype=dtype)
        recorded = w.clone()
        a, b = cls([recorded], lr=0.01, differentiable=True), cls([twin], lr=0.01)
        for step in range(3):
            give_gradients([recorded], step), give_gradients([twin], step)
            a.step(), b.step()
        assert recorded.grad_fn is not None
        close([recorded], [twin])


def test_a_leaf_cannot_be_changed_while_recording():
    w = autograd.ones(1, requires_grad=True)
    optimizer = SGD([w], differentiable=True)
    w.grad = autograd.ones(1)
    with pytest.raises(RuntimeError, match="leaf"):
        optimizer.step()


# ---------------------------------------------------------------------------------------------- groups


def test_groups_have_their_own_options():
    a, b, c = tensors((2,), (3,), (4,))
    optimizer = SGD([{"params": [a]}, {"params": b, "lr": 1.0}], lr=0.1, momentum=0.5)
    optimizer.add_param_group({"params": (p for p in [c]), "momentum": 0.0})
    assert [g["lr"] for g in optimizer.param_groups] == [0.1, 1.0, 0.1]
    assert [len(g["params"]) for g in optimizer.param_groups] == [1, 1, 1]
    before = [p.detach().numpy().copy() for p in (a, b, c)]
    for p in (a, b, c):
        p.grad = autograd.ones_like(p).detach()
    optimizer.step()
    for p, old, lr in zip((a, b, c), before, (0.1, 1.0, 0.1), strict=True):
        np.testing.assert_allclose(p.detach().numpy(), old - lr)
    assert c not in optimizer.state
    assert set(optimizer.state[a]) == {"momentum_buffer"}


def test_named_parameters():
    a, b = tensors((2,), (3,))
    optimizer = SGD([("first", a), ("second", b)])
    assert optimizer.param_groups[0]["param_names"] == ["first", "second"]
    assert optimizer.param_groups[0]["params"][1] is b
    other = SGD(tensors((2,), (3,)))
    other.load_state_dict(optimizer.state_dict())
    assert other.param_groups[0]["param_names"] == ["first", "second"]
    optimizer.load_state_dict(SGD([("x", a), ("y", b)]).state_dict())
    assert optimizer.param_groups[0]["param_names"] == ["x", "y"]
    optimizer.load_state_dict(SGD([a, b]).state_dict())
    assert optimizer.param_groups[0]["param_names"] == ["x", "y"]
    with pytest.raises(ValueError, match="Some param names are missing"):
        SGD([("first", a), b])
    with pytest.raises(ValueError, match="cannot add param group without names to the optimizer"):
        SGD([("first", a)]).add_param_group({"params": [b]})
    with pytest.raises(ValueError, match="cannot add param group with names to the optimizer"):
        SGD([a]).add_param_group({"params": [("b", b)]})


def test_repr():
    assert repr(SGD(tensors((1,)), lr=0.1)) == (
        "SGD (\nParameter Group 0\n    dampening: 0\n    differentiable: False\n    foreach: None\n    fused: None\n"
        "    lr: 0.1\n    maximize: False\n    momentum: 0\n    nesterov: False\n    weight_decay: 0\n)"
    )


def test_duplicates_warn_and_are_updated_twice():
    w = autograd.ones(1, requires_grad=True)
    with pytest.warns(UserWarning, match="duplicate parameters"):
        optimizer = SGD([w, w], lr=0.25)
    w.grad = autograd.ones(1)
    optimizer.step()
    assert w.item() == 0.5
    assert optimizer.state_dict()["param_groups"][0]["params"] == [0, 0]


# ---------------------------------------------------------------------------------------------- saving


def state_of(optimizer):
    saved = optimizer.state_dict()
    plain = lambda v: v.tolist() if isinstance(v, Tensor) else [plain(x) for x in v] if isinstance(v, list) else v  # noqa: E731
    state = {i: {k: plain(v) for k, v in entry.items()} for i, entry in saved["state"].items()}
    return json.dumps([state, saved["param_groups"]], default=str)


@PATHS
@EVERY_CASE
def test_resumes_bit_for_bit(case, path, tmp_path):
    with fast_paths(path):
        params = start(autograd)
        optimizer = made(case, params)
        for _ in range(5):
            rosenbrock_step(optimizer, params)
        autograd_save = pickle.dumps((optimizer.state_dict(), [p.detach() for p in params]))
        expected = trajectory(optimizer, params, 5)

        saved, values = pickle.loads(autograd_save)
        again = [v.requires_grad_() for v in values]
        resumed = made(case, again, lr=0.123)
        resumed.load_state_dict(saved)
        assert trajectory(resumed, again, 5) == expected
        assert repr(resumed) == repr(optimizer)


@EVERY_CLASS
def test_saved_by_the_librarys_own_files(cls, tmp_path):
    save = pytest.importorskip("autograd.save")
    params = start(autograd)
    optimizer = cls(params, lr=1e-3)
    for _ in range(3):
        rosenbrock_step(optimizer, params)
    path = tmp_path / "optimizer.zip"
    save.save(optimizer.state_dict(), path)
    other = cls(start(autograd))
    other.load_state_dict(save.load(path))
    assert state_of(other) == state_of(optimizer)


@EVERY_CLASS
def test_loading_copies(cls):
    params = start(autograd)
    optimizer = cls(params, lr=1e-3)
    rosenbrock_step(optimizer, params)
    saved = optimizer.state_dict()
    before = state_of(optimizer)
    twins = start(autograd)
    other = cls(twins)
    other.load_state_dict(saved)
    for _ in range(2):
        rosenbrock_step(other, twins)
    assert state_of(optimizer) == before


@EVERY_CLASS
def test_state_takes_the_parameters_dtype(cls):
    params = start(autograd)
    optimizer = cls(params, lr=1e-3)
    rosenbrock_step(optimizer, params)
    small = [p.detach().float().requires_grad_() for p in params]
    other = cls(small)
    other.load_state_dict(optimizer.state_dict())
    for p in small:
        for key, value in other.state[p].items():
            if isinstance(value, Tensor):
                assert value.dtype == autograd.float32, key
    rosenbrock_step(other, small)


@EVERY_CLASS
def test_copies_and_pickles(cls):
    params = start(autograd)
    optimizer = cls(params, lr=1e-3)
    optimizer.register_step_post_hook(print)
    for _ in range(2):
        rosenbrock_step(optimizer, params)
    expected = None
    for twin, twin_params in (
        copy.deepcopy((optimizer, params)),
        pickle.loads(pickle.dumps((optimizer, params))),
    ):
        assert twin.param_groups[0]["params"][0] is twin_params[0]
        rows = trajectory(twin, twin_params, 3)
        expected = expected or rows
        assert rows == expected


def test_state_dict_hooks():
    (w,) = tensors((1,))
    optimizer, calls = SGD([w], lr=0.1), []
    optimizer.register_state_dict_pre_hook(lambda o: calls.append("save"))
    optimizer.register_state_dict_post_hook(lambda o, s: {**s, "extra": 1})
    optimizer.register_load_state_dict_pre_hook(lambda o, s: {**s, "param_groups": [{**s["param_groups"][0], "lr": 7}]})
    optimizer.register_load_state_dict_post_hook(lambda o: calls.append("loaded"))
    optimizer.register_load_state_dict_post_hook(lambda o: calls.append("first"), prepend=True)
    saved = optimizer.state_dict()
    assert saved["extra"] == 1
    optimizer.load_state_dict(saved)
    assert calls == ["save", "first", "loaded"]
    assert optimizer.param_groups[0]["lr"] == 7


def other_count(saved):
    saved["param_groups"].append(saved["param_groups"][0])


def other_size(saved):
    saved["param_groups"][0]["params"].append(2)


def other_shape(saved):
    entry = saved["state"][1]
    name = next(k for k in entry if k not in ("step", "eta", "mu", "mu_product"))
    entry[name] = autograd.zeros(3, 3)


def other_kind(saved):
    del saved["param_groups"][0]["lr"]


MISFITS = [
    (other_count, "different number of parameter groups: 2, this .* has 1"),
    (other_size, "doesn't match the size of optimizer's group: group 0 has 3 parameters in the file and 2 here"),
    (other_shape, r"of parameter 1 has shape \(3, 3\), this parameter of shape \(\) needs"),
    (other_kind, "has no lr, which .* needs; it was saved by another optimizer"),
]


MISFIT_CASES = [
    (cls, *m) for cls in CLASSES for m in MISFITS if (cls, m[0]) != (LBFGS, other_shape)
]  # its state is flat


@pytest.mark.parametrize(("cls", "spoil", "text"), MISFIT_CASES, ids=lambda v: getattr(v, "__name__", ""))
def test_loading_what_does_not_fit_changes_nothing(cls, spoil, text):
    kwargs = {"momentum": 0.9} if cls is SGD else {}
    params = start(autograd)
    optimizer = cls(params, lr=1e-3, **kwargs)
    rosenbrock_step(optimizer, params)
    saved = copy.deepcopy(optimizer.state_dict())
    rosenbrock_step(optimizer, params)
    before = state_of(optimizer)
    spoil(saved)
    with pytest.raises(ValueError, match=text):
        optimizer.load_state_dict(saved)
    assert state_of(optimizer) == before


def test_a_state_saved_by_an_older_version():
    """Options added later are filled in; the step may be a plain number."""
    params = start(autograd)
    optimizer = AdamW(params, lr=0.1)
    rosenbrock_step(optimizer, params)
    saved = copy.deepcopy(optimizer.state_dict())
    for key in ("maximize", "foreach", "capturable", "differentiable", "fused", "decoupled_weight_decay"):
        del saved["param_groups"][0][key]
    saved["state"][0]["step"] = 1
    for entry in saved["state"].values():
        entry["step"] = 1
    twins = [p.detach().clone().requires_grad_() for p in params]
    other = AdamW(twins)
    other.load_state_dict(saved)
    assert trajectory(other, twins, 3) == trajectory(optimizer, params, 3)


def test_unknown_entries_of_the_state_are_kept():
    optimizer = SGD(tensors((1,)))
    optimizer.state["remark"] = {"seen": 3}
    saved = optimizer.state_dict()
    other = SGD(tensors((1,)))
    other.load_state_dict(saved)
    assert other.state["remark"] == {"seen": 3}


# ---------------------------------------------------------------------------------------------- errors


W = autograd.ones(2, requires_grad=True)
NAN = float("nan")
ERRORS = [
    *((lambda c=c: c([W], lr=-1.0), ValueError, "Invalid learning rate: -1.0") for c in CLASSES),
    *((lambda c=c: c([W], lr=NAN), ValueError, "Invalid learning rate: nan") for c in CLASSES),
    *((lambda c=c: c([W], lr=autograd.ones(2)), ValueError, "Tensor lr must be 1-element, got shape (2,)") for c in CLASSES),
    *((lambda c=c: c([]), ValueError, "optimizer got an empty parameter list") for c in CLASSES),
    *((lambda c=c: c([W], weight_decay=-1), ValueError, "Invalid weight_decay value: -1")
      for c in CLASSES if c not in (LBFGS, Rprop)),
    *((lambda c=c: c([W], eps=-1), ValueError, "Invalid epsilon value: -1")
      for c in (Adadelta, Adagrad, Adam, AdamW, Adamax, NAdam, RAdam, RMSprop)),
    *((lambda c=c, b=b, i=i: c([W], betas=b), ValueError, f"Invalid beta parameter at index {i}: ")
      for c in (Adam, AdamW, Adamax, NAdam, RAdam) for i, b in enumerate([(1.0, 0.9), (0.9, -0.1)])),
    (lambda: Adam([W], betas=(0.9, autograd.tensor(0.9))), ValueError, "betas must be either both floats or both Tensors"),
    (lambda: Adam([W], betas=(autograd.ones(2), autograd.ones(2))), ValueError, "Tensor betas[0] must be 1-element"),
    (lambda: Adam([W], betas=(0.9, 0.9, 0.9)), ValueError, "betas: expected two numbers, got 3"),
    (lambda: SGD([W], momentum=-1), ValueError, "Invalid momentum value: -1"),
    (lambda: SGD([W], nesterov=True), ValueError, "Nesterov momentum requires a momentum and zero dampening"),
    (lambda: RMSprop([W], momentum=-1), ValueError, "Invalid momentum value: -1"),
    (lambda: RMSprop([W], alpha=-1), ValueError, "Invalid alpha value: -1"),
    (lambda: Adagrad([W], lr_decay=-1), ValueError, "Invalid lr_decay value: -1"),
    (lambda: Adagrad([W], initial_accumulator_value=-1), ValueError, "Invalid initial_accumulator_value value: -1"),
    (lambda: Adadelta([W], rho=1.5), ValueError, "Invalid rho value: 1.5"),
    (lambda: Adafactor([W], beta2_decay=0.1), ValueError, "beta2_decay should be <= 0 but is: 0.1"),
    (lambda: Adafactor([W], eps=(-1.0, 0.1)), ValueError, "epsilon1 should be >= 0 but is: -1.0"),
    (lambda: Adafactor([W], eps=(None, -0.1)), ValueError, "epsilon2 should be >= 0 but is: -0.1"),
    (lambda: Adafactor([W], d=0.5), ValueError, "Clipping threshold d should be >= 1 but is: 0.5"),
    (lambda: NAdam([W], momentum_decay=-1), ValueError, "Invalid momentum_decay value: -1"),
    (lambda: Rprop([W], etas=(1.5, 2)), ValueError, "Invalid eta values: 1.5, 2"),
    (lambda: Adam([W], fused=True, foreach=True), RuntimeError, "`fused` and `foreach` cannot be `True` together"),
    (lambda: SGD([W], fused=True, differentiable=True), RuntimeError, "`fused` does not support `differentiable`"),
    (lambda: LBFGS([{"params": [W]}, {"params": tensors((1,))}]), ValueError, "LBFGS doesn't support per-parameter options"),
    (lambda: LBFGS([W], line_search_fn="armijo").step(lambda: 0), RuntimeError, "only 'strong_wolfe' is supported"),
    (lambda: LBFGS([W]).step(), TypeError, "closure"),
    (lambda: SGD(W), TypeError, "should be an iterable of Tensors or dicts, but got one Tensor"),
    (lambda: SGD([3.0]), TypeError, "optimizer can only optimize Tensors, but one of the params is float"),
    (lambda: SGD([{"params": {W}}]), TypeError, "optimizer parameters need to be organized in ordered collections"),
    (lambda: SGD([W * 2]), ValueError, "can't optimize a non-leaf Tensor"),
    (lambda: SGD([W]).add_param_group([W]), TypeError, "param_group must be a dict, but got <class 'list'>"),
    (lambda: SGD([W]).add_param_group({"params": [W]}), ValueError, "appear in more than one parameter group"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("make", "error", "text"), ERRORS, ids=[f"{i}-{text[:30]}" for i, (_, _, text) in enumerate(ERRORS)]
)
def test_errors(make, error, text):
    import re

    with pytest.raises(error, match=re.escape(text)):
        make()


def test_keywords_of_other_implementations_are_taken():
    for cls in CLASSES:
        taken = {"foreach": False, "differentiable": False, "capturable": False, "fused": False}
        known = {k: v for k, v in taken.items() if k in cls.__init__.__code__.co_varnames}
        optimizer = cls([W], **known)
        assert all(optimizer.param_groups[0][k] == v for k, v in known.items())


def test_retained_results_may_be_optimized():
    y = W * 2
    y.retain_grad()
    assert SGD([y]).param_groups[0]["params"][0] is y


def test_betas_may_be_tensors():
    optimizer = Adam([W], lr=autograd.tensor(0.1), betas=(autograd.tensor(0.5), autograd.tensor(0.75)))
    assert optimizer.param_groups[0]["betas"] == (0.5, 0.75)
    assert isinstance(optimizer.param_groups[0]["lr"], Tensor)


@pytest.mark.fast
def test_an_error_in_the_second_thread_is_raised(monkeypatch):
    monkeypatch.setattr(_update, "SHARED", 0)
    monkeypatch.setattr(_parallel, "team", _parallel.Team(2))
    monkeypatch.setattr(_update, "BLOCK_BYTES", 1 << 12)
    (w,) = tensors((200, 200))
    optimizer = SGD([w], lr=0.1)
    give_gradients([w], 0)

    def kernel(*args):
        raise ZeroDivisionError("planted")

    optimizer._kernel = kernel
    with pytest.raises(ZeroDivisionError, match="planted"):
        optimizer.step()


# ------------------------------------------------------------------ inside the line search


def parabola(lowest):
    """The points of (t - lowest)² on a line."""
    return lambda t: _line_search.Point(t, (t - lowest) ** 2, np.zeros(1), 2 * (t - lowest))


@pytest.mark.parametrize(("lowest", "moved"), [(0.02, 0.1), (0.98, 0.9)])
def test_a_trial_close_to_an_end_is_taken_once_and_then_moved_inwards(lowest, moved):
    low, high = parabola(lowest)(0.0), parabola(lowest)(1.0)
    assert _line_search.trial(low, high, False) == (pytest.approx(lowest), True)
    assert _line_search.trial(low, high, True) == (pytest.approx(moved), False)
    middle = parabola(0.4)
    assert _line_search.trial(middle(0.0), middle(1.0), True) == (pytest.approx(0.4), False)


def test_a_bracket_keeps_the_side_to_which_the_slope_falls():
    at = parabola(0.5)
    start = at(0.0)._replace(slope=-0.1)  # so that no point is flat enough to be the end
    low, high, done = _line_search.narrowed(start, at(0.2), at(1.0), at(0.4))
    assert (low.t, high.t, done) == (0.4, 1.0, False)
    low, high, done = _line_search.narrowed(start, at(0.1), at(1.0), at(0.6))
    assert (low.t, high.t, done) == (0.6, 0.1, False)
    low, high, done = _line_search.narrowed(start, at(0.4), at(1.0), at(0.9))
    assert (low.t, high.t, done) == (0.4, 0.9, False)  # it climbed
