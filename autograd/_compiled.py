"""The public function of an operation of any arity, compiled from its signature.

Binding arguments, unwrapping and recording in general terms costs several microseconds a call, more than the kernel on
small arrays. Here Python's own call does the binding, and the rest is written out for the operation's inputs and
parameters. Whatever is unusual (numbers or foreign arrays among tensors, mixed dtypes, `out=`, synonyms of arguments,
anomaly mode) goes to the general function, which is also what the tests compare with.
"""

from __future__ import annotations

from collections.abc import Callable
from types import FunctionType
from typing import Any

from ._array import RAW, exports, may_share, ndarray, tick
from ._dtype import FLOATING, HALVES, category
from ._entry import MISSING, keep
from ._inference import mark, mark_all
from ._mode import grad_mode, inferring, scope
from ._node import Complex, Half, Wide, capture, new
from ._plan import pick
from ._tensor import Tensor, note_view, wrap

# Parameters that PyTorch takes as numbers only: a tensor that requires grad would lose its gradient there.
NUMBERLIKE = {
    "alpha", "beta", "correction", "delta", "eps", "label_smoothing", "lambd", "lower", "max_val", "min_val", "momentum", "nan",
    "neginf", "negative_slope", "ord", "p", "posinf", "threshold", "upper", "value",
}  # fmt: skip

TEMPLATE = """
def _entry({signature}, *, out=None, **_more):
    {raw}
    try:
        {unwrap}
    except AttributeError:
        if out is None and not _more and {raw_test}:
            return _raw({inputs}{keywords})
        return _again(({inputs},), ({parameters}), out, _more)
    if out is not None or _more{promotion}:
        return _again(({inputs},), ({parameters}), out, _more)
    _mode = {differentiable} and ({some}) and _grad_mode()
    if _mode is not True and _mode is not False:
        return _again(({inputs},), ({parameters}), out, _more)
    try:
        _z = _kernel({arrays}{keywords})
    except RuntimeWarning:
        _z = _op.retry(({arrays},), ({parameters}))
    except ValueError as error:
        raise _op.translate(error, ({arrays},)) from None
    {unpack}
    _dtype = _main.dtype
    if _mode and {recorded}:
        {plan}
        {target}_node = _Node()
        _node.edges = ({edges},)
        _node.plan = _plan
        _node.saved = () if _plan.save is None else _plan.save(({arrays},), ({parameters}), _z)
        if _held:
            _node.saved = _exports.guarded(_node.saved, _node)
        _node.seq = _tick()
        _node.shape = _main.shape
        _node.dtype = _dtype
        if type(_main) is _ndarray:
            _node.kind = None
            _node.value = _main if _main.size <= _capture.limit else None
        else:
            _node.kind = type(_main)
            _node.value = _main
        _node.given = ()
        {given}
        _node.params = ({parameters})
        _node.scope = _current_scope()
        _node.hooks = None
        if {other_kind}:
            if _dtype.kind == "c":
                _Complex.seen = True
            elif _dtype in _HALVES:
                _Half.seen = True
        {picks}
    elif _inferring:
        {noted}
    {unrecorded}
    {view}
    return {returned}
"""


def compiled_entry(op: Any, general: Callable) -> Callable:
    """The public function of an operation without variable arguments."""
    scope_: dict[str, Any] = {
        "__name__": "autograd._entry",  # by which Python's filters know whose warnings are meant
        "_inferring": inferring, "_mark": mark, "_mark_all": mark_all, "_op": op, "_kernel": op.kernel, "_raw": op.raw, "_RAW": RAW, "_MISSING": MISSING,
        "_again": _again(op, general), "_Tensor": Tensor, "_Node": Wide, "_pick": pick, "_new": new, "_tick": tick, "_ndarray": ndarray,
        "_capture": capture, "_keep": keep, "_grad_mode": grad_mode, "_current_scope": scope.get, "_FLOATING": FLOATING,
        "_category": category, "_Complex": Complex, "_Half": Half, "_HALVES": HALVES, "_wrap": wrap, "_note_view": note_view, "_may_share": may_share,
        "_plans": {}, "_held": exports.table, "_exports": exports, "_defaults": op.parameter_defaults,
    }  # fmt: skip
    op.scopes.append(scope_)
    function = FunctionType(_first_call.__code__, scope_, op.name)
    scope_["_compile_entry"] = lambda: _compile(op, scope_, function)
    return function


def _first_call(*args: Any, **kwargs: Any) -> Any:
    """Stands in until the operation is called: compiling a thousand entries at import would be felt."""
    return _compile_entry()(*args, **kwargs)  # type: ignore[name-defined]  # noqa: F821


def _compile(op: Any, scope_: dict[str, Any], function: Any) -> Callable:
    """Give the function, which others hold already, its real body."""
    exec(TEMPLATE.format(**_parts(op)), scope_)  # noqa: S102  (built from identifiers of a declaration)
    made = scope_["_entry"]
    function.__kwdefaults__, function.__defaults__, function.__code__ = (
        made.__kwdefaults__,
        made.__defaults__,
        made.__code__,
    )
    return function


