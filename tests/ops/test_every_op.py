"""What every declaration owes, read from the registry: nothing here is written per operation."""

from __future__ import annotations

import numpy as np
import pytest

import autograd
from autograd._node import Complex
from autograd._op import Composite, Op
from autograd._registry import registry
from autograd._tensor import Tensor, wrap

DECLARED = {d.name if d.namespace in ("", "_") else f"{d.namespace}.{d.name}": d for d in registry.values()}
SAMPLED = sorted(name for name, d in DECLARED.items() if d.sample is not None)
RULED = sorted(name for name, d in DECLARED.items() if d.sample is not None and d.differentiable)
ELEMENTWISE = sorted(n for n in RULED if isinstance(DECLARED[n], Op) and DECLARED[n].elementwise)


def trials(declared, seed=0):
    rng = np.random.default_rng(seed)
    return declared.sample.calls(rng, len(getattr(declared, "inputs", ("x",))))


def is_real(a):
    return (isinstance(a, np.ndarray) and a.dtype.kind in "fc") or isinstance(a, np.floating)


def dress(value, requires_grad=False):
    """Arrays as tensors, also inside a list argument."""
    if isinstance(value, (np.ndarray, np.generic)):
        t = wrap(np.array(value))
        return t.requires_grad_() if requires_grad and is_real(np.asarray(value)) else t
    return [dress(v, requires_grad) for v in value] if isinstance(value, list) else value


def run(declared, trial, leaves):
    """Call with `leaves` in the places of the real arrays; the result's differentiable tensors."""
    remaining = iter(leaves)

    def fill(value):
        if isinstance(value, list):
            return [fill(v) for v in value]
        if is_real(value):
            return next(remaining)
        return dress(value)

    args = [fill(a) for a in trial.args]
    result = declared.call(*args, **trial.kwargs)
    return flat(result[0] if getattr(declared, "aux", ()) else result)


def flat(result):
    if isinstance(result, (tuple, list)):
        return [t for r in result for t in flat(r)]
    return [result] if isinstance(result, Tensor) and result.dtype.kind in "fc" else []


def reals_of(trial):
    def find(value):
        if isinstance(value, list):
            return [x for v in value for x in find(v)]
        return [value] if is_real(value) else []

    return [a for v in trial.args for a in find(v)]


def leaves_of(trial):
    return [dress(a, requires_grad=True) for a in reals_of(trial)]


def tolerance(declared):
    return declared.tolerance or 1e-6


@pytest.mark.parametrize("name", sorted(n for n, d in DECLARED.items() if isinstance(d, Op) and d.rules))
def test_a_rule_comes_with_a_domain_to_test_it_on(name):
    assert DECLARED[name].sample is not None
    assert set(DECLARED[name].rules) <= set(DECLARED[name].inputs)


@pytest.mark.parametrize("name", sorted(n for n, d in DECLARED.items() if d.namespace != "_"))
def test_documented(name):
    assert DECLARED[name].doc, f"{name} has no docstring"


@pytest.mark.parametrize("name", RULED)
def test_first_gradient_is_the_numerical_one(name):
    declared = DECLARED[name]
    for trial in trials(declared):
        leaves = leaves_of(trial)
        if leaves:
            assert autograd.gradcheck(
                lambda *xs, t=trial: run(declared, t, xs), leaves, atol=tolerance(declared), rtol=1e-5
            )


@pytest.mark.parametrize("name", RULED)
def test_second_gradient_is_the_numerical_one(name):
    declared = DECLARED[name]
    if isinstance(declared, Op) and not declared.differentiable_twice:
        pytest.skip("declared once differentiable; raising is tested in test_twice.py")
    for trial in trials(declared)[:4]:
        leaves = leaves_of(trial)
        if leaves:
            assert autograd.gradgradcheck(
                lambda *xs, t=trial: run(declared, t, xs), leaves, atol=10 * tolerance(declared), rtol=1e-4
            )


@pytest.mark.parametrize("name", RULED)
def test_float32_stays_float32_in_value_and_gradient(name):
    declared = DECLARED[name]
    for trial in trials(declared):
        if any(a.dtype.kind == "c" for a in reals_of(trial)):
            continue
        leaves = [wrap(np.array(a, np.float32)).requires_grad_() for a in reals_of(trial)]
        outputs = [o for o in run(declared, trial, leaves) if o.requires_grad]
        for o in outputs:
            assert (
                o.dtype in (autograd.float32, autograd.complex64) or "dtype" in trial.kwargs or name == "float_power"
            ), o.dtype
        grads = autograd.grad([o.abs().sum() for o in outputs], leaves, allow_unused=True) if outputs else ()
        for leaf, g in zip(leaves, grads, strict=False):
            assert g is None or (g.dtype is autograd.float32 and g.shape == leaf.shape)


