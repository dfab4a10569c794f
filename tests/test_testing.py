"""The testing kit: it accepts what is right, and catches what is wrong with both numbers."""

from __future__ import annotations

import importlib.metadata

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings

import autograd as ag
from autograd import testing
from autograd.testing import (
    _programs,
    check_directional,  # fmt: skip
    check_hessian,
    check_jacobian,
    check_jvp,
    check_vjp,
    derivative,
    programs,
    property_test,
    tensors,
)


class WrongSine(ag.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x.sin()

    @staticmethod
    def backward(ctx, g):
        return -g * ctx.saved_tensors[0].cos()


def test_derivative_knows_its_error():
    for f, at, exact in ((np.sin, 0.3, np.cos(0.3)), (np.exp, 5.0, np.exp(5.0)), (lambda x: x**9, 1.0, 9.0)):
        found = derivative(f, at)
        assert abs(found.value - exact) <= max(10 * found.error, 1e-9 * abs(exact))


def test_mistakes_are_caught_with_both_numbers():
    x = ag.tensor([0.5, 1.0], dtype=ag.float64, requires_grad=True)
    with pytest.raises(
        testing.GradcheckError,
        match=r"input 0 .*output\[0\] / d input\[0\] is -0.877\d+ analytically and 0.877\d+ numerically .*step 1e-06",
    ):
        testing.gradcheck(WrongSine.apply, x)
    assert testing.gradcheck(WrongSine.apply, x, raise_exception=False) is False
    with pytest.raises(
        testing.GradcheckError, match=r"along a random direction is .* by its gradients and .* numerically"
    ):
        check_directional(WrongSine.apply, x)
    with pytest.raises(testing.GradcheckError, match=r"jacobian .reverse-mode."):
        check_jacobian(WrongSine.apply, x)


def test_what_is_right_passes():
    x = ag.tensor([0.5, 1.0, -0.3], dtype=ag.float64)
    f = lambda x: ag.outer(x.sin(), x * x)  # noqa: E731
    v = ag.ones(3, 3, dtype=ag.float64)
    assert check_jacobian(f, x)
    assert check_vjp(f, x, v)
    assert check_jvp(f, x, ag.ones(3, dtype=ag.float64))
    assert check_hessian(lambda x: (x.sin() * x).sum(), x)
    assert check_directional(f, x.clone().requires_grad_())
    with pytest.raises(ValueError, match="no input requires grad"):
        check_directional(f, x)


def test_assert_close():
    testing.assert_close(ag.ones(2), ag.ones(2) + 1e-7)
    for a, b, text in ((ag.ones(2), ag.ones(3), "shapes differ"), (ag.ones(2), ag.ones(2, dtype=ag.float64), "dtypes differ"),
                       (ag.ones(2), ag.zeros(2), "2 of 2 elements differ.*first at \\[0\\]: 1.0 and 0.0")):  # fmt: skip
        with pytest.raises(AssertionError, match=text):
            testing.assert_close(a, b)


@property_test(tensors((3,), lo=0.5, hi=2.0), tensors((2, 1)), max_examples=10)
def test_one_line(p, q):
    return -(p * p.log()).sum() + (q * p).sin().sum()


def test_a_wrong_function_fails_its_property_test():
    wrong = property_test(tensors((2,)), max_examples=5)(lambda x: WrongSine.apply(x))
    with pytest.raises(testing.GradcheckError):
        wrong()


@given(tensors(avoid=(0.0,), margin=0.2))
def test_tensors_keep_away(t):
    assert t.numel() == 0 or float(t.abs().min()) >= 0.2 - 1e-12


@given(testing.shapes(min_side=1).flatmap(lambda s: testing.indices(s).map(lambda i: (s, i))))
def test_indices_are_valid(pair):
    shape, index = pair
    a = np.arange(float(np.prod(shape))).reshape(shape)
    plain = [i._data if isinstance(i, ag.Tensor) else i for i in index]
    # Whole numbers choose first, as in PyTorch; to NumPy they would be index arrays.
    first = tuple(i if isinstance(i, int) else slice(None) for i in plain if i is not None and i is not Ellipsis)
    rest = tuple(i for i in plain if not isinstance(i, int))
    np.testing.assert_array_equal(ag.tensor(a)[index]._data, a[first][rest])


@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
@given(programs(max_steps=25))
def test_random_programs(program):
    """Each program's gradient along a random direction is the numerical one."""
    check_directional(program, program.leaves(), rtol=1e-5, atol=1e-6, step=1e-3)


def test_programs_print_as_python():
    seen = []

    @settings(max_examples=1, database=None, deadline=None)
    @given(programs(max_steps=6))
    def look(program):
        seen.append(program.text())

    look()
    assert "x0 = tensor(" in seen[0]
    assert "v0 = " in seen[0]


def test_the_plugin(pytester):
    pytester.makepyfile(
        """
        import pytest, autograd as ag
        from autograd.testing import tensors

        @pytest.mark.differentiable(tensors((2,), lo=0.5, hi=1.5), max_examples=3)
        def test_right(x):
            return x.log() * x

        @pytest.mark.differentiable(tensors((2,)), max_examples=3)
        def test_wrong(x):
            return x.detach() * x

        def test_fixture(gradcheck):
            assert gradcheck(ag.sin, ag.ones(2, dtype=ag.float64, requires_grad=True))
        """
    )
    installed = importlib.metadata.entry_points(group="pytest11", name="glassgrad")  # then pytest loads it by itself
    plugin = () if installed else ("-p", "autograd.testing.plugin")
    result = pytester.runpytest_inprocess(*plugin, "-p", "no:cacheprovider")
    result.assert_outcomes(passed=2, failed=1)
    result.stdout.fnmatch_lines(["*GradcheckError*analytically and*numerically*"])


# ------------------------------------------------------------------ gradcheck's other checks


def function(forward, backward):
    """A Function of those two, without saved values."""
    body = {"forward": staticmethod(lambda ctx, x: forward(x)), "backward": staticmethod(lambda ctx, *g: backward(*g))}
    return type("Made", (ag.Function,), body).apply


def ones(*shape):
    return ag.ones(*shape, dtype=ag.float64, requires_grad=True)


def test_gradcheck_along_one_direction():
    assert testing.gradcheck(lambda x: x.sin() @ x.mT, ones(3, 3), fast_mode=True)
    assert testing.gradgradcheck(lambda x: x**3, ones(3), fast_mode=True)
    with pytest.raises(
        testing.GradcheckError, match=r"along a random direction the derivative is .*fast mode.* step 1e-06"
    ):
        testing.gradcheck(WrongSine.apply, ones(4), fast_mode=True)


def test_gradcheck_in_forward_mode(monkeypatch):
    f = lambda x: (x.sin() * x.sum(), x.exp())  # noqa: E731
    assert testing.gradcheck(f, ones(3), check_forward_ad=True, check_backward_ad=False)
    assert testing.gradgradcheck(lambda x: x**3, ones(2), check_fwd_over_rev=True)
    with pytest.raises(
        testing.GradcheckError, match=r"output\[0\] / d input\[0\] is -0.54\d+ in forward mode and 0.54\d+ numerically"
    ):
        testing.gradcheck(WrongSine.apply, ones(2), check_forward_ad=True, check_backward_ad=False)


def test_gradcheck_asks_for_some_check():
    for check, wrong in (
        (testing.gradcheck, {"check_backward_ad": False}),
        (testing.gradgradcheck, {"check_rev_over_rev": False}),
    ):
        with pytest.raises(AssertionError, match="Expected at least one of"):
            check(ag.sin, ones(2), **wrong)
    with pytest.raises(AssertionError, match="check_batched_grad=True requires check_backward_ad"):
        testing.gradcheck(ag.sin, ones(2), check_batched_grad=True, check_forward_ad=True, check_backward_ad=False)


def test_gradcheck_of_batches(monkeypatch):
    assert testing.gradcheck(lambda x, y: (x * y, x @ y), (ones(3), ones(3)), check_batched_grad=True)
    grad = ag.functional.grad
    monkeypatch.setattr(ag.functional, "grad", lambda *a, **k: tuple(2 * g for g in grad(*a, **k)))
    with pytest.raises(
        testing.GradcheckError, match=r"a batch of gradients .is_grads_batched=True. gives .* one by one they are"
    ):
        testing.gradcheck(ag.sin, ones(2), check_batched_grad=True)


def test_gradcheck_wants_doubles_in_memory_of_their_own():
    with pytest.warns(UserWarning, match="Input #0 requires gradient and is not a double precision .*: it is float32"):
        testing.gradcheck(lambda x: x * 2, ag.ones(2, requires_grad=True), atol=1.0)
    with pytest.raises(RuntimeError, match=r"The 1th input has a dimension with stride 0.*contiguous"):
        testing.gradcheck(lambda x, y: x * y, (ones(3), ag.ones(1, dtype=ag.float64).expand(3).requires_grad_()))


@pytest.mark.parametrize("fast_mode", [False, True])
def test_gradcheck_of_the_parameters_of_a_module(fast_mode):
    """Steps reach them where the function finds them, as in PyTorch: it takes them as arguments only to be told of them."""
    import nn

    layer, scale = nn.Linear(3, 2, dtype=ag.float64), ag.tensor(2.0, dtype=ag.float64, requires_grad=True)
    x = ag.randn(4, 3, dtype=ag.float64, requires_grad=True)
    before = [t.tolist() for t in (x, *layer.parameters(), scale)]
    inputs = (x, *layer.parameters(), scale)
    assert ag.gradcheck(lambda x, *_: layer(x).tanh() * scale, inputs, fast_mode=fast_mode)
    assert before == [t.tolist() for t in inputs]
    with pytest.raises(testing.GradcheckError):
        ag.gradcheck(lambda x, *_: layer(x.detach()).tanh() * scale, inputs, fast_mode=fast_mode)


@pytest.mark.parametrize("fast_mode", [False, True])
def test_gradcheck_puts_inputs_back_where_the_function_fails(fast_mode):
    x = ag.tensor([1.0, 2.0, 3.0], dtype=ag.float64, requires_grad=True)

    def fails(x):
        if x.tolist() != [1, 2, 3]:
            raise KeyError("moved")
        return x * 2

    with pytest.raises(KeyError):
        ag.gradcheck(fails, (x,), fast_mode=fast_mode)
    assert x.tolist() == [1, 2, 3]


@pytest.mark.parametrize("fast_mode", [False, True])
def test_gradcheck_leaves_memory_alone_that_may_not_be_written(fast_mode):
    held = np.arange(3.0)
    held.flags.writeable = False
    assert ag.gradcheck(lambda t: t**2, (ag.from_numpy(held).requires_grad_(),), fast_mode=fast_mode)
    assert held.tolist() == [0, 1, 2]


def test_gradcheck_of_what_is_cut_off():
    assert testing.gradcheck(lambda x: x.detach() * 0, ones(2))
    with pytest.raises(
        testing.GradcheckError, match=r"expected to be zero, since no output .* element 0 of input 0 is 2"
    ):
        testing.gradcheck(lambda x: x.detach() * 2, ones(2))


def test_gradcheck_finds_a_backward_that_is_not_a_function():
    calls = []
    drifting = function(lambda x: x * 1, lambda g: g * (1 + 1e-9 * len(calls.append(1) or calls)))
    with pytest.raises(testing.GradcheckError, match=r"Backward is not reentrant.*tolerance for nondeterminism was 0"):
        testing.gradcheck(drifting, ones(2))
    assert testing.gradcheck(drifting, ones(2), nondet_tol=1e-6)
    with pytest.raises(testing.GradcheckError, match="backward not multiplied by grad_output: zero weights give"):
        testing.gradcheck(function(lambda x: x * 1, lambda g: g + 1e-9), ones(2))


def test_gradcheck_leaves_outputs_out():
    class Fragile(ag.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.set_materialize_grads(False)
            return x * 1, x * 2

        @staticmethod
        def backward(ctx, a, b):
            if b is None:
                raise TypeError("no second gradient")
            return 2 * b if a is None else a + 2 * b

    with pytest.raises((testing.GradcheckError, TypeError), match="no second gradient"):
        testing.gradcheck(Fragile.apply, ones(2))
    both = lambda x: (lambda a, b: (a + b, a - b))(*Fragile.apply(x))  # noqa: E731
    assert testing.gradcheck(both, ones(2))


def test_gradcheck_compares_dtypes():
    assert testing.gradcheck(lambda x: x * 2, ones(2), check_grad_dtypes=True)


def test_gradgradcheck_takes_weights_with_gaps():
    seen = []
    f = lambda x: x.view(3) ** 3  # noqa: E731
    assert testing.gradgradcheck(lambda x: seen.append(x.shape) or f(x), ones(3), gen_non_contig_grad_outputs=True)


def test_gradcheck_wants_an_input_that_requires_grad():
    with pytest.raises(ValueError, match="at least one input tensor to require gradient"):
        testing.gradcheck(lambda x: x * 2, (ag.ones(2, dtype=ag.float64),))


def test_gradcheck_of_complex_functions_in_forward_mode():
    z = ag.tensor([1 + 2j, -0.5j], requires_grad=True, dtype=ag.complex128)
    assert testing.gradcheck(lambda z: z * z, (z,), check_forward_ad=True)


def test_gradcheck_leaves_out_one_output_of_three_where_it_is_asked_to():
    class Picky(ag.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.set_materialize_grads(False)
            return x * 1, x * 2, x * 3

        @staticmethod
        def backward(ctx, *grads):
            if [g is None for g in grads] == [True, False, False]:
                raise ZeroDivisionError("planted")
            return sum(k * g for k, g in enumerate(grads, 1) if g is not None)

    assert testing.gradcheck(Picky.apply, ones(2), check_undefined_grad=False)
    with pytest.raises(
        testing.GradcheckError,
        match=r"handle undefined output grads, but without one for output 0 .* ZeroDivisionError: planted",
    ):
        testing.gradcheck(Picky.apply, ones(2))


def test_a_derivative_from_two_steps_knows_how_little_it_knows():
    rough, fine = testing.derivative(np.exp, 1.0, step=0.5, rounds=2), testing.derivative(np.exp, 1.0, step=0.5)
    assert abs(rough.value - np.e) <= rough.error
    assert fine.error < 1e-6 < rough.error


def test_a_function_without_a_gradient_is_compared_with_zero():
    x = ag.tensor([0.3, 0.4], dtype=ag.float64, requires_grad=True)
    assert testing.check_directional(lambda t: ag.ones(3, dtype=ag.float64), x)
    with pytest.raises(testing.GradcheckError, match="is 0 by its gradients and"):
        testing.check_directional(lambda t: t.detach() * 2, x)


def test_a_property_needs_a_domain_for_each_argument():
    with pytest.raises(TypeError, match="property_test: product takes 2 arguments, 1 domains were given"):

        @testing.property_test(testing.tensors())
        def product(a, b):
            return a * b


def test_operations_with_empty_arguments_may_be_part_of_programs():
    source = ag.tensor([0.5, -0.25], requires_grad=True)
    trials = {name: (declared, calls) for name, declared, calls in _programs._trials()}
    declared, calls = trials["_cat"]
    sizes = [[a.size for a in _programs._floats(c.args)] for c in calls]
    assert [] not in sizes
    (call,) = [c for c, found in zip(calls, sizes, strict=True) if 0 in found]
    result = _programs._result(declared, call, _programs._near(source))
    (g,) = ag.grad(result.sum(), source)
    np.testing.assert_allclose(g.numpy(), 0.01 * (1 - np.tanh([0.5, -0.25]) ** 2), rtol=1e-5)
