"""Linear algebra: triangles read, gauges, singular matrices, subgradients, error texts, agreement with PyTorch."""

from __future__ import annotations

import math

import numpy as np
import pytest

import autograd
from autograd import gradcheck, gradgradcheck, linalg, tensor

RNG = np.random.default_rng(3)


def real(*shape):
    return tensor(RNG.standard_normal(shape), requires_grad=True)


def complex_(*shape):
    return tensor(RNG.standard_normal(shape) + 1j * RNG.standard_normal(shape), requires_grad=True)


def definite(a):
    return a @ a.mH + 2 * autograd.eye(a.shape[-1], dtype=autograd.float64)


def hermitian(a):
    return a + a.mH


def check_twice(function, *inputs):
    assert gradcheck(function, inputs)
    assert gradgradcheck(function, inputs, atol=1e-4)


# ---------------------------------------------------------------------------------------------- decompositions


@pytest.mark.parametrize("make", [real, complex_])
@pytest.mark.parametrize("upper", [False, True])
def test_cholesky_of_hermitian_matrices(make, upper):
    a = make(2, 3, 3)
    factor = linalg.cholesky(definite(a), upper=upper)
    product = factor.mH @ factor if upper else factor @ factor.mH
    np.testing.assert_allclose(product.detach().numpy(), definite(a).detach().numpy(), atol=1e-12)
    check_twice(lambda a: linalg.cholesky(definite(a), upper=upper), a)


def test_cholesky_reads_one_triangle():
    a = definite(real(3, 3)).detach()
    spoiled = a.clone()
    spoiled[0, 2] = 99.0
    assert autograd.equal(linalg.cholesky(spoiled), linalg.cholesky(a))
    assert autograd.equal(linalg.cholesky(spoiled.mT, upper=True), linalg.cholesky(a.mT, upper=True))


def test_cholesky_ex_reports_the_minor():
    bad = autograd.eye(3)
    bad[2, 2] = -1.0
    found = linalg.cholesky_ex(autograd.stack([autograd.eye(3), bad]))
    assert found.info.tolist() == [0, 3]
    assert autograd.equal(found.L[0], autograd.eye(3))
    with pytest.raises(
        linalg.LinAlgError, match=r"linalg.cholesky: \(Batch element 1\): .*leading minor of order 3 is not"
    ):
        linalg.cholesky(autograd.stack([autograd.eye(3), bad]))
    with pytest.raises(RuntimeError, match="not positive-definite"):
        linalg.cholesky_ex(bad, check_errors=True)


@pytest.mark.parametrize("make", [real, complex_])
@pytest.mark.parametrize("shape", [(3, 3), (4, 2), (2, 4), (2, 3, 2)])
def test_qr_svd_lu_put_the_matrix_together_again(make, shape):
    a = make(*shape).detach()
    Q, R = linalg.qr(a)
    U, S, Vh = linalg.svd(a, full_matrices=False)
    P, L, U2 = linalg.lu(a)
    for product in (Q @ R, (U * S[..., None, :]) @ Vh, P @ L @ U2):
        np.testing.assert_allclose(product.numpy(), a.numpy(), atol=1e-12)
    assert S.dtype == autograd.float64
    assert bool((S[..., :-1] >= S[..., 1:]).all())


def test_complex_gradients_that_do_not_depend_on_the_phase():
    check_twice(lambda a: linalg.eigh(hermitian(a))[1].abs(), complex_(3, 3))
    check_twice(lambda a: linalg.svd(a, full_matrices=False)[0].abs(), complex_(3, 2))
    check_twice(lambda a: (lambda U, S, Vh: U @ Vh)(*linalg.svd(a, full_matrices=False)), complex_(2, 3))
    check_twice(lambda a: linalg.eig(a)[1].abs(), real(3, 3))
    check_twice(lambda a: linalg.eigvals(a).abs().sort()[0], complex_(3, 3))
    check_twice(lambda a: linalg.lu_factor(a).LU, complex_(3, 2))


@pytest.mark.parametrize("UPLO", ["L", "U"])
def test_eigh_of_symmetric_matrices(UPLO):
    check_twice(lambda a: linalg.eigvalsh(hermitian(a), UPLO=UPLO), real(3, 3))
    check_twice(lambda a: linalg.eigh(hermitian(a), UPLO=UPLO)[1].abs(), real(2, 3, 3))


