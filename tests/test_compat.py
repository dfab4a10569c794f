"""The PyTorch facade: its names, `import torch` in a session and from the command line, and what it says when lost."""

from __future__ import annotations

import importlib
import json
import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from autograd.compat import torch as facade
from autograd.compat.torch import _facade

ROOT = Path(__file__).resolve().parent.parent
NAMES = {module: names.split() for module, names in
         json.loads((Path(__file__).parent / "data" / "torch_names.json").read_text()).items()}  # fmt: skip
# Share of PyTorch 2.13's public names that must be there, module by module; what is absent is sparse, quantized,
# compiled, or of another device.
SHARE = {"torch": 0.86, "torch.Tensor": 0.88, "torch.nn.functional": 0.8, "torch.nn.utils": 0.66, "torch.optim": 0.76,
         "torch.utils.data": 0.65, "torch.autograd": 0.87, "torch.func": 0.86, "torch.distributions": 0.95,
         "torch.random": 0.85, "torch.fft": 0.94, "torch.testing": 0.75, "torch.nn.utils.parametrize": 0.85,
         "torch.linalg": 0.97, "torch.nn": 0.98}  # fmt: skip


@pytest.fixture
def torch():
    facade.install()
    yield facade
    facade.uninstall()


def module_of(name):
    return facade.Tensor if name == "torch.Tensor" else importlib.import_module("autograd.compat." + name)


@pytest.mark.parametrize("module", NAMES)
def test_the_names_of_pytorch_are_there(module, torch):
    there = [name for name in NAMES[module] if hasattr(module_of(module), name)]
    missing = sorted(set(NAMES[module]) - set(there))
    assert len(there) / len(NAMES[module]) >= SHARE.get(module, 1.0), f"{len(there)} of {len(NAMES[module])}: {missing}"


def test_all_names_together(torch):
    there = sum(hasattr(module_of(m), n) for m, names in NAMES.items() for n in names)
    assert there >= 1700, f"{there} of {sum(map(len, NAMES.values()))}"


@pytest.mark.parametrize("module", [m for m in NAMES if m != "torch.Tensor"])
def test_what_a_module_lists_it_has(module):
    found = module_of(module)
    assert [name for name in dir(found) if not hasattr(found, name)] == []


# ------------------------------------------------------------------ import torch


def test_install_answers_import_torch():
    before = sys.modules.get("torch")
    facade.install()
    try:
        import torch
        import torch.nn as nn
        import torch.nn.functional as F
        from torch.optim.lr_scheduler import StepLR
        from torch.utils.data import DataLoader

        assert torch is facade
        assert nn is torch.nn
        assert F.relu(torch.tensor([-1.0])).item() == 0
        assert StepLR is torch.optim.lr_scheduler.StepLR
        assert DataLoader is torch.utils.data.DataLoader
        assert facade.installed()
        assert facade.install() is facade
    finally:
        facade.uninstall()
    assert sys.modules.get("torch") is before
    assert not facade.installed()
    facade.uninstall()


def test_a_loaded_pytorch_comes_back():
    fake = type(sys)("torch")
    before = {k: sys.modules.pop(k) for k in list(sys.modules) if k.split(".")[0] == "torch"}
    sys.modules["torch"] = fake
    try:
        facade.install()
        assert sys.modules["torch"] is facade
        facade.uninstall()
        assert sys.modules["torch"] is fake
    finally:
        del sys.modules["torch"]
        sys.modules.update(before)


def test_printing_follows_pytorch_while_installed():
    t = facade.ones(2, dtype=facade.float64)
    assert repr(t) == "tensor([1., 1.], dtype=float64)"
    facade.install()
    try:
        assert repr(t) == "tensor([1., 1.], dtype=torch.float64)"
        assert repr(t.shape) == "torch.Size([2])"
        assert str(type(t)) == "<class 'torch.Tensor'>"
        assert str(facade.nn.BatchNorm2d) == "<class 'torch.nn.modules.batchnorm.BatchNorm2d'>"
        assert repr(facade.sort(facade.tensor([2, 1]))) == (
            "torch.return_types.sort(\nvalues=tensor([1, 2]),\nindices=tensor([1, 0]))"
        )
        x = facade.ones(3, requires_grad=True)
        assert facade.nn.MSELoss()(x, facade.zeros(3)).grad_fn.name() == "MseLossBackward0"
        assert facade.nn.Linear(3, 2)(x.view(1, 3)).grad_fn.name() == "AddmmBackward0"
        assert x[0].grad_fn.name() == "SelectBackward0"
        assert x.sum(0).grad_fn.name() == "SumBackward1"
        assert (1 - x).grad_fn.name() == "RsubBackward1"
    finally:
        facade.uninstall()
    assert repr(t) == "tensor([1., 1.], dtype=float64)"
    assert "return_types" not in repr(facade.sort(facade.tensor([2, 1])))
    assert type(t).__module__ == "autograd._tensor"
    assert (1 - facade.ones(1, requires_grad=True)).grad_fn.name() == "SubBackward0"


