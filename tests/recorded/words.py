"""What the recorded expressions are written in, and how their answers are put down. Runs on PyTorch and on this library."""

from __future__ import annotations

import asyncio
import copy
import importlib
import math
import pickle
import warnings
from pathlib import Path
from typing import Any

import numpy as np

HERE = Path(__file__).resolve().parent
SAID = " !! "  # behind an expression that is refused: what the error must say


def lines(topic: str) -> list[str]:
    """The expressions of one topic: a line each, without comments and blank lines."""
    text = (HERE / f"{topic}.txt").read_text(encoding="utf-8")
    return [line.strip() for line in text.splitlines() if line.strip() and not line.startswith("#")]


def vocabulary(t: Any) -> dict[str, Any]:
    """The names an expression may use, on top of `t`: PyTorch, or what stands in for it."""

    def r(*shape, dtype=t.float64, lo=-3.0, hi=3.0):
        """Distinct numbers between lo and hi, the same on every machine."""
        n = math.prod(shape)
        values = [lo + (hi - lo) * ((k * 0.6180339887498949 + 0.17) % 1.0) for k in range(n)]
        return t.tensor(values, dtype=dtype).reshape(shape)

    def i(*values):
        return t.tensor(list(values))

    def half(*values):
        return t.tensor(list(values), dtype=t.float16)

    def grad(function, *inputs):
        """The result and the gradients of its sum, weighted, with respect to the inputs with decimals."""
        leaves = [x.clone().requires_grad_(x.is_floating_point() or x.is_complex()) for x in inputs]
        out = function(*leaves)
        first = out[0] if isinstance(out, (tuple, list)) else out
        weight = r(*first.shape, dtype=first.dtype if first.is_floating_point() else t.float64, lo=0.5, hi=2.0)
        return [out, t.autograd.grad((first * weight).abs().sum() if first.is_complex() else (first * weight).sum(),
                                     [x for x in leaves if x.requires_grad], allow_unused=True)]  # fmt: skip

    def back(function, x):
        """The result and the gradient that `backward` leaves at the input."""
        leaf = x.clone().requires_grad_()
        out = function(leaf)
        out.sum().backward()
        return [out, leaf.grad]

    def after(x, name, *args, **kwargs):
        """The tensor after one of its methods changed it."""
        x = x.clone()
        getattr(x, name)(*args, **kwargs)
        return x

    def seeded(function, seed=3):
        t.manual_seed(seed)
        return function()

    def inferred(function, mode=True):
        """What a function gives under inference mode."""
        with t.inference_mode(mode):
            return function()

    def awaited(function):
        async def waits():
            return function()

        return waits

    def counted(function):
        def two():
            yield function()
            yield function()

        return two

    def echo():
        try:
            got = yield t.is_grad_enabled()
            yield [got, t.is_grad_enabled()]
        except ValueError as error:
            yield str(error)
        return 5

    def sent(generator):
        """What a generator gives when it is sent a value, when it is thrown an error, and at its end."""
        seen = [next(generator), generator.send("sent"), generator.throw(ValueError("thrown")), t.is_grad_enabled()]
        try:
            next(generator)
        except StopIteration as end:
            seen.append(end.value)
        return seen

    def made(forward, backward):
        """A custom function of two functions; without a backward when that is None."""
        parts = {"forward": forward} | ({"backward": backward} if backward else {})
        return type("Made", (t.autograd.Function,), {k: staticmethod(v) for k, v in parts.items()})

    def printed(make, **options):
        """A tensor's text under other printing options."""
        t.set_printoptions(**options)
        try:
            return repr(make())
        finally:
            t.set_printoptions(profile="default")

    def dual(function, x, tangent):
        """A result and its tangent, by dual numbers."""
        ad = t.autograd.forward_ad
        with ad.dual_level():
            return list(ad.unpack_dual(function(ad.make_dual(x, tangent))))

    def pruned(change):
        """What pruning leaves of a layer: the weight, its buffers' and parameters' names, whether it is pruned."""
        layer = t.nn.Linear(3, 2, dtype=t.float64)
        with t.no_grad():
            layer.weight.copy_(r(2, 3))
            layer.bias.copy_(r(2))
        change(layer)
        layer(r(1, 3))
        return [layer.weight, layer.bias, sorted(dict(layer.named_buffers())), sorted(dict(layer.named_parameters())),
                importlib.import_module(t.__name__ + ".nn.utils.prune").is_pruned(layer)]  # fmt: skip

    def scaled(scaler, *losses):
        """Weight and scale after a step down each loss times the weight, by scaled gradients."""
        weight, seen = t.ones(1, requires_grad=True), []
        optimizer = t.optim.SGD([weight], lr=0.25)
        for factor in losses:
            optimizer.zero_grad()
            scaler.scale((weight * factor).sum()).backward()
            scaler.step(optimizer)
            scaler.update()
            seen.append([weight.item(), scaler.get_scale()])
        return seen

    def clipped(order, *grads):
        """The norm of gradients, and what clipping to length 1 leaves of them."""
        leaves = [t.ones(len(g), dtype=t.float64, requires_grad=True) for g in grads]
        for leaf, g in zip(leaves, grads, strict=True):
            leaf.grad = t.tensor(g, dtype=t.float64)
        return [t.nn.utils.clip_grad_norm_(leaves, 1.0, norm_type=order), [leaf.grad for leaf in leaves]]

    def attempt(function):
        """What a function gives, or the class of what it raises."""
        try:
            return function()
        except Exception as error:
            return type(error).__name__

    def turn(transform, x):
        """All that a transform says of one value."""
        y = transform(x)
        asks = (lambda: y, lambda: transform.inv(y), lambda: transform.log_abs_det_jacobian(x, y),
                lambda: transform.inv.log_abs_det_jacobian(y, x), lambda: list(transform.forward_shape(x.shape)),
                lambda: list(transform.inverse_shape(y.shape)), lambda: list(transform.inv.forward_shape(y.shape)),
                lambda: list(transform.inv.inverse_shape(x.shape)), lambda: transform.bijective, lambda: transform.sign,
                lambda: transform.event_dim, lambda: transform.domain.event_dim, lambda: transform.codomain.event_dim,
                lambda: transform.domain.check(x), lambda: transform.codomain.check(y),
                lambda: transform.inv.inv is transform, lambda: transform == transform.inv.inv,
                lambda: transform.inv.sign, lambda: transform.inv.bijective,
                lambda: transform.with_cache()(x))  # fmt: skip
        return [attempt(ask) for ask in asks]

    def law(d, *values):
        """All that a distribution says of itself, and of some values."""
        asks = [lambda: d.mean, lambda: d.variance, lambda: d.stddev, lambda: d.mode, lambda: d.entropy(),
                lambda: list(d.batch_shape), lambda: list(d.event_shape), lambda: d.has_rsample,
                lambda: d.has_enumerate_support, lambda: d.enumerate_support(), lambda: d.enumerate_support(expand=False),
                lambda: d.expand((2, *d.batch_shape)).mean, lambda: list(d.expand((2, *d.batch_shape)).batch_shape),
                lambda: repr(d), lambda: sorted(d.arg_constraints), lambda: seeded(lambda: d.sample()),
                lambda: seeded(lambda: d.sample((2, 3))), lambda: seeded(lambda: d.expand((2, *d.batch_shape)).sample()),
                lambda: seeded(lambda: d.rsample((2,)))]  # fmt: skip
        for v in values:
            asks += [lambda v=v: d.log_prob(v), lambda v=v: d.cdf(v), lambda v=v: d.support.check(v),
                     lambda v=v: d.icdf(t.sigmoid(v)), lambda v=v: d.expand((2, *d.batch_shape)).log_prob(v)]  # fmt: skip
        return [attempt(ask) for ask in asks]

    return {"t": t, "r": r, "law": law, "turn": turn, "attempt": attempt, "dual": dual, "pruned": pruned, "U": t.utils.data,
            "prune": importlib.import_module(t.__name__ + ".nn.utils.prune"),
            "P": importlib.import_module(t.__name__ + ".utils._pytree"), "np": np, "printed": printed, "scaled": scaled,
            "awaited": awaited, "half": half, "clipped": clipped,
            "inferred": inferred, "counted": counted, "echo": echo, "sent": sent, "made": made, "copy": copy, "pickle": pickle,
            "asyncio": asyncio, "T": t.distributions.transforms,
            "C": t.distributions.constraints, "i": i, "grad": grad, "after": after, "back": back, "seeded": seeded, "nan": math.nan, "inf": math.inf,
            "f32": t.float32, "f64": t.float64, "F": t.nn.functional, "D": t.distributions}  # fmt: skip


def answer(expression: str, t: Any) -> Any:
    """What the expression gives, or the class and the text of the error it raises, as JSON can hold it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return put_down(eval(expression.partition(SAID)[0], vocabulary(t)), t)
        except Exception as error:
            return {"error": type(error).__name__, "says": str(error).split("\nException raised")[0]}


def put_down(value: Any, t: Any) -> Any:
    if isinstance(value, t.Tensor):
        flat = value.detach().resolve_conj().resolve_neg().reshape(-1)
        if flat.is_complex():
            flat = t.view_as_real(flat)
        if flat.dtype in (t.bfloat16, t.float16):
            flat = flat.float()
        return {
            "dtype": str(value.dtype).removeprefix("torch."),
            "shape": list(value.shape),
            "values": flat.reshape(-1).tolist(),
        }
    if isinstance(value, (tuple, list)):
        return [put_down(v, t) for v in value]
    if isinstance(value, dict):
        return {str(k): put_down(v, t) for k, v in value.items()}
    if isinstance(value, complex):
        return [value.real, value.imag]
    return value if value is None or isinstance(value, (bool, int, float, str)) else str(value).removeprefix("torch.")
