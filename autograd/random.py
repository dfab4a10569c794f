"""Random numbers: generators, the default one, and the functions that draw from it.

The same seed gives the same numbers on every machine. The streams are NumPy's (PCG64), not PyTorch's.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from . import _dtype
from ._dtype import FLOATING, as_dtype, get_default_dtype
from ._inplace import assign, check_writable
from ._memory_format import preserve_format
from ._mode import levels, no_grad
from ._op import composite
from ._tensor import NotMapped, Tensor, check_device, wrap
from .ops.create import finish
from .ops.dropout import set_generator
from .ops.shape import sizes


class Generator:
    """A source of random numbers with its own state.

    Example:
        >>> import autograd
        >>> g = autograd.Generator().manual_seed(0)
        >>> a = autograd.rand(2, generator=g)
        >>> b = autograd.rand(2, generator=g.manual_seed(0))
        >>> bool((a == b).all())
        True
    """

    def __init__(self, device: object = "cpu") -> None:
        check_device(device)
        self.device = device
        self.manual_seed(67280421310721)  # the seed PyTorch's generators start from

    def manual_seed(self, seed: int) -> Generator:
        """Start the stream of `seed`; returns itself."""
        if not -(2**63) <= int(seed) < 2**64:
            raise ValueError(f"Overflow when unpacking long long: manual_seed takes 64 bits, got {seed}")
        self._seed = int(seed) % 2**64
        self._numpy = None
        return self

    @property
    def numpy(self) -> Any:
        """NumPy's generator behind this one, made when it is first drawn from (numpy.random takes long to import)."""
        if self._numpy is None:
            self._numpy = _stream(self._seed)
        return self._numpy

    def seed(self) -> int:
        """Start from a seed taken from the system; returns it."""
        self.manual_seed(int(np.random.SeedSequence().generate_state(1, np.uint64)[0]))
        return self._seed

    def initial_seed(self) -> int:
        """The seed this stream started from."""
        return self._seed

    def get_state(self) -> Tensor:
        """The state as a uint8 tensor, for `set_state`."""
        import json

        text = json.dumps({"seed": self._seed, "state": self.numpy.bit_generator.state}, sort_keys=True)
        return wrap(np.frombuffer(text.encode(), np.uint8).copy())

    def set_state(self, state: Tensor) -> Generator:
        """Continue from a state that `get_state` gave."""
        import json

        try:
            found = json.loads(bytes(state._data.tolist()).decode())
            numpy = _stream(0)
            numpy.bit_generator.state = found["state"]
        except (ValueError, KeyError, TypeError, AttributeError):
            raise RuntimeError("Generator.set_state: expected a state that get_state returned") from None
        self._seed, self._numpy = found["seed"], numpy
        return self

    def clone_state(self) -> Generator:
        """A generator that will draw the same numbers as this one."""
        return Generator().set_state(self.get_state())

    def __getstate__(self) -> dict:
        return {"state": self.get_state()._data}

    def __setstate__(self, kept: dict) -> None:
        self.device = "cpu"
        self.set_state(wrap(kept["state"]))


def _pcg(seed: int) -> Any:
    return np.random.Generator(np.random.PCG64(seed))


_stream = _pcg


def set_stream(make) -> None:
    """Let new generators draw from `make(seed)`, which answers NumPy's Generator methods; None: NumPy's own again.

    The facade for PyTorch programs puts PyTorch's stream here. The default generator starts anew from its seed.
    """
    global _stream
    _stream = make or _pcg
    default_generator.manual_seed(default_generator.initial_seed())


default_generator = Generator()


def manual_seed(seed: int) -> Generator:
    """Seed the default generator."""
    return default_generator.manual_seed(seed)


def seed() -> int:
    """Seed the default generator from the system's randomness; returns the seed."""
    return default_generator.seed()


def initial_seed() -> int:
    """What the default generator was last seeded with."""
    return default_generator.initial_seed()


def get_rng_state() -> Tensor:
    """State of the default generator, for `set_rng_state`: a resumed run continues bit for bit."""
    return default_generator.get_state()


