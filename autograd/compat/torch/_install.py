"""Answering `import torch`: `install()` in a session, `python -m autograd.compat.torch script.py` for a program."""

from __future__ import annotations

import importlib
import importlib.util
import re
import sys
from collections.abc import Sequence
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

from ... import _dtype, random
from ..._batch import Mapped
from ..._registry import registry
from ..._tensor import CPU, Size, Tensor
from ..._tensor import here as here_devices
from ...ops._matrix import LinAlgError
from . import _dispatch, _names
from ._facade import HERE, FacadeModule, missing
from ._layout import LAYOUT
from ._parts import meta, methods, sparse_gradients
from ._stream import TorchStream

_set_aside: dict[str, ModuleType] = {}  # modules of a real PyTorch that were loaded before install()
_renamed: dict[type, str] = {}  # classes that print as torch's while installed -> their own module
_FILES = {"norm": "normalization", "recurrent": "rnn", "embedding": "sparse", "shape": "padding", "containers": "container",
          "attention": "transformer"}  # fmt: skip
_shown: dict[type, Any] = {}  # classes of results with fields -> their own __repr__


class Finder:
    """Called for a submodule or a `from`-imported name that nobody has: names it and what is close."""

    @staticmethod
    def find_spec(fullname: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        parent, _, name = fullname.rpartition(".")
        module = sys.modules.get(parent)
        if isinstance(module, FacadeModule) and not name.startswith("_"):
            raise ModuleNotFoundError(missing(module, name), name=None)
        return None


def listen() -> None:
    """Put the finder first, once."""
    if Finder not in sys.meta_path:
        sys.meta_path.insert(0, Finder)


def _aliases() -> dict[str, ModuleType]:
    """ "torch.nn" -> the module that answers for it."""
    start = HERE + "."
    ours = {k: m for k, m in sys.modules.items() if (k + ".").startswith(start) and isinstance(m, FacadeModule)}
    return {**{"torch" + k.removeprefix(HERE): m for k, m in ours.items()}, "functorch": ours[HERE + ".func"]}


def installed() -> bool:
    """Whether `import torch` is answered by this facade now."""
    return sys.modules.get("torch") is sys.modules[HERE]


def install(torchvision: bool = True) -> ModuleType:
    """Answer `import torch` (and `torchvision`, if it is not installed) from now on; returns the module.

    Tensors print as PyTorch's do (`dtype=torch.float64`), and random numbers follow PyTorch's own streams on the CPU:
    `manual_seed(0); rand(3)` gives its numbers.

    Example:
        >>> from autograd.compat import torch as facade
        >>> _ = facade.install()
        >>> import torch
        >>> torch.ones(2, dtype=torch.float64)
        tensor([1., 1.], dtype=torch.float64)
        >>> facade.uninstall()
    """
    here = sys.modules[HERE]
    if installed():
        return here
    for key in [k for k in sys.modules if k.split(".")[0] in ("torch", "functorch")]:
        _set_aside[key] = sys.modules.pop(key)
    sys.modules.update(_aliases())
    if torchvision and _no_module("torchvision"):
        from . import _vision

        sys.modules.update(_vision.modules())
    _dtype.dtype.prefix = "torch."
    _rename()
    here_devices.add("meta")
    Mapped.may_ask = False
    sparse_gradients.attach()
    _names.start()
    methods.attach()
    meta.attach(importlib.import_module(HERE.partition(".")[0]))
    _dispatch.attach()
    random.set_stream(TorchStream)
    return here


def uninstall() -> None:
    """Undo `install()`: `import torch` means again what it meant before."""
    if not installed():
        return
    for key in [k for k in sys.modules if k.split(".")[0] in ("torch", "functorch") or _is_our_vision(k)]:
        del sys.modules[key]
    sys.modules.update(_set_aside)
    _set_aside.clear()
    _dtype.dtype.prefix = ""
    for cls, module in _renamed.items():
        cls.__module__ = module
    _renamed.clear()
    LinAlgError.__name__ = LinAlgError.__qualname__ = "LinAlgError"
    for cls, (show, name, module) in _shown.items():
        cls.__repr__, cls.__module__ = show, module
        cls.__name__ = cls.__qualname__ = name
    _shown.clear()
    here_devices.discard("meta")
    _dispatch.detach()
    _names.stop()
    Mapped.may_ask = True
    meta.detach()
    methods.detach()
    sparse_gradients.detach()
    random.set_stream(None)


def _no_module(name: str) -> bool:
    if name in sys.modules:
        return False
    try:
        return importlib.util.find_spec(name) is None
    except ImportError:  # somebody keeps programs from importing it
        return True


def _is_our_vision(key: str) -> bool:
    return key.split(".")[0] == "torchvision" and isinstance(sys.modules[key], FacadeModule)


def _rename() -> None:
    """Let `print(type(x))` show what it shows in PyTorch."""
    import nn

    wanted = {Tensor: "torch", Size: "torch", _dtype.dtype: "torch", type(CPU): "torch"}
    wanted[nn.Parameter] = "torch.nn.parameter"
    for cls in vars(nn).values():
        if isinstance(cls, type) and issubclass(cls, nn.Module):
            wanted[cls] = "torch.nn.modules." + _file(cls)
    wanted = {**_own_classes(), **wanted}
    LinAlgError.__name__ = LinAlgError.__qualname__ = "_LinAlgError"
    wanted[LinAlgError] = "torch._C"
    for cls, module in wanted.items():
        _renamed[cls] = cls.__module__
        cls.__module__ = module
    for cls in _named_tuples():
        _shown[cls] = cls.__repr__, cls.__name__, cls.__module__
        cls.__repr__, cls.__module__ = _show_fields, "torch.return_types"
        cls.__name__ = cls.__qualname__ = _fields_name(cls)


def _own_classes() -> dict[type, str]:
    """Classes that this facade and `nn` bring for modules of PyTorch outside torch.nn, and where PyTorch defines them."""
    found: dict[type, str] = {}
    for name, sources in LAYOUT.items():
        for source in (s for s in sources if isinstance(s, str)):
            own = f"{HERE}._parts{source}" if source.startswith(".") else source
            for known, cls in vars(sys.modules.get(own, ModuleType(""))).items():
                if (
                    isinstance(cls, type)
                    and cls not in found
                    and not known.startswith("_")
                    and cls.__module__.startswith(own)
                ):
                    found[cls] = _place(name, cls)
    return found


def _place(name: str, cls: type) -> str:
    """torch.optim.sgd for torch.optim's SGD, where there is such a file; torch.utils.data.dataset for TensorDataset."""
    words = re.findall(r"[A-Z]+[a-z0-9]*", cls.__name__)
    files = [f"{name}.{part.lower()}" for part in (cls.__name__, "_".join(words), *words[-1:])]
    return f"torch.{next((f for f in files if f in LAYOUT), name)}".removesuffix(".")


def _file(cls: type) -> str:
    """The module of torch.nn.modules in which PyTorch defines a layer."""
    if "BatchNorm" in cls.__name__ or "InstanceNorm" in cls.__name__:
        return "instancenorm" if "Instance" in cls.__name__ else "batchnorm"
    own = cls.__module__.rpartition(".")[2]
    return _FILES.get(own, own if f"{HERE}.nn.modules.{own}" in sys.modules else "module")


def _named_tuples() -> set[type]:
    """The classes of results with several fields."""
    found = {declared.fields for declared in registry.values() if getattr(declared, "fields", None)}
    for key, module in list(sys.modules.items()):
        if key.startswith(HERE.removesuffix(".compat.torch") + ".ops."):
            found |= {v for v in vars(module).values() if isinstance(v, type) and hasattr(v, "_fields")}
    return found


def _fields_name(cls: type) -> str:
    """What PyTorch calls the class of results with these fields."""
    name = cls.__name__.strip("_").removesuffix("_dim")
    linear = any(cls is getattr(d, "fields", None) and d.namespace == "linalg" for d in registry.values())
    return "linalg_" + name if linear or ".ops.linalg" in cls.__module__ else name


def _show_fields(self: Any) -> str:
    """A result with fields as PyTorch prints it."""
    inner = ",\n".join(f"{field}={value!r}" for field, value in zip(self._fields, self, strict=True))
    return f"torch.return_types.{type(self).__name__}(\n{inner})"


def main(argv: Sequence[str] | None = None) -> int:
    """`python -m autograd.compat.torch script.py args`, `-m module args` or `-c code args`."""
    import runpy

    args = list(sys.argv[1:] if argv is None else argv)
    if not args or args[0] in ("-h", "--help"):
        print("usage: python -m autograd.compat.torch [-m module | -c code | script.py] [arguments]\n\n"
              "Run a PyTorch program on NumPy: `import torch` in it is answered by autograd and nn.")  # fmt: skip
        return 0 if args else 2
    install()
    if args[0] == "-c":
        sys.argv = ["-c", *args[2:]]
        scope = {"__name__": "__main__", "__builtins__": __builtins__}
        exec(compile(args[1], "<string>", "exec"), scope)  # noqa: S102  (the user's own code)
    elif args[0] == "-m":
        sys.argv = args[1:]
        runpy.run_module(args[1], run_name="__main__", alter_sys=True)
    else:
        _run_script(args)
    return 0


def _run_script(args: list[str]) -> None:
    import os
    import runpy

    if not os.path.exists(args[0]):
        raise SystemExit(f"autograd.compat.torch: can't open file {args[0]!r}: no such file")
    sys.argv = args
    sys.path[0] = os.path.dirname(os.path.abspath(args[0]))
    runpy.run_path(args[0], run_name="__main__")
