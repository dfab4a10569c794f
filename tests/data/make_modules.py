"""Make tests/data/modules.json with PyTorch: `python tests/data/make_modules.py` from the repository's root."""

from __future__ import annotations

import json
import sys
import warnings
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests.nn.cases import CASES
from tests.nn.harness import Library, fill, prepare, run, summary

warnings.simplefilter("ignore")
TORCH = Library(torch.nn, torch)


def reference(case):
    module, inputs, leaves, kwargs = prepare(case, TORCH, "float64")
    entry = {"repr": repr(module)}
    if "Lazy" in case.name:
        with torch.no_grad():
            module(*inputs, **kwargs)
        entry["repr_after"] = repr(module)
    fill(module, TORCH)
    entry["state"] = {k: list(v.shape) for k, v in module.state_dict().items()}
    for mode in ("eval", "train"):
        if mode == "train" and case.random:
            continue
        module.train(mode == "train")
        entry[mode] = {k: summary(v) for k, v in run(case, module, inputs, leaves, kwargs, TORCH).items()}
    return entry


def main():
    made = {}
    for case in CASES:
        assert case.label not in made, case.label
        made[case.label] = reference(case)
    lines = ",\n".join(f"{json.dumps(k)}: {json.dumps(v, separators=(',', ':'))}" for k, v in made.items())
    path = Path(__file__).with_name("modules.json")
    path.write_text("{\n" + lines + "\n}\n", encoding="utf-8")
    print(len(made), "cases,", path.stat().st_size, "bytes")


if __name__ == "__main__":
    main()
