"""Numbers that do not fit, ties, and NumPy's warnings: refused, shared or kept quiet as in PyTorch. Expected values are its."""

from __future__ import annotations

import math
import os
import pickle
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest

import autograd as ag
import nn
from autograd._op import SILENT
from nn import functional as F
from tests.ops.test_every_op import DECLARED, SAMPLED, reals_of, run, trials


def leaf(values, dtype=ag.float64):
    return ag.tensor(values, dtype=dtype, requires_grad=True)


# ------------------------------------------------------------------ numbers beyond a dtype's range

TOO_LARGE = {
    "tensor": lambda: ag.tensor(300, dtype=ag.uint8), "tensor of a list": lambda: ag.tensor([1, [300][0]], dtype=ag.uint8),
    "below": lambda: ag.tensor(-256, dtype=ag.uint8), "signed": lambda: ag.tensor(200, dtype=ag.int8), "wide": lambda: ag.tensor(2**40, dtype=ag.int32),
    "float": lambda: ag.tensor(1e30, dtype=ag.int64), "nan": lambda: ag.tensor(math.nan, dtype=ag.int64), "inf": lambda: ag.tensor([math.inf], dtype=ag.int32),
    "NumPy's": lambda: ag.tensor(np.int64(300), dtype=ag.uint8), "as_tensor": lambda: ag.as_tensor([300], dtype=ag.uint8),
    "new_tensor": lambda: ag.zeros(1, dtype=ag.uint8).new_tensor([300]), "full": lambda: ag.full((2,), 300, dtype=ag.uint8),
    "full_like": lambda: ag.full_like(ag.zeros(1, dtype=ag.uint8), 300), "fill_": lambda: ag.zeros(2, dtype=ag.uint8).fill_(300),
    "assignment": lambda: ag.zeros(2, dtype=ag.uint8).__setitem__(0, 300), "where": lambda: ag.where(ag.tensor([True]), ag.zeros(1, dtype=ag.uint8), 300),
    "masked_fill": lambda: ag.zeros(2, dtype=ag.uint8).masked_fill(ag.tensor([True, False]), 300),
    "float32 full": lambda: ag.full((1,), 1e40), "float32 fill_": lambda: ag.zeros(2).fill_(-1e40),
    "float32 assignment": lambda: ag.zeros(2).__setitem__(0, 1e40),
    "float32 where": lambda: ag.where(ag.tensor([True]), ag.zeros(1), 1e40), "half fill_": lambda: ag.zeros(2, dtype=ag.float16).fill_(1e6),
    "half masked_fill": lambda: ag.zeros(2, dtype=ag.float16).masked_fill(ag.tensor([True, False]), -1e9),
}  # fmt: skip


@pytest.mark.parametrize("name", TOO_LARGE)
def test_a_number_beyond_the_dtype_is_refused(name):
    with pytest.raises(RuntimeError, match=r"value cannot be converted to type \w+ without overflow"):
        TOO_LARGE[name]()


def test_what_wraps_or_is_infinite_in_pytorch_does_here():
    assert ag.tensor([-1, -255, 255], dtype=ag.uint8).tolist() == [255, 1, 255]
    assert ag.tensor(np.array([300]), dtype=ag.uint8).tolist() == [44]
    assert ag.tensor([300, -1]).to(ag.uint8).tolist() == [44, 255]
    assert ag.tensor(2.7, dtype=ag.int64).item() == 2
    assert ag.tensor([], dtype=ag.uint8).shape == (0,)
    assert (ag.zeros(1, dtype=ag.uint8) + 300).tolist() == [44]
    assert ag.tensor(1e40).item() == math.inf == ag.tensor(1e6, dtype=ag.float16).item()
    assert ag.full((1,), 1e6, dtype=ag.float16).item() == math.inf
    assert ag.zeros(2).fill_(-math.inf).tolist() == [-math.inf] * 2
    assert (ag.zeros(1) + 1e40).tolist() == [math.inf]


