"""The table of special values holds for the operations as they are."""

from __future__ import annotations

import pytest

from tests.meta.special import SPECIAL, check
from tests.ops.test_every_op import DECLARED


@pytest.mark.parametrize(("name", "case"), [(n, i) for n, cases in SPECIAL.items() for i in range(len(cases))])
def test_special_values(name, case):
    check(DECLARED[name].call, SPECIAL[name][case])
