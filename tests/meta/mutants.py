"""Mistakes planted in rules: wrong signs, swapped operands, dropped terms, wrong axes, detached values.

`python -m tests.meta.mutants` plants every mistake in every rule in turn, runs the generated tests of that operation
and its special values on it, and prints which survive. Two kinds change nothing and do not count: a sign or a cut in a
rule whose results stay the same to the bit on 20 draws of every trial in both orders (a rule that is zero, or linear in
the incoming gradient), and those that EQUIVALENT lists, each with its reason.
"""

from __future__ import annotations

import argparse
import ast
import copy
import inspect
import sys
import textwrap
from collections import Counter
from collections.abc import Iterator
from typing import Any

import numpy as np

import autograd
from autograd._array import Part
from autograd._op import Op
from autograd._tensor import Tensor
from tests.meta.special import SPECIAL, WEIGHT, check
from tests.ops.test_every_op import DECLARED, leaves_of, run, tolerance, trials

SWAPS: dict[type, type] = {ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult,
                           ast.Lt: ast.Gt, ast.Gt: ast.Lt, ast.LtE: ast.GtE, ast.GtE: ast.LtE}  # fmt: skip

SIGN, CUT = "sign of all", "detached"

REASONS: dict[str, dict[str, list[str]]] = {
    "the number stands where another condition discards the result; it only keeps a division or logarithm finite": {
        "_length": ["x: constant in `1.0`", "x: constant in `1.0` #2", "x: constant in `1.0` #3"],
        "_std": ["x: constant in `1.0` #2"],
        "_pow": [
            "x: swapped in `y` #10",
            "x: constant in `1.0`",
            *(f"x: {m} in `0.0 * y`" for m in ("left dropped", "right dropped")),
            *(f"x: {m} in `1.0 + 0.0 * y`" for m in ("operator", "left dropped", "right dropped")),
            "y: swapped in `x` #7",
            "y: constant in `1.0`",
            *(f"y: {m} in `0.0 * x`" for m in ("left dropped", "right dropped")),
            *(f"y: {m} in `1.0 + 0.0 * x`" for m in ("operator", "right dropped")),
        ],
        "sgn": [
            *(f"x: {m}" for m in ("constant in `1.0`", "left dropped in `0.0 * size`", "right dropped in `0.0 * size`")),
            *(f"x: {m} in `1.0 + 0.0 * size`" for m in ("operator", "left dropped", "right dropped")),
        ],
    },
    "the exponent is never a number in its own rule, and a number as base has the same derivative by the general form": {
        "_pow": ["y: swapped in `x`", "y: swapped in `x` #4", "y: swapped in `y`"],
    },
    "a product is the same number whether the cores share it or not": {
        "mul": [f"{name}: comparison in `g.size >= SHARED`" for name in "xy"],
    },
    "the engine sums what is left over the axes that the input does not have: only the order of the sums changes": {
        "_linear": ["bias: comparison in `g.ndim > 2`", "bias: constant in `2`"],
        "matmul": ["y: comparison in `x.ndim > 2`", "y: constant in `2`"],
    },
    "both forms of the derivative hold for every shape; the condition chooses the cheaper": {
        "_pinv": ["x: comparison in `x.shape[-2] <= x.shape[-1]`", "x: constant in `1`"],
    },
    "the diagonal is zero up to the phase check that stands before: real, and its real part just subtracted": {
        name: [f"x: {m} in `inner - diag_embed(main_diagonal(inner))`" for m in ("operator", "right dropped")]
        for name in ("linalg.eig", "linalg.eigh")
    },
    "where the number stands, what is divided by it is 0": {"angle": ["x: constant in `1.0`"]},
    "the number only stands in where the series is taken; and near the border both forms agree": {
        "sinc": ["x: constant in `1.0`", "x: constant in `0.03`", "x: constant in `0.03` #2"],
    },
    "the matrix is square": {"linalg.matrix_exp": ["x: constant in `1`"]},
    "from 2 to 4 both forms are the same product without a pole": {"linalg.vector_norm": ["x: constant in `2` #2"]},
    "the rule raises, as PyTorch does: there is no closed form": {
        **{name: [f"x: {SIGN}", f"x: {CUT}"] for name in ("igamma", "igammac", "special.zeta")},
        "_betainc": [f"{name}: {m}" for name in "xy" for m in (SIGN, CUT)],
    },
}  # fmt: skip

# (operation, "input: mutant") -> why it computes the same
EQUIVALENT = {(op, mutant): why for why, ops in REASONS.items() for op, mutants in ops.items() for mutant in mutants}


def ruled() -> dict[str, Op]:
    return {name: d for name, d in sorted(DECLARED.items()) if isinstance(d, Op) and d.rules and d.sample is not None}


def declared_name(declared: Op) -> str:
    return declared.name if declared.namespace in ("", "_") else f"{declared.namespace}.{declared.name}"


def caught(declared: Op) -> bool:
    """Whether the generated gradient tests or the special values fail for the operation as it is now."""
    declared.plans.clear()
    try:
        for trial in trials(declared):
            leaves = leaves_of(trial)
            if not leaves:
                continue
            f = lambda *xs, t=trial: [o * WEIGHT for o in run(declared, t, xs)]  # noqa: E731
            autograd.gradcheck(f, leaves, atol=tolerance(declared), rtol=1e-5)
            if declared.differentiable_twice:
                autograd.gradgradcheck(f, leaves, atol=10 * tolerance(declared), rtol=1e-4)
        for case in SPECIAL.get(declared_name(declared), ()):
            check(declared.call, case)
    except Exception:
        return True
    finally:
        declared.plans.clear()
    return False