def test_a_refused_number_changes_nothing():
    t = ag.ones(2, dtype=ag.uint8)
    for change in (lambda: t.fill_(300), lambda: t.__setitem__(0, 300), lambda: t.masked_fill_(t > 0, 300)):
        with pytest.raises(RuntimeError, match="without overflow"):
            change()
    assert t.tolist() == [1, 1]
    assert t._version == 0


@pytest.mark.parametrize("f", [lambda x, d: x.sum(d), lambda x, d: x.mean(dim=d), lambda x, d: x.amax(d), lambda x, d: x.prod(d),
                               lambda x, d: x.cumsum(d), lambda x, d: ag.softmax(x, d)])  # fmt: skip
def test_a_truth_value_is_no_dimension(f):
    """`x.sum(True)` is meant for keepdim, and would sum over axis 1."""
    for dim in (True, False, np.True_):
        with pytest.raises(TypeError, match="argument 'dim' must be int"):
            f(ag.ones(2, 3), dim)


# ------------------------------------------------------------------ ties

TIED = [[3.0, 1.0, 3.0, 1.0], [2.0, 2.0, 2.0, 2.0]]


@pytest.mark.parametrize(("f", "expected"), [
    (lambda m: m.median(1)[0].sum(), [[0.0, 0.0, 0.0, 1.0], [0.0, 1.0, 0.0, 0.0]]),
    (lambda m: m.median(), [[0.0] * 4, [0.25] * 4]),
    (lambda m: m.nanmedian(), [[0.0] * 4, [0.25] * 4]),
    (lambda m: m.mode(1)[0].sum(), [[0.0, 0.0, 0.0, 1.0], [0.0, 0.0, 0.0, 1.0]]),
    (lambda m: m.amax((0, 1)), [[0.5, 0.0, 0.5, 0.0], [0.0] * 4]),
    (lambda m: m.max(), [[0.5, 0.0, 0.5, 0.0], [0.0] * 4]),
    (lambda m: m.aminmax(dim=1)[0].sum(), [[0.0, 0.5, 0.0, 0.5], [0.25] * 4]),
])  # fmt: skip
def test_ties_share_as_in_pytorch(f, expected):
    m = leaf(TIED)
    assert ag.grad(f(m), m)[0].tolist() == expected


def test_the_median_of_ties_names_one_of_them():
    values, indices = leaf(TIED).median(1)
    assert values.tolist() == [1.0, 2.0]
    assert [TIED[i][j] for i, j in enumerate(indices.tolist())] == [1.0, 2.0]


# ------------------------------------------------------------------ far apart


@pytest.mark.parametrize(("values", "expected"), [
    ([100.0, 200.0, 150.0, -300.0], [1.0, 1.5, -9.6437e-23, 0.0]),
    ([-200.0, -500.0, -100.0, -90.0], [3.0, 0.0, -0.999977, 0.499977]),
    ([1000.0, -1000.0, 3.0, 2.0], [2.5, 0.0, 0.0, 0.0]),
])  # fmt: skip
@pytest.mark.parametrize("dtype", [ag.float32, ag.float64])
def test_running_sums_of_exponentials_have_gradients_over_any_range(values, expected, dtype):
    x = leaf(values, dtype)
    x.logcumsumexp(0).backward(ag.tensor([1.0, 2.0, -1.0, 0.5], dtype=dtype))
    np.testing.assert_allclose(x.grad, expected, rtol=1e-4, atol=1e-30)


def test_a_product_with_an_infinite_factor():
    x = leaf([math.inf, 2.0, -3.0])
    x.prod().backward()
    assert x.grad.tolist() == [-6.0, -math.inf, math.inf]


# ------------------------------------------------------------------ gradients that overflowed

CHOOSING = {
    "max_pool2d": lambda x: F.max_pool2d(x, 2), "overlapping max_pool2d": lambda x: F.max_pool2d(x, 3, 1, 1),
    "max_unpool2d": lambda x: F.max_unpool2d(*F.max_pool2d(x, 2, return_indices=True), 2),
    "lerp": lambda x: x.lerp(x.detach(), 0.75), "lerp by a tensor": lambda x: x.detach().lerp(x, ag.tensor(0.75, dtype=x.dtype)),
    "scatter": lambda x: x.scatter(3, ag.zeros(1, 1, 2, 3, dtype=ag.int64), x[:, :, :2, :3] * 2), "amax": lambda x: x.amax(-1),
    "quantile": lambda x: x.quantile(0.5, dim=-1), "median": lambda x: x.median(-1).values, "clamp": lambda x: x.clamp(-0.5, 0.5),
}  # fmt: skip


