"""Activation functions: `nn.functional.relu` and its family, elementwise apart from glu and the softmax kind."""

from __future__ import annotations

import numpy as np

from .._array import real_only, wrap_dim
from .._dtype import element
from .._inplace import assign
from .._op import composite, op
from .._samples import call, cases, reals
from ._pieces import within
from ._select import kept, select

_F = "nn.functional"
_FEW = 1 << 10  # elements up to which choosing takes no longer than multiplying
_FLOAT = {"elementwise": True, "method": False, "namespace": "_"}


def _written(name, input, result, inplace):
    """The result, in the memory of `input` when the caller asked for that."""
    return assign(input, result, name + "_") if inplace else result


def _whole(name, x):
    """Raise for integers, which have no such function in PyTorch."""
    if x.dtype.kind in "biu":
        raise NotImplementedError(
            f'{name}: "{name}_cpu" not implemented for {x.dtype.name}; convert the tensor to a float type first'
        )


def in_place(name, function):
    """Register `name_`, the form of `function` that overwrites its input."""

    def overwrite(input, *args, **kwargs):
        return assign(input, function(input, *args, **kwargs), name + "_")

    overwrite.__name__ = overwrite.__qualname__ = name + "_"
    overwrite.__module__ = __name__
    overwrite.__doc__ = f"In-place form of `{name}`."
    composite(overwrite, name=name + "_", namespace=_F)


# ---------------------------------------------------------------------------------------------- selecting


@op(batch="align", name="_keep_where", symbol="mask", linear=True, method=False, namespace="_",
    sample=cases(lambda r: [call(r(2, 3), r.bools(2, 3)), call(r(3), r.bools(3)), call(r(3), r.bools(3), r(3))]))  # fmt: skip
def keep_where(x, mask, chosen_by=None):
    """x where the mask holds, 0 elsewhere, also where x is infinite or NaN; a product with the mask would be NaN there.

    `chosen_by` is what the mask was made from. The result does not change with it but at a jump, so its gradient is 0; there
    has to be one, because programs ask for the second derivative of relu, as of any other function.
    """
    if type(mask) is np.bool_ and type(x) in _ZERO_OF:
        return x if mask else _ZERO_OF[type(x)]
    found = kept(mask, x)
    return select(mask, x, 0.0).astype(x.dtype, copy=False)[()] if found is None else found


@keep_where.grad("x")
def _(g, mask):
    return keep_where(g, mask)


@keep_where.grad("chosen_by")
def _(g):
    return nothing(g)


# ---------------------------------------------------------------------------------------------- relu and its family


# Of a number, NumPy's functions are twenty times slower than Python's comparison.
_ZERO_OF = {kind: kind(0) for kind in (np.float16, np.float32, np.float64)}


@op(sample=reals(-3, 3, avoid=(0,)), symbol="relu", caption="× [x > 0]", elementwise=True, inplace=True)
def relu(x):
    """max(x, 0), elementwise. Its gradient at 0 is 0.

    Example:
        >>> import autograd
        >>> autograd.relu(autograd.tensor([-1.0, 0.0, 2.0]))
        tensor([0., 0., 2.])
    """
    zero = _ZERO_OF.get(type(x))
    if zero is not None:
        return zero if x <= zero else x  # as it stands a NaN
    if x.dtype.kind in "bc":
        real_only("relu", x)
        raise RuntimeError("relu: Boolean inputs not supported for relu; convert the tensor to a number type first")
    return within(x, 0)


@relu.grad("x")
def _(g, out):
    zero = _ZERO_OF.get(type(g))
    if zero is not None:
        return g if out != 0 else zero
    return keep_where(g, out != 0, out)  # a NaN passes its gradient, as in PyTorch


@composite(namespace=_F, name="relu")
def _relu(input, inplace=False):
    """max(input, 0), elementwise.

    Note:
        The gradient at 0 is 0.
    """
    return _written("relu", input, relu(input), inplace) if inplace else relu(input)


@op(real=True, batch="align", name="_leaky", sample=cases(lambda r: [call(r(2, 3), slope=0.1), call(r(), slope=1.5), call(r(4), slope=-0.5)]),
    symbol="leaky relu", caption="× 1 or slope", method=False, namespace="_")  # fmt: skip
def _leaky(x, *, slope):
    _whole("leaky_relu", x)
    if 0 <= slope <= 1:
        return np.maximum(x, x * slope)
    return select(x > 0, x, x * slope)[()]


