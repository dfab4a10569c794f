"""Sorting, looking up and adding at places, running sums: the quick forms of large arrays, against plain NumPy."""

import numpy as np
import pytest

import autograd
import nn.functional as F
from autograd.ops import index as index_
from autograd.ops import sort as sort_

pytestmark = pytest.mark.fast


def _drawn(shape, dtype=np.float32, seed=0):
    return np.random.default_rng(seed).standard_normal(shape).astype(dtype)


def _numbers(shape, below, seed=1):
    return np.random.default_rng(seed).integers(0, below, shape)


def _both(function, *arrays):
    """Results and gradients of function(*arrays), weighted, with and without the quick forms."""
    found = []
    for mode in (True, False):
        with autograd.fast_paths(mode):
            tensors = [autograd.tensor(a, requires_grad=a.dtype.kind == "f") for a in arrays]
            y = function(*tensors)
            (y * autograd.tensor(_drawn(tuple(y.shape), seed=9))).sum().backward()
            found.append([y.detach().numpy(), *(t.grad.numpy() for t in tensors if t.requires_grad)])
    return found


def _compare(function, *arrays, exact=False):
    for quick, plain in zip(*_both(function, *arrays), strict=True):
        assert quick.shape == plain.shape
        if exact:
            np.testing.assert_array_equal(quick, plain)
        else:
            np.testing.assert_allclose(quick, plain, rtol=2e-5, atol=2e-5)


# ------------------------------------------------------------------ sorting


def _awkward(shape):
    """Equals, zeros of both signs, infinities, and NaN of both signs."""
    x = np.round(_drawn(shape), 1)
    flat = x.reshape(-1)
    flat[::7], flat[3::31] = 0.0, -0.0
    flat[5::97], flat[11::89], flat[13::101] = np.inf, -np.inf, np.nan
    flat[17::103] = -np.float32(np.nan)
    return x


@pytest.mark.parametrize(("shape", "dim"), [((40, 100), 1), ((100, 40), 0), ((4, 70, 20), 1), ((5000,), 0)])
@pytest.mark.parametrize("descending", [False, True])
def test_sorting_by_keys(shape, dim, descending):
    x = _awkward(shape)
    assert sort_._quick(x, dim)
    with autograd.fast_paths(False):
        plain = sort_._ranks(x, dim, descending)
    np.testing.assert_array_equal(sort_._ranks(x, dim, descending), plain)
    values, order = autograd.sort(autograd.tensor(x), dim, descending)
    np.testing.assert_array_equal(order.numpy(), plain)
    np.testing.assert_array_equal(np.signbit(values.numpy()), np.signbit(np.take_along_axis(x, plain, dim)))


@pytest.mark.parametrize(("shape", "dim"), [((40, 100), 1), ((100, 40), 0), ((4, 70, 20), 1), ((5000,), 0)])
@pytest.mark.parametrize("largest", [True, False])
@pytest.mark.parametrize("made", [_drawn, _awkward])
def test_the_largest_by_the_value_of_the_last(shape, dim, largest, made):
    x = made(shape)
    for k in (1, 3, 8):
        found = autograd.topk(autograd.tensor(x), k, dim, largest)
        with autograd.fast_paths(False):
            plain = autograd.topk(autograd.tensor(x), k, dim, largest)
        np.testing.assert_array_equal(found.indices.numpy(), plain.indices.numpy())
        np.testing.assert_array_equal(found.values.numpy(), plain.values.numpy())


@pytest.mark.parametrize("largest", [True, False])
def test_the_largest_where_one_row_has_too_few_and_another_too_many(largest):
    x = np.arange(64 * 70, dtype=np.float32).reshape(64, 70)
    last = 69 if largest else 0
    x[3, last] = np.nan
    x[5, 30:40] = x[5, last]
    assert sort_._quick(x, 1)
    found = autograd.topk(autograd.tensor(x), 4, 1, largest).indices.numpy()
    with autograd.fast_paths(False):
        np.testing.assert_array_equal(found, autograd.topk(autograd.tensor(x), 4, 1, largest).indices.numpy())


