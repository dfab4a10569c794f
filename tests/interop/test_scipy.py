"""SciPy's array API on Tensors."""

from __future__ import annotations

import pytest

from .common import program


def test_scipy_keeps_the_graph():
    pytest.importorskip("scipy")
    out = program(
        """
        import warnings
        warnings.simplefilter("ignore")
        import numpy as np, autograd as ag
        from scipy import special, stats, signal, fft, integrate, ndimage, optimize
        rng = np.random.default_rng(0)
        x = ag.tensor(rng.uniform(0.2, 0.9, 8), requires_grad=True)
        y = ag.tensor(rng.uniform(0.2, 0.9, 8), requires_grad=True)
        calls = {
            "logsumexp": lambda x: special.logsumexp(x), "softmax": lambda x: special.softmax(x) ** 2,
            "log_softmax": special.log_softmax,
            "xlogy": lambda x: special.xlogy(x, y), "rel_entr": lambda x: special.rel_entr(x, y),
            "zscore": stats.zscore, "skew": stats.skew, "kurtosis": stats.kurtosis, "moment": lambda x: stats.moment(x, order=3),
            "gmean": stats.gmean, "variation": stats.variation, "sem": stats.sem,
            "fftconvolve": lambda x: signal.fftconvolve(x, y), "oaconvolve": lambda x: signal.oaconvolve(x, y),
            "hilbert": lambda x: abs(signal.hilbert(x)), "fft": lambda x: abs(fft.fft(x)), "rfft": lambda x: abs(fft.rfft(x)),
            "trapezoid": integrate.trapezoid, "cumulative_trapezoid": integrate.cumulative_trapezoid, "rosen": optimize.rosen,
            "erf": special.erf, "gammaln": special.gammaln, "expit": special.expit, "logit": special.logit, "ndtr": special.ndtr,
            "entropy": stats.entropy, "pearsonr": lambda x: stats.pearsonr(x, y).statistic,
            "chdtr": lambda x: special.chdtr(3.0, x),
            "ttest_1samp": lambda x: stats.ttest_1samp(x, 0.3).pvalue, "chisquare": lambda x: stats.chisquare(x).pvalue,
        }
        for name, f in calls.items():
            try:
                r = f(x)
                plain = f(x.detach())
                ok = isinstance(r, ag.Tensor) and r.requires_grad and np.allclose(r.detach(), plain.detach())
                ok = ok and ag.gradcheck(f, (x,), raise_exception=False)
            except Exception as error:
                ok = f"{type(error).__name__}: {error}"
            print(name, ok)
        """,
        SCIPY_ARRAY_API="1",
    )
    bad = [line for line in out.splitlines() if not line.endswith(" True")]
    assert len(out.splitlines()) == 30
    assert not bad, bad


def test_scipy_refuses_to_lose_a_gradient():
    pytest.importorskip("scipy")
    out = program(
        """
        import warnings
        warnings.simplefilter("ignore")
        import autograd as ag
        from scipy import special, linalg
        t = ag.ones(3, requires_grad=True)
        for call in (lambda: special.struve(1.0, t), lambda: linalg.norm(t)):
            try:
                print("silent", call())
            except RuntimeError as error:
                print(error)
        """,
        SCIPY_ARRAY_API="1",
    )
    assert out.count("Can't call numpy() on Tensor that requires grad") == 2


def test_scikit_learn_keeps_the_graph():
    pytest.importorskip("sklearn")
    out = program(
        """
        import warnings
        warnings.simplefilter("ignore")
        import numpy as np, autograd as ag
        from sklearn import metrics, set_config
        from sklearn.decomposition import PCA
        from sklearn.linear_model import Ridge
        from sklearn.metrics import pairwise
        from sklearn.preprocessing import MinMaxScaler, PolynomialFeatures, StandardScaler
        set_config(array_api_dispatch=True)
        rng = np.random.default_rng(0)
        X = ag.tensor(rng.normal(size=(20, 3)), requires_grad=True)
        t = ag.tensor(rng.normal(size=20))
        labels = ag.tensor((rng.random(20) > 0.5).astype(int))
        calls = {
            "scaler": lambda X: StandardScaler().fit_transform(X), "minmax": lambda X: MinMaxScaler().fit_transform(X),
            "poly": lambda X: PolynomialFeatures(2).fit_transform(X), "rbf": lambda X: pairwise.rbf_kernel(X),
            "pca": lambda X: PCA(2, svd_solver="full").fit_transform(X) ** 2,
            "ridge": lambda X: Ridge(solver="svd").fit(X, t).predict(X),
        }
        for name, f in calls.items():
            y, plain = f(X), f(X.detach())
            print(name, isinstance(y, ag.Tensor) and y.requires_grad and np.allclose(y.detach(), plain))
        auc = metrics.roc_auc_score(labels, t)
        print("auc", abs(auc - metrics.roc_auc_score(labels.numpy(), t.numpy())) < 1e-6)
        """,
        SCIPY_ARRAY_API="1",
    )
    assert [line for line in out.splitlines() if not line.endswith(" True")] == []
    assert len(out.splitlines()) == 7
