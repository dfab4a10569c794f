"""What einops asks of its backend for Tensors, asked here without einops, by a stand-in for its module of backends."""

from __future__ import annotations

import importlib
import sys
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest

import autograd as ag
from autograd import _einops

from .common import leaf, program


@pytest.fixture
def backend():
    module = SimpleNamespace(AbstractBackend=type("AbstractBackend", (), {}))
    _einops.declare(module)
    return module.AutogradBackend()


def test_tensors_are_its_own_and_nothing_else(backend):
    assert backend.framework_name == "autograd"
    assert backend.is_appropriate_type(ag.ones(2))
    assert not backend.is_appropriate_type(np.ones(2))


def test_where_the_facade_is_pytorch_tensors_are_pytorchs(backend, monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", SimpleNamespace(Tensor=ag.Tensor))
    assert not backend.is_appropriate_type(ag.ones(2))


@pytest.mark.parametrize("how", ["sum", "mean", "max", "min", "prod"])
@pytest.mark.parametrize("axes", [(0,), (0, 2), (1, 2), (0, 1, 2)])
def test_reductions_are_numpys_and_have_gradients(backend, how, axes):
    x = leaf(2, 3, 4)
    np.testing.assert_allclose(backend.reduce(x, how, axes).detach(), getattr(np, how)(x.detach().numpy(), axes))
    assert ag.gradcheck(lambda x: backend.reduce(x, how, axes), (x,))


MOVES = {
    "transpose": (lambda b, x: b.transpose(x, [2, 0, 1]), lambda x: np.transpose(x, (2, 0, 1))),
    "add_axis": (lambda b, x: b.add_axis(x, 1), lambda x: np.expand_dims(x, 1)),
    "tile": (lambda b, x: b.tile(x, [2, 1, 3]), lambda x: np.tile(x, (2, 1, 3))),
    "stack": (lambda b, x: b.stack_on_zeroth_dimension([x, x * 2]), lambda x: np.stack([x, x * 2])),
    "concat": (lambda b, x: b.concat([x, x * 2], 1), lambda x: np.concatenate([x, x * 2], 1)),
    "einsum": (lambda b, x: b.einsum("abc,dbc->ad", x, x), lambda x: np.einsum("abc,dbc->ad", x, x)),
}


@pytest.mark.parametrize("name", MOVES)
def test_moves_are_numpys_and_have_gradients(backend, name):
    ours, numpys = MOVES[name]
    x = leaf(2, 3, 2)
    np.testing.assert_allclose(ours(backend, x).detach(), numpys(x.detach().numpy()))
    assert ag.gradcheck(lambda x: ours(backend, x), (x,))


def test_facts_and_conversions(backend):
    assert backend.arange(2, 5).tolist() == [2, 3, 4]
    assert backend.arange(2, 5).dtype is ag.int64
    assert backend.is_float_type(ag.ones(1))
    assert not backend.is_float_type(ag.ones(1, dtype=ag.int32))
    array = np.arange(3.0)
    shared = backend.from_numpy(array)
    array[0] = 7.0
    assert backend.to_numpy(shared.requires_grad_()).tolist() == [7.0, 1.0, 2.0]


def test_a_module_built_otherwise_is_left_alone():
    other = SimpleNamespace()
    _einops.declare(other)
    assert vars(other) == {}


@pytest.mark.parametrize("first", ["autograd", "einops._backends"])
def test_the_backend_is_declared_whichever_is_imported_first(tmp_path, first):
    package = tmp_path / "einops"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "_backends.py").write_text("class AbstractBackend:\n    pass\n")
    out = program(f"""
        import sys
        sys.path.insert(0, {str(tmp_path)!r})
        before = len(sys.meta_path)
        import {first}
        import autograd, json.tool, einops._backends
        print(einops._backends.AbstractBackend.__subclasses__()[0].__name__, len(sys.meta_path) - before)
    """)
    assert out.split() == ["AutogradBackend", "0"]


def test_waiting_ends_where_einops_has_no_such_module(monkeypatch):
    package = ModuleType("einops")
    package.__path__ = []
    monkeypatch.setitem(sys.modules, "einops", package)
    monkeypatch.delitem(sys.modules, _einops._MODULE, raising=False)
    before = [finder for finder in sys.meta_path if not isinstance(finder, _einops._Watcher)]
    monkeypatch.setattr(sys, "meta_path", list(before))
    _einops.watch()
    assert len(sys.meta_path) == len(before) + 1
    with pytest.raises(ModuleNotFoundError, match=_einops._MODULE):
        importlib.import_module(_einops._MODULE)
    assert sys.meta_path == before
