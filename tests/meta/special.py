"""Calls that the drawn samples never make: ties, zeros, numbers as operands, values at a bound, factors of matrices.

Each `Case` names a function of the operation and of its inputs. `expected` has the gradients of the sum of the result;
without it the numerical derivative is the reference, in the first and the second order.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

import autograd as ag

NAN, INF = math.nan, math.inf
WEIGHT = 3.0  # the incoming gradient is not 1, so that a rule that forgets it is seen


class Case(NamedTuple):
    f: Callable[..., Any]
    inputs: tuple
    expected: tuple | None = None
    twice: bool = True
    finite: bool = False  # where `expected` is given: the second derivatives must not be NaN or infinite


def mix(*parts: Any) -> Any:
    """One number that depends on every part."""
    return sum((p * p).sum() for p in parts) + parts[0].sum() * parts[-1].sum()


def positive(a: Any) -> Any:
    return a @ a.mT + 3.0 * ag.eye(3, dtype=ag.float64)


def first(result: Any) -> Any:
    return result[0] if isinstance(result, tuple) else result


MATRIX = np.array([[1.0, 0.3, 0.2], [0.1, 2.5, 0.4], [-0.3, 0.2, 4.0]])
TURNING = np.array([[1.0, 2.0], [-1.5, 1.3]])
COMPLEX = MATRIX + 1j * np.array([[0.5, -0.2, 0.1], [0.3, 0.4, -0.6], [0.2, 0.1, -0.7]])
WIDE = np.array([[1.0, 0.4, -0.7], [0.3, 2.0, 0.6]])
SOURCE = ag.tensor([[[1.0, 4.0, -2.0, -3.0, 0.5, 0.2]]], dtype=ag.float64)
TOP = ag.tensor([[[4.0, -2.0, 0.5]]], dtype=ag.float64)
POOLED: dict[str, Any] = {"kernel": (2,), "stride": (2,), "pads": ((0, 0),)}

CHOLESKY = [
    Case(lambda c, a: first(c(positive(a))), (MATRIX,)),
    Case(lambda c, a: first(c(positive(a), upper=True)), (MATRIX,)),
]
FLAT_AT_TIES = [([3.0, 3.0, 1.0], [0.5, 0.5, 0.0]), ([-3.0, 3.0, 1.0], [0.0, 1.0, 0.0])]

SPECIAL: dict[str, list[Case]] = {
    "abs": [Case(lambda c, x: c(x), ([0.0, -2.0],), ([0.0, -1.0],))],
    "_amax": [Case(lambda c, x: c(x, dim=0), (x,), (g,)) for x, g in FLAT_AT_TIES],
    "_amin": [Case(lambda c, x: c(-x, dim=0), (x,), ([-v for v in g],)) for x, g in FLAT_AT_TIES],
    "_bce": [Case(lambda c, x, y: c(x, y), ([0.0, 1.0], [1.0, 0.0]), ([-1e12, 1e12], [100.0, -100.0]))],
    "_cholesky_ex": CHOLESKY,
    "linalg.cholesky": CHOLESKY,
    "linalg.eigh": [
        Case(lambda c, a: c(a + a.mT)[0], (MATRIX,)),
        Case(lambda c, a: c(a + a.mT)[1] ** 2, (MATRIX,)),
        Case(lambda c, a: mixed_pair(c(a + a.mT)), (MATRIX,)),
    ],
    "linalg.eigvalsh": [Case(lambda c, a: c(a + a.mT), (MATRIX,))],
    "linalg.eig": [
        *(Case(lambda c, a: c(a)[0].real ** 2 + c(a)[0].imag ** 2, (m,)) for m in (MATRIX, TURNING)),
        *(Case(lambda c, a: c(a)[1].abs(), (m,)) for m in (MATRIX, TURNING)),
        *(Case(lambda c, a: mixed_pair(c(a)), (m,)) for m in (MATRIX, TURNING)),
    ],
    "linalg.eigvals": [Case(lambda c, a: c(a).abs(), (m,)) for m in (MATRIX, TURNING)],
    "linalg.matrix_exp": [Case(lambda c, a: c(a) * 1e6, (TURNING,), None, False)],
    "linalg.qr": [
        Case(lambda c, a: mix(*c(a)), (WIDE,)),
        Case(lambda c, a: c(a)[0], ([[1.0, 0.5, 0.0], [0.3, 2.0, 0.0]],)),
    ],
    "linalg.slogdet": [
        Case(lambda c, a: c(a)[0], (COMPLEX,)),
        Case(lambda c, a: c(a)[1], (COMPLEX,)),
        Case(lambda c, a: math.prod(c(a)), (COMPLEX,)),
    ],
    "linalg.vector_norm": [
        Case(lambda c, x: c(x, ord=0), ([0.0, 2.0],), ([0.0, 0.0],)),
        Case(lambda c, x: c(x, ord=1), ([0.0, -2.0],), ([0.0, -1.0],)),
        Case(lambda c, x: c(x, ord=INF), ([2.0, -2.0, 1.0],), ([0.5, -0.5, 0.0],)),
        Case(lambda c, x: c(x, ord=0.5), ([0.0, 1.0, -4.0],), ([0.0, 3.0, -1.5],)),
        Case(lambda c, x: c(x, ord=1.5), ([0.0, 1.0],), ([0.0, 1.0],)),
        Case(lambda c, x: c(x, ord=1.5), ([0.0, 0.0],), ([0.0, 0.0],)),
        Case(lambda c, x: c(x, ord=4), ([-0.7, 1.0, 2.0],)),
    ],
    "_length": [
        Case(lambda c, x: c(x, p=1.0, dim=0), ([0.0, -2.0],), ([0.0, -1.0],)),
        Case(lambda c, x: c(x, p=INF, dim=0), ([0.0, 0.0],), ([0.0, 0.0],)),
        Case(lambda c, x: c(x, p=INF, dim=0), ([2.0, -2.0, 1.0],), ([0.5, -0.5, 0.0],)),
        Case(lambda c, x: c(x, p=4.0, dim=0), ([-0.7, 1.0, 2.0],)),
        Case(lambda c, x: c(x, p=3.0, dim=0), ([0.0, 0.0],), ([0.0, 0.0],), finite=True),
        Case(lambda c, x: c(x, p=1.5, dim=0), ([0.0, 1.0],), ([0.0, 1.0],), finite=True),
    ],
    "_lstm_cell": [
        Case(lambda c, x, h: c(x, h)[1], ([[0.0] * 4], [[0.0]]), ([[0.0, 0.0, 0.5, 0.0]], [[0.5]])),
    ],
    "_pow": [
        *(Case(lambda c, x, n=n: c(x, n), ([0.5, -1.2, 2.0],)) for n in (2, 3, 4, -1, 0)),
        Case(lambda c, x: c(x, 1.7), ([0.5, 2.0],)),
        Case(lambda c, x: c(x, 0), ([0.0, 2.0],), ([0.0, 0.0],)),
        Case(lambda c, y: c(1.7, y), ([0.5, -2.0, 0.0],)),
        Case(lambda c, y: c(0.0, y), ([0.5, 2.0, 0.0],), ([0.0, 0.0, 0.0],)),
        Case(lambda c, y: c(0.0, y), ([0.5, -1.0, NAN],), ([0.0, -INF, NAN],)),
        Case(lambda c, y: c(0.0, y) * ag.tensor([1.0, 0.0]), ([0.5, -1.0],), ([0.0, 0.0],)),
        Case(lambda c, x, y: c(x, y), ([0.0, 2.0, 0.0, 3.0], [0.0, 0.0, 2.0, 2.0]),
             ([0.0, 0.0, 0.0, 6.0], [0.0, math.log(2), 0.0, 9 * math.log(3)]), finite=True),
        Case(lambda c, x, y: c(x, y), ([0.0, 0.0], [1.0, -1.0]), ([1.0, -INF], [0.0, -INF])),
        Case(lambda c, x, y: c(x, y) * ag.tensor([0.0, 1.0]), ([2.0, 2.0], [0.0, 0.0]), ([0.0, 0.0], [0.0, math.log(2)])),
    ],
    "prod": [Case(lambda c, x: c(x), (0.0,), (1.0,))],
    "logsumexp": [
        Case(lambda c, x: c(x, dim=0), ([-INF, -INF],), ([0.0, 0.0],)),
        Case(lambda c, x: c(x, dim=0), ([-INF, 1.0],), ([0.0, 1.0],)),
        Case(lambda c, x: c(x, dim=0), ([INF, 1.0],), ([NAN, 0.0],)),
        Case(lambda c, x: c(x, dim=0), ([NAN, 1.0],), ([NAN, NAN],)),
    ],
    "logcumsumexp": [
        Case(lambda c, x: c(x, dim=0), ([-INF, -INF],), ([0.0, 0.0],)),
        Case(lambda c, x: c(x, dim=0), ([-INF, 1.0],), ([0.0, 1.0],)),
        Case(lambda c, x: c(x, dim=0), ([0.0, NAN],), ([NAN, NAN],)),
    ],
    "_to_maxima": [Case(lambda c, g: c(g, SOURCE, TOP, **POOLED, dilation=(1,)), ([[[0.3, -1.0, 2.0]]],))],
    "_from_maxima": [Case(lambda c, x: c(x, SOURCE, TOP, **POOLED, dilation=(1,)), ([[[0.3, -1.0, 2.0, 0.1, 0.7, 4.0]]],))],
    "_window_sum": [Case(lambda c, x: c(x, **POOLED, count=(3,)), (np.arange(12.0).reshape(1, 2, 6),))],
    "clamp": [
        Case(lambda c, x, low: c(x, low), ([1.0, -1.0, 0.3], [0.0, 0.5, 0.1])),
        Case(lambda c, x, high: c(x, None, high), ([1.0, -1.0, 0.3], [0.0, 0.5, 0.1])),
    ],
    "copysign": [
        Case(lambda c, x, y: c(x, y), ([-1.0, 2.0, -3.0], [1.0, -2.0, -0.5])),
        Case(lambda c, x, y: c(x, y), ([0.0, 2.0], [1.0, 0.0]), ([0.0, 1.0], [0.0, 0.0])),
    ],
    "logit": [
        Case(lambda c, x: c(x), ([-0.5, 1.5, 0.5],), ([NAN, NAN, 4.0],)),
        Case(lambda c, x: c(x, eps=0.05), ([0.02, 0.97, 0.5],), ([0.0, 0.0, 4.0],)),
    ],
    "nn.functional.softplus": [Case(lambda c, x: c(x, beta=3, threshold=1), ([0.7, -0.4, 0.2],))],
    "sgn": [
        Case(lambda c, x: c(x), (np.array([1.0 + 2.0j, -0.5 + 0.3j]),)),
        Case(lambda c, x: c(x).real, (np.array([0j, 2.0]),), ([0.0, 0.0],), finite=True),
        Case(lambda c, x: c(x) * ag.tensor([0.0, 1.0]), (np.array([0j, 2.0]),), ([0.0, 0.0],)),
        Case(lambda c, x: c(x) * ag.tensor([0.0, 1.0]), ([1.0, 2.0],), ([0.0, 0.0],)),
        Case(lambda c, x: c(x), ([0.0, 2.0],), ([0.0, 0.0],)),
    ],
    "sinc": [
        Case(lambda c, x: c(x), ([0.0, 0.0094, -0.0094, 0.16, -0.16],),
             ([0.0, -0.030922063659659174, 0.030922063659659174, -0.5131987642547578, 0.5131987642547578],), finite=True),
        # What the series adds to its first two terms, t = pi x: the exact numbers to 20 digits, by mpmath.
        Case(lambda c, x: c(x) - (1 - (math.pi * x) ** 2 / 6 + (math.pi * x) ** 4 / 120), ([0.0094, -0.0094],),
             ([-8.399476211196813e-11, 8.399476211196813e-11],)),
    ],
    "special.xlog1py": [
        Case(lambda c, x, y: c(x, y), ([0.0, 0.0, 2.0, 2.0], [-1.0, 0.5, 1.0, -1.0]),
             ([0.0, math.log(1.5), math.log(2), -INF], [NAN, 0.0, 1.0, INF])),
    ],
    "xlogy": [
        Case(lambda c, x, y: c(x, y), ([0.0, 0.0, 2.0, 2.0], [0.0, 0.5, 1.0, 0.0]),
             ([0.0, math.log(0.5), 0.0, -INF], [NAN, 0.0, 2.0, INF])),
    ],
}  # fmt: skip


def mixed_pair(pair: Any) -> Any:
    """Both results in one number each, whatever the sign or phase of the vectors."""
    values, vectors = pair
    return values.abs()[None, :] * vectors.abs() ** 2


def leaf(value: Any) -> Any:
    a = np.asarray(value)
    return ag.tensor(a if a.dtype.kind == "c" else a.astype(np.float64), requires_grad=True)


def check(call: Any, case: Case) -> None:
    """Raise AssertionError, or what the comparison raises, if `case` does not hold for the operation."""
    xs = [leaf(v) for v in case.inputs]
    f = lambda *xs: case.f(call, *xs)  # noqa: E731
    if case.expected is None:
        ag.gradcheck(lambda *xs: f(*xs) * WEIGHT, xs, atol=1e-6, rtol=1e-5)
        if case.twice:
            ag.gradgradcheck(f, xs, atol=1e-5, rtol=1e-4)
        return
    grads = ag.grad((f(*xs) * WEIGHT).sum().real, xs, create_graph=case.finite)
    for g, wanted in zip(grads, case.expected, strict=True):
        np.testing.assert_allclose(g._data / WEIGHT, wanted, rtol=1e-9, atol=1e-12)
    if case.finite:
        second = ag.grad(sum((g * g).real.sum() + g.real.sum() for g in grads), xs, allow_unused=True)
        assert all(g is None or np.isfinite(g._data).all() for g in second)
