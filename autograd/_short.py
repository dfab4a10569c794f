"""The public functions of elementwise operations of one and two inputs, compiled: the engine's hot path.

Programs that work number by number, and small networks, spend their time between the call and the kernel. So these
functions are written out per operation: which values its rules save, whether it has rules at all, whether it promotes.
Whatever is unusual goes to the general function, which is also what the tests compare with.
"""

from __future__ import annotations

from collections.abc import Callable
from types import FunctionType
from typing import Any
from weakref import ref

from ._array import NUMBERS, RAW, exports, ndarray, tick
from ._dtype import FLOATING
from ._entry import is_operand, keep
from ._inference import is_marked, mark
from ._large import SHARED
from ._mode import grad_mode, inferring, scope
from ._node import SCALAR_PAIRS, ArrayPair, capture, new
from ._tensor import Tensor

UNARY = """
def _entry(input, *, out=None):
    if type(input) in _RAW and out is None:
        return _raw(input)
    try:
        x, left = input._data, input._node
    except AttributeError:
        return _general(input, out=out)
    if out is not None{promotion}:
        return _general(input, out=out)
    try:
        z = _kernel(x)
    except RuntimeWarning:
        z = _op.retry((x,))
    result = _new(_Tensor)
    result._data = z
    if left is None:
        result._node = None
        if _inferring:
            _mark(result, (x,))
        return result
    {record}
    {plans}
    return result
"""

BINARY = """
def _entry(input, other{signature}):
    {raw}
    try:
        x, left = input._data, input._node
        kind = type(other)
        if kind in _numbers:
            if left is None and x.dtype not in _FLOATING:
                return _general(input, other{given})
            y, right = other, None
        else:
            y, right = other._data, other._node
            kind = type(x)
            if kind is _ndarray or kind is not type(y):
                {large}
                if x.dtype is not y.dtype:
                    return _general(input, other{given})
                if kind is not type(y):  # a 0-d array meets a scalar: as scalars they are five times faster
                    if _is_marked(x) or _is_marked(y):  # of a scalar nobody knows that it may not be saved
                        return _general(input, other{given})
                    x, y = x[()], y[()]
            {promotion}
    except AttributeError:
        {foreign}
        if type(input) in _RAW and {absent}(type(other) in _RAW or type(other) in _NUMBERS):
            return _raw(input, other)
        return _general(input, other{given})
    {out}
    {real}
    try:
        z = _kernel(x, y)
    except RuntimeWarning:
        z = _op.retry((x, y))
    except ValueError as error:
        raise _op.translate(error, (x, y)) from None
    result = _new(_Tensor)
    result._data = z
    if left is None and right is None:
        result._node = None
        if _inferring:
            _mark(result, (x, y))
        return result
    {record}
    {plans}
    return result
"""

REFLECTED = """
def _entry(self, other):
    kind = type(other)
    if kind is not float and kind is not int:
        return _general(other, self) if _is_operand(other) else NotImplemented
    try:
        y, right = self._data, self._node
    except AttributeError:
        return _general(other, self)
    if y.dtype not in _FLOATING:
        return _general(other, self)
    x, left = other, None
    {real}
    try:
        z = _kernel(x, y)
    except RuntimeWarning:
        z = _op.retry((x, y))
    result = _new(_Tensor)
    result._data = z
    if right is None:
        result._node = None
        if _inferring:
            _mark(result, (y,))
        return result
    {record}
    {plans}
    return result
"""

RECORD = """mode = _grad_mode()
    if mode is not True:
        if mode is False:
            result._node = None
            if _inferring:
                _mark(result, {arrays})
            return result
        return _op.finish(z, {arrays}, (), {nodes}, {inputs})
    make = _scalars.get(type(z))
    if make is None:
        result._node = node = _ArrayPair()
        node.shape = z.shape
        node.dtype = z.dtype
        node.value = z if z.size <= _capture.limit else None
    else:
        result._node = node = make()
        node.value = z
    node.left = left
    node.right = {right}
    node.seq = _tick()
    node.scope = _current_scope()
    node.hooks = None"""

PLAN = """node.plan = _{name} or _plan({name!r}, {needs}, {numbers})
        node.saved = {saved}"""
# What is saved of a number alone, which in a loop is the same one each time: one tuple for all.
SAVED_NUMBER = "kept if (kept := _kept)[0] is {number} else _keep_number({number})"
GUARD = """
    if _held:
        node.saved = _exports.guarded(node.saved, node)"""