# `view` alone may refuse a layout (tests/ops/test_shape.py has its error); everything else must take any.
@pytest.mark.parametrize("name", [n for n in RULED if n != "_view"])
def test_memory_layout_does_not_matter(name):
    """The same values in Fortran order, reversed memory and with gaps give the same results and gradients."""
    declared = DECLARED[name]
    for trial in trials(declared):
        plain = leaves_of(trial)
        if not plain:
            continue
        strange = [wrap(scattered(np.array(t._data))).requires_grad_() for t in plain]
        for a, b in zip(results(declared, trial, plain), results(declared, trial, strange), strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-10, atol=1e-12)


def scattered(a):
    """The same values in memory with gaps and, for matrices, transposed."""
    if not a.ndim:
        return a
    gaps = np.full([2 * n for n in a.shape[::-1]], np.nan, a.dtype).T
    view = gaps[tuple(slice(None, None, 2) for _ in a.shape)]
    view[...] = a
    return view


def results(declared, trial, leaves):
    outputs = run(declared, trial, leaves)
    recorded = [o for o in outputs if o.requires_grad]
    grads = ()
    if recorded:
        grads = autograd.grad([(o * o.detach().conj()).real.sum() for o in recorded], leaves, allow_unused=True)
    return [o._data for o in outputs] + [g._data for g in grads if g is not None]


@pytest.mark.parametrize("name", ELEMENTWISE)
def test_elementwise_on_empty_and_zero_d(name):
    declared = DECLARED[name]
    n = len(declared.inputs)
    empty = [wrap(np.zeros((0, 3))).requires_grad_() for _ in range(n)]
    out = declared.call(*empty)
    assert out.shape == (0, 3)
    if out.requires_grad:
        for g in autograd.grad(out.sum(), empty, allow_unused=True):
            assert g is None or g.shape == (0, 3)


@pytest.mark.parametrize("name", sorted(n for n, d in DECLARED.items() if isinstance(d, Op) and d.fast_rule))
def test_fast_rule_equals_the_rules(name):
    declared = DECLARED[name]
    for trial in trials(declared):
        found = []
        for mode in (True, False):
            with autograd.fast_paths(mode):
                found.append(results(declared, trial, leaves_of(trial)))
        for a, b in zip(*found, strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize("name", [n for n in RULED if isinstance(DECLARED[n], Op)])
def test_a_recorded_pass_written_out_gives_what_the_general_one_gives(name, monkeypatch):
    declared = DECLARED[name]
    monkeypatch.setattr(Complex, "seen", False)  # another test's complex tensor sends every pass the general way
    for trial in trials(declared):
        found = []
        for mode in (True, False):
            with autograd.fast_paths(mode):
                found.append(twice(declared, trial, leaves_of(trial)))
        for a, b in zip(*found, strict=True):
            assert (a is None) == (b is None)
            if a is not None:
                assert (a.dtype, a.shape, a.requires_grad) == (b.dtype, b.shape, b.requires_grad)
                np.testing.assert_allclose(a.detach().numpy(), b.detach().numpy(), rtol=1e-9, atol=1e-11)


def twice(declared, trial, leaves):
    """First gradients, recorded where the operation allows it, and gradients of these."""
    outs = [t for t in run(declared, trial, leaves) if t.requires_grad]
    if not outs or not declared.differentiable_twice:
        return []
    first = autograd.grad(outs, leaves, [t.detach() * 0 + 1 for t in outs], create_graph=True, allow_unused=True)
    again = [t for t in first if t is not None and t.requires_grad]
    if not again:
        return first
    return [*first, *autograd.grad(again, leaves, [t.detach() * 0 + 1 for t in again], allow_unused=True)]


@pytest.mark.parametrize("name", sorted(n for n, d in DECLARED.items() if d.inplace and n in RULED))
def test_in_place_form_equals_the_plain_one(name):
    declared = DECLARED[name]
    for trial in trials(declared):
        plain, changed = leaves_of(trial), leaves_of(trial)
        expected = run(declared, trial, plain)
        if not expected or expected[0].shape != plain[0].shape:
            continue
        first = changed[0] * 1
        args = list(trial.args)
        rest = [
            dress(a) if not is_real(a) else changed[1:][sum(is_real(b) for b in args[1 : i + 1])]
            for i, a in enumerate(args[1:])
        ]
        got = getattr(first, declared.name + "_")(*rest, **trial.kwargs)
        assert got is first
        np.testing.assert_allclose(got._data, expected[0]._data, rtol=1e-12)
        if expected[0].requires_grad:
            a = autograd.grad(expected[0].abs().sum(), plain, allow_unused=True)
            b = autograd.grad(got.abs().sum(), changed, allow_unused=True)
            for u, v in zip(a, b, strict=True):
                if u is not None:
                    np.testing.assert_allclose(u._data, v._data, rtol=1e-10)


def test_nothing_is_left_out():
    """Every operation with a rule is in the generated gradient tests, and so is every composite with a domain."""
    with_rules = {n for n, d in DECLARED.items() if isinstance(d, Op) and d.rules}
    assert with_rules <= set(RULED)
    assert len(with_rules) >= 100
    assert all(isinstance(d, (Op, Composite)) for d in registry.values())
