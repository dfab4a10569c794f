"""Tensors and Python itself: pickling, copies, sequences, numbers, format."""

from __future__ import annotations

import copy
import io
import math
import operator
import pickle
import warnings

import numpy as np
import pytest

import autograd as ag

from .common import leaf


def test_pickle_and_copies():
    for t in (ag.arange(6.0).reshape(2, 3).T, ag.tensor(1.5), ag.tensor([True]), ag.zeros(0, 2), leaf(3)):
        for protocol in range(2, pickle.HIGHEST_PROTOCOL + 1):
            back = pickle.loads(pickle.dumps(t, protocol))
            assert back.tolist() == t.tolist()
            assert back.dtype is t.dtype
            assert back.requires_grad == t.requires_grad
        twin = copy.deepcopy(t)
        assert twin is not t
        assert twin.tolist() == t.tolist()
        assert twin.requires_grad == t.requires_grad
        assert twin.numpy(force=True).base is None or not np.shares_memory(twin.numpy(force=True), t.numpy(force=True))
        assert copy.copy(t).tolist() == t.tolist()
    assert copy.deepcopy(ag.float32) is ag.float32
    assert pickle.loads(pickle.dumps(ag.bool)) is ag.bool
    buffer = io.BytesIO()
    np.save(buffer, ag.ones(2))
    buffer.seek(0)
    assert np.load(buffer).tolist() == [1.0, 1.0]


def test_sequence_protocol():
    t = ag.arange(6).reshape(3, 2)
    assert len(t) == 3
    assert [row.tolist() for row in t] == [[0, 1], [2, 3], [4, 5]]
    assert 4 in t
    first, *rest = t
    assert first.tolist() == [0, 1]
    assert len(rest) == 2
    assert 9 not in t
    with pytest.raises(TypeError, match="0-d"):
        len(ag.tensor(1))
    with pytest.raises(TypeError, match="0-d"):
        iter(ag.tensor(1))


def test_numbers():
    t = ag.tensor(3)
    assert [10, 20, 30, 40][t] == 40
    assert list(range(5))[ag.tensor(1) : t] == [1, 2]
    assert operator.index(t) == 3
    assert hex(t) == "0x3"
    assert int(ag.tensor(2.7)) == 2
    assert float(t) == 3.0
    assert complex(t) == 3 + 0j
    assert bool(t)
    assert math.sqrt(ag.tensor(4.0)) == 2.0
    with pytest.raises(TypeError, match="only integer tensors of a single element"):
        [1, 2][ag.tensor(1.0)]
    with pytest.raises(ValueError, match="only one element tensors"):
        float(ag.ones(2))
    assert np.ones(4)[ag.tensor([0, 1])].tolist() == [1.0, 1.0]
    assert round(float(t)) == 3


def test_format():
    assert f"{ag.tensor(3.14159):.2f}" == "3.14"
    assert f"{ag.tensor(5):03d}" == "005"
    assert f"{leaf()._data * 0:.1f}" == "0.0"
    assert f"{ag.tensor([1.0])}" == "tensor([1.])"
    with pytest.raises(TypeError, match="format string"):
        format(ag.ones(2), ".2f")


def test_plain_copies_to_numpy_keep_quiet():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert np.asarray(ag.ones(2)).tolist() == [1.0, 1.0]
        assert np.array(ag.ones(2), dtype=np.int32).dtype == np.int32
        assert np.array(ag.tensor(2.0)).shape == ()
        assert np.array([ag.tensor(1.0), ag.tensor(2.0)]).tolist() == [1.0, 2.0]
