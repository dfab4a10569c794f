"""Random programs hold what they promise: each kind of step often, and in the long run every operation."""

from __future__ import annotations

from tests.drawn import census, drawable, drawn
from tests.ops.test_every_op import RULED


def test_programs_are_mixed():
    found = census(drawn(60))
    for kind in ("unary", "binary", "number", "reduction", "view", "index", "join", "product", "in place", "operation"):
        assert found.holding[kind] >= 0.3 * found.programs, kind
        assert found.kinds[kind] >= 0.04 * found.steps, kind
    assert found.holding["reuse"] >= 0.9 * found.programs
    assert sum(count > 0 for count in found.operations.values()) > 100


def test_nearly_every_differentiable_operation_can_be_drawn():
    """What cannot: the two whose eigenvectors have no fixed phase, and what only other rules call."""
    found = set(drawable())
    unreached = {n for n in RULED if n not in found and n.rpartition(".")[2] not in found}
    assert unreached <= {"_from_maxima", "_to_maxima", "linalg.eig", "linalg.eigvals"}
