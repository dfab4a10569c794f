"""Saving without running code: `save` and `load`, and the pieces that other packages use.

In the namespace of `autograd` the names `autograd.save` and `autograd.load` are the functions. What does the work is
imported by the first call, so that `import autograd` does not pay for zip and JSON.
"""

from __future__ import annotations

import os
from importlib import import_module
from typing import IO, Any

from ._kinds import register_tensor_class

__all__ = ["atomic_write", "load", "register_tensor_class", "save", "unpickle_safely"]


def save(obj: Any, f: str | os.PathLike | IO[bytes], *, weights_only: bool = True, format: str | None = None) -> None:
    """Write tensors, numbers, strings and containers of them to a file, so that `load` gives them back.

    A path is written whole or not at all: a kill at any moment leaves the old file or the new one.

    Args:
        obj: nested dicts, lists, tuples, sets of tensors, arrays, numbers, strings, bytes, None, dtypes. Tensors that
            share memory share it again after loading.
        f: path, or a binary file open for writing.
        weights_only: False lets other objects in by pickling everything; such a file loads only with
            `weights_only=False` too, and loading it runs code.
        format: "zip", "npz" or "safetensors"; by default the suffix chooses, "zip" when it is another.

    Raises:
        TypeError: `obj` holds something that is not data.
        RuntimeError: the directory does not exist.

    Note:
        "zip" is a zip of `.npy` members with a JSON skeleton and checksums; NumPy alone reads it. "npz" and
        "safetensors" (pip install glassgrad[io]) hold one flat dict of tensors.

    Example:
        >>> import autograd, io
        >>> f = io.BytesIO()
        >>> autograd.save({"epoch": 3, "w": autograd.tensor([1.0, 2.0])}, f)
        >>> _ = f.seek(0)
        >>> autograd.load(f)
        {'epoch': 3, 'w': tensor([1., 2.])}
    """
    from . import _api

    _api.write(obj, f, weights_only, format)


def load(
    f: str | os.PathLike | IO[bytes], map_location: Any = None, pickle_module: Any = None, *,
    weights_only: bool = True, mmap: bool | None = None, **pickle_load_args: Any,
) -> Any:  # fmt: skip
    """Read what `save` wrote, or a checkpoint of PyTorch, a `.npz` or a `.safetensors` file; the content tells which.

    Nothing in the file is run: a PyTorch checkpoint may hold tensors, parameters, numbers, strings and containers.

    Args:
        f: path, or a binary file open for reading.
        map_location: accepted for PyTorch's sake; everything is loaded to the CPU.
        pickle_module, mmap, pickle_load_args: accepted for PyTorch's sake, without effect.
        weights_only: False lets the file's pickle run whatever it names. Only for files you trust.

    Raises:
        FileNotFoundError: no such file.
        EOFError: the file is empty.
        RuntimeError: it is truncated, damaged, or of no known format.
        pickle.UnpicklingError: it asks for more than data.

    Example:
        >>> import autograd, io
        >>> f = io.BytesIO()
        >>> autograd.save([autograd.zeros(2), "text"], f)
        >>> autograd.load(io.BytesIO(f.getvalue()))
        [tensor([0., 0.]), 'text']
    """
    from . import _api

    return _api.read(f, map_location, weights_only)


def __getattr__(name: str) -> Any:
    home = {"atomic_write": "._atomic", "unpickle_safely": "._unpickle"}.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(home, __name__), name)
