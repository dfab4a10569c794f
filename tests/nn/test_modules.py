"""Every module of `nn`, from one table: what it prints, keeps, computes and passes back, against stored references.

A module class that is not in the table (tests/nn/cases.py) fails this suite.
"""

from __future__ import annotations

import copy
import inspect
import json
import pickle
import warnings
import zlib
from pathlib import Path

import numpy as np
import pytest

import autograd
import nn
from tests.nn.cases import CASES, NO_CASE, Case, wave
from tests.nn.harness import assert_like, fill, flat, is_float, ours, prepare, run

STORED = json.loads((Path(__file__).parents[1] / "data" / "modules.json").read_text(encoding="utf-8"))
LIB = ours()
EVERY_CASE = pytest.mark.parametrize("case", CASES, ids=lambda c: c.label)
FIXED = [c for c in CASES if not c.random]
OWN = {"CrossMapLRN2d"}  # PyTorch's value and gradient are off at the first and last channels


def public_modules() -> set[str]:
    return {n for n, c in vars(nn).items() if inspect.isclass(c) and issubclass(c, nn.Module) and not n.startswith("_")}


def test_every_module_is_in_the_table():
    assert public_modules() - {c.name for c in CASES} - NO_CASE == set()


def test_every_case_has_its_reference():
    assert {c.label for c in CASES} == set(STORED)


def ready(case: Case, dtype: str = "float64"):
    """The module, past its first forward if it is lazy, with the references' values."""
    module, inputs, leaves, kwargs = prepare(case, LIB, dtype)
    if "Lazy" in case.name:
        with autograd.no_grad():
            module(*inputs, **kwargs)
    fill(module, LIB)
    return module, inputs, leaves, kwargs


@EVERY_CASE
def test_repr(case):
    module, inputs, _, kwargs = prepare(case, LIB, "float64")
    stored = STORED[case.label]
    # PyTorch writes its own name before a dtype's.
    assert repr(module) == stored["repr"].replace("[torch.float", "[float")
    if "repr_after" in stored:
        module(*inputs, **kwargs)
        assert repr(module) == stored["repr_after"]
        assert not type(module).__name__.startswith("Lazy")


@EVERY_CASE
def test_state_dict_has_the_names_and_shapes(case):
    module = ready(case)[0]
    assert {k: list(v.shape) for k, v in module.state_dict().items()} == STORED[case.label]["state"]


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@EVERY_CASE
def test_values_and_gradients(case, dtype):
    tolerance = 1e-7 if dtype == "float64" else 1e-5
    module, inputs, leaves, kwargs = ready(case, dtype)
    for mode in ("eval", "train"):
        if mode not in STORED[case.label] or case.name in OWN:
            continue
        module.train(mode == "train")
        found = run(case, module, inputs, leaves, kwargs, LIB)
        for what, stored in STORED[case.label][mode].items():
            assert_like(found[what], stored, tolerance, f"{case.label}, {mode}, {what}")


@EVERY_CASE
def test_dtype_stays(case):
    """float32 in, float32 out and back; `double()` and `float()` change all that is floating."""
    module, inputs, _leaves, kwargs = ready(case, "float32")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        outputs = flat(module(*inputs, **kwargs))
    assert all(t.dtype == autograd.float32 for t in outputs if is_float(t))
    module.double()
    assert all(t.dtype == autograd.float64 for t in module.state_dict().values() if is_float(t))
    module.to(autograd.float32)
    assert all(t.dtype == autograd.float32 for t in module.state_dict().values() if is_float(t))


@pytest.mark.parametrize("case", [c for c in FIXED if c.smooth], ids=lambda c: c.label)
def test_gradient_is_the_derivative(case):
    """Along one direction of all inputs and parameters together, against a central difference."""
    module, inputs, leaves, kwargs = ready(case)
    module.eval()
    before = {k: v.detach().clone() for k, v in module.state_dict().items()}
    variables = [*leaves, *module.parameters()]
    found = run(case, module, inputs, leaves, kwargs, LIB)
    if not any(np.any(g) for g in (*found["inputs"], *found["parameters"])):
        return  # nothing to differentiate by: the stored zeros have been compared elsewhere
    directions = [np.cos(np.arange(v.numel()) * 1.7 + i).reshape(tuple(v.shape)) for i, v in enumerate(variables)]
    slope = sum(
        float((v.grad.numpy() * d).sum()) for v, d in zip(variables, directions, strict=True) if v.grad is not None
    )
    step, values = 1e-6, []
    for sign in (1, -1):
        module.load_state_dict(before)
        values.append(_moved(case, module, inputs, leaves, kwargs, variables, directions, sign * step))
    assert (values[0] - values[1]) / (2 * step) == pytest.approx(slope, rel=2e-5, abs=2e-6)


