"""NumPy's functions on Tensors: dispatched to our operations, differentiable, never silently losing a gradient."""

from __future__ import annotations

import numpy as np
import pytest

import autograd as ag

from .common import CANT, leaf

M = np.random.default_rng(1).uniform(0.2, 0.9, (3, 4))
S = np.random.default_rng(2).uniform(0.2, 0.9, (3, 3)) + 2 * np.eye(3)
FUNCTIONS = {
    "sum": lambda x: np.sum(x, axis=0),
    "sum all": np.sum,
    "sum keepdims": lambda x: np.sum(x, axis=(0, 1), keepdims=True),
    "prod": lambda x: np.prod(x, axis=1),
    "prod all": np.prod,
    "mean": lambda x: np.mean(x, 1),
    "std": np.std,
    "var": lambda x: np.var(x, axis=0, ddof=1),
    "max": lambda x: np.max(x, axis=1),
    "amin": np.amin,
    "ptp": lambda x: np.ptp(x, axis=0),
    "nansum": np.nansum,
    "sum where": lambda x: np.sum(x, axis=1, where=M > 0.5, initial=2.0),
    "prod where": lambda x: np.prod(x, axis=0, where=M > 0.5, initial=3.0),
    "max where": lambda x: np.max(x, axis=1, where=M > 0.5, initial=-1.0),
    "min initial": lambda x: np.min(x, axis=0, initial=0.5),
    "all where": lambda x: np.all(x > 0.5, axis=0, where=M > 0.5),
    "any where": lambda x: np.any(x > 0.5, where=M < 0.5),
    "nanmax": lambda x: np.nanmax(np.where(M > 0.8, np.nan, x), axis=0),
    "nanmin": lambda x: np.nanmin(np.where(M < 0.3, np.nan, x), axis=1),
    "nanprod": lambda x: np.nanprod(np.where(M > 0.8, np.nan, x), axis=1),
    "cumulative_sum": lambda x: np.cumulative_sum(x, axis=1, include_initial=True),
    "cumulative_prod": lambda x: np.cumulative_prod(x, axis=0),
    "cov": np.cov,
    "cov of columns": lambda x: np.cov(x, rowvar=False, ddof=0, aweights=np.arange(1.0, 4.0)),
    "cov of two": lambda x: np.cov(x[0], x[1]),
    "corrcoef": np.corrcoef,
    "append": lambda x: np.append(x, x * x, axis=0),
    "append flat": lambda x: np.append(x, [1.0, 2.0]),
    "block": lambda x: np.block([[x, x * 2], [np.ones((1, 4)), x[:1]]]),
    "block of vectors": lambda x: np.block([x[0], x[1, :2], 3.0]),
    "hsplit": lambda x: np.hsplit(x, 2)[1],
    "hsplit of a vector": lambda x: np.hsplit(x[0], 2)[1],
    "vsplit": lambda x: np.vsplit(x, [1])[1],
    "dsplit": lambda x: np.dsplit(x[None], [1])[0],
    "rollaxis": lambda x: np.rollaxis(x, 1),
    "select": lambda x: np.select([M > 0.7, M > 0.4], [x * x, -x], 0.5),
    "choose": lambda x: np.choose(np.array([[0, 1, 0, 1]]), [x, x * 2]),
    "compress": lambda x: np.compress([True, False, True, True], x, axis=1),
    "extract": lambda x: np.extract(M > 0.5, x),
    "delete": lambda x: np.delete(x, [1, 2], axis=1),
    "delete flat": lambda x: np.delete(x, slice(1, 4)),
    "interp": lambda x: np.interp(x, [0.1, 0.4, 1.0], [1.0, 3.0, 2.0]),
    "interp outside": lambda x: np.interp(x, [0.4, 0.6], [1.0, 3.0], left=-1.0),
    "interp of values": lambda x: np.interp([0.5, 1.5, 2.9, 7.0], np.arange(4.0), x[0]),
    "ediff1d": lambda x: np.ediff1d(x, to_begin=[9.0]),
    "diagflat": lambda x: np.diagflat(x[0], 1),
    "permute_dims": lambda x: np.permute_dims(x, (1, 0)),
    "resize": lambda x: np.resize(x, (3, 5)),
    "unique": np.unique,
    "unique_all": lambda x: np.unique_all(x).values,
    "polyval": lambda x: np.polyval(x[0], x[1]),
    "vander": lambda x: np.vander(x[0], 3),
    "convolve": lambda x: np.convolve(x[0], x[1, :2]),
    "convolve same": lambda x: np.convolve(x[0, :3], x[1], "same"),
    "convolve valid": lambda x: np.convolve(x[0], x[1, :3], "valid"),
    "correlate": lambda x: np.correlate(x[0], x[1, :3], "full"),
    "einsum of places": lambda x: np.einsum(x, [0, 1], x, [2, 1], [2, 0]),
    "einsum of places without result": lambda x: np.einsum(x, [0, 1], x, [0, 1]),
    "lstsq": lambda x: np.linalg.lstsq(np.transpose(x), np.arange(4.0), rcond=None)[0],
    "multi_dot": lambda x: np.linalg.multi_dot([x, np.transpose(x), x]),
    "clip by floats of whole numbers": lambda x: np.clip(np.array([0, 1, 5]) + 0 * x[0, :3].astype(int), 0.5, 2.5),
    "linspace of arrays": lambda x: np.linspace(x, 2.0, 3, endpoint=False),
    "linspace along an axis": lambda x: np.linspace(0.0, x, 3, axis=-1),
    "angle in degrees": lambda x: np.angle(x * 1j, deg=True),
    "nan_to_num of a value": lambda x: np.nan_to_num(np.where(M > 0.8, np.nan, x), True, 7.0),
    "nan_to_num copy": lambda x: np.nan_to_num(x, copy=False, posinf=1.0),
    "roll by several": lambda x: np.roll(x, [1, 2], axis=(0, 1)),
    "roll flat by several": lambda x: np.roll(x, (1, 2)),
    "roll all by one": lambda x: np.roll(x, 1, axis=(0, 1)),
    "delete at a tensor": lambda x: np.delete(x, x[0, :1].astype(int), axis=1),
    "trapezoid over a list": lambda x: np.trapezoid(x, [0.0, 1.0, 3.0, 4.0], axis=1),
    "cross along the first": lambda x: np.cross(x, x[:, 0], axis=0),
    "cross along others": lambda x: np.cross(x, x[:, 1] * x[:, 2], axisa=0, axisb=0, axisc=0),
    "linalg.cross": lambda x: np.linalg.cross(x, x[:, 0], axis=0),
    "linalg.vecdot along the first": lambda x: np.linalg.vecdot(x, x[:, 0], axis=0),
    "tril of a vector": lambda x: np.tril(x[0]),
    "triu of a vector": lambda x: np.triu(x[1], 1),
    "convolve with a number": lambda x: np.convolve(x[0], 2.0),
    "quantiles": lambda x: np.quantile(x, [[0.1, 0.4], [0.5, 0.9]], axis=0),
    "quantile over axes": lambda x: np.quantile(x, 0.25, axis=(0, 1), keepdims=True),
    "quantiles kept": lambda x: np.percentile(x, [10, 60], axis=1, keepdims=True),
    "median over axes": lambda x: np.median(x[None], axis=(0, 2)),
    "digitize": lambda x: np.digitize(x, [0.3, 0.6]),
    "argwhere": lambda x: np.argwhere(x > 0.5),
    "flatnonzero": lambda x: np.flatnonzero(x > 0.5),
    "nanmean": lambda x: np.nanmean(x, axis=0),
    "median": np.median,
    "quantile": lambda x: np.quantile(x, 0.3, axis=1),
    "percentile": lambda x: np.percentile(x, 30),
    "average": lambda x: np.average(x, axis=1, weights=np.arange(1.0, 5.0)),
    "average all": np.average,
    "average of weights": lambda x: np.average(x, weights=x),
    "cumsum": np.cumsum,
    "cumsum axis": lambda x: np.cumsum(x, axis=0),
    "cumprod": lambda x: np.cumprod(x, axis=1),
    "reshape": lambda x: np.reshape(x, (2, 6)),
    "reshape -1": lambda x: np.reshape(x, -1),
    "reshape F": lambda x: np.reshape(x, (2, 6), order="F"),
    "ravel": np.ravel,
    "transpose": np.transpose,
    "transpose axes": lambda x: np.transpose(x, (1, 0)),
    "swapaxes": lambda x: np.swapaxes(x, 0, 1),
    "moveaxis": lambda x: np.moveaxis(x, 0, -1),
    "expand_dims": lambda x: np.expand_dims(x, (0, 2)),
    "squeeze": lambda x: np.squeeze(np.expand_dims(x, 0)),
    "squeeze axis": lambda x: np.squeeze(x[:1], axis=0),
    "concatenate": lambda x: np.concatenate([x, M], axis=1),
    "concatenate flat": lambda x: np.concatenate([x, x * x], axis=None),
    "stack": lambda x: np.stack([x, x], axis=-1),
    "vstack": lambda x: np.vstack([x, x[0:1]]),
    "hstack": lambda x: np.hstack([x, x]),
    "dstack": lambda x: np.dstack([x, x]),
    "column_stack": lambda x: np.column_stack([x, x]),
    "split": lambda x: np.split(x, 2, axis=1)[1],
    "split at": lambda x: np.split(x, [1, 3], axis=1)[1],
    "roll": lambda x: np.roll(x, 1, axis=0),
    "flip": np.flip,
    "fliplr": np.fliplr,
    "flipud": np.flipud,
    "rot90": np.rot90,
    "repeat": lambda x: np.repeat(x, 2, axis=1),
    "tile": lambda x: np.tile(x, 2),
    "broadcast_to": lambda x: np.broadcast_to(x, (2, 3, 4)),
    "broadcast_arrays": lambda x: np.broadcast_arrays(x, M[0])[0],
    "pad": lambda x: np.pad(x, ((1, 0), (0, 2)), constant_values=1.5),
    "atleast_3d": np.atleast_3d,
    "copy": np.copy,
    "where": lambda x: np.where(M > 0.5, x, 0.0),
    "clip": lambda x: np.clip(x, 0.3, 0.7),
    "clip one": lambda x: np.clip(x, None, 0.7),
    "take": lambda x: np.take(x, [0, 2, 2], axis=0),
    "take_along_axis": lambda x: np.take_along_axis(x, np.argsort(M, axis=1), axis=1),
    "sort": np.sort,
    "diff": np.diff,
    "trapezoid": np.trapezoid,
    "trapezoid x": lambda x: np.trapezoid(x, M.cumsum(1)),
    "gradient": lambda x: np.gradient(x, axis=1),
    "dot": lambda x: np.dot(x, M.T),
    "dot vector": lambda x: np.dot(M[0], x[0]),
    "dot number": lambda x: np.dot(x, 2.0),
    "inner": lambda x: np.inner(x, M),
    "vdot": lambda x: np.vdot(x, M),
    "outer": lambda x: np.outer(x[0], M[:, 0]),
    "tensordot": lambda x: np.tensordot(x, M, axes=([0, 1], [0, 1])),
    "einsum": lambda x: np.einsum("ij,kj->ik", x, M),
    "kron": lambda x: np.kron(x, M[:2, :2]),
    "cross": lambda x: np.cross(x[:, :3], M[:, :3]),
    "trace": np.trace,
    "diagonal": np.diagonal,
    "diag": np.diag,
    "tril": np.tril,
    "triu": lambda x: np.triu(x, 1),
    "real": np.real,
    "nan_to_num": np.nan_to_num,
    "sinc": np.sinc,
    "round": np.round,
    "matrix_transpose": np.matrix_transpose,
    "meshgrid": lambda x: np.meshgrid(x[0], M[0])[0],
    "norm": np.linalg.norm,
    "norm axis": lambda x: np.linalg.norm(x, axis=1),
    "linspace": lambda x: np.linspace(x[0, 0], 2.0, 5),
    "count": np.count_nonzero,
    "argmax": lambda x: np.argmax(x, axis=1),
    "argmin": np.argmin,
    "all": np.all,
    "any": lambda x: np.any(x, axis=0),
    "isclose": lambda x: np.isclose(x, M),
    "nonzero": lambda x: np.nonzero(x)[1],
    "searchsorted": lambda x: np.searchsorted(np.array([0.3, 0.6]), x),
    "isin": lambda x: np.isin(x, M[0]),
    "where one": lambda x: np.where(x > 0.5)[0],
    "zeros_like": np.zeros_like,
    "ones_like": lambda x: np.ones_like(x, dtype=np.float32),
    "full_like": lambda x: np.full_like(x, 3.0, shape=2),
}
LINALG = {
    "inv": np.linalg.inv,
    "det": np.linalg.det,
    "slogdet": lambda x: np.linalg.slogdet(x)[1],
    "solve": lambda x: np.linalg.solve(x, M),
    "cholesky": lambda x: np.linalg.cholesky(x @ x.T),
    "eigvalsh": lambda x: np.linalg.eigvalsh(x + x.T),
    "svd": lambda x: np.linalg.svd(x)[1],
    "eigh": lambda x: np.linalg.eigh(x + x.T).eigenvalues,
    "svdvals": np.linalg.svdvals,
    "pinv": np.linalg.pinv,
    "matrix_power": lambda x: np.linalg.matrix_power(x, 3),
    "svd values": lambda x: np.linalg.svd(x, compute_uv=False),
    "qr": lambda x: np.abs(np.linalg.qr(x)[1]),
    "matrix_norm": np.linalg.matrix_norm,
    "norm nuc": lambda x: np.linalg.norm(x, "nuc"),
    "trace": np.linalg.trace,
    "outer": lambda x: np.linalg.outer(x[0], x[1]),
    "rank": np.linalg.matrix_rank,
    "fft": lambda x: np.abs(np.fft.fft(x, axis=0)),
    "rfft": lambda x: np.abs(np.fft.rfft(x, n=4)),
    "fft2": lambda x: np.real(np.fft.fft2(x)),
    "irfft": lambda x: np.fft.irfft(np.fft.rfft(x), n=3),
    "fftshift": lambda x: np.fft.fftshift(x, axes=0),
    "ifftn": lambda x: np.real(np.fft.ifftn(x, axes=(0,))),
    "hfft": lambda x: np.fft.hfft(x),
}


