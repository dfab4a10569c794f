"""Two distributions share the import name `autograd`: the mix is recognised, the error names both and the repair."""

from __future__ import annotations

import shutil
import subprocess
import sys
import types
from pathlib import Path

import pytest

from autograd import _conflict as ours
from autograd._extras import require
from nn import _conflict as nns

ROOT = Path(__file__).resolve().parent.parent
REPAIR = "pip uninstall -y autograd glassgrad, then pip install glassgrad"


def test_a_clean_folder_passes(tmp_path):
    (tmp_path / "__init__.py").touch()
    ours.check(str(tmp_path))


def test_our_own_folder_passes():
    ours.check(str(ROOT / "autograd"))


@pytest.mark.parametrize("name", ours.FOREIGN)
def test_foreign_files_beside_ours_are_recognised(tmp_path, name):
    (tmp_path / name).touch()
    with pytest.raises(ImportError, match=f"glassgrad and the PyPI package autograd.*found {name}") as caught:
        ours.check(str(tmp_path))
    assert REPAIR in str(caught.value)
    assert caught.value.name == "autograd"


def test_importing_a_mixed_folder_stops_first_of_all(tmp_path):
    shutil.copytree(ROOT / "autograd", tmp_path / "autograd", ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / "autograd" / "differential_operators.py").touch()
    done = subprocess.run(
        [sys.executable, "-c", "import autograd"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert "ImportError: autograd: the files of two distributions" in done.stderr


def test_nn_accepts_our_autograd():
    nns.check(types.SimpleNamespace(Tensor=object))


@pytest.mark.parametrize("attributes", [{"__file__": "/env/autograd/__init__.py"}, {"__path__": ["/env/autograd"]}, {}])
def test_nn_recognises_the_other_package_and_the_rest_of_an_uninstall(attributes):
    other = types.SimpleNamespace(**attributes)
    with pytest.raises(ImportError, match=r"not glassgrad's, from .*glassgrad and the PyPI package autograd") as caught:
        nns.check(other)
    assert REPAIR in str(caught.value)


def test_importing_nn_over_the_other_package_stops(tmp_path):
    shutil.copytree(ROOT / "nn", tmp_path / "nn", ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / "autograd").mkdir()
    (tmp_path / "autograd" / "__init__.py").write_text("from math import sin as grad\n")
    done = subprocess.run(
        [sys.executable, "-c", "import nn"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert "ImportError: nn: `import autograd` gave a package that is not glassgrad's" in done.stderr


def test_a_missing_extra_names_its_install_command():
    with pytest.raises(ImportError, match=r"erfinv: no_such_library is not installed; pip install glassgrad\[scipy\]"):
        require("no_such_library.special", extra="scipy", purpose="erfinv")


def test_an_extra_that_is_there_is_returned():
    assert require("math", extra="scipy", purpose="test").sqrt(4.0) == 2.0