def _moved(case, module, inputs, leaves, kwargs, variables, directions, step) -> float:
    """The weighted sum of the outputs with all variables moved."""
    kept = [v.detach().clone() for v in variables]
    with autograd.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for v, d in zip(variables, directions, strict=True):
            v.add_(autograd.tensor(d * step))
        outputs = flat(module(*inputs, **kwargs))
        total = sum(
            float((o.detach().numpy() * wave(*o.shape, seed=i + 7)).sum()) for i, o in enumerate(outputs) if is_float(o)
        )
        for v, k in zip(variables, kept, strict=True):  # last: an output may be a view of an input
            v.copy_(k)
    return total


def _slopes(case, module, inputs, kwargs, variables, record):
    """Gradients of a curved function of the outputs; None where it does not depend on a variable."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        outputs = [o for o in flat(module(*inputs, **kwargs)) if is_float(o) and o.requires_grad]
    parts = [(o * autograd.tensor(wave(*o.shape, seed=i + 7))).sin().sum() for i, o in enumerate(outputs)]
    return autograd.grad(sum(parts), variables, create_graph=record, allow_unused=True) if parts else None


@pytest.mark.parametrize("case", [c for c in FIXED if c.smooth], ids=lambda c: c.label)
def test_second_derivatives(case):
    """The gradient's own gradient, along a direction, against a difference of gradients."""
    module, inputs, leaves, kwargs = ready(case)
    module.eval()
    variables = [*leaves, *module.parameters()]
    first = _slopes(case, module, inputs, kwargs, variables, True) if variables else None
    if first is None:
        return  # a module without anything to differentiate by

    def weigh(grads):
        return sum((g * autograd.tensor(w)).sum() for g, w in zip(grads, weights, strict=True) if g is not None)

    weights = [np.sin(np.arange(v.numel()) * 1.3 + i).reshape(tuple(v.shape)) for i, v in enumerate(variables)]
    directions = [np.cos(np.arange(v.numel()) * 0.7 + i).reshape(tuple(v.shape)) for i, v in enumerate(variables)]
    second = autograd.grad(weigh(first), variables, allow_unused=True) if weigh(first).requires_grad else ()
    exact = sum(float((g.numpy() * d).sum()) for g, d in zip(second, directions, strict=False) if g is not None)
    step, ends = 1e-5, []
    for sign in (1, -1):
        kept = [v.detach().clone() for v in variables]
        with autograd.no_grad():
            for v, d in zip(variables, directions, strict=True):
                v.add_(autograd.tensor(sign * step * d))
        ends.append(weigh(_slopes(case, module, inputs, kwargs, variables, False)).item())
        with autograd.no_grad():
            for v, k in zip(variables, kept, strict=True):
                v.copy_(k)
    assert (ends[0] - ends[1]) / (2 * step) == pytest.approx(exact, rel=1e-4, abs=1e-5)


@pytest.mark.parametrize("case", FIXED, ids=lambda c: c.label)
def test_memory_order_does_not_matter(case):
    module, inputs, leaves, kwargs = ready(case)
    module.eval()
    expected = run(case, module, inputs, leaves, kwargs, LIB)["outputs"]

    def turned(x):
        if isinstance(x, tuple):
            return tuple(turned(part) for part in x)
        back = tuple(reversed(range(x.ndim)))
        return x.detach().permute(back).contiguous().permute(back) if x.ndim > 1 else x

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = flat(module(*[turned(x) for x in inputs], **kwargs))
    for a, b in zip(found, expected, strict=True):
        np.testing.assert_allclose(a.detach().numpy(), b, rtol=1e-9, atol=1e-12)


@EVERY_CASE
def test_half_precision_stays(case):
    module, inputs, leaves, kwargs = ready(case, "float16")
    found = run(case, module.eval(), inputs, leaves, kwargs, LIB)
    for what in ("outputs", "inputs", "parameters"):
        assert {a.dtype for a in found[what] if a.dtype.kind == "f"} <= {np.dtype(np.float16)}