@_leaky.grad("x")
def _(g, x, slope):
    return where(x > 0, g, g * slope)


@_leaky.fast
def _(g, x, slope, needs):
    if not 0 < slope <= 1 or type(x) is not np.ndarray or x.dtype.kind != "f" or x.size < _FEW:
        return (where(x > 0, g, g * slope),)
    factor = (x > 0).astype(x.dtype)
    within(factor, slope, out=factor)
    factor *= g
    return (factor,)


@composite(namespace=_F)
def leaky_relu(input, negative_slope=0.01, inplace=False):
    """x for x > 0, negative_slope * x elsewhere."""
    return _written("leaky_relu", input, _leaky(input, slope=negative_slope), inplace)


@op(real=True, name="_prelu", batch="align", sample=cases(lambda r: [call(r(2, 3), r(3, lo=0.1, hi=0.9)), call(r(2, 3, 2), r(3, 1)), call(r(3), r(1))]),
    symbol="prelu", method=False, namespace="_")  # fmt: skip
def _prelu(x, y):
    _whole("prelu", x)
    return select(x > 0, x, x * y)[()]


@_prelu.grad("x")
def _(g, x, y):
    return where(x > 0, g, g * y)


@_prelu.grad("y")
def _(g, x):
    return where(x > 0, 0.0, g * x)


@composite(namespace=_F)
def prelu(input, weight):
    """x for x > 0, weight * x elsewhere, with one learnt weight for all or one per channel (dim 1).

    Raises:
        RuntimeError: the weight is not a vector (or number) of 1 or as many elements as there are channels.
    """
    if input.dtype != weight.dtype:
        raise RuntimeError(f"prelu: Type promoting not supported. Got {input.dtype!r} and {weight.dtype!r}")
    n = weight.numel()
    if weight.ndim > 1:
        raise RuntimeError(f"prelu: Expected `weight` to be a scalar or 1D tensor, but got: ndim = {weight.ndim}")
    if n != 1:
        if input.ndim == 0:
            raise RuntimeError("prelu: Not allow zero-dim input tensor.")
        channels = input.shape[1] if input.ndim >= 2 else 1
        if channels != n:
            raise RuntimeError(
                f"prelu: Mismatch of parameter numbers and input channel size. Found parameter numbers = {n} "
                f"and channel size = {channels}."
            )
    if input.ndim > 1:
        weight = reshape(weight, (n, *(1,) * (input.ndim - 2)))
    elif weight.ndim > input.ndim:
        weight = reshape(weight, ())
    return _prelu(input, weight)


@composite(namespace=_F)
def rrelu(input, lower=1.0 / 8, upper=1.0 / 3, training=False, inplace=False):
    """Leaky ReLU whose slope is drawn from [lower, upper] for each element while training, their mean otherwise."""
    if lower > upper:
        raise RuntimeError(
            f"rrelu: Lower bound should be less than or equal to the upper bound, got {lower} and {upper}"
        )
    if not training:
        return _written("rrelu", input, _leaky(input, slope=(lower + upper) / 2), inplace)
    from .dropout import slopes

    return _written("rrelu", input, _prelu(input, slopes(input, lower, upper)), inplace)


# ---------------------------------------------------------------------------------------------- the exponential family


@op(pieced=True, real=True, batch="align", name="_elu", symbol="elu", method=False, namespace="_", quiet=True, sample=cases(lambda r: [
    call(r(2, 3), alpha=0.7), call(r(5), alpha=1.6, scale=1.1), call(r(), alpha=1.0),
    call(r(4), alpha=1.3, inner=0.8)]))  # fmt: skip
def _elu(x, *, alpha=1.0, scale=1.0, inner=1.0):
    _whole("elu", x)
    low = np.expm1(within(x, high=0) * inner) * (alpha * scale)  # 0 where x is above it
    return (low + within(x, 0) * scale).astype(x.dtype, copy=False)[()]


@_elu.grad("x")
def _(g, x, alpha, scale, inner):
    low = g * (exp(clamp(x, max=0.0) * inner) * (alpha * scale * inner))
    return where(x <= 0, low, g * scale)


@_elu.fast
def _(g, x, alpha, scale, inner, needs):
    """As the rule, without a choice where the slope has no step at 0."""
    slope = np.exp(np.fmin(x, 0) * inner) * scale  # a NaN passes its gradient
    if alpha * inner != 1:
        slope = select(x <= 0, slope * (alpha * inner), scale)
    return (slope * g,)


