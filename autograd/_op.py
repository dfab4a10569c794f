"""Declaring operations: one array function with its gradient rules beneath it becomes everything else.

From a declaration come the public function, the Tensor method, operators and in-place form, the graph node, the
property tests and the symbol in a picture. See CONTRIBUTING.md for the worked example.
"""

from __future__ import annotations

import functools
import warnings
from collections import namedtuple
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import numpy as np

from ._array import NUMBERS, Array, exports, is_raw, may_share, ndarray, quietly, real_only, tick
from ._array import broadcast_shapes as _broadcast_shapes
from ._compiled import NUMBERLIKE, compiled_entry
from ._dtype import FLOATING, HALVES, ON_HALF, category, element, get_default_dtype, result_dtype, usual, wrapped
from ._entry import MISSING, general_entry, in_place_method, keep, operator_method, refuse_recorded
from ._inference import mark, mark_all
from ._inplace import typed_by, write_out
from ._kernels import in_float32, silenced
from ._large import in_pieces, shared
from ._memory_format import channels_format
from ._mode import _anomaly, grad_mode, inferring, scope
from ._node import Complex, Half, Node, Wide, capture, new
from ._plan import Plan, pick
from ._registry import Later, registry
from ._short import REFLECTED, short_entry
from ._tensor import NotMapped, Tensor, history, note_view, trace_here, wrap

# Under NumPy's default filters a kernel is silent, as PyTorch is; where warnings are errors, `Op.retry` is.
SILENT = r"autograd\.(ops|_op|_kernels|_entry|_graph|_array)"
warnings.filterwarnings("ignore", category=RuntimeWarning, module=SILENT)


_RENAMED = {"x": "input", "y": "other"}  # kernels use mathematics' short names, callers PyTorch's
_SYNONYMS = {"axis": "dim", "keepdims": "keepdim", "axes": "dim", "x1": "input", "x2": "other", "a": "input"}
_current_scope = scope.get
_CO_VARARGS, _CO_VARKEYWORDS = 0x04, 0x08  # flags of code objects; the inspect module costs a tenth of NumPy's import


def argument_names(function: Callable) -> tuple[str, ...]:
    """The names of a function's arguments, from its code object."""
    code = function.__code__
    count = (
        code.co_argcount
        + code.co_kwonlyargcount
        + bool(code.co_flags & _CO_VARARGS)
        + bool(code.co_flags & _CO_VARKEYWORDS)
    )
    return code.co_varnames[:count]


class Declaration:
    """What an operation and a composed function have in common: the options of `op`, with their defaults."""

    sample: Any = None
    method: bool | None = None
    inplace = elementwise = linear = commutes = view = quiet = wide = bitwise = lends_result = images = real = False
    pieced = False
    holomorphic = differentiable_twice = True
    operators: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()
    aux: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()
    namespace = ""
    symbol: str | None = None
    caption: str | None = None
    promote: str | None = None
    refuse: Callable[[Sequence], None] | None = None
    fits: tuple[str, ...] = ()  # inputs whose Python numbers must fit the common dtype, where others wrap
    result_name = "values"
    native: Callable | None = None
    shared: Callable | None = None
    tolerance: float | None = None
    spelled: Mapping[str, str] = MappingProxyType({})
    reference: Any = None
    batch: str | None = None
    name: str
    call: Callable  # the public function

    def set_options(self, options: dict[str, Any]) -> None:
        for key, value in options.items():
            if not hasattr(Declaration, key) and key != "name":
                raise TypeError(f"{self.name}: unknown option {key!r} of a declaration")
            setattr(self, key, value)
        self.symbol = self.symbol or self.name


