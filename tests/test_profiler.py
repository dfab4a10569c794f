"""The profiler counts what ran, and leaves nothing behind."""

from __future__ import annotations

import json

import pytest

import autograd as ag
import nn
from autograd import profiler


def step(model, x, y):
    loss = nn.functional.cross_entropy(model(x), y)
    loss.backward()
    return loss


def test_counts_bytes_and_phases():
    x = ag.ones(10, 10, requires_grad=True)
    with profiler.profile() as p:
        y = (x @ x).tanh() * 2.0
        y.sum().backward()
    rows = {r.name: r for r in p.rows()}
    assert rows["matmul"].calls == rows["tanh"].calls == rows["mul"].calls == rows["sum"].calls == 1
    assert rows["matmul"].bytes == 3 * 400  # the product and the gradients of both operands
    assert all(r.forward > 0 and r.backward > 0 for r in rows.values())
    assert x.grad is not None


def test_training_step_table_and_trace(tmp_path):
    ag.manual_seed(0)
    model = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 3))
    x, y = ag.randn(5, 4), ag.tensor([0, 1, 2, 0, 1])
    plain = float(step(model, x, y))
    with profiler.profile() as p:
        assert float(step(model, x, y)) == plain
    assert "backward ms" in p.table()
    assert "linear" in str(p)
    p.export_chrome_trace(tmp_path / "trace.json")
    events = json.loads((tmp_path / "trace.json").read_text())["traceEvents"]
    assert {e["cat"] for e in events} == {"forward", "backward"}
    assert all(e["dur"] >= 0 for e in events)


def test_nothing_stays_behind():
    before = ag.tanh.op.kernel
    with pytest.raises(ZeroDivisionError), profiler.profile() as p:  # noqa: PT012 (an error inside is what is tested)
        ag.ones(2).tanh()
        1 / 0
    seen = len(p.events)
    ag.ones(2).tanh()
    ag.ones(2).sum()
    assert ag.tanh.op.kernel is before
    assert len(p.events) == seen
    with profiler.profile(), pytest.raises(RuntimeError, match="another profile is running"), profiler.profile():
        pass


@pytest.mark.parametrize("careful", [True, False])
def test_each_call_counts_once_also_in_anomaly_mode(careful):
    x = ag.ones(10, requires_grad=True)
    with ag.set_detect_anomaly(careful), profiler.profile() as p:
        ((2.0 - x.tanh()) * x).sum().backward()
    calls = {r.name: r.calls for r in p.rows()}
    assert [calls[name] for name in ("tanh", "_sub", "mul", "sum")] == [1, 1, 1, 1]


def test_a_table_says_how_many_rows_it_leaves_out():
    x = ag.ones(3)
    with profiler.profile() as p:
        (x.exp() + x).tanh()
    assert p.table(limit=1).endswith("... and 2 more")
    assert "more" not in p.table()
