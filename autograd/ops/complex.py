"""Complex numbers: their parts, conjugation, and the passage between real and complex tensors.

Gradients follow PyTorch's convention: the gradient of a real loss with respect to z is dL/dx + i dL/dy.
"""

from __future__ import annotations

import numpy as np

from .._array import real_only
from .._dtype import from_numpy_dtype
from .._op import composite, op
from .._samples import call, cases
from .._tensor import Tensor
from .compare import nothing, where

_PLAIN = {"holomorphic": False, "linear": True}
_COMPLEX = cases(lambda r: [call(r.complexes(2, 3)), call(r.complexes())])


@op(batch="align", name="_conj", namespace="_", method=False, symbol="conj", sample=_COMPLEX, **_PLAIN)
def _conjugate(x):
    return np.conj(x)


@_conjugate.grad("x")
def _(g):
    return _conjugate(g)


@composite(aliases=("conj_physical",), inplace=False)
def conj(input):
    """The complex conjugate; a real tensor is returned itself."""
    return _conjugate(input) if input.dtype.kind == "c" else input


Tensor.conj_physical_ = lambda self: self.copy_(conj(self)) if self.is_complex() else self


@composite
def resolve_conj(input):
    """The tensor itself: conjugates are computed at once here, never put off."""
    return input


@composite
def resolve_neg(input):
    """The tensor itself: negatives are computed at once here, never put off."""
    return input


@op(batch="align", name="_real_part", namespace="_", method=False, symbol="Re", view=True, sample=_COMPLEX, **_PLAIN)
def _real_part(x):
    return x.real


@_real_part.grad("x")
def _(g):
    return as_complex(g)


@op(batch="align", name="_imag_part", namespace="_", method=False, symbol="Im", view=True, sample=_COMPLEX, **_PLAIN)
def _imag_part(x):
    return x.imag


@_imag_part.grad("x")
def _(g):
    return as_complex(g) * 1j


@op(batch="align", name="_as_complex", namespace="_", method=False, sample=cases(lambda r: [call(r(2, 3))]), **_PLAIN)
def as_complex(x):
    """A real tensor as a complex one with no imaginary part."""
    real_only("as_complex", x)
    return x.astype(np.result_type(x.dtype, np.complex64))


@as_complex.grad("x")
def _(g):
    return real(g)


@composite(method=False)
def real(input):
    """The real part; a view of a complex tensor, a real tensor unchanged."""
    return _real_part(input) if input.dtype.kind == "c" else input


@composite(method=False)
def imag(input):
    """The imaginary part, a view.

    Raises:
        RuntimeError: a real tensor.
    """
    if input.dtype.kind != "c":
        raise RuntimeError(f"imag is not implemented for tensors with non-complex dtypes, got {input.dtype!r}")
    return _imag_part(input)


Tensor.real = property(real, lambda self, value: real(self).copy_(value))  # type: ignore[assignment]
Tensor.imag = property(imag, lambda self, value: imag(self).copy_(value))  # type: ignore[assignment]


@op(
    batch="align",
    method=False,
    sample=cases(lambda r: [call(r(2, 3), r(2, 3)), call(r(2, 1), r(3))]),
    name="complex",
    spelled={"real": "x", "imag": "y"},
    **_PLAIN,
)
def complex_(x, y):
    """input + i * other from two real tensors of one dtype."""
    if x.dtype != y.dtype:
        raise RuntimeError(
            f"Expected object of scalar type {from_numpy_dtype(x.dtype)!r} but got scalar type "
            f"{from_numpy_dtype(y.dtype)!r} for second argument"
        )
    return _of_parts(x, y)


def _of_parts(x, y):
    """The array with these parts; x + 1j * y would lose the sign of a zero and turn an infinite y into a NaN."""
    real_only("complex", x, y)
    out = np.empty(np.broadcast_shapes(x.shape, y.shape), np.result_type(x.dtype, np.complex64))
    out.real, out.imag = x, y
    return out if out.ndim else out[()]


@complex_.grad("x")
def _(g):
    return real(g)


@complex_.grad("y")
def _(g):
    return imag(g)


@op(
    batch="align",
    sample=cases(lambda r: [call(r(2, 3)), call(r.complexes(2))]),
    holomorphic=False,
    promote="float",
    aliases=("arg",),
)
def angle(x):
    """The angle of each number in the complex plane: 0 or pi for real ones, 0 also for -0."""
    return np.angle(x) if x.dtype.kind == "c" else np.where(np.isnan(x), x, (x < 0) * np.asarray(np.pi, x.dtype))[()]


@angle.grad("x")
def _(g, x):
    if x.dtype.kind != "c":
        return nothing(g)
    a, b = real(x), imag(x)
    size = a * a + b * b
    size = where(size == 0, 1.0, size)  # at 0, which has no angle, both parts of the gradient are 0
    return complex_(-g * b / size, g * a / size)


@op(batch="align", method=False, spelled={"abs": "x", "angle": "y"}, sample=cases(lambda r: [call(r(2, 3), r(2, 3))]),
    holomorphic=False)  # fmt: skip
def polar(x, y):
    """abs * (cos(angle) + i sin(angle))."""
    return _of_parts(x * np.cos(y), x * np.sin(y))


@polar.grad("x")
def _(g, y):
    return real(g) * _cos(y) + imag(g) * _sin(y)


@polar.grad("y")
def _(g, x, y):
    return x * (imag(g) * _cos(y) - real(g) * _sin(y))


def _cos(y):
    from .pointwise import cos

    return cos(y)


def _sin(y):
    from .pointwise import sin

    return sin(y)


@op(batch="align", view=True, sample=_COMPLEX, **_PLAIN)
def view_as_real(x):
    """A complex tensor as a real one with a last axis of two: real and imaginary part."""
    if x.dtype.kind != "c":
        raise RuntimeError("view_as_real is only supported for complex tensors")
    real_dtype = x.real.dtype
    return x[..., None].view(real_dtype)


@view_as_real.grad("x")
def _(g):
    return view_as_complex(g)


@op(batch="align", view=True, sample=cases(lambda r: [call(r(2, 3, 2))]), **_PLAIN)
def view_as_complex(x):
    """A real tensor with a last axis of two as a complex one."""
    real_only("view_as_complex", x)
    if not x.ndim or x.shape[-1] != 2:
        raise RuntimeError(f"Tensor must have a last dimension of size 2, got shape {tuple(x.shape)}")
    x = np.ascontiguousarray(x)
    return x.view(np.result_type(x.dtype, np.complex64))[..., 0]


@view_as_complex.grad("x")
def _(g):
    return view_as_real(g)


def is_complex(input):
    """Whether the dtype is complex."""
    return input.is_complex()


def _adjoint(self):
    if self.ndim not in (0, 2):
        raise RuntimeError(f"tensor.H is only supported on matrices (2-D tensors). Got {self.ndim}-D tensor.")
    return conj(self.T)


Tensor.H = property(_adjoint)  # type: ignore[assignment]
Tensor.mH = property(lambda self: conj(self.mT))  # type: ignore[assignment]


@composite
def adjoint(input):
    """The conjugate transpose of the last two axes."""
    return conj(input.transpose(-2, -1))
