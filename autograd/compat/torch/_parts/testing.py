"""`torch.testing.assert_close`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ...._tensor import Tensor
from ....ops.create import as_tensor

# rtol and atol by dtype, as PyTorch documents them; exact for the others.
_TOLERANCE = {"float16": (1e-3, 1e-5), "bfloat16": (1.6e-2, 1e-5), "float32": (1.3e-6, 1e-5), "float64": (1e-7, 1e-7),
              "complex64": (1.3e-6, 1e-5), "complex128": (1e-7, 1e-7)}  # fmt: skip


def assert_close(actual: Any, expected: Any, *, allow_subclasses: bool = True, rtol: float | None = None,
                 atol: float | None = None, equal_nan: bool = False, check_device: bool = True, check_dtype: bool = True,
                 check_layout: bool = True, check_stride: bool = False, msg: Any = None) -> None:  # fmt: skip
    """Raise an AssertionError unless |actual - expected| <= atol + rtol |expected| everywhere.

    Raises:
        AssertionError: shapes, dtypes or values differ.
        ValueError: only one of rtol and atol is given.
    """
    if (rtol is None) != (atol is None):
        raise ValueError(
            f"rtol and atol must both be specified or both be unspecified, got rtol={rtol} and atol={atol}"
        )
    options = {"rtol": rtol, "atol": atol, "equal_nan": equal_nan, "check_dtype": check_dtype, "msg": msg}
    if isinstance(actual, Mapping) and isinstance(expected, Mapping):
        _same(set(actual), set(expected), "The keys of the mappings do not match", msg)
        for key in actual:
            assert_close(actual[key], expected[key], **options)
    elif isinstance(actual, Sequence) and isinstance(expected, Sequence) and not isinstance(actual, str):
        _same(len(actual), len(expected), "The length of the sequences mismatch", msg)
        for a, b in zip(actual, expected, strict=True):
            assert_close(a, b, **options)
    else:
        _compare(actual, expected, options)


def _same(a: Any, b: Any, text: str, msg: Any) -> None:
    if a != b:
        raise AssertionError(_said(msg, f"{text}: {a} != {b}"))


def _said(msg: Any, text: str) -> str:
    return msg(text) if callable(msg) else msg or text


def _compare(actual: Any, expected: Any, options: dict) -> None:
    plain = not isinstance(actual, Tensor)
    a, b = (t.detach() if isinstance(t, Tensor) else as_tensor(t) for t in (actual, expected))
    msg = options["msg"]
    _same(a.shape, b.shape, "The values for attribute 'shape' do not match", msg)
    if options["check_dtype"] and not plain:
        _same(a.dtype, b.dtype, "The values for attribute 'dtype' do not match", msg)
    rtol, atol = options["rtol"], options["atol"]
    if rtol is None:
        found = [_TOLERANCE.get(t.dtype.name, (0.0, 0.0)) for t in (a, b)]
        rtol, atol = max(f[0] for f in found), max(f[1] for f in found)
    x, y = np.asarray(a._data), np.asarray(b._data)
    wide = np.complex128 if "c" in (x.dtype.kind, y.dtype.kind) else np.float64
    x, y = x.astype(wide), y.astype(wide)
    with np.errstate(all="ignore"):
        near = np.isclose(x, y, rtol=rtol, atol=atol, equal_nan=options["equal_nan"])
        if not near.all():
            raise AssertionError(_said(msg, _report(x, y, near, rtol, atol)))


def _report(x: np.ndarray, y: np.ndarray, near: np.ndarray, rtol: float, atol: float) -> str:
    off = np.abs(x - y)
    relative = off / np.abs(y)
    most = np.where(near, -1.0, np.where(np.isnan(off), np.inf, off))  # NaN beside a number is the worst
    if not x.ndim:
        return f"Scalars are not close!\n\nExpected {y} but got {x}.\nAbsolute difference: {off} (up to {atol} allowed)"
    where = tuple(int(i) for i in np.unravel_index(np.argmax(most), x.shape))
    wrong = int(near.size - near.sum())
    return (f"Tensor-likes are not close!\n\nMismatched elements: {wrong} / {near.size} ({100 * wrong / near.size:.1f}%)\n"
            f"Greatest absolute difference: {off[where]} at index {where} (up to {atol} allowed)\n"
            f"Greatest relative difference: {np.fmax.reduce(np.where(near, 0, relative), axis=None)} (up to {rtol} allowed)")  # fmt: skip


def assert_allclose(actual: Any, expected: Any, rtol: float | None = None, atol: float | None = None,
                    equal_nan: bool = True, msg: str = "") -> None:  # fmt: skip
    """The older name of `assert_close`, which does not compare dtypes."""
    expected = as_tensor(expected)
    assert_close(
        as_tensor(actual), expected, rtol=rtol, atol=atol, equal_nan=equal_nan, check_dtype=False, msg=msg or None
    )


def make_tensor(*shape: Any, dtype: Any, device: Any = None, low: float | None = None, high: float | None = None,
                requires_grad: bool = False, **ignored: Any) -> Tensor:  # fmt: skip
    """A tensor of uniform random numbers in [low, high), by default [-9, 9)."""
    from ....random import rand

    low, high = -9 if low is None else low, 9 if high is None else high
    size = shape[0] if len(shape) == 1 and not isinstance(shape[0], int) else shape
    made = (rand(*size) * (high - low) + low).to(dtype)
    return made.requires_grad_() if requires_grad else made


__all__ = ["assert_allclose", "assert_close", "make_tensor"]