# What PyTorch 2.13's CPU generator gave.
DRAWS = [
    (lambda t: t.rand(3), [0.8822692633, 0.9150039554, 0.3828637600]),
    (lambda t: t.rand(3, dtype=t.float64), [0.0581544860, 0.0629101674, 0.1235860728]),
    (lambda t: t.randn(3), [0.3366903663, 0.1288094074, 0.2344623655]),
    (lambda t: t.randn(20)[:3], [1.9269152880, 1.4872840643, 0.9007171988]),
    (lambda t: t.randn(20)[16:], [-0.3097267747, -0.3957104981, 0.8034093380, -0.6215953827]),
    (lambda t: t.randint(0, 10, (5,)), [2, 7, 6, 4, 6]),
    (lambda t: t.randint(0, 2**40, (2,)), [441507790259, 395924837646]),
    (lambda t: t.randperm(10), [2, 6, 1, 8, 4, 5, 0, 9, 3, 7]),
    (lambda t: t.empty(12).bernoulli_(0.3), [1, 1, 1, 1, 0, 0, 0, 0, 1, 1, 1, 0]),
    (lambda t: t.bernoulli(t.full((6,), 0.3)), [0, 0, 0, 0, 0, 0]),
    (lambda t: t.empty(5).exponential_(), [0.0599140152, 0.0649761260, 0.1319167763, 0.0540129505, 0.7469106913]),
    (lambda t: t.empty(()).uniform_(-0.5, 0.5), 0.3822692633),
    (lambda t: t.multinomial(t.ones(5), 3), [3, 0, 1]),
    (lambda t: t.multinomial(t.ones(5), 7, True), [0, 0, 0, 0, 2, 2, 4]),
    (lambda t: t.nn.functional.dropout(t.ones(12), 0.3) > 0, [1, 1, 1, 1, 1, 1, 0, 0, 1, 1, 1, 1]),
    (lambda t: t.empty((), dtype=t.int64).random_(), 6909045637428952499),
]


@pytest.mark.parametrize(("draw", "expected"), DRAWS)
def test_random_numbers_are_pytorchs(draw, expected, torch):
    torch.manual_seed(42)
    found = draw(torch)
    if isinstance(expected, int):
        assert found.item() == expected
    np.testing.assert_allclose(np.asarray(found, dtype=float), expected, rtol=2e-6)


def test_the_state_of_the_generator_can_be_kept(torch):
    torch.manual_seed(1)
    torch.randn(3)
    state = torch.get_rng_state()
    first = [torch.randn(3), torch.rand(2)]
    torch.set_rng_state(state)
    again = [torch.randn(3), torch.rand(2)]
    assert all(torch.equal(a, b) for a, b in zip(first, again, strict=True))


# ------------------------------------------------------------------ a name that is not there


def test_a_missing_attribute_names_itself_and_what_is_close(torch):
    with pytest.raises(AttributeError, match=r"torch\.nn has no 'Liner' here.*closest: Linear"):
        torch.nn.Liner
    with pytest.raises(AttributeError, match=r"torch has no 'Linear' here.*it is torch\.nn\.Linear"):
        torch.Linear
    assert not hasattr(torch, "quantize_per_tensor")


def test_what_inspect_asks_of_every_module_is_not_looked_for(torch, monkeypatch):
    monkeypatch.setattr(_facade, "missing", lambda module, name: pytest.fail(f"looked for what is close to {name}"))
    assert not hasattr(torch.nn, "__wrapped__")
    with pytest.raises(AttributeError, match=r"module 'torch\.nn' has no attribute '__file_list__'"):
        _ = torch.nn.__file_list__


