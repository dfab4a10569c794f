"""What an optimizer saves and how it is read back: numbered parameters, all or nothing."""

from __future__ import annotations

from copy import deepcopy
from itertools import chain
from typing import Any

from autograd import Tensor
from autograd._tensor import wrap

# Options that PyTorch added over the years; a state saved without them means their default.
LATER = {
    "maximize": False, "foreach": None, "capturable": False, "differentiable": False, "fused": None,
    "amsgrad": False, "nesterov": False, "centered": False, "decoupled_weight_decay": False}  # fmt: skip


def pack(groups: list[dict], state: dict) -> dict[str, Any]:
    """`state` and `groups` with every parameter replaced by its number, in order of first appearance."""
    numbers: dict[int, int] = {}
    packed = []
    start = 0
    for group in groups:
        for i, p in enumerate(group["params"], start):
            numbers.setdefault(id(p), i)
        start += len(group["params"])
        rest = {k: v for k, v in group.items() if k != "params"}
        packed.append({**rest, "params": [numbers[id(p)] for p in group["params"]]})
    named = {numbers[id(k)] if isinstance(k, Tensor) else k: v for k, v in state.items()}
    return {"state": named, "param_groups": packed}


def unpack(groups: list[dict], saved: dict, shapes: dict[int, dict[str, tuple]], what: str) -> tuple[dict, list[dict]]:
    """The state and groups to use for the parameters of `groups`; checks everything before anything is changed.

    Args:
        groups: the optimizer's own groups.
        saved: what `pack` gave, perhaps read from a file.
        shapes: id of a parameter -> shapes its state tensors must have, by name.
        what: class name, for messages.

    Raises:
        ValueError: group counts, group sizes, options or shapes do not fit.
    """
    loaded = deepcopy(saved["param_groups"])
    check_groups(groups, loaded, what)
    numbered = dict(zip(chain.from_iterable(g["params"] for g in loaded),
                        chain.from_iterable(g["params"] for g in groups), strict=True))  # fmt: skip
    state = {}
    for key, entry in saved["state"].items():
        p = numbered.get(key, key)
        state[p] = fitted(entry, p, key, shapes[id(p)], what) if isinstance(p, Tensor) else deepcopy(entry)
    for group, new in zip(groups, loaded, strict=True):
        new["params"] = group["params"]
        if "param_names" in group:
            new.setdefault("param_names", group["param_names"])
    return state, loaded


def check_groups(groups: list[dict], loaded: list[dict], what: str) -> None:
    if len(groups) != len(loaded):
        raise ValueError(
            f"loaded state dict has a different number of parameter groups: {len(loaded)}, this {what} has {len(groups)}"
        )
    for i, (group, new) in enumerate(zip(groups, loaded, strict=True)):
        if len(group["params"]) != len(new["params"]):
            raise ValueError(
                "loaded state dict contains a parameter group that doesn't match the size of optimizer's group: "
                f"group {i} has {len(new['params'])} parameters in the file and {len(group['params'])} here"
            )
        for key, value in LATER.items():
            if key in group:
                new.setdefault(key, value)
        missing = sorted(k for k in group if k not in new and k not in ("params", "param_names", "initial_lr"))
        if missing:
            raise ValueError(
                f"load_state_dict: parameter group {i} of the loaded state has no {', '.join(missing)}, "
                f"which {what} needs; it was saved by another optimizer"
            )


def fitted(entry: Any, p: Tensor, key: Any, shapes: dict[str, tuple], what: str, name: Any = None) -> Any:
    """A copy of a state entry of parameter `p`, floating-point tensors in the parameter's dtype (but not the step)."""
    if isinstance(entry, dict):
        return {k: fitted(v, p, key, shapes, what, k) for k, v in entry.items()}
    if isinstance(entry, (list, tuple)):
        return type(entry)(fitted(v, p, key, shapes, what) for v in entry)
    if not isinstance(entry, Tensor):
        return deepcopy(entry)
    data = entry._data
    if name in shapes and data.shape != shapes[name]:
        raise ValueError(
            f"load_state_dict: {name} of parameter {key} has shape {tuple(data.shape)}, "
            f"this parameter of shape {tuple(p.shape)} needs {shapes[name]}; nothing was loaded into this {what}"
        )
    keeps = data.ndim == 0 and name not in shapes
    return wrap(data.copy() if keeps else data.astype(p._data.dtype, order="C"))
