"""How the tests of one family state its refusals: a table of calls, exception classes and phrases."""

from __future__ import annotations

import pytest

import autograd
import nn.functional as F


def f(*shape, dtype=None):
    """A float tensor of ones."""
    return autograd.ones(*shape, dtype=dtype)


def i(*values):
    return autograd.tensor(list(values))


def check(name, args, kwargs, error, phrase):
    with pytest.raises(error, match=phrase):
        getattr(F, name)(*args, **kwargs)


def table(*rows):
    """Rows (name, args, error, phrase) or (name, args, kwargs, error, phrase) as pytest parameters."""
    full = [row if len(row) == 5 else (*row[:2], {}, *row[2:]) for row in rows]
    return pytest.mark.parametrize(
        ("name", "args", "kwargs", "error", "phrase"), full, ids=[f"{r[0]}-{n}" for n, r in enumerate(full)]
    )
