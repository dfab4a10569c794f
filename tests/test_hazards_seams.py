"""Where two features meet: passes of both kinds, sharing, lending, recording, freeing. One test for each way to be wrong."""

from __future__ import annotations

import contextlib
import copy
import math
import weakref

import numpy as np
import pytest

import autograd as ag
from nn import functional as F

BOTH_PASSES = pytest.mark.parametrize("fast", [True, False])


def leaf(*values, dtype=ag.float64):
    return ag.tensor(list(values), dtype=dtype, requires_grad=True)


# ------------------------------------------------------------------ what a pass frees and keeps


@BOTH_PASSES
def test_every_pass_frees_what_operations_saved(fast):
    x = ag.ones(50, requires_grad=True)
    inner = x.exp()
    held = weakref.ref(inner.grad_fn.saved[0])
    y, z = (inner * 2.0).sum(), (inner * 3.0).sum()
    del inner
    with ag.fast_paths(fast):
        y.backward()
        assert held() is None
        with pytest.raises(RuntimeError, match="ExpBackward0 has none left"):
            z.backward()


@BOTH_PASSES
def test_a_wanted_result_that_was_freed_is_still_an_end(fast):
    """A pass towards it does not run its rules, so it needs nothing of what they saved."""
    x = leaf(1.0, 2.0)
    h = x.exp()
    with ag.fast_paths(fast):
        (h * 2.0).sum().backward()
        (g,) = ag.grad((h * 3.0).sum(), h)
        assert g.tolist() == [3.0, 3.0]
        k = x.exp()
        ag.grad((k * 3.0).sum(), k)
        ag.grad(k, k, ag.ones(2, dtype=ag.float64))
        (k * 1.0).sum().backward()  # the passes towards k left it what it had saved


@BOTH_PASSES
def test_a_changed_value_behind_a_wanted_result_does_not_matter(fast):
    h = leaf(1.0, 2.0) * 1.0
    k = h * h
    h.add_(1.0)
    with ag.fast_paths(fast):
        assert ag.grad((k * 3.0).sum(), k)[0].tolist() == [3.0, 3.0]


@BOTH_PASSES
def test_hooks_of_an_output_that_leads_nowhere_wanted_are_not_called(fast):
    x, other, seen = leaf(1.0), leaf(2.0), []
    y, z = x * 2.0, other * 3.0
    z.register_hook(seen.append)
    z.retain_grad()
    with ag.fast_paths(fast):
        found = ag.grad((y, z), (y,), allow_unused=True)
        assert found[0].tolist() == [1.0]
    assert seen == []
    assert z.grad is None


def test_create_graph_keeps_the_graph():
    x = leaf(3.0)
    y = x * x
    y.backward(create_graph=True)
    assert x.grad.tolist() == [6.0]
    y.backward(create_graph=True)
    assert x.grad.tolist() == [12.0]
    assert x.grad.requires_grad
    ag.grad(y, x, create_graph=True)
    y.backward()
    with pytest.raises(RuntimeError, match="second time"):
        ag.grad(y, x, retain_graph=False)


@BOTH_PASSES
def test_a_recorded_pass_that_need_not_keep_the_graph_frees_it(fast):
    x, weight = leaf(3.0, 2.0), ag.ones(2, dtype=ag.float64)
    y = x * x
    z = y * x
    with ag.fast_paths(fast):
        (g,) = ag.grad(z, x, weight, create_graph=True, retain_graph=False)
    assert g.tolist() == [27.0, 12.0]
    with pytest.raises(RuntimeError, match="second time"):
        ag.grad(y, x, weight)


@BOTH_PASSES
def test_second_derivatives_through_one_of_several_results(fast):
    x = ag.tensor([[2.0, 0.3], [-0.4, 1.5]], dtype=ag.float64, requires_grad=True)
    with ag.fast_paths(fast):
        assert ag.testing.gradgradcheck(lambda a: ag.linalg.qr(a)[1], (x,))


def test_two_weights_of_one_output_add_up():
    x = leaf(1.0, 2.0)
    y = x * 2.0
    (g,) = ag.grad((y, y), x, (ag.tensor([1.0, 0.0], dtype=ag.float64), ag.tensor([3.0, 5.0], dtype=ag.float64)))
    assert g.tolist() == [8.0, 10.0]