def test_a_loss_that_depends_on_the_phase_is_refused():
    a = complex_(3, 3)
    with pytest.raises(RuntimeError, match=r"specified up to multiplication by e\^\{i phi\}"):
        linalg.eigh(hermitian(a))[1][0, 0].imag.backward()
    with pytest.raises(RuntimeError, match="singular vectors in the complex case"):
        linalg.svd(a)[0][0, 0].imag.backward()
    with pytest.raises(RuntimeError, match="linalg_eig_backward"):
        linalg.eig(a)[1][0, 0].imag.backward()


def test_repeated_singular_values_have_gradients_of_their_own():
    a = autograd.eye(3, dtype=autograd.float64).requires_grad_()
    linalg.svdvals(a).sum().backward()
    np.testing.assert_allclose(a.grad.numpy(), np.eye(3), atol=1e-12)


def test_qr_modes():
    a = real(4, 2)
    Q, R = linalg.qr(a, mode="r")
    assert tuple(Q.shape) == (0,)
    assert tuple(R.shape) == (2, 2)
    with pytest.raises(RuntimeError, match="depends on Q, which is not computed when mode='r'"):
        R.sum().backward()
    Q, R = linalg.qr(a, mode="complete")
    assert tuple(Q.shape) == (4, 4)
    with pytest.raises(RuntimeError, match="not differentiable when mode='complete' and nrows > ncols"):
        Q.sum().backward()
    with pytest.raises(RuntimeError, match="qr received unrecognized mode 'thin'"):
        linalg.qr(a, mode="thin")


def test_fields_of_the_results():
    a = definite(real(3, 3)).detach()
    assert linalg.svd(a)._fields == ("U", "S", "Vh")
    assert autograd.svd(a)._fields == ("U", "S", "V")
    assert linalg.eigh(a)._fields == linalg.eig(a)._fields == ("eigenvalues", "eigenvectors")
    assert linalg.slogdet(a)._fields == ("sign", "logabsdet")
    assert linalg.qr(a)._fields == ("Q", "R")
    assert linalg.lu(a)._fields == ("P", "L", "U")
    assert linalg.lu_factor(a)._fields == ("LU", "pivots")
    assert linalg.lstsq(a, a)._fields == ("solution", "residuals", "rank", "singular_values")
    assert linalg.inv_ex(a)._fields == ("inverse", "info")
    assert linalg.solve_ex(a, a)._fields == ("result", "info")


# ---------------------------------------------------------------------------------------------- systems, determinants


def test_singular_matrices():
    singular = tensor([[1.0, 2.0], [2.0, 4.0]])
    both = autograd.stack([autograd.eye(2), singular])
    with pytest.raises(
        linalg.LinAlgError, match=r"linalg.inv: \(Batch element 1\): The diagonal element 2 is zero, .*singular"
    ):
        linalg.inv(both)
    with pytest.raises(linalg.LinAlgError, match=r"linalg\.inv: The diagonal element 2 is zero"):
        linalg.inv(singular)
    with pytest.raises(linalg.LinAlgError, match="solver failed because the input matrix is singular"):
        linalg.solve(singular, tensor([1.0, 2.0]))
    inverse, info = linalg.inv_ex(both)
    assert info.tolist() == [0, 2]
    assert autograd.equal(inverse[0], autograd.eye(2))
    assert linalg.solve_ex(both, both).info.tolist() == [0, 2]
    for ex in (
        lambda: linalg.inv_ex(singular, check_errors=True),
        lambda: linalg.solve_ex(singular, singular, check_errors=True),
        lambda: linalg.lu_factor_ex(singular, check_errors=True),
    ):
        with pytest.raises(linalg.LinAlgError):
            ex()
    assert linalg.cond(singular, 1).item() == math.inf
    assert linalg.matrix_rank(both).tolist() == [2, 1]


def test_triangular_systems_with_a_zero_give_infinities():
    x = linalg.solve_triangular(tensor([[1.0, 0.0], [1.0, 0.0]]), tensor([[1.0], [2.0]]), upper=False)
    assert x.tolist() == [[1.0], [math.inf]]


