"""Memory that is shared: with NumPy, between views, between gradients. One test for each way to be silently wrong."""

from __future__ import annotations

import array
import tempfile
import threading

import numpy as np
import pytest

import autograd as ag
from autograd._array import exports
from nn import functional as F


def leaf(*values, dtype=ag.float64):
    return ag.tensor(list(values), dtype=dtype, requires_grad=True)


# ------------------------------------------------------------------ NumPy's side of a tensor's memory

WRITES = {
    "a view's array": lambda h: h.detach().view(2, 2).numpy().fill(9.0),
    "a slice's array": lambda h: h.detach()[1:].numpy().fill(9.0),
    "a transposed array": lambda h: h.detach().t().numpy().fill(9.0),
    "asked for again after the write": lambda h: (h.detach().numpy().fill(9.0), h.detach().numpy()),
    "asked for again by asarray": lambda h: (h.detach().numpy().fill(9.0), np.asarray(h.data)),
    "a ufunc's out": lambda h: np.add(h.detach().numpy(), 1.0, out=h.detach().numpy()),
    "bytes": lambda h: memoryview(h.detach().numpy()).cast("B").__setitem__(7, 1),
    "by way of from_numpy": lambda h: ag.from_numpy(h.detach().numpy()).add_(1.0),
    "by way of DLPack": lambda h: ag.from_dlpack(h.detach()).add_(1.0),
    "data": lambda h: h.data.copy_(ag.zeros(4)),
}


@pytest.mark.parametrize("name", WRITES)
def test_a_saved_value_written_outside(name):
    w = leaf(1.0, 2.0, 3.0, 4.0)
    h = w * 1.0
    y = (h * h).sum()
    WRITES[name](h)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        y.backward()
    assert w.grad is None