def set_rng_state(state: Tensor) -> None:
    """Put the default generator into a state that `get_rng_state` gave."""
    default_generator.set_state(state)


class fork_rng:
    """Context that gives the default generator its state back at the end."""

    def __init__(self, devices=None, enabled: bool = True, device_type: str = "cpu") -> None:
        self.enabled = enabled

    def __enter__(self) -> None:
        self._state = get_rng_state()

    def __exit__(self, *exc: object) -> None:
        if self.enabled:
            set_rng_state(self._state)


def draws(generator: Generator | None = None) -> np.random.Generator:
    """NumPy's generator behind ours (the default one for None)."""
    if generator is not None and not isinstance(generator, Generator):
        raise TypeError(f"generator must be an autograd.Generator, got {type(generator).__name__}")
    if levels.get():
        _check_mapped()
    return (generator or default_generator).numpy


def _check_mapped() -> None:
    """Whether the running `vmap` allows random numbers; different ones for each slice are drawn slice by slice."""
    level = levels.get()[-1]
    if level.randomness == "error":
        raise RuntimeError(
            "vmap: called random operation while in randomness error mode. Please either use the 'same' or 'different' "
            "randomness flags on vmap or perform the randomness operation out of vmap"
        )
    if level.randomness == "different" and level.at_once:
        raise NotMapped("vmap: each slice draws its own random numbers")


def _floating(name: str, dtype: object) -> np.dtype:
    d = get_default_dtype() if dtype is None else as_dtype(dtype)
    if d.kind not in "fc":
        raise NotImplementedError(f"{name}: not implemented for {d!r}; random real numbers need a floating dtype")
    return d.dtype


def _lengths(shape):
    """A shape to fill.

    Raises:
        RuntimeError: an axis of negative length.
    """
    for n in shape:
        if n < 0:
            raise RuntimeError(f"Trying to create tensor with negative dimension {n}: {list(shape)}")
    return shape


def _uniform(rng, shape, d):
    if d.kind == "c":
        return _pairs(_uniform, rng, shape, d)
    if d in (np.float32, np.float64) or hasattr(rng, "halves"):
        return np.asarray(rng.random(shape, dtype=d))
    # Rounding to half precision must not reach 1.
    return (np.floor(np.asarray(rng.random(shape, dtype=np.float32)) * 2048) / 2048).astype(d)


def _pairs(draw, rng, shape, d):
    """Complex numbers whose parts are drawn one after the other."""
    shape = tuple(shape) if isinstance(shape, (tuple, list)) else (shape,)
    parts = draw(rng, (*shape, 2), np.dtype(np.float32 if d == np.complex64 else np.float64))
    return np.asarray(parts[..., 0] + 1j * parts[..., 1]).astype(d)


def _normal(rng, shape, d):
    if d.kind == "c":
        return _pairs(_normal, rng, shape, d) * d.type(math.sqrt(0.5))
    if d in (np.float32, np.float64) or hasattr(rng, "halves"):
        return np.asarray(rng.standard_normal(shape, dtype=d))
    return np.asarray(rng.standard_normal(shape, dtype=np.float32)).astype(d)


def _size(size, named):
    if "size" in named:
        size = (named.pop("size"),)
    if named:
        raise TypeError(f"unexpected keyword argument {next(iter(named))!r}")
    return _lengths(sizes(size))


@composite(method=False)
def rand(
    *size,
    generator=None,
    out=None,
    dtype=None,
    layout=None,
    device=None,
    requires_grad=False,
    pin_memory=False,
    **named,
):
    """Uniform numbers from [0, 1)."""
    shape = _size(size, named)
    return finish(_uniform(draws(generator), shape, _floating("rand", dtype)), None, device, requires_grad)


@composite(method=False)
def randn(
    *size,
    generator=None,
    out=None,
    dtype=None,
    layout=None,
    device=None,
    requires_grad=False,
    pin_memory=False,
    **named,
):
    """Standard normal numbers."""
    shape = _size(size, named)
    return finish(_normal(draws(generator), shape, _floating("randn", dtype)), None, device, requires_grad)