def test_determinants_are_twice_differentiable_at_singular_matrices():
    column = real(3, 1)
    singular = (column @ column.mT).detach()  # rank 1: the first derivative is 0, the second is not
    a = singular.clone().requires_grad_()
    check_twice(linalg.det, a)
    rank_2 = (singular + autograd.diag(tensor([1.0, 0.0, 0.0], dtype=autograd.float64))).requires_grad_()
    check_twice(linalg.det, rank_2)
    check_twice(linalg.det, complex_(3, 3))


def test_slogdet_and_logdet():
    check_twice(lambda a: linalg.slogdet(a), complex_(3, 3))
    assert autograd.slogdet(autograd.zeros(2, 2)).logabsdet.item() == -math.inf
    assert autograd.logdet(autograd.zeros(2, 2)).item() == -math.inf
    assert math.isnan(autograd.logdet(autograd.diag(tensor([1.0, -1.0]))).item())
    assert linalg.det(autograd.zeros(0, 0)).item() == 1.0


def test_solve_takes_vectors_batches_and_sides():
    A, b = real(2, 3, 3), real(2, 3)
    x = linalg.solve(A, b)
    np.testing.assert_allclose((A @ x[..., None])[..., 0].detach().numpy(), b.detach().numpy(), atol=1e-10)
    left = linalg.solve(A, b[:, None, :], left=False)
    np.testing.assert_allclose((left @ A).detach().numpy(), b[:, None, :].detach().numpy(), atol=1e-10)
    check_twice(lambda A, b: linalg.solve(A, b), complex_(3, 3), complex_(3))


def test_compact_factors_solve():
    A, B = real(2, 3, 3), real(3, 2)
    LU, pivots = linalg.lu_factor(A)
    expected = linalg.solve(A, B).detach().numpy()
    np.testing.assert_allclose(linalg.lu_solve(LU, pivots, B.expand(2, 3, 2)).detach().numpy(), expected, atol=1e-9)
    np.testing.assert_allclose(
        autograd.lu_solve(B.expand(2, 3, 2), *autograd.lu(A)).detach().numpy(), expected, atol=1e-9
    )
    P, L, U = autograd.lu_unpack(LU, pivots)
    np.testing.assert_allclose((P @ L @ U).detach().numpy(), A.detach().numpy(), atol=1e-12)
    factor = linalg.cholesky(definite(A))
    np.testing.assert_allclose(
        autograd.cholesky_solve(B, factor).detach().numpy(), linalg.solve(definite(A), B).detach().numpy(), atol=1e-9
    )
    np.testing.assert_allclose(
        autograd.cholesky_inverse(factor).detach().numpy(), linalg.inv(definite(A)).detach().numpy(), atol=1e-9
    )


@pytest.mark.parametrize("hermitian_", [False, True])
def test_ldl(hermitian_):
    pytest.importorskip("scipy")
    a = complex_(2, 6, 6).detach()
    a = a + (a.mH if hermitian_ else a.mT)
    LD, pivots = linalg.ldl_factor(a, hermitian=hermitian_)
    B = complex_(2, 6, 2)
    x = linalg.ldl_solve(LD, pivots, B, hermitian=hermitian_)
    np.testing.assert_allclose((a @ x).detach().numpy(), B.detach().numpy(), atol=1e-9)
    check_twice(lambda B: linalg.ldl_solve(LD, pivots, B, hermitian=hermitian_), B)


def test_pinv_and_lstsq():
    check_twice(lambda a, b: linalg.pinv(a @ b.mT, rtol=1e-9), real(4, 2), real(3, 2))
    check_twice(lambda a: linalg.pinv(hermitian(a), hermitian=True), real(3, 3))
    A, b = real(5, 2), real(5)
    found = linalg.lstsq(A, b, driver="gelsd")
    expected = np.linalg.lstsq(A.detach().numpy(), b.detach().numpy(), rcond=None)
    np.testing.assert_allclose(found.solution.detach().numpy(), expected[0], atol=1e-12)
    np.testing.assert_allclose(found.residuals.detach().numpy().reshape(-1), expected[1], atol=1e-12)
    assert found.rank.item() == 2
    assert tuple(found.singular_values.shape) == (2,)
    assert linalg.lstsq(A, b[:, None], driver="gels").rank.numel() == 0
    assert linalg.lstsq(A, b[:, None]).residuals.numel() == 0


