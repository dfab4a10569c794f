"""Changes in place that NumPy makes where the numbers are, against the general way."""

from __future__ import annotations

import numpy as np
import pytest

import autograd
from autograd import _inplace

CHANGES = {
    "add": lambda t, y: t.add_(y),
    "add scaled": lambda t, y: t.add_(y, alpha=-0.3),
    "add twice": lambda t, y: t.add_(y, alpha=2),
    "sub": lambda t, y: t.sub_(y),
    "sub scaled": lambda t, y: t.sub_(y, alpha=0.7),
    "mul": lambda t, y: t.mul_(y),
    "div": lambda t, y: t.div_(y),
    "+=": lambda t, y: t.__iadd__(y),
    "-=": lambda t, y: t.__isub__(y),
    "*=": lambda t, y: t.__imul__(y),
    "/=": lambda t, y: t.__itruediv__(y),
}
OPERANDS = {
    "a tensor": lambda t: autograd.tensor(np.linspace(-1, 2, t.numel()).reshape(t.shape), dtype=t.dtype),
    "itself": lambda t: t,
    "a number": lambda t: 0.3,
    "an integer": lambda t: 3,
    "zero": lambda t: 0,
    "infinity": lambda t: float("inf"),
    "a row": lambda t: autograd.ones(t.shape[-1], dtype=t.dtype) * 3,
    "one number": lambda t: autograd.tensor(2.5, dtype=t.dtype),
    "half": lambda t: autograd.full(t.shape, 0.5, dtype=autograd.float16),
}


@pytest.fixture
def taken(monkeypatch):
    """Whether each change was made directly."""
    found: list = []
    real = _inplace.direct

    def direct(*args, **named):
        found.append(real(*args, **named))
        return found[-1]

    monkeypatch.setattr("autograd._entry.direct", direct)
    return found


def _changed(change, operand, dtype, view):
    base = autograd.tensor(np.linspace(-2, 2, 24).reshape(4, 6), dtype=dtype)
    t = {"whole": base, "rows": base[1:3], "columns": base[:, ::2], "turned": base.t()}[view]
    before = base._version
    try:
        result = CHANGES[change](t, OPERANDS[operand](t))
    except RuntimeError as error:
        return type(error), str(error), base.numpy().tobytes()
    assert result is t
    assert base._version > before
    return base.dtype, base.numpy().tobytes(), t.numpy().tobytes()


@pytest.mark.fast
@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("operand", OPERANDS)
@pytest.mark.parametrize("dtype", [autograd.float32, autograd.float64, autograd.float16, autograd.int64])
@pytest.mark.parametrize("view", ["whole", "rows", "columns", "turned"])
def test_direct_changes_are_those_of_the_general_way(change, operand, dtype, view, taken, monkeypatch):
    with np.errstate(all="ignore"):
        found = _changed(change, operand, dtype, view)
        floating = dtype in (autograd.float32, autograd.float64)
        direct = floating and operand in ("a tensor", "itself", "a number", "an integer", "zero")
        scaled = "scaled" in change or "twice" in change
        assert taken == [direct and not (scaled and operand in ("a number", "an integer", "zero"))]
        monkeypatch.setattr("autograd._entry.direct", lambda *args, **named: False)
        assert found == _changed(change, operand, dtype, view)


def test_an_operand_that_overlaps_is_read_first():
    x = autograd.arange(6.0)
    x[1:].add_(x[:-1])
    assert x.tolist() == [0.0, 1.0, 3.0, 5.0, 7.0, 9.0]
    x[:-1].sub_(x[1:], alpha=2)
    assert x.tolist() == [-2.0, -5.0, -7.0, -9.0, -11.0, 9.0]


@pytest.mark.fast
def test_what_is_recorded_is_not_changed_directly(taken):
    w = autograd.ones(3, requires_grad=True)
    with pytest.raises(RuntimeError, match="leaf Variable"):
        w.add_(1.0)
    y = w * 2.0
    y.mul_(3.0)
    z = autograd.zeros(3)
    z.add_(w, alpha=2.0)
    assert taken == [False, False, False]
    (y * z).sum().backward()
    assert w.grad.tolist() == [6.0 * 2.0 + 6.0 * 2.0] * 3
    with autograd.no_grad():
        w -= 0.5 * w.grad
        w.mul_(2.0)
    assert taken[3:] == [True, True]
    assert w.tolist() == [-22.0] * 3
    assert w.is_leaf
    assert w.requires_grad


def test_a_saved_value_that_was_changed_directly_is_noticed():
    x, w = autograd.ones(3), autograd.ones(3, requires_grad=True)
    y = (x * w).sum()
    x.mul_(2.0)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        y.backward()


def test_nothing_is_changed_where_that_is_refused():
    fixed = np.ones(3)
    fixed.flags.writeable = False
    with pytest.raises(RuntimeError, match="read-only"):
        autograd.from_numpy(fixed).add_(1.0)
    assert fixed.tolist() == [1.0] * 3
    repeated = autograd.ones(1).expand(3)
    with pytest.raises(RuntimeError, match="single memory"):
        repeated.add_(1.0)
    with pytest.raises(RuntimeError, match="broadcast shape"):
        autograd.ones(3).add_(autograd.ones(2, 3))


@pytest.mark.filterwarnings("error")
@pytest.mark.fast
def test_division_by_zero_in_place_is_silent(taken):
    x = autograd.tensor([1.0, -1.0, 0.0])
    x.div_(0.0)
    assert taken == [True]
    np.testing.assert_array_equal(x.numpy(), [np.inf, -np.inf, np.nan])


@pytest.mark.fast
def test_the_profiler_sees_changes_in_place():
    x = autograd.ones(4)
    with autograd.profiler.profile() as p:
        x.mul_(2.0)
    assert [row.name for row in p.rows()] == ["mul"]


@pytest.mark.filterwarnings("ignore:vmap")
def test_changes_of_slices_that_are_mapped():
    x = autograd.arange(6.0).reshape(2, 3)
    y = autograd.func.vmap(lambda t: t.clone().add_(t, alpha=2.0))(x)
    assert y.tolist() == (x * 3.0).tolist()
