"""Activation functions as modules, elementwise apart from GLU and the softmax kind."""

from __future__ import annotations

import warnings
from typing import Any

from autograd import Tensor

from .. import functional as F
from .. import init
from ..module import Module
from ..parameter import empty_parameter
from ._show import shown


class _Inplace(Module):
    """An activation whose only argument is `inplace`."""

    def __init__(self, inplace: bool = False) -> None:
        super().__init__()
        self.inplace = inplace

    def extra_repr(self) -> str:
        return shown(self)


class ReLU(_Inplace):
    """max(x, 0), elementwise.

    Example:
        >>> import nn
        >>> nn.ReLU()(autograd.tensor([-1.0, 2.0]))
        tensor([0., 2.])
    """

    def forward(self, input: Tensor) -> Tensor:
        """max(x, 0)."""
        return F.relu(input, inplace=True) if self.inplace else F.relu(input)


class RReLU(Module):
    """x for x > 0, a x elsewhere, with a drawn from U(lower, upper) for each element while training, else its mean.

    Source: Xu et al., "Empirical evaluation of rectified activations in convolutional network", 2015.
    """

    def __init__(self, lower: float = 1.0 / 8, upper: float = 1.0 / 3, inplace: bool = False) -> None:
        super().__init__()
        self.lower, self.upper, self.inplace = lower, upper, inplace

    def forward(self, input: Tensor) -> Tensor:
        """Randomly leaky ReLU."""
        return F.rrelu(input, self.lower, self.upper, self.training, self.inplace)

    def extra_repr(self) -> str:
        """The range of slopes."""
        return shown(self, "lower", "upper")


class Hardtanh(Module):
    """min(max(x, min_val), max_val), elementwise.

    Raises:
        ValueError: an empty range.
    """

    def __init__(
        self,
        min_val: float = -1.0,
        max_val: float = 1.0,
        inplace: bool = False,
        min_value: Any = None,
        max_value: Any = None,
    ) -> None:
        super().__init__()
        for name, given in (("min_value", min_value), ("max_value", max_value)):
            if given is not None:
                warnings.warn(
                    f"keyword argument `{name}` is deprecated and rename to `{name[:-2]}`", FutureWarning, stacklevel=2
                )
        self.min_val = min_val if min_value is None else min_value
        self.max_val = max_val if max_value is None else max_value
        self.inplace = inplace
        if self.max_val <= self.min_val:
            raise ValueError(
                f"{type(self).__name__}: max_val must be larger than min_val, got {self.max_val} <= {self.min_val}"
            )

    def forward(self, input: Tensor) -> Tensor:
        """Clamp to the range."""
        return F.hardtanh(input, self.min_val, self.max_val, self.inplace)

    def extra_repr(self) -> str:
        """The range."""
        return shown(self, "min_val", "max_val")


class ReLU6(Hardtanh):
    """min(max(x, 0), 6), elementwise."""

    def __init__(self, inplace: bool = False) -> None:
        super().__init__(0.0, 6.0, inplace)

    def extra_repr(self) -> str:
        """Only `inplace`."""
        return shown(self)


class Sigmoid(Module):
    """1 / (1 + e^-x), elementwise."""

    def forward(self, input: Tensor) -> Tensor:
        """1 / (1 + e^-x)."""
        return input.sigmoid()


class Hardsigmoid(_Inplace):
    """min(max(x/6 + 1/2, 0), 1), elementwise."""

    def forward(self, input: Tensor) -> Tensor:
        """The piecewise linear sigmoid."""
        return F.hardsigmoid(input, self.inplace)

    def extra_repr(self) -> str:
        """Nothing, as in PyTorch."""
        return ""


class Tanh(Module):
    """tanh(x), elementwise."""

    def forward(self, input: Tensor) -> Tensor:
        """tanh(x)."""
        return input.tanh()


class SiLU(_Inplace):
    """x sigmoid(x), elementwise; also called swish."""

    def forward(self, input: Tensor) -> Tensor:
        """x sigmoid(x)."""
        return F.silu(input, self.inplace)


class Mish(_Inplace):
    """x tanh(softplus(x)), elementwise.

    Source: Misra, "Mish: a self regularized non-monotonic activation function", 2019.
    """

    def forward(self, input: Tensor) -> Tensor:
        """x tanh(softplus(x))."""
        return F.mish(input, self.inplace)


