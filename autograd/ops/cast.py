"""Copies and conversions: clone, contiguous, to, copy_, fill_ and the casting methods."""

from __future__ import annotations

import numpy as np

from .. import _dtype
from .._array import copied, in_c_order
from .._dtype import as_dtype, element
from .._inplace import assign, check_writable
from .._memory_format import contiguous_format, preserve_format
from .._op import composite, op
from .._samples import call, cases, reals
from .._tensor import Tensor, check_device, device
from .compare import nothing


@op(batch="align", symbol="clone", caption="× 1", linear=True, sample=reals(-3, 3))
def clone(x, *, memory_format=None):
    """A copy with its own memory, in the order of the input's unless another `memory_format` is asked for."""
    return (memory_format or preserve_format).copy(x)


@clone.grad("x")
def _(g):
    return g


@op(batch="align", name="_to_copy", namespace="_", method=False, symbol="to", caption="cast back", linear=True, quiet=True,
    sample=cases(lambda r: [call(r(2, 3), dtype=np.dtype(np.float64)), call(r(2), dtype=np.dtype(np.complex128))]))  # fmt: skip
def _to_copy(x, *, dtype, memory_format=None):
    if memory_format is not None:
        return memory_format.copy(x.astype(dtype))
    return in_c_order(x.astype(dtype)) if type(x) is np.ndarray and 0 in x.strides else x.astype(dtype)


@_to_copy.grad("x")
def _(g):
    return g  # the engine casts every gradient to its input's dtype


def convert(input, dtype, copy=False, memory_format=None):
    """The tensor in another dtype or memory format; itself when it has them already and no copy is wanted."""
    target = dtype.dtype
    if memory_format is preserve_format:
        memory_format = None
    if input._data.dtype == target:
        if not copy and (memory_format is None or memory_format.fits(input._data)):
            return input
        return clone(input, memory_format=memory_format)
    if input._data.dtype.kind == "c" and target.kind not in "cb":
        import warnings

        warnings.warn("Casting complex values to real discards the imaginary part", UserWarning, stacklevel=4)
        return convert(input.real, dtype, True, memory_format)
    return (
        _to_copy(input, dtype=target)
        if memory_format is None
        else _to_copy(input, dtype=target, memory_format=memory_format)
    )


@composite(namespace="Tensor", method=True)
def to(self, *args, dtype=None, device=None, non_blocking=False, copy=False, memory_format=None, other=None):
    """The tensor in another dtype (or that of another tensor); devices other than the CPU are refused."""
    flags = [a for a in args if isinstance(a, bool)]  # non_blocking, copy
    copy = copy or flags[1:] == [True]
    for a in args if other is None else (*args, other):
        if isinstance(a, Tensor):
            dtype = a.dtype
        elif isinstance(a, bool):
            continue
        elif _is_device(a):
            device = a
        else:
            dtype = a
    check_device(device)
    if dtype is None and not copy and memory_format is None:
        return self
    return convert(self, self.dtype if dtype is None else as_dtype(dtype), copy, memory_format)


def _is_device(a):
    if isinstance(a, device):
        return True
    return isinstance(a, str) and not hasattr(_dtype, a)


@composite(namespace="Tensor", method=True)
def type_as(self, other):
    """Converted to the dtype of `other`."""
    return convert(self, other.dtype)


@composite(namespace="Tensor", method=True)
def cpu(self, memory_format=None):
    """The tensor itself: it lives on the CPU."""
    return self


def _no_cuda(self, *args, **kwargs):
    raise RuntimeError("cuda: no GPU is available to this engine; tensors live on the CPU")


Tensor.cuda = _no_cuda


def _caster(name, target):
    def cast(self, memory_format=None):
        return convert(self, target, False, memory_format)

    cast.__name__ = cast.__qualname__ = name
    cast.__doc__ = f"Converted to {target.name}."
    setattr(Tensor, name, cast)


for _name in ("half", "float", "double", "long", "int", "short", "bool", "cfloat", "cdouble", "bfloat16"):
    _caster(_name, getattr(_dtype, _name))
_caster("byte", _dtype.uint8)
_caster("char", _dtype.int8)


def _typed_name(t):
    letters = {"float32": "Float", "float64": "Double", "float16": "Half", "int64": "Long", "int32": "Int", "int16": "Short",
               "int8": "Char", "uint8": "Byte", "bool": "Bool", "bfloat16": "BFloat16", "complex64": "ComplexFloat",
               "complex128": "ComplexDouble"}  # fmt: skip
    return f"torch.{letters.get(t.dtype.name, t.dtype.name)}Tensor"


