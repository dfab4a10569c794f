"""Type stubs for editors and checkers, written from the registry: `python -m tests.stubs`.

Methods and functions that declarations attach are invisible to a static reader; tests fail when the stubs are stale.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).resolve().parent.parent / "autograd"
HEAD = '"""Written by `python -m tests.stubs`; do not edit."""\n\nimport builtins\nfrom collections.abc import Callable, Iterator\nfrom typing import Any\n\n'
_KEYWORDS = {"from", "lambda", "in", "is", "not", "or", "and", "if", "for"}


def _default(value: Any) -> str:
    """A default as a stub shows it."""
    return " = ..." if value is not inspect.Parameter.empty else ""


def parameters_of(call: Callable, declared: Any) -> list[str]:
    """The parameters of a public function as a stub writes them, without self's special case."""
    if hasattr(declared, "kernel"):
        return _of_operation(declared)
    found = []
    star = False
    for p in inspect.signature(getattr(declared, "function", call)).parameters.values():
        if p.kind is p.VAR_POSITIONAL:
            found.append(f"*{p.name}: Any")
            star = True
        elif p.kind is p.VAR_KEYWORD:
            found.append(f"**{p.name}: Any")
        else:
            if p.kind is p.KEYWORD_ONLY and not star:
                found.append("*")
                star = True
            found.append(f"{p.name}: Any{_default(p.default)}")
    return found


def _of_operation(declared: Any) -> list[str]:
    from autograd._op import MISSING

    if declared.variadic:
        return [f"*{declared.inputs[0]}: Any", *(f"{n}: Any = ..." for n in declared.parameters)]
    given = zip((*map(declared.public_name, declared.inputs), *declared.parameters), declared.defaults, strict=True)
    found, optional = [], False
    for i, (name, default) in enumerate(given):
        optional = optional or default is not MISSING
        kind = "Any" if i >= len(declared.inputs) else "Tensor | Any" if i else "Tensor"
        found.append(f"{name}: {kind}{' = ...' if optional else ''}")
    return found


def result_of(declared: Any) -> str:
    return "Any" if declared.aux or declared.outputs or not hasattr(declared, "kernel") else "Tensor"


def functions() -> Iterator[str]:
    """Stub lines of the functions that are operations of the public namespace."""
    from autograd._registry import registry

    for name in sorted(n for n in registry if "." not in n and n.isidentifier() and n not in _KEYWORDS):
        declared = registry[name]
        yield f"def {name}({', '.join(parameters_of(declared.call, declared))}) -> {result_of(declared)}: ..."


def methods() -> Iterator[str]:
    """Stub lines of the Tensor's attributes, properties and methods."""
    from autograd._tensor import Tensor

    for name in ("_data", "_node", "_grad", "_root"):
        yield f"    {name}: Any"
    for name in sorted(vars(Tensor)):
        if name in (
            "__dict__",
            "__weakref__",
            "__slots__",
            "__module__",
            "__doc__",
            "__new__",
            "__firstlineno__",  # these two from Python 3.13 on
            "__static_attributes__",
            "_data",
            "_node",
            "_grad",
            "_root",
        ):
            continue
        yield from _member(name, vars(Tensor)[name])


def _member(name: str, value: Any) -> Iterator[str]:
    if isinstance(value, property):
        yield f"    @property\n    def {name}(self) -> Any: ..."
        if value.fset:
            yield f"    @{name}.setter\n    def {name}(self, value: Any) -> None: ..."
    elif isinstance(value, (staticmethod, classmethod)) or not callable(value):
        yield f"    {name}: Any"
    else:
        declared = getattr(value, "op", None)
        found = parameters_of(value, declared) if declared is not None else _plain(value)
        found = ["self", *found[1:]] if found and not found[0].startswith("*") else ["self", *found]
        yield f"    def {name}({', '.join(found)}) -> {_method_result(name, declared)}: ..."


def _method_result(name: str, declared: Any) -> str:
    plain = {"__len__": "builtins.int", "__bool__": "builtins.bool", "__float__": "builtins.float", "__int__": "builtins.int",
             "__index__": "builtins.int", "__hash__": "builtins.int", "__repr__": "builtins.str", "__format__": "builtins.str",
             "__complex__": "builtins.complex", "__iter__": "Iterator[Tensor]", "__dir__": "list[str]"}  # fmt: skip
    return plain.get(name, "Any" if declared is None else result_of(declared))


