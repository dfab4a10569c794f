"""Random histories of a program, compared after each step with a recursive engine that knows no memory (`oracle`).

Rules mix recorded and unrecorded operations, views of views, writes through base, view, detached alias and NumPy array,
gradients kept and changed by hooks, passes that free, keep or record, towards leaves and towards the middle. A tensor is
modelled as places in a store of cells, so that views share theirs. What the real engine must refuse, and may, is known
from the steps that a pass meets; all else must be right. A failing history is printed as a program.
"""

from __future__ import annotations

import contextlib
import os

import numpy as np
import pytest
from hypothesis import note, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

import autograd as ag
from autograd._node import Complex, Half
from tests import oracle
from tests.oracle import Model, Step, Store, shape_of_both


class Stop(BaseException):
    """Stands for an interrupt, which pytest would take for the user's own where a mistake lets it through."""


class Square(ag.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x * x

    @staticmethod
    def backward(ctx, g):
        return 2.0 * g * ctx.saved_tensors[0]


# name: (the operation, that on a cell, what it keeps)
UNARY = {
    "sin": (lambda t: t.sin(), oracle.sin, "input"),
    "tanh": (lambda t: t.tanh(), oracle.tanh, "result"),
    "Square.apply": (Square.apply, oracle.square, "input"),
    "clone": (lambda t: t.clone(), oracle.same, None),
    "mul 0.5": (lambda t: 0.5 * t, lambda c: oracle.mul(c, oracle.constant(0.5)), None),
}
LOOKS = {
    "[{k}:]": lambda a, k: a[k:],
    "[..., {k}]": lambda a, k: a[..., k],
    "[{k}]": lambda a, k: a[k],
    "[None]": lambda a, k: a[None],
}
WRITES = ("mul_", "tanh_", "zero_", "add_", "copy_", "times_", "setitem", "add_ itself", "iadd row")
# name: (what to enter, whether operations inside are recorded)
MODES = {
    "no_grad()": (lambda: [ag.no_grad()], False),
    "enable_grad()": (lambda: [ag.enable_grad()], True),
    "set_grad_enabled(False)": (lambda: [ag.set_grad_enabled(False)], False),
    "inference_mode()": (lambda: [ag.inference_mode()], False),
    "no_grad(), enable_grad()": (lambda: [ag.no_grad(), ag.enable_grad()], True),
    "no_grad() after no_grad()": (lambda: [ag.no_grad(), left(ag.no_grad())], False),
    "enable_grad() after a failed no_grad()": (lambda: [left(ag.no_grad(), fails=True)], True),
    "beside a waiting no_grad() generator": (lambda: [waiting(ag.no_grad())], True),
    "no_grad() beside a waiting enable_grad() generator": (lambda: [ag.no_grad(), waiting(ag.enable_grad())], False),
}
DECORATORS = {"no_grad": (ag.no_grad, False), "enable_grad": (ag.enable_grad, True), "inference_mode": (ag.inference_mode, False),
              "set_grad_enabled(False)": (lambda: ag.set_grad_enabled(False), False)}  # fmt: skip
HOOKS = {
    "look": (lambda g: None, 1.0),
    "double": (lambda g: g * 2.0, 2.0),
    "write": (lambda g: (g.mul_(-1.0), None)[1], -1.0),
}
FREEING = ("free", "record and free")
LIMIT = 50
picks = st.integers(0, 10**6)
modes = st.sampled_from(["enable_grad()"] * 6 + sorted(MODES))


@contextlib.contextmanager
def left(mode, fails=False):
    """A block that entered `mode` and left it again before what follows."""
    with contextlib.suppress(ZeroDivisionError), mode:
        if fails:
            raise ZeroDivisionError
    yield


@contextlib.contextmanager
def waiting(mode):
    """Code that runs while a generator decorated with `mode` waits between two of its values."""

    @mode
    def two():
        yield ag.is_grad_enabled()
        yield ag.is_grad_enabled()

    generator = two()
    inside = next(generator)
    yield
    assert next(generator) == inside


def called(mode, how, act):
    """What `act` gives inside a function, a generator or a coroutine that is decorated with `mode`."""

    @mode
    def function():
        return act()

    @mode
    def generator():
        yield act()
        raise AssertionError("nobody asked for more")

    @mode
    async def coroutine():
        return act()

    if how == "function":
        return function()
    if how == "generator":
        return next(generator())
    try:
        coroutine().send(None)
    except StopIteration as end:
        return end.value


@contextlib.contextmanager
def entered(name):
    with contextlib.ExitStack() as stack:
        for mode in MODES[name][0]():
            stack.enter_context(mode)
        yield MODES[name][1]


class Machine(RuleBasedStateMachine):
    @initialize(seed=st.integers(0, 1000))
    def start(self, seed):
        rng = np.random.default_rng(seed)
        Complex.seen = Half.seen = False  # passes take another lane once a complex tensor was seen, or one of 16 bits
        self.may_be_complex = seed % 4 == 3
        self.writes = seed % 3 > 0  # what was recorded before a write is looked at more closely by a pass
        self.models, self.hooks, self.retained, self.held, self.outside, self.count = [], [], [], [], [], 0
        self.posts, self.narrow, self.tolerance = [], [], 1e-7  # hooks of nodes; gradients of other dtypes
        for shape in ((2, 3), (3,), (2, 1)):
            array = rng.uniform(-1, 1, shape).round(2)
            t = ag.tensor(array, requires_grad=True)
            cells = [oracle.constant(v) for v in array.reshape(-1)]
            self.fresh(t, cells, Step(), f"tensor({array.tolist()}, requires_grad=True)", leaf=True)
        self.leaves = list(self.models)
        self.inputs = [list(m.store) for m in self.leaves]
        self.grads = [None] * len(self.leaves)  # what `.grad` of each must be

    def say(self, text):
        note(f"    {text}")

    def pick(self, i, test=lambda m: True):
        fit = [m for m in self.models if test(m)]
        return fit[-1 - i % len(fit)] if fit else None  # small numbers mean new tensors

    def keep(self, text, tensor, store, places, source=None, **how):
        self.count += 1
        model = Model(f"t{self.count}", tensor, store, places, source, **how)
        self.say(f"{model.name} = {text}")
        if np.abs(model.values()).max(initial=0) < LIMIT:
            self.models.append(model)
        return model

    def fresh(self, tensor, cells, step, text, leaf=False):
        store = Store(cells, step, leaf)
        return self.keep(text, tensor, store, np.arange(len(store)).reshape(tuple(tensor.shape)))

    # ------------------------------------------------------------------ making tensors

    @rule(i=picks, name=st.sampled_from(sorted(UNARY)), mode=modes)
    def unary(self, i, name, mode):
        real, m = UNARY[name][0], self.pick(i)
        with entered(mode) as recorded:
            t = real(m.tensor)
        self.unary_one(m, name, t, recorded, mode)

    def unary_one(self, m, name, t, recorded, mode):
        _, plain, kept = UNARY[name]
        recorded = recorded and m.step is not None
        cells = [plain(c) if recorded else oracle.detached(plain(c)) for c in m.cells()]
        saved = m.kept() if kept == "input" else []
        step = Step([m.step], saved, keeps=kept is not None) if recorded else None
        made = self.fresh(t, cells, step, f"{name}({m.name})  # {mode}")
        if step is not None and kept == "result":
            step.saved = made.kept()
        made.store.memory.inferred = "inference_mode" in mode
        return made

    @rule(i=picks, name=st.sampled_from(sorted(UNARY)), mode=st.sampled_from(sorted(DECORATORS)),
          how=st.sampled_from(["function", "generator", "coroutine"]), outer=st.booleans())  # fmt: skip
    def unary_in_a_decorated_function(self, i, name, mode, how, outer):
        m, (make, recorded) = self.pick(i), DECORATORS[mode]
        with ag.set_grad_enabled(outer):
            t = called(make(), how, lambda: UNARY[name][0](m.tensor))
            assert ag.is_grad_enabled() == outer
        self.unary_one(m, name, t, recorded, f"in a {how} decorated with {mode}")

    @rule(pairs=st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4), st.booleans()), min_size=3, max_size=6),
          fast=st.booleans(), backward=st.booleans())  # fmt: skip
    def tangle(self, pairs, fast, backward):
        """Sums and products of what is new, so that gradients meet on several ways."""
        for i, j, product in pairs:
            self.binary_one(i, j, product)
        m = self.pick(0, lambda m: m.step is not None)
        self.differentiate_one(m, "keep", backward, fast, 1.0)

    @rule(i=picks, j=picks, product=st.booleans(), plain=st.booleans())
    def binary(self, i, j, product, plain):
        self.binary_one(i, j, product, plain)

    def binary_one(self, i, j, product, plain=False):
        a = self.pick(i)
        b = a if plain else self.pick(j)
        shape = shape_of_both(a, b)
        if shape is None or np.prod(shape) > 24:
            return
        steps = [a.step, b.step]
        if product and any(steps) and (a if b.step is not None else b).store.memory.inferred:
            with pytest.raises(RuntimeError, match="Inference tensors cannot be saved for backward"):
                a.tensor * b.tensor
            return
        t = a.tensor * b.tensor if product else a.tensor + b.tensor
        kept = [*(b.kept() if a.step else []), *(a.kept() if b.step else [])] if product else []
        step = Step(steps, kept, keeps=product) if any(steps) else None
        combine = oracle.mul if product else oracle.add
        cells = map(combine, a.spread(shape), b.spread(shape))
        self.fresh(t, cells, step, f"{a.name} {'*' if product else '+'} {b.name}")

    @rule(i=picks)
    def total(self, i):
        m = self.pick(i, lambda m: m.places.ndim > 0)
        cells, order = m.cells(), np.arange(m.places.size).reshape(m.places.shape)
        columns = order.reshape(order.shape[0], -1).T
        sums = [oracle.weighted([cells[k] for k in column], [1.0] * len(column)) for column in columns]
        step = Step([m.step]) if m.step is not None else None
        self.fresh(m.tensor.sum(0), sums, step, f"{m.name}.sum(0)")

    @rule(i=picks, k=picks, picked=st.lists(picks, min_size=1, max_size=3))
    def gather(self, i, k, picked):
        m = self.pick(i, lambda m: m.places.ndim > 0 and m.places.shape[0])
        places = [p % m.places.shape[0] for p in picked]
        cells, order = m.cells(), np.arange(m.places.size).reshape(m.places.shape)[places]
        step = Step([m.step]) if m.step is not None else None
        self.fresh(
            m.tensor[ag.tensor(places)], [oracle.same(cells[n]) for n in order.reshape(-1)], step, f"{m.name}[{places}]"
        )

    # ------------------------------------------------------------------ views

    @rule(i=picks, how=st.sampled_from(sorted(LOOKS)), k=picks, mode=modes)
    def look(self, i, how, k, mode):
        m = self.pick(i, lambda m: 0 < m.places.ndim < 4 and m.places.size)
        k %= m.places.shape[-1 if "..." in how else 0]
        with entered(mode) as recorded:
            t = LOOKS[how](m.tensor, k)
        self.view(f"{m.name}{how.format(k=k)}  # {mode}", t, lambda a: np.asarray(LOOKS[how](a, k)), m, recorded)

    def view(self, text, t, look, m, recorded=True):
        cut = m.store.turn if m.tracked and not (recorded and m.recorded) else None
        order = look(np.arange(m.places.size).reshape(m.places.shape))
        self.keep(text, t, m.store, look(m.places), m, tracked=m.tracked, cut=cut, positions=order)

    @rule(i=picks, how=st.sampled_from(["flat", "turned", "spread"]))
    def turn(self, i, how):
        m = self.pick(i)
        if how == "flat" and m.tensor.is_contiguous():
            self.view(f"{m.name}.view(-1)", m.tensor.view(-1), lambda a: a.reshape(-1), m)
        elif how == "turned" and m.places.ndim > 1:
            self.view(f"{m.name}.transpose(0, -1)", m.tensor.transpose(0, -1), lambda a: a.swapaxes(0, -1), m)
        elif how == "spread" and m.places.ndim < 3:
            shape = (2, *m.places.shape)
            self.view(f"{m.name}.expand{shape}", m.tensor.expand(shape), lambda a: np.broadcast_to(a, shape), m)

    @rule(i=picks)
    def detach(self, i):
        m = self.pick(i)
        self.keep(f"{m.name}.detach()", m.tensor.detach(), m.store, m.places, m, tracked=False)

    # ------------------------------------------------------------------ writing

    @rule(i=picks, j=picks, how=st.sampled_from(WRITES), mode=modes)
    def write(self, i, j, how, mode):
        m = self.pick(i, lambda m: m.places.size)
        fits = lambda o: o.places.size and shape_of_both(o, m) == m.places.shape and (m.tracked or o.step is None)  # noqa: E731
        self.write_one(m, self.pick(j, fits) or m, how, mode)

    @rule(i=picks, j=picks, k=picks, how=st.sampled_from(WRITES))
    def write_through_a_view(self, i, j, k, how):
        base = self.pick(i, lambda m: m.recorded and m.step is not None and not m.store.leaf and m.places.ndim > 0)
        if base is None or not base.places.size:
            return
        k %= base.places.shape[0]
        self.view(f"{base.name}[{k}]", base.tensor[k], lambda a: np.asarray(a[k]), base)
        m = self.models[-1]
        if m.store is base.store:
            fits = lambda o: o.places.size and shape_of_both(o, m) == m.places.shape  # noqa: E731
            self.write_one(m, self.pick(j, fits) or m, how, "enable_grad()")

    def write_one(self, m, other, how, mode):
        if not self.writes:
            return
        if how in ("setitem", "iadd row") and not m.places.ndim:
            how = "add_"
        cells, recorded = m.cells(), MODES[mode][1]
        places = m.places[-1:] if how in ("setitem", "iadd row") else m.places
        inner = Model(m.name, m.tensor, m.store, places, m, m.tracked, m.cut)
        if places is not m.places:
            fits = shape_of_both(other, inner) == places.shape
            other = other if fits else m if m.places.shape[0] == 1 else None
            if other is None:
                return
            cells = cells[-places.size :]
        new, change, used = self.planned(m, other, how, cells, other.spread(places.shape))
        self.say(f"{m.name}.{how} with {other.name}  # {mode}")
        if max(abs(c.value) for c in new) > LIMIT:
            return
        wrong = self.forbidden(inner, m.tracked and recorded, "inference_mode" in mode)
        if not wrong and how == "times_" and recorded and m.step is not None and other.store.memory.inferred:
            wrong = "Inference tensors cannot be saved for backward"
        if wrong:
            with entered(mode), pytest.raises(RuntimeError, match=wrong):
                change()
            return
        step = self.step_of(m, other, how) if recorded and m.tracked else None
        with entered(mode):
            change()
        m.store.memory.written += 2 if how == "iadd row" else 1
        if step is not None and m.source is not None:
            new = [oracle.same(c) for c in new]  # the base's own, on which its hooks act
        m.store.write(places, new, step is not None)
        if step is not None:
            self.rebase(m, step)
        assert used or how in ("zero_", "mul_", "tanh_", "add_ itself")

    def planned(self, m, other, how, cells, added):
        """(the new cells, what to call, whether the other tensor is used)"""
        t, o = m.tensor, other.tensor

        def add_row():
            t[-1:] += o

        return {
            "mul_": lambda: ([oracle.mul(c, oracle.constant(-0.7)) for c in cells], lambda: t.mul_(-0.7), False),
            "tanh_": lambda: ([oracle.tanh(c) for c in cells], lambda: t.tanh_(), False),
            "zero_": lambda: ([oracle.constant(0.0) for _ in cells], lambda: t.zero_(), False),
            "add_": lambda: (list(map(oracle.add, cells, added)), lambda: t.add_(o), True),
            "times_": lambda: (list(map(oracle.mul, cells, added)), lambda: t.mul_(o), True),
            "copy_": lambda: ([oracle.same(c) for c in added], lambda: t.copy_(o), True),
            "setitem": lambda: ([oracle.same(c) for c in added], lambda: t.__setitem__(slice(-1, None), o), True),
            "iadd row": lambda: (list(map(oracle.add, cells, added)), add_row, True),
            "add_ itself": lambda: (list(map(oracle.add, cells, cells)), lambda: t.add_(t), False),
        }[how]()

    def forbidden(self, m, recorded, inferring):
        """What the engine must say about a write that it cannot do, or None."""
        if m.store.memory.inferred and not inferring:
            return "Inplace update to inference tensor outside|Inference tensors cannot be saved"
        if recorded and m.store.leaf:
            return "leaf Variable that requires grad is being used in an in-place operation"
        if recorded and not m.recorded and m.store.step is not None:
            return "created in no_grad mode"
        if not m.writable():
            return "more than one element of the written-to tensor refers to a single memory location"
        return None

    def step_of(self, m, other, how):
        """The step of an operation in place; what it keeps of memory about to change is a copy."""
        uses = how in ("add_", "times_", "copy_", "setitem", "iadd row")
        parents = [m.step, other.step if uses else None]
        if not any(parents):
            return None
        apart = other.store is not m.store
        saved = other.kept() if how == "times_" and m.step is not None and apart else []
        return Step(parents, saved, keeps=how in ("tanh_", "times_"))

    def rebase(self, m, step):
        m.store.step = step if m.source is None else Step([m.store.step, step])
        m.store.turn += 1

    @rule(i=picks)
    def write_outside(self, i):
        """By NumPy, in an array that the engine handed out."""
        m = self.pick(i, lambda m: m.writable() and m.places.ndim > 0)
        if m is None or not self.writes or not m.values().any():  # zeros would not change
            return
        self.say(f"{m.name}.detach().numpy()[...] *= -0.5")
        array = m.tensor.detach().numpy()
        array *= -0.5
        self.outside.append(array)  # held, so that what is saved from now on is a copy
        if not m.store.memory.outside:
            m.store.memory.outside = True
            m.store.memory.written += 1
        new = [oracle.constant(-0.5 * c.value) for c in m.cells()]
        m.store.write(m.places, new, False)

    # ------------------------------------------------------------------ hooks and kept gradients

    @rule(i=picks, kind=st.sampled_from(sorted(HOOKS)), where=st.sampled_from(["leaf", "result", "view"]),
          again=st.booleans())  # fmt: skip
    def hook(self, i, kind, where, again):
        fits, names = (lambda m: m.step is not None and self.is_a(where, m)), [h[0] for h in self.hooks]
        m = self.pick(i, lambda m: again and fits(m) and m.name in names) or self.pick(i, fits)
        if m is None:
            return
        self.say(f"{m.name}.register_hook({kind})")
        calls, (change, factor) = [], HOOKS[kind]
        gates = m.gates()
        before = [c.factor for c in gates]
        m.tensor.register_hook(lambda g: (calls.append(g.tolist()), change(g))[1])
        self.hooks.append((m.name, calls, m.step, gates, before))
        for cell in gates:
            cell.factor *= factor

    def is_a(self, where, m):
        if where == "view":
            return m.source is not None
        return m.source is None and m.store.leaf == (where == "leaf")

    @rule(i=picks, factor=st.sampled_from([None, 3.0]))
    def hook_of_the_node(self, i, factor):
        """One that sees, after the rules, the gradients of the inputs and of the result, and may replace the former."""
        m = self.pick(i, lambda m: m.step is not None and self.is_a("result", m))
        if m is None:
            return
        self.say(f"{m.name}.grad_fn.register_hook(times {factor})")
        calls, gates = [], m.gates()

        def post(grad_inputs, grad_outputs):
            calls.append(grad_outputs[0].tolist())
            if factor is not None:
                return tuple(None if g is None else g * factor for g in grad_inputs)

        m.tensor.grad_fn.register_hook(post)
        self.posts.append((m.name, calls, m.step, gates))
        for cell in gates:
            cell.after *= factor or 1.0

    @rule(i=picks, j=picks, dtype=st.sampled_from([ag.float32, ag.complex128]))
    def cast(self, i, j, dtype):
        """A product with a tensor of another dtype, whose gradient must have that dtype."""
        a = self.pick(i, lambda m: m.step is not None)
        b = self.pick(j, lambda m: m.places.ndim or not a.places.ndim)  # one without axes would not widen the product
        shape = shape_of_both(a, b)
        dtype = dtype if self.may_be_complex else ag.float32
        if shape is None or np.prod(shape) > 24 or (b.store.memory.inferred and b.step is None):
            return
        u, seen = a.tensor.to(dtype), []
        u.register_hook(lambda g: seen.append(g.dtype))
        self.narrow.append((seen, dtype))
        rounded = [oracle.same(c, float(np.float32(c.value)) if dtype is ag.float32 else None) for c in a.spread(shape)]
        self.tolerance = 1e-3 if dtype is ag.float32 else self.tolerance
        t = u * b.tensor if dtype is ag.float32 else (u * b.tensor).real.clone()
        step = Step([a.step, b.step], b.kept() if dtype is ag.float32 else [], keeps=True)  # else of a copy
        name = f"({a.name}.to({dtype}) * {b.name})"
        self.fresh(t, map(oracle.mul, rounded, b.spread(shape)), step, name)

    @rule(i=picks, where=st.sampled_from(["result", "view"]))
    def retain(self, i, where):
        m = self.pick(i, lambda m: m.step is not None and not m.store.leaf and self.is_a(where, m))
        if m is not None:
            self.say(f"{m.name}.retain_grad()")
            m.tensor.retain_grad()
            if m not in [r[0] for r in self.retained]:
                self.retained.append([m, None])

    # ------------------------------------------------------------------ looking at gradients

    @rule(i=picks, way=st.sampled_from(["keep", "free", "record", "twice"]), backward=st.booleans(), fast=st.booleans(),
          weight=st.sampled_from([1.0, -2.0]))  # fmt: skip
    def differentiate(self, i, way, backward, fast, weight):
        m = self.pick(i, lambda m: m.step is not None)
        self.differentiate_one(m, way, backward, fast, weight)

    def differentiate_one(self, m, way, backward, fast, weight):
        """A pass to all leaves."""
        weights = ag.tensor(np.arange(float(m.places.size)).reshape(m.places.shape) + weight)
        output = oracle.weighted(m.cells(), weights.reshape(-1).tolist())
        root, steps = m.step, oracle.reached(m.step)
        must, may = oracle.refusal(steps)
        if may and way in FREEING:
            way = "keep"  # a refused pass may have freed a part
        options = {"retain_graph": way not in FREEING, "create_graph": way in ("record", "twice", "record and free")}
        leaves = [leaf.tensor for leaf in self.leaves]
        call = "backward" if backward else "grad"
        self.say(f"{call}({m.name}, weights={weights.tolist()}, {options})  # fast_paths({fast})")
        with self.watching(), ag.fast_paths(fast):
            if backward:
                act = lambda: m.tensor.backward(weights, **options)  # noqa: E731
            else:
                act = lambda: ag.grad(m.tensor, leaves, weights, allow_unused=True, **options)  # noqa: E731
            done, found = self.attempt(act, must, may)
        if not done:
            return
        self.held.append((weights, weights.tolist()))
        if way in FREEING:
            oracle.free(root, steps)
        expected = self.leaf_gradients(output)
        self.check_hooks(output, steps)
        if backward:
            self.accumulate(expected, steps)
        else:
            self.compare(found, expected)
            self.held += [(g, g.tolist()) for g in found if g is not None]
            if way == "twice":
                self.differentiate_again(found, expected)

    @rule(i=picks, fast=st.booleans(), way=st.sampled_from(FREEING), first=st.sampled_from(sorted(UNARY)),
          second=st.sampled_from(sorted(UNARY)))  # fmt: skip
    def differentiate_what_was_freed(self, i, fast, way, first, second):
        """Two results of one tensor: a pass from one frees what the other needs as well."""
        start = self.pick(i, lambda m: m.step is not None and not oracle.refusal(oracle.reached(m.step))[1])
        if start is None:
            return
        m = self.unary_one(start, "sin", start.tensor.sin(), True, "enable_grad()")
        ends = [self.unary_one(m, n, UNARY[n][0](m.tensor), True, "enable_grad()") for n in (first, second)]
        self.differentiate_one(ends[0], way, True, fast, 1.0)
        self.differentiate_one(ends[1], "keep", False, fast, 1.0)

    def attempt(self, act, must, may):
        """(whether it was done, the result): refused exactly when it must be, or may be."""
        before = [getattr(m.tensor, "_grad", None) for m, _ in self.retained]
        try:
            found = act()
        except RuntimeError as error:
            self.put_back(before)  # what is retained on the way to the refusal may be
            assert any(word in str(error) for word in may), f"refused without reason: {error}"  # noqa: PT017
            return False, None
        assert not must, f"accepted, although it should be refused: {must}"
        return True, found

    @contextlib.contextmanager
    def watching(self):
        for _, calls, *_ in [*self.hooks, *self.posts]:
            calls.clear()
        yield
        assert ag.is_grad_enabled()

    def leaf_gradients(self, output):
        flat = iter(oracle.gradient(output, [c for cells in self.inputs for c in cells]))
        return [[next(flat) for _ in cells] for cells in self.inputs]

    def check_hooks(self, output, steps, target=None):
        """Hooks saw the whole gradient, once, where the pass came by; so did those who retain it."""
        met = {id(s) for s in steps}
        for name, calls, step, gates, before in self.hooks:
            assert len(calls) == (id(step) in met), f"hook of {name} was called {len(calls)} times"
            if calls:
                found = oracle.gradient(output, gates, hooked=False)
                wanted = [g.value * b for g, b in zip(found, before, strict=True)]
                self.close(np.reshape(calls[0], -1), wanted, f"what the hook of {name} saw")
        for name, calls, step, gates in self.posts:
            ran = id(step) in met and step is not target
            assert len(calls) == ran, f"hook of the node of {name} was called {len(calls)} times"
            if calls:
                wanted = [g.value for g in oracle.gradient(output, gates)]
                self.close(np.reshape(calls[0], -1), wanted, f"what the hook of the node of {name} saw")
        for seen, dtype in self.narrow:
            assert all(d == dtype for d in seen), f"gradients of a tensor of {dtype}: {seen}"
        for kept in self.retained:
            m, total = kept
            if id(m.step) in met:
                wanted = np.array([c.value for c in oracle.gradient(output, m.gates())])
                kept[1] = wanted if total is None else total + wanted
            grad = m.tensor.grad if kept[1] is not None else getattr(m.tensor, "_grad", None)
            assert (grad is None) == (kept[1] is None), f"{m.name}.grad"
            if grad is not None:
                self.close(grad.reshape(-1).tolist(), kept[1], f"{m.name}.grad")

    def accumulate(self, expected, steps):
        for n, (leaf, cells) in enumerate(zip(self.leaves, expected, strict=True)):
            if leaf.store.step in steps:
                wanted = np.array([c.value for c in cells]).reshape(leaf.places.shape)
                self.grads[n] = wanted if self.grads[n] is None else self.grads[n] + wanted

    def differentiate_again(self, found, expected):
        found = [g for g in found if g is not None and g.requires_grad]
        if not found:
            return
        square = oracle.ZERO
        for g in [c for cells in expected for c in cells]:
            square = oracle.add(square, oracle.mul(g, g))
        leaves, total = [leaf.tensor for leaf in self.leaves], sum((g * g).sum() for g in found)
        self.say("    and its square again")
        with self.retained_as_they_are():
            again = ag.grad(total, leaves, retain_graph=True, allow_unused=True)
        self.compare(again, self.leaf_gradients(square))

    @contextlib.contextmanager
    def retained_as_they_are(self):
        before = [getattr(m.tensor, "_grad", None) for m, _ in self.retained]
        yield
        self.put_back(before)

    def put_back(self, before):
        for (m, _), grad in zip(self.retained, before, strict=True):
            m.tensor.grad = grad

    @rule(i=picks, j=picks, fast=st.booleans(), free=st.booleans(), hooked=st.booleans())
    def differentiate_to_the_middle(self, i, j, fast, free, hooked):
        m = self.pick(i, lambda m: m.step is not None)
        names = [h[0] for h in self.hooks] if hooked else []
        inner = lambda m: m.step is not None and self.is_a("result", m)  # noqa: E731
        ways = {id(s) for s in oracle.reached(m.step)} - {id(m.step)}
        between = lambda m: inner(m) and id(m.step) in ways  # noqa: E731
        target = self.pick(j, lambda m: between(m) and m.name in names) or self.pick(j, between) or self.pick(j, inner)
        if target is None or m.step is target.step:
            return
        steps = oracle.reached(m.step, target.step)
        passed = [s for s in steps if s is not target.step]
        must, may = oracle.refusal(passed)
        keep = not free or bool(may)
        self.say(f"grad({m.name}, {target.name}, retain_graph={keep})  # fast_paths({fast})")
        output = oracle.weighted(m.cells(), [1.0] * m.places.size)
        weights = ag.ones(*m.tensor.shape, dtype=ag.float64)
        with self.watching(), ag.fast_paths(fast):
            act = lambda: ag.grad(m.tensor, target.tensor, weights, retain_graph=keep, allow_unused=True)  # noqa: E731
            done, found = self.attempt(act, must, may)
        if done:
            wanted = [c.value for c in oracle.gradient(output, target.gates())]
            self.close(
                [0.0] * len(wanted) if found[0] is None else found[0].reshape(-1).tolist(), wanted, "the gradient"
            )
            met = target.step in oracle.reached(m.step)
            self.check_hooks(output, steps if met else [], target.step)
            if met and not keep:
                oracle.free(m.step, passed)

    @rule(i=picks, j=picks, error=st.sampled_from([ZeroDivisionError, Stop]), fast=st.booleans())
    def fail_in_a_hook(self, i, j, error, fast):
        """A pass that a hook ends leaves every `.grad` and the mode as they were, and can be tried again."""
        m = self.pick(i, lambda m: m.step is not None)
        place = self.pick(j, lambda m: m.recorded and m.source is None and m.step is not None)
        if place.step not in oracle.reached(m.step) or oracle.refusal(oracle.reached(m.step))[1]:
            return
        self.say(f"{m.name}.backward(), which a hook of {place.name} ends by {error.__name__}")

        def stop(g):
            raise error

        handle = place.tensor.register_hook(stop)
        with self.watching(), self.retained_as_they_are(), ag.fast_paths(fast), pytest.raises(error):
            m.tensor.backward(ag.ones(*m.tensor.shape, dtype=ag.float64), retain_graph=True)
        handle.remove()

    @rule(i=picks, value=st.sampled_from([0.0, 3.0]))
    def scribble(self, i, value):
        """Write into a gradient that one holds: nobody else's changes."""
        mine = [n for n, g in enumerate(self.grads) if g is not None]
        places = len(self.held) + len(mine)
        if not places:
            return
        n = i % places
        with ag.no_grad():
            if n < len(mine):
                self.say(f"{self.leaves[mine[n]].name}.grad.fill_({value})")
                self.leaves[mine[n]].tensor.grad.fill_(value)
                self.grads[mine[n]] = np.full_like(self.grads[mine[n]], value)
            else:
                t = self.held[n - len(mine)][0]
                self.say(f"a gradient of shape {tuple(t.shape)} received before .fill_({value})")
                self.held[n - len(mine)] = (t.fill_(value), t.tolist())

    @rule(n=st.integers(0, 2), i=picks)
    def freeze_a_while(self, n, i):
        """What was recorded before still leads to the leaf, which takes nothing while it is frozen."""
        m = self.pick(i, lambda m: m.step is not None)
        leaf = self.leaves[n]
        if oracle.refusal(oracle.reached(m.step))[1] or m.step is leaf.step:
            return
        self.say(f"{m.name}.backward() while {leaf.name} is frozen")
        before, leaf.tensor.grad = leaf.tensor.grad, None
        leaf.tensor.requires_grad_(False)
        with self.retained_as_they_are():
            m.tensor.backward(ag.ones(*m.tensor.shape, dtype=ag.float64), retain_graph=True)
        assert leaf.tensor.grad is None
        leaf.tensor.requires_grad_()
        leaf.tensor.grad = before
        for other, grad in zip(self.leaves, self.grads, strict=True):
            if other is not leaf:
                other.tensor.grad = None if grad is None else ag.tensor(grad)

    @rule(n=st.integers(0, 2))
    def zero_grad(self, n):
        self.say(f"{self.leaves[n].name}.grad = None")
        self.leaves[n].tensor.grad, self.grads[n] = None, None

    # ------------------------------------------------------------------ comparing

    def compare(self, found, expected):
        for leaf, g, cells in zip(self.leaves, found, expected, strict=True):
            wanted = [c.value for c in cells]
            self.close([0.0] * len(cells) if g is None else g.reshape(-1).tolist(), wanted, f"gradient of {leaf.name}")

    def close(self, found, wanted, what):
        np.testing.assert_allclose(found, wanted, rtol=self.tolerance, atol=self.tolerance, err_msg=what)

    def teardown(self):
        for m in [m for m in getattr(self, "models", ()) if m.step is not None][:-5:-1]:
            self.differentiate_one(m, "keep", True, True, 1.0)
            self.differentiate_one(m, "twice", False, True, 1.0)

    @invariant()
    def values_agree(self):
        for m in getattr(self, "models", ()):
            np.testing.assert_allclose(m.tensor.tolist(), m.values(), rtol=1e-10, atol=1e-12, err_msg=m.name)
            assert m.tensor.requires_grad == (m.step is not None), f"{m.name}.requires_grad"

    @invariant()
    def gradients_agree(self):
        for leaf, wanted in zip(getattr(self, "leaves", ()), getattr(self, "grads", ()), strict=True):
            assert (leaf.tensor.grad is None) == (wanted is None), f"{leaf.name}.grad"
            if wanted is not None:
                self.close(leaf.tensor.grad.tolist(), wanted, f"{leaf.name}.grad")
        for t, value in getattr(self, "held", ()):
            assert t.tolist() == value, "a gradient that was received changed"


# The same histories each time, except in the nightly profile, which looks for new ones.
NEW = os.environ.get("HYPOTHESIS_PROFILE") == "nightly"
Machine.TestCase.settings = settings(
    deadline=None,
    stateful_step_count=40,
    derandomize=not NEW,
    database=None,
    max_examples=1000 if NEW else 300,
    report_multiple_bugs=False,
)
TestHistories = Machine.TestCase