def test_a_missing_import_names_itself_and_what_is_close(torch):
    with pytest.raises(ImportError, match=r"torch\.optim has no 'Adamm' here.*closest: Adam"):
        from torch.optim import Adamm  # noqa: F401
    with pytest.raises(ImportError, match=r"torch has no 'onnx' here"):
        import torch.onnx  # noqa: F401
    with pytest.raises(ImportError, match=r"torch\.nn has no 'Liner' here"):
        from autograd.compat.torch.nn import Liner  # noqa: F401


def test_what_cannot_be_done_says_so(torch, tmp_path):
    with (
        torch.utils.tensorboard.SummaryWriter(tmp_path) as writer,
        pytest.warns(UserWarning, match="only numbers are written"),
    ):
        writer.add_histogram("weights", torch.ones(2), 0)
    with pytest.raises(RuntimeError, match="there is no GPU here"):
        torch.cuda.current_device()
    with pytest.raises(RuntimeError, match="there is no GPU here"):
        torch.cuda.FloatTensor(2)
    with pytest.raises(RuntimeError, match="downloads no models"):
        torch.hub.load("somebody/something", "resnet18")
    with pytest.raises(RuntimeError, match="there is one process here"):
        torch.distributed.init_process_group("gloo", rank=0, world_size=2)
    with pytest.raises(ValueError, match="environment variable WORLD_SIZE expected, but not set"):
        torch.distributed.init_process_group("gloo")
    with pytest.raises(TypeError, match="set_default_tensor_type: invalid type object"):
        torch.set_default_tensor_type("torch.Nothing")
    with pytest.raises(RuntimeError, match="'cuda' is not available"):
        torch.set_default_device("cuda")
    with pytest.raises(RuntimeError, match="set_num_threads expects a positive integer"):
        torch.set_num_threads(0)
    with pytest.raises(RuntimeError, match=r"torch\.linalg\.lstsq"):
        torch.lstsq(torch.ones(2, 1), torch.ones(2, 2))
    with pytest.raises(RuntimeError, match=r"use torch\.tensor"):
        torch.autograd.variable(1)


# ------------------------------------------------------------------ hand-written parts


def test_typed_tensors(torch):
    assert isinstance(torch.ones(2), torch.FloatTensor)
    assert not isinstance(torch.ones(2), torch.LongTensor)
    assert not isinstance(torch.ones(2), torch.cuda.FloatTensor)
    assert torch.LongTensor([1, 2]).dtype is torch.int64
    assert torch.ByteTensor(2, 3).shape == (2, 3)
    assert torch.DoubleTensor(torch.Size([2])).dtype is torch.float64
    assert str(torch.FloatTensor) == "<class 'torch.FloatTensor'>"
    torch.set_default_tensor_type(torch.DoubleTensor)
    assert torch.tensor(1.0).dtype is torch.float64
    torch.set_default_tensor_type("torch.FloatTensor")


def test_variable(torch):
    x = torch.ones(2)
    v = torch.autograd.Variable(x, requires_grad=True)
    assert v.requires_grad
    assert isinstance(x, torch.autograd.Variable)
    v.data[0] = 5
    assert x[0] == 5
    with pytest.warns(UserWarning, match="volatile was removed"):
        torch.autograd.Variable(x, volatile=True)
    with pytest.raises(TypeError, match="Variable data has to be a tensor, but got list"):
        torch.autograd.Variable([1.0])


def test_version_compares_by_numbers(torch):
    assert torch.__version__ >= "2.2"
    assert torch.__version__ > "1.13.1"
    assert not torch.__version__ < "2.9"
    assert torch.__version__ <= (2, 14)
    assert torch.__version__.startswith("2.13.0")


