"""The Python array API standard over this library's operations: `Tensor.__array_namespace__()`.

Names, signatures, defaults and promotion are the standard's; arrays are Tensors and dtypes the library's own, so every
function is differentiable. `special` holds SciPy's special functions, an extension that the standard does not have yet.

Note:
    Functions follow the standard for every Tensor. Operators do for the arrays that this namespace makes (`asarray`,
    `zeros`, ...) and what its functions compute from them alone: their class is `Array`. Those of other Tensors follow
    PyTorch where the standard differs: in `a + b` a 0-d tensor does not widen one with axes (`add(a, b)` does), and
    `inf // 2` is NaN, as in Python (`floor_divide(inf, 2)` is inf).

Example:
    >>> import autograd, autograd.array_api as xp
    >>> x = autograd.tensor([[1.0, 2.0], [3.0, 4.0]], requires_grad=True)
    >>> xp.sum(xp.permute_dims(x, (1, 0)), axis=0)
    tensor([3., 7.], grad_fn=<SumBackward0>)
"""

from __future__ import annotations

from . import _creation, _data_types, _elementwise, _manipulation, _searching, _statistics, fft, linalg, special
from ._array import Array, keeping

e = 2.718281828459045
inf = float("inf")
nan = float("nan")
newaxis = None
pi = 3.141592653589793
__array_api_version__ = "2024.12"

for _extension in (fft, linalg, special):
    for _name in _extension.__all__:
        setattr(_extension, _name, keeping(getattr(_extension, _name), makes=_name in ("fftfreq", "rfftfreq")))

# The functions come last: some have names of builtins.
_COMPUTING = {**_elementwise.FUNCTIONS, **_manipulation.FUNCTIONS, **_searching.FUNCTIONS, **_statistics.FUNCTIONS,
              "astype": _data_types.FUNCTIONS["astype"]}  # fmt: skip
_FUNCTIONS = {**_data_types.FUNCTIONS,
              **{_name: getattr(linalg, _name) for _name in ("matmul", "matrix_transpose", "tensordot", "vecdot")},
              **{_name: keeping(_made) for _name, _made in _COMPUTING.items()},
              **{_name: keeping(_made, makes=True) for _name, _made in _creation.FUNCTIONS.items()}}  # fmt: skip
__all__ = sorted([*_FUNCTIONS, *_data_types.DTYPES, "Array", "__array_api_version__", "e", "fft", "inf", "linalg", "nan",
                  "newaxis", "pi", "special"])  # fmt: skip
globals().update(_data_types.DTYPES)
globals().update(_FUNCTIONS)