def _parts(op: Any) -> dict[str, str]:
    n = range(len(op.inputs))
    optional = [d is None for d in op.input_defaults]
    public = [op.public_name(name) for name in op.inputs]
    given = [f"{name}={'None' if opt else '_MISSING'}" for name, opt in zip(public, optional, strict=True)]
    defaults = [f"{name}=_defaults[{i}]" for i, name in enumerate(op.parameters)]
    read = [f"_a{i}, _e{i} = {name}._data, {name}._node" for i, name in enumerate(public)]
    if op.view:  # of the memory, so not of a NumPy scalar
        read[0] += f"\n        if type(_a0) is not _ndarray: _a0 = {public[0]}._buffer()"
    unwrap = [
        f"_a{i} = _e{i} = None\n        if {public[i]} is not None: {read[i]}" if optional[i] else read[i] for i in n
    ]
    tests = [f"({name} is None or type({name}) in _RAW)" if opt else f"type({name}) in _RAW"
             for name, opt in zip(public, optional, strict=True)]  # fmt: skip
    unrecorded = [f"if _e{i} is None{f' and _a{i} is not None' if optional[i] else ''}: _node.given += (({i}, _keep(_a{i})),)"
                  for i in n]  # fmt: skip
    keywords = "".join(f", {p}={p}" for p in op.parameters)
    needs = f"({''.join(f'_e{i} is not None, ' for i in n)})"
    return {
        "signature": ", ".join([*given, *defaults]),
        "unwrap": "\n        ".join(unwrap),
        "raw_test": " and ".join(tests),
        # A rule that runs on arrays; by the AttributeError it would take a microsecond more.
        "raw": f"if type({public[0]}) is _ndarray and {' and '.join(tests)} and out is None and not _more: "
        f"return _raw({', '.join(public)}{keywords})",
        "inputs": ", ".join(public),
        "arrays": ", ".join(f"_a{i}" for i in n),
        "edges": ", ".join(f"_e{i}" for i in n),
        "parameters": "".join(f"{p}, " for p in op.parameters),
        "keywords": keywords,
        "promotion": _promotion(op, n, optional),
        "differentiable": "_op.differentiable",
        "some": " or ".join(f"_e{i} is not None" for i in n),
        **_results(op, optional[0], "".join(f"_a{i}, " for i in n)),
        "plan": f"_plan = _plans.get({needs}) or _plans.setdefault({needs}, _op.plan({needs}))",
        "given": "\n        ".join(unrecorded),
        "view": f"if type(_main) is _ndarray and _may_share(_main, _a0): _note_view(_result, {public[0]})"
        if op.view
        else "",
    }


def _results(op: Any, optional: bool, given: str) -> dict[str, str]:
    """The parts that depend on how many results there are and which have gradients."""
    if op.outputs:
        return {
            "unpack": "_main = _z[0]\n    _results = [_wrap(_part) for _part in _z]", "recorded": "True", "target": "",
            "noted": f"_mark_all(_results, ({given}))",
            "picks": "for _i, _part in enumerate(_results):\n            if _part._data.dtype in _FLOATING or "
                     "_category(_part._data.dtype) >= 2: _part._node = _pick(_node, _i, _part._data)",
            "other_kind": "True", "unrecorded": "", "returned": "_op.fields(*_results)",
        }  # fmt: skip
    same = "" if optional else "_dtype is _a0.dtype or "
    return {
        "unpack": f"_main = {'_z[0]' if op.aux else '_z'}\n    _result = _new(_Tensor)\n    _result._data = _main",
        "recorded": f"({same}_dtype in _FLOATING or _category(_dtype) >= 2)", "target": "_result._node = ", "picks": "",
        "other_kind": "True" if optional else "_dtype is not _a0.dtype",
        "noted": f"_result._node = None; _mark(_result, ({given}))" + f"; _mark_all(_z[1:], ({given}))" * bool(op.aux),
        "unrecorded": "else: _result._node = None",
        "returned": "_op.fields(_result, *map(_wrap, _z[1:]))" if op.aux else "_result",
    }  # fmt: skip


def _promotion(op: Any, n: range, optional: list[bool]) -> str:
    """When the general function must look: a required parameter is missing, or inputs differ in dtype or may be refused."""
    missing = "".join(
        f" or {p} is _MISSING" for p, d in zip(op.parameters, op.parameter_defaults, strict=True) if d is MISSING
    )
    missing += "".join(f" or type({p}) is _Tensor" for p, d in zip(op.parameters, op.parameter_defaults, strict=True)
                       if type(d) is float or p in NUMBERLIKE)  # fmt: skip
    if op.real:
        missing += ' or _a0.dtype.kind == "c"'
    if op.promote is None:
        return missing
    tests = [f" or _a0.dtype is not _a{i}.dtype" for i in n if i and not optional[i]]
    tests += [f" or (_a{i} is not None and _a0.dtype is not _a{i}.dtype)" for i in n if i and optional[i]]
    return missing + "".join(tests) + (" or _a0.dtype not in _FLOATING" if op.promote == "float" else "")


def _again(op: Any, general: Callable) -> Callable:
    names = [op.public_name(name) for name in op.inputs]

    def again(inputs: tuple, parameters: tuple, out: Any, more: dict) -> Any:
        kwargs = {name: value for name, value in zip(names, inputs, strict=True) if value is not MISSING}
        for name, value, default in zip(op.parameters, parameters, op.parameter_defaults, strict=True):
            if value is not default:
                kwargs[name] = value
        if out is not None:
            kwargs["out"] = out
        args = []
        for name in names:
            if name not in kwargs:
                break
            args.append(kwargs.pop(name))
        return general(*args, **kwargs, **more)

    return again