def test_assert_close(torch):
    check = torch.testing.assert_close
    check(torch.ones(2), torch.ones(2) + 1e-7)
    check({"a": [torch.ones(1), 2.0]}, {"a": [torch.ones(1), 2.0]})
    with pytest.raises(AssertionError, match=r"Mismatched elements: 1 / 2 \(50.0%\)"):
        check(torch.tensor([1.0, 2.0]), torch.tensor([1.0, 2.5]))
    with pytest.raises(AssertionError, match="'dtype' do not match"):
        check(torch.ones(2), torch.ones(2).double())
    with pytest.raises(AssertionError, match="'shape' do not match"):
        check(torch.ones(2), torch.ones(3))
    with pytest.raises(AssertionError, match="Scalars are not close"):
        check(1.0, 2.0)
    with pytest.raises(AssertionError, match="length of the sequences"):
        check([1.0], [1.0, 2.0])
    with pytest.raises(AssertionError, match="keys of the mappings"):
        check({"a": 1}, {"b": 1})
    with pytest.raises(ValueError, match="rtol and atol must both"):
        check(1.0, 1.0, rtol=0.1)


def test_settings_are_kept(torch):
    torch.set_num_threads(1)
    assert torch.get_num_threads() == 1
    torch.set_float32_matmul_precision("high")
    assert torch.get_float32_matmul_precision() == "high"
    torch.set_float32_matmul_precision("highest")  # as other tests in this process expect it
    torch.use_deterministic_algorithms(True)
    assert torch.are_deterministic_algorithms_enabled()
    torch.use_deterministic_algorithms(False)
    torch.backends.cudnn.deterministic = True
    assert not torch.cuda.is_available()
    assert torch.cuda.device_count() == 0
    assert not torch.backends.mps.is_available()
    torch.cuda.manual_seed_all(0)


def test_compiling_and_scripting_give_the_function_back(torch):
    def f(x):
        return x + 1

    assert torch.compile(f) is f
    assert torch.compile(mode="reduce-overhead")(f) is f
    assert torch.jit.script(f) is f
    assert torch.jit.trace(f, torch.ones(1)) is f
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert f(torch.ones(1)).dtype is torch.float32


def test_dual_tensors(torch):
    from torch.autograd import forward_ad

    with forward_ad.dual_level():
        x = forward_ad.make_dual(torch.tensor(2.0), torch.tensor(3.0))
        primal, tangent = forward_ad.unpack_dual(x**3)
        assert primal.item() == 8
        assert tangent.item() == 36
    with pytest.raises(RuntimeError, match="no level exists"):
        forward_ad.make_dual(torch.tensor(2.0), torch.tensor(3.0))


def test_storage_shares_memory(torch):
    t = torch.arange(6).view(2, 3)
    t.t().storage()[1] = 9
    assert t[0, 1] == 9
    assert len(t[1].storage()) == 6


def test_distributions_have_the_densities_of_scipy(torch):
    stats = pytest.importorskip("scipy.stats")
    d = torch.distributions
    x = torch.tensor([0.2, 0.7], dtype=torch.float64)
    half = torch.tensor(0.5, dtype=torch.float64)
    pairs = [
        (d.Normal(half, 2 * half), stats.norm(0.5, 1)), (d.Uniform(0 * half, 2 * half), stats.uniform(0, 1)),
        (d.Exponential(half), stats.expon(scale=2)), (d.Laplace(half, half), stats.laplace(0.5, 0.5)),
        (d.Cauchy(half, half), stats.cauchy(0.5, 0.5)), (d.Gumbel(half, half), stats.gumbel_r(0.5, 0.5)),
        (d.Gamma(half, half), stats.gamma(0.5, scale=2)), (d.Beta(half, 3 * half), stats.beta(0.5, 1.5)),
        (d.StudentT(3 * half), stats.t(1.5)), (d.LogNormal(half, half), stats.lognorm(0.5, scale=np.exp(0.5))),
        (d.HalfNormal(half), stats.halfnorm(scale=0.5)), (d.Chi2(6 * half), stats.chi2(3)),
    ]  # fmt: skip
    for ours, reference in pairs:
        np.testing.assert_allclose(ours.log_prob(x), reference.logpdf(x.numpy()), rtol=1e-9, err_msg=repr(ours))


@pytest.mark.parametrize("name", ["Normal", "Laplace", "Gumbel", "Cauchy"])
def test_rsample_carries_gradients(name, torch):
    loc = torch.zeros(3, requires_grad=True)
    scale = torch.ones(3, requires_grad=True)
    getattr(torch.distributions, name)(loc, scale).rsample((5,)).sum().backward()
    assert torch.equal(loc.grad, torch.full((3,), 5.0))
    assert scale.grad.abs().sum() > 0


