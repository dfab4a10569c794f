"""An operation is declared in one place, and the script that counts says so."""

from __future__ import annotations

import importlib.util
import re
import textwrap
from pathlib import Path

import numpy as np
import pytest

import autograd
from autograd._op import op
from autograd._registry import registry
from autograd._samples import reals
from autograd.testing import gradgradcheck
from nn.functional import sigmoid

SPEC = importlib.util.spec_from_file_location("places", Path(__file__).with_name("places.py"))
places = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(places)


@pytest.fixture(scope="module")
def counts():
    return {operation.name: places.count(operation) for operation in places.primitives()}


def test_every_operation_has_one_place(counts):
    assert [name for name, count in counts.items() if count.places > 1] == []


def test_lines_of_a_known_operation(counts):
    assert counts["exp"][1:4] == (1, 4, 1)  # a `def` and a `return` each for kernel and rule


def test_lines_leave_out_docstring_comment_and_blank_line():
    assert places.code_lines(test_every_operation_has_one_place) == 2

    def sample(x):
        """One."""
        # two

        return x  # three

    assert places.code_lines(sample) == 2


def test_it_prints(capsys):
    assert places.main(["--all"]) == 0
    out = capsys.readouterr().out
    assert "declared in one place" in out
    assert "\ntanh " in out


def test_the_worked_example_of_contributing_works_as_printed(monkeypatch):
    """Its kernel and its rule, pasted as they stand, are the whole operation."""
    page = (Path(__file__).parent.parent / "CONTRIBUTING.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^ *```py\n(.*?)^ *```", page, flags=re.MULTILINE | re.DOTALL)
    monkeypatch.delitem(registry, "nn.functional.softplus")  # put back, with the library's own, at the end
    names = {"op": op, "reals": reals, "np": np, "sigmoid": sigmoid}
    for block in blocks:
        exec(textwrap.dedent(block), names)
    softplus = names["softplus"]
    x = autograd.tensor([-1.0, 0.0, 1.0], dtype=autograd.float64, requires_grad=True)
    assert autograd.testing.gradcheck(softplus, (x,))
    assert gradgradcheck(softplus, (x,))
    assert softplus(x).grad_fn.name() == "SoftplusBackward0"
    assert softplus(autograd.tensor([-1.0, 0.0, 1.0])).dtype == autograd.float32
    np.testing.assert_allclose(softplus(x).detach().numpy(), [0.3133, 0.6931, 1.3133], atol=5e-5)
