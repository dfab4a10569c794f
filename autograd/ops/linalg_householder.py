"""Householder reflections: QR in compact form, products with its Q."""

from __future__ import annotations

from typing import Any

import numpy as np

from .._op import composite, op
from .._samples import call, cases
from ._matrix import adjoint, check_matrix, conjugate, eye_like, raw, result_type
from .diagonals import tril

Geqrf = result_type("geqrf", ("a", "tau"))


@op(batch="align", name="_geqrf", namespace="_", method=False, aux=("tau",), result_name="a", quiet=True)
def _geqrf(x):
    """LAPACK's compact QR: R on and above the diagonal, the reflections below it, and their factors."""
    a, tau = np.linalg.qr(x, mode="raw")
    return np.swapaxes(a, -1, -2), tau


@composite
def geqrf(input):
    """Compact QR factors `a` and `tau`, as LAPACK gives them; `linalg.householder_product` expands them. No gradient."""
    check_matrix(input, "geqrf")
    return Geqrf(*_geqrf(input))


def _check_reflections(x: Any, tau: Any, name: str) -> None:
    check_matrix(x, name)
    m, n = x.shape[-2:]
    if m < tau.shape[-1]:
        raise RuntimeError(
            f"{name}: input.shape[-2] must be greater than or equal to tau.shape[-1], got {m} and {tau.shape[-1]}"
        )
    if n < tau.shape[-1]:
        raise RuntimeError(
            f"{name}: input.shape[-1] must be greater than or equal to tau.shape[-1], got {n} and {tau.shape[-1]}"
        )
    if tuple(tau.shape[:-1]) != tuple(x.shape[:-2]):
        raise RuntimeError(
            f"{name}: Expected batch dimensions of tau to be equal to input.shape[:-2], but got {tuple(tau.shape[:-1])} and "
            f"{tuple(x.shape[:-2])}"
        )
    if x.dtype != tau.dtype:
        raise RuntimeError(f"{name}: tau dtype {tau.dtype} does not match input dtype {x.dtype}")


def _vectors(x: Any) -> Any:
    """The reflections' vectors: the strictly lower part with ones on the diagonal."""
    return tril(x, -1) + eye_like(raw(x), x.shape[-2], x.shape[-1])


def _reflect(v: Any, tau: Any, C: Any) -> Any:
    """(I - tau v vᴴ) C for one reflection per matrix: v (*, m), tau (*), C (*, m, n)."""
    v = v[..., :, None]
    return (v @ (adjoint(v) @ C)) * -tau[..., None, None] + C


@composite(namespace="linalg", sample=cases(lambda r: [call(r(4, 3), r(3)), call(r(2, 3, 2), r(2, 1))]))
def householder_product(input, tau):
    """First columns of the product of the reflections I - tau_i v_i v_iᴴ, v_i below the diagonal of `input`.

    Shape: input (*, m, n), tau (*, k) with k <= n <= m -> (*, m, n).
    """
    _check_reflections(input, tau, "linalg.householder_product")
    m, n = input.shape[-2:]
    if m < n:
        raise RuntimeError(
            f"linalg.householder_product: input.shape[-2] must be greater than or equal to input.shape[-1], got {m} and {n}"
        )
    vectors = _vectors(input)
    Q = eye_like(raw(input), m, n)
    for i in range(tau.shape[-1] - 1, -1, -1):
        Q = _reflect(vectors[..., :, i], tau[..., i], Q)
    return Q if tau.shape[-1] else 0 * input + Q


@composite(spelled={"input2": "tau"})
def orgqr(input, tau):
    """Alias of `linalg.householder_product`."""
    return householder_product(input, tau)


@composite(
    sample=cases(
        lambda r: [
            call(r(4, 3), r(3), r(4, 2)),
            call(r(4, 2), r(2), r(3, 4), left=False),
            call(r(2, 3, 3), r(2, 2), r(2, 3, 1), transpose=True),
        ]
    )
)
def ormqr(input, tau, other, left=True, transpose=False):
    """Q @ other (other @ Q unless `left`), Q the full product of the reflections; Qᴴ when `transpose`.

    Shape: input (*, m, n), tau (*, k), other (*, m, p) -> (*, m, p).
    """
    _check_reflections(input, tau, "ormqr")
    m, side = input.shape[-2], -2 if left else -1
    if other.shape[side] != m:
        raise RuntimeError(
            f"ormqr: other.shape[{side}] must be equal to input.shape[-2], got {other.shape[side]} and {m}"
        )
    if not left:  # C Q = (Qᴴ Cᴴ)ᴴ
        return adjoint(_apply(input, tau, adjoint(other), not transpose))
    return _apply(input, tau, other, transpose)


def _apply(x: Any, tau: Any, C: Any, adjointed: bool) -> Any:
    vectors = _vectors(x)
    order = range(tau.shape[-1])
    for i in order if adjointed else reversed(order):
        factor = conjugate(tau[..., i]) if adjointed else tau[..., i]
        C = _reflect(vectors[..., :, i], factor, C)
    return C