class Hardswish(_Inplace):
    """x min(max(x + 3, 0), 6) / 6, elementwise.

    Source: Howard et al., "Searching for MobileNetV3", 2019.
    """

    def forward(self, input: Tensor) -> Tensor:
        """The piecewise quadratic swish."""
        return F.hardswish(input, self.inplace)

    def extra_repr(self) -> str:
        """Nothing, as in PyTorch."""
        return ""


class ELU(Module):
    """x for x > 0, alpha (e^x - 1) elsewhere, elementwise.

    Source: Clevert et al., "Fast and accurate deep network learning by exponential linear units", 2015.
    """

    def __init__(self, alpha: float = 1.0, inplace: bool = False) -> None:
        super().__init__()
        self.alpha, self.inplace = alpha, inplace

    def forward(self, input: Tensor) -> Tensor:
        """Exponential linear unit."""
        return F.elu(input, self.alpha, self.inplace)

    def extra_repr(self) -> str:
        """alpha."""
        return shown(self, "alpha")


class CELU(Module):
    """max(0, x) + min(0, alpha (e^(x/alpha) - 1)), elementwise.

    Source: Barron, "Continuously differentiable exponential linear units", 2017.
    """

    def __init__(self, alpha: float = 1.0, inplace: bool = False) -> None:
        super().__init__()
        self.alpha, self.inplace = alpha, inplace

    def forward(self, input: Tensor) -> Tensor:
        """Continuously differentiable ELU."""
        return F.celu(input, self.alpha, self.inplace)

    def extra_repr(self) -> str:
        """alpha."""
        return shown(self, "alpha")


class SELU(_Inplace):
    """scale (max(0, x) + min(0, alpha (e^x - 1))), with the constants that keep mean 0 and variance 1.

    Source: Klambauer et al., "Self-normalizing neural networks", 2017.
    """

    def forward(self, input: Tensor) -> Tensor:
        """Self-normalising ELU."""
        return F.selu(input, self.inplace)


class GLU(Module):
    """a sigmoid(b), where a and b are the halves of the input along `dim`.

    Shape: (*, 2n, *) -> (*, n, *)

    Source: Dauphin et al., "Language modeling with gated convolutional networks", 2016.
    """

    def __init__(self, dim: int = -1) -> None:
        super().__init__()
        self.dim = dim

    def forward(self, input: Tensor) -> Tensor:
        """Gated linear unit."""
        return F.glu(input, self.dim)

    def extra_repr(self) -> str:
        """dim."""
        return shown(self, "dim")


class GELU(Module):
    """x Φ(x), with Φ the normal distribution function; approximate="tanh" for the usual approximation.

    Source: Hendrycks and Gimpel, "Gaussian error linear units", 2016.
    """

    def __init__(self, approximate: str = "none") -> None:
        super().__init__()
        self.approximate = approximate

    def forward(self, input: Tensor) -> Tensor:
        """x Φ(x)."""
        return F.gelu(input, approximate=self.approximate)

    def extra_repr(self) -> str:
        """The approximation."""
        return shown(self, "approximate")


class _Lambda(Module):
    def __init__(self, lambd: float = 0.5) -> None:
        super().__init__()
        self.lambd = lambd

    def extra_repr(self) -> str:
        return str(self.lambd)


class Hardshrink(_Lambda):
    """x where |x| > lambd, 0 elsewhere."""

    def forward(self, input: Tensor) -> Tensor:
        """Hard shrinkage."""
        return F.hardshrink(input, self.lambd)


class Softshrink(_Lambda):
    """x - lambd for x > lambd, x + lambd for x < -lambd, 0 between."""

    def forward(self, input: Tensor) -> Tensor:
        """Soft shrinkage."""
        return F.softshrink(input, self.lambd)


class LeakyReLU(Module):
    """x for x > 0, negative_slope x elsewhere, elementwise."""

    def __init__(self, negative_slope: float = 0.01, inplace: bool = False) -> None:
        super().__init__()
        self.negative_slope, self.inplace = negative_slope, inplace

    def forward(self, input: Tensor) -> Tensor:
        """Leaky ReLU."""
        return F.leaky_relu(input, self.negative_slope, self.inplace)

    def extra_repr(self) -> str:
        """The slope."""
        return shown(self, "negative_slope")


class LogSigmoid(Module):
    """log(1 / (1 + e^-x)), elementwise."""

    def forward(self, input: Tensor) -> Tensor:
        """log sigmoid."""
        return F.logsigmoid(input)


