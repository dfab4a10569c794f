"""Write what PyTorch answers to the expressions of each topic:  python -m tests.recorded.record [TOPIC...]  (needs torch)."""

from __future__ import annotations

import json
import sys

from .words import HERE, answer, lines


def main(topics: list[str]) -> None:
    import torch

    for topic in topics or sorted(p.stem for p in HERE.glob("*.txt")):
        rows = ",\n".join(json.dumps([line, answer(line, torch)]) for line in lines(topic))
        (HERE / f"{topic}.json").write_text(f"[\n{rows}\n]\n", encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