def test_kl_divergence_is_the_mean_log_ratio(torch):
    d = torch.distributions
    torch.manual_seed(0)
    eye = torch.eye(2)
    pairs = [(d.Normal(0.0, 1.0), d.Normal(0.5, 1.5)), (d.Exponential(torch.tensor(1.0)), d.Exponential(torch.tensor(2.0))),
             (d.Gamma(2.0, 1.0), d.Gamma(3.0, 2.0)), (d.Bernoulli(0.3), d.Bernoulli(0.6)),
             (d.MultivariateNormal(torch.zeros(2), eye), d.MultivariateNormal(torch.ones(2), 2 * eye))]  # fmt: skip
    for p, q in pairs:
        x = p.sample((20000,))
        estimate = (p.log_prob(x) - q.log_prob(x)).mean()
        assert abs(estimate - d.kl_divergence(p, q)) < 0.05, (p, q)
    with pytest.raises(NotImplementedError, match=r"No KL\(p \|\| q\)"):
        d.kl_divergence(d.Normal(0.0, 1.0), d.Bernoulli(0.5))


def test_distributions_refuse_wrong_parameters(torch):
    d = torch.distributions
    with pytest.raises(
        ValueError,
        match=r"Expected parameter scale \(Tensor of shape \(1,\)\) of distribution Normal\(.*to satisfy the constraint GreaterThan",
    ):
        d.Normal(torch.zeros(1), -torch.ones(1))
    with pytest.raises(ValueError, match="Either `probs` or `logits` must be specified"):
        d.Bernoulli()
    with pytest.raises(ValueError, match="Uniform is not defined when low>= high"):
        d.Uniform(1.0, 0.0)
    with pytest.raises(ValueError, match="Exactly one of covariance_matrix"):
        d.MultivariateNormal(torch.zeros(2))
    with pytest.raises(NotImplementedError, match="has no differentiable rsample"):
        d.Bernoulli(0.5).rsample()


def test_pruning_refuses_what_it_cannot_do(torch):
    from torch.nn.utils import prune

    layer = torch.nn.Linear(3, 2)
    with pytest.raises(
        ValueError, match=r"amount=1\.5 should either be a float in the range \[0, 1\] or a non-negative integer"
    ):
        prune.l1_unstructured(layer, "weight", 1.5)
    with pytest.raises(ValueError, match="has to be pruned before pruning can be removed"):
        prune.remove(torch.nn.Linear(3, 2), "weight")
    with pytest.raises(TypeError, match=r"Invalid type for amount: half\. Must be int or float\."):
        prune.random_unstructured(torch.nn.Linear(3, 2), "weight", "half")
    with pytest.raises(ValueError, match="amount=7 should be smaller than the number of parameters to prune=6"):
        prune.l1_unstructured(torch.nn.Linear(3, 2), "weight", 7)
    prune.random_structured(rows := torch.nn.Linear(3, 4), "weight", 2, dim=0)
    assert (rows.weight.abs().sum(1) == 0).sum() == 2


def test_a_transform_without_a_formula_says_so(torch):
    plain = torch.distributions.Transform()
    for call in (plain, plain._inverse, lambda x: plain.log_abs_det_jacobian(x, x)):
        with pytest.raises(NotImplementedError, match="Transform"):
            call(torch.ones(1))


# ------------------------------------------------------------------ torchvision


def write_idx(path, array):
    header = struct.pack(">HBB", 0, 8, array.ndim) + struct.pack(f">{array.ndim}I", *array.shape)
    path.write_bytes(header + array.astype(np.uint8).tobytes())


def test_torchvision_reads_mnist_files(tmp_path, torch):
    pytest.importorskip("torchvision")
    from torchvision import datasets, transforms

    if "glassgrad" not in sys.modules["torchvision"].__version__:
        pytest.skip("torchvision itself is installed")
    write_idx(tmp_path / "train-images-idx3-ubyte", np.arange(2 * 28 * 28).reshape(2, 28, 28) % 256)
    write_idx(tmp_path / "train-labels-idx1-ubyte", np.array([3, 8]))
    chain = transforms.Compose([transforms.ToTensor(), transforms.Normalize((0.5,), (0.25,))])
    data = datasets.MNIST(tmp_path, train=True, download=True, transform=chain)
    image, label = data[1]
    assert (len(data), label, image.shape, image.dtype) == (2, 8, (1, 28, 28), torch.float32)
    assert image.min() == -2
    with pytest.raises(
        RuntimeError, match=r"Dataset not found: MNIST needs t10k-images-idx3-ubyte .* downloads nothing"
    ):
        datasets.MNIST(tmp_path, train=False)
    with pytest.raises(ImportError, match=r"torchvision has no 'models' here"):
        from torchvision import models  # noqa: F401


