"""Optimizers beside PyTorch's: random options, dtypes, state, text, and errors of the same class."""

from __future__ import annotations

import inspect

import numpy as np
import pytest

import autograd
from nn import optim
from nn.optim import lr_scheduler, swa_utils
from tests.data.make_optim import OPTIMIZERS, options

torch = pytest.importorskip("torch")

SHAPES = [(3, 4), (4,), (), (150, 120)]
CLASSES = [n for n, c in vars(optim).items() if isinstance(c, type) and issubclass(c, optim.Optimizer)]
ELEMENTWISE = [(name, given) for name, given in OPTIMIZERS if name != "LBFGS"]
EVERY = pytest.mark.parametrize(("name", "given"), ELEMENTWISE, ids=lambda v: str(v))
TOLERANCE = {"float32": 1e-5, "float64": 1e-13, "complex64": 1e-5, "complex128": 1e-13}


def values(dtype, seed=0):
    r = np.random.default_rng(seed)
    imaginary = 1j if np.dtype(dtype).kind == "c" else 0
    return [np.asarray(r.standard_normal(s) + imaginary * r.standard_normal(s)).astype(dtype) for s in SHAPES]


def both(name, given, dtype):
    """The same optimizer here and there after four steps with the same gradients, one of them absent at times."""
    pairs = []
    for library, classes in ((autograd, optim), (torch, torch.optim)):
        params = [library.tensor(v, requires_grad=True) for v in values(dtype)]
        pairs.append((params, getattr(classes, name)(params, **options(given))))
    for step in range(4):
        gradients = values(dtype, step + 1)
        for library, (params, optimizer) in zip((autograd, torch), pairs, strict=True):
            for p, g in zip(params, gradients, strict=True):
                p.grad = library.tensor(g)
            if step == 2:
                params[1].grad = None
            optimizer.step()
    return pairs


@pytest.mark.parametrize("dtype", TOLERANCE)
@EVERY
def test_weights_and_state(name, given, dtype):
    if name == "Adafactor" and dtype.startswith("complex"):
        return  # refused by both
    (ours, a), (theirs, b) = both(name, given, dtype)
    near = {"rtol": TOLERANCE[dtype], "atol": TOLERANCE[dtype]}
    for p, q in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(p.detach().numpy(), q.detach().numpy(), **near)
        mine, other = a.state.get(p, {}), b.state.get(q, {})
        assert list(mine) == list(other)
        for key, value in other.items():
            found = mine[key].detach().numpy()
            assert (found.dtype, found.shape) == (value.numpy().dtype, value.numpy().shape), key
            np.testing.assert_allclose(found, value.numpy(), **near)


@pytest.mark.parametrize(("name", "given"), OPTIMIZERS, ids=lambda v: str(v))
def test_text_and_groups(name, given):
    w = np.zeros(2, np.float32)
    a = getattr(optim, name)([autograd.tensor(w, requires_grad=True)], **options(given))
    b = getattr(torch.optim, name)([torch.tensor(w, requires_grad=True)], **options(given))
    assert repr(a) == repr(b)
    mine, theirs = (dict(o.param_groups[0], params=0) for o in (a, b))
    assert mine == theirs
    assert a.state_dict()["param_groups"] == b.state_dict()["param_groups"]


def signature(cls):
    return [(p.name, p.kind, p.default) for p in inspect.signature(cls.__init__).parameters.values()]


@pytest.mark.parametrize("name", CLASSES)
def test_arguments(name):
    assert signature(getattr(optim, name)) == signature(getattr(torch.optim, name))


SCHEDULERS = [n for n in lr_scheduler.__all__ if n != "_LRScheduler"]


@pytest.mark.parametrize("name", SCHEDULERS)
def test_schedulers_arguments(name):
    assert signature(getattr(lr_scheduler, name)) == signature(getattr(torch.optim.lr_scheduler, name))


@pytest.mark.parametrize("name", ["AveragedModel", "SWALR"])
def test_averaging_arguments(name):
    assert signature(getattr(swa_utils, name)) == signature(getattr(torch.optim.swa_utils, name))


def test_nothing_is_missing():
    others = {n for n, c in vars(torch.optim).items() if isinstance(c, type) and issubclass(c, torch.optim.Optimizer)}
    assert others - set(optim.__all__) <= {"SparseAdam", "Muon"}
    assert set(torch.optim.lr_scheduler.__all__) - set(lr_scheduler.__all__) == set()
    assert all(hasattr(swa_utils, n) for n in torch.optim.swa_utils.__all__)


MISTAKES = [
    lambda library, o: o.SGD([library.ones(1, requires_grad=True)], lr=-1),
    lambda library, o: o.Adam([library.ones(1, requires_grad=True)], betas=(1.0, 0.9)),
    lambda library, o: o.SGD([]),
    lambda library, o: o.SGD(library.ones(1)),
    lambda library, o: o.SGD([1.0]),
    lambda library, o: o.SGD([library.ones(1, requires_grad=True) * 2]),
    lambda library, o: o.SGD([{"params": {library.ones(1)}}]),
    lambda library, o: o.SGD([library.ones(1)]).add_param_group(3),
    lambda library, o: o.SGD([library.ones(1)], nesterov=True),
    lambda library, o: o.LBFGS([{"params": [library.ones(1)]}, {"params": [library.ones(2)]}]),
    lambda library, o: o.Adam([library.ones(1)], fused=True, foreach=True),
    lambda library, o: o.lr_scheduler.StepLR(3, 2),
    lambda library, o: o.lr_scheduler.StepLR(o.SGD([library.ones(1)]), 2, last_epoch=2),
    lambda library, o: o.lr_scheduler.OneCycleLR(o.SGD([library.ones(1)]), 2),
    lambda library, o: o.lr_scheduler.SequentialLR(o.SGD([library.ones(1)]), [], []),
]


@pytest.mark.parametrize("mistake", MISTAKES)
def test_errors_are_of_the_same_class(mistake):
    with pytest.raises(Exception) as theirs:  # noqa: PT011 - which one is what is compared
        mistake(torch, torch.optim)
    with pytest.raises(theirs.type) as ours:
        mistake(autograd, optim)
    assert ours.type is theirs.type


@pytest.mark.parametrize(("name", "given"), OPTIMIZERS, ids=lambda v: str(v))
def test_continues_what_torch_saved(name, given, tmp_path):
    """A checkpoint of a PyTorch optimizer, read without PyTorch, goes on as it would have there."""
    from autograd.save import load
    from tests.data.make_optim import start, trajectory

    theirs = start(torch)
    b = getattr(torch.optim, name)(theirs, **options(given))
    trajectory(b, theirs, 4)
    torch.save({"optimizer": b.state_dict(), "params": [p.detach() for p in theirs]}, tmp_path / "torch.pt")
    expected = trajectory(b, theirs, 4)

    saved = load(tmp_path / "torch.pt")
    ours = [p.requires_grad_() for p in saved["params"]]
    a = getattr(optim, name)(ours)
    a.load_state_dict(saved["optimizer"])
    np.testing.assert_allclose(trajectory(a, ours, 4), expected, rtol=1e-7 if name == "LBFGS" else 1e-12)
