"""The benchmark harness: comparing results, tables, kept files, processes. Nothing here asserts a time."""

from __future__ import annotations

import dataclasses
import json
import sys
import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest

from benchmarks import __main__ as program
from benchmarks import chart, libraries, measure, report, serve
from benchmarks.fingerprint import disagreement, fingerprint
from benchmarks.pool import Worker, WorkerError
from benchmarks.torchlike import TorchLike
from benchmarks.workload import BANDS, WORKLOADS, Task, Workload, weights

EFFORT = measure.Effort(rounds=4, seconds=0.0, warm=0.0, patience=1.0, least=3, budget=60.0, tries=3)


def silent(line: str) -> None:
    """Progress nobody reads."""


# --- comparing results


def prints(*arrays):
    return [fingerprint(a) for a in arrays]


def test_equal_results_agree_and_rounding_is_forgiven():
    a = np.random.default_rng(0).standard_normal((40, 60))
    assert disagreement(prints(a), prints(a), 1e-9) == ""
    assert disagreement(prints(a.astype(np.float32)), prints(a), 1e-5) == ""


@pytest.mark.parametrize("where", [0, 1234, 4999])
def test_one_wrong_element_anywhere_is_found(where):
    a = np.random.default_rng(0).standard_normal(5000)
    b = a.copy()
    b[where] += 5.0
    assert "result 0 differs" in disagreement(prints(b), prints(a), 1e-3)


def test_a_transposed_result_is_found():
    a = np.random.default_rng(0).standard_normal((60, 60))
    assert "differs" in disagreement(prints(a.T), prints(a), 1e-3)


@pytest.mark.parametrize(
    ("got", "wanted", "text"),
    [
        ([np.ones(3)], [np.ones(4)], r"shape \(3,\), expected \(4,\)"),
        ([np.ones(3)], [np.ones(3), np.ones(2)], "1 arrays, expected 2"),
        ([np.array([1.0, np.nan])], [np.ones(2)], "differs by inf"),
        ([-np.ones(3)], [np.ones(3)], "differs by 2"),
    ],
)
def test_what_differs_is_said(got, wanted, text):
    import re

    assert re.search(text, disagreement(prints(*got), prints(*wanted), 1e-3))


def test_scalars_and_empty_arrays_have_fingerprints():
    assert disagreement(prints(np.float64(2.0), np.zeros((0, 3))), prints(np.array([2.0]), np.zeros((0, 3))), 0.0) == ""


# --- a run, with processes played by objects


class Pretender:
    """Answers like a worker, with a result and a time of the test's choosing."""

    def __init__(self, result, seconds, fails=""):
        self.result, self.seconds, self.fails, self.asked = result, seconds, fails, []

    def ask(self, command, *arguments):
        self.asked.append(command)
        if self.fails == command:
            raise WorkerError(f"no {command} today")
        if command == "open":
            return prints(self.result)
        return self.seconds if command == "warm" else {"seconds": self.seconds, "steps": 7, "faults": 0.0, "taken": 0}


@pytest.fixture
def row():
    """A workload's row in which PyTorch, this project and JAX agree and HIPS is wrong."""
    right = np.arange(5.0)
    workload = Workload("sum", "small", "a sum", lambda lib: None)
    workload.functional("jax", "hips", "mygrad")(lambda: None)
    workers = {
        "torch": Pretender(right, 2e-3),
        "glassgrad": Pretender(right, 1e-3),
        "jax": Pretender(right + 1e-7, 4e-3),
        "hips": Pretender(right + 0.5, 1e-9),
        "mygrad": Pretender(right, 1e-9, fails="open"),
        "tinygrad": Pretender(right, 1e-9),
    }
    made = measure.one(workload, workers, EFFORT, silent)
    return made | {"workers": workers}


def test_a_wrong_library_is_named_and_not_timed(row):
    assert list(row["times"]) == ["torch", "glassgrad", "jax"]
    assert "differs by" in row["wrong"]["hips"]
    assert "time" not in row["workers"]["hips"].asked


def test_a_failing_library_is_named_with_its_words(row):
    assert row["failed"] == {"mygrad": "no open today"}


def test_a_library_that_cannot_express_the_workload_is_not_asked(row):
    assert row["workers"]["tinygrad"].asked == []