class Op(Declaration):
    """A primitive: its kernel, rules and everything the declaration says about it."""

    narrow: tuple[np.dtype, ...] = ()  # those of 16 bits that a program has asked for

    def __init__(self, kernel: Callable, options: dict[str, Any]) -> None:
        self.kernel = kernel
        self.name = kernel.__name__.strip("_")
        self.doc, self.module = kernel.__doc__, kernel.__module__
        self.set_options(options)
        self._read_signature(kernel)
        self.node_name = "".join(p[:1].upper() + p[1:] for p in self.name.split("_")) + "Backward0"
        self.rules: dict[str, tuple[Callable, tuple[str, ...]]] = {}
        self.differentiable = False
        self.fast_rule: Callable | None = None
        self.operator_entry: Callable | None = None
        self.fast_names: tuple[str, ...] = ()
        self.fast_into = False
        self.plans: dict[tuple, Plan] = {}
        self.scopes: list[dict] = []  # the globals of its compiled entries
        if self.wide:
            self.kernel = kernel = in_float32(kernel, HALVES)
        if self.pieced:
            self.kernel = kernel = in_pieces(kernel)
        silent = silenced if self.quiet else lambda k: k
        self.raw = self.kernel = silent(kernel)
        if self.shared:
            self.kernel = silent(shared(kernel, self.shared))

    @functools.cached_property
    def fields(self) -> Any:
        """The named tuple of an operation with several results."""
        return (
            namedtuple(self.name, self.outputs or (self.result_name, *self.aux)) if self.outputs or self.aux else None
        )

    def round_to(self, narrow: np.dtype) -> None:
        """From now on compute values of dtype `narrow` in float32. A view has nothing to compute."""
        # Kernels of linear algebra do it themselves, or refuse float16.
        refuses = narrow == np.float16 and ".linalg_" in (self.module or "")
        if self.view or self.bitwise or refuses:
            return
        self.kernel, self.raw = in_float32(self.kernel, {narrow}), in_float32(self.raw, {narrow})
        for scope_ in self.scopes:
            scope_["_kernel"], scope_["_raw"] = in_float32(scope_["_kernel"], {narrow}), self.raw

    def _read_signature(self, kernel: Callable) -> None:
        """Inputs and parameters from the kernel's code object (`inspect.signature` would double the import time)."""
        code, count = kernel.__code__, kernel.__code__.co_argcount
        names, after = code.co_varnames, count + code.co_kwonlyargcount
        self.variadic = bool(code.co_flags & _CO_VARARGS)
        self.inputs = (names[after],) if self.variadic else names[:count]
        self.parameters = tuple(n for n in names[count:after] if not (self.pieced and n == "into"))
        given, keywords = kernel.__defaults__ or (), kernel.__kwdefaults__ or {}
        self.input_defaults = (MISSING,) * (len(self.inputs) - len(given)) + given
        self.parameter_defaults = tuple(keywords.get(n, MISSING) for n in self.parameters)
        self.defaults = (*self.input_defaults, *self.parameter_defaults)
        self.required = len(self.defaults) - [*reversed(self.defaults), MISSING].index(MISSING)
        self.numbers = tuple(
            at for at, d in enumerate(self.defaults) if at >= len(self.inputs) and type(d) in (int, float)
        )
        self.positions: dict[str, int] = {}
        for i, name in enumerate((*self.inputs, *self.parameters)):
            self.positions[name] = i
            self.positions[self.public_name(name)] = i
        for synonym, name in (*self.spelled.items(), *_SYNONYMS.items()):
            if name in self.positions:
                self.positions.setdefault(synonym, self.positions[name])

    @functools.cached_property
    def invoke(self) -> Callable:
        """lambda kernel, A, P: the kernel called with its inputs by position and its parameters by name."""
        given = ["*A"] if self.variadic else [f"A[{i}]" for i in range(len(self.inputs))]
        named = [f"{name}=P[{i}]" for i, name in enumerate(self.parameters)]
        return eval(f"lambda kernel, A, P: kernel({', '.join(given + named)})")  # noqa: S307

    def public_name(self, name: str) -> str:
        return _RENAMED.get(name, name)

    # ------------------------------------------------------------------ declaring rules

    def grad(self, *names: str) -> Callable:
        """Decorator: the rule for the gradient of the inputs named (the same rule for each)."""

        def declare(rule: Callable) -> Callable:
            wanted = argument_names(rule)
            if wanted[:1] != ("g",):
                raise TypeError(f"{self.name}: a rule's first parameter is g, got {wanted}")
            for needed in wanted[1:]:
                self.place(needed)
            for name in names:
                if name not in self.inputs:
                    raise TypeError(f"{self.name}: rule for {name!r}, which is not an input of {self.inputs}")
                self.rules[name] = (rule, wanted[1:])
            self.differentiable = True
            return rule

        return declare

    def fast(self, rule: Callable) -> Callable:
        """Decorator: an array-only closed form that gives the gradients of all inputs at once (first order)."""
        wanted = argument_names(rule)
        self.fast_rule, self.fast_names = rule, tuple(n for n in wanted[1:] if n not in ("needs", "into"))
        self.fast_into = "into" in wanted
        for name in self.fast_names:
            self.place(name)
        return rule

    def place(self, name: str) -> str:
        """Where a rule's parameter is found when the operation is recorded, as source text."""
        if name in self.inputs:
            return "A" if self.variadic else f"A[{self.inputs.index(name)}]"
        if name == "out" and not self.outputs:
            return "out[0]" if self.aux else "out"
        if name in self.aux:
            return f"out[{self.aux.index(name) + 1}]"
        if name in self.outputs:
            return f"out[{self.outputs.index(name)}]"
        if name in self.parameters:
            return f"P[{self.parameters.index(name)}]"
        if name.endswith("_shape") and name[:-6] in self.inputs:
            return "tuple(a.shape for a in A)" if self.variadic else f"A[{self.inputs.index(name[:-6])}].shape"
        raise TypeError(f"{self.name}: a rule asks for {name!r}, which is none of its inputs, parameters or results")

    def rules_for(self, needs: tuple[bool, ...]) -> list:
        if self.variadic:
            return [self.rules.get(self.inputs[0])]
        return [self.rules.get(name) if need else None for name, need in zip(self.inputs, needs, strict=True)]

    def names_for(self, rules: list, needs: tuple[bool, ...]) -> tuple[str, ...]:
        found = [name for entry in rules if entry is not None for name in entry[1]]
        return tuple(dict.fromkeys([*found, *self.fast_names]))

    def plan(self, needs: tuple[bool, ...], numbers: bool = False) -> Plan:
        """The plan for the inputs that need a gradient; `numbers`: the others are Python numbers, nothing to free."""
        found = self.plans.get((needs, numbers))
        if found is None:
            found = self.plans[needs, numbers] = Plan(self, needs, numbers)
        return found

    def short(self) -> bool:
        """Whether a short entry suits: one or two required inputs, no parameters, one result."""
        plain = not (self.parameters or self.aux or self.outputs or self.view or self.variadic or self.spelled)
        count = len(self.inputs)
        return plain and self.required == count and (count == 2 or (self.elementwise and count == 1))

    # ------------------------------------------------------------------ calling

    def bind(self, args: tuple, kwargs: dict) -> tuple[tuple, tuple]:
        """Positional and keyword arguments as (inputs, parameters)."""
        if self.variadic:
            return self._bind_variadic(args, kwargs)
        count, n = len(args), len(self.inputs)
        if not kwargs and self.required <= count <= len(self.defaults):
            values = args + self.defaults[count:]
            self.check_numbers(values)
            return values[:n], values[n:]
        if count > len(self.defaults):
            raise TypeError(f"{self.name}() takes at most {len(self.defaults)} arguments but {count} were given")
        given = [*args, *self.defaults[count:]]
        for key, value in kwargs.items():
            at = self.positions.get(key)
            if at is None:
                raise TypeError(f"{self.name}() got an unexpected keyword argument {key!r}; it takes {self.signature}")
            if at < len(args):
                raise TypeError(f"{self.name}() got multiple values for argument {key!r}")
            given[at] = value
        for at, value in enumerate(given):
            if value is MISSING:
                name = self.public_name((*self.inputs, *self.parameters)[at])
                raise TypeError(f"{self.name}() missing required argument {name!r} (position {at + 1})")
        self.check_numbers(given)
        return tuple(given[:n]), tuple(given[n:])

    def check_numbers(self, values: Sequence) -> None:
        """Refuse a tensor that requires grad where a number belongs: its gradient would be lost."""
        for at in self.numbers:
            if isinstance(values[at], Tensor):
                refuse_recorded(self.name, self.parameters[at - len(self.inputs)], values[at])

    def _bind_variadic(self, args: tuple, kwargs: dict) -> tuple[tuple, tuple]:
        values = list(self.parameter_defaults)
        for key, value in kwargs.items():
            at = self.positions.get(key)
            if at is None or at == 0:
                raise TypeError(f"{self.name}() got an unexpected keyword argument {key!r}; it takes {self.signature}")
            values[at - 1] = value
        return args, tuple(values)

    @functools.cached_property
    def signature(self) -> str:
        """The arguments as a caller writes them, for error messages."""
        names = ["*" + n if self.variadic else self.public_name(n) for n in self.inputs]
        shown = [
            f"{n}={d!r}" if d is not MISSING else n
            for n, d in zip([*names, *self.parameters], self.defaults, strict=True)
        ]
        return f"({', '.join(shown)})"

    def apply(self, inputs: tuple, params: tuple) -> Any:
        """Run the operation on what a caller gave: Tensors, arrays and numbers."""
        arrays: list = []
        nodes: list = []
        tensor = False
        for value in inputs:
            try:
                nodes.append(value._node)
            except AttributeError:
                if not isinstance(value, Tensor):
                    arrays.append(self.accept(value, len(arrays)))
                    nodes.append(None)
                    continue
                if value._apply is not None:
                    return value._apply(self, inputs, params)
                nodes.append(history(value))  # a view whose base was changed in place
            tensor = True
            arrays.append(value._buffer() if self.view else value._data)
        if self.real:
            real_only(self.name.strip("_"), *arrays)
        if not tensor:
            return self.apply_raw(arrays, params)
        if self.promote is not None:
            # A NumPy scalar of the caller's counts as a Python number: `np.float64(2) * t` keeps t's dtype.
            arrays = self.promoted([a.item() if isinstance(a, np.generic) and not isinstance(v, Tensor) else a
                                    for a, v in zip(arrays, inputs, strict=True)])  # fmt: skip
        try:
            out = self.invoke(self.kernel, arrays, params)
        except RuntimeWarning:
            out = self.retry(arrays, params)
        except ValueError as error:
            raise self.translate(error, arrays) from None
        except AttributeError as error:
            raise self.not_tensors(arrays) or error from None
        return self.finish(out, tuple(arrays), params, tuple(nodes), inputs)

    def accept(self, value: Any, position: int) -> Any:
        """An input that is not a Tensor: None where optional, a number, array data."""
        if value is None:
            if not self.variadic and self.input_defaults[position] is None:
                return None
        elif type(value) is ndarray:
            return usual(value)
        elif type(value) in NUMBERS or is_raw(value) or isinstance(value, (int, float, complex)):
            return value
        raise self.not_tensor(value, position)

    def not_tensor(self, value: Any, position: int) -> TypeError:
        name = self.inputs[0] if self.variadic else self.public_name(self.inputs[position])
        return TypeError(
            f"{self.name}(): argument {name!r} (position {position + 1}) must be Tensor, not {type(value).__name__}"
        )

    def not_tensors(self, arrays: list) -> TypeError | None:
        """What to say of the first number, where a kernel looked for an array's attributes."""
        return next((self.not_tensor(a, i) for i, a in enumerate(arrays) if type(a) in NUMBERS), None)

    def apply_raw(self, arrays: list, params: tuple) -> Any:
        """The kernel itself, for rules that run on arrays; numbers alone are a mistake of the caller."""
        if not any(is_raw(a) for a in arrays):
            raise self.not_tensor(next((a for a in arrays if a is not None), None), 0)
        return self.invoke(self.raw, arrays, params)

    def promoted(self, arrays: list) -> list:
        """Inputs in their common dtype; Python numbers stay weak, so that they never widen an array."""
        kind = getattr(arrays[0], "dtype", None)
        if kind in FLOATING and all(type(a) is ndarray and a.dtype is kind for a in arrays[1:]):
            return arrays
        if self.refuse is not None:
            self.refuse(arrays)
        target = result_dtype(tuple(arrays))
        if self.promote == "float" and target not in FLOATING and category(target) < 2:
            target = get_default_dtype().dtype
        if self.fits:
            arrays = [element(a, target) if n in self.fits and type(a) in NUMBERS else a
                      for a, n in zip(arrays, self.inputs, strict=True)]  # fmt: skip
        if target.kind in "iu":
            arrays = [wrapped(a, target) if type(a) is int else a for a in arrays]
        return [a if a is None or type(a) in NUMBERS or a.dtype == target else a.astype(target) for a in arrays]

    def retry(self, arrays: Sequence, params: tuple = ()) -> Any:
        """Run the kernel with NumPy's warnings off: only needed where the caller made warnings errors."""
        return quietly(self.invoke, self.raw, arrays, params)

    def translate(self, error: ValueError, arrays: Sequence) -> Exception:
        """NumPy's complaint about shapes as PyTorch's class and text; a kernel's own ValueError stays one."""
        if "broadcast" in str(error) or "shape" in str(error):
            try:
                _broadcast_shapes(*[a.shape for a in arrays if hasattr(a, "shape")])
            except RuntimeError as mismatch:
                return RuntimeError(f"{self.name.strip('_')}: {mismatch}")
        text = str(error)
        return ValueError(text) if text.startswith(self.name) else ValueError(f"{self.name}: {text}")

    # ------------------------------------------------------------------ recording

    def finish(self, out: Any, arrays: tuple, params: tuple, nodes: tuple, inputs: tuple) -> Any:
        """Wrap the result, and record it if some input is recorded."""
        main = out[0] if self.aux else out
        recorded = nodes.count(None) != len(nodes) and self.differentiable and grad_mode() is not False
        if self.outputs:
            return self.finish_outputs(out, arrays, params, nodes, recorded)
        if recorded and category(main.dtype) < 2:
            recorded = False
        result = wrap(main)
        if recorded:
            result._node = self.record(main, out, arrays, params, nodes)
        elif inferring:
            mark(result, arrays)
            mark_all(out[1:] if self.aux else (), arrays)
        if self.view:
            self.mark_view(result, inputs[0])
        if not self.aux:
            return result
        return self.fields(result, *map(wrap, out[1:]))

    def record(self, main: Array, out: Any, arrays: tuple, params: tuple, nodes: tuple) -> Node:
        numbers = not self.variadic and all(
            n is not None or a is None or type(a) in NUMBERS for a, n in zip(arrays, nodes, strict=True)
        )
        plan = self.plan(tuple(n is not None for n in nodes), numbers)
        node = new(Wide)
        node.edges, node.plan = nodes, plan
        node.saved = () if plan.save is None else plan.save(arrays, params, out)
        if exports.table:
            node.saved = exports.guarded(node.saved, node)
        node.seq = tick()
        node.shape, node.dtype = main.shape, main.dtype
        node.kind = None if type(main) is ndarray or main.ndim else type(main)
        node.value = main if main.size <= capture.limit else None
        node.given = _unrecorded(arrays, nodes) if None in nodes else ()
        node.params = params
        node.scope = _current_scope()
        node.hooks = None
        if node.dtype.kind == "c":
            Complex.seen = True
        elif node.dtype in HALVES:
            Half.seen = True
        if _anomaly.get()[0]:
            node.metadata["traceback"] = trace_here()
        return node

    def constants(self, params: tuple) -> tuple:
        """The parameters of a call that differ from their defaults, as a picture shows them."""
        if not params:
            return ()
        pairs = zip(self.parameters, params, self.parameter_defaults, strict=True)
        return tuple((n, v) for n, v, d in pairs if v is not d and not (type(v) in NUMBERS and v == d))

    def finish_outputs(self, out: tuple, arrays: tuple, params: tuple, nodes: tuple, recorded: bool) -> Any:
        """Several differentiable results: one node for the operation, and one per result that picks its own."""
        tensors = [wrap(a) for a in out]
        if recorded:
            node = self.record(out[0], out, arrays, params, nodes)
            for i, t in enumerate(tensors):
                if category(t._data.dtype) >= 2:
                    t._node = pick(node, i, t._data)
        elif inferring:
            mark_all(tensors, arrays)
        return self.fields(*tensors)

    def mark_view(self, result: Tensor, source: Any) -> None:
        if type(result._data) is ndarray and isinstance(source, Tensor) and may_share(result._data, source._data):
            note_view(result, source)


