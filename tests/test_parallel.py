"""Pieces of work on several threads: all done once, errors come back, a forked child can go on."""

from __future__ import annotations

import os
import threading

import numpy as np
import pytest

from autograd import _parallel


@pytest.fixture
def team(monkeypatch):
    made = _parallel.Team(3)
    monkeypatch.setattr(_parallel, "team", made)
    return made


@pytest.mark.parametrize(("n", "step"), [(0, 4), (3, 4), (10, 4), (1000, 7), (5, 0)])
def test_every_piece_is_done_once(team, n, step):
    done = np.zeros(n, int)

    def work(part):
        done[part] += 1

    _parallel.run(work, n, step)
    assert (done == 1).all()


def test_an_error_comes_back_and_the_team_goes_on(team):
    def fail(part):
        if part.start == 6:
            raise ValueError("piece 6")

    for _ in range(20):
        with pytest.raises(ValueError, match="piece 6"):
            _parallel.run(fail, 10, 1)
    test_every_piece_is_done_once(team, 10, 1)


def test_work_within_work_is_done_alone(team):
    seen = []
    _parallel.run(lambda part: _parallel.run(lambda inner: seen.append((part.start, inner.start)), 2, 1), 3, 1)
    assert sorted(seen) == [(a, b) for a in range(3) for b in range(2)]


def test_helpers_know_the_callers_floating_point_settings(team):
    barrier = threading.Barrier(2, timeout=5)
    found = []

    def work(part):
        barrier.wait()  # two threads, or it would never open
        found.append(np.geterr()["divide"])

    with np.errstate(divide="ignore"):
        _parallel.Team(2).run(work, [slice(0, 1), slice(1, 2)])
    assert found == ["ignore", "ignore"]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
def test_a_forked_child_starts_helpers_of_its_own(team, monkeypatch):
    monkeypatch.setattr(_parallel.team, "jobs", None)
    test_every_piece_is_done_once(team, 10, 1)
    child = os.fork()
    if not child:
        team.reset()
        test_every_piece_is_done_once(team, 10, 1)
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0


class Clock:
    """Processors that are busy for this share of the time each, in jobs of so many seconds."""

    def __init__(self, monkeypatch, busy, job=1e-3):
        self.busy, self.now = busy, threading.local()
        monkeypatch.setattr(_parallel, "_EXACT", True)
        monkeypatch.setattr(_parallel, "thread_time", lambda: self.tick(self.busy * job))
        monkeypatch.setattr(_parallel, "perf_counter", lambda: self.tick(job))

    def tick(self, step):
        times = vars(self.now)
        times[step] = times.get(step, 0.0) + step
        return times[step]


def shared(made, jobs, work=lambda part: None):
    """Of so many jobs of a kind, those that the team shared."""
    found = []
    share = made._share
    for i in range(jobs):
        made._share = lambda *given, i=i: found.append(i) or share(*given)
        made.run(work, [slice(0, 1), slice(1, 2)])
    made._share = share
    return found


def test_what_two_processors_work_on_at_once_is_always_shared(monkeypatch):
    Clock(monkeypatch, busy=0.9)
    assert shared(_parallel.Team(2), 20) == list(range(20))


def test_what_one_processor_does_in_turns_is_done_alone_for_longer_and_longer(monkeypatch):
    clock, made = Clock(monkeypatch, busy=0.5), _parallel.Team(2)
    assert shared(made, 100) == [0, 5, 14, 31, 64]
    assert shared(made, 5, lambda part: part) == [0]  # another kind of job is another matter
    clock.busy = 0.9
    assert shared(made, 100) == [29, *range(30, 100)]


def test_long_jobs_are_always_shared(monkeypatch):
    Clock(monkeypatch, busy=0.5, job=0.1)
    assert shared(_parallel.Team(2), 20) == list(range(20))


def test_without_exact_clocks_everything_is_shared(monkeypatch):
    Clock(monkeypatch, busy=0.0)
    monkeypatch.setattr(_parallel, "_EXACT", False)
    assert shared(_parallel.Team(2), 20) == list(range(20))


def test_what_is_known_of_jobs_does_not_grow_without_end():
    made, done = _parallel.Team(2), []
    for n in range(2, 600):
        made.run(done.append, [slice(0, n), slice(n, n + 1)])
    assert len(done) == 2 * 598
    assert 0 < len(made.kinds) <= 257