def test_rounds_interleave_and_slow_libraries_get_fewer():
    order = []

    class Watched(Pretender):
        def ask(self, command, *arguments):
            order.extend([self.result] if command == "time" else [])
            return super().ask(command, *arguments)

    seen = measure.rounds({"a": Watched("a", 1e-3), "b": Watched("b", 9.0)}, ["a", "b"], EFFORT)
    assert order == ["a", "b", "b", "a", "a", "b", "a"]
    assert (len(seen["a"]), len(seen["b"])) == (4, 3)


def test_no_round_begins_after_the_budget():
    effort = dataclasses.replace(EFFORT, least=2, budget=0.0)
    assert len(measure.rounds({"a": Pretender("a", 1e-3)}, ["a"], effort)["a"]) == 2


def test_a_disturbed_measurement_is_tried_again():
    tries = iter([9, 4, 6, 0])

    class Disturbed:
        def ask(self, command, *arguments):
            return {"seconds": 1.0, "taken": next(tries)}

    assert measure.undisturbed(Disturbed(), EFFORT)["taken"] == 4  # the least of three
    assert measure.undisturbed(Disturbed(), EFFORT)["taken"] == 0  # at once


def test_a_worker_lost_while_timing_costs_one_row_only():
    workload = Workload("sum", "small", "a sum", lambda lib: None)
    workers = {"torch": Pretender(np.ones(2), 1.0, fails="time")}
    assert measure.all_of([workload], workers, EFFORT, silent) == []


def test_summary_gives_median_and_quartiles():
    assert measure.summary([5.0, 1.0, 3.0, 2.0, 4.0]) == {"low": 2.0, "median": 3.0, "high": 4.0}
    assert measure.summary([2.0]) == {"low": 2.0, "median": 2.0, "high": 2.0}


# --- tables


def timed(name, band, **seconds):
    times = {n: {"median": s, "low": s * 0.9, "high": s * 1.1, "faults": 0.0, "taken": 0} for n, s in seconds.items()}
    return {"name": name, "band": band, "title": name.upper(), "times": times, "wrong": {}, "failed": {}}


@pytest.fixture
def results():
    return {
        "rows": [
            timed("chain", "scalar", torch=4e-3, glassgrad=1e-3, micrograd=8e-3),
            timed("mlp", "small", torch=1e-4, glassgrad=9e-5, jax=3e-5, hips=2e-4),
            timed("lstm", "small", torch=4e-4, glassgrad=1e-4),
            timed("lenet", "medium", torch=1e-3, glassgrad=1.9e-3) | {"wrong": {"jax": "differs"}},
        ],
        "felt": {"import time": {"torch": 0.5, "glassgrad": 0.05, "numpy": 0.04}},
        "growth": [
            {"length": 1000, "seconds": 1e-6, "bytes": 500},
            {"length": 100000, "seconds": 1.1e-6, "bytes": 550},
        ],
        "limits": dict.fromkeys(
            ("sgemm_gflops", "copy_gb_per_s", "ufunc_call_ns", "matmul_call_ns", "python_call_ns"), 100.0
        ),
        "versions": {"torch": "2.13", "glassgrad": "2.4"},
        "date": "2026-01-01",
        "system": "Linux",
        "python": "3.11",
        "numpy": "2.4",
        "threads": 2,
        "rounds": 9,
    }


def test_the_table_has_times_ratios_and_noise(results):
    head, chain, mlp, _, lenet = report.lines(results["rows"], report.libraries_in(results["rows"]))
    columns = ["PyTorch eager", "glassgrad", "JAX jit", "HIPS autograd", "micrograd"]
    assert head == ["workload", *columns, "to PyTorch", "to best peer", "noise"]
    assert chain == ["CHAIN", "4.00 ms", "1.00 ms", "-", "-", "8.00 ms", "0.25", "0.12 micrograd", "10%"]
    assert mlp[1:4] == ["100 us", "90.0 us", "30.0 us"]
    assert mlp[-3:-1] == ["0.90", "3.00 jax"]
    assert lenet[3] == "WRONG"


def test_bands_are_held_against_their_targets(results):
    _, scalar, small, medium = report.band_lines(results["rows"])
    assert scalar == ["scalar", "0.25", "0.25", "0.25 chain", "0.25", "yes"]
    assert small == ["small", "0.47", "0.55", "0.90 mlp", "0.80", "NO"]
    assert medium == ["medium", "1.90", "1.00", "1.90 lenet", "2.00", "NO"]


