"""Linear algebra and Fourier transforms of `autograd.array_api` against the reference."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import autograd as ag
import autograd.array_api as xp

from .reference import COMPLEX, FLOATS, NUMERIC, arrays, axes, compare, small

# ------------------------------------------------------------------ linear algebra and Fourier transforms


@given(data=st.data())
def test_products(data):
    n, m, k = (data.draw(st.integers(0, 3)) for _ in range(3))
    d = data.draw(st.sampled_from(NUMERIC))
    a, b = data.draw(arrays(d, (n, k), small)), data.draw(arrays(d, (k, m), small))
    compare("matmul", a, b)
    compare("matmul", a, np.stack([b, b]))
    compare("matmul", a, b[:, 0] if m else b)
    compare("tensordot", a, b, axes=1)
    compare("tensordot", a, a, axes=((1,), (1,)))
    compare("tensordot", a, b, axes=0)
    compare("vecdot", a, a, axis=-1)
    compare("matrix_transpose", a)
    compare("linalg.outer", a.reshape(-1), b.reshape(-1))
    compare("linalg.trace", a, offset=data.draw(st.integers(-2, 2)))
    compare("linalg.diagonal", a, offset=data.draw(st.integers(-2, 2)))


SQUARE = st.integers(0, 3).flatmap(lambda n: st.sampled_from(((n, n), (2, n, n), (0, n, n))))


@st.composite
def matrices(draw, shapes=SQUARE):
    shape, d = draw(shapes), draw(st.sampled_from((*FLOATS, *COMPLEX)))
    a = np.random.default_rng(draw(st.integers(0, 99))).normal(size=(2, *shape))
    return (a[0] + 1j * a[1] if np.dtype(d).kind == "c" else a[0]).astype(d)


@given(x=matrices(), p=st.integers(-2, 3))
def test_square_matrices(x, p):
    n = x.shape[-1]
    well = x + 4 * np.eye(n, dtype=x.dtype)
    compare("linalg.det", well, loose=100)
    compare("linalg.inv", well, loose=100)
    compare("linalg.slogdet", well, loose=100)
    compare("linalg.matrix_power", well, p, loose=1000)
    hermitian = (x + np.conj(np.swapaxes(x, -1, -2))) / 2
    compare("linalg.eigvalsh", hermitian, loose=100)
    compare("linalg.cholesky", hermitian + 9 * np.eye(n, dtype=x.dtype), loose=100)
    values, vectors = xp.linalg.eigh(ag.from_numpy(hermitian))
    np.testing.assert_allclose((vectors * values.unsqueeze(-2)) @ vectors.mH, hermitian, atol=1e-4)
    compare("linalg.solve", well, np.ones((*well.shape[:-1], 2), x.dtype), loose=100)
    compare("linalg.solve", well, np.ones(n, x.dtype), loose=100)


RECTANGLES = st.tuples(st.integers(1, 3), st.integers(1, 3)).flatmap(lambda s: st.sampled_from((s, (2, *s))))


@given(x=matrices(RECTANGLES), full=st.booleans(), keepdims=st.booleans())
def test_rectangular_matrices(x, full, keepdims):
    compare("linalg.svdvals", x, loose=100)
    compare("linalg.pinv", x, loose=1000)
    compare("linalg.matrix_rank", x)
    for order in ("fro", "nuc", 1, -1, 2, -2, math.inf, -math.inf):
        compare("linalg.matrix_norm", x, ord=order, keepdims=keepdims, loose=100)
    t = ag.from_numpy(x)
    u, s, vh = xp.linalg.svd(t, full_matrices=full)
    k = s.shape[-1]
    np.testing.assert_allclose((u[..., :k] * s.unsqueeze(-2)) @ vh[..., :k, :], x, atol=1e-4)
    q, r = xp.linalg.qr(t, mode="complete" if full else "reduced")
    np.testing.assert_allclose(q @ r, x, atol=1e-4)
    assert xp.linalg.svd(t)._fields == ("U", "S", "Vh")
    assert xp.linalg.qr(t)._fields == ("Q", "R")


@given(data=st.data())
def test_vector_norm_and_cross(data):
    x = data.draw(arrays((*FLOATS, *COMPLEX), values=small))
    order = data.draw(st.sampled_from((2, 1, 0, 3, math.inf, -math.inf, 0.5)))
    compare(
        "linalg.vector_norm", x, axis=data.draw(axes(x.ndim)), keepdims=data.draw(st.booleans()), ord=order, loose=10
    )
    a = data.draw(arrays(NUMERIC, (2, 3), small))
    b = data.draw(arrays(a.dtype.name, data.draw(st.sampled_from(((2, 3), (3,), (1, 3)))), small))
    compare("linalg.cross", a, b)


@pytest.mark.parametrize("name", ["fft", "ifft", "rfft", "irfft", "hfft", "ihfft"])
@given(data=st.data())
def test_fourier(name, data):
    kind = FLOATS if name in ("rfft", "ihfft") else (*FLOATS, *COMPLEX)
    x = data.draw(arrays(kind, hnp.array_shapes(min_dims=1, max_dims=3, min_side=2, max_side=5), small))
    options = {"axis": data.draw(st.integers(-x.ndim, x.ndim - 1)), "n": data.draw(st.sampled_from((None, 2, 3, 7)))}
    compare(f"fft.{name}", x, norm=data.draw(st.sampled_from(("backward", "ortho", "forward"))), loose=100, **options)


@pytest.mark.parametrize("name", ["fftn", "ifftn", "rfftn", "irfftn"])
@given(data=st.data())
def test_fourier_over_several_axes(name, data):
    x = data.draw(
        arrays(
            FLOATS if name == "rfftn" else COMPLEX,
            hnp.array_shapes(min_dims=2, max_dims=3, min_side=2, max_side=4),
            small,
        )
    )
    options = data.draw(st.sampled_from(({}, {"axes": (0,)}, {"axes": (-1, 0)}, {"s": (3, 4), "axes": (0, 1)})))
    compare(f"fft.{name}", x, loose=100, **options)


@given(data=st.data())
def test_frequencies(data):
    n = data.draw(st.integers(1, 9))
    for name in ("fft.fftfreq", "fft.rfftfreq"):
        compare(name, n, d=0.5, dtype=data.draw(st.sampled_from((ag.float32, ag.float64))))
    x = data.draw(arrays((*FLOATS, *COMPLEX), values=small))
    for name in ("fft.fftshift", "fft.ifftshift"):
        compare(name, x, axes=data.draw(axes(x.ndim)))
