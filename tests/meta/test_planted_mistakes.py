"""A test of the tests: a wrong sign in any rule makes the generated gradient tests fail."""

from __future__ import annotations

import pytest

from autograd._op import Op
from tests.meta import mutants

PLACES = [(name, arg) for name, d in mutants.ruled().items() for arg in d.rules]
NO_FORM = (("igamma", "x"), ("igammac", "x"), ("special.zeta", "x"), ("_betainc", "x"), ("_betainc", "y"))
REFUSES = dict.fromkeys(NO_FORM, "the rule raises, as PyTorch does: no closed form")


@pytest.mark.parametrize(("name", "argument"), PLACES)
def test_a_wrong_sign_is_caught(name, argument):
    declared = mutants.ruled()[name]
    assert isinstance(declared, Op)
    if (name, argument) in REFUSES:
        pytest.skip(REFUSES[name, argument])
    caught = mutants.planted(declared, argument, mutants.flipped(declared.rules[argument][0]))
    if not caught and is_flat(declared, argument):
        return
    assert caught, f"{name}: the rule for {argument} may change its sign and no test notices"


def is_flat(declared, argument):
    """Whether the rule gives zeros on the whole domain, so that its sign means nothing."""
    import numpy as np

    import autograd
    from tests.ops.test_every_op import is_real, leaves_of, run, trials

    for trial in trials(declared):
        leaves = leaves_of(trial)
        outputs = [o for o in run(declared, trial, leaves) if o.requires_grad]
        if outputs:
            reals = [is_real(a) for a in trial.args]
            place = declared.inputs.index(argument) if not declared.variadic else 0
            if not declared.variadic and not any(reals[place : place + 1]):
                continue
            grads = autograd.grad([o.abs().sum() for o in outputs], leaves, allow_unused=True)
            g = grads[sum(reals[:place])]
            if g is not None and np.any(g._data != 0):
                return False
    return True


def test_every_equivalent_mistake_can_still_be_planted():
    """A reason whose rule has changed since is one that nobody has checked."""
    labels = {
        (name, f"{arg}: {label}")
        for name in {op for op, _ in mutants.EQUIVALENT}
        for arg, (rule, _) in mutants.ruled()[name].rules.items()
        for label, _ in mutants.mutants_of(mutants.ruled()[name], rule)
    }
    assert set(mutants.EQUIVALENT) - labels == set()


@pytest.mark.slow
def test_no_planted_mistake_survives():
    assert mutants.survivors(say=lambda *_, **__: None)[1] == []