@composite(method=False)
def randint(
    low=None,
    high=None,
    size=None,
    *,
    generator=None,
    out=None,
    dtype=None,
    layout=None,
    device=None,
    requires_grad=False,
):
    """Whole numbers from [low, high); randint(high, size) starts at 0.

    Raises:
        RuntimeError: an empty range.
    """
    if size is None:
        low, high, size = 0, low, high
    elif low is None or high is None:
        low, high = 0, high if low is None else low
    if high is None or size is None:
        raise TypeError("randint() takes (high, size) or (low, high, size)")
    low, high = int(low), int(high)
    _check_order(low, high)
    data = draws(generator).integers(low, high, _lengths(sizes((size,))))
    return finish(np.asarray(data), dtype or _dtype.int64, device, requires_grad)


@composite(method=False)
def randperm(
    n, *, generator=None, out=None, dtype=None, layout=None, device=None, requires_grad=False, pin_memory=False
):
    """The numbers 0 to n - 1 in random order."""
    _lengths((int(n),))
    return finish(draws(generator).permutation(int(n)), dtype or _dtype.int64, device, requires_grad)


def _laid_out(rng, array, draw, memory_format=preserve_format):
    """`draw(shape)` in the order in which the stream fills memory of that format, preserving that of `array`."""
    if memory_format.axes is None and array.flags.c_contiguous:
        return draw(array.shape)
    if hasattr(rng, "like"):
        return rng.like(memory_format.empty(array.shape, array.dtype, array), draw)
    return memory_format.arranged(draw(array.shape), array)


def _like(name, draw, fill):
    def like(input, *, dtype=None, layout=None, device=None, requires_grad=False, memory_format=None, generator=None):
        rng, d = draws(generator), _floating(name, dtype or input.dtype)
        data = _laid_out(rng, input._data, lambda shape: fill(rng, shape, d), memory_format or preserve_format)
        return finish(data, None, device, requires_grad)

    like.__name__ = name
    like.__doc__ = f"{draw.__doc__} With the shape and dtype of the input."
    return composite(like, method=False)


rand_like = _like("rand_like", rand, _uniform)
randn_like = _like("randn_like", randn, _normal)


@composite(method=False)
def randint_like(
    input, low=None, high=None, *, dtype=None, layout=None, device=None, requires_grad=False, memory_format=None
):
    """Whole numbers from [low, high) with the shape and dtype of the input."""
    low, high = (0, low) if high is None else (low, high)
    return randint(
        low, high, tuple(input.shape), dtype=dtype or input.dtype, device=device, requires_grad=requires_grad
    )


@composite(method=False)
def normal(mean=0.0, std=1.0, size=None, *, generator=None, out=None, dtype=None, layout=None, device=None, pin_memory=False,
           requires_grad=False):  # fmt: skip
    """Normal numbers with the given mean and standard deviation, numbers or tensors."""
    if any(isinstance(s, (int, float)) and s < 0 for s in (std,)):
        raise RuntimeError(f"normal expects std >= 0.0, but found std {std}")
    tensors = [v for v in (mean, std) if isinstance(v, Tensor)]
    if isinstance(std, Tensor) and np.any(std._data < 0):
        raise RuntimeError(f"normal expects all elements of std >= 0.0, but found {std._data.min()}")
    with no_grad():
        if not tensors:
            z = randn(sizes((size,)) if size is not None else (), generator=generator, dtype=dtype)
        else:
            from ._array import broadcast_shapes

            shape = broadcast_shapes(*[t.shape for t in tensors])
            _floating("normal", dtype)
            z = randn(shape, generator=generator, dtype=tensors[0].dtype)
        t = z * std + _moved(mean, z.is_complex())
    return finish(t._data, dtype or (tensors[0].dtype if tensors else None), device, requires_grad)


@composite
def bernoulli(input, p=None, *, generator=None):
    """1 with the probability each element gives (or `p`), else 0.

    Raises:
        RuntimeError: a probability outside [0, 1].
        NotImplementedError: probabilities that are whole numbers.
    """
    if p is None:
        _floating("bernoulli", input.dtype)
    chance = input._data if p is None else np.broadcast_to(np.asarray(p, np.float64), input._data.shape)
    if np.any((chance < 0) | (chance > 1) | np.isnan(chance)):
        raise RuntimeError("Expected p_in >= 0 && p_in <= 1 to be true, but got false: bernoulli takes probabilities")
    drawn = draws(generator).random(chance.shape, np.float64 if chance.dtype == np.float64 else np.float32)
    return wrap((drawn < chance).astype(input._data.dtype))


