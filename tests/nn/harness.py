"""Running a case of the table in `nn` or in PyTorch, and comparing."""

from __future__ import annotations

import warnings
import zlib
from typing import Any

import numpy as np

from tests.nn.cases import Case, Fixed, wave


class Library:
    """`nn` with autograd, or torch.nn with torch."""

    def __init__(self, nn: Any, base: Any) -> None:
        self.nn, self.base = nn, base

    def tensor(self, value: Any, dtype: Any = None, grad: bool = False) -> Any:
        a = np.asarray(value)
        floating = a.dtype.kind == "f"
        return self.base.tensor(a, dtype=dtype if floating else None).requires_grad_(grad and floating)


def ours() -> Library:
    import autograd
    import nn

    return Library(nn, autograd)


def name_seed(name: str) -> int:
    return zlib.crc32(name.encode()) % 1000


def prepare(case: Case, lib: Library, dtype: str) -> tuple[Any, list, list, dict]:
    """The module with values from the formula, its inputs, those of them that carry gradients, and its keywords."""
    kind = getattr(lib.base, dtype)
    before = lib.base.get_default_dtype()
    lib.base.set_default_dtype(kind)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            module = case.build(lib.nn, lambda a: lib.tensor(a, kind))
    finally:
        lib.base.set_default_dtype(before)
    leaves: list = []
    inputs = [give(lib, x, kind, leaves) for x in case.inputs]
    kwargs = {k: lib.tensor(v, kind) if isinstance(v, np.ndarray) else v for k, v in case.kwargs.items()}
    return module, inputs, leaves, kwargs


def give(lib: Library, x: Any, kind: Any, leaves: list) -> Any:
    if isinstance(x, Fixed):
        return lib.tensor(x.value, kind)
    if isinstance(x, tuple):
        return tuple(give(lib, part, kind, leaves) for part in x)
    made = lib.tensor(x, kind, grad=True)
    if made.requires_grad:
        leaves.append(made)
    return made


def fill(module: Any, lib: Library) -> None:
    """Parameters and buffers from the formula, by name: the same in both libraries."""
    with lib.base.no_grad():
        for name, value in module.state_dict().items():
            a = value.numpy()
            if a.dtype.kind == "f" and "_random_samples" not in name and name not in ("weight_fixed",):
                low, high = (0.5, 1.5) if "running_var" in name else (-0.7, 0.7)
                value.copy_(lib.tensor(wave(*a.shape, seed=name_seed(name), lo=low, hi=high), value.dtype))


def flat(result: Any) -> list:
    """The tensors of a result, in order."""
    if isinstance(result, (tuple, list)):
        return [t for part in result for t in flat(part)]
    return [] if result is None else [result]


def is_float(t: Any) -> bool:
    return t.dtype.is_floating_point


def run(case: Case, module: Any, inputs: list, leaves: list, kwargs: dict, lib: Library) -> dict[str, list[np.ndarray]]:
    """Outputs, gradients of inputs and parameters, and buffers afterwards."""
    for t in leaves:
        t.grad = None
    module.zero_grad()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        outputs = flat(module(*inputs, **kwargs))
    total = None
    for i, out in enumerate(outputs):
        if is_float(out) and out.requires_grad:
            part = (out * lib.tensor(wave(*out.shape, seed=i + 7), out.dtype)).sum()
            total = part if total is None else total + part
    if total is not None:
        total.backward()
    array = lambda t: (t.to_dense() if t.is_sparse else t).detach().numpy().copy()  # noqa: E731
    zero = lambda t: np.zeros_like(array(t)) if t.grad is None else array(t.grad)  # noqa: E731
    return {
        "outputs": [array(t) for t in outputs],
        "inputs": [zero(t) for t in leaves],
        "parameters": [zero(p) for _, p in sorted(module.named_parameters())],
        "buffers": [array(b) for _, b in sorted(module.named_buffers())],
    }


def summary(arrays: list[np.ndarray], most: int = 24) -> list:
    """What is stored of each array: its shape, its sum, and up to `most` of its elements."""
    found = []
    for a in arrays:
        flat_ = a.reshape(-1).astype(np.float64)
        step = max(1, -(-flat_.size // most))
        values = [float(f"{v:.10g}") if np.isfinite(v) else str(v) for v in (flat_.sum(), *flat_[::step])]
        found.append([list(a.shape), *values])
    return found


def assert_like(arrays: list[np.ndarray], stored: list, tolerance: float, what: str) -> None:
    found = summary(arrays)
    assert [f[0] for f in found] == [s[0] for s in stored], what
    for f, s in zip(found, stored, strict=True):
        mine, theirs = np.array([float(v) for v in f[1:]]), np.array([float(v) for v in s[1:]])
        scale = max(1.0, np.abs(theirs[np.isfinite(theirs)]).max(initial=0.0))
        np.testing.assert_allclose(mine, theirs, rtol=tolerance, atol=tolerance * scale, err_msg=what)
