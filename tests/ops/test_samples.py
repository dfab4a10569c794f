"""Corner cases of many families, each with the value PyTorch gives (recorded), found by comparing whole databases of samples."""

from __future__ import annotations

import math

import numpy as np
import pytest

import autograd
import nn.functional as F
from autograd import tensor

INF = math.inf
# Recorded from PyTorch 2.13.
PIXELS = {
    "bilinear": [[[[3, 152, 161, 25], [8, 35, 112, 213]]]],
    "bicubic": [[[[68, 65], [67, 95], [35, 154], [0, 201]]]],
}
CHOLESKY = {
    "solve": ([[-0.2777777777777778, -0.5], [0.11111111111111105, 2.3333333333333335]], [[0.5], [-1.0]]),
    "inverse": [[-0.25, -1.1111111111111112], [-0.8958333333333334, 0.31481481481481477]],
}


def close(t, expected, **options):
    np.testing.assert_allclose(t.detach().numpy(), np.asarray(expected), rtol=1e-6, **options)


def same(t, expected, dtype=None):
    assert t.tolist() == expected
    assert dtype is None or t.dtype is dtype


# ---------------------------------------------------------------------------------------------- complex numbers


def test_logsumexp_of_complex_numbers_over_an_axis():
    z = tensor([[1 + 2j, 0.5 - 1j], [300 + 1j, 301 - 1j]], dtype=autograd.complex128, requires_grad=True)
    out = z.logsumexp(1, keepdim=True)
    assert out.shape == (2, 1)
    np.testing.assert_allclose(np.exp(out.detach().numpy()[0, 0]), np.exp(z.detach().numpy()[0]).sum(), rtol=1e-12)
    assert abs(out[1, 0].item().real - 301) < 1
    assert autograd.gradcheck(lambda z: z.logsumexp(1), (z,))


def test_logaddexp_and_logcumsumexp_of_complex_numbers():
    x = tensor([1 + 2j, 900 - 1j, -2j], dtype=autograd.complex128, requires_grad=True)
    y = tensor([0.5 - 1j, 901 + 1j, 1 + 0j], dtype=autograd.complex128, requires_grad=True)
    out = autograd.logaddexp(x, y)
    a, b = x.detach().numpy()[::2], y.detach().numpy()[::2]
    np.testing.assert_allclose(np.exp(out.detach().numpy()[::2]), np.exp(a) + np.exp(b), rtol=1e-12)
    assert math.isfinite(out[1].item().real)
    assert autograd.gradcheck(autograd.logaddexp, (x, y))
    small = tensor([1 + 2j, 0.3 - 1j, -2j], dtype=autograd.complex128, requires_grad=True)
    scan = small.logcumsumexp(0)
    np.testing.assert_allclose(np.exp(scan.detach().numpy()), np.cumsum(np.exp(small.detach().numpy())), rtol=1e-12)
    assert autograd.gradcheck(lambda z: z.logcumsumexp(0), (small,))


def test_resolving_leaves_the_values_alone():
    z = tensor([1 + 2j])
    assert z.resolve_conj().tolist() == [1 + 2j]
    assert autograd.resolve_neg(z).tolist() == [1 + 2j]


# ---------------------------------------------------------------------------------------------- ranges


def test_ranges_of_integers_between_fractions():
    same(autograd.arange(0.5, 3.7, 1.9, dtype=autograd.int64), [0, 1, 2])
    same(autograd.arange(0.5, 3.7, 1.9, dtype=autograd.int16), [0, 1])
    same(autograd.arange(0.1, -7.9, -4.0, dtype=autograd.int64), [0, -4])
    same(autograd.linspace(4.3, -3, 50, dtype=autograd.int64)[:8], [4, 3, 3, 3, 3, 3, 3, 3])
    same(autograd.logspace(0, 1.2, 2, dtype=autograd.int64), [1, 10])


