"""Mistakes planted in rules: wrong signs, swapped operands, dropped terms, wrong axes, detached values.

`python -m tests.meta.mutants` plants every mistake in every rule in turn, runs the generated tests of that operation
on it, and prints which survive. EQUIVALENT lists those that change nothing, each with its reason.
"""

from __future__ import annotations

import argparse
import ast
import copy
import inspect
import sys
import textwrap
from collections.abc import Iterator
from types import FunctionType
from typing import Any

import autograd
from autograd._op import Op
from autograd._tensor import Tensor
from tests.ops.test_every_op import DECLARED, leaves_of, run, tolerance, trials

SWAPS: dict[type, type] = {ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult, ast.Lt: ast.Gt, ast.Gt: ast.Lt,
                           ast.LtE: ast.GtE, ast.GtE: ast.LtE}  # fmt: skip

# (operation, mutant) -> why it computes the same
EQUIVALENT: dict[tuple[str, str], str] = {}


def ruled() -> dict[str, Op]:
    return {name: d for name, d in sorted(DECLARED.items()) if isinstance(d, Op) and d.rules and d.sample is not None}


def caught(declared: Op) -> bool:
    """Whether the generated gradient tests fail for the operation as it is now."""
    declared.plans.clear()
    try:
        for trial in trials(declared):
            leaves = leaves_of(trial)
            if not leaves:
                continue
            f = lambda *xs, t=trial: run(declared, t, xs)  # noqa: E731
            autograd.gradcheck(f, leaves, atol=tolerance(declared), rtol=1e-5)
            if declared.differentiable_twice:
                autograd.gradgradcheck(f, leaves, atol=10 * tolerance(declared), rtol=1e-4)
    except Exception:
        return True
    finally:
        declared.plans.clear()
    return False


def planted(declared: Op, name: str, rule: Any) -> bool:
    """Whether the tests catch `rule` in the place of the one for input `name`. Entries that hold plans start anew."""
    before = declared.rules[name]
    closed, declared.fast_rule = declared.fast_rule, None
    declared.rules[name] = (rule, before[1])
    forget(declared)
    try:
        return caught(declared)
    finally:
        declared.rules[name], declared.fast_rule = before, closed
        forget(declared)


def forget(declared: Op) -> None:
    """Clear the plans that the operation and its public functions keep."""
    declared.plans.clear()
    for entry in (declared.call, declared.operator_entry):
        for cell in getattr(entry, "__closure__", None) or ():
            if type(cell.cell_contents).__name__ == "Plan":
                cell.cell_contents = None
        if isinstance(entry, FunctionType) and "_plans" in entry.__globals__:
            entry.__globals__["_plans"].clear()


def flipped(rule: Any) -> Any:
    """The rule with the wrong sign."""

    def wrong(*args: Any) -> Any:
        result = rule(*args)
        return [negative(r) for r in result] if isinstance(result, (list, tuple)) else negative(result)

    return wrong


def negative(part: Any) -> Any:
    if part is None:
        return None
    if hasattr(part, "distinct"):
        return type(part)(part.index, -part.value, part.distinct)
    return -part


def detached(rule: Any) -> Any:
    """The rule with its saved values cut off the graph: right in the first order, wrong in the second."""

    def wrong(g: Any, *saved: Any) -> Any:
        return rule(g, *[s.detach() if isinstance(s, Tensor) else s for s in saved])

    return wrong


def source_mutants(rule: Any) -> Iterator[tuple[str, Any]]:
    """Versions of a rule with one operator, constant, term or name changed."""
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(rule)))
    except (OSError, SyntaxError, TypeError):
        return
    function = next((n for n in ast.walk(tree) if isinstance(n, (ast.FunctionDef, ast.Lambda))), None)
    if not isinstance(function, ast.FunctionDef):
        return
    function.decorator_list = []
    for label, body in variants(function):
        module = ast.fix_missing_locations(ast.Module([body], []))
        space = dict(rule.__globals__)
        exec(compile(module, "<mutant>", "exec"), space)  # noqa: S102
        yield label, space[function.name]


def variants(function: ast.FunctionDef) -> Iterator[tuple[str, ast.FunctionDef]]:
    names = [a.arg for a in function.args.args]
    for i, node in enumerate(ast.walk(function)):
        for label, change in changes_of(node, names):
            twin = copy.deepcopy(function)
            target = list(ast.walk(twin))[i]
            change(target, twin)
            yield f"{label} in `{ast.unparse(node)}`", twin


def replace(target: ast.AST, root: ast.AST, new: ast.AST) -> None:
    for parent in ast.walk(root):
        for field, value in ast.iter_fields(parent):
            if value is target:
                setattr(parent, field, new)
            elif isinstance(value, list):
                value[:] = [new if v is target else v for v in value]


def changes_of(node: ast.AST, names: list[str]) -> Iterator[tuple[str, Any]]:
    if isinstance(node, ast.BinOp) and type(node.op) in SWAPS:
        yield "operator", lambda t, _: setattr(t, "op", SWAPS[type(t.op)]())
        if isinstance(node.op, (ast.Add, ast.Sub, ast.Mult)):
            yield "left dropped", lambda t, root: replace(t, root, t.right)
        if isinstance(node.op, (ast.Add, ast.Sub, ast.Mult, ast.Div)):
            yield "right dropped", lambda t, root: replace(t, root, t.left)
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub) and not isinstance(node.operand, ast.Constant):
        yield "sign", lambda t, root: replace(t, root, t.operand)
    if isinstance(node, ast.Compare) and type(node.ops[0]) in SWAPS:
        yield "comparison", lambda t, _: t.ops.__setitem__(0, SWAPS[type(t.ops[0])]())
    if isinstance(node, ast.Constant) and type(node.value) in (int, float) and node.value not in (0, 0.0):
        yield "constant", lambda t, _: setattr(t, "value", t.value * 2)
    if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load) and node.id in ("x", "y") and {"x", "y"} <= set(names):
        yield "swapped", lambda t, _: setattr(t, "id", "y" if t.id == "x" else "x")


def survivors(only: str | None = None, say: Any = print) -> tuple[int, list[tuple[str, str]]]:
    """(number of mistakes planted, those that no test noticed)."""
    count, alive = 0, []
    for op_name, declared in ruled().items():
        if only and only not in op_name:
            continue
        for name, (rule, _) in list(declared.rules.items()):
            twists = [("sign of all", flipped(rule))]
            if declared.differentiable_twice and not declared.linear:
                twists.append(("detached", detached(rule)))
            for label, wrong in [*twists, *source_mutants(rule)]:
                count += 1
                if not planted(declared, name, wrong) and (op_name, label) not in EQUIVALENT:
                    alive.append((op_name, f"{name}: {label}"))
                    say(f"survives: {op_name}, rule for {name}: {label}", flush=True)
    return count, alive


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", help="operations whose name contains this")
    count, alive = survivors(parser.parse_args().only)
    print(f"{count} mistakes planted, {len(alive)} survive")
    return bool(alive)


if __name__ == "__main__":
    sys.exit(main())