@EVERY_CASE
def test_train_and_eval_reach_everything(case):
    module = ready(case)[0]
    module.eval()
    assert not any(m.training for m in module.modules())
    module.train()
    assert all(m.training for m in module.modules())


@EVERY_CASE
def test_copies_compute_the_same_and_share_nothing(case):
    module, inputs, leaves, kwargs = ready(case)
    module.eval()
    twins = [copy.deepcopy(module)]
    if type(module).__module__.startswith("nn"):  # classes made inside a function cannot be pickled
        twins.append(pickle.loads(pickle.dumps(module)))
    expected = run(case, module, inputs, leaves, kwargs, LIB)
    for twin in twins:
        assert repr(twin) == repr(module)
        assert type(twin) is type(module)
        found = run(case, twin, inputs, leaves, kwargs, LIB)
        for what in ("outputs", "parameters"):
            for a, b in zip(found[what], expected[what], strict=True):
                # Not to the last bit: BLAS adds in an order that depends on how the copy's memory is aligned.
                np.testing.assert_allclose(a, b, rtol=1e-13, atol=1e-15)
        for mine, other in zip(twin.parameters(), module.parameters(), strict=True):
            assert not np.shares_memory(mine.detach().numpy(), other.detach().numpy())


@EVERY_CASE
def test_state_can_be_loaded_into_a_fresh_one(case):
    module, _inputs, _leaves, _kwargs = ready(case)
    other = prepare(case, LIB, "float64")[0]  # a lazy one takes the shapes from the state
    assert repr(other.load_state_dict(module.state_dict())) == "<All keys matched successfully>"
    for a, b in zip(module.eval().state_dict().values(), other.eval().state_dict().values(), strict=True):
        np.testing.assert_array_equal(a.numpy(), b.numpy())


@pytest.mark.parametrize("case", [c for c in CASES if c.random], ids=lambda c: c.label)
def test_random_modules_follow_the_seed(case):
    module, inputs, leaves, kwargs = ready(case)
    results = []
    for seed in (1, 1, 2):
        autograd.manual_seed(seed)
        results.append(run(case, module, inputs, leaves, kwargs, LIB))
    same = [np.array_equal(a, b) for a, b in zip(results[0]["outputs"], results[1]["outputs"], strict=True)]
    assert all(same)
    seeds = [results[0]]
    for seed in range(2, 8):
        autograd.manual_seed(seed)
        seeds.append(run(case, module, inputs, leaves, kwargs, LIB))
    assert any(not np.array_equal(s["outputs"][0], seeds[0]["outputs"][0]) for s in seeds[1:])


def test_cross_map_norm_is_the_local_response_norm():
    x = autograd.tensor(wave(2, 5, 2, 2))
    a, b = nn.CrossMapLRN2d(3, 0.5, 0.7, 2)(x), nn.LocalResponseNorm(3, 0.5, 0.7, 2)(x)
    np.testing.assert_array_equal(a.numpy(), b.numpy())


# ------------------------------------------------------------------ PyTorch itself, where it is installed


@pytest.mark.parametrize("case", [c for c in FIXED if c.name not in OWN], ids=lambda c: c.label)
def test_same_as_pytorch_with_its_weights(case):
    """PyTorch's own initial weights, moved by name: outputs and gradients agree to 1e-5 in float32."""
    torch = pytest.importorskip("torch")
    from tests.nn.harness import Library

    theirs = Library(torch.nn, torch)
    torch.manual_seed(zlib.crc32(case.label.encode()))
    reference, *given = prepare(case, theirs, "float32")
    if "Lazy" in case.name:
        with torch.no_grad():
            reference(*given[0], **given[2])
    module, inputs, leaves, kwargs = ready(case, "float32")
    state = {k: autograd.tensor(v.detach().numpy()) for k, v in reference.state_dict().items()}
    module.load_state_dict(state)
    for mode in (True, False):
        expected = run(case, reference.train(mode), given[0], given[1], given[2], theirs)
        found = run(case, module.train(mode), inputs, leaves, kwargs, LIB)
        for what in expected:
            for a, b in zip(found[what], expected[what], strict=True):
                np.testing.assert_allclose(
                    a, b, rtol=1e-5, atol=1e-5 * max(1.0, np.abs(b).max(initial=0.0)), err_msg=what
                )