_BY_TYPE_NAME = {"FloatTensor": _dtype.float32, "DoubleTensor": _dtype.float64, "HalfTensor": _dtype.float16,
                 "LongTensor": _dtype.int64, "IntTensor": _dtype.int32, "ShortTensor": _dtype.int16,
                 "CharTensor": _dtype.int8, "ByteTensor": _dtype.uint8, "BoolTensor": _dtype.bool}  # fmt: skip


def _type(self, dtype=None, non_blocking=False):
    """PyTorch's name of the tensor type, or the tensor converted to `dtype` (a dtype or such a name)."""
    if dtype is None:
        return _typed_name(self)
    name = dtype if isinstance(dtype, str) else getattr(dtype, "__name__", "")
    found = _BY_TYPE_NAME.get(name.rpartition(".")[2])
    return convert(self, found or as_dtype(dtype))


Tensor.type = _type


def to_double_family(value):
    """float64, or complex128 for complex; numbers stay."""
    if not isinstance(value, Tensor):
        return value
    return convert(value, _dtype.complex128 if value.is_complex() else _dtype.float64)


@composite(namespace="Tensor", method=True)
def contiguous(self, memory_format=None):
    """The tensor itself when its memory is in C order (or the format asked for), else a copy that is."""
    if memory_format is None or memory_format is contiguous_format:
        return self if self.is_contiguous() else _contiguous(self)
    memory_format.check(self.ndim)
    return self if memory_format.fits(self._data) else clone(self, memory_format=memory_format)


@op(batch="align", name="_contiguous", namespace="_", method=False, symbol="contiguous", linear=True,
    sample=cases(lambda r: [call(r(2, 3))]))  # fmt: skip
def _contiguous(x):
    return copied(x)


@_contiguous.grad("x")
def _(g):
    return g


def _copy(self, src, non_blocking=False):
    """Write the elements of `src` (broadcast, cast) into this tensor."""
    check_writable(self, "copy_")
    if isinstance(src, (bool, int, float, complex)):
        return self.fill_(src)
    if not isinstance(src, Tensor):
        raise TypeError(f"copy_(): argument 'other' (position 1) must be Tensor, not {type(src).__name__}")
    own, given = self._data.shape, src._data.shape
    if len(given) > len(own) or any(n != 1 and n != m for n, m in zip(given[::-1], own[::-1], strict=False)):
        raise RuntimeError(
            f"copy_: output with shape {list(own)} doesn't match the broadcast shape of the source {list(given)}"
        )
    return assign(self, _overwritten(self, convert(src, self.dtype)), "copy_")


@op(name="_overwritten", namespace="_", method=False, symbol="copy", linear=True, sample=cases(lambda r: [
    call(r(2, 3), r(3)), call(r(2, 3), r(2, 1)), call(r(2), r())]))  # fmt: skip
def _overwritten(x, y):
    """The second array in the shape of the first, of which nothing is left."""
    return np.array(np.broadcast_to(y, x.shape))[()]


@_overwritten.grad("x")
def _(g):
    return nothing(g)


@_overwritten.grad("y")
def _(g):
    return g


Tensor.copy_ = _copy


@op(
    batch="align",
    name="_filled",
    namespace="_",
    bitwise=True,
    method=False,
    symbol="fill",
    sample=cases(lambda r: [call(r(2, 3), value=0.7)]),
)
def _filled(x, *, value):
    """One value everywhere: what was there before no longer matters."""
    return np.full_like(x, element(value, x.dtype))


@_filled.grad("x")
def _(g):
    return nothing(g)


def _fill(self, value):
    """Write one value everywhere."""
    check_writable(self, "fill_")
    if isinstance(value, Tensor):
        if value.ndim:
            raise RuntimeError(
                f"fill_ only supports 0-dimension value tensor but got tensor with {value.ndim} dimensions."
            )
        return _copy(self, value)
    return assign(self, _filled(self, value=value), "fill_")


Tensor.fill_ = _fill
Tensor.zero_ = lambda self: _fill(self, 0)


@composite
def fill(input, value):
    """A tensor of the same shape holding one value."""
    return input.clone().fill_(value)


def _set_(self, source=None):
    """Take over the memory of `source`."""
    self.data = source
    return self


Tensor.set_ = _set_


def halves_in_float32(function, input, *rest):
    """function(input, ...) of tensors of 16 bits, computed in float32 with all its gradients, and rounded once."""
    return function(*(t if t is None else convert(t, _dtype.float32) for t in (input, *rest))).to(input.dtype)