def check_function(f, array):
    expected, found = f(array), f(ag.tensor(array))
    assert isinstance(found, ag.Tensor)
    np.testing.assert_allclose(found.numpy(), expected, rtol=1e-9, atol=1e-12)
    assert found.numpy().shape == np.shape(expected)
    x = ag.tensor(array, requires_grad=True)
    if found.dtype.is_floating_point and f(x).requires_grad:
        assert ag.gradcheck(f, (x,), atol=1e-5)
    return f(x).requires_grad


WITHOUT_GRADIENT = {
    "count", "argmax", "argmin", "all", "any", "isclose", "nonzero", "searchsorted", "isin", "where one", "zeros_like",
    "ones_like", "full_like", "rank", "all where", "any where", "digitize", "argwhere", "flatnonzero",
    "clip by floats of whole numbers",
}  # fmt: skip


@pytest.mark.parametrize("name", FUNCTIONS)
def test_array_function(name):
    assert check_function(FUNCTIONS[name], M) == (name not in WITHOUT_GRADIENT)


@pytest.mark.parametrize("name", LINALG)
def test_linear_algebra_and_fourier(name):
    assert check_function(LINALG[name], S) == (name not in WITHOUT_GRADIENT)


def test_dtypes_asked_for():
    t = leaf(2, 3)
    for f in (np.sum, np.prod, np.mean, np.nansum, np.nanmean, np.cumsum, np.std):
        assert f(t, dtype=np.float32).dtype is ag.float32