def test_peers_are_compared_where_they_take_part(results):
    _, jax, hips, micrograd = report.peer_lines(results["rows"])
    assert jax == ["JAX jit", "1", "0.33", "0.33 mlp", "", ""]
    assert hips == ["HIPS autograd", "1", "2.22", "2.22 mlp", "3.0", "NO"]
    assert micrograd[-1] == "yes"


def test_text_and_markdown_hold_every_part(results):
    told = report.text(results)
    assert "CHAIN" in told
    assert "from 1,000 to 100,000 operations, against proportional: time 1.10, memory 1.10" in told
    assert "sgemm 100 GFLOP/s" in told
    assert "| import time | 500 ms | 50.0 ms | 40.0 ms | 0.10 |" in report.readme(results)


def test_without_anything_measured_there_is_still_a_report(results):
    assert "Medians of 9" in report.text(results | {"rows": [], "felt": {}, "growth": [], "limits": {}})


def test_a_busy_machine_is_said(results):
    assert "busy with other work (load 1.5)" in report.conditions(results | {"load": 1.5})
    assert "busy" not in report.conditions(results | {"load": 0.1})


def test_rows_that_others_held_up_are_named(results):
    results["rows"][1]["times"]["torch"]["taken"] = 12
    assert "held up the measurements of mlp." in report.conditions(results)


def test_fresh_memory_while_timing_is_said(results):
    results["rows"][0]["times"]["torch"]["faults"] = 480.0
    assert report.faults(results["rows"]).endswith("torch in chain 480")
    assert report.faults(results["rows"][1:]) == ""


def test_the_readme_is_rewritten_between_its_marks(results, tmp_path):
    page = tmp_path / "README.md"
    page.write_text("before\n" + "\n".join(report.MARKS) + "\nafter\n")
    report.rewrite(page, results)
    report.rewrite(page, results)
    assert page.read_text().startswith(f"before\n{report.MARKS[0]}\n")
    assert page.read_text().endswith(f"{report.MARKS[1]}\nafter\n")
    assert page.read_text().count("| CHAIN |") == 1


def test_a_readme_without_marks_is_left_alone(results, tmp_path):
    page = tmp_path / "README.md"
    page.write_text("nothing here")
    with pytest.raises(ValueError, match=r"README\.md has no <!-- benchmarks -->"):
        report.rewrite(page, results)
    assert page.read_text() == "nothing here"


def test_the_chart_is_svg_with_a_dot_for_each_time(results):
    drawn = ElementTree.fromstring(chart.svg(results["rows"]))
    dots = [e for e in drawn.iter() if e.tag.endswith("circle")]
    legend = len(report.libraries_in([r | {"wrong": {}} for r in results["rows"]]))
    assert len(dots) == sum(len(row["times"]) for row in results["rows"]) + legend
    assert "glassgrad: 0.25" in {e.text for dot in dots for e in dot}


def test_the_chart_of_nothing_is_an_empty_page():
    assert ElementTree.fromstring(chart.svg([])).tag.endswith("svg")


# --- the program


def test_results_are_kept_and_shown_again(results, tmp_path, capsys):
    kept = program.keep(results, program.parser().parse_args(["--out", str(tmp_path / "deep" / "run.json")]))
    assert json.loads(kept.read_text()) == results
    assert kept.with_suffix(".svg").read_text().startswith("<svg")
    assert program.main(["--show", str(kept)]) == 1  # lenet's jax was wrong
    assert "LENET" in capsys.readouterr().out


def test_partial_runs_do_not_overwrite_the_full_one(results, monkeypatch, tmp_path):
    monkeypatch.setattr(program, "RESULTS", tmp_path)
    for arguments, name in (([], "latest"), (["--quick"], "quick"), (["--quick", "--band", "large"], "partial")):
        assert program.keep(results, program.parser().parse_args(arguments)).stem == name


def test_workloads_are_chosen_by_band_and_name():
    def chosen(*arguments):
        return [w.name for w in program.selected(program.parser().parse_args(arguments))]

    assert chosen("--band", "scalar", "--quick") == ["moons_mlp", "chain_1000"]
    assert chosen("--only", "mlp_") == ["mlp_tiny", "mlp_mnist", "mlp_deep"]
    assert chosen("--band", "felt") == []


def test_the_list_names_every_workload(capsys):
    assert program.main(["--list"]) == 0
    assert set(WORKLOADS) == {line.split()[1] for line in capsys.readouterr().out.splitlines()}