@BOTH_PASSES
def test_wanted_tensors_of_different_ages(fast):
    x = leaf(2.0)
    a = x * 2.0
    b = a * 3.0
    with ag.fast_paths(fast):
        assert [g.tolist() for g in ag.grad(b * 5.0, (x, b, a), retain_graph=True)] == [[30.0], [5.0], [15.0]]
        assert [g.tolist() for g in ag.grad(b * 5.0, (x, b))] == [
            [30.0],
            [5.0],
        ]  # a lies between, and nobody asks for it


@BOTH_PASSES
@pytest.mark.parametrize("create", [True, False])
def test_a_wanted_gradient_is_what_its_hooks_made_of_it(fast, create):
    x = leaf(2.0)
    h = x * x
    for t in (h, x):
        t.register_hook(lambda g: g * 10.0)
    with ag.fast_paths(fast):
        assert [g.tolist() for g in ag.grad(h * 3.0, (h, x), create_graph=create)] == [[30.0], [1200.0]]


# ------------------------------------------------------------------ gradients on their way


@BOTH_PASSES
def test_a_slices_gradient_is_not_added_into_anothers_buffer(fast):
    """The sum hands one array to both operands; the slice of the first adds into its own only."""
    x, w = leaf(1.0, 2.0), leaf(1.0, 2.0)
    h, k = x * 1.0, w * 1.0
    part = h[0]
    loss = ((h + k) * ag.tensor([3.0, 4.0], dtype=ag.float64)).sum() + part * 5.0
    with ag.fast_paths(fast):
        loss.backward()
    assert x.grad.tolist() == [8.0, 4.0]
    assert w.grad.tolist() == [3.0, 4.0]


def test_retained_gradients_are_private():
    x = leaf(1.0, 2.0)
    h = x * 2.0
    k = h + 1.0
    for t in (h, k):
        t.retain_grad()
    (k * 3.0).sum().backward()
    k.grad.zero_()
    assert h.grad.tolist() == [3.0, 3.0]
    h.grad.zero_()
    assert x.grad.tolist() == [6.0, 6.0]


@BOTH_PASSES
def test_every_hook_gets_what_the_one_before_returned(fast):
    x, seen = leaf(1.0), []
    for factor in (2.0, 3.0, 5.0):
        x.register_hook(lambda g, f=factor: seen.append(g.item()) or g * f)
    with ag.fast_paths(fast):
        (x * 1.0).backward()
    assert seen == [1.0, 2.0, 6.0]
    assert x.grad.tolist() == [30.0]


@BOTH_PASSES
def test_a_leafs_hooks_run_in_its_turn(fast):
    old, seen = leaf(2.0), []
    middle = old * 3.0
    young = leaf(5.0)
    for name, t in (("old", old), ("middle", middle), ("young", young)):
        t.register_hook(lambda g, n=name: seen.append(n))
    with ag.fast_paths(fast):
        (middle * young).backward()
    assert seen == ["young", "middle", "old"]


@BOTH_PASSES
def test_a_hook_registered_by_a_hook_is_called_if_its_turn_is_still_to_come(fast):
    x, seen = leaf(2.0), []
    h = x * 3.0
    h.register_hook(lambda g: x.register_hook(lambda g: seen.append(g.item())) and None)
    with ag.fast_paths(fast):
        (h * x).backward()
    assert seen == [12.0]


def test_hooks_and_functions_know_whether_the_pass_is_recorded():
    x, seen = leaf(2.0), []
    y = x * x
    y.register_hook(lambda g: seen.append((ag.is_grad_enabled(), (g * 2.0).requires_grad)))
    y.backward(retain_graph=True)
    weight = leaf(1.0)
    y.backward(weight, create_graph=True)
    assert seen == [(False, False), (True, True)]


def test_a_backward_inside_a_hook():
    x, inner = leaf(1.0, 2.0), []
    y = x * x

    def hook(g):
        with ag.enable_grad():
            (x * 3.0).sum().backward()
            inner.append(ag.grad((x**3).sum(), x)[0].tolist())
        return g * 10.0

    y.register_hook(hook)
    y.sum().backward()
    assert inner == [[3.0, 12.0]]
    assert x.grad.tolist() == [23.0, 43.0]