def short_entry(op: Any, general: Callable, template: str = "", operator: bool = False) -> Callable:
    """The public function of the operation; as a Python `operator` it takes no `out=` and leaves foreign operands alone."""
    template = template or (UNARY if len(op.inputs) == 1 else BINARY)
    scope_: dict[str, Any] = {
        "__name__": "autograd._entry",  # by which Python's filters know whose warnings are meant
        "_op": op, "_kernel": op.native or (op.raw if op.shared else op.kernel), "_raw": op.raw,
        "_SHARED": SHARED, "_general": general, "_RAW": RAW, "_NUMBERS": NUMBERS,
        "_numbers": frozenset({float, int}) if op.promote is not None else frozenset(), "_FLOATING": FLOATING,
        "_Tensor": Tensor, "_new": new, "_ArrayPair": ArrayPair, "_scalars": SCALAR_PAIRS, "_capture": capture,
        "_tick": tick, "_grad_mode": grad_mode, "_current_scope": scope.get, "_held": exports.table, "_exports": exports,
        "_inferring": inferring, "_mark": mark, "_is_marked": is_marked, "_is_operand": is_operand, "_keep": keep, "_ref": ref, "_ndarray": ndarray,
        "_both": None, "_first": None, "_second": None, "_number": None, "_kept": (None,),
    }  # fmt: skip
    op.scopes.append(scope_)

    def plan(name: str, needs: tuple[bool, ...], numbers: bool) -> Any:
        scope_[f"_{name}"] = made = op.plan(needs, numbers)
        return made

    def keep_number(number: Any) -> tuple:
        scope_["_kept"] = made = (number,)
        return made

    def first_call(*args: Any, **kwargs: Any) -> Any:
        exec(template.format(**_parts(op, template, operator)), scope_)  # noqa: S102  (built from a declaration's identifiers)
        made = scope_["_entry"]
        function.__defaults__, function.__kwdefaults__, function.__code__ = None, made.__kwdefaults__, made.__code__
        return function(*args, **kwargs)

    scope_["_plan"], scope_["_first_call"], scope_["_keep_number"] = plan, first_call, keep_number
    function = FunctionType(_until_called.__code__, scope_, op.name)
    return function


def _until_called(*args: Any, **kwargs: Any) -> Any:
    """Stands in until the operation is called: compiling them all at import would be felt."""
    return _first_call(*args, **kwargs)  # type: ignore[name-defined]  # noqa: F821


def _parts(op: Any, template: str, operator: bool) -> dict[str, str]:
    one, reflected = template is UNARY, template is REFLECTED
    arrays, nodes = ("(x,)", "(left,)") if one else ("(x, y)", "(left, right)")
    inputs = "(input,)" if one else "(other, self)" if reflected else "(input, other)"
    given = "" if operator or reflected or one else ", out=out"
    array, operands = ("y", "other, self") if reflected else ("x", f"input, other{given}")
    promotion = "left is None and x.dtype not in _FLOATING" if op.promote == "float" else ""
    if one:
        promotion = (promotion and f" or ({promotion})") + (' or x.dtype.kind == "c"' if op.real else "")
    elif promotion:
        promotion = f"if right is None and {promotion}: return _general(input, other{given})"
    return {
        "signature": given and ", *, out=None",
        "given": given,
        # A rule that runs on arrays; by the AttributeError below it would take a microsecond more.
        "raw": given and "if type(input) in _RAW and type(other) in _RAW and out is None: return _raw(input, other)",
        "absent": given and "out is None and ",
        "large": f"if kind is _ndarray and x.size >= _SHARED: return _general(input, other{given})"
        if op.shared
        else "",
        "promotion": promotion,
        "foreign": "if not _is_operand(other): return NotImplemented" if operator else "",
        "out": given and "if out is not None: return _general(input, other, out=out)",
        "real": f'if {array}.dtype.kind == "c": return _general({operands})' if op.real else "",
        "record": RECORD.format(arrays=arrays, nodes=nodes, inputs=inputs, right="None" if one else "right")
        if op.differentiable
        else "",
        "plans": _plans(op, one, reflected) if op.differentiable else "result._node = None",
    }


def _plans(op: Any, one: bool, reflected: bool) -> str:
    """The part of the function that chooses the plan, saves what its rules name and notes an unrecorded operand."""
    if one:
        return _chosen(op, "both", (True,)).replace("\n        ", "\n    ") + _guard(op, (True,))
    second = _chosen(op, "second", (False, True), numbers=reflected)
    if reflected:
        return f"node.constant = x\n    {second}".replace("\n        ", "\n    ") + _guard(op, (False, True))
    array = _chosen(op, "first", (True, False)).replace("\n        ", "\n            ")
    number = _chosen(op, "number", (True, False), numbers=True).replace("\n        ", "\n            ")
    return f"""if right is None:
        node.constant = y if type(y) is not _ndarray or y.size <= _capture.limit else _ref(y)
        if type(y) in _numbers:
            {number}
        else:
            {array}
    elif left is None:
        node.constant = _keep(x)
        {second}
    else:
        {_chosen(op, "both", (True, True))}""" + _guard(op, (True, True))


def _saved(op: Any, needs: tuple[bool, ...]) -> list[str]:
    where = [op.place(name) for name in op.names_for(op.rules_for(needs), needs)]
    return [w.replace("A[0]", "x").replace("A[1]", "y").replace("out", "z") for w in where]


def _chosen(op: Any, name: str, needs: tuple[bool, ...], numbers: bool = False) -> str:
    saved, number = _saved(op, needs), "y" if needs[0] else "x"
    alone = numbers and saved == [number]
    kept = SAVED_NUMBER.format(number=number) if alone else f"({''.join(f'{w}, ' for w in saved)})"
    return PLAN.format(name=name, needs=needs, numbers=numbers, saved=kept)


def _guard(op: Any, needs: tuple[bool, ...]) -> str:
    return GUARD if _saved(op, needs) else ""