class Softplus(Module):
    """log(1 + e^(beta x)) / beta, elementwise; x itself where beta x > threshold."""

    def __init__(self, beta: float = 1.0, threshold: float = 20.0) -> None:
        super().__init__()
        self.beta, self.threshold = beta, threshold

    def forward(self, input: Tensor) -> Tensor:
        """Smooth ReLU."""
        return F.softplus(input, self.beta, self.threshold)

    def extra_repr(self) -> str:
        """beta and threshold."""
        return shown(self, "beta", "threshold")


class Softsign(Module):
    """x / (1 + |x|), elementwise."""

    def forward(self, input: Tensor) -> Tensor:
        """x / (1 + |x|)."""
        return F.softsign(input)


class Tanhshrink(Module):
    """x - tanh(x), elementwise."""

    def forward(self, input: Tensor) -> Tensor:
        """x - tanh(x)."""
        return F.tanhshrink(input)


class Threshold(Module):
    """x where x > threshold, `value` elsewhere."""

    def __init__(self, threshold: float, value: float, inplace: bool = False) -> None:
        super().__init__()
        self.threshold, self.value, self.inplace = threshold, value, inplace

    def forward(self, input: Tensor) -> Tensor:
        """Threshold."""
        return F.threshold(input, self.threshold, self.value, self.inplace)

    def extra_repr(self) -> str:
        """threshold and value."""
        return shown(self, "threshold", "value")


class PReLU(Module):
    """x for x > 0, a x elsewhere, with learnt slopes a.

    Args:
        num_parameters: 1, or the number of channels (axis 1 of the input).
        init: the slopes' first value.

    Attributes:
        weight: the slopes, (num_parameters).

    Source: He et al., "Delving deep into rectifiers", 2015.
    """

    def __init__(self, num_parameters: int = 1, init: float = 0.25, device: Any = None, dtype: Any = None) -> None:
        super().__init__()
        self.num_parameters, self.init = num_parameters, init
        self.weight = empty_parameter(num_parameters, dtype=dtype, device=device)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Set the slopes to their first value."""
        init.constant_(self.weight, self.init)

    def forward(self, input: Tensor) -> Tensor:
        """Leaky ReLU with learnt slopes."""
        return F.prelu(input, self.weight)

    def extra_repr(self) -> str:
        """The number of slopes."""
        return f"num_parameters={self.num_parameters}"


class _OverDim(Module):
    """Softmax and its relatives: `dim` may be left out, with PyTorch's warning at the call."""

    def __init__(self, dim: int | None = None) -> None:
        super().__init__()
        self.dim = dim

    def __setstate__(self, state: dict) -> None:
        super().__setstate__(state)
        self.__dict__.setdefault("dim", None)

    def _axis(self, input: Tensor, name: str) -> int:
        """The axis; left out, it is 0 for 0, 1 or 3 axes and 1 otherwise, as in PyTorch."""
        if self.dim is not None:
            return self.dim
        warnings.warn(
            f"Implicit dimension choice for {name} has been deprecated. Change the call to include dim=X as an argument.",
            stacklevel=4,
        )
        return 0 if input.ndim in (0, 1, 3) else 1


class Softmin(_OverDim):
    """e^(-x_i) / Σ e^(-x_j) along `dim`."""

    def forward(self, input: Tensor) -> Tensor:
        """softmax(-x)."""
        return F.softmin(input, self._axis(input, "softmin"))

    def extra_repr(self) -> str:
        """dim."""
        return shown(self, "dim")


class Softmax(_OverDim):
    """e^(x_i) / Σ e^(x_j) along `dim`.

    Example:
        >>> import nn
        >>> nn.Softmax(dim=0)(autograd.tensor([0.0, 0.0]))
        tensor([0.5000, 0.5000])
    """

    def forward(self, input: Tensor) -> Tensor:
        """Softmax along `dim`."""
        return input.softmax(self._axis(input, "softmax"))

    def extra_repr(self) -> str:
        """dim."""
        return shown(self, "dim")


class Softmax2d(Module):
    """Softmax over the channels. Shape: (N, C, H, W) or (C, H, W), kept.

    Raises:
        ValueError: another number of axes.
    """

    def forward(self, input: Tensor) -> Tensor:
        """Softmax along axis -3."""
        if input.ndim not in (3, 4):
            raise ValueError(f"Softmax2d: expected input to be 3D or 4D, got {input.ndim}D instead")
        return input.softmax(-3)


class LogSoftmax(_OverDim):
    """log(e^(x_i) / Σ e^(x_j)) along `dim`."""

    def forward(self, input: Tensor) -> Tensor:
        """Log-softmax along `dim`."""
        return input.log_softmax(self._axis(input, "log_softmax"))

    def extra_repr(self) -> str:
        """dim."""
        return shown(self, "dim")