@pytest.mark.parametrize("scale", [1e-3, 0.1, 1.0, 30.0])
def test_matrix_exp(scale):
    a = RNG.standard_normal((3, 3))
    a = scale * (a - a.T)  # skew: the exponential is a rotation whatever the size
    e = linalg.matrix_exp(tensor(a)).numpy()
    np.testing.assert_allclose(e @ e.T, np.eye(3), atol=1e-12)
    values, vectors = np.linalg.eig(a)
    np.testing.assert_allclose(e, (vectors @ np.diag(np.exp(values)) @ np.linalg.inv(vectors)).real, atol=1e-11)


def test_matrix_exp_of_complex_and_empty():
    check_twice(linalg.matrix_exp, complex_(2, 2))
    assert tuple(linalg.matrix_exp(autograd.zeros(0, 3, 3)).shape) == (0, 3, 3)
    assert autograd.equal(linalg.matrix_exp(autograd.zeros(2, 2)), autograd.eye(2))


def test_matrix_power():
    a = real(3, 3)
    assert autograd.equal(linalg.matrix_power(a, 0), autograd.eye(3, dtype=autograd.float64))
    np.testing.assert_allclose(
        linalg.matrix_power(a, 5).detach().numpy(), np.linalg.matrix_power(a.detach().numpy(), 5), rtol=1e-10
    )
    assert linalg.matrix_power(a, 1) is not a


# ---------------------------------------------------------------------------------------------- norms, distances


@pytest.mark.parametrize("ord", [0, 0.5, 1, 1.5, 2, 2.5, 3, math.inf, -1, -math.inf])
def test_the_gradient_of_a_norm_at_zero_is_zero(ord):
    x = autograd.zeros(3, requires_grad=True)
    linalg.vector_norm(x, ord=ord).backward()
    assert x.grad.tolist() == [0.0, 0.0, 0.0]


def test_the_largest_elements_share_the_gradient():
    x = tensor([3.0, -3.0, 1.0], requires_grad=True)
    linalg.vector_norm(x, ord=math.inf).backward()
    assert x.grad.tolist() == [0.5, -0.5, 0.0]


@pytest.mark.parametrize("ord", ["fro", "nuc", 1, -1, 2, -2, math.inf, -math.inf])
def test_matrix_norms_are_numpys(ord):
    a = RNG.standard_normal((3, 4))
    assert linalg.matrix_norm(tensor(a), ord).item() == pytest.approx(np.linalg.norm(a, ord))
    assert linalg.norm(tensor(a), ord).item() == pytest.approx(np.linalg.norm(a, ord))
    check_twice(lambda a: linalg.matrix_norm(a, ord, dim=(0, 2), keepdim=True), complex_(3, 2, 2))


def test_norm_forms():
    a = tensor(RNG.standard_normal((2, 3, 4)))
    flat = a.numpy().reshape(-1)
    assert autograd.norm(a).item() == pytest.approx(np.linalg.norm(flat))
    assert autograd.norm(a, 1).item() == pytest.approx(np.abs(flat).sum())
    assert a.norm(math.inf).item() == pytest.approx(np.abs(flat).max())
    assert tuple(a.norm(2, dim=(0, 1), keepdim=True).shape) == (1, 1, 4)
    assert autograd.norm(a.to(autograd.float32), dtype=autograd.float64).dtype == autograd.float64
    assert autograd.norm(a[0], "nuc").item() == pytest.approx(np.linalg.norm(a[0].numpy(), "nuc"))
    assert linalg.norm(tensor([3 + 4j])).item() == 5.0


def test_distances_at_zero_pull_nowhere():
    x = autograd.ones(2, 3, requires_grad=True)
    autograd.cdist(x, x.detach()).sum().backward()
    assert x.grad.abs().sum().item() == 0.0
    many = tensor(RNG.standard_normal((30, 4)))
    fast, slow = autograd.cdist(many, many), autograd.cdist(many, many, compute_mode="donot_use_mm_for_euclid_dist")
    np.testing.assert_allclose(fast.numpy(), slow.numpy(), atol=1e-6)


