"""Comparing results between processes: enough of each array to catch a wrong one, in a few kilobytes."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

KEPT = 512


def fingerprint(array: Any) -> dict[str, Any]:
    """Shape, evenly spread elements, the norm, and a projection that feels every element and its place."""
    array = np.asarray(array, np.float64)
    flat = array.ravel()
    spread = flat[np.linspace(0, flat.size - 1, min(KEPT, flat.size)).astype(int)] if flat.size else flat
    return {
        "shape": list(array.shape),
        "sample": spread.tolist(),
        "norm": float(np.linalg.norm(flat)),
        "projection": float(flat @ np.cos(np.arange(flat.size))),
        "largest": float(np.abs(flat).max()) if flat.size else 0.0,
    }


def difference(got: dict[str, Any], wanted: dict[str, Any]) -> float:
    """Largest difference, relative to the array's largest value (its norm, for norm and projection)."""
    largest = wanted["largest"] or 1.0
    pairs = zip(got["sample"], wanted["sample"], strict=True)
    gaps = [abs(a - b) / largest for a, b in pairs]
    gaps += [abs(got[key] - wanted[key]) / (wanted["norm"] or 1.0) for key in ("norm", "projection")]
    return math.inf if any(math.isnan(gap) for gap in gaps) else max(gaps)


def disagreement(got: list[dict], wanted: list[dict], tolerance: float) -> str:
    """Empty when the results agree, else where they part first."""
    if len(got) != len(wanted):
        return f"{len(got)} arrays, expected {len(wanted)}"
    for i, (mine, theirs) in enumerate(zip(got, wanted, strict=True)):
        if math.prod(mine["shape"]) != math.prod(theirs["shape"]):
            return f"result {i} has shape {tuple(mine['shape'])}, expected {tuple(theirs['shape'])}"
        gap = difference(mine, theirs)
        if not gap <= tolerance:
            return f"result {i} differs by {gap:.2g} of its size (allowed {tolerance:g})"
    return ""