def test_a_hook_that_removes_itself():
    x, seen = leaf(1.0, 2.0), []
    y = x * x
    handle = y.register_hook(lambda g: (handle.remove(), seen.append(1))[0])
    y.register_hook(lambda g: seen.append(2))
    for _ in range(2):
        y.sum().backward(retain_graph=True)
    assert seen == [1, 2, 2]
    assert x.grad.tolist() == [4.0, 8.0]


def test_a_post_hook_replaces_the_gradients():
    x, w = leaf(2.0), leaf(5.0)
    y = x * w
    y.grad_fn.register_hook(lambda inputs, outputs: (inputs[0] * 10.0, None))
    y.backward()
    assert x.grad.tolist() == [50.0]
    assert w.grad is None


def test_a_gradient_that_was_saved_and_then_added_to_is_noticed():
    x, w = leaf(1.0, 2.0), leaf(3.0, 4.0)
    (x * 2.0).sum().backward()
    y = (x.grad * w).sum()
    (x * 2.0).sum().backward()
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        y.backward()


def test_the_gradient_has_the_dtype_the_data_has_now():
    x = leaf(1.0, 2.0, dtype=ag.float32)
    x.data = x.data.double()
    (x * 2.0).sum().backward()
    assert x.grad.dtype is ag.float64
    assert x.grad.tolist() == [2.0, 2.0]


def test_taking_over_memory_is_no_change_of_it():
    w, v, x = leaf(1.0, 2.0), ag.tensor([3.0, 4.0], dtype=ag.float64), leaf(5.0, 6.0)
    y, z = (w * v).sum(), (x * x).sum()
    x.data = v
    (y + z).backward()
    assert w.grad.tolist() == [3.0, 4.0]
    assert x.grad.tolist() == [10.0, 12.0]  # of what it was
    y = (w * v).sum()
    with ag.no_grad():
        x.mul_(2.0)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        y.backward()


def test_one_of_several_results_used_by_both_orders():
    a = ag.tensor([[2.0, 1.0], [0.5, 3.0]], dtype=ag.float64, requires_grad=True)
    assert ag.gradgradcheck(lambda a: sum((t * t * t).sum() for t in ag.linalg.qr(a)), (a,))


# ------------------------------------------------------------------ recording, or not

KINDS = {
    "elementwise": lambda x: x.exp(), "of two": lambda x: x * x, "with a number": lambda x: 2.0 - x, "a reduction": lambda x: x.sum(0),
    "a product": lambda x: x @ x, "of many": lambda x: ag.cat([x, x]), "a view": lambda x: x.t(), "an index": lambda x: x[0],
    "index tensors": lambda x: x[ag.tensor([0, 0])], "several results": lambda x: ag.linalg.qr(x)[0], "composed": lambda x: x.std(),
    "mixed dtypes": lambda x: x * ag.ones(2, dtype=ag.float32), "by keywords": lambda x: ag.mul(input=x, other=x),
    "with further results": lambda x: x.max(0)[0], "a layer": lambda x: F.linear(x, x), "in place": lambda x: ag.ones(2, 2).double().mul_(x),
    "an assignment": lambda x: (t := ag.ones(2, 2).double()).__setitem__(0, x[0]) or t,
}  # fmt: skip
OFF = {
    "no_grad": ag.no_grad, "set_grad_enabled": lambda: ag.set_grad_enabled(False), "inference_mode": ag.inference_mode,
}  # fmt: skip


@pytest.mark.parametrize("mode", OFF)
@pytest.mark.parametrize("kind", KINDS)
def test_nothing_is_recorded_while_recording_is_off(kind, mode):
    x = ag.tensor([[2.0, 1.0], [0.5, 3.0]], dtype=ag.float64, requires_grad=True)
    with OFF[mode]():
        assert not KINDS[kind](x).requires_grad
        with ag.inference_mode(False) if mode == "inference_mode" else ag.enable_grad():
            assert KINDS[kind](x).requires_grad
        assert not KINDS[kind](x).requires_grad
    assert KINDS[kind](x).requires_grad
    with OFF[mode](), ag.detect_anomaly():
        assert not KINDS[kind](x).requires_grad