def _unrecorded(arrays: tuple, nodes: tuple) -> tuple:
    """The inputs that no edge leads to, by position."""
    return tuple(
        (i, keep(a)) for i, (a, n) in enumerate(zip(arrays, nodes, strict=True)) if n is None and a is not None
    )


def _round_all(narrow: np.dtype) -> None:
    """Teach every operation about a dtype of 16 bits, once a program uses it: others do not pay for the question."""
    for declared in {id(d): d for d in dict.values(registry) if isinstance(d, Op)}.values():
        declared.round_to(narrow)
    Op.narrow += (narrow,)


ON_HALF.append(_round_all)

# ---------------------------------------------------------------------------------------------- declaring


def _of_real_numbers(name: str, function: Callable) -> Callable:
    """The function, refusing complex numbers."""

    @functools.wraps(function)
    def refusing(*args: Any, **kwargs: Any) -> Any:
        real_only(name, *args, *kwargs.values())
        return function(*args, **kwargs)

    return refusing


def _as_images_lie(function: Callable) -> Callable:
    """The function with results that have their channels last in memory where the images or filters it got have."""

    @functools.wraps(function)
    def formatted(*args: Any, **kwargs: Any) -> Any:
        result = function(*args, **kwargs)
        for t in args[:2]:
            if isinstance(t, Tensor) and t._apply is None and (wanted := channels_format(t._data)) is not None:
                if isinstance(result, tuple):
                    return tuple(r.contiguous(memory_format=wanted) for r in result)
                return result.contiguous(memory_format=wanted)
        return result

    return formatted