def planted(declared: Op, name: str, rule: Any) -> bool:
    """Whether the tests catch `rule` in the place of the one for input `name`. Entries that hold plans start anew."""
    return with_rule(declared, name, rule, lambda: caught(declared))


def with_rule(declared: Op, name: str, rule: Any, what: Any) -> Any:
    """`what()` while `rule` stands in the place of the one for input `name`."""
    before = declared.rules[name]
    closed, declared.fast_rule = declared.fast_rule, None
    declared.rules[name] = (rule, before[1])
    forget(declared)
    try:
        return what()
    finally:
        declared.rules[name], declared.fast_rule = before, closed
        forget(declared)


def changes_nothing(declared: Op, name: str, rule: Any, draws: int = 20) -> bool:
    """Whether `rule` gives the original's gradients to the bit, first and second order, on draws of every trial."""
    called = Counter()
    original = declared.rules[name][0]

    def counted(*args: Any) -> Any:
        called["rule"] += 1
        return original(*args)

    for seed in range(draws):
        before = with_rule(declared, name, counted, lambda s=seed: gradients(declared, s))
        after = with_rule(declared, name, rule, lambda s=seed: gradients(declared, s))
        if not all(np.array_equal(a, b, equal_nan=True) for a, b in zip(before, after, strict=True)):
            return False
    return bool(called)


def gradients(declared: Op, seed: int) -> list[Any]:
    """First and second derivatives of every trial, towards random directions; None is zero."""
    found: list[Any] = []
    rng = np.random.default_rng(seed)
    for trial in trials(declared, seed):
        leaves = leaves_of(trial)
        outputs = [o for o in run(declared, trial, leaves) if o.requires_grad] if leaves else []
        if outputs:
            weights = [autograd.tensor(rng.normal(size=o.shape), requires_grad=True) for o in outputs]
            total = sum((o * w).sum().real for o, w in zip(outputs, weights, strict=True))
            grads = autograd.grad(total, leaves, create_graph=True, allow_unused=True)
            found += [array(g, x) for g, x in zip(grads, leaves, strict=True)]
            seen = [(g * g.conj()).real.sum() for g in grads if g is not None and g.requires_grad]
            if seen and declared.differentiable_twice:
                places = [*leaves, *weights]
                second = autograd.grad(sum(seen), places, allow_unused=True)
                found += [array(g, x) for g, x in zip(second, places, strict=True)]
    return found


def array(g: Any, x: Any) -> Any:
    return np.zeros(x.shape) if g is None else np.array(g._data)


def forget(declared: Op) -> None:
    """Clear the plans that the operation and its public functions keep."""
    declared.plans.clear()
    for space in declared.scopes:
        space.get("_plans", {}).clear()
        space.update({name: None for name in ("_both", "_first", "_second", "_number") if name in space})


def flipped(rule: Any) -> Any:
    """The rule with the wrong sign."""

    def wrong(*args: Any) -> Any:
        result = rule(*args)
        return [negative(r) for r in result] if isinstance(result, (list, tuple)) else negative(result)

    return wrong


def negative(part: Any) -> Any:
    if part is None:
        return None
    if isinstance(part, Part):
        return Part(part.index, -part.value)
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
    times: Counter[str] = Counter()
    for label, body in variants(function):
        times[label] += 1
        module = ast.fix_missing_locations(ast.Module([body], []))
        space = dict(rule.__globals__)
        exec(compile(module, "<mutant>", "exec"), space)
        yield label if times[label] == 1 else f"{label} #{times[label]}", space[function.name]


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
    if (
        isinstance(node, ast.Name)
        and isinstance(node.ctx, ast.Load)
        and node.id in ("x", "y")
        and {"x", "y"} <= set(names)
    ):
        yield "swapped", lambda t, _: setattr(t, "id", "y" if t.id == "x" else "x")


def mutants_of(declared: Op, rule: Any) -> Iterator[tuple[str, Any]]:
    yield SIGN, flipped(rule)
    if declared.differentiable_twice and not declared.linear:
        yield CUT, detached(rule)
    yield from source_mutants(rule)


def survivors(only: str | None = None, say: Any = print) -> tuple[Counter[str], list[tuple[str, str]]]:
    """(how many mistakes were caught, equivalent or survived, those that no test noticed)."""
    fates: Counter[str] = Counter()
    alive = []
    for op_name, declared in ruled().items():
        if only and only not in op_name:
            continue
        if caught(declared):
            fates["in operations that fail as they are"] += 1
            alive.append((op_name, "fails as it is"))
            say(f"fails as it is: {op_name}", flush=True)
            continue
        for name, (rule, _) in list(declared.rules.items()):
            for label, wrong in mutants_of(declared, rule):
                fate = fate_of(declared, name, label, wrong)
                fates[fate] += 1
                if fate == "survives":
                    alive.append((op_name, f"{name}: {label}"))
                    say(f"survives: {op_name}, rule for {name}: {label}", flush=True)
    return fates, alive


def fate_of(declared: Op, name: str, label: str, wrong: Any) -> str:
    if planted(declared, name, wrong):
        return "caught"
    if (declared_name(declared), f"{name}: {label}") in EQUIVALENT:
        return "equivalent by its reason"
    if label in (SIGN, CUT) and changes_nothing(declared, name, wrong):
        return "equivalent to the bit"
    return "survives"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", help="operations whose name contains this")
    fates, alive = survivors(parser.parse_args().only)
    print(f"{fates.total()} mistakes planted: " + ", ".join(f"{n} {fate}" for fate, n in sorted(fates.items())))
    return bool(alive)


if __name__ == "__main__":
    sys.exit(main())