@pytest.mark.parametrize("again", [ag.enable_grad, lambda: ag.set_grad_enabled(True)])
@pytest.mark.parametrize("kind", KINDS)
def test_nothing_at_all_is_recorded_in_inference_mode(kind, again):
    x = ag.tensor([[2.0, 1.0], [0.5, 3.0]], dtype=ag.float64, requires_grad=True)
    with ag.inference_mode():
        with again():
            assert not KINDS[kind](x).requires_grad
        assert not KINDS[kind](x).requires_grad
    assert KINDS[kind](x).requires_grad


def test_modes_nest_and_end_by_errors_too():
    with ag.set_grad_enabled(False):
        assert not ag.is_grad_enabled()
        with contextlib.suppress(ZeroDivisionError), ag.set_grad_enabled(True):
            assert ag.is_grad_enabled()
            with contextlib.suppress(KeyError), ag.no_grad():
                raise KeyError
            assert ag.is_grad_enabled()
            1 / 0
        assert not ag.is_grad_enabled()
    assert ag.is_grad_enabled()


def test_inference_mode_can_be_left_inside():
    x = leaf(1.0)
    with ag.inference_mode():
        with ag.inference_mode(False):
            assert (ag.is_grad_enabled(), ag.is_inference_mode_enabled()) == (True, False)
            assert (x * 2.0).requires_grad
        assert (ag.is_grad_enabled(), ag.is_inference_mode_enabled()) == (False, True)
    with ag.no_grad(), ag.inference_mode(False):
        assert ag.is_grad_enabled()
    assert ag.is_grad_enabled()


KEPT = {
    "by keywords": lambda w, t: ag.mul(input=w, other=t), "operator": lambda w, t: t * w, "a product": lambda w, t: w @ t,
    "under anomaly mode": lambda w, t: _watched(lambda: w * t), "several results of one's own": lambda w, t: w.lerp(w * 3.0, t),
    "in place": lambda w, t: (w * 1.0).mul_(t),
}  # fmt: skip


def _watched(f):
    with ag.detect_anomaly():
        return f()


@pytest.mark.parametrize("kind", KEPT)
def test_memory_held_outside_is_copied_when_it_is_saved(kind):
    w, a = leaf(1.0, 2.0), np.array([3.0, 4.0])
    expected = ag.grad(KEPT[kind](w, ag.tensor(a)).sum(), w)[0].tolist()
    y = KEPT[kind](w, ag.from_numpy(a)).sum()
    a[:] = 99.0
    y.backward()
    assert w.grad.tolist() == expected


# ------------------------------------------------------------------ writing


def test_writing_with_out_is_a_change():
    x, b = leaf(1.0, 2.0), ag.ones(2, dtype=ag.float64)
    y = (x * b).sum()
    ag.add(b, 1.0, out=b)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        y.backward()


def test_out_does_not_lose_a_gradient_silently():
    x, b = leaf(1.0, 2.0), ag.zeros(2, dtype=ag.float64)
    with pytest.raises(RuntimeError, match=r"mul\(\): functions with out=... arguments don't support automatic diff"):
        ag.mul(x, 2.0, out=b)
    with pytest.raises(RuntimeError, match="don't support automatic differentiation"):
        ag.mul(b, 2.0, out=leaf(1.0, 2.0))
    with ag.no_grad():
        ag.mul(x, 2.0, out=b)
    assert b.tolist() == [2.0, 4.0]