# ------------------------------------------------------------------ command line


def facade_runs(*args, **options):
    command = [sys.executable, "-m", "autograd.compat.torch", *map(str, args)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, **options)


def test_a_script_is_run(tmp_path):
    script = tmp_path / "program.py"
    (tmp_path / "helper.py").write_text("import torch\nX = torch.arange(3)\n")
    script.write_text("import sys\nimport torch\nfrom helper import X\nprint(X.sum().item(), sys.argv[1:], __name__)\n")
    done = facade_runs(script, "--lr", "3")
    assert done.stdout == "3 ['--lr', '3'] __main__\n", done.stderr


def test_code_and_modules_are_run(tmp_path):
    assert facade_runs("-c", "import torch; print(torch.ones(2).dtype)").stdout == "torch.float32\n"
    assert facade_runs("-m", "timeit", "-n1", "-r1", "import torch").returncode == 0
    assert facade_runs("--help").stdout.startswith("usage:")
    assert facade_runs().returncode == 2
    lost = facade_runs(tmp_path / "none.py")
    assert lost.returncode == 1
    assert "can't open file" in lost.stderr
    assert facade_runs("-c", "raise SystemExit(7)").returncode == 7


# ------------------------------------------------------------------ beside PyTorch itself


EXPRESSIONS = """
t.nn.Linear(2, 3) ; t.nn.Conv2d(1, 2, 3) ; t.nn.BatchNorm2d(2) ; t.nn.LSTM(1, 2, batch_first=True) ; t.nn.Dropout()
t.nn.Sequential(t.nn.Linear(1, 2), t.nn.ReLU()) ; t.nn.ModuleList([t.nn.Linear(1, 2)] * 2) ; t.nn.Transformer(4, 2, 1, 1, 8)
t.optim.SGD([t.zeros(1)], lr=0.1) ; t.optim.Adam([t.zeros(1)]) ; t.tensor([1e10, 1e-3]) ; t.arange(1200.0) ; t.zeros(0)
t.tensor(1 + 2j) ; t.tensor([True]) ; t.ones(40, 40) ; t.finfo(t.float32) ; t.iinfo(t.int8) ; t.device("cpu") ; t.Size([2])
t.tensor([0.1, float("nan"), float("inf")]) ; t.nn.Parameter(t.ones(2)) ; t.linalg.qr(t.eye(2)) ; t.ones(2).max(0)
t.randn(3, 3) ; t.nn.init.orthogonal_(t.empty(3, 5)) ; t.nn.init.trunc_normal_(t.empty(3, 5)) ; t.nn.Embedding(3, 4).weight
t.nn.LSTM(2, 3).weight_hh_l0 ; t.nn.MultiheadAttention(4, 2).in_proj_weight ; t.randint_like(t.zeros(3), 5) ; t.randn(3).cauchy_()
t.utils.data.random_split(range(5), [2, 3])[0].indices ; list(t.utils.data.RandomSampler(range(9)))
t.distributions.Categorical(t.ones(3)).sample((4,)) ; t.distributions.Normal(0.0, 1.0).sample((3,))
t.typename(t.ones(1)) ; t.ones(1).type() ; t.result_type(t.ones(1, dtype=t.int8), 1.0) ; t.promote_types(t.int8, t.float16)
"""


@pytest.mark.slow
def test_reprs_and_draws_are_those_of_pytorch():
    pytest.importorskip("torch")
    expressions = [e.strip() for line in EXPRESSIONS.strip().splitlines() for e in line.split(" ; ")]
    each = "    t.manual_seed(3)\n    print(e, repr(eval(e)).replace(chr(10), '|'))"
    code = f"import torch as t\nfor e in {expressions!r}:\n{each}"
    real = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code], capture_output=True, text=True, check=True
    ).stdout
    ours = facade_runs("-c", code, check=True).stdout
    assert ours.splitlines() == real.splitlines()


# ------------------------------------------------------------------ printing