# ------------------------------------------------------------------ places


@pytest.mark.parametrize(("shape", "chosen", "dim"), [
    ((6, 7), (6, 9), 1), ((6, 7), (5, 3), 1), ((6, 7), (11, 7), 0), ((6, 7), (4, 2), 0), ((9,), (20,), 0),
    ((3, 4, 5), (3, 4, 8), 2), ((3, 4, 5), (2, 9, 5), 1), ((3, 4, 5), (7, 4, 1), 0)])  # fmt: skip
@pytest.mark.parametrize("kind", [np.int64, np.int32])
def test_gathering_and_its_gradient_by_flat_places(shape, chosen, dim, kind):
    at = autograd.tensor(_numbers(chosen, shape[dim]).astype(kind))
    for x in (_drawn(shape), _drawn(shape, np.float64), _drawn(shape[::-1]).T):
        _compare(lambda t, x=x: t.gather(dim, at), x)


def test_places_beside_large_axes_are_not_remembered(monkeypatch):
    monkeypatch.setattr(index_, "_REMEMBERED", 2)
    index_._flat_beside.cache_clear()
    at = autograd.tensor(_numbers((3, 4, 5), 4))
    _compare(lambda t: t.gather(1, at), _drawn((3, 4, 5)))
    assert index_._flat_beside.cache_info().currsize == 0


@pytest.mark.parametrize("places", [
    (slice(None), np.array([3, -1, 0, 3, 2])), (slice(None), slice(None), np.array([[1, 1], [-2, 0]])),
    (np.array([0, 5, 5]), np.array([1, -1, 1])), (slice(None), np.array([], np.int64)), (slice(1, 4), np.array([0, 1, 1]))])  # fmt: skip
def test_indexing_along_an_axis_and_its_gradient(places, monkeypatch):
    monkeypatch.setattr(index_, "_LARGE", 1)
    for x in (_drawn((6, 4, 5)), _drawn((5, 4, 6)).T):
        _compare(lambda t: t[places], x)


def test_a_number_from_outside_is_refused_along_an_axis_too():
    with pytest.raises(IndexError, match=r"out of (bounds|range)"):
        autograd.tensor(_drawn((3, 4)))[:, autograd.tensor([1, 4])]


# ------------------------------------------------------------------ running sums


@pytest.mark.parametrize(("shape", "dim"), [
    ((7, 200), 0), ((3, 9, 130), 1), ((5, 64), 1), ((5, 100), -1), ((1000,), 0), ((2, 3, 97), 2), ((4, 70, 3), 1)])  # fmt: skip
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_running_sums(shape, dim, dtype):
    _compare(lambda t: t.cumsum(dim), _drawn(shape, dtype))


@pytest.mark.parametrize("bad", [np.inf, -np.inf, np.nan])
@pytest.mark.parametrize("at", [3, 50, 98])
def test_running_sums_are_infinite_only_from_there_on(bad, at):
    x = _drawn((3, 100))
    x[1, at] = bad
    sums = autograd.tensor(x).cumsum(1).numpy()
    np.testing.assert_allclose(sums, np.cumsum(x, axis=1), rtol=1e-4, atol=1e-4)
    assert np.isfinite(sums[1, :at]).all()


# ------------------------------------------------------------------ pixels


@pytest.mark.parametrize("size", [(150, 300), (149, 7), (1, 400), (140, 140)])
@pytest.mark.parametrize("mode", ["nearest", "bilinear", "nearest-exact"])
def test_pixels_that_many_are_made_of(size, mode):
    _compare(lambda t: F.interpolate(t, size, mode=mode), _drawn((2, 2, 7, 140)))


def test_batch_norm_of_rows():
    def normalised(t, w, b):
        return F.batch_norm(t, None, None, w, b, training=True)

    _compare(normalised, _drawn((300, 130)) + 3, _drawn((130,)), _drawn((130,)))