@pytest.mark.parametrize("name", CHOOSING)
@pytest.mark.parametrize("value", [math.inf, math.nan])
def test_an_infinite_gradient_stays_where_it_belongs(name, value):
    x = ag.tensor(np.random.default_rng(0).standard_normal((1, 1, 4, 4)), requires_grad=True)
    y = CHOOSING[name](x)
    one = [ag.grad(y, x, weight, retain_graph=True)[0] for weight in _each(y, 1.0)]
    for weight, finite in zip(_each(y, value), one, strict=True):
        (found,) = ag.grad(y, x, weight, retain_graph=True)
        assert ag.equal(found.isfinite(), finite == 0)
        assert ag.equal(found.isnan(), (finite != 0) & math.isnan(value))


def _each(y, value):
    """Gradients of y that have `value` at one place each and 0 elsewhere."""
    for i in range(y.numel()):
        weight = ag.zeros(y.numel(), dtype=y.dtype)
        weight[i] = value
        yield weight.reshape(y.shape)


# ------------------------------------------------------------------ tensors without axes in scatter and gather

POINTS = {
    "scatter": (lambda s, v: s.scatter(0, ag.tensor(0), v), 5.0, [0.0, 1.0]),
    "scatter_add": (lambda s, v: s.scatter_add(0, ag.tensor(0), v), 7.0, [1.0, 1.0]),
    "scatter_reduce": (lambda s, v: s.scatter_reduce(0, ag.tensor(0), v, "prod"), 10.0, [5.0, 2.0]),
    "gather": (lambda s, v: s.gather(0, ag.tensor(0)) * v, 10.0, [5.0, 2.0]),
    "index_fill": (lambda s, v: s.index_fill(0, ag.tensor([0]), v), 5.0, [0.0, 1.0]),
    "index_copy": (lambda s, v: s.index_copy(0, ag.tensor([0]), v.reshape(1)), 5.0, [0.0, 1.0]),
    "take": (lambda s, v: s.take(ag.tensor([0, 0])) * v, [10.0, 10.0], [10.0, 4.0]),
    "masked_fill": (lambda s, v: s.masked_fill(ag.tensor(True), v), 5.0, [0.0, 1.0]),
    "index_select": (lambda s, v: s.index_select(0, ag.tensor([0])) * v, 10.0, [5.0, 2.0]),
    "unfold": (lambda s, v: s.unfold(0, 1, 1) * v, [10.0], [5.0, 2.0]),
}  # fmt: skip


@pytest.mark.parametrize("name", POINTS)
def test_a_tensor_without_axes_counts_as_one_of_length_one(name):
    f, value, slopes = POINTS[name]
    s, v = leaf(2.0), leaf(5.0)
    y = f(s, v)
    assert y.tolist() == value
    found = ag.grad(y.sum(), (s, v), allow_unused=True, materialize_grads=True)
    assert [g.tolist() for g in found] == slopes


def test_an_index_into_a_tensor_without_axes_is_checked():
    for f in (lambda s, i: s.scatter(0, i, s), lambda s, i: s.scatter_add(0, i, s)):
        with pytest.raises(RuntimeError, match="index 1 is out of bounds for dimension 0 with size 1"):
            f(ag.tensor(2.0), ag.tensor(1))


# ------------------------------------------------------------------ soft margins