class Composite(Declaration):
    """A function made only of operations: no kernel, no rule, the same places as an operation."""

    def __init__(self, function: Callable, options: dict[str, Any]) -> None:
        self.function = function
        self.name = function.__name__.strip("_")
        self.doc, self.module = function.__doc__, function.__module__
        self.set_options(options)
        self.differentiable = self.sample is not None
        self.names = argument_names(function)
        synonyms = {**_SYNONYMS, **self.spelled}
        self.synonyms = {s: n for s, n in synonyms.items() if n in self.names and s not in self.names}
        self.numbers = self._numbers(function)

    def _numbers(self, function: Callable) -> dict[str, int]:
        """Parameters that are numbers without a gradient, and their positions."""
        code = function.__code__
        given = dict(zip(code.co_varnames[code.co_argcount - len(function.__defaults__ or ()) :], function.__defaults__ or (),
                         strict=False))  # fmt: skip
        given |= function.__kwdefaults__ or {}
        given.setdefault("value", None)  # without a default it is a tensor: attention has one of that name
        return {
            n: i for i, n in enumerate(self.names) if n in NUMBERLIKE and type(given.get(n, 0.0)) in (int, float, str)
        }

    def entry(self) -> Callable:
        function, synonyms, name, numbers = self.function, self.synonyms, self.name, self.numbers
        if self.images:
            function = _as_images_lie(function)
        if self.real:
            function = _of_real_numbers(name, function)
        first = min(numbers.values(), default=99)

        def check(args: tuple, kwargs: dict) -> None:
            for parameter, at in numbers.items():
                refuse_recorded(name, parameter, args[at] if at < len(args) else kwargs.get(parameter))

        @functools.wraps(function)
        def entry(*args: Any, **kwargs: Any) -> Any:
            if numbers and (kwargs or len(args) > first):
                check(args, kwargs)
            if not kwargs:
                try:
                    return function(*args)
                except NotMapped:
                    return self.over_slices(args, kwargs)
                except AttributeError as error:
                    raise self.not_tensors(args, error.obj) or error from None
            for synonym in synonyms.keys() & kwargs.keys():
                kwargs[synonyms[synonym]] = kwargs.pop(synonym)
            out = kwargs.pop("out", None)
            if out is not None:
                return self.into(out, function, args, kwargs)
            try:
                return function(*args, **kwargs)
            except NotMapped:
                return self.over_slices(args, kwargs)

        return entry

    def not_tensors(self, args: tuple, number: Any) -> TypeError | None:
        """What to say where an attribute was looked for in a number that stands among the arguments."""
        if type(number) not in NUMBERS:
            return None
        kind = type(number).__name__
        for at, (given, name) in enumerate(zip(args, self.names, strict=False)):
            if given is number:
                return TypeError(f"{self.name}(): argument {name!r} (position {at + 1}) must be Tensor, not {kind}")
            if isinstance(given, (list, tuple)) and any(e is number for e in given):
                return TypeError(f"{self.name}(): expected Tensor as an element of argument {name!r}, but got {kind}")
        return None

    def into(self, out: Any, function: Callable, args: tuple, kwargs: dict) -> Any:
        """The function's result in memory the caller gave, computed in its dtype where the function takes one."""
        if "dtype" in self.names:
            places = self.names[: self.function.__code__.co_argcount]
            kwargs = typed_by(out, self.name, places, args, kwargs)
        return write_out(self.name, out, function(*args, **kwargs))

    def over_slices(self, args: tuple, kwargs: dict) -> Any:
        """Under `vmap`, where the function asked for single values: its own rule for all slices, if it has one."""
        mapped = [a for a in (*args, *kwargs.values()) if isinstance(a, Tensor) and a._apply is not None]
        if not mapped:
            raise NotMapped(f"vmap: {self.name} asks for single values")
        return mapped[0]._compose(self, args, kwargs)