def test_renorm_leaves_short_slices_alone():
    x = tensor([[1.0, 0.0], [3.0, 4.0]])
    np.testing.assert_allclose(autograd.renorm(x, 2, 0, 2.5).numpy(), [[1, 0], [1.5, 2]], rtol=1e-6)


# ---------------------------------------------------------------------------------------------- products


def test_products_agree_with_numpy():
    a, b, c = (RNG.standard_normal(s) for s in ((2, 5), (5, 3), (3, 4)))
    np.testing.assert_allclose(linalg.multi_dot([tensor(a), tensor(b), tensor(c)]).numpy(), a @ b @ c)
    np.testing.assert_allclose(linalg.multi_dot([tensor(a[0]), tensor(b), tensor(c[:, 0])]).numpy(), a[0] @ b @ c[:, 0])
    np.testing.assert_allclose(autograd.chain_matmul(tensor(a), tensor(b)).numpy(), a @ b)
    np.testing.assert_allclose(autograd.kron(tensor(a), tensor(b)).numpy(), np.kron(a, b))
    np.testing.assert_allclose(autograd.vander(tensor(a[0]), 4).numpy(), np.vander(a[0], 4))
    np.testing.assert_allclose(autograd.cov(tensor(a)).numpy(), np.cov(a))
    np.testing.assert_allclose(autograd.corrcoef(tensor(b)).numpy(), np.corrcoef(b))
    weights = np.array([1, 2, 3, 1, 2])
    np.testing.assert_allclose(autograd.cov(tensor(a), fweights=tensor(weights)).numpy(), np.cov(a, fweights=weights))
    np.testing.assert_allclose(
        autograd.cov(tensor(a), aweights=tensor(weights / 3)).numpy(), np.cov(a, aweights=weights / 3)
    )
    blocks = autograd.block_diag(tensor([1.0, 2.0]), tensor(3.0), tensor([[4.0], [5.0]]))
    assert blocks.tolist() == [[1, 2, 0, 0], [0, 0, 3, 0], [0, 0, 0, 4], [0, 0, 0, 5]]
    x, y = RNG.standard_normal((2, 3)), RNG.standard_normal((2, 3))
    np.testing.assert_allclose(autograd.cross(tensor(x), tensor(y)).numpy(), np.cross(x, y))
    np.testing.assert_allclose(linalg.vecdot(tensor(x), tensor(y)).numpy(), (x * y).sum(-1))


def test_multi_dot_multiplies_the_cheap_pair_first():
    from autograd.ops.linalg_functions import _chain_order

    assert _chain_order([10, 100, 5, 50])[0][2] == 1  # (A B) C needs 7,500 multiplications, A (B C) 75,000
    check_twice(lambda *m: linalg.multi_dot(m), real(2, 3), real(3, 1), real(1, 4))


def test_too_few_observations_warn():
    with pytest.warns(UserWarning, match="degrees of freedom is <= 0"):
        autograd.cov(tensor([[1.0], [2.0]]))


# ---------------------------------------------------------------------------------------------- errors

M = autograd.ones(2, 3)
SQUARE = autograd.ones(3, 3)
V = autograd.ones(3)


