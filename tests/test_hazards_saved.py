"""Of every operation: whatever it was given, or gave, is changed in place before backward. Right as of before, or refused."""

from __future__ import annotations

import numpy as np
import pytest

import autograd as ag
from autograd._tensor import Tensor, wrap
from tests.ops.test_every_op import DECLARED, RULED, flat, is_real, trials


def dressed(value, found):
    """The argument with tensors for its arrays, which are noted."""
    if isinstance(value, list):
        return [dressed(v, found) for v in value]
    if isinstance(value, (np.ndarray, np.generic)):
        t = wrap(np.array(value))
        if is_real(np.asarray(value)):
            t = t.requires_grad_() * 1.0
        found.append(t)
        return t
    return value


def called(declared, trial):
    """(the tensors given, those of floating dtype among the results)"""
    given: list[Tensor] = []
    args = [dressed(a, given) for a in trial.args]
    kwargs = dict(trial.kwargs)
    if declared.namespace != "_":  # those that only other operations call take arrays
        kwargs = {k: wrap(np.array(v)) if isinstance(v, np.ndarray) else v for k, v in kwargs.items()}
        given += [v for v in kwargs.values() if isinstance(v, Tensor)]
    result = declared.call(*args, **kwargs)
    return given, [t for t in flat(result[0] if getattr(declared, "aux", ()) else result) if t.requires_grad]


def gradients(given, results, create=False):
    leaves = [t for t in given if t.requires_grad]
    weights = [ag.ones_like(t) for t in results]
    found = ag.grad(results, leaves, weights, create_graph=create, allow_unused=True)
    return [
        np.zeros(t.shape) if g is None else g.detach().numpy(force=True) for t, g in zip(leaves, found, strict=True)
    ]


def scribble(t, outside):
    """Change the numbers, not the history: through the engine, or through NumPy."""
    if not outside:
        with ag.no_grad():
            if t.dtype.kind == "b":
                t.logical_not_()
            elif t.dtype.kind in "iu":
                t.copy_(t.flip(-1) if t.ndim else 1 - t)
            else:
                t.mul_(1.7).add_(0.3)
        return
    array = t.numpy()
    if array.dtype.kind in "fc":
        array[...] = array * 1.7 + 0.3
    elif array.ndim:
        array[...] = array[..., ::-1].copy()
    else:
        array[...] = ~array if array.dtype.kind == "b" else 1 - array


def after(given, results, target, outside):
    """The gradients when the target has been changed; None when that, or they, are refused."""
    try:
        scribble(target.detach(), outside)
    except RuntimeError as error:
        assert "single memory location" in str(error)  # noqa: PT017
        return None
    try:
        return gradients(given, results, create=outside)
    except RuntimeError as error:
        assert "modified by an inplace operation" in str(error) or "differentiable rule" in str(error)  # noqa: PT017
        return None


@pytest.mark.parametrize("fast", [True, False])
@pytest.mark.parametrize("name", RULED)
def test_changing_what_an_operation_keeps_is_right_or_refused(name, fast):
    declared = DECLARED[name]
    for trial in trials(declared)[:3]:
        with ag.fast_paths(fast):
            given, results = called(declared, trial)
            if not results or not any(t.requires_grad for t in given):
                continue
            expected = gradients(given, results)
            for place in range(len(given) + len(results)):
                for outside in (False, True):
                    given, results = called(declared, trial)
                    found = after(given, results, [*given, *results][place], outside)
                    for a, b in zip(found or expected, expected, strict=True):
                        np.testing.assert_allclose(
                            a, b, rtol=1e-6, atol=1e-8, err_msg=f"place {place}, outside {outside}"
                        )


def test_two_numbers_that_change_places_are_noticed():
    """A checksum that only adds up would not see it."""
    x = ag.tensor([1.0, 2.0, 3.0, 4.0, 5.0, 6.0], dtype=ag.float64, requires_grad=True)
    for at in ([[True, False, False, False, False, True], [False, True, False, False, True, False]],
               [[True, False, False, True, False, False], [False, True, True, False, False, False]]):  # fmt: skip
        mask = ag.tensor(at[0])
        y = ag.where(mask, x * 2.0, x * 3.0).sum()
        mask.numpy()[...] = at[1]
        with pytest.raises(RuntimeError, match="modified by an inplace operation"):
            y.backward()
