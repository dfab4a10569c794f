"""What random programs consist of: `python -m tests.drawn` draws some and prints how often each kind and operation occurs."""

from __future__ import annotations

import argparse
import re
import sys
from collections import Counter
from typing import NamedTuple

from hypothesis import HealthCheck, Phase, given, settings

from autograd.testing import programs
from autograd.testing._programs import _UNARY, Program, _trials


class Census(NamedTuple):
    """Counts over programs: of steps, of steps of each kind, of programs with each kind, of operations of the registry."""

    programs: int
    steps: int
    kinds: Counter[str]
    holding: Counter[str]
    operations: Counter[str]


def drawn(count: int, max_steps: int = 60) -> list[Program]:
    """The same programs each time."""
    found: list[Program] = []

    @settings(max_examples=count, derandomize=True, database=None, deadline=None, phases=[Phase.generate],
              suppress_health_check=list(HealthCheck))  # fmt: skip
    @given(programs(max_steps=max_steps))
    def draw(program: Program) -> None:
        found.append(program)

    draw()
    return found


def reused(program: Program) -> int:
    """How many values at least two later steps use."""
    uses = Counter(name for _, step in program.steps for name in set(re.findall(r"\b[xv]\d+\b", step.text)))
    return sum(n > 1 for n in uses.values())


def census(made: list[Program]) -> Census:
    kinds: Counter[str] = Counter()
    holding: Counter[str] = Counter()
    operations: Counter[str] = Counter()
    for program in made:
        kinds.update(program.kinds)
        holding.update(set(program.kinds))
        holding["reuse"] += reused(program) > 0
        operations.update(step.text.partition("(")[0] for _, step in program.steps)
    return Census(len(made), kinds.total(), kinds, holding, operations)


def drawable() -> list[str]:
    """The differentiable operations of the registry that a program may draw."""
    return sorted({d.name for d in _UNARY} | {name for name, _, _ in _trials()})


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--programs", type=int, default=2000)
    found = census(drawn(parser.parse_args().programs))
    print(f"{found.programs} programs of {found.steps / found.programs:.1f} steps")
    print(f"{'kind':12} {'of the steps':>14} {'in programs':>14}")
    for kind in sorted(found.holding, key=lambda k: -found.kinds[k]):
        print(f"{kind:12} {found.kinds[kind] / found.steps:14.1%} {found.holding[kind] / found.programs:14.1%}")
    names = drawable()
    missing = [n for n in names if not found.operations[n]]
    rare = sorted((found.operations[n], n) for n in names)[:8]
    print(f"{len(names)} operations can be drawn, {len(missing)} were not: {', '.join(missing) or 'none'}")
    print("the rarest: " + ", ".join(f"{n} {count}" for count, n in rare))
    return bool(missing)


if __name__ == "__main__":
    sys.exit(main())
