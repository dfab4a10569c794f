"""The LSTM's step in one node against the composed one: values, gradients, second derivatives."""

import numpy as np
import pytest

import autograd
import nn


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
