"""How update rules run: plainly, one parameter after the other, or fast, on flat memory in blocks that stay in cache.

A NumPy call costs about half a microsecond before it touches a number, and Adam is a dozen calls. So small parameters
are copied into one flat buffer, updated by one set of calls and copied back; their state lives in flat buffers for
good, and `state[p]["exp_avg"]` is a view. A big parameter stays where it is and is updated block by block, so that a
dozen passes over it read main memory once; several blocks at a time when there are many and more than one core.
Weights are never moved: somebody may hold their memory.

Everything is elementwise, so complex parameters are updated as pairs of real numbers, and 16-bit ones in float32.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from itertools import compress, pairwise
from operator import is_
from typing import Any

import numpy as np

import autograd
from autograd import Tensor, _parallel, get_default_dtype
from autograd._array import at_line, changes, quiet
from autograd._tensor import stamp, wrap

# Measured with Adam on 5 million float32: blocks of 64 Ki to 128 Ki numbers are fastest, with one thread and with two.
BLOCK_BYTES = 1 << 18
# Copying 16 Ki numbers three times costs less than a dozen NumPy calls.
GATHERED = 1 << 14
# Numbers, weights and state together, from which a second thread is used. It wins from 1 Mi on an idle machine (by a
# third at 3 Mi); on a busy one it may wait for a core for milliseconds, which only long steps can bear.
SHARED = 3 << 20


# ---------------------------------------------------------------------------------------------- state


def counter_dtype() -> np.dtype:
    """Counters are float32, as PyTorch's, float64 when that is the default dtype."""
    return np.dtype(np.float64 if get_default_dtype().itemsize == 8 else np.float32)


def prepare(opt: Any, p: Tensor, group: dict) -> bool:
    """Give a parameter what it lacks of its state; whether its arrays are new."""
    numbers, slots = opt._numbers(group), opt._slots(group)
    w = p._buffer()
    if not numbers and not slots:
        return False
    state = opt.state[p]
    for name, value in numbers.items():
        held = state.get(name)
        if not isinstance(held, Tensor):  # an old checkpoint may hold the step as a plain number
            state[name] = wrap(np.array(value if held is None else held, counter_dtype()))
    fresh = False
    for name, value in slots.items():
        if state.get(name) is None:
            fresh = True
            state[name] = wrap(filled(w, value))
        elif not (held := state[name]._buffer()).flags.c_contiguous or held.dtype != w.dtype:
            state[name]._data = np.array(held, w.dtype, order="C")
    return fresh


def filled(w: np.ndarray, value: float) -> np.ndarray:
    """An array like `w`; real and imaginary parts of complex numbers both get the value."""
    a = at_line(w.shape, w.dtype)
    a.fill(complex(value, value) if w.dtype.kind == "c" else value)
    return a


def real(a: np.ndarray) -> np.ndarray:
    """The numbers of a contiguous array, flat; complex ones as pairs."""
    flat = a.reshape(-1)
    return flat.view(flat.real.dtype) if flat.dtype.kind == "c" else flat


def narrow(d: np.dtype) -> bool:
    """A 16-bit dtype: computed with in float32."""
    return d.itemsize == 2


# ---------------------------------------------------------------------------------------------- plain


def plain(opt: Any, group: dict) -> None:
    """One step of a group by the formula."""
    for p in group["params"]:
        if p.grad is not None:
            fresh = prepare(opt, p, group)
            with quiet():
                _plain_one(opt, p, group, fresh)
            stamp(p)


def _plain_one(opt: Any, p: Any, group: dict, fresh: bool) -> None:
    state = opt.state.get(p, {})
    c = coefficients(opt, group, state, fresh)
    names = list(opt._slots(group))
    w, g, *s = (pairs(a) for a in (p._data, np.asarray(p.grad._data), *(state[name]._data for name in names)))
    new = formula(opt, group, w, g, s, c)
    for t, value in zip((p, *(state[name] for name in names)), new, strict=True):
        put(t._buffer(), value)


def pairs(a: np.ndarray) -> np.ndarray:
    """The array as the formula takes it: complex numbers as pairs, 16-bit numbers widened."""
    if a.dtype.kind == "c":
        return np.ascontiguousarray(a).reshape(*a.shape, 1).view(a.real.dtype)
    return a.astype(np.float32) if narrow(a.dtype) else a