LENDING = {
    "gelu": lambda x: F.gelu(x), "max_pool": lambda x: F.max_pool1d(x, 2), "a view of it": lambda x: F.max_pool1d(x, 2)[0],
}  # fmt: skip
CHANGES = {
    "by a number": lambda y: y.mul_(3.0).add_(5.0), "a row": lambda y: y[0].mul_(3.0),
    "assigned": lambda y: y.__setitem__(0, 7.0), "by a tensor": lambda y: y.mul_(y * 2.0),
}  # fmt: skip


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("name", LENDING)
def test_a_result_changed_in_place_where_pytorch_allows_it(name, change):
    x = ag.tensor([[-1.0, 2.0, 0.5, 0.3], [1.0, -2.0, 3.0, 0.1]], dtype=ag.float64, requires_grad=True)
    y = LENDING[name](x) * 1.0
    CHANGES[change](y)
    expected = ag.grad(y.sum(), x)[0].tolist()
    y = LENDING[name](x)
    CHANGES[change](y)
    assert ag.grad(y.sum(), x)[0].tolist() == expected


def test_views_that_overlap_see_each_others_writes():
    x = leaf(1.0, 2.0, 3.0)
    base = x * 1.0
    left, right = base[:2], base[1:]
    right.mul_(3.0)
    assert left.tolist() == [1.0, 6.0]
    (g,) = ag.grad(left.sum(), x, retain_graph=True)
    assert g.tolist() == [1.0, 3.0, 0.0]
    left.mul_(5.0)
    (g,) = ag.grad(right.sum(), x)
    assert g.tolist() == [0.0, 15.0, 3.0]


@pytest.mark.parametrize(
    ("write", "value", "slope"),
    [
        (lambda t, x: t.__setitem__(0, x * 2), 1.88, 2.0),
        (lambda t, x: t.__setitem__(1, x * 2), 1.88, 2.0),
        (lambda t, x: t.__setitem__((0, 0), 5.0), 5.0, 0.0),
        (lambda t, x: t.__setitem__(0, t[0] + x), math.sin(0.94) + 0.94, math.cos(0.94) + 1),
    ],
)
def test_what_is_assigned_to_a_part_of_an_expanded_tensor_is_all_its_memory_depends_on(write, value, slope):
    """The other parts lie in the same memory: their old history ends with it."""
    x = ag.tensor([[0.94], [0.78]], requires_grad=True)
    base = ag.sin(x)
    first = base[0]
    write(base.expand(2, 2, 1), x)
    assert first.item() == pytest.approx(value, rel=1e-6)
    for recorded in (False, True):
        (g,) = ag.grad(first, (x,), ag.ones(1), retain_graph=True, create_graph=recorded)
        np.testing.assert_allclose(g.detach(), [[slope], [0.0]], rtol=1e-6)


def test_a_part_of_an_expanded_tensor_that_does_not_overlap_can_be_assigned():
    t = ag.zeros(2)
    t.expand(3, 2)[-1:] += ag.tensor([1.0, 2.0])
    t.expand(3, 2)[0, 1] = 5.0
    assert t.tolist() == [1.0, 5.0]
    for index in (slice(None), slice(1, 3), ag.tensor([0, 1])):
        with pytest.raises(RuntimeError, match="__setitem__: unsupported operation: more than one element"):
            t.expand(3, 2)[index] = 7.0
    assert t.tolist() == [1.0, 5.0]


@pytest.mark.parametrize(
    "write", [lambda v: v.mul_(2.0), lambda v: v.mul_(leaf(2.0)), lambda v: v.__setitem__(0, 5.0), lambda v: v.zero_()]
)
def test_a_view_made_unrecorded_cannot_be_written_recorded(write):
    """PyTorch refuses only where another operand requires grad, and lets the base's gradient be wrong where none does."""
    base = leaf(1.0, 2.0) * 1.0
    with ag.no_grad():
        view = base[:1]
    with pytest.raises(RuntimeError, match="a view was created in no_grad mode and is being modified in place"):
        write(view)
    assert base.tolist() == [1.0, 2.0]
    with ag.no_grad():
        view.mul_(3.0)
    assert base.tolist() == [3.0, 2.0]
    base.mul_(2.0)  # from here on the view has its base's history
    view.mul_(5.0)
    assert base.requires_grad
    assert view.tolist() == [30.0]


def test_a_view_follows_its_base_through_write_after_write():
    x = leaf(1.0, 2.0)
    base = x * 1.0
    view = base[0]
    for _ in range(4):
        base.mul_(2.0)
        assert view.requires_grad
    view.backward()
    assert x.grad.tolist() == [16.0, 0.0]


