"""Recurrent steps and whole sequences in one node against the composed ones: values, gradients, second derivatives."""

import numpy as np
import pytest

import autograd
import nn
from autograd import _parallel
from autograd._graph import collect
from autograd._node import Leaf
from autograd.ops import _sequences, recurrent


@pytest.fixture(
    autouse=True,
    params=[(0, 400), (0, 5), (1 << 20, 400), (1 << 20, 5), (1 << 20, 400, 0), (130, 5, 0)],
    ids=["features first", "features first, few", "rows", "rows, few", "helped", "helped often"],
)
def _small_ones_too(monkeypatch, request):
    """Also with slopes of few rows at a time, and with a helper beside for the weights' gradient."""
    monkeypatch.setattr(_sequences, "PIECE", 1)
    monkeypatch.setattr(_sequences, "_TILE", 2)
    monkeypatch.setattr(_parallel, "team", _parallel.Team(2))
    for name, value in zip(("UNPACKED", "_FEW", "_BESIDE"), request.param, strict=False):
        monkeypatch.setattr(_sequences, name, value)
    monkeypatch.setattr(recurrent, "_DRAWN", 0)
    monkeypatch.setattr(recurrent.capture, "limit", 0)


def _found(run, parameters, mode):
    with autograd.fast_paths(mode):
        outputs = run()
        loss = sum((o * o).sum() for o in outputs)
        first = autograd.grad(loss, parameters, create_graph=True)
        second = autograd.grad(sum((g * g).sum() for g in first), parameters)
    return [t.detach().numpy() for t in (*outputs, *first, *second)]