def differentiable(opt: Any, group: dict) -> None:
    """One step of a group by the formula, recorded: what comes after can be differentiated by what came before."""
    for p in group["params"]:
        if p.grad is None:
            continue
        fresh = prepare(opt, p, group)
        state, names = opt.state.get(p, {}), list(opt._slots(group))
        c = coefficients(opt, group, state, fresh)
        w, g, *s = (as_pairs(t) for t in (p.clone(), p.grad, *(state[name] for name in names)))
        new = formula(opt, group, w, g, s, c)
        first, *rest = (autograd.view_as_complex(t) if p.is_complex() else t for t in new)
        p.copy_(first)
        state.update(zip(names, rest, strict=True))


def as_pairs(t: Any) -> Any:
    """A complex tensor as pairs of real numbers, with its history."""
    return autograd.view_as_real(t) if t.is_complex() else t


def coefficients(opt: Any, group: dict, state: dict, fresh: bool) -> tuple:
    """This step's coefficients; counts the step in the parameter's state."""
    n = {name: state[name]._data[()] for name in opt._numbers(group)}
    c = opt._coefficients(group, n, fresh)
    for name, value in n.items():
        state[name]._buffer()[...] = value
    return c


def formula(opt: Any, group: dict, w: Any, g: Any, s: list, c: tuple) -> tuple:
    """The formula's result, for arrays or tensors, after `maximize` and coupled weight decay."""
    g = -g if group.get("maximize") else g
    decay = opt._coupled_decay(group)
    return opt._formula(w, g + decay * w if decay else g, s, c)


def put(target: np.ndarray, value: np.ndarray) -> None:
    """Write what the formula gave into an array."""
    if target.dtype.kind == "c":
        value = np.ascontiguousarray(value, target.real.dtype).view(target.dtype).reshape(target.shape)
    target[...] = value


# ---------------------------------------------------------------------------------------------- fast


def fast(opt: Any, index: int, group: dict) -> None:
    """One step of a group by the kernel, by a plan that is made anew when anything it rests on has changed."""
    grads = [p.grad for p in group["params"]]
    names = (*opt._numbers(group), *opt._slots(group))
    plan = opt._plans.get(index)
    if plan is None or not plan.holds(opt.state, group["params"], grads, names):
        plan = opt._plans[index] = Plan(opt, group, grads, names)
    if plan.overlapping:
        plain(opt, group)
    else:
        plan.run(opt, group, grads)


