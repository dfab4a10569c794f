"""How parameters start: fill a tensor in place and return it. Nothing here is recorded.

The draws come from `autograd`'s default generator, or from `generator`.
"""

from __future__ import annotations

import math
import warnings
from typing import Any

import numpy as np

from autograd import Generator, Tensor
from autograd._tensor import stamp
from autograd.random import draws

_LINEAR = (
    "linear",
    "conv1d",
    "conv2d",
    "conv3d",
    "conv_transpose1d",
    "conv_transpose2d",
    "conv_transpose3d",
    "sigmoid",
)


def calculate_gain(nonlinearity: str, param: float | None = None) -> float:
    """The factor that keeps the variance through a nonlinearity: sqrt(2) for relu, 5/3 for tanh, 1 for linear layers.

    Args:
        nonlinearity: its name in `nn.functional`.
        param: the slope of leaky_relu (0.01 when None).

    Raises:
        ValueError: an unknown name, or a slope that is no number.

    Example:
        >>> import nn
        >>> round(nn.init.calculate_gain("leaky_relu", 0.2), 4)
        1.3868
    """
    if nonlinearity in _LINEAR:
        return 1.0
    if nonlinearity == "leaky_relu":
        slope = 0.01 if param is None else param
        if isinstance(slope, bool) or not isinstance(slope, (int, float)):
            raise ValueError(f"negative_slope {slope} not a valid number")
        return math.sqrt(2.0 / (1 + slope**2))
    known = {"tanh": 5.0 / 3, "relu": math.sqrt(2.0), "selu": 3.0 / 4}
    if nonlinearity not in known:
        raise ValueError(
            f"Unsupported nonlinearity {nonlinearity}; known are {', '.join([*_LINEAR, 'leaky_relu', *known])}"
        )
    return known[nonlinearity]


# ---------------------------------------------------------------------------------------------- filling


def _fill(tensor: Tensor, values: Any) -> Tensor:
    """Write into the tensor's memory, whatever its dtype, without recording."""
    data = tensor._buffer()
    data[...] = values
    stamp(tensor)
    return tensor


def _drawn_dtype(tensor: Tensor) -> Any:
    """float64 parameters get draws of their own precision, anything narrower float32's."""
    return np.float64 if tensor._data.dtype == np.float64 else np.float32


def uniform_(tensor: Tensor, a: float = 0.0, b: float = 1.0, generator: Generator | None = None) -> Tensor:
    """U(a, b)."""
    if a > b:
        raise RuntimeError(f"uniform_ expects to return a [from, to) range, but found from={a} > to={b}")
    drawn = draws(generator).random(tuple(tensor.shape), _drawn_dtype(tensor))
    return _fill(tensor, drawn * (b - a) + a)


def normal_(tensor: Tensor, mean: float = 0.0, std: float = 1.0, generator: Generator | None = None) -> Tensor:
    """N(mean, std^2)."""
    if std < 0:
        raise RuntimeError(f"normal expects std >= 0.0, but found std {std}")
    drawn = draws(generator).standard_normal(tuple(tensor.shape), _drawn_dtype(tensor))
    return _fill(tensor, drawn * std + mean)


def trunc_normal_(
    tensor: Tensor,
    mean: float = 0.0,
    std: float = 1.0,
    a: float = -2.0,
    b: float = 2.0,
    generator: Generator | None = None,
) -> Tensor:
    """N(mean, std^2) restricted to [a, b], by drawing again what falls outside.

    Note:
        As in PyTorch, a mean more than two standard deviations outside [a, b] gets a warning. Draws are repeated at
        most 100 times; what is still outside (a range far in the tail) is drawn uniformly from [a, b].
    """
    if mean < a - 2 * std or mean > b + 2 * std:
        warnings.warn(
            "mean is more than 2 std from [a, b] in nn.init.trunc_normal_. The distribution of values may be incorrect.",
            stacklevel=2,
        )
    rng = draws(generator)
    shape, drawn = tuple(tensor.shape), _drawn_dtype(tensor)
    values = np.asarray(rng.standard_normal(shape, drawn) * std + mean)
    for _ in range(100):
        outside = (values < a) | (values > b)
        if not outside.any():
            return _fill(tensor, values)
        values = np.where(outside, rng.standard_normal(shape, drawn) * std + mean, values)  # PyTorch redraws them all
    outside = (values < a) | (values > b)
    values[outside] = rng.uniform(a, b, int(outside.sum()))
    return _fill(tensor, values)