def test_lines_break_where_pytorch_breaks_them(torch):
    assert repr(torch.zeros(35)).splitlines() == [
        "tensor([" + ", ".join(["0."] * 24) + ",",
        "        " + ", ".join(["0."] * 11) + "])",
    ]
    z = torch.tensor([-90 - 3j, 100 + 11j]).repeat(5)
    assert repr(z).splitlines() == [
        "tensor([-90.-3.j, 100.+11.j, -90.-3.j, 100.+11.j, -90.-3.j, 100.+11.j, -90.-3.j,",
        "        100.+11.j, -90.-3.j, 100.+11.j])",
    ]


@pytest.mark.parametrize(
    "name", ["backends.cudnn", "utils.model_zoo", "utils.benchmark", "cuda.amp.grad_scaler", "nn.parallel"]
)
def test_dotted_imports_find_their_module(name, torch):
    module = importlib.import_module("torch." + name)
    assert sys.modules["torch." + name] is module


def test_trees_are_taken_apart_and_put_together(torch):
    pytree = importlib.import_module("torch.utils._pytree")
    tree = {"a": [1, (2, 3)], "b": 4}
    leaves, spec = pytree.tree_flatten(tree)
    assert leaves == [1, 2, 3, 4]
    assert spec.num_leaves == 4
    assert pytree.tree_unflatten(leaves, spec) == tree
    assert spec == pytree.tree_flatten({"a": [5, (6, 7)], "b": 8})[1]
    assert pytree.tree_map(lambda x, y: x + y, tree, tree) == {"a": [2, (4, 6)], "b": 8}
    assert pytree.tree_map_only(int, str, (1, 2.5)) == ("1", 2.5)
    assert pytree.tree_leaves(tree, is_leaf=lambda t: isinstance(t, list)) == [[1, (2, 3)], 4]


def test_the_timer_measures(torch):
    bench = importlib.import_module("torch.utils.benchmark")
    timer = bench.Timer("x.sum()", globals={"x": torch.ones(3)}, label="sum")
    measured = timer.blocked_autorange(min_run_time=0.001)
    assert measured.median > 0
    assert "sum" in repr(measured)
    assert "sum" in str(bench.Compare([measured, timer.timeit(3)]))


# ------------------------------------------------------------------ memory


@pytest.mark.parametrize("make", [
    lambda t, x: x[:, [0, 2]], lambda t, x: t.index_select(x, 1, t.tensor([0, 1])), lambda t, x: x.mT.softmax(-1),
    lambda t, x: x.mT.log_softmax(1), lambda t, x: t.cat([x.mT, x.mT], 1), lambda t, x: t.stack([x.mT, x.mT], 1),
    lambda t, x: x.repeat_interleave(2, 1), lambda t, x: x.mT.masked_fill(x.mT > 3, 0), lambda t, x: x.mT.roll(1, 1),
    lambda t, x: x.permute(2, 0, 1).sum(0), lambda t, x: x.permute(1, 2, 0).amax(1), lambda t, x: x.mT.cumsum(1),
    lambda t, x: x.mT @ x, lambda t, x: x[:, :1].expand(2, 3, 4).double(), lambda t, x: x.transpose(0, 1).tril()])  # fmt: skip
def test_results_that_are_not_elementwise_can_be_viewed(make, torch):
    """Their memory follows their axes, whatever the layout of the input."""
    result = make(torch, torch.arange(24.0).view(2, 3, 4))
    assert result.is_contiguous()
    assert result.view(-1).shape == (result.numel(),)


@pytest.mark.parametrize("layer", ["MaxPool2d(2)", "GELU()"])
def test_what_follows_a_layer_may_work_in_place(layer, torch):
    x = torch.arange(-8.0, 8.0).view(1, 1, 4, 4) / 4
    grads = []
    for inplace in (False, True):
        leaf = x.clone().requires_grad_()
        torch.nn.functional.relu(eval("torch.nn." + layer)(leaf), inplace=inplace).sum().backward()
        grads.append(leaf.grad)
    assert torch.equal(*grads)


# ------------------------------------------------------------------ optimizers


def test_muon_takes_matrices_only(torch):
    with pytest.raises(ValueError, match=r"Muon only supports 2D parameters .*\[3\]"):
        torch.optim.Muon([torch.ones(3).requires_grad_()])
    with pytest.raises(ValueError, match="Adjust learning rate function louder"):
        torch.optim.Muon([torch.ones(3, 3).requires_grad_()], adjust_lr_fn="louder")