@composite
def multinomial(input, num_samples, replacement=False, *, generator=None):
    """Indices drawn by the weights in each row.

    Raises:
        RuntimeError: negative or infinite weights, a row that sums to zero, or more draws than nonzero weights.
    """
    weights = np.atleast_2d(input._data.astype(np.float64))
    if input.ndim not in (1, 2):
        raise RuntimeError(f"prob_dist must be 1 or 2 dim, got {input.ndim}")
    if not input.is_floating_point():
        raise RuntimeError(f"multinomial only supports floating-point dtypes for input, got: {input.dtype!r}")
    if not np.isfinite(weights).all() or (weights < 0).any():
        raise RuntimeError("probability tensor contains either `inf`, `nan` or element < 0")
    if (weights.sum(1) <= 0).any():
        raise RuntimeError("invalid multinomial distribution (sum of probabilities <= 0)")
    if num_samples <= 0 or (not replacement and num_samples > weights.shape[1]):
        raise RuntimeError(
            f"cannot sample n_sample ({num_samples}) > prob_dist.size(-1) ({weights.shape[1]}) samples without replacement"
        )
    rng = draws(generator)
    if replacement and num_samples > 1:
        edges = np.cumsum(weights, axis=1)
        marks = rng.random((weights.shape[0], num_samples)) * edges[:, -1:]
        found = np.stack([np.searchsorted(e, m, side="right") for e, m in zip(edges, marks, strict=True)])
    else:  # exponential races: the order of arrival times is a draw without replacement
        with np.errstate(divide="ignore"):
            found = np.argsort(rng.exponential(size=weights.shape) / weights, axis=1, kind="stable")[:, :num_samples]
    return wrap(found.reshape(num_samples) if input.ndim == 1 else found)


@composite
def poisson(input, generator=None):
    """Poisson counts with the rates given.

    Raises:
        RuntimeError: a negative rate. NotImplementedError: rates that are whole numbers.
    """
    _floating("poisson", input.dtype)
    if not np.all(input._data >= 0):
        raise RuntimeError(f"invalid Poisson rate, expected rate to be non-negative, got {input._data.min()}")
    return wrap(np.asarray(draws(generator).poisson(input._data)).astype(input._data.dtype))


@composite(method=False)
def binomial(count, prob, generator=None):
    """Successes in `count` tries of probability `prob`, element by element.

    Example:
        >>> import autograd
        >>> autograd.binomial(autograd.tensor([5.0, 5.0]), autograd.tensor([0.0, 1.0]))
        tensor([0., 5.])
    """
    n, p = np.broadcast_arrays(count._data, prob._data)
    if np.any((p < 0) | (p > 1)):
        raise RuntimeError("binomial: expected probabilities in [0, 1]")
    return wrap(np.asarray(draws(generator).binomial(n.astype(np.int64), p)).astype(count._data.dtype))


def _refill(name, make, doc):
    """An in-place method that fills a tensor with draws."""

    def method(self, *args, generator=None, **kwargs):
        check_writable(self, name)
        rng, d = draws(generator), self._data.dtype
        data = _laid_out(rng, self._data, lambda shape: make(rng, shape, d, *args, **kwargs))
        return assign(self, wrap(np.asarray(data).astype(self._data.dtype)), name)

    method.__name__, method.__doc__ = name, doc
    setattr(Tensor, name, method)


def _check_order(low, high):
    if low >= high:
        raise RuntimeError(f"random_ expects 'from' to be less than 'to', but got from={low} >= to={high}")


def _check_positive(name, word, value):
    if value <= 0:
        raise RuntimeError(f"{name} expects {word} > 0.0, but found {word}={value}")