@pytest.mark.parametrize(
    ("call", "match"),
    [
        (lambda: linalg.inv(M), "linalg.inv: A must be batches of square matrices, but they are 2 by 3 matrices"),
        (lambda: linalg.det(V), "linalg.det: The input tensor A must have at least 2 dimensions"),
        (
            lambda: linalg.svd(autograd.ones(2, 2, dtype=autograd.int64)),
            "Expected a floating point or complex tensor as input. Got Long",
        ),
        (
            lambda: linalg.inv(autograd.ones(2, 2, dtype=autograd.float16)),
            "Low precision dtypes not supported. Got Half",
        ),
        (lambda: linalg.solve(SQUARE, M), r"Incompatible shapes of A and B for the equation AX = B \(3x3 and 2x3\)"),
        (lambda: linalg.solve(SQUARE, M.mT, left=False), r"Incompatible shapes of A and B for the equation XA = B"),
        (lambda: linalg.solve(SQUARE, V, left=False), "Vector broadcasting of the left hand side is not supported"),
        (lambda: linalg.solve(SQUARE, SQUARE.double()), "same dtype"),
        (lambda: linalg.solve_triangular(SQUARE, V, upper=True), "must have at least 2 dimensions"),
        (
            lambda: linalg.solve_triangular(SQUARE.expand(2, 3, 3), SQUARE.expand(4, 3, 3), upper=True),
            "do not broadcast",
        ),
        (lambda: linalg.eigh(SQUARE, UPLO="X"), "Expected UPLO argument to be 'L' or 'U', but got X"),
        (lambda: linalg.lu(SQUARE, pivot=False), "LU without pivoting is not implemented on the CPU"),
        (lambda: linalg.lu_solve(SQUARE, autograd.ones(3, dtype=autograd.int32), M), "Incompatible shapes of A and B"),
        (lambda: autograd.lu_unpack(SQUARE, autograd.ones(3, dtype=autograd.int64)), "int32 dtype"),
        (lambda: linalg.matrix_norm(SQUARE, 3), "Order 3 not supported"),
        (lambda: linalg.matrix_norm(SQUARE, "max"), "Order max not supported"),
        (lambda: linalg.matrix_norm(SQUARE, dim=(0, 0)), "dims must be different"),
        (lambda: linalg.matrix_norm(SQUARE, dim=(0,)), "dim must be a 2-tuple"),
        (
            lambda: linalg.norm(autograd.ones(2, 2, 2), 2),
            "If dim is not specified but ord is, the input must be 1D or 2D. Got 3D",
        ),
        (lambda: linalg.norm(SQUARE, 2, dim=(0, 1, 2)), "must be of length 1 or 2"),
        (lambda: linalg.vector_norm(autograd.zeros(0), ord=math.inf), "cannot compute the inf norm on an empty tensor"),
        (
            lambda: linalg.vector_norm(autograd.ones(2, dtype=autograd.int64)),
            "Expected a floating point or complex tensor",
        ),
        (lambda: autograd.norm(SQUARE, "max"), "norm: expected p to be a number, 'fro' or 'nuc', got 'max'"),
        (lambda: linalg.cond(SQUARE, "max"), "linalg.cond got an invalid norm type: max"),
        (lambda: autograd.cdist(M, SQUARE[:, :2]), "must have the same number of columns. X1: 3 X2: 2"),
        (lambda: autograd.cdist(V, M), "cdist only supports at least 2D tensors, X1 got: 1D"),
        (lambda: autograd.cdist(M, M, p=-1), "cdist only supports non-negative p values"),
        (lambda: autograd.renorm(V, 2, 0, 1.0), "input needs at least 2 dimensions, got 1"),
        (lambda: linalg.cross(M, V), "inputs must have the same number of dimensions"),
        (lambda: linalg.cross(M, M, dim=0), "inputs dimension 0 must have length 3. Got 2 and 2"),
        (lambda: autograd.cross(autograd.ones(2, 2), autograd.ones(2, 2)), "no dimension of size 3 in input"),
        (lambda: linalg.multi_dot([M]), "expected at least 2 tensors but got 1"),
        (lambda: linalg.multi_dot([M, M]), "tensors 0 and 1 with shapes .* cannot be multiplied"),
        (lambda: linalg.multi_dot([M, V, V]), "tensor 1 must be 2D"),
        (lambda: linalg.vander(V, N=1), "N must be greater than 1"),
        (lambda: autograd.vander(M), "x must be a one-dimensional tensor"),
        (lambda: autograd.vander(V, N=-1), "N must be non-negative"),
        (lambda: autograd.cov(autograd.ones(1, 1, 1)), "expected input to have two or fewer dimensions"),
        (lambda: autograd.cov(M, fweights=autograd.ones(2)), "expected fweights to have 3 elements"),
        (lambda: autograd.cov(M, aweights=-autograd.ones(3)), "aweights cannot be negative"),
        (lambda: autograd.corrcoef(autograd.ones(1, 1, 1)), "expected input to have two or fewer dimensions"),
        (lambda: autograd.block_diag(autograd.ones(1, 1, 1)), "Input 0 has 3 dimensions"),
        (lambda: linalg.tensorinv(M, ind=0), "strictly positive integer for 'ind', got 0"),
        (lambda: linalg.tensorinv(M, ind=1), r"prod\(self.shape\[ind:\]\) == prod\(self.shape\[:ind\]\)"),
        (lambda: linalg.tensorsolve(M, autograd.ones(2)), "Expected self to satisfy the requirement"),
        (lambda: linalg.lstsq(M, M, driver="best"), "parameter `driver` should be one of"),
        (lambda: linalg.lstsq(M, SQUARE), r"input.size\(-2\) should match other.size\(-2\)"),
        (
            lambda: linalg.householder_product(M, autograd.ones(2)),
            r"input.shape\[-2\] must be greater than or equal to input.shape\[-1\]",
        ),
        (
            lambda: linalg.householder_product(M.mT, autograd.ones(3)),
            r"must be greater than or equal to tau.shape\[-1\]",
        ),
        (lambda: linalg.householder_product(M.mT, autograd.ones(1, 2)), "Expected batch dimensions of tau"),
        (
            lambda: linalg.householder_product(M.mT, autograd.ones(2).double()),
            "tau dtype float64 does not match input dtype float32",
        ),
        (lambda: autograd.ormqr(M.mT, autograd.ones(2), M), r"other.shape\[-2\] must be equal to input.shape\[-2\]"),
        (
            lambda: linalg.ldl_solve(SQUARE, autograd.ones(3, dtype=autograd.int32), V),
            "Expected B to have at least 2 dimensions",
        ),
    ],
)
def test_errors(call, match):
    with pytest.raises(RuntimeError, match=match):
        call()