def test_soft_margin_losses_and_their_shapes():
    x, t = leaf([[0.5, -1.0, 2.0], [1.5, 0.25, -0.75]]), ag.tensor([1.0, -1.0, 1.0], dtype=ag.float64)
    loss = F.soft_margin_loss(x, t)
    assert loss.item() == pytest.approx(0.5130817294120789)
    expected = [[-0.06292344629764557, 0.04482357203960419, -0.019867151975631714],
                [-0.03040425479412079, 0.09369608759880066, -0.11319645494222641]]  # fmt: skip
    np.testing.assert_allclose(ag.grad(loss, x)[0].tolist(), expected, atol=1e-6)
    assert F.soft_margin_loss(x, t, reduction="none").shape == (2, 3)
    with pytest.raises(
        RuntimeError, match=r"soft_margin_loss: output with shape \[3\] doesn't match the broadcast shape \[2, 3\]"
    ):
        F.soft_margin_loss(t, x)
    y = ag.tensor([[1.0, 0.0, 1.0], [0.0, 0.0, 1.0]], dtype=ag.float64)
    each = F.multilabel_soft_margin_loss(x, y, reduction="none")
    np.testing.assert_allclose(each.tolist(), [0.3047555685043335, 1.2214078903198242], rtol=1e-6)
    assert F.multilabel_soft_margin_loss(x[0], y[0], reduction="none").shape == ()


# ------------------------------------------------------------------ NumPy's warnings

SPECIAL = [0.0, -0.0, math.inf, -math.inf, math.nan, 1e308, -1e308, 1e-310, -1.0]


def spoiled(a, first):
    """An array of that shape with numbers at the edge."""
    values = [SPECIAL[(first + i) % len(SPECIAL)] for i in range(a.size)]
    with np.errstate(all="ignore"):
        return np.array(values).reshape(a.shape).astype(np.float32 if a.dtype.kind == "f" else a.dtype)


def everything(name, first):
    """The operation and its gradients, of both orders' passes, at the edge; what it refuses it refuses."""
    declared = DECLARED[name]
    for trial in trials(declared)[:3]:
        leaves = [leaf(spoiled(np.asarray(a), first), None) for a in reals_of(trial)]
        try:
            results = [t for t in run(declared, trial, leaves) if t.requires_grad]
            weights = [ag.ones_like(t) for t in results]
            for create in (False, True):
                if results:
                    ag.grad(results, leaves, weights, retain_graph=True, create_graph=create, allow_unused=True)
        except RuntimeWarning:
            raise
        except Exception:
            continue


@pytest.mark.parametrize("strict", [True, False])
def test_no_operation_lets_numpys_warnings_out(strict):
    """Neither under the filters that a program starts with, nor where warnings are errors."""
    leaks = []
    for name in SAMPLED:
        for first in (0, 4):
            with warnings.catch_warnings(record=True) as seen:
                if strict:
                    warnings.simplefilter("error")
                else:
                    warnings.resetwarnings()
                    warnings.simplefilter("always", RuntimeWarning)
                    warnings.filterwarnings("ignore", category=RuntimeWarning, module=SILENT)
                    warnings.simplefilter("ignore", UserWarning)
                try:
                    everything(name, first)
                except RuntimeWarning as error:
                    leaks.append((name, str(error)))
            leaks += [(name, str(w.message)) for w in seen if issubclass(w.category, RuntimeWarning)]
    assert sorted(set(leaks)) == []


def test_a_program_in_a_fresh_interpreter_is_silent(pytester, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(Path(ag.__file__).parents[1]))
    pytester.makepyfile(
        program="""
        import autograd as ag, nn.functional as F
        inf = float("inf")
        x = ag.tensor([0.0, inf, -inf, -1.0], requires_grad=True)
        for y in (x * 0.0, x * x, x / x, x - x, x.log(), x.sqrt(), x ** -1.5, x.cumsum(0), x.sum(), x.prod(), ag.fft.fft(x).abs(),
                  x.exp() * 1e30, F.softmax(x, 0), x.std(), x.mean(), x @ x, F.linear(x, x[None]), ag.outer(x, x), x.norm()):
            y.sum().backward(retain_graph=True)
        ag.full((1,), 1e6, dtype=ag.float16)
        ag.tensor([1e40])
        ag.zeros(0).mean()
        ag.ones(1).std()
        """
    )
    result = pytester.runpython("program.py")
    assert result.ret == 0
    assert "RuntimeWarning" not in result.stderr.str()