class Plan:
    """Which parameters of a group are updated together, and where their numbers lie.

    It rests on the identity of parameters and arrays: a user may replace `p.data`, clear `optimizer.state`, load a
    checkpoint or freeze a layer between any two steps.
    """

    def __init__(self, opt: Any, group: dict, grads: list, names: tuple[str, ...]) -> None:
        self.names, self.all = names, list(group["params"])
        self.present = [g is not None for g in grads]
        self.params = list(compress(self.all, self.present))
        fresh = [prepare(opt, p, group) for p in self.params]
        self.overlapping = overlap([p._data for p in self.params])
        self.packs = [] if self.overlapping else arrange(opt, group, self, fresh)
        self.weights = [p._data for p in self.params]
        self.arrays = self._arrays(opt.state)
        self._scratch: dict[tuple, tuple] = {}

    def _arrays(self, state: Any) -> list:
        names = self.names
        return [entry[name]._data for entry in map(state.get, self.params) for name in names] if names else []

    def holds(self, state: dict, params: list, grads: list, names: tuple[str, ...]) -> bool:
        """Whether nothing has changed since the plan was made."""
        if names != self.names or len(params) != len(self.all) or not all(map(is_, params, self.all)):
            return False
        if [g is not None for g in grads] != self.present:
            return False
        if not all(map(is_, [p._data for p in self.params], self.weights)):
            return False
        try:
            arrays = self._arrays(state)
        except (KeyError, TypeError, AttributeError):  # an entry was removed or replaced by something else
            return False
        return all(map(is_, arrays, self.arrays)) and all(pack.untouched() for pack in self.packs)

    def run(self, opt: Any, group: dict, grads: list) -> None:
        decay, maximize = opt._coupled_decay(group), bool(group.get("maximize"))
        big = []
        with quiet():
            for pack in self.packs:
                c = pack.advance(opt, group)
                g = pack.load(grads)
                if pack.direct:
                    big += pack.blocks(g, c)
                else:
                    update(opt, (pack.w, g, pack.s, c), decay, maximize, self.scratch(pack.w))
                    pack.store()
            if big:
                self.run_big(opt, big, decay, maximize)
        changes.stamp(*self.weights)

    def run_big(self, opt: Any, blocks: list, decay: float, maximize: bool) -> None:
        """Update blocks one after the other, on all cores when there are many."""

        def work(block: tuple) -> None:
            with quiet():
                update(opt, block, decay, maximize, self.scratch(block[0]))

        numbers = sum(w.size * (1 + len(s)) for w, _, s, _ in blocks)
        if numbers >= SHARED:
            _parallel.team.run(work, blocks, numbers)
            return
        for block in blocks:
            work(block)

    def scratch(self, w: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Three arrays for this thread to compute the update of `w` in, kept from step to step."""
        key = threading.get_ident(), w.dtype, w.size
        if key not in self._scratch:
            d = np.dtype(np.float32) if narrow(w.dtype) else w.dtype
            self._scratch[key] = at_line(w.size, d), at_line(w.size, d), at_line(w.size, d)
        return self._scratch[key]


def update(opt: Any, block: tuple, decay: float, maximize: bool, scratch: tuple) -> None:
    """Run the kernel on one block of flat memory."""
    w, g, s, c = block
    a, b, e = scratch
    if narrow(w.dtype):
        wide = [x.astype(np.float32) for x in (w, *s)]
        opt._kernel(wide[0], effective(wide[0], g.astype(np.float32), decay, maximize, e), wide[1:], c, a, b)
        for x, y in zip((w, *s), wide, strict=True):
            x[...] = y
    else:
        opt._kernel(w, effective(w, g, decay, maximize, e), s, c, a, b)


def effective(w: np.ndarray, g: np.ndarray, decay: float, maximize: bool, out: np.ndarray) -> np.ndarray:
    """The gradient the rule sees: its sign turned to maximise, coupled weight decay added."""
    if decay:
        np.multiply(w, decay, out)
        return np.subtract(out, g, out) if maximize else np.add(out, g, out)
    return np.negative(g, out) if maximize else g


class Pack:
    """Parameters updated together: one big one where it lies, or small ones gathered into one buffer.

    All have the same counters (`numbers`), kept in one vector each of which the state's scalars are views.
    """

    def __init__(
        self, opt: Any, group: dict, places: Sequence[int], params: Sequence[Tensor], direct: bool, fresh: bool
    ) -> None:
        self.places, self.direct, self.fresh = places, direct, fresh
        self.arrays = [p._data for p in params]
        states = [opt.state[p] for p in params] if opt._numbers(group) or opt._slots(group) else []
        self.vectors = {name: joined_scalars(states, name) for name in opt._numbers(group)}
        self.seen = [v.tobytes() for v in self.vectors.values()]
        names = list(opt._slots(group))
        if direct:
            self.cuts = cuts(real(self.arrays[0]), [real(states[0][name]._data) for name in names])
            return
        self.flat_w, self.flat_g = (np.empty(sum(a.size for a in self.arrays), self.arrays[0].dtype) for _ in "wg")
        self.w, self.g = real(self.flat_w), real(self.flat_g)
        self.s = [real(joined_arrays(states, name, self.arrays)) for name in names]
        self.contiguous = all(a.flags.c_contiguous for a in self.arrays)
        if self.contiguous:
            self.arrays = [a.reshape(-1) for a in self.arrays]
        self.parts = split(self.flat_w, self.arrays)

    def untouched(self) -> bool:
        """Whether the counters are as the last step left them."""
        return [v.tobytes() for v in self.vectors.values()] == self.seen

    def advance(self, opt: Any, group: dict) -> tuple:
        """This step's coefficients; counts the step."""
        n = {name: v[0] for name, v in self.vectors.items()}
        c = opt._coefficients(group, n, self.fresh)
        self.fresh = False
        for name, v in self.vectors.items():
            v.fill(n[name])
        self.seen = [v.tobytes() for v in self.vectors.values()]
        return c

    def load(self, grads: list) -> np.ndarray:
        """The gradients, flat; brings the weights into the buffer."""
        if self.direct:
            return real(np.ascontiguousarray(grads[self.places[0]]._data))
        # concatenate's own flattening (axis=None) takes three times as long
        np.concatenate(self.arrays if self.contiguous else [a.ravel() for a in self.arrays], out=self.flat_w)
        np.concatenate([grads[i]._data.ravel() for i in self.places], out=self.flat_g)
        return self.g

    def store(self) -> None:
        for array, part in zip(self.arrays, self.parts, strict=True):
            array[...] = part

    def blocks(self, g: np.ndarray, c: tuple) -> list[tuple]:
        """The pieces of a big parameter."""
        return [(w, g[cut], s, c) for cut, w, s in self.cuts]


def cuts(w: np.ndarray, s: list[np.ndarray]) -> list[tuple[slice, np.ndarray, list[np.ndarray]]]:
    """A big parameter and its arrays in pieces that stay in cache."""
    width = BLOCK_BYTES // max(w.itemsize, 4)
    places = [slice(i, i + width) for i in range(0, w.size, width)]
    return [(place, w[place], [x[place] for x in s]) for place in places]


def split(flat: np.ndarray, like: list[np.ndarray]) -> list[np.ndarray]:
    """Views of a flat buffer, one of the shape of each array."""
    ends = np.cumsum([a.size for a in like])
    return [flat[end - a.size : end].reshape(a.shape) for a, end in zip(like, ends.tolist(), strict=True)]


def joined_scalars(states: list[dict], name: str) -> np.ndarray:
    """One vector of the parameters' counters, which become views of it."""
    vector = np.array([entry[name]._data for entry in states])
    for i, entry in enumerate(states):
        entry[name]._data = vector[i, ...]
    return vector


def joined_arrays(states: list[dict], name: str, like: list[np.ndarray]) -> np.ndarray:
    """One flat buffer of the parameters' state arrays, which become views of it."""
    flat = np.concatenate([entry[name]._data for entry in states], axis=None)
    for entry, part in zip(states, split(flat, like), strict=True):
        entry[name]._data = part
    return flat


def arrange(opt: Any, group: dict, plan: Plan, fresh: list[bool]) -> list[Pack]:
    """Sort a group's parameters into packs: big ones alone, small ones with their like until a block is full."""
    packs: list[Pack] = []
    kin: dict[tuple, list[tuple[int, Tensor]]] = {}
    where = [i for i, there in enumerate(plan.present) if there]
    for place, p, new in zip(where, plan.params, fresh, strict=True):
        w = p._data
        if w.size >= GATHERED and w.flags.c_contiguous:
            packs.append(Pack(opt, group, [place], [p], True, new))
        else:
            counters = tuple(opt.state[p][name]._data.tobytes() for name in opt._numbers(group))
            kin.setdefault((w.dtype, counters, new), []).append((place, p))
    for (_, _, new), members in kin.items():
        packs += [
            Pack(opt, group, [i for i, _ in part], [p for _, p in part], False, new) for part in portions(members)
        ]
    return packs


def portions(members: list[tuple[int, Tensor]]) -> Iterator[list[tuple[int, Tensor]]]:
    """The members in portions of one block each."""
    portion: list[tuple[int, Tensor]] = []
    size = 0
    for place, p in members:
        width = p._data.size * max(p._data.itemsize, 4)
        if portion and size + width > BLOCK_BYTES:
            yield portion
            portion, size = [], 0
        portion.append((place, p))
        size += width
    yield portion


def overlap(arrays: list[np.ndarray]) -> bool:
    """Whether two parameters share memory: they must be updated one after the other."""
    bounds = sorted(np.lib.array_utils.byte_bounds(a) for a in arrays if a.size)
    return any(low < end for (_, end), (low, _) in pairwise(bounds))