@composite(namespace=_F)
def elu(input, alpha=1.0, inplace=False):
    """x for x > 0, alpha (e^x - 1) elsewhere."""
    return _written("elu", input, _elu(input, alpha=alpha), inplace)


# The fixed point of mean 0 and variance 1. Source: Klambauer et al., "Self-normalizing neural networks", 2017, eq. 14.
_SELU_ALPHA, _SELU_SCALE = 1.6732632423543772848170429916717, 1.0507009873554804934193349852946


@composite(inplace=True, method=False)
def selu(input):
    """scale * (max(x, 0) + min(alpha (e^x - 1), 0)) with the constants that keep mean 0 and variance 1."""
    return _elu(input, alpha=_SELU_ALPHA, scale=_SELU_SCALE)


@composite(namespace=_F, name="selu")
def _selu(input, inplace=False):
    """scale * (max(x, 0) + min(alpha (e^x - 1), 0)) with the constants that keep mean 0 and variance 1."""
    return _written("selu", input, selu(input), inplace)


@composite(namespace=_F)
def celu(input, alpha=1.0, inplace=False):
    """max(x, 0) + min(alpha (e^(x/alpha) - 1), 0): ELU with a continuous derivative.

    Raises:
        RuntimeError: alpha is 0.
    """
    if alpha == 0:
        raise RuntimeError("celu: ZeroDivisionError: alpha cannot be 0 for CELU")
    return _written("celu", input, _elu(input, alpha=alpha, inner=1.0 / alpha), inplace)


# ---------------------------------------------------------------------------------------------- smooth gates


@op(pieced=True, name="_silu", symbol="silu", caption="× σ + xσ(1−σ)", sample=reals(-3, 3), **_FLOAT)
def _silu(x):
    _whole("silu", x)
    return x * sigmoid(x)


@_silu.grad("x")
def _(g, x):
    s = sigmoid(x)
    return g * (s * (1.0 + x * (1.0 - s)))


@_silu.fast
def _(g, x, needs, into=None):
    """As the rule, in place."""
    s = sigmoid(x)
    slope = np.subtract(1, s, out=into)
    slope *= x
    slope += 1
    slope *= s
    slope *= g
    return (slope,)


@composite(namespace=_F)
def silu(input, inplace=False):
    """x sigmoid(x), also called swish."""
    return _written("silu", input, _silu(input), inplace)


@op(pieced=True, real=True, name="_mish", symbol="mish", sample=reals(-3, 3), quiet=True, **_FLOAT)
def _mish(x):
    _whole("mish", x)
    return x * np.tanh(within(x, 0) + np.log1p(np.exp(-np.abs(x))))


@_mish.grad("x")
def _(g, x):
    t = tanh(softplus(x))
    return g * (t + x * sigmoid(x) * (1.0 - t * t))


@composite(namespace=_F)
def mish(input, inplace=False):
    """x tanh(softplus(x))."""
    return _written("mish", input, _mish(input), inplace)


@op(pieced=True, real=True, batch="align", namespace=_F, symbol="softplus", caption="× σ(βx)", quiet=True, sample=cases(lambda r: [
    call(r(2, 3)), call(r(), beta=2.0), call(r(4), beta=3, threshold=1)]))  # fmt: skip
def softplus(x, *, beta=1.0, threshold=20.0):
    """Smooth, positive version of ReLU: log(1 + e^(beta x)) / beta; x itself where beta x > threshold."""
    _whole("softplus", x)
    z = x * beta
    found, straight = np.log1p(np.exp(within(z, high=threshold))) / beta, z > threshold
    return (select(straight, x, found) if np.any(straight) else found).astype(x.dtype, copy=False)[()]


@softplus.grad("x")
def _(g, x, beta, threshold):
    return where(x * beta > threshold, g, g * sigmoid(x * beta))


@softplus.fast
def _(g, x, beta, threshold, needs):
    """As the rule, without a choice where nothing is so large."""
    z = x * beta
    slope, straight = sigmoid(z) * g, z > threshold
    return (select(straight, g, slope) if np.any(straight) else slope,)