def test_only_programs_with_numbers_of_16_bits_pay_for_them():
    code = (
        "import autograd as ag\n"
        "from autograd import _node, _dtype\n"
        "x = ag.tensor([1.0, 2.0], requires_grad=True)\n"
        "(x * 3).sum().backward()\n"
        "assert x.dtype.itemsize == 4 and ag.float16.itemsize == 2 and not _node.Half.seen\n"
        "import numpy as np\n"
        "h = ag.tensor(np.ones(2, np.float16), requires_grad=True)\n"
        "(h * 1e-7).sum().backward()\n"
        "assert _node.Half.seen and (h.grad > 0).all() and h.grad.dtype == ag.float16\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, env={**os.environ, "PYTHONPATH": os.getcwd()})


def test_a_function_of_ones_own_gets_gradients_of_16_bits():
    class Twice(ag.Function):
        @staticmethod
        def forward(ctx, x):
            return x * 2

        @staticmethod
        def backward(ctx, g):
            seen.append(g.dtype)
            return g * 2

    seen, x = [], ag.ones(2, dtype=ag.float16, requires_grad=True)
    (Twice.apply(x) * 1e-7).sum().backward()
    assert seen == [ag.float16]
    assert (x.grad > 0).all()


@pytest.mark.parametrize("steps", [1, 2, 5])
def test_even_steps_move_with_their_ends(steps):
    ends, even = leaf([1.5, -0.5]).unbind(), np.linspace(1.5, -0.5, steps)
    assert ag.linspace(*ends, steps, dtype=ag.float64).tolist() == pytest.approx(even)
    assert ag.gradcheck(lambda a: ag.linspace(a[0], a[1], steps, dtype=ag.float64), leaf([1.5, -0.5]))
    assert ag.gradcheck(lambda b: ag.linspace(1.5, b, steps, dtype=ag.float64), leaf(-0.5))


def test_even_steps_have_one_dtype_whether_recorded_or_not():
    recorded, plain = leaf([1.0, 6.0]).unbind(), ag.tensor([1.0, 6.0], dtype=ag.float64).unbind()
    assert ag.linspace(*recorded, 3).dtype == ag.linspace(*plain, 3).dtype == ag.float32
    assert ag.linspace(*plain, 3, dtype=ag.int64).tolist() == [1, 3, 6]
    with pytest.raises(TypeError, match="its gradient would be lost"):
        ag.linspace(*recorded, 3, dtype=ag.int64)


# ------------------------------------------------------------------ arrays that were unpickled: NumPy gives them a dtype of their own


def unpickled(value):
    return pickle.loads(pickle.dumps(value))


FROM_ARRAY = {
    "tensor": ag.tensor, "as_tensor": ag.as_tensor, "from_numpy": ag.from_numpy, "a tensor": lambda a: unpickled(ag.tensor(a)),
    "a parameter": lambda a: unpickled(nn.Parameter(ag.tensor(a), requires_grad=False)), "left": lambda a: ag.zeros_like(ag.tensor(a)) + a,
    "right": lambda a: np.negative(a) * -ag.ones_like(ag.tensor(a)),
    "assigned": lambda a: setattr(t := ag.zeros_like(ag.tensor(a)), "data", ag.from_numpy(a)) or t,
}  # fmt: skip


@pytest.mark.parametrize("name", FROM_ARRAY)
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, np.complex64])
def test_unpickled_arrays_count_as_of_the_same_dtype(name, dtype):
    a = unpickled(np.array([1.5, -2.0], dtype))
    assert a.dtype is not np.dtype(dtype)  # or this tests nothing
    t = FROM_ARRAY[name](a)
    assert t.numpy().dtype is np.dtype(dtype)
    x = ag.tensor([1.0, 2.0], dtype=t.dtype, requires_grad=True)
    y = (x - t) * t
    y.abs().sum().backward()
    assert y.dtype == t.dtype == x.grad.dtype
    np.testing.assert_allclose(y.detach().numpy(), [-0.75, -8.0])


def test_an_unpickled_array_shares_its_memory():
    a = unpickled(np.zeros(2, np.float32))
    for t in (ag.from_numpy(a), ag.as_tensor(a)):
        a[0] += 1
        assert t.tolist() == a.tolist()