@pytest.mark.parametrize(
    ("call", "error", "phrase"),
    [
        (lambda: autograd.arange(0, INF), RuntimeError, "unsupported range: 0 -> inf"),
        (lambda: autograd.arange(0, 64, 0.5, dtype=autograd.int64), ValueError, "step must be nonzero"),
        (lambda: autograd.empty_permuted((2, 3), (0, 0)), RuntimeError, "physical_layout"),
        (lambda: autograd.cat([]), ValueError, "expected a non-empty list of Tensors"),
        (lambda: autograd.hstack([]), RuntimeError, "hstack expects a non-empty TensorList"),
        (lambda: tensor(1).unbind(), IndexError, "tensor has no dimensions"),
        (lambda: tensor(1.0).roll(0, 0), IndexError, "tensor has no dimensions"),
        (lambda: tensor([1.0]).roll(()), RuntimeError, "`shifts` required"),
        (lambda: tensor([[1.0]]).rot90(dims=[0]), RuntimeError, "expected total rotation dims == 2"),
        (lambda: tensor([1.0]).rot90(), RuntimeError, "expected total dims >= 2"),
        (lambda: tensor([1.0]).diff(-1), RuntimeError, "order must be non-negative but got -1"),
        (lambda: tensor(1.0).narrow(0, 0, 1), RuntimeError, "cannot be applied to a 0-dim tensor"),
        (lambda: tensor([1.0]).narrow(0, tensor([0]), 1), RuntimeError, "start must be an 0-dim integral Tensor"),
        (lambda: tensor([1.0]).isclose(tensor([1.0]), rtol=-0.4), RuntimeError, "rtol must be greater than or equal"),
        (lambda: tensor([1.0]).mean(dtype=autograd.int64), RuntimeError, "Optional dtype must be either a floating"),
        (lambda: tensor([1.0]).masked_fill(tensor(True), 1j), RuntimeError, "without overflow"),
        (lambda: autograd.zeros(5, 0).amax(), RuntimeError, "numel"),
        (lambda: autograd.zeros(2, 2).gather(1, tensor([[2, 0]])), RuntimeError, "index 2 is out of bounds"),
        (
            lambda: autograd.zeros(2, 2).scatter_add(0, tensor([[2]]), autograd.ones(1, 1)),
            RuntimeError,
            "out of bounds",
        ),
        (
            lambda: autograd.zeros(3, 5).scatter(0, tensor([[0]]), autograd.ones(2, 5, 2)),
            RuntimeError,
            "same number of dimensions as src",
        ),
        (lambda: autograd.heaviside(tensor([1]), tensor([1.0])), RuntimeError, "different dtypes"),
        (
            lambda: tensor([[1, 2]]).addr(tensor([1]), tensor([1, 1]), beta=0.5),
            RuntimeError,
            "beta must not be a float",
        ),
        (lambda: tensor([[1.0, 2.0]]).cov(fweights=tensor([1.0, 2.0])), RuntimeError, "fweights to have integral"),
        (lambda: autograd.histogramdd(autograd.ones(5, 6), [1]), RuntimeError, "size of bins must be equal"),
        (lambda: autograd.full((2,), 300, dtype=autograd.uint8), RuntimeError, "uint8 without overflow: 300"),
    ],
)
def test_refusals(call, error, phrase):
    with pytest.raises(error, match=phrase):
        call()


# ---------------------------------------------------------------------------------------------- integers and bools


def test_integers_keep_their_dtype():
    image = tensor([[[-3, 0, 1], [1, 2, 2], [1, 1, 1]]])
    same(F.avg_pool2d(image, 2), [[[0]]], autograd.int64)
    same(F.avg_pool1d(image[0], 2), [[-1], [1], [1]], autograd.int64)
    same(F.hardtanh(tensor([-3, 0, 1, 4]), -1.5, 2.7), [-1, 0, 1, 2], autograd.int64)
    same(autograd.heaviside(tensor([1, 0, -1]), tensor([3])), [1, 3, 0], autograd.int64)
    same(autograd.einsum("i,i->", tensor([1, 200], dtype=autograd.uint8), tensor([1, 200], dtype=autograd.uint8)), 65)
    same(
        tensor([3], dtype=autograd.int32).index_add(0, tensor([0]), tensor([4], dtype=autograd.int32)),
        [7],
        autograd.int32,
    )
    mean = tensor([[1, 1]], dtype=autograd.int32).scatter_reduce(
        0, tensor([[0, 0]]), tensor([[4, 6]], dtype=autograd.int32), "mean"
    )
    same(mean, [[2, 3]], autograd.int32)
    whole = autograd.ones(2, 2, dtype=autograd.int64)
    same(autograd.addmm(whole, whole, whole, beta=0.2, alpha=1.6), [[2, 2], [2, 2]], autograd.int64)
    same(autograd.copysign(tensor([1, 0, -1]), tensor([3])), [1.0, 0.0, 1.0], autograd.float32)
    assert (
        autograd.trapezoid(tensor([1, 200], dtype=autograd.uint8), tensor([0, 3], dtype=autograd.uint8)).item() == 45.5
    )


def test_bools():
    same(autograd.square(tensor([True, False])), [1, 0], autograd.int64)
    bits = tensor([[True, False], [False, False]])
    same(bits.scatter_reduce(0, tensor([[1, 1]]), tensor([[True, False]]), "amax"), [[True, False], [True, False]])
    same(tensor(True).scatter_add(0, tensor(0), tensor(True)), True, autograd.bool)


