"""Numerical differentiation, and gradients compared with it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from . import _checks
from ._backward import gradients
from ._checks import GradcheckError, as_tuple, draw, numerical_jacobian, outputs_of
from ._mode import enable_grad
from ._tensor import wrap


def gradcheck(
    func: Callable,
    inputs: Any,
    *,
    eps: float = 1e-6,
    atol: float = 1e-5,
    rtol: float = 1e-3,
    raise_exception: bool = True,
    nondet_tol: float = 0.0,
    check_undefined_grad: bool = True,
    check_grad_dtypes: bool = False,
    check_batched_grad: bool = False,
    check_batched_forward_grad: bool = False,
    check_forward_ad: bool = False,
    check_backward_ad: bool = True,
    fast_mode: bool = False,
    masked: bool | None = None,
) -> bool:
    """Compare the gradients of `func` with central differences, element by element.

    Args:
        func: takes Tensors, returns a Tensor or a tuple of them.
        inputs: a Tensor or tuple; those that require grad are checked and should be float64.
        eps: step of the differences.
        atol, rtol: |analytical - numerical| <= atol + rtol * |numerical| must hold.
        raise_exception: raise on a difference; otherwise return False.
        nondet_tol: how far two backward passes of the same graph may differ.
        check_undefined_grad: leave out one of several outputs at a time; backward must cope.
        check_grad_dtypes: gradients must have the dtypes of their inputs.
        check_batched_grad: a batch of weights must give what each of them gives.
        check_forward_ad: compare forward mode's tangents with the differences too.
        check_backward_ad: compare backward's gradients with the differences.
        fast_mode: along one random direction only: two calls whatever the sizes.
        check_batched_forward_grad, masked: accepted for PyTorch's sake; there is no batched forward mode and no masked
            memory here that could differ.

    Raises:
        GradcheckError: naming input, output, element, both numbers and the step.
        ValueError: no input requires grad.

    Example:
        >>> import autograd
        >>> x = autograd.randn(3, dtype=autograd.float64, requires_grad=True)
        >>> autograd.gradcheck(lambda x: (x * x).sum(), x)
        True
    """
    if not (check_forward_ad or check_backward_ad):
        raise AssertionError("Expected at least one of check_forward_ad or check_backward_ad to be True")
    if check_batched_grad and not check_backward_ad:
        raise AssertionError("Setting check_batched_grad=True requires check_backward_ad to be True")
    inputs = as_tuple(inputs)
    places = _checks.check_inputs(inputs)
    try:
        with enable_grad():
            if not any(o.requires_grad for o in outputs_of(func, inputs)):
                _checks.check_nothing_comes_out(func, inputs, places, eps, atol, rtol)
                return True
            for i in places:
                if check_backward_ad:
                    (_checks.check_direction if fast_mode else _checks.check_backward)(func, inputs, i, eps, atol, rtol)
                if check_forward_ad:
                    _checks.check_forward(func, inputs, i, eps, atol, rtol)
            if check_backward_ad:
                _checks.check_manners(func, inputs, places, nondet_tol, check_undefined_grad, check_grad_dtypes)
            if check_batched_grad:
                _checks.check_batched(func, inputs)
    except GradcheckError:
        if raise_exception:
            raise
        return False
    return True


def gradgradcheck(
    func: Callable,
    inputs: Any,
    grad_outputs: Any = None,
    *,
    eps: float = 1e-6,
    atol: float = 1e-5,
    rtol: float = 1e-3,
    gen_non_contig_grad_outputs: bool = False,
    raise_exception: bool = True,
    nondet_tol: float = 0.0,
    check_undefined_grad: bool = True,
    check_grad_dtypes: bool = False,
    check_batched_grad: bool = False,
    check_fwd_over_rev: bool = False,
    check_rev_over_rev: bool = True,
    fast_mode: bool = False,
    masked: bool = False,
) -> bool:
    """Compare second derivatives with central differences of the first, in the inputs and in the incoming gradient.

    Varying the incoming gradient as well is what sees a rule that forgot to record part of itself.

    Args:
        grad_outputs: weights of the outputs, random ones when None.
        gen_non_contig_grad_outputs: random weights with gaps in memory.
        check_fwd_over_rev: push tangents through the first derivative. check_rev_over_rev: differentiate it by backward.

    The others are those of `gradcheck`.
    """
    if not (check_fwd_over_rev or check_rev_over_rev):
        raise AssertionError("Expected at least one of check_fwd_over_rev or check_rev_over_rev to be True")
    inputs = as_tuple(inputs)
    if grad_outputs is None:
        grad_outputs = _random_weights(
            [o for o in outputs_of(func, inputs) if o.requires_grad], gen_non_contig_grad_outputs
        )
    grad_outputs = as_tuple(grad_outputs)
    places = _checks.check_inputs(inputs)

    def first(*args):
        given, weights = args[: len(inputs)], args[len(inputs) :]
        leaves = [v if v.requires_grad else v.detach().requires_grad_() for v in (given[i] for i in places)]
        full = list(given)
        for i, leaf in zip(places, leaves, strict=True):
            full[i] = leaf
        outs = [o for o in outputs_of(func, full) if o.requires_grad]
        return gradients(outs, leaves, weights, None, True, None, True)

    return gradcheck(
        first, (*inputs, *grad_outputs), eps=eps, atol=atol, rtol=rtol, raise_exception=raise_exception, nondet_tol=nondet_tol,
        check_undefined_grad=check_undefined_grad, check_grad_dtypes=check_grad_dtypes, check_batched_grad=check_batched_grad,
        check_forward_ad=check_fwd_over_rev, check_backward_ad=check_rev_over_rev, fast_mode=fast_mode,
    )  # fmt: skip


def _random_weights(outputs, with_gaps):
    """Random weights for outputs, as leaves; with gaps, every other element of a longer last axis."""
    rng, made = np.random.default_rng(0), []
    for o in outputs:
        values = draw(rng, o)
        made.append(wrap(np.repeat(values, 2, -1)[..., ::2] if with_gaps and values.ndim else values).requires_grad_())
    return tuple(made)


__all__ = ["GradcheckError", "gradcheck", "gradgradcheck", "numerical_jacobian"]