def _plain(value: Callable) -> list[str]:
    from autograd._short import _until_called

    if getattr(value, "__code__", None) is _until_called.__code__:  # an operator, compiled when it is first used
        return ["self", "other: Any"]
    try:
        signature = inspect.signature(value)
    except (ValueError, TypeError):
        return ["self", "*args: Any", "**kwargs: Any"]

    class _Shown:
        function = staticmethod(value)

    _ = signature
    return parameters_of(value, _Shown)


def tensor_stub() -> str:
    """The stub of `autograd/_tensor.py`."""
    import ast

    source = ast.parse((FOLDER / "_tensor.py").read_text())
    rest = []
    for node in source.body:
        if isinstance(node, ast.FunctionDef):
            rest.append(f"def {node.name}(*args: Any, **kwargs: Any) -> Any: ...")
        elif isinstance(node, ast.ClassDef) and node.name != "Tensor":
            base = f"({ast.unparse(node.bases[0])})" if node.bases else ""
            rest.append(
                f"class {node.name}{base}:\n    def __init__(self, *args: Any, **kwargs: Any) -> None: ...\n    def "
                "__getattr__(self, name: str) -> Any: ..."
            )
        elif isinstance(node, (ast.Assign, ast.AnnAssign)):
            target = node.targets[0] if isinstance(node, ast.Assign) else node.target
            if isinstance(target, ast.Name) and target.id != "__all__":
                rest.append(f"{target.id}: Any")
    body = "\n".join(["class Tensor:", "    def __init__(self, *args: Any, **kwargs: Any) -> None: ...", *methods()])
    return HEAD + "\n".join(rest) + "\n\n" + body + "\n"


def namespace_stub() -> str:
    """The stub of `autograd/__init__.py`."""
    import autograd

    lines, defined = [], set()
    for line in functions():
        defined.add(line.split("(")[0][4:])
        lines.append(line)
    exports = []
    for name in sorted(n for n in vars(autograd) if not n.startswith("_") or n == "__version__"):
        if name in defined or name == "annotations":
            continue
        value = getattr(autograd, name)
        module = getattr(value, "__module__", "") or ""
        if inspect.ismodule(value) and value.__name__.startswith("autograd."):
            exports.append(f"from . import {name} as {name}")
        elif (inspect.isclass(value) or inspect.isfunction(value)) and module.startswith("autograd."):
            exports.append(
                f"from .{module[9:]} import {value.__name__} as {name}"
                if hasattr(value, "__name__")
                else f"{name}: Any"
            )
        elif type(value).__name__ == "dtype":
            exports.append(f"{name}: dtype")
        elif not inspect.ismodule(value):
            exports.append(f"{name}: Any")
    return HEAD + "\n".join(exports) + "\n\n" + "\n".join(lines) + "\n"


def later_names() -> str:
    """`autograd/ops/_names.py`: what the families that are imported later add to Tensor and to the namespace."""
    import subprocess

    return subprocess.run(
        [sys.executable, "-c", LATER], capture_output=True, text=True, check=True, cwd=FOLDER.parent
    ).stdout


LATER = """
import autograd
from autograd._registry import Later, registry
from autograd._tensor import Tensor
methods = {n for n, v in vars(Tensor).items() if type(v) is not Later}
functions = set(dict.keys(registry))
registry.complete()
print('"Written by `python -m tests.stubs`: what the families imported later add to Tensor and to the namespace."\\n')
for name, added in (("METHODS", set(vars(Tensor)) - methods), ("FUNCTIONS", {n for n in set(registry) - functions if "." not in n})):
    print(f"{name} = (")
    for n in sorted(n for n in added if not (n in vars(Tensor) and type(vars(Tensor)[n]) is Later)):
        print(f'    "{n}",')
    print(")")
"""


def stubs() -> dict[str, str]:
    """File name -> contents of everything that is written from the registry."""
    return {"ops/_names.py": later_names(), "_tensor.pyi": tensor_stub(), "__init__.pyi": namespace_stub()}


def main() -> None:
    import nn  # noqa: F401  (what nn attaches belongs to the stubs as well)

    if "--check" in sys.argv[1:]:
        stale = [name for name, text in stubs().items() if (FOLDER / name).read_text() != text]
        sys.exit(f"stale: {', '.join(stale)}; run python -m tests.stubs" if stale else 0)
    for name, text in stubs().items():
        (FOLDER / name).write_text(text)
        print(f"autograd/{name}: {text.count(chr(10))} lines")


if __name__ == "__main__":
    main()