def op(kernel: Callable | None = None, /, **options: Any) -> Any:
    """Declare an operation. See this module's docstring and CONTRIBUTING.md; the options are:

    sample: the domain on which it is tested (`_samples.reals`, `_samples.cases`).
    method, inplace, operators, aliases, namespace: where it appears.
    spelled: what callers may also call an argument, as they do in PyTorch.
    symbol, caption: how a picture and an explanation write it.
    native: a C function that does what the kernel does for floating numbers, without a Python call.
    shared: a function of NumPy that does what the kernel does, for very large arrays of such numbers: on all cores.
    promote: "same" (inputs to a common dtype) or "float" (integers to the default float as well).
    refuse: raises for inputs that their common dtype would make acceptable.
    elementwise, linear, commutes: what forward mode, vmap and operators may assume.
    batch: how `vmap` runs it over all slices at once ("align", "rows", "joined"; see `_batch`).
    view: the kernel returns a view of its first input.
    aux: names of further results that have no gradient. outputs: names of several results that have.
    quiet: the kernel may divide by zero and the like; NumPy's warnings are off while it runs.
    lends_result: a rule reads the result, which may be changed in place all the same (the node takes a copy then), as
        PyTorch allows where its own rule reads something else.
    images: results have their channels last in memory where the images given have.
    bitwise: the kernel works on the representation of numbers, or computes none, so those of 16 bits are not made float32.
    pieced: elementwise, of several steps: kernel and rules are run on pieces of large arrays. The kernel and a fast rule
        may have a parameter `into=None`: where to write what they give, which saves copying it there.
    real: complex numbers are refused: the function asks which of two is larger, and complex numbers have no order.
    holomorphic: rules are written for real numbers, the engine conjugates for complex ones; False where
        the rules treat complex numbers themselves.
    """
    if kernel is None:
        return lambda k: op(k, **options)
    declared = Op(kernel, dict(options))
    general = general_entry(declared)
    entry: Callable = general if declared.variadic else compiled_entry(declared, general)
    if declared.short():
        entry = short_entry(declared, general)
        if len(declared.inputs) == 2:
            declared.operator_entry = short_entry(declared, general, operator=True)
    published = _publish(declared, entry)
    for narrow in Op.narrow:
        declared.round_to(narrow)
    return published