def _check_continuous(name, d):
    """Continuous distributions do not fill whole numbers; PyTorch's errors differ, and so do ours."""
    if d.kind == "c" or d not in FLOATING:
        message = f"{name}: not implemented for {d.name}; the distribution is continuous, so the dtype must be a floating point"
        raise (RuntimeError if name in ("exponential_", "cauchy_") else NotImplementedError)(message)


def _check_range(name, low, high):
    if low > high:
        raise RuntimeError(f"{name} expects to return a [from, to) range, but found from={low} > to={high}")


def _uniform_between(rng, shape, d, a=0.0, b=1.0, **named):
    _check_continuous("uniform_", d)
    low, high = named.get("from", a), named.get("to", b)
    _check_range("uniform_", low, high)
    return _uniform(rng, shape, _at_least_single(d)) * (high - low) + low


def _normal_about(rng, shape, d, mean=0.0, std=1.0):
    if d.kind != "c":
        _check_continuous("normal_", d)
    if std < 0:
        raise RuntimeError(f"normal expects std >= 0.0, but found std {std}")
    return _normal(rng, shape, _at_least_single(d)) * std + _moved(mean, d.kind == "c")


def _moved(mean, both):
    """A mean for both parts of complex numbers, as PyTorch draws them."""
    return mean * (1 + 1j) if both else mean


def _at_least_single(d):
    """The dtype in which half-precision numbers are computed."""
    return np.dtype(np.float32) if d.itemsize == 2 else d


def _whole_between(rng, shape, d, low=None, high=None):
    if high is None:
        low, high = 0, low
    if high is not None:
        _check_order(low, high)
    else:
        high = _largest_whole(d) + 1
        if hasattr(rng, "below"):
            return rng.below(high, shape, d.itemsize == 8)
    return rng.integers(low, high, shape)


def _largest_whole(d):
    """The largest number of an integer dtype, or the end of the whole numbers that a floating one has without gaps."""
    if d.kind in "biu":
        return 1 if d.kind == "b" else int(np.iinfo(d).max)
    return 2 ** {"float16": 11, "float32": 24, "float64": 53}.get(d.name, 8)


_refill("uniform_", _uniform_between, "Fill with uniform numbers from [a, b).")
_refill("normal_", _normal_about, "Fill with normal numbers.")
_refill("random_", _whole_between, "Fill with whole numbers from [low, high).")


def _exponential(rng, shape, d, lambd=1.0):
    _check_continuous("exponential_", d)
    _check_positive("exponential_", "lambda", lambd)
    return rng.exponential(1 / lambd, shape)


def _geometric(rng, shape, d, p):
    if not 0 < p < 1:
        raise RuntimeError(f"geometric_ expects p to be in (0, 1), but got p={p}")
    return rng.geometric(p, shape)


def _cauchy(rng, shape, d, median=0.0, sigma=1.0):
    _check_continuous("cauchy_", d)
    _check_positive("cauchy_", "sigma", sigma)
    return rng.standard_cauchy(shape) * sigma + median


def _log_normal(rng, shape, d, mean=1.0, std=2.0):
    _check_continuous("log_normal_", d)
    _check_positive("log_normal_", "std", std)
    return rng.lognormal(mean, std, shape)


_refill("exponential_", _exponential, "Fill with exponential numbers of rate lambd.")
_refill("geometric_", _geometric, "Fill with geometric numbers.")
_refill("cauchy_", _cauchy, "Fill with Cauchy numbers.")
_refill("log_normal_", _log_normal, "Fill with log-normal numbers.")


def _bernoulli_(self, p=0.5, *, generator=None):
    """Fill with 1 with probability p, else 0."""
    chance = p._data if isinstance(p, Tensor) else p
    if isinstance(p, Tensor):
        _floating("bernoulli_", p.dtype)
    if np.any((np.asarray(chance) < 0) | (np.asarray(chance) > 1)):
        raise RuntimeError(f"bernoulli_ expects p to be in [0, 1], but got p={p}")
    return assign(
        self, wrap((draws(generator).random(self._data.shape) < chance).astype(self._data.dtype)), "bernoulli_"
    )


Tensor.bernoulli_ = _bernoulli_

set_generator(draws)