def test_an_unknown_library_is_refused():
    with pytest.raises(SystemExit, match="no library is called numpi"):
        program.available(program.parser().parse_args(["--libraries", "numpi"]))


def test_every_workload_belongs_to_a_band_and_says_what_it_is():
    assert {w.band for w in WORKLOADS.values()} == set(BANDS)
    assert len({w.title for w in WORKLOADS.values()}) == len(WORKLOADS)


def test_starting_parameters_depend_on_seed_and_shape_only():
    for a, b in zip(weights(3, (4, 5), (4,)), weights(3, (4, 5), (4,)), strict=True):
        np.testing.assert_array_equal(a, b)
    assert [w.dtype for w in weights(3, (4, 5), (4,))] == [np.float32, np.float32]


# --- interpreters and processes


@pytest.mark.parametrize("name", [name for name, workload in WORKLOADS.items() if not workload.slow])
def test_every_workload_gives_pytorchs_result(name, monkeypatch):
    torch = pytest.importorskip("torch")
    monkeypatch.setenv("OMP_NUM_THREADS", str(torch.get_num_threads()))
    workload, found = WORKLOADS[name], {}
    for library in ("torch", "glassgrad"):
        task = workload.torch_like(TorchLike(library))
        for _ in range(workload.checks):
            task.step()
        found[library] = prints(*task.result())
    assert disagreement(found["glassgrad"], found["torch"], workload.tolerance) == ""


def test_missing_libraries_get_a_line_each():
    absent = libraries.missing({"torch": (sys.executable, "2"), "glassgrad": (sys.executable, "2")})
    assert len(absent) == len(libraries.LIBRARIES) - 2
    assert absent[0].startswith("JAX jit: skipped, not installed (pip install it")
    assert "GLASSGRAD_BENCH_PEERS" in absent[0]


def test_this_interpreter_is_found_and_a_wrong_path_is_skipped():
    found = libraries.find(["/no/such/python"])
    assert found["glassgrad"] == (sys.executable, np.__version__)


def test_workers_share_threads_and_heap_and_no_import_path(monkeypatch):
    monkeypatch.setenv("PYTHONPATH", "/somewhere")
    monkeypatch.delenv("MALLOC_MMAP_MAX_", raising=False)
    variables = libraries.environment(3)
    assert "PYTHONPATH" not in variables
    assert variables["OMP_NUM_THREADS"] == variables["OPENBLAS_NUM_THREADS"] == "3"
    assert variables["MALLOC_MMAP_MAX_"] == "0"
    assert "MALLOC_MMAP_MAX_" not in libraries.environment(3, warm=False)


@pytest.fixture
def worker():
    started = Worker("glassgrad", sys.executable, libraries.environment(1), patience=60)
    yield started
    started.stop()


def test_a_worker_computes_and_times_a_workload(worker):
    loss, slope = worker.ask("open", "chain_1000")
    assert loss["sample"][0] == pytest.approx(0.7 * 0.99999**500 + 0.5 * (1 - 0.99999**500), rel=1e-4)
    assert slope["sample"][0] == pytest.approx(0.99999**500, rel=1e-4)
    assert worker.ask("warm", 0.01) > 0
    assert worker.ask("time", 0.01)["steps"] >= 1


@pytest.mark.parametrize(("estimate", "steps"), [(0.002, 50), (0.04, 5), (0.12, 2), (0.18, 1), (0.5, 1)])
def test_short_steps_are_timed_with_the_garbage_they_leave(estimate, steps):
    taken = []
    session = serve.Session("glassgrad")
    session.task, session.estimate = Task(lambda: taken.append(None), list), estimate
    assert session.time(0.1)["steps"] == steps
    assert len(taken) == steps + (estimate < 0.2)  # the step that brings caches back


def test_a_worker_reports_an_error_and_lives_on(worker):
    with pytest.raises(WorkerError, match="KeyError"):
        worker.ask("open", "no_such_workload")
    assert worker.ask("versions")["numpy"] == np.__version__


def test_a_worker_that_died_is_started_again(worker):
    worker.ask("versions")
    worker.process.kill()
    worker.process.wait()
    with pytest.raises(WorkerError, match="died"):
        worker.ask("versions")
    assert worker.ask("versions")["numpy"] == np.__version__


def test_a_worker_that_hangs_is_given_up(worker):
    worker.patience = 0.01
    with pytest.raises(WorkerError, match=r"no answer within 0\.01 s"):
        worker.ask("limits")
    assert worker.process is None