@op(pieced=True, real=True, name="_log_sigmoid", symbol="log σ", caption="× σ(−x)", sample=reals(-4, 4), **_FLOAT)
def log_sigmoid(x):
    """log of sigmoid(x) without overflow: min(x, 0) - log(1 + e^-|x|)."""
    _whole("log_sigmoid", x)
    return within(x, high=0) - np.log1p(np.exp(-np.abs(x)))


@log_sigmoid.grad("x")
def _(g, x):
    return g * sigmoid(-x)


@composite(namespace=_F)
def logsigmoid(input):
    """log(1 / (1 + e^-x)), elementwise, without overflow."""
    return log_sigmoid(input)


# ---------------------------------------------------------------------------------------------- pieces of lines


@op(real=True, batch="align", name="_hardtanh", symbol="hardtanh", bitwise=True, method=False, namespace="_", sample=cases(lambda r: [
    call(r(2, 3), low=-0.77, high=0.83), call(r(), low=-1.0, high=1.0)]))  # fmt: skip
def _hardtanh(x, *, low, high):
    return within(x, element(low, x.dtype), element(high, x.dtype))


@_hardtanh.grad("x")
def _(g, x, low, high):
    return keep_where(g, ~((x <= low) | (x >= high)))


@composite(namespace=_F)
def hardtanh(input, min_val=-1.0, max_val=1.0, inplace=False):
    """The input limited to [min_val, max_val]; the gradient at the bounds is 0.

    Raises:
        ValueError: min_val is above max_val.
    """
    if min_val > max_val:
        raise ValueError(f"hardtanh: min_val cannot be greater than max_val, got {min_val} and {max_val}")
    if min_val < 0 and input._data.dtype.kind == "u":
        raise RuntimeError(f"hardtanh: cannot do hardtanh on an unsigned type with negative limits, got {min_val}")
    return _written("hardtanh", input, _hardtanh(input, low=min_val, high=max_val), inplace)


@composite(namespace=_F)
def relu6(input, inplace=False):
    """min(max(x, 0), 6), elementwise."""
    return _written("relu6", input, _hardtanh(input, low=0, high=6), inplace)


@op(pieced=True, real=True, name="_hardswish", symbol="hardswish", sample=reals(-5, 5, avoid=(-3, 3)), **_FLOAT)
def _hardswish(x):
    _whole("hardswish", x)
    return x * within(x + 3, 0, 6) / 6


@_hardswish.grad("x")
def _(g, x):
    return where(x <= -3, 0.0, where(x < 3, g * (x / 3 + 0.5), g))


@composite(namespace=_F)
def hardswish(input, inplace=False):
    """x relu6(x + 3) / 6: silu made of straight lines."""
    return _written("hardswish", input, _hardswish(input), inplace)


@op(pieced=True, real=True, name="_hardsigmoid", symbol="hardsigmoid", sample=reals(-5, 5, avoid=(-3, 3)), **_FLOAT)
def _hardsigmoid(x):
    _whole("hardsigmoid", x)
    return within(x + 3, 0, 6) / 6


@_hardsigmoid.grad("x")
def _(g, x):
    return keep_where(g, (x > -3) & (x < 3)) / 6


@composite(namespace=_F)
def hardsigmoid(input, inplace=False):
    """relu6(x + 3) / 6: sigmoid made of straight lines."""
    return _written("hardsigmoid", input, _hardsigmoid(input), inplace)


@composite(namespace=_F)
def softsign(input):
    """x / (1 + |x|), elementwise."""
    return input / (abs(input) + 1)


@composite(namespace=_F)
def tanhshrink(input):
    """x - tanh(x), elementwise."""
    return input - tanh(input)


@op(
    real=True,
    batch="align",
    namespace=_F,
    symbol="softshrink",
    sample=cases(lambda r: [call(r(2, 3)), call(r(5), lambd=0.9)]),
)
def softshrink(x, *, lambd=0.5):
    """The input moved towards 0 by lambd; 0 within [-lambd, lambd].

    Raises:
        RuntimeError: lambd is negative.
    """
    _whole("softshrink", x)
    if lambd < 0:
        raise RuntimeError(f"softshrink: lambda must be greater or equal to 0, but found to be {lambd}.")
    return x - within(x, -lambd, lambd)


@softshrink.grad("x")
def _(g, x, lambd):
    return keep_where(g, ~((x >= -lambd) & (x <= lambd)), x)