class Square(ag.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x * x

    @staticmethod
    def backward(ctx, g):
        return 2 * g * ctx.saved_tensors[0]


def test_a_value_saved_by_a_function_written_outside():
    h = leaf(1.0, 2.0) * 1.0
    y = Square.apply(h).sum()
    h.detach().numpy()[:] = 9.0
    with pytest.raises(
        RuntimeError, match=r"modified by an inplace operation: a tensor of shape .2,. given to save_for_backward"
    ):
        y.backward()


def test_a_function_keeps_its_own_copy_of_memory_held_outside():
    a = np.ones(2)
    w = leaf(1.0, 2.0)

    class Times(ag.Function):
        @staticmethod
        def forward(ctx, x, y):
            ctx.save_for_backward(y)
            return x * y

        @staticmethod
        def backward(ctx, g):
            return g * ctx.saved_tensors[0], None

    y = Times.apply(w, ag.from_numpy(a)).sum()
    a[:] = 9.0
    y.backward()
    assert w.grad.tolist() == [1.0, 1.0]


def _shares(weight):
    """Whether a product that saves the weight saves its memory, or else a copy."""
    y = ag.ones(2, 2, dtype=weight.dtype, requires_grad=True) * weight
    return any(np.shares_memory(a, weight._data) for a in y.grad_fn.saved)


HOLDERS = {
    "the array": lambda a: a,
    "a view of it": lambda a: a.reshape(-1)[1:3],
    "a view of a view": lambda a: a.T[:1][0],
    "its bytes": lambda a: memoryview(a),
    "another library's tensor": lambda a: np.from_dlpack(a),
}


@pytest.mark.parametrize("name", HOLDERS)
def test_memory_is_copied_as_long_as_somebody_outside_holds_it(name):
    weight = ag.ones(2, 2).requires_grad_()
    assert _shares(weight)
    held = HOLDERS[name](weight.detach().numpy())
    assert not _shares(weight)
    other = weight.detach().numpy()
    del held
    assert not _shares(weight)
    del other
    assert _shares(weight)


def test_memory_from_outside_is_copied_for_good():
    weight = ag.ones(2, 2).requires_grad_()
    again = ag.from_numpy(weight.detach().numpy())
    assert not _shares(weight)
    del again
    assert not _shares(weight)


@pytest.mark.parametrize("limit", ["LARGE", "OFTEN"])
def test_memory_that_is_large_or_lent_often_stays_noted(monkeypatch, limit):
    monkeypatch.setattr(exports, limit, 1)
    weight = ag.ones(2, 2, dtype=ag.float64).requires_grad_()
    for _ in range(2):
        weight.detach().numpy()
    assert not _shares(weight)
    test_a_saved_value_written_outside("a view's array")
    test_a_saved_value_written_outside("asked for again after the write")


def test_what_was_written_and_let_go_before_is_in_order():
    """The node comes after the write, so it saved what was written."""
    w = leaf(1.0, 2.0)
    h = w * 1.0
    h.detach().numpy()[:] = 9.0
    (h * h).sum().backward()
    assert w.grad.tolist() == [18.0, 18.0]


def _memmap():
    with tempfile.TemporaryFile() as file:
        a = np.memmap(file, dtype="f8", mode="w+", shape=(3,))
    a[:] = 1.0
    return a, ag.from_numpy(a)


def _buffer(owner):
    a = np.frombuffer(owner)
    return a, ag.from_numpy(a)


def _of(make):
    a = np.ones(3)
    return a, make(a)


SOURCES = {
    "from_numpy": lambda: _of(ag.from_numpy), "as_tensor": lambda: _of(ag.as_tensor), "from_dlpack": lambda: _of(ag.from_dlpack),
    "asarray": lambda: _of(ag.asarray), "a view": lambda: _of(lambda a: ag.from_numpy(a).view(3)), "memmap": _memmap,
    "bytearray": lambda: _buffer(bytearray(np.ones(3).tobytes())), "array": lambda: _buffer(array.array("d", [1.0] * 3)),
}  # fmt: skip


@pytest.mark.parametrize("name", SOURCES)
def test_a_source_array_written_after_use(name):
    a, t = SOURCES[name]()
    w = leaf(1.0, 2.0, 3.0)
    y = (t * w).sum()
    a[:] = 7.0
    y.backward()
    assert w.grad.tolist() == [1.0, 1.0, 1.0]


def test_a_buffer_filled_again_and_again():
    """A loader that hands out the same array each time."""
    buffer, w = np.zeros(3), leaf(1.0, 1.0, 1.0)
    total = 0.0
    for i in range(3):
        buffer[:] = i
        total = total + (ag.from_numpy(buffer) * w).sum()
    total.backward()
    assert w.grad.tolist() == [3.0, 3.0, 3.0]


@pytest.mark.parametrize("make", [ag.from_numpy, ag.as_tensor, ag.tensor])
def test_a_subclass_of_arrays_is_taken_as_an_array(make):
    class Matrix(np.ndarray):
        def __mul__(self, other):
            return self @ other

    t = make(np.array([[1.0, 2.0], [3.0, 4.0]]).view(Matrix))
    assert type(t._data) is np.ndarray
    assert (t * t).tolist() == [[1.0, 4.0], [9.0, 16.0]]


INDEXED = {
    "gather": lambda x, i: x.gather(0, i),
    "index_select": lambda x, i: x.index_select(0, i),
    "take": lambda x, i: x.take(i),
    "indexing": lambda x, i: x[i],
    "scatter": lambda x, i: ag.zeros(3, dtype=ag.float64).scatter(0, i, x[:2]) * ag.tensor([1.0, 2.0, 3.0]),
    "scatter_add": lambda x, i: ag.zeros(3, dtype=ag.float64).scatter_add(0, i, x[:2]) * ag.tensor([1.0, 2.0, 3.0]),
    "index_add": lambda x, i: ag.zeros(3, dtype=ag.float64).index_add(0, i, x[:2]) * ag.tensor([1.0, 2.0, 3.0]),
    "take_along_dim": lambda x, i: ag.take_along_dim(x, i, 0),
}


@pytest.mark.parametrize("outside", [False, True])
@pytest.mark.parametrize("name", INDEXED)
def test_an_index_changed_after_use(name, outside):
    """Right as of the time of use, or an error: never the gradient of the new places."""
    x, a = leaf(1.0, 2.0, 3.0), np.array([0, 1])
    expected = ag.grad(INDEXED[name](x, ag.tensor([0, 1])).sum(), x)[0].tolist()
    i = ag.from_numpy(a) if outside else ag.tensor([0, 1])
    y = INDEXED[name](x, i).sum()
    if outside:
        a[:] = 2
    else:
        i.fill_(2)
    try:
        y.backward()
    except RuntimeError as error:
        assert "modified by an inplace operation" in str(error)  # noqa: PT017 (an error, or the right gradient)
    else:
        assert x.grad.tolist() == expected


def test_a_composed_function_in_place_differentiates_at_the_old_values():
    """`renorm_` reads its input twice, and writes over it afterwards."""
    values = [[3.0, 4.0], [1.0, 2.0]]
    x, y = leaf(*values), leaf(*values)
    z = y * 1.0
    z.renorm_(2, 0, 2.5)
    (z * z).sum().backward()
    plain = (x * 1.0).renorm(2, 0, 2.5)
    (plain * plain).sum().backward()
    assert z.tolist() == plain.tolist()
    np.testing.assert_allclose(y.grad.tolist(), x.grad.tolist())


# ------------------------------------------------------------------ views


def test_in_place_on_the_real_numbers_of_a_complex_tensor():
    z = ag.tensor([1.0 + 2.0j, 3.0 + 1.0j], dtype=ag.complex128, requires_grad=True)
    h = z * 1
    ag.view_as_real(h).mul_(ag.tensor([2.0, 5.0], dtype=ag.float64))
    (h * h).real.sum().backward()  # 4 a^2 - 25 b^2
    assert z.grad.tolist() == [8.0 - 100.0j, 24.0 - 50.0j]
    z.grad, h = None, z * 1
    part = h.real
    h.imag.mul_(3.0)
    h.mul_(2.0)
    (h.imag * 2 + part).sum().backward()
    assert z.grad.tolist() == [2.0 + 12.0j] * 2


def test_in_place_on_the_complex_numbers_of_a_real_tensor():
    x = leaf(1.0, 2.0, 3.0, 4.0)
    h = x * 1
    ag.view_as_complex(h.view(2, 2))[0].mul_(1j)
    (h * ag.arange(4.0)).sum().backward()
    assert h.tolist() == [-2.0, 1.0, 3.0, 4.0]
    assert x.grad.tolist() == [1.0, 0.0, 2.0, 3.0]
    x.grad, h = None, x * 1
    view = ag.view_as_complex(h.view(2, 2))
    h.mul_(3.0)
    view.imag.sum().backward()
    assert x.grad.tolist() == [0.0, 3.0, 0.0, 3.0]


@pytest.mark.parametrize("change", [
    lambda t: t.unfold(0, 2, 1).add_(1.0), lambda t: t.as_strided((3, 2), (1, 1)).mul_(2.0), lambda t: t[:1].expand(4).mul_(2.0),
    lambda t: ag.add(ag.ones(4), 1.0, out=t[:1].expand(4)), lambda t: t.as_strided((2, 2), (2, 3)).as_strided((3, 3), (1, 2)).add_(1.0)])  # fmt: skip
def test_elements_in_one_place_cannot_be_written(change):
    t = ag.arange(10.0)
    with pytest.raises(
        RuntimeError, match="more than one element of the written-to tensor refers to a single memory location"
    ):
        change(t)
    assert t.tolist() == list(range(10))


def test_strides_that_interleave_without_meeting_can_be_written():
    t = ag.zeros(12)
    t.as_strided((2, 3), (3, 2)).add_(1.0)  # places 0 2 4 3 5 7
    assert t.tolist() == [1.0, 0.0, 1.0, 1.0, 1.0, 1.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0]


def test_a_view_that_requires_grad_of_its_own_stays_a_leaf():
    base = ag.ones(3, dtype=ag.float64)
    view = base[:2].requires_grad_()
    base.mul_(2.0)
    (view * view).sum().backward()
    assert view.is_leaf
    assert view.grad.tolist() == [4.0, 4.0]


def test_retain_grad_when_a_view_is_written():
    x = leaf(1.0, 2.0)
    y = x * 2.0
    y.retain_grad()
    y[0].mul_(3.0)
    (y * 5.0).sum().backward()
    assert y.grad.tolist() == [5.0, 5.0]
    assert x.grad.tolist() == [30.0, 10.0]


def test_retain_grad_of_a_view_whose_base_is_written():
    x = leaf(1.0, 2.0)
    y = x * 2.0
    view = y[:1]
    view.retain_grad()
    y.mul_(3.0)
    (view * 5.0).sum().backward()
    assert view.grad.tolist() == [5.0]
    assert x.grad.tolist() == [30.0, 0.0]


def test_retained_gradients_accumulate():
    y = leaf(1.0) * 2.0
    y.retain_grad()
    for _ in range(2):
        (y * 5.0).sum().backward(retain_graph=True)
    assert y.grad.tolist() == [10.0]


def test_overwritten_tensors_pass_zeros():
    for change in (
        lambda y: y.fill_(2.0),
        lambda y: y.copy_(leaf(5.0)),
        lambda y: y.zero_(),
        lambda y: y.fill_(leaf(1.0)[0]),
    ):
        x = leaf(1.0, 2.0)
        y = x * 3.0
        change(y)
        (y / ag.zeros(2)).sum().backward()
        assert x.grad.tolist() == [0.0, 0.0]


def test_copying_keeps_the_sign_of_zero_and_refuses_other_shapes():
    assert np.signbit(ag.zeros(1).copy_(ag.tensor([-0.0])).item())
    for shape in ((4,), (2, 3), (1, 1, 3)):
        with pytest.raises(
            RuntimeError, match=r"copy_: output with shape \[3\] doesn't match the broadcast shape of the source"
        ):
            ag.zeros(3).copy_(ag.zeros(shape))


# ------------------------------------------------------------------ gradients on their way, and gradients kept


def test_a_hook_that_writes_into_its_gradient_changes_its_own_only():
    a, b = leaf(1.0, 2.0), leaf(3.0, 4.0)
    left, right = a * 1.0, b * 1.0
    left.register_hook(lambda g: (g.mul_(10.0), None)[1])
    (left + right).sum().backward()
    assert a.grad.tolist() == [10.0, 10.0]
    assert b.grad.tolist() == [1.0, 1.0]


def test_a_function_that_writes_into_its_gradient_changes_its_own_only():
    class Doubles(ag.Function):
        @staticmethod
        def forward(ctx, x):
            return x * 2

        @staticmethod
        def backward(ctx, g):
            return g.mul_(2.0)

    x = leaf(1.0, 2.0)
    h = x * 1.0
    (Doubles.apply(h) + h).sum().backward()
    assert x.grad.tolist() == [3.0, 3.0]


def test_a_gradient_a_hook_kept_is_not_the_leafs():
    x, kept = leaf(1.0, 2.0), []
    x.register_hook(kept.append)
    (x * 2.0).sum().backward()
    kept[0].zero_()
    assert x.grad.tolist() == [2.0, 2.0]


def test_a_hook_of_another_type_is_refused():
    x = leaf(1.0)
    x.register_hook(lambda g: g.float())
    with pytest.raises(
        RuntimeError, match="has changed the type of value: the gradient is float64, the hook returned float32"
    ):
        (x * 2.0).sum().backward()
    assert x.grad is None


def test_recorded_gradients_are_private():
    a, b, seed = leaf(1.0, 2.0), leaf(1.0, 2.0), ag.ones(2, dtype=ag.float64)
    (a + b).backward(seed, create_graph=True)
    assert a.grad.requires_grad is False
    with ag.no_grad():
        a.grad.zero_()
    assert b.grad.tolist() == [1.0, 1.0] == seed.tolist()
    ga, gb = ag.grad(a + b, (a, b), seed, create_graph=True)
    with ag.no_grad():
        ga.zero_()
    assert gb.tolist() == [1.0, 1.0] == seed.tolist()
    (a * a).sum().backward(create_graph=True)
    with ag.no_grad():
        a.grad[0] = 7.0  # not a window on one number, though the gradient of sum is


def test_a_frozen_leaf_gets_nothing_and_a_thawed_one_its_own():
    x = leaf(3.0)
    y = x * x
    x.requires_grad_(False)
    y.backward(retain_graph=True)
    assert x.grad is None
    x.requires_grad_(True)
    y.backward(retain_graph=True)
    assert x.grad.tolist() == [6.0]
    assert ag.grad(y, x)[0].tolist() == [6.0]


def test_data_of_integers_is_refused_where_a_gradient_is_required():
    x = leaf(1.0)
    with pytest.raises(
        RuntimeError, match="data set to a tensor that requires gradients must be floating point or complex"
    ):
        x.data = ag.tensor([1])
    assert x.dtype is ag.float64


# ------------------------------------------------------------------ modes across contexts


def test_a_generator_finished_by_another_thread():
    def work():
        with ag.no_grad():
            yield 1
            yield 2

    generator, seen = work(), []
    next(generator)
    assert not ag.is_grad_enabled()  # it is paused inside

    def finish():
        generator.close()
        seen.append(ag.is_grad_enabled())

    thread = threading.Thread(target=finish)
    thread.start()
    thread.join()
    assert seen == [True]
    ag.set_grad_enabled(True)


def test_one_mode_object_used_by_many_threads():
    mode, errors, barrier = ag.no_grad(), [], threading.Barrier(4)

    def work():
        try:
            for _ in range(50):
                barrier.wait()
                with mode:
                    assert not ag.is_grad_enabled()
                    barrier.wait()
            assert ag.is_grad_enabled()
        except Exception as error:
            errors.append(error)
            barrier.abort()

    threads = [threading.Thread(target=work) for _ in range(4)]
    [t.start() for t in threads]
    [t.join() for t in threads]
    assert not errors


def test_a_mode_set_by_a_call_is_undone_by_its_exit():
    mode = ag.set_grad_enabled(False)
    assert not ag.is_grad_enabled()
    mode.__exit__(None, None, None)
    assert ag.is_grad_enabled()


def test_a_value_that_only_a_closed_form_looks_at_may_change():
    """The gradient of a weight does not depend on the weight, also where one function computes all gradients."""
    w, x = ag.ones(2, 3, dtype=ag.float64, requires_grad=True), ag.ones(4, 3, dtype=ag.float64)
    y = F.linear(x, w).sum()
    with ag.no_grad():
        w.zero_()
    y.backward()
    assert w.grad.tolist() == [[4.0] * 3] * 2
    h = leaf(1.0, 2.0, 3.0) * 1.0
    y = F.linear(h, w)
    with ag.no_grad():
        w.add_(1.0)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        y.sum().backward()


def test_a_function_must_not_change_a_leaf():
    class Doubles(ag.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.mark_dirty(x)
            return x.mul_(2.0)

        @staticmethod
        def backward(ctx, g):
            return 2 * g

    x = leaf(1.0)
    with pytest.raises(RuntimeError, match="Doubles: a leaf Variable that requires grad has been used in an in-place"):
        Doubles.apply(x)
    h = x * 1.0
    y = Doubles.apply(h)
    (h * 3.0).sum().backward()
    assert y is h
    assert x.grad.tolist() == [6.0]