def test_numbers_beyond_a_small_integer_dtype_wrap():
    u = tensor([1, 200], dtype=autograd.uint8)
    same(u + 300, [45, 244], autograd.uint8)
    same(u * -3, [253, 168])
    same(autograd.add(u, u, alpha=-3), [254, 112])
    same(tensor([100], dtype=autograd.int8) + 1000, [76])
    same(autograd.full_like(u, -9), [247, 247])
    same(u.clone().fill_(-3), [253, 253])
    same(u.masked_fill(tensor([True, False]), -3), [253, 200])


def test_pixels_of_one_byte_are_rounded_after_each_axis():
    image = tensor([[[[0, 255, 3], [10, 200, 90], [7, 1, 254]]]], dtype=autograd.uint8)
    same(
        F.interpolate(image, (2, 4), mode="bilinear"),
        PIXELS["bilinear"],
        autograd.uint8,
    )
    same(F.interpolate(image, (4, 2), mode="bicubic"), PIXELS["bicubic"])


# ---------------------------------------------------------------------------------------------- no shared memory


@pytest.mark.parametrize("name", ["cumsum", "cumprod", "logcumsumexp", "cummax", "cummin", "sort", "max", "min"])
def test_a_number_is_copied(name):
    x = tensor(2.0)
    out = getattr(x, name)(0)
    out = out if isinstance(out, autograd.Tensor) else out.values
    out.add_(1)
    assert x.item() == 2.0


def test_copies_where_pytorch_copies():
    whole = tensor([1, 2])
    for name in ("floor", "ceil", "trunc", "round"):
        getattr(whole, name)().add_(1)
    assert whole.tolist() == [1, 2]
    x = autograd.zeros(2, 2)
    x.to("cpu", autograd.float32, False, True).add_(1)
    F.pixel_shuffle(x.view(1, 2, 2), 1).add_(1)
    x.t().ravel().add_(1)
    assert x.sum().item() == 0


# ---------------------------------------------------------------------------------------------- triangles never read


def test_cholesky_solve_differentiates_as_if_it_read_all_of_the_factor():
    L = tensor([[2.0, 0.0], [0.5, 1.5]], dtype=autograd.float64, requires_grad=True)
    b = tensor([[1.0], [2.0]], dtype=autograd.float64, requires_grad=True)
    out = autograd.cholesky_solve(b, L)
    out.backward(tensor([[1.0], [-2.0]], dtype=autograd.float64))
    close(L.grad, CHOLESKY["solve"][0])
    close(b.grad, CHOLESKY["solve"][1])
    L.grad = None
    autograd.cholesky_inverse(L, upper=True).backward(tensor([[1.0, 2.0], [3.0, -1.0]], dtype=autograd.float64))
    close(L.grad, CHOLESKY["inverse"])


# ---------------------------------------------------------------------------------------------- histograms


def test_histogramdd_counts_points_on_a_grid():
    points = tensor([[0.0, 1.0], [1.0, 1.0], [0.2, 0.9], [2.0, 5.0]])
    hist, edges = autograd.histogramdd(points, [2, 2], range=[0.0, 1.0, 0.0, 1.0])
    same(hist, [[0.0, 2.0], [0.0, 1.0]])
    same(edges[0], [0.0, 0.5, 1.0])
    density = autograd.histogramdd(points, [2, 2], range=[0.0, 1.0, 0.0, 1.0], density=True).hist
    close(density.sum() * 0.25, 1.0)


def test_slopes_of_integers_over_fractional_steps():
    (slopes,) = autograd.gradient(tensor([0, 1, 4]), spacing=2.5)
    close(slopes, [0.4, 0.8, 1.2])


@pytest.mark.parametrize("axes", [(), (1,)])
def test_complex_numbers_keep_the_parts_given(axes):
    """The sign of a zero and an infinity pass from the parts to the number."""

    def parts(z):
        return [(math.copysign(1.0, v), abs(v)) for v in (z.real.item(), z.imag.item())]

    def made(value):
        return tensor(value).reshape(axes)

    assert parts(autograd.complex(made(1.0), made(-0.0))) == [(1.0, 1.0), (-1.0, 0.0)]
    assert parts(autograd.complex(made(-0.0), made(-math.inf))) == [(-1.0, 0.0), (-1.0, math.inf)]
    assert parts(autograd.polar(made(2.0), made(-0.0))) == [(1.0, 2.0), (-1.0, 0.0)]


# ---------------------------------------------------------------------------------------------- spelling


