"""Writes the .pt files beside it with PyTorch: `python tests/data/make_checkpoints.py`. The tests read them without it."""

from __future__ import annotations

from collections import Counter, OrderedDict
from pathlib import Path

import torch

HERE = Path(__file__).parent
TYPES = [
    "float16", "float32", "float64", "complex64", "complex128", "uint8", "int8", "int16", "int32", "int64", "bool",
    "uint16", "uint32", "uint64",
]  # fmt: skip


def state_dicts():
    """Of a Linear layer with known weights and of an Adam that has made one step."""
    layer = torch.nn.Linear(2, 3)
    optimizer = torch.optim.Adam(layer.parameters(), lr=0.1)
    layer(torch.ones(1, 2)).sum().backward()
    optimizer.step()
    with torch.no_grad():
        layer.weight.copy_(torch.arange(6.0).reshape(3, 2))
        layer.bias.copy_(torch.arange(3.0))
    return {"model": layer.state_dict(), "optimizer": optimizer.state_dict()}


def everything():
    base = torch.arange(12.0).reshape(3, 4)
    return {
        "dtypes": {name: torch.arange(3).to(getattr(torch, name)) for name in TYPES},
        "base": base,
        "row": base[1],
        "transposed": base.t(),
        "strided": base[:, ::2],
        "again": base,
        "scalar": torch.tensor(2.5),
        "empty": torch.zeros(0, 3),
        "parameter": torch.nn.Parameter(torch.arange(3.0)),
        "frozen": torch.nn.Parameter(torch.ones(2), requires_grad=False),
        "leaf": torch.ones(2, requires_grad=True),
        "expanded": torch.tensor([1.0]).expand(3),
        "conj": torch.tensor([1 + 2j]).conj(),
        "buffer": torch.nn.Buffer(torch.ones(2)),
        "plain": [None, True, 3, -4.5, "text", b"raw", 1 + 2j, (1, (2,)), {5}, 2**70, slice(1, 2), range(3)],
        "od": OrderedDict(a=1, b=2),
        "counter": Counter(a=2),
        "size": torch.Size([2, 3]),
        "dtype": torch.float32,
        "device": torch.device("cpu"),
        **state_dicts(),
    }


if __name__ == "__main__":
    value = everything()
    torch.save(value, HERE / "checkpoint.pt")
    torch.save(torch.arange(3).bfloat16(), HERE / "bfloat16.pt")
    old = {name: value[name] for name in ("base", "row", "transposed", "again", "parameter", "plain", "model")}
    torch.save(old, HERE / "legacy.pt", _use_new_zipfile_serialization=False)