@op(real=True, batch="align", sample=cases(lambda r: [call(r(2, 3)), call(r(5), lambd=0.9)]))
def hardshrink(x, *, lambd=0.5):
    """The input outside [-lambd, lambd], 0 within."""
    _whole("hardshrink", x)
    return select((x >= -lambd) & (x <= lambd), 0, x).astype(x.dtype, copy=False)[()]


@hardshrink.grad("x")
def _(g, x, lambd):
    return keep_where(g, ~((x >= -lambd) & (x <= lambd)), x)


@composite(namespace=_F, name="hardshrink")
def _hardshrink(input, lambd=0.5):
    """The input outside [-lambd, lambd], 0 within."""
    return hardshrink(input, lambd)


@op(real=True, batch="align", name="_threshold", symbol="threshold", bitwise=True, method=False, namespace="_",
    sample=cases(lambda r: [call(r(2, 3), limit=0.1, value=2.0)]))  # fmt: skip
def _threshold(x, *, limit, value):
    limit, value = element(limit, x.dtype), element(value, x.dtype)
    return select(x <= limit, value, x).astype(x.dtype, copy=False)[()]


@_threshold.grad("x")
def _(g, x, limit):
    return keep_where(g, ~(x <= limit))


@composite(namespace=_F)
def threshold(input, threshold, value, inplace=False):
    """The input where it is above `threshold`, `value` elsewhere."""
    return _written("threshold", input, _threshold(input, limit=threshold, value=value), inplace)


# ---------------------------------------------------------------------------------------------- along an axis


@composite(namespace=_F)
def glu(input, dim=-1):
    """First half along `dim` times sigmoid of the second half.

    Raises:
        RuntimeError: the axis has an odd length, or the input has no axis.
    """
    if input.ndim == 0:
        raise RuntimeError("glu does not support 0-dimensional tensors")
    dim = wrap_dim(dim, input.ndim)
    n = input.shape[dim]
    if n % 2:
        raise RuntimeError(f"glu: Halving dimension must be even, but dimension {dim} is size {n}")
    return narrow(input, dim, 0, n // 2) * sigmoid(narrow(input, dim, n // 2, n // 2))


@composite(namespace=_F)
def softmin(input, dim=None, _stacklevel=3, dtype=None):
    """softmax(-input): large for small elements."""
    return softmax(-input, dim, dtype)


@composite(namespace=_F, name="softmax")
def _softmax(input, dim=None, _stacklevel=3, dtype=None):
    """e ** input / sum over `dim` of e ** input."""
    return softmax(input, dim, dtype)


@composite(namespace=_F, name="log_softmax")
def _log_softmax(input, dim=None, _stacklevel=3, dtype=None):
    """log of softmax over `dim`, without overflow or log of zero."""
    return log_softmax(input, dim, dtype)


@composite(namespace=_F, name="sigmoid")
def _sigmoid(input):
    """1 / (1 + e ** -input), elementwise."""
    return sigmoid(input)


@composite(namespace=_F, name="tanh")
def _tanh(input):
    """Hyperbolic tangent, elementwise."""
    return tanh(input)


@composite(namespace=_F)
def gumbel_softmax(logits, tau=1, hard=False, eps=1e-10, dim=-1):
    """A sample from the distribution softmax(logits), relaxed: softmax((logits + Gumbel noise) / tau).

    With hard=True the value is one-hot and the gradient that of the relaxed sample.
    """
    from .dropout import exponential

    noise = -log(exponential(logits))
    soft = softmax((logits + noise) / tau, dim)
    if not hard:
        return soft
    chosen = _one_at(soft.detach(), dim=dim)
    return chosen - soft.detach() + soft


@op(name="_one_at", method=False, namespace="_")
def _one_at(x, *, dim):
    """1 at the maximum along `dim`, 0 elsewhere."""
    out = np.zeros_like(x)
    np.put_along_axis(out, np.expand_dims(np.argmax(x, axis=dim), dim), 1, dim)
    return out


from .compare import nothing, where  # noqa: E402
from .index import narrow  # noqa: E402
from .pointwise import abs, clamp, exp, log, sigmoid, tanh  # noqa: E402
from .shape import reshape  # noqa: E402
from .softmax import log_softmax, softmax  # noqa: E402

for _name, _function in (
    ("relu", relu), ("leaky_relu", leaky_relu), ("rrelu", rrelu), ("elu", elu),
    ("selu", selu), ("celu", celu), ("hardtanh", hardtanh), ("threshold", threshold),
):  # fmt: skip
    in_place(_name, _function)
