"""vmap: every operation over all slices at once equals the same slice by slice; nesting, options, errors."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

import autograd as ag
import nn
from autograd import func, functional
from autograd.func import grad, jacrev, jvp, vjp, vmap
from tests.ops.test_every_op import DECLARED, SAMPLED, reals_of, run, trials

X = ag.tensor([[0.3, -0.7, 1.1], [0.9, 0.2, -0.4]], dtype=ag.float64)


def slices_of(trial):
    """Three variants of each real array of a trial, stacked; scaled so little that no kink is crossed."""
    return [ag.tensor(np.stack([a, a * 1.001, a * 0.999])) for a in reals_of(trial)]


def summed(results, weights):
    return sum(((r * w).sum() for r, w in zip(results, weights, strict=True)), ag.tensor(0.0, dtype=ag.float64))


@pytest.mark.filterwarnings("ignore:vmap")
@pytest.mark.parametrize("name", SAMPLED)
def test_every_operation_over_all_slices_at_once(name):
    declared = DECLARED[name]
    rng = np.random.default_rng(2)
    for trial in trials(declared)[:4]:
        given = slices_of(trial)
        if not given:
            continue
        one = lambda *leaves: tuple(run(declared, trial, leaves))  # noqa: B023, E731
        rows = [one(*(a[i] for a in given)) for i in range(3)]
        if not rows[0]:
            continue
        found = vmap(one)(*given)
        for k, result in enumerate(found):
            np.testing.assert_allclose(result.numpy(), np.stack([r[k].numpy() for r in rows]), rtol=1e-9, atol=1e-12)
        if not (declared.differentiable and declared.differentiable_twice) or any(r.is_complex() for r in rows[0]):
            continue
        weights = [ag.tensor(rng.standard_normal(r.shape)) for r in rows[0]]
        slope = grad(lambda *leaves: summed(one(*leaves), weights), tuple(range(len(given))))  # noqa: B023
        for k, result in enumerate(vmap(slope)(*given)):
            expected = np.stack([slope(*(a[i] for a in given))[k].numpy() for i in range(3)])
            np.testing.assert_allclose(result.numpy(), expected, rtol=1e-7, atol=1e-10)


def mlp():
    model = nn.Sequential(
        nn.Conv2d(1, 4, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(36, 8), nn.LayerNorm(8), nn.Linear(8, 5)
    )
    return model, {name: p.detach() for name, p in model.named_parameters()}


def test_gradients_of_each_sample_of_a_batch():
    model, parameters = mlp()
    xs, ys = ag.randn(6, 1, 8, 8), ag.randint(0, 5, (6,))

    def loss(p, x, y):
        return nn.functional.cross_entropy(func.functional_call(model, p, (x.unsqueeze(0),)), y.unsqueeze(0))

    with warnings.catch_warnings():
        warnings.simplefilter("error")  # all at once, without a slice-by-slice run
        found = vmap(grad(loss), (None, 0, 0))(parameters, xs, ys)
    for name in parameters:
        each = ag.stack([grad(loss)(parameters, x, y)[name] for x, y in zip(xs, ys, strict=True)])
        np.testing.assert_allclose(found[name].numpy(), each.numpy(), rtol=1e-4, atol=1e-6)


def test_an_ensemble_of_models():
    models = [nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 2)) for _ in range(3)]
    parameters, buffers = func.stack_module_state(models)
    x = ag.randn(5, 4)
    found = vmap(lambda p, b, x: func.functional_call(models[0], (p, b), (x,)), (0, 0, None))(parameters, buffers, x)
    np.testing.assert_allclose(
        found.detach().numpy(), np.stack([m(x).detach().numpy() for m in models]), rtol=1e-5, atol=1e-6
    )


@pytest.mark.parametrize("mapped", [(0, 0, 0), (0, None, None), (0, 0, None), (0, None, 0)])
def test_batches_normalised_at_once(mapped):
    sizes = ((3, 4, 6, 2), (4,), (4,))
    given = [ag.randn(*(size if axis is None else (5, *size))) for size, axis in zip(sizes, mapped, strict=True)]
    normal = lambda x, weight, bias: nn.functional.batch_norm(x, None, None, weight, bias, training=True)  # noqa: E731
    one = lambda i: normal(*(t if axis is None else t[i] for t, axis in zip(given, mapped, strict=True)))  # noqa: E731
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # that slices run one after the other would be told
        found = vmap(normal, in_dims=mapped)(*given)
    np.testing.assert_allclose(found.numpy(), ag.stack([one(i) for i in range(5)]).numpy(), rtol=1e-5, atol=1e-6)


def test_nested_maps_and_derivatives_inside_and_outside():
    cube = lambda x: (x**3).sum()  # noqa: E731
    np.testing.assert_allclose(vmap(func.hessian(cube))(X).numpy(), ag.diag_embed(6 * X).numpy(), rtol=1e-12)
    pairs = vmap(vmap(ag.dot, (None, 0)), (0, None))(X, X)
    np.testing.assert_allclose(pairs.numpy(), (X @ X.T).numpy(), rtol=1e-12)
    outside = grad(lambda x: vmap(cube)(x).sum())(X)
    np.testing.assert_allclose(outside.numpy(), (3 * X**2).numpy(), rtol=1e-12)
    weights = X[0]
    inner = vmap(vmap(grad(lambda w, x, s: s * (w @ x) ** 2), (None, 0, None)), (None, None, 0))
    scales = ag.tensor([1.0, 2.0], dtype=ag.float64)
    found = inner(weights, X, scales)
    expected = 2 * scales[:, None, None] * (X @ weights)[:, None] * X
    np.testing.assert_allclose(found.numpy(), expected.numpy(), rtol=1e-12)


def test_a_jacobian_from_mapped_products():
    f = lambda x: x.sin() * x.sum()  # noqa: E731
    x, unit = X[0], ag.eye(3, dtype=ag.float64)
    _, pull = vjp(f, x)
    np.testing.assert_allclose(vmap(pull)(unit)[0].numpy(), jacrev(f)(x).numpy(), rtol=1e-12)
    columns = vmap(lambda v: jvp(f, (x,), (v,))[1], out_dims=-1)(unit)
    np.testing.assert_allclose(columns.numpy(), jacrev(f)(x).numpy(), rtol=1e-12)


def test_axes_of_inputs_and_outputs():
    assert vmap(lambda x: x, 1, 1)(X).shape == X.shape
    total, kept = vmap(lambda d: (d["a"] + d["b"], d["a"]), ({"a": 0, "b": None},), (1, 0))({"a": X, "b": X[0]})
    np.testing.assert_allclose(total.numpy(), (X + X[0]).T.numpy())
    assert kept.equal(X)
    assert vmap(lambda x: (x, X[0]), out_dims=(0, None))(X)[1].equal(X[0])
    assert vmap(lambda x: {"double": 2 * x})(X)["double"].equal(2 * X)
    assert vmap(lambda x: x.sum(), chunk_size=1)(X).equal(X.sum(1))


def test_no_axes_to_flip_are_none_of_the_batch_either():
    x = ag.arange(6).reshape(2, 3)
    assert func.vmap(lambda row: row.flip(()))(x).tolist() == x.tolist()


def test_a_choice_between_slices_and_numbers():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = vmap(lambda x: ag.where(x > 0, x, 0.0))(X)
    assert found.equal(ag.where(X > 0, X, 0.0))


def test_a_linearized_function_keeps_no_history():
    output, push = func.linearize(ag.sin, X)
    moved = push(ag.ones_like(X))
    assert not output.requires_grad
    assert not moved.requires_grad
    np.testing.assert_allclose(moved.numpy(), np.cos(X.numpy()), rtol=1e-12)


def test_what_needs_single_values_runs_slice_by_slice_and_says_so():
    def rectified(x):
        return x * 2 if x.sum().item() > 0.6 else x

    with pytest.warns(UserWarning, match="slices run one after the other"):
        found = vmap(rectified)(X)
    np.testing.assert_allclose(found.numpy(), np.stack([2 * X[0].numpy(), 2 * X[1].numpy()]), rtol=1e-12)
    with pytest.warns(UserWarning, match="_block_diag has no batching rule"):
        vmap(lambda x: ag.block_diag(x, x))(X)


def test_random_numbers_in_a_mapped_function():
    draw = lambda x: x + ag.rand(3, dtype=ag.float64)  # noqa: E731
    zeros = ag.zeros(2, 3, dtype=ag.float64)
    with pytest.raises(RuntimeError, match="randomness error mode"):
        vmap(draw)(zeros)
    same, other = vmap(draw, randomness="same")(zeros)
    assert same.equal(other)
    one, two = vmap(draw, randomness="different")(zeros)
    assert not one.equal(two)
    with pytest.raises(RuntimeError, match="Only allowed values for randomness"):
        vmap(draw, randomness="some")


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda: vmap(lambda a, b: a + b)(X, X[0]), "same size in the mapped dimension"),
        (lambda: vmap(lambda a: a, 5)(X), "Got in_dim=5 for some input, but that input is a Tensor of dimensionality"),
        (lambda: vmap(lambda a: a, None)(X), "expected in_dims to be int or a"),
        (lambda: vmap(lambda a: a, (None,))(X), "at least one argument must be mapped"),
        (lambda: vmap(lambda a: a, (0, 0))(X), "in_dims has 2 entries for 1 argument"),
        (lambda: vmap(lambda a: a, (0,), (0, 0))(X), "out_dims has 2 entries for 1 output"),
        (lambda: vmap(lambda: X)(), "got no inputs"),
        (lambda: vmap(lambda a: 3.0)(X), "must only return Tensors"),
    ],
)
def test_errors_of_vmap(call, text):
    with pytest.raises(ValueError, match=text):
        call()


def rosenbrock(x):
    return (100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2).sum()


def test_all_rows_of_a_jacobian_in_one_pass():
    x = ag.linspace(-1, 1, 5, dtype=ag.float64)
    expected = functional.hessian(rosenbrock, x).numpy()
    for strategy in ("reverse-mode", "forward-mode"):
        found = functional.hessian(rosenbrock, x, vectorize=True, outer_jacobian_strategy=strategy)
        np.testing.assert_allclose(found.numpy(), expected, rtol=1e-12)
    both = vmap(jacrev(jacrev(rosenbrock)))(ag.stack([x, 2 * x]))
    np.testing.assert_allclose(both[0].numpy(), expected, rtol=1e-12)
    leaf = x.clone().requires_grad_()
    (slope,) = ag.grad(rosenbrock(leaf), leaf, create_graph=True)
    (rows,) = ag.grad(slope, leaf, ag.eye(5, dtype=ag.float64), is_grads_batched=True)
    assert not rows.requires_grad
    np.testing.assert_allclose(rows.numpy(), expected, rtol=1e-12)


def test_a_custom_function_that_asks_for_values_still_gets_every_row():
    class Cube(ag.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return x**3

        @staticmethod
        def backward(ctx, g):
            assert isinstance(g.sum().item(), float)
            return 3 * g * ctx.saved_tensors[0] ** 2

    found = functional.jacobian(lambda x: Cube.apply(x), X[0], vectorize=True)
    np.testing.assert_allclose(found.numpy(), np.diag(3 * X[0].numpy() ** 2), rtol=1e-12)


def assert_same(found, wanted):
    np.testing.assert_allclose(found.numpy(), wanted.numpy())


class Doubled(ag.Function):
    """Has a rule of its own for all slices, which notes what it was given."""

    seen: list = []

    @staticmethod
    def forward(x, y):
        return x * 2 * y

    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.save_for_backward(*inputs)

    @staticmethod
    def backward(ctx, g):
        x, y = ctx.saved_tensors
        return g * 2 * y, g * 2 * x

    @staticmethod
    def vmap(info, in_dims, x, y):
        Doubled.seen.append((info.batch_size, info.randomness, in_dims, tuple(x.shape)))
        return Doubled.apply(x, y), 0


class Cube(ag.Function):
    generate_vmap_rule = True

    @staticmethod
    def forward(x):
        return x**3, x * 2

    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.save_for_backward(*inputs)

    @staticmethod
    def backward(ctx, g, g2):
        (x,) = ctx.saved_tensors
        return g * 3 * x**2 + 2 * g2


def test_a_function_with_its_own_rule_for_all_slices():
    Doubled.seen.clear()
    y = ag.tensor(3.0, dtype=ag.float64)
    assert_same(vmap(Doubled.apply, (0, None))(X, y), X * 6)
    assert Doubled.seen == [(len(X), "error", (0, None), tuple(X.shape))]
    per_row = vmap(grad(lambda x: Doubled.apply(x, y).sum()))(X)
    assert_same(per_row, X * 0 + 6)


def test_a_function_that_asks_for_a_rule():
    first, second = vmap(Cube.apply)(X)
    assert_same(first, X**3)
    assert_same(second, X * 2)
    assert_same(vmap(grad(lambda x: Cube.apply(x)[0].sum()))(X), 3 * X**2)


def test_a_function_may_not_have_both_rules():
    class Both(Doubled):
        generate_vmap_rule = True

    with pytest.raises(RuntimeError, match="both generate_vmap_rule=True and an overridden vmap staticmethod"):
        vmap(Both.apply)(X, X)


def test_a_function_sees_plain_tensors_inside_a_transform():
    class Through(Cube):
        @staticmethod
        def forward(x):
            return ag.tensor(x.numpy() ** 3), x * 2

    x = ag.tensor(2.0, dtype=ag.float64)
    assert float(grad(lambda x: Through.apply(x)[0])(x)) == 12.0


@pytest.mark.parametrize(
    ("asks", "text"),
    [(lambda x: x * x.sum().item(), r"calling \.item\(\) on a Tensor"), (lambda x: x * float(x.sum()), r"calling \.item"),
     (lambda x: x if x.sum() > 0 else -x, "data-dependent control flow"), (lambda x: x * x.numpy().sum(), "data pointer")],
)  # fmt: skip
def test_single_values_may_be_asked_here_and_not_in_pytorch(asks, text):
    with pytest.warns(UserWarning, match=text):
        found = vmap(asks)(X)
    assert_same(found, ag.stack([asks(row) for row in X]))
    from autograd.compat import torch

    torch.install()
    try:
        with pytest.raises(RuntimeError, match=text):
            vmap(asks)(X)
    finally:
        torch.uninstall()


def test_a_function_without_a_rule_runs_slice_by_slice_here_and_not_in_pytorch():
    class Plain(Cube):
        generate_vmap_rule = False

    with pytest.warns(UserWarning, match="Plain has no static vmap and no generate_vmap_rule"):
        assert_same(vmap(Plain.apply)(X)[0], X**3)
    from autograd.compat import torch

    torch.install()
    try:
        with pytest.raises(RuntimeError, match="Plain"):
            vmap(Plain.apply)(X)
    finally:
        torch.uninstall()


@pytest.mark.filterwarnings("ignore:vmap")
def test_slice_by_slice_the_same_numbers_are_drawn_where_that_is_asked_for():
    zeros = ag.zeros(3, 2)
    draw = lambda x: x + x.sum().item() + ag.rand(2)  # noqa: E731
    first, *rest = vmap(draw, randomness="same")(zeros)
    assert all(first.equal(t) for t in rest)
    first, *rest = vmap(draw, randomness="different")(zeros)
    assert not any(first.equal(t) for t in rest)


@pytest.mark.filterwarnings("ignore:vmap")
@pytest.mark.parametrize("asks", [False, True])
def test_an_output_without_an_axis_is_the_same_for_all_slices(asks):
    look = lambda x: x.sum().item() if asks else 0  # noqa: E731
    assert_same(vmap(lambda x: (look(x), ag.ones(2))[1], out_dims=None)(X), ag.ones(2))
    with pytest.raises(ValueError, match="an output that differs between slices cannot have out_dims=None"):
        vmap(lambda x: (look(x), x * 2)[1], out_dims=None)(X)


@pytest.mark.filterwarnings("ignore:vmap")
@pytest.mark.parametrize("asks", [False, True])
def test_what_is_no_tensor_is_handed_on_as_it_is(asks):
    def f(x, *, given, more):
        assert given == 2.0
        assert more["name"] == "a"
        return x * given * more["scale"] + (0 * x.sum().item() if asks else 0)

    scale = ag.tensor([1.0, 3.0], dtype=ag.float64)
    found = vmap(f)(X, given=2.0, more={"name": "a", "scale": scale})
    assert_same(found, X * 2 * scale.reshape(2, 1))
