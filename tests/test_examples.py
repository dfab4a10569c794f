"""Every program of `examples/` with small settings: the figure it is there to show, not just that it ends."""

from __future__ import annotations

import ast
import gzip
import importlib
import os
import pickle
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

EXAMPLES = Path(__file__).resolve().parent.parent / "examples"
PROGRAMS = sorted(path.stem for path in EXAMPLES.glob("[a-e][0-9]*_*.py"))
pytestmark = pytest.mark.filterwarnings("default::DeprecationWarning:(matplotlib|sklearn|dateutil|pyparsing|joblib).*")


@pytest.fixture(autouse=True)
def threads():
    """The programs take one thread for matrices; what they found is put back."""
    try:
        from threadpoolctl import threadpool_limits
    except ImportError:
        yield
        return
    with threadpool_limits(1):
        yield


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Run a program of the folder in this process; what its main() returns."""
    monkeypatch.syspath_prepend(str(EXAMPLES))

    def main(name, *arguments):
        try:
            return importlib.import_module(name).main(["--quick", "--out", str(tmp_path), *arguments])
        except ImportError as missing:
            if "glassgrad[examples]" in str(missing):
                pytest.skip(str(missing))
            raise

    return main


def near(value, tolerance=1e-6):
    return pytest.approx(value, rel=0, abs=tolerance)


def rows(value, tolerance=1e-6):
    """`near` for nested lists."""
    return [near(row, tolerance) for row in value]


# ------------------------------------------------------------------ the demo


def test_demo(run, tmp_path, capsys):
    found = run("demo")
    said = capsys.readouterr().out
    assert found["accuracy"] >= 0.95  # 15 epochs; the 40 of ./run demo give 0.97 and more
    assert re.fullmatch(r"test accuracy: 0\.9\d\d\d", said.splitlines()[-1])
    assert "∂y/∂u₃ = 1.00 × (−1/u²) = 1.00 × (−0.53) = −0.53" in said
    named = re.findall(r"^  (\S+\.(?:svg|png|html))$", said, re.MULTILINE)
    assert len(named) == 7
    assert all(Path(name).stat().st_size > 1000 for name in named)
    check_walk_through((tmp_path / "walk_through.svg").read_text(encoding="utf-8"))


def check_walk_through(svg):
    """The picture carries every number of the walk-through."""
    found = {
        match[1]: (ast.literal_eval(match[2]), ast.literal_eval(match[3]))
        for match in re.finditer(r'data-name="([^"]*)"[^>]*data-value="([^"]*)" data-grad="([^"]*)"', svg)
    }
    expected = {
        "z": (1.0, 0.196612), "u₁": (-1.0, -0.196612), "u₂": (0.367879, -0.534447), "u₃": (1.367879, -0.534447),
        "y": (0.731059, 1.0), "w": ([1.0, -2.0], [0.589836, 0.393224]), "x": ([3.0, 2.0], [0.196612, -0.393224]),
        "b": (2.0, 0.196612)}  # fmt: skip
    for name, (value, grad) in expected.items():
        assert found[name] == (near(value), near(grad)), name


def test_demo_without_dot_reaches_its_figure(run, monkeypatch):
    monkeypatch.setenv("PATH", "")
    assert run("demo", "--epochs", "40")["accuracy"] >= 0.97


# ------------------------------------------------------------------ A. tensors


def test_a1_creation(run):
    shown = run("a1_creation")
    assert shown["tensor([1., 2, 3])"] == shown["Tensor([1, 2, 3])"] == "tensor([1., 2., 3.])"
    assert shown["tensor([1, 2, 3])"] == "tensor([1, 2, 3])"
    assert shown["zeros(2, 3, dtype=int)"] == "tensor([[0, 0, 0],\n        [0, 0, 0]], dtype=int32)"
    assert shown["ones_like(ones)"] == "tensor([[1., 1., 1.],\n        [1., 1., 1.]])"


def test_a2_properties(run):
    assert run("a2_properties") == {"shape": (4, 6), "last row": "tensor([ 41.,  42.,  43.,  44.,  45., 104.])"}


def test_a3_numpy(run):
    found = run("a3_numpy")
    assert found["array"] == found["tensor"] == [10.0, 20.0, 3.0]
    assert found["made"] == found["view"] == [2.0, 2.0, 30.0]


def test_a4_shapes(run):
    assert list(run("a4_shapes").values()) == [(2, 6), (3, 4), (2, 6), (1, 2, 6), (3, 784), (12,)]


def test_a5_elementwise(run):
    found = run("a5_elementwise")
    assert found["t1 / t2"] == rows([[0.1089, 0.1091, 0.1083], [0.1050, 0.1048, 0.1045]], 5e-5)
    assert found["t1 * row"] == rows([[1.1, 12, 130], [2.1, 22, 230]])
    assert found["t1 > 2"] == [[False] * 3, [True] * 3]
    assert found["same"]


def test_a6_reductions(run):
    assert run("a6_reductions") == {
        "sum": 21.0, "mean": 3.5, "std": near(1.8708287), "argmax": 5, "max": [3.0, 6.0], "at": [2, 2]}  # fmt: skip


def test_a7_indexing(run):
    found = run("a7_indexing")
    assert found.pop("take") == near([3.0, 3.1, 3.5])
    assert found.pop("masked_select") == near([3.3, 3.4, 3.5])
    assert list(found.values()) == [
        (2, 3, 32, 32), (1, 3, 32, 32), (8, 3, 32, 32), (3, 32, 32), (16, 2, 32, 32), (16, 3, 8, 6), (16, 3, 8, 6)]  # fmt: skip


def test_a8_memory(run):
    assert run("a8_memory") == {"stride": (3, 1), "offset": 5, "view": 5, "transposed": (1, 3)}


# ------------------------------------------------------------------ B. derivatives


def test_b1_scalar_by_vector(run):
    assert run("b1_scalar_by_vector") == {"y": 55.0, "grad": [2.0, 4.0, 6.0, 8.0, 10.0]}


def test_b2_vector_by_vector(run):
    assert run("b2_vector_by_vector") == {
        "grad": [2.0, 4.0, 6.0, 8.0, 10.0], "jacobian": np.diag([2.0, 4.0, 6.0, 8.0, 10.0]).tolist()}  # fmt: skip


def test_b3_vector_by_matrix(run):
    assert run("b3_vector_by_matrix") == {"W.grad": [[1.0, 2.0, 3.0, 4.0, 5.0]] * 3, "b.grad": [1.0] * 3}


def test_b4_derivatives(run):
    found = run("b4_derivatives")
    assert found["formula"] < 1e-14
    assert found["numerical"] < 1e-7
    assert (found["inward"], found["outward"], found["across"]) == near((-8.48528137, 8.48528137, 0.0))


def test_b5_three_ways(run):
    found = run("b5_three_ways")
    assert found["apart"] < 1e-8
    assert found["db"] == near(0.196612)


def test_b6_walk_through(run, tmp_path):
    found = run("b6_walk_through")
    assert found["values"] == near([1, -1, 0.367879, 1.367879, 0.731059])
    assert found["gradients"] == near([0.196612, -0.196612, -0.534447, -0.534447, 1.0])
    assert found["dx"] == near([0.196612, -0.393224])
    assert found["dw"] == near([0.589836, 0.393224])
    assert found["db"] == near(0.196612)
    assert found["pictures"] == len(list(tmp_path.glob("b6_step_*.svg"))) == 13
    check_walk_through((tmp_path / "b6_walk_through.svg").read_text(encoding="utf-8"))


def test_b7_jacobians(run):
    found = run("b7_jacobians")
    assert len(found) == 4
    assert max(found.values()) < 1e-15


def test_b8_four_equations(run):
    assert run("b8_four_equations")["apart"] < 1e-12


def test_b9_newton(run):
    path = run("b9_newton")["path"]
    assert path[1:3] == near([2.5, 1.7], 1e-12)
    assert path[-1] == near(1.5, 1e-12)


def test_b10_newton_logistic(run):
    found = run("b10_newton_logistic")
    assert found["steps"] < 10
    assert found["gradient"] < 1e-9
    assert found["apart"] < 1e-4  # gradient descent is on its way to the same point


# ------------------------------------------------------------------ C. optimisation and linear models


def test_c1_descent(run):
    found = run("c1_descent")
    path = found["path"]
    assert found["J"][:2] == near([24.0, 16.8], 1e-12)
    assert path[1] == near([-1.6, 2.2], 1e-12)
    assert path[2] == near([-1.28, 1.56], 1e-12)
    assert path[3] == near([-1.024, 1.048], 1e-12)
    assert path[10] == near([-0.215, -0.571], 5e-4)
    assert path[20] == near([-0.023, -0.954], 5e-4)


def test_c2_mse(run):
    assert run("c2_mse") == {"halved": near(0.8333, 5e-5), "MSELoss": near(1.6667, 5e-5)}


def test_c3_house_price(run):
    found = run("c3_house_price")
    assert found["first"] > 50
    assert 0.8 < found["last"] < 1.2


def test_c4_trapezoid(run):
    found = run("c4_trapezoid")
    assert found["found"] == near([0.84, 0.70, 0.855, 0.665, 0.54], 0.02)


def test_c5_line(run):
    found = run("c5_line")
    assert found["w"] == near(2.0, 0.1)
    assert found["apart"] < 1e-14


def test_c6_linear_regression(run):
    found = run("c6_linear_regression")
    assert found["exact"] == near([2.0, 3.0, 2.6], 1e-10)
    assert found["found"] == near([2.0, 3.0, 2.6], 1e-3)
    assert found["at (4, 5)"] == near(25.6, 1e-2)


def test_c7_polynomials(run):
    found = run("c7_polynomials")
    assert found["off"][2] < found["off"][9] / 2
    assert found["off"][2] < found["off"][1] / 10
    assert found["on"][9] < found["on"][2]  # the over-fit is closest where it was fitted


def test_c8_ridge_lasso(run):
    found = run("c8_ridge_lasso")
    norm, zeros = found["norm"], found["near zero"]
    assert norm["ridge by its term"] < 0.95 * norm["plain"]
    assert norm["lasso"] < norm["plain"]
    assert zeros["lasso"] >= zeros["ridge by its term"] + 3
    assert found["apart"] < 1e-12


def test_c9_logistic_regression(run):
    found = run("c9_logistic_regression")
    assert found["right"] >= 0.98
    assert found["far"] > 0.9
    assert found["other"] < 0.1


def test_c10_generalised(run):
    found = run("c10_generalised")
    assert len(found) == 3
    for w, score in found.values():
        assert w == near([1.2, 0.5], 0.35)
        assert score < 1e-4


def test_c11_optimizers(run):
    found = run("c11_optimizers")
    assert len(found["apart"]) == 5
    assert max(found["apart"].values()) < 1e-12
    assert found["first step"] < 1e-12 < 0.1 < found["tenth step"]
    assert all(losses[-1] < losses[0] for losses in found["losses"].values())


# ------------------------------------------------------------------ D. networks on images


def test_d1_loaders(run):
    found = run("d1_loaders")
    assert found["train"] == (1437, 1, 8, 8)
    assert (found["test"], sum(found["counts"])) == (360, 1437)


@pytest.fixture
def small_files(tmp_path):
    """30 random images as CSV, as a pickle, as IDX files."""
    random = np.random.default_rng(0)
    pixels, labels = random.integers(0, 256, (30, 784), np.uint8), np.arange(30, dtype=np.uint8) % 10
    np.savetxt(tmp_path / "small.csv", np.column_stack([pixels, labels]), "%d", ",", comments="",
               header=",".join([*(f"p{i}" for i in range(784)), "label"]))  # fmt: skip
    pair = (pixels.astype(np.float32) / 255, labels.astype(np.int64))
    (tmp_path / "small.pkl.gz").write_bytes(gzip.compress(pickle.dumps((pair, pair, pair))))
    folder = tmp_path / "idx"
    folder.mkdir()
    for stem in ("train", "t10k"):
        shape = b"".join(n.to_bytes(4, "big") for n in (30, 28, 28))
        (folder / f"{stem}-images-idx3-ubyte").write_bytes(b"\0\0\x08\x03" + shape + pixels.tobytes())
        (folder / f"{stem}-labels-idx1-ubyte").write_bytes(b"\0\0\x08\x01" + shape[:4] + labels.tobytes())
    return tmp_path


@pytest.mark.parametrize(("name", "count"), [("small.csv", 25), ("small.pkl.gz", 30), ("idx", 30)])
def test_d1_reads_every_form(run, small_files, name, count):
    assert run("d1_loaders", "--data", str(small_files / name))["train"] == (count, 1, 28, 28)


@pytest.mark.parametrize("name", ["d3_softmax_regression", "d7_deep_mlp", "d9_cnn"])
def test_mnist_takes_the_place_of_the_small_digits(run, small_files, name):
    found = run(name, "--data", str(small_files / "idx"), "--epochs", "2")
    assert 0 <= found["accuracy"] <= 1
    assert found.get("equal", True)


def test_d1_names_what_is_wrong(run, small_files):
    with pytest.raises(SystemExit, match="no file or folder"):
        run("d1_loaders", "--data", str(small_files / "none.here"))
    file = small_files / "small.pkl.gz"
    file.write_bytes(file.read_bytes()[:2000])
    with pytest.raises(SystemExit, match="truncated"):
        run("d1_loaders", "--data", str(file))
    images = small_files / "idx" / "train-images-idx3-ubyte"
    images.write_bytes(images.read_bytes()[:-5])
    with pytest.raises(SystemExit, match="truncated"):
        run("d1_loaders", "--data", str(small_files / "idx"))
    (small_files / "wrong.csv").write_text("1,2,3\n")
    with pytest.raises(SystemExit, match="columns"):
        run("d1_loaders", "--data", str(small_files / "wrong.csv"))


def test_d2_seen(run):
    assert run("d2_seen")["agree"] > 0.9


def test_d3_softmax_regression(run):
    assert run("d3_softmax_regression")["accuracy"] >= 0.93


def test_d4_by_hand(run):
    found = run("d4_by_hand")
    assert found["dW"] == rows([
        [-0.39912122, -1.11727762, -1.83543402], [-3.9169807, -4.85742596, -5.79787122],
        [0.45805143, 0.79926111, 1.14047079], [3.80978713, 5.08232955, 6.35487197],
        [0.04826335, 0.09311292, 0.13796248]], 2e-8)  # fmt: skip
    assert found["db"] == near([-0.7181564, -0.94044526, 0.34120968, 1.27254242, 0.04484956], 2e-8)
    assert found["leaky"] == -0.2
    assert found["apart"] < 1e-12


def test_d5_summary(run, capsys):
    assert run("d5_summary") == {"first": 401_920, "last": 5_130, "all": 407_050}
    said = capsys.readouterr().out
    assert "401,920 + 5,130 = 407,050" in said


def test_d6_drawn(run, tmp_path):
    assert run("d6_drawn")["operations"] >= 4
    for name in ("d6_neurons.svg", "d6_graph.svg"):
        assert "<svg" in (tmp_path / name).read_text(encoding="utf-8")


def test_d7_deep_mlp(run):
    found = run("d7_deep_mlp")
    assert found["accuracy"] >= 0.96
    assert found["equal"]
    assert found["repeated"] == 3


def test_d8_overfitting(run):
    found = run("d8_overfitting")
    plain, decayed, stopped = found.values()
    assert plain["training"] < 0.01
    assert plain["validation"] > 1.25 * plain["lowest"]
    assert decayed["validation"] < plain["validation"] - 0.05
    assert stopped["validation"] < plain["validation"] - 0.05


def test_d9_cnn(run):
    assert run("d9_cnn")["accuracy"] >= 0.98


def test_d10_recurrent(run):
    found = run("d10_recurrent")
    assert found["RNN"] >= 0.95
    assert found["LSTM"] >= 0.95


def test_d11_adversarial(run):
    changes = run("d11_adversarial")["changes"]
    assert [before for before, _, _ in changes] == [2, 4, 6, 8]
    assert all(before != after and 0 < size < 0.5 for before, after, size in changes)


def test_d12_activations(run):
    found = run("d12_activations")
    assert len(found) == 7
    assert max(found.values()) < 1e-8


def test_e1_gpt(run, capsys):
    found = run("e1_gpt")
    assert found["first"] == near(np.log(found["characters"]), 0.5)  # at first it only guesses
    assert found["last"] < 2.0
    assert found["held out"] < 2.0
    assert "\ndef " in capsys.readouterr().out


# ------------------------------------------------------------------ all of them


def test_every_program_has_a_test_and_a_row():
    """None is forgotten here or in the index."""
    index = (EXAMPLES / "README.md").read_text(encoding="utf-8")
    assert len(PROGRAMS) == 8 + 10 + 11 + 12 + 1
    for name in PROGRAMS:
        assert f"test_{name}" in globals(), name
        assert f"({name}.py)" in index, name


def test_pictures_of_the_index_exist_and_are_small():
    index = (EXAMPLES / "README.md").read_text(encoding="utf-8")
    named = set(re.findall(r"pictures/[\w.]+", index))
    kept = {f"pictures/{path.name}" for path in (EXAMPLES / "pictures").iterdir()}
    assert named == kept
    sizes = [(EXAMPLES / name).stat().st_size for name in named]
    assert max(sizes) < 30_000
    assert sum(sizes) < 600_000


@pytest.mark.parametrize("name", ["demo", *PROGRAMS])
def test_help(run, name, capsys):
    """Every program says what it does and takes the common options."""
    with pytest.raises(SystemExit) as end:
        run(name, "--help")
    said = capsys.readouterr().out
    assert end.value.code == 0
    assert all(option in said for option in ("--seed", "--out", "--quick"))


def test_a_program_runs_from_the_repository_root(tmp_path):
    """Without an installation and without PYTHONPATH."""
    command = [sys.executable, "examples/b1_scalar_by_vector.py", "--out", str(tmp_path)]
    clean = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"} | {"PYTHONIOENCODING": "utf-8"}
    done = subprocess.run(command, cwd=EXAMPLES.parent, capture_output=True, check=False, env=clean, encoding="utf-8")
    assert done.returncode == 0, done.stderr
    assert "x.grad [2.0, 4.0, 6.0, 8.0, 10.0]" in done.stdout