def sparse_steps(torch, **options):
    """Two steps of SparseAdam: the second looks up one row without a gradient, and one twice."""
    w = torch.ones(4, 2).requires_grad_()
    optimizer = torch.optim.SparseAdam([w], lr=0.1, **options)
    for rows, scale in (([1, 3], [1.0, 2.0]), ([1, 3, 3], [0.0, 1.0, 3.0])):
        optimizer.zero_grad()
        picked = torch.nn.functional.embedding(torch.tensor(rows), w, sparse=True)
        ((picked**2).sum(1) * torch.tensor(scale)).sum().backward()
        optimizer.step(lambda: None)
    return w.detach(), optimizer.state[w]


def test_sparse_adam_moves_the_rows_that_were_looked_up(torch):
    w, state = sparse_steps(torch)
    assert w[[0, 2]].tolist() == [[1.0, 1.0]] * 2
    assert w[1].tolist() == pytest.approx([0.8330] * 2, abs=1e-4)  # by its mean alone
    assert w[3].tolist() == pytest.approx([0.8024] * 2, abs=1e-4)
    assert state["exp_avg"][:, 0].tolist() == pytest.approx([0.0, 0.18, 0.0, 1.08])
    assert sparse_steps(torch, maximize=True)[0][1, 0] > 1


def test_sparse_adam_takes_rows_of_dense_gradients_where_none_are_sparse():
    from autograd.compat.torch import ones, optim

    w = ones(4, 2).requires_grad_()
    (w[1] ** 2).sum().backward()
    optimizer = optim.SparseAdam([w], lr=0.1)
    optimizer.step()
    assert w[:, 0].tolist() == pytest.approx([1.0, 0.9, 1.0, 1.0])


def test_optimizers_of_special_gradients_refuse_others(torch):
    w = torch.ones(2, 2).requires_grad_()
    w.sum().backward()
    with pytest.raises(RuntimeError, match="SparseAdam does not support dense gradients, please consider Adam instead"):
        torch.optim.SparseAdam([w]).step()
    z = torch.ones(2, 2, dtype=torch.complex64).requires_grad_()
    z.abs().sum().backward()
    with pytest.raises(RuntimeError, match="Muon does not support complex parameters"):
        torch.optim.Muon([z]).step()


def test_a_compiled_module_is_held_by_another_one(torch):
    inner = torch.nn.Linear(2, 1)
    model = torch.compile(inner)
    model.eval()
    model.note = 3
    assert inner.training is False
    assert inner.note == 3
    assert model.in_features == 2
    assert [name for name, _ in model.named_modules()] == ["", "_orig_mod"]
    assert torch.equal(model(torch.ones(1, 2)), inner(torch.ones(1, 2)))


def test_a_group_of_one_process_gives_back_what_it_got(torch):
    dist, t = torch.distributed, torch.ones(3) * 2
    dist.init_process_group("gloo", rank=0, world_size=1)
    try:
        gathered, objects, out = [torch.zeros(3)], [None], torch.zeros(3)
        dist.all_reduce(t, op=dist.ReduceOp.SUM)
        dist.all_gather(gathered, t)
        dist.all_gather_object(objects, {"a": 1})
        dist.scatter(out, [t], src=0)
        assert dist.broadcast(t, 0, async_op=True).wait()
        assert (dist.get_rank(), dist.get_world_size(), dist.get_backend(), objects) == (0, 1, "gloo", [{"a": 1}])
        assert t.tolist() == gathered[0].tolist() == out.tolist() == [2.0, 2.0, 2.0]
        model = torch.nn.parallel.DistributedDataParallel(torch.nn.Linear(2, 1))
        with model.no_sync():
            model(torch.ones(1, 2)).sum().backward()
        assert model.module.weight.grad.tolist() == [[1.0, 1.0]]
        with pytest.raises(ValueError, match="trying to initialize the default process group twice!"):
            dist.init_process_group("gloo", rank=0, world_size=1)
        with pytest.raises(ValueError, match="Invalid destination rank"):
            dist.send(t, 0)
    finally:
        dist.destroy_process_group()
    assert not dist.is_initialized()