def test_arguments_by_the_names_pytorch_gives_them():
    x = autograd.arange(8.0).reshape(4, 2)
    same(autograd.complex(real=tensor([1.0]), imag=tensor([2.0])), [1 + 2j])
    same(autograd.polar(abs=tensor([1.0]), angle=tensor([0.0])), [1 + 0j])
    same(autograd.heaviside(tensor([0.0]), values=tensor([0.5])), [0.5])
    assert [t.shape[0] for t in x.split(split_size=3)] == [3, 1]
    assert [t.shape[0] for t in autograd.split_with_sizes(x, split_sizes=[1, 3])] == [1, 3]
    assert len(x.tensor_split(sections=2)) == len(x.vsplit(sections=2)) == len(x.hsplit(indices=[1])) == 2
    assert x.swapaxes(axis0=0, axis1=1).shape == x.permute(dims=(1, 0)).shape == (2, 4)
    assert x.tile(dims=(2, 1)).shape == (8, 2)
    assert x[:1].expand(size=(3, 2)).shape == (3, 2)
    same(x.flip(dims=[0])[0], [6.0, 7.0])
    same(autograd.isin(elements=tensor([1, 2]), test_element=2), [False, True])
    assert autograd.promote_types(type1=autograd.int8, type2=autograd.float16) is autograd.float16
    assert x.to(other=tensor([1])).dtype is autograd.int64
    same(tensor([4.0]).__rdiv__(2), [0.5])


def test_results_in_memory_the_caller_gives():
    x = autograd.arange(4.0).reshape(2, 2)
    out = autograd.empty(0)
    assert autograd.norm(x, out=out) is out
    close(out, math.sqrt(14))
    assert autograd.tensordot(x, x, out=out) is out
    close(out, 14.0)


def test_norms_of_empty_matrices():
    empty = autograd.zeros(0, 3)
    for order in (1, 2, INF, "fro", "nuc"):
        assert autograd.linalg.matrix_norm(empty, order).item() == 0
    with pytest.raises(IndexError, match="amin"):
        autograd.linalg.matrix_norm(empty, -2)


def test_dtypes_of_results():
    """PyTorch's dtypes where NumPy's differ, numbers beside integers and 16-bit floats among them."""
    assert autograd.xlogy(tensor([1]), 2).dtype is autograd.float32
    assert autograd.ldexp(tensor([1.0]).half(), tensor([1])).dtype is autograd.float16
    assert autograd.result_type(tensor([1, 2]), 1.5) is autograd.float32
    assert autograd.result_type(tensor([1], dtype=autograd.int8), tensor(3)) is autograd.int8
    assert autograd.promote_types(autograd.float16, autograd.float64) is autograd.float64


def test_two_kinds_of_16_bit_floats_meet_in_float32():
    pytest.importorskip("ml_dtypes")
    assert autograd.promote_types(autograd.float16, autograd.bfloat16) is autograd.float32
    assert (tensor([1.0]).half() + tensor([1.0]).bfloat16()).dtype is autograd.float32


# ---------------------------------------------------------------------------------------------- near ties and zeros


@pytest.mark.parametrize("function", [autograd.logaddexp, autograd.logaddexp2])
def test_second_gradients_at_a_tie(function):
    x = tensor([1.0, -2.0, 0.3], dtype=autograd.float64, requires_grad=True)
    y = tensor([1.0, -2.0, 0.7], dtype=autograd.float64, requires_grad=True)
    assert autograd.gradgradcheck(function, (x, y))
    edge = tensor([INF, -INF, INF], requires_grad=True)
    function(edge, tensor([INF, -INF, 0.0])).sum().backward()
    same(edge.grad, [0.5, 0.5, 1.0])


def test_sinc_is_smooth_around_zero():
    x = tensor([0.0, 1e-30, 1e-9, 1e-4, -0.0095, 0.0096, 0.3], dtype=autograd.float64, requires_grad=True)
    (slope,) = autograd.grad(autograd.sinc(x).sum(), x, create_graph=True)
    (bend,) = autograd.grad(slope.sum(), x)
    t = math.pi * x.detach().numpy()[-1]
    close(slope[-1], math.pi * (math.cos(t) / t - math.sin(t) / t**2))
    close(slope[:4], -(math.pi**2) / 3 * x.detach().numpy()[:4])
    close(bend[:3], [-(math.pi**2) / 3] * 3)
    assert autograd.gradgradcheck(autograd.sinc, (x[3:].detach().requires_grad_(),))


def test_lerp_ends_at_its_end():
    a, b = tensor([1e8, 0.1, 3.0]), tensor([1.0, 0.3, -7.1])
    same(autograd.lerp(a, b, 1.0), b.tolist())
    same(autograd.lerp(a, b, tensor([1.0, 1.0, 1.0])), b.tolist())
    assert autograd.lerp(tensor(INF), tensor(1.0), 0.5).item() == INF
    close(autograd.lerp(tensor([1.0, 2.0]), tensor([2.0, 4.0]), tensor([0.25, 0.75])), [1.25, 3.5])
    same(tensor([-0.0, -1.0, 2.0]).angle() > 0, [False, True, False])