def test_an_unknown_mode_of_cdist():
    with pytest.raises(ValueError, match="not a valid value for compute_mode"):
        autograd.cdist(M, M, compute_mode="fast")


# ---------------------------------------------------------------------------------------------- PyTorch


@pytest.mark.parametrize(
    "name", ["cholesky", "eigvalsh", "svdvals", "slogdet", "pinv", "matrix_exp", "lu_factor", "qr"]
)
@pytest.mark.parametrize("dtype", ["float64", "complex128"])
def test_pytorch_agrees(name, dtype):
    torch = pytest.importorskip("torch")
    a = RNG.standard_normal((2, 4, 4)) + (1j * RNG.standard_normal((2, 4, 4)) if dtype == "complex128" else 0)
    a = (a @ np.conj(np.swapaxes(a, -1, -2)) + 2 * np.eye(4)) / 4
    x, y = tensor(a, requires_grad=True), torch.tensor(a, requires_grad=True)
    ours, theirs = getattr(linalg, name)(x), getattr(torch.linalg, name)(y)
    ours, theirs = (r if isinstance(r, tuple) else (r,) for r in (ours, theirs))
    loss, loss_ = 0, 0
    for o, t in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(o.detach().numpy(), t.detach().numpy(), atol=1e-10)
        if o.requires_grad:
            loss, loss_ = loss + (o.abs() ** 3).sum(), loss_ + (t.abs() ** 3).sum()
    loss.backward()
    loss_.backward()
    np.testing.assert_allclose(x.grad.numpy(), y.grad.numpy(), rtol=1e-8, atol=1e-8)


@pytest.mark.parametrize("shape", [(130, 130), (100, 170), (170, 100)])
def test_large_matrices_are_factored_in_blocks(shape):
    a = RNG.standard_normal(shape)
    P, L, U = (f.numpy() for f in linalg.lu(tensor(a)))
    np.testing.assert_allclose(P @ L @ U, a, atol=1e-11)
    assert np.abs(np.tril(L, -1)).max() <= 1  # pivoted by the largest of each column
    together = linalg.lu_factor(tensor(np.stack([a, a])))
    LU, pivots = linalg.lu_factor(tensor(a))
    np.testing.assert_array_equal(together.pivots[1].numpy(), pivots.numpy())
    np.testing.assert_allclose(together.LU[1].numpy(), LU.numpy(), atol=1e-10)


@pytest.mark.parametrize(("name", "which"), [("ldl_factor_ex", "D"), ("lu_factor_ex", "U")])
def test_a_factorisation_that_is_to_check_refuses_a_singular_matrix(name, which):
    singular = autograd.stack([autograd.eye(2), autograd.zeros(2, 2)])
    with pytest.raises(autograd.linalg.LinAlgError, match=rf"{name}: .*{which}\[1,1\] is zero"):
        getattr(autograd.linalg, name)(singular, check_errors=True)
    assert getattr(autograd.linalg, name)(singular).info.tolist() == [0, 1]