def test_facts_about_tracked_tensors():
    t = leaf(2, 3)
    assert np.shape(t) == (2, 3)
    assert np.ndim(t) == 2
    assert np.size(t) == 6
    assert np.size(t, 1) == 3
    assert not np.iscomplexobj(t)
    assert np.isrealobj(t)
    assert np.allclose(t, t)
    assert np.array_equal(t, t)
    assert np.result_type(t, np.float32) == np.float64
    assert "[" in np.array2string(t)
    assert t.size() == (2, 3)
    assert np.shares_memory(t, t)


def test_functions_without_a_counterpart():
    t = leaf(4)
    for f in (np.histogram, np.unwrap, np.bincount, np.asarray, np.array, lambda x: np.testing.assert_allclose(x, x)):
        with pytest.raises(RuntimeError, match=CANT):
            f(t)
    counts, _ = np.histogram(t.detach())
    assert isinstance(counts, np.ndarray)
    assert counts.sum() == 4
    with pytest.raises(RuntimeError, match=CANT):
        np.zeros(4)[:] = t
    with pytest.raises(RuntimeError, match=CANT):
        np.apply_along_axis(np.sum, 0, t)


def test_arguments_that_are_no_numbers():
    """Drawing libraries broadcast tensors with None and strings."""
    t = ag.arange(3.0)
    x, none = np.broadcast_arrays(t, None)
    assert x.tolist() == [0.0, 1.0, 2.0]
    assert none.tolist() == [None] * 3
    assert np.where(t > 1, "high", "low").tolist() == ["low", "low", "high"]
    with pytest.raises(RuntimeError, match=CANT):
        np.broadcast_arrays(leaf(2), None)


def test_options_no_operation_has():
    t = leaf(2, 2)
    for call, word in ((lambda: np.mean(t, where=np.ones(2, bool)), "where="),
                       (lambda: np.std(t, where=np.ones(2, bool)), "where="),
                       (lambda: np.average(t, returned=True), "returned="), (lambda: np.pad(t, 1, mode="wrap"), "mode="),
                       (lambda: np.interp(t, t, t, period=1.0), "period=")):  # fmt: skip
        with pytest.raises(TypeError, match=word):
            call()


def test_dtypes_are_accepted_by_numpy():
    for d in (ag.float16, ag.float32, ag.float64, ag.int8, ag.uint16, ag.int64, ag.bool, ag.complex64):
        assert np.zeros(3, dtype=d).dtype == np.dtype(d.name)
        assert np.dtype(d) == np.dtype(d.name)
        assert np.arange(3).astype(d).dtype == np.dtype(d.name)
        assert ag.zeros(2, dtype=np.dtype(d.name)).dtype is d


def test_results_are_written_where_asked():
    x, out = ag.tensor([1.0, 2.0, 3.0]), ag.zeros(())
    assert np.sum(x, out=out) is out
    assert out.item() == 6.0