def composite(function: Callable | None = None, /, **options: Any) -> Any:
    """Declare a function made only of operations; options as for `op`."""
    if function is None:
        return lambda f: composite(f, **options)
    declared = Composite(function, dict(options))
    return _publish(declared, declared.entry())


def _publish(declared: Op | Composite, entry: Callable) -> Callable:
    """Register the declaration and attach its method, operators, in-place form and aliases."""
    original = declared.function if isinstance(declared, Composite) else declared.raw
    entry.__name__ = declared.name
    entry.__qualname__ = original.__qualname__
    entry.__doc__, entry.__module__ = declared.doc, declared.module
    if isinstance(declared, Op):
        entry.__wrapped__ = declared.raw
        entry.grad, entry.fast = declared.grad, declared.fast
    entry.op = declared
    declared.call = entry
    names = (declared.name, *declared.aliases)
    for name in names:
        key = f"{declared.namespace}.{name}" if declared.namespace else name
        registry[key] = declared
        attach = declared.method if declared.method is not None else declared.namespace == ""
        if attach and (type(vars(Tensor).get(name)) is Later or not hasattr(Tensor, name)):
            setattr(Tensor, name, entry)
        if declared.inplace:
            setattr(Tensor, name + "_", in_place_method(entry, name))
    _attach_operators(declared, entry)
    return entry


def _short_operator(declared: Op | Composite, reflected: bool) -> Callable | None:
    """The operator of an elementwise operation without the general binding; commuting ones need no reflected form."""
    direct = getattr(declared, "operator_entry", None)
    if direct is None or not reflected or declared.commutes:
        return direct
    return short_entry(declared, declared.call, REFLECTED) if declared.promote is not None else None


def _attach_operators(declared: Op | Composite, entry: Callable) -> None:
    for dunder in declared.operators:
        name = dunder.strip("_")
        if name.startswith("i") and name not in ("invert",):
            setattr(Tensor, dunder, in_place_method(entry, name[1:], operator=True))
        elif len(getattr(declared, "inputs", (1, 2))) == 1:
            short = isinstance(declared, Op) and declared.short()
            setattr(Tensor, dunder, entry if short else lambda self: entry(self))
        else:
            reflected = name[0] == "r" and name not in ("rshift", "round")
            setattr(Tensor, dunder, _short_operator(declared, reflected) or operator_method(entry, reflected))


__all__ = ["MISSING", "Composite", "Op", "Plan", "composite", "op"]