def test_a_write_without_a_gradient_ends_the_history():
    for write in (lambda t: t.gt_(1.5), lambda t: t[:].gt_(1.5)):
        x = leaf(1.0, 2.0)
        h = x * 2.0
        if not hasattr(h, "gt_"):
            pytest.skip("no comparison in place")
        write(h)
        assert h.tolist() == [1.0, 1.0]
        if h.requires_grad:
            h.sum().backward()
            assert x.grad.tolist() == [0.0, 0.0]


def test_retaining_twice_counts_once():
    y = leaf(1.0) * 2.0
    y.retain_grad()
    y.retain_grad()
    (y * 5.0).backward()
    assert y.grad.tolist() == [5.0]


def test_a_tensor_that_holds_itself_is_copied_once():
    x = leaf(1.0, 2.0)
    x.me = x
    twin = copy.deepcopy(x)
    assert twin.me is twin
    assert twin is not x


# ------------------------------------------------------------------ functions of one's own


class Split(ag.Function):
    """x * x, 3 x, and a sign without gradient."""

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        sign = x.sign()
        ctx.mark_non_differentiable(sign)
        return x * x, 3.0 * x, sign

    @staticmethod
    def backward(ctx, square, triple, sign):
        Split.seen = (square.tolist(), triple.tolist())
        return 2.0 * square * ctx.saved_tensors[0] + 3.0 * triple


def test_results_of_a_function_that_nobody_used_have_zeros_for_gradients():
    x = leaf(1.0, 2.0)
    _, triple, sign = Split.apply(x)
    assert not sign.requires_grad
    triple.sum().backward()
    assert Split.seen == ([0.0, 0.0], [1.0, 1.0])
    assert x.grad.tolist() == [3.0, 3.0]


def test_a_function_that_gives_its_input_back():
    class Same(ag.Function):
        @staticmethod
        def forward(ctx, x):
            return x

        @staticmethod
        def backward(ctx, g):
            return 5.0 * g

    x = leaf(1.0, 2.0)
    h = x * 1.0
    y = Same.apply(h)
    assert y is not h
    assert y.tolist() == h.tolist()
    (y.sum() + h.sum()).backward()
    assert x.grad.tolist() == [6.0, 6.0]
    assert Same.apply(x) is not x
    assert x.is_leaf


def test_what_a_function_saved_dies_with_its_pass():
    x = ag.ones(50, requires_grad=True)
    y = Split.apply(x * 1.0)[0]
    node = y.grad_fn
    while not hasattr(node.plan, "ctx"):
        node = node.edges[0]
    ctx, held = node.plan.ctx, weakref.ref(node.plan.ctx._arrays[0])
    y.sum().backward()
    assert held() is None
    with pytest.raises(RuntimeError, match="second time"):
        ctx.saved_tensors


def test_rules_of_what_nobody_wants_are_not_run_by_any_pass():
    x, w = leaf(1.0, 2.0), leaf(3.0, 4.0)
    node = (x * w).grad_fn
    towards = node.plan.towards((True, False))
    assert [rule is None for rule in towards.rules] == [False, True]
    assert [part is None for part in towards.run(np.ones(2), node.saved)] == [False, True]


@pytest.mark.parametrize("change", [lambda y: y.add_(1), lambda y: y[0].mul_(2), lambda y: y.__setitem__(0, 5.0)])
@pytest.mark.parametrize("show", [lambda x: x, lambda x: x.view(-1), lambda x: x.t()])
def test_a_result_that_shows_an_arguments_memory_cannot_be_written(show, change):
    class Shown(ag.Function):
        @staticmethod
        def forward(ctx, x):
            return show(x)

        @staticmethod
        def backward(ctx, g):
            return 3 * (g if g.ndim == 2 else g.reshape(2, 2))

    x = ag.tensor([[1.0, 2.0], [3.0, 4.0]], requires_grad=True)
    before = x * 1
    y = Shown.apply(before)
    with pytest.raises(RuntimeError, match="is a view and is being modified inplace"):
        change(y)
    assert before.tolist() == x.tolist()
    before.mul_(2)
    with pytest.raises(RuntimeError, match="is a view and is being modified inplace"):
        y.sum().backward()