def constant_(tensor: Tensor, val: float) -> Tensor:
    """One value everywhere."""
    return _fill(tensor, val)


def ones_(tensor: Tensor) -> Tensor:
    """Ones."""
    return _fill(tensor, 1)


def zeros_(tensor: Tensor) -> Tensor:
    """Zeros."""
    return _fill(tensor, 0)


def eye_(tensor: Tensor) -> Tensor:
    """The identity matrix, or as much of it as fits.

    Raises:
        ValueError: not 2-dimensional.
    """
    if tensor.ndim != 2:
        raise ValueError(f"Only tensors with 2 dimensions are supported, got {tensor.ndim}")
    return _fill(tensor, np.eye(*tensor.shape))


def dirac_(tensor: Tensor, groups: int = 1) -> Tensor:
    """A convolution weight that passes its input through: 1 at the kernel's centre, channel i to channel i.

    Raises:
        ValueError: not 3-, 4- or 5-dimensional, or the output channels cannot be split into `groups`.
    """
    if tensor.ndim not in (3, 4, 5):
        raise ValueError(f"Only tensors with 3, 4, or 5 dimensions are supported, got {tensor.ndim}")
    out, channels, *kernel = tensor.shape
    if out % groups:
        raise ValueError(f"dim 0 must be divisible by groups: {out} output channels, groups={groups}")
    values = np.zeros(tuple(tensor.shape))
    per_group = out // groups
    for g in range(groups):
        for d in range(min(per_group, channels)):
            values[(g * per_group + d, d, *(k // 2 for k in kernel))] = 1
    return _fill(tensor, values)


# ---------------------------------------------------------------------------------------------- by fan


def _calculate_fan_in_and_fan_out(tensor: Tensor) -> tuple[int, int]:
    if tensor.ndim < 2:
        raise ValueError(
            "Fan in and fan out can not be computed for tensor with fewer than 2 dimensions: this one has shape "
            f"{tuple(tensor.shape)}"
        )
    out, into, *kernel = tensor.shape
    field = math.prod(kernel)
    return into * field, out * field


def _fan(tensor: Tensor, mode: str) -> int:
    mode = mode.lower()
    if mode not in ("fan_in", "fan_out"):
        raise ValueError(f"Mode {mode} not supported, please use one of ['fan_in', 'fan_out']")
    return _calculate_fan_in_and_fan_out(tensor)[mode == "fan_out"]


def xavier_uniform_(tensor: Tensor, gain: float = 1.0, generator: Generator | None = None) -> Tensor:
    """U(-a, a) with a = gain sqrt(6 / (fan_in + fan_out)).

    Source: Glorot and Bengio, "Understanding the difficulty of training deep feedforward neural networks", 2010.
    """
    bound = gain * math.sqrt(6.0 / sum(_calculate_fan_in_and_fan_out(tensor)))
    return uniform_(tensor, -bound, bound, generator)


def xavier_normal_(tensor: Tensor, gain: float = 1.0, generator: Generator | None = None) -> Tensor:
    """N(0, s^2) with s = gain sqrt(2 / (fan_in + fan_out)).

    Source: Glorot and Bengio, "Understanding the difficulty of training deep feedforward neural networks", 2010.
    """
    return normal_(tensor, 0.0, gain * math.sqrt(2.0 / sum(_calculate_fan_in_and_fan_out(tensor))), generator)


def _kaiming(tensor: Tensor, a: float, mode: str, nonlinearity: str) -> float | None:
    """The standard deviation gain / sqrt(fan); None for a tensor without elements."""
    if not tensor.numel():
        warnings.warn("Initializing zero-element tensors is a no-op", stacklevel=3)
        return None
    return calculate_gain(nonlinearity, a) / math.sqrt(_fan(tensor, mode))


def kaiming_uniform_(
    tensor: Tensor,
    a: float = 0,
    mode: str = "fan_in",
    nonlinearity: str = "leaky_relu",
    generator: Generator | None = None,
) -> Tensor:
    """U(-b, b) with b = gain sqrt(3 / fan).

    Args:
        a: slope of leaky_relu, for the gain.
        mode: "fan_in" keeps the variance of the forward pass, "fan_out" that of the backward pass.
        nonlinearity: what follows the layer, for the gain.

    Source: He et al., "Delving deep into rectifiers", 2015.
    """
    std = _kaiming(tensor, a, mode, nonlinearity)
    return tensor if std is None else uniform_(tensor, -math.sqrt(3.0) * std, math.sqrt(3.0) * std, generator)


def kaiming_normal_(
    tensor: Tensor,
    a: float = 0,
    mode: str = "fan_in",
    nonlinearity: str = "leaky_relu",
    generator: Generator | None = None,
) -> Tensor:
    """N(0, s^2) with s = gain / sqrt(fan). See `kaiming_uniform_`.

    Source: He et al., "Delving deep into rectifiers", 2015.
    """
    std = _kaiming(tensor, a, mode, nonlinearity)
    return tensor if std is None else normal_(tensor, 0.0, std, generator)


def orthogonal_(tensor: Tensor, gain: float = 1, generator: Generator | None = None) -> Tensor:
    """A (semi-)orthogonal matrix times gain; further axes are counted as columns.

    Raises:
        ValueError: fewer than two dimensions.

    Source: Saxe et al., "Exact solutions to the nonlinear dynamics of learning in deep linear neural networks", 2013.
    """
    if tensor.ndim < 2:
        raise ValueError(f"Only tensors with 2 or more dimensions are supported, got {tensor.ndim}")
    if not tensor.numel():
        return tensor
    rows = tensor.shape[0]
    columns = tensor.numel() // rows
    flat = draws(generator).standard_normal((rows, columns), _drawn_dtype(tensor))
    q, r = np.linalg.qr(flat.T if rows < columns else flat)
    q = q * np.sign(np.diagonal(r))  # makes the decomposition unique, so that q is uniformly distributed
    q = q.T if rows < columns else q
    return _fill(tensor, gain * q.reshape(tuple(tensor.shape)))


def sparse_(tensor: Tensor, sparsity: float, std: float = 0.01, generator: Generator | None = None) -> Tensor:
    """N(0, std^2) with the fraction `sparsity` of each column set to zero.

    Raises:
        ValueError: not 2-dimensional.

    Source: Martens, "Deep learning via Hessian-free optimization", 2010.
    """
    if tensor.ndim != 2:
        raise ValueError(f"Only tensors with 2 dimensions are supported, got {tensor.ndim}")
    rows, columns = tensor.shape
    zeros = math.ceil(sparsity * rows)
    rng = draws(generator)
    values = rng.standard_normal((rows, columns), _drawn_dtype(tensor)) * std
    for column in range(columns):
        values[rng.permutation(rows)[:zeros], column] = 0
    return _fill(tensor, values)


def _deprecated(new: Any) -> Any:
    name = new.__name__[:-1]

    def old(*args: Any, **kwargs: Any) -> Tensor:
        warnings.warn(f"nn.init.{name} is now deprecated in favor of nn.init.{name}_.", FutureWarning, stacklevel=2)
        return new(*args, **kwargs)

    old.__name__ = old.__qualname__ = name
    old.__doc__ = f"PyTorch's old spelling of `{name}_`."
    return old


uniform, normal, constant, eye, dirac, xavier_uniform, xavier_normal, kaiming_uniform, kaiming_normal, orthogonal, sparse = map(
    _deprecated,
    (uniform_, normal_, constant_, eye_, dirac_, xavier_uniform_, xavier_normal_, kaiming_uniform_, kaiming_normal_,
     orthogonal_, sparse_),
)  # fmt: skip

__all__ = [name for name in dir() if name.endswith("_") and not name.startswith("_")] + ["calculate_gain"]
