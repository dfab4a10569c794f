"""Hooks of nodes, also of operations with several results, and what anomaly mode says of the line that called them."""

from __future__ import annotations

import gc

import pytest

import autograd as ag


def leaf(*values):
    return ag.tensor(list(values), dtype=ag.float64, requires_grad=True)


def listed(grads):
    return [None if g is None else g.tolist() for g in grads]


@pytest.mark.parametrize("create", [False, True])
def test_a_hook_before_an_operation_with_several_results_sees_and_replaces_all_their_gradients(create):
    x, seen = leaf(1.0, 5.0), []
    values, _ = ag.linalg.eigh(ag.diag(x))
    node = values.grad_fn.next_functions[0][0]
    node.register_prehook(lambda grads: seen.append(listed(grads)))
    node.register_prehook(lambda grads: (grads[0] * 10, grads[1]))
    node.register_prehook(lambda grads: seen.append(listed(grads)))
    values.backward(ag.tensor([1.0, 2.0], dtype=ag.float64), create_graph=create)
    assert seen == [[[1.0, 2.0], None], [[10.0, 20.0], None]]
    assert x.grad.tolist() == [10.0, 20.0]
    assert x.grad.requires_grad is create


@pytest.mark.parametrize("create", [False, True])
def test_a_hook_behind_an_operation_with_several_results_sees_all_their_gradients(create):
    x, seen = leaf(1.0, 5.0), []
    values, _ = ag.linalg.eigh(ag.diag(x))
    values.grad_fn.next_functions[0][0].register_hook(lambda given, grads: seen.append((listed(given), listed(grads))))
    values.sum().backward(create_graph=create)
    assert seen == [([[[1.0, 0.0], [0.0, 1.0]]], [[1.0, 1.0], None])]


@pytest.mark.parametrize(
    ("returned", "error", "says"),
    [
        (3, TypeError, "expected tuple, but hook returned 'int'"),
        (ag.ones(2), TypeError, "expected tuple, but hook returned 'Tensor'"),
        ((ag.ones(2), ag.ones(2)), RuntimeError, r"incorrect number of values \(got 2, but expected 1\)"),
    ],
)
def test_a_hook_before_a_node_gives_as_many_gradients_as_it_got(returned, error, says):
    x = leaf(1.0, 2.0)
    y = x * 2
    y.grad_fn.register_prehook(lambda grads: returned)
    with pytest.raises(error, match=says):
        y.sum().backward()
    assert x.grad is None


@pytest.mark.parametrize("returned", [3, "a", (1,)])
def test_a_hook_that_returns_no_tensor_is_refused(returned):
    x = leaf(1.0, 2.0)
    y = x * 2
    y.register_hook(lambda g: returned)
    with pytest.raises(TypeError, match=f"expected a Tensor or None back, got {type(returned).__name__}"):
        y.sum().backward()
    assert x.grad is None


@pytest.mark.parametrize(("index", "expected"), [(1, [0.0, 1.0, 0.0]), (slice(1, 3), [0.0, 1.0, 1.0])])
def test_a_hook_behind_a_view_sees_the_gradient_of_all_it_is_a_part_of(index, expected):
    x, seen = leaf(1.0, 2.0, 3.0), []
    y = (x * 2)[index]
    y.grad_fn.register_hook(lambda given, grads: seen.append(listed(given)))
    y.sum().backward()
    assert seen == [[expected]]
    assert x.grad.tolist() == [2 * g for g in expected]


def test_a_retained_gradient_of_a_tensor_that_is_gone_is_no_ones():
    x = leaf(1.0, 2.0)
    y = x * 2
    y.retain_grad()
    z = y.sum()
    del y
    z.backward()
    assert x.grad.tolist() == [2.0, 2.0]


def test_a_hook_may_be_removed_when_its_tensor_is_gone():
    y = leaf(1.0) * 2
    handles = y.register_hook(print), y.grad_fn.register_hook(print)
    del y
    gc.collect()
    for handle in handles:
        handle.remove()


class Fails(ag.Function):
    @staticmethod
    def forward(ctx, x):
        return x * 1

    @staticmethod
    def backward(ctx, g):
        raise ValueError("planted")


class Spoils(ag.Function):
    @staticmethod
    def forward(ctx, x):
        return x * 1

    @staticmethod
    def backward(ctx, g):
        return g * float("nan")


def test_anomaly_mode_names_the_line_that_called_a_function_whose_backward_fails():
    with ag.detect_anomaly():
        y = Fails.apply(leaf(1.0))  # this line
        with pytest.raises(ValueError, match="planted") as caught:
            y.backward()
    (note,) = caught.value.__notes__
    assert "Traceback of forward call" in note
    assert "y = Fails.apply(leaf(1.0))  # this line" in note


def test_anomaly_mode_names_the_line_that_called_a_function_whose_backward_gives_nan():
    with ag.detect_anomaly():
        y = Spoils.apply(leaf(1.0))  # that line
        with pytest.raises(RuntimeError, match=r"Function 'SpoilsBackward' returned nan(.|\n)*# that line"):
            y.backward()


def test_anomaly_mode_says_that_an_operation_was_recorded_before_it_was_on():
    y = leaf(-1.0).sqrt()
    with (
        ag.detect_anomaly(),
        pytest.raises(RuntimeError, match=r"SqrtBackward0.*nan values(.|\n)*recorded before anomaly mode was on"),
    ):
        y.backward()


@pytest.mark.parametrize("create", [False, True])
def test_a_second_backward_needs_the_saved_values_also_where_it_is_recorded(create):
    y = (leaf(3.0) ** 2).sum()
    y.backward()
    with pytest.raises(RuntimeError, match="Trying to backward through the graph a second time"):
        y.backward(create_graph=create)


def test_a_mode_decorates_functions_and_not_classes():
    with pytest.raises(TypeError, match="no_grad: decorate the methods of Model, not the class"):

        @ag.no_grad()
        class Model:
            pass