def _compare(run, parameters):
    for a, b in zip(_found(run, parameters, True), _found(run, parameters, False), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("settings", [{}, {"num_layers": 2, "bidirectional": True}, {"proj_size": 2}, {"bias": False}])
def test_whole_sequences(settings):
    autograd.manual_seed(0)
    model = nn.LSTM(3, 4, dtype=autograd.float64, **settings)
    x = autograd.randn(5, 2, 3, dtype=autograd.float64, requires_grad=True)

    def run():
        output, (h, c) = model(x)
        return output, h, c

    _compare(run, [x, *model.parameters()])


def test_cell():
    autograd.manual_seed(1)
    cell = nn.LSTMCell(3, 4, dtype=autograd.float64)
    x, h, c = (autograd.randn(2, n, dtype=autograd.float64, requires_grad=True) for n in (3, 4, 4))
    _compare(lambda: cell(x, (h, c)), [x, h, c, *cell.parameters()])


@pytest.mark.parametrize("settings", [{}, {"nonlinearity": "relu"}, {"bias": False}])
def test_cell_of_one_state(settings):
    autograd.manual_seed(1)
    cell = nn.RNNCell(3, 4, dtype=autograd.float64, **settings)
    x, h = (autograd.randn(2, n, dtype=autograd.float64, requires_grad=True) for n in (3, 4))
    _compare(lambda: [cell(x, h)], [x, h, *cell.parameters()])


@pytest.mark.fast
def test_cells_join_their_products_only_where_no_picture_needs_them(monkeypatch):
    def operations(cell, x):
        return {node.op.name for node in collect([cell(x).grad_fn]) if type(node) is not Leaf}

    cell, x = nn.RNNCell(3, 4), autograd.randn(2, 3)
    assert "_linear_sum" in operations(cell, x)
    assert "_linear_sum" not in operations(nn.GRUCell(3, 4), x)
    monkeypatch.setattr(recurrent.capture, "limit", 16)
    assert "_linear_sum" not in operations(cell, x)


def test_cells_of_mixed_dtypes_are_refused_as_before():
    with pytest.raises(RuntimeError, match="same dtype"):
        nn.RNNCell(3, 4)(autograd.randn(2, 3, dtype=autograd.float64))


@pytest.mark.parametrize("part", [0, 1])
def test_gradient_of_one_result_alone(part):
    autograd.manual_seed(2)
    cell = nn.LSTMCell(3, 4, dtype=autograd.float64)
    x = autograd.randn(2, 3, dtype=autograd.float64, requires_grad=True)
    _compare(lambda: [cell(x)[part]], [x, cell.weight_ih])


def test_saturated_gates_stay_finite_and_float32():
    cell = nn.LSTMCell(1, 2)
    x = autograd.tensor([[1e4], [-1e4]], requires_grad=True)
    h, c = cell(x)
    (h.sum() + c.sum()).backward()
    assert h.dtype == autograd.float32
    assert np.isfinite(h.detach().numpy()).all()
    assert np.isfinite(x.grad.numpy()).all()


KINDS = [(nn.LSTM, {}), (nn.GRU, {}), (nn.RNN, {}), (nn.RNN, {"nonlinearity": "relu"})]


def _state(kind, layers, batch, width):
    state = [autograd.randn(layers, batch, width, dtype=autograd.float64, requires_grad=True) for _ in range(2)]
    return tuple(state) if kind is nn.LSTM else state[0]


def _leaves(state):
    return state if isinstance(state, tuple) else (state,)


def _tensors(output, state):
    return (output, *_leaves(state))


@pytest.mark.parametrize(("kind", "settings"), KINDS)
@pytest.mark.parametrize("more", [{}, {"num_layers": 2, "bidirectional": True}, {"bias": False, "batch_first": True}])
def test_sequences_with_a_first_state(kind, settings, more):
    autograd.manual_seed(3)
    model = kind(3, 4, dtype=autograd.float64, **settings, **more)
    x = autograd.randn(*((2, 5) if model.batch_first else (5, 2)), 3, dtype=autograd.float64, requires_grad=True)
    state = _state(kind, 4 if model.bidirectional else 1, 2, 4)
    _compare(lambda: _tensors(*model(x, state)), [x, *_leaves(state), *model.parameters()])


@pytest.mark.parametrize(("kind", "settings"), KINDS)
def test_packed_sequences(kind, settings):
    autograd.manual_seed(4)
    model = kind(3, 4, dtype=autograd.float64, bidirectional=True, **settings)
    x = autograd.randn(5, 4, 3, dtype=autograd.float64, requires_grad=True)
    state = _state(kind, 2, 4, 4)

    def run():
        packed = nn.utils.rnn.pack_padded_sequence(x, autograd.tensor([2, 5, 1, 2]), enforce_sorted=False)
        output, end = model(packed, state)
        return _tensors(output.data, end)

    _compare(run, [x, *_leaves(state), *model.parameters()])


@pytest.mark.parametrize(("kind", "settings"), KINDS)
def test_nothing_is_kept_without_a_gradient(kind, settings):
    autograd.manual_seed(5)
    model, x = kind(3, 4, **settings), autograd.randn(6, 2, 3)
    with autograd.no_grad():
        quick = _tensors(*model(x))
        with autograd.fast_paths(False):
            plain = _tensors(*model(x))
    for a, b, c in zip(quick, plain, _tensors(*model(x)), strict=True):
        np.testing.assert_allclose(a.numpy(), b.numpy(), rtol=2e-6, atol=1e-7)
        np.testing.assert_array_equal(a.numpy(), c.detach().numpy())


@pytest.mark.parametrize(("kind", "settings"), KINDS)
def test_packed_sequences_without_a_gradient(kind, settings):
    model, x = kind(3, 4, **settings), autograd.randn(5, 4, 3)
    packed = nn.utils.rnn.pack_padded_sequence(x, autograd.tensor([5, 2, 2, 1]))
    with autograd.no_grad():
        output, end = model(packed)
    again, other = model(packed)
    for a, b in zip(_tensors(output.data, end), _tensors(again.data, other), strict=True):
        np.testing.assert_array_equal(a.numpy(), b.detach().numpy())


def test_slopes_that_tiles_do_not_divide(monkeypatch):
    monkeypatch.setattr(_sequences, "_TILE", 3)
    test_whole_sequences({"num_layers": 2})


@pytest.mark.parametrize(("kind", "settings"), KINDS)
@pytest.mark.parametrize("batch", [2, 3])
def test_results_do_not_depend_on_whether_a_helper_was_there(kind, settings, batch, monkeypatch):
    monkeypatch.setattr(_sequences, "_LARGE", 0)
    model, x = kind(3, 4, num_layers=2, **settings), autograd.randn(11, batch, 3)

    def found():
        output = model(x)[0]
        return output.detach().numpy(), *(g.numpy() for g in autograd.grad((output**2).sum(), list(model.parameters())))

    helped = found()
    with _parallel.team.free:
        alone = found()
    for a, b in zip(helped, alone, strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("large", [False, True])
def test_long_sequences(monkeypatch, large):
    """The factors are made for a few steps at a time, or all at once on all cores."""
    if large:
        monkeypatch.setattr(_sequences, "_LARGE", 0)
    autograd.manual_seed(6)
    model, x = nn.LSTM(2, 16, dtype=autograd.float64), autograd.randn(400, 16, 2, dtype=autograd.float64)

    def gradients(mode):
        with autograd.fast_paths(mode):
            return autograd.grad((model(x)[0] ** 2).mean(), list(model.parameters()))

    for a, b in zip(gradients(True), gradients(False), strict=True):
        np.testing.assert_allclose(a.numpy(), b.numpy(), rtol=1e-8, atol=1e-13)


def test_the_outputs_may_be_changed_in_place():
    autograd.manual_seed(7)
    model, x = nn.GRU(3, 4, dtype=autograd.float64), autograd.randn(5, 2, 3, dtype=autograd.float64)

    def run():
        output = model(x)[0]
        output.mul_(2.0)
        return (output,)

    _compare(run, list(model.parameters()))
