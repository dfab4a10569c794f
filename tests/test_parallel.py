"""Pieces of work on several threads: all done once, errors come back, a forked child can go on."""

from __future__ import annotations

import ctypes
import itertools
import os
import platform
import struct
import sys
import threading
import time

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


def _occupied():
    """A team whose helper has no time until the event is set."""
    made, free = _parallel.Team(2), threading.Event()

    class Elsewhere:
        def help(self):
            assert free.wait(10)

    made.start().put(Elsewhere())
    return made, free


def _share_at_once(team):
    """A job that ends only where two threads work on it."""
    barrier = threading.Barrier(2, timeout=5)
    team._share(lambda piece: barrier.wait(), [1, 2])


def test_a_helper_that_has_not_begun_is_not_waited_for():
    made, free = _occupied()
    _share(made)
    free.set()
    _share_at_once(made)  # it goes on


def test_pieces_that_a_helper_has_begun_are_ended_before_an_error_is_told():
    barrier, caller, ended = threading.Barrier(2, timeout=5), threading.get_ident(), []

    def work(piece):
        if piece < 2:
            barrier.wait()
        if threading.get_ident() == caller:
            raise ValueError("the caller's")
        time.sleep(0.05)
        ended.append(piece)

    with pytest.raises(ValueError, match="the caller's"):
        _parallel.Team(2)._share(work, [0, 1, 2, 3])
    assert len(ended) == 1


def test_errors_of_helpers_are_told():
    barrier, caller = threading.Barrier(2, timeout=5), threading.get_ident()

    def work(piece):
        barrier.wait()
        if threading.get_ident() != caller:
            raise KeyboardInterrupt

    for _ in range(3):
        with pytest.raises(KeyboardInterrupt):
            _parallel.Team(2)._share(work, [0, 1])


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


def test_a_helper_takes_pieces_beside_the_caller():
    made, caller, begun, done = _parallel.Team(2), threading.get_ident(), threading.Event(), []

    def work(piece):
        begun.set()
        done.append((piece, threading.get_ident() != caller))

    for _ in range(20):
        begun.clear()
        done.clear()
        with made.beside(work) as job:
            job.give(1)
            assert begun.wait(5)  # the caller goes on meanwhile
            job.give(2)
            job.give(3)
            job.finish()
            assert sorted(piece for piece, _ in done) == [1, 2, 3]
            assert done[0] == (1, True)
        assert len(done) == 3
        _share_at_once(made)  # the helper is free again


def test_a_helper_that_waits_for_a_piece_is_told_that_none_follows():
    made, done = _parallel.Team(2), []
    for n in range(1, 11):
        with made.beside(done.append) as job:
            job.give(n)
            while len(done) < n:
                time.sleep(1e-3)
            time.sleep(5e-3)  # it waits by now
        _share_at_once(made)


def test_pieces_beside_that_no_helper_has_begun_are_done_by_the_caller():
    (made, free), done = _occupied(), []
    with made.beside(done.append) as job:
        job.give(1)
        job.give(2)
    assert done == [1, 2]
    free.set()
    _share_at_once(made)  # it goes on


@pytest.mark.parametrize("helped", [True, False])
def test_errors_of_pieces_beside_are_told_and_the_team_goes_on(helped):
    made, begun = _parallel.Team(2), threading.Event()

    def fail(piece):
        begun.set()
        raise ValueError("a piece")

    def give():
        with made.beside(fail) as job:
            job.give(1)
            assert begun.wait(5) or not helped

    for _ in range(3):
        begun.clear() if helped else begun.set()
        with pytest.raises(ValueError, match="a piece"):
            give()
        assert made.free.acquire(blocking=False)
        made.free.release()
    _share(made)


def test_an_error_of_the_caller_beside_pieces_ends_them_first():
    made, begun, ended = _parallel.Team(2), threading.Event(), []

    def work(piece):
        begun.set()
        time.sleep(0.05)
        ended.append(piece)

    def give():
        with made.beside(work) as job:
            job.give(1)
            assert begun.wait(5)
            raise ValueError("the caller's")

    with pytest.raises(ValueError, match="the caller's"):
        give()
    assert ended == [1]
    assert made.free.acquire(blocking=False)


def test_nothing_is_done_beside_where_no_helper_is_free():
    with _parallel.Team(1).beside(print) as job:
        assert job is None
    made = _parallel.Team(2)
    with made.free, made.beside(print) as job:
        assert job is None


class Clock:
    """A clock by which jobs take so many seconds, shared and alone."""

    def __init__(self, monkeypatch, team, shared, alone):
        self.seconds, self.now, self.done = {True: shared, False: alone}, 0.0, []
        monkeypatch.setattr(_parallel, "perf_counter", lambda: self.now)
        monkeypatch.setattr(team, "_share", lambda work, pieces: self.pass_by(True))

    def pass_by(self, shared):
        self.done.append(shared)
        self.now += self.seconds[shared]

    def work(self, piece):
        """The whole of a job done alone is in its first piece."""
        if not piece.start:
            self.pass_by(False)

    def run(self, team, jobs, like=None):
        """How each of so many jobs was done: True where the team shared it."""
        self.done.clear()
        for _ in range(jobs):
            team.run(self.work, [slice(0, 1), slice(1, 2)], like)
        return self.done.copy()


CLEAR = [True] * _parallel._RUN + [False] * _parallel._RUN  # a trial in which one way is always faster
TRIAL = CLEAR * _parallel._TRIED
FIRST = [*CLEAR, *[False] * _parallel._SOON]  # the first trial, where doing jobs alone is faster, and what it decides


@pytest.mark.parametrize("size", [1, 3])
@pytest.mark.parametrize("shared", [True, False])
def test_pieces_for_one_thread_are_taken_where_nothing_is_shared(size, shared, monkeypatch):
    monkeypatch.setattr(_parallel._Ways, "share", lambda self: shared)
    monkeypatch.setattr(_parallel._Ways, "note", lambda self, shared, seconds: None)
    done: list[str] = []
    _parallel.Team(size).run(done.append, ["a", "b"], alone=["ab"])
    assert sorted(done) == (["a", "b"] if shared and size > 1 else ["ab"])


@pytest.mark.parametrize(("shared", "alone"), [(1e-3, 1.9e-3), (1e-3, 1e-3), (1e-3, 0.9e-3), (1e-4, 1e-5)])
def test_short_jobs_are_tried_both_ways_and_then_done_the_faster_way(monkeypatch, shared, alone):
    made = _parallel.Team(2)
    done = Clock(monkeypatch, made, shared, alone).run(made, 50)
    trial = TRIAL if shared == alone else CLEAR if shared < alone else FIRST + CLEAR
    assert done == trial + [shared <= alone] * (50 - len(trial))


def test_what_the_first_trial_says_against_sharing_is_doubted_soon(monkeypatch):
    made = _parallel.Team(2)
    clock = Clock(monkeypatch, made, 3e-4, 1e-4)  # helpers are started, and their memory is new
    clock.run(made, len(CLEAR))
    clock.seconds[True] = 5e-5
    assert clock.run(made, 100) == FIRST[len(CLEAR) :] + CLEAR + [True] * (100 - len(FIRST))


def test_the_faster_way_is_looked_for_again(monkeypatch):
    made = _parallel.Team(2)
    clock = Clock(monkeypatch, made, 1.5e-4, 1e-4)
    assert sum(clock.run(made, 2000)) < 40
    clock.seconds[False] = 3e-4  # the other core has become free
    done = clock.run(made, _parallel._PERIOD + 100)
    assert all(done[-100 + len(CLEAR) :])


@pytest.mark.parametrize(("shared", "until"), [(1.5e-4, 256), (3e-4, 600), (1e-3, 2700), (2e-3, 4096), (8e-3, 4096)])
def test_jobs_are_shared_the_less_often_the_more_that_costs(shared, until, monkeypatch):
    made = _parallel.Team(2)
    clock = Clock(monkeypatch, made, shared, 1e-4)
    done = clock.run(made, 100_000)
    gaps = np.diff(np.flatnonzero(done)[:: _parallel._RUN]) - len(CLEAR)
    doubled = [_parallel._SOON << i for i in range(9)]
    for gap, first in itertools.zip_longest(gaps, doubled, fillvalue=until):
        assert gap in {min(first, until), min(first, until - 1)}  # the times are not exact
    assert sum(done[20_000:]) * (shared - 1e-4) < 0.011 * 80_000 * 1e-4 or until == 4096
    clock.seconds[False] = 2 * shared
    clock.run(made, 2 * _parallel._LONGEST)
    assert sum(clock.run(made, _parallel._PERIOD)) >= _parallel._PERIOD - len(CLEAR)
    clock.seconds[False] = 1e-4
    assert sum(clock.run(made, 2 * _parallel._PERIOD)) < 1.1 * _parallel._PERIOD  # noticed as soon as at first


@pytest.mark.parametrize(("slow", "trial"), [(0, CLEAR), (1, TRIAL), (2, TRIAL)])
def test_one_slow_job_does_not_decide(slow, trial, monkeypatch):
    """The first of a row does not count: it finds the caches as the other way left them."""
    made = _parallel.Team(2)
    clock = Clock(monkeypatch, made, 1e-4, 2e-4)
    done = clock.run(made, slow)
    clock.seconds[True] = 1e-3
    done += clock.run(made, 1)
    clock.seconds[True] = 1e-4
    assert done + clock.run(made, 99 - slow) == trial + [True] * (100 - len(trial))


def test_kinds_of_jobs_are_judged_apart(monkeypatch):
    made = _parallel.Team(2)
    clock = Clock(monkeypatch, made, 2e-4, 1e-4)
    assert not any(clock.run(made, 40, "small")[len(FIRST + CLEAR) :])
    clock.seconds[False] = 4e-4
    assert all(clock.run(made, 40, "large")[len(CLEAR) :])
    assert not any(clock.run(made, 20, "small"))


def test_a_long_job_is_never_done_alone(monkeypatch):
    made = _parallel.Team(2)
    assert all(Clock(monkeypatch, made, 0.1, 0.01).run(made, 600))


def test_a_job_that_fails_is_no_measure(team):
    def fail(piece):
        raise ValueError("a piece")

    for _ in range(20):
        with pytest.raises(ValueError, match="a piece"):
            _parallel.run(fail, 2, 1)
    assert team.free.acquire(blocking=False)


def test_a_job_for_which_nobody_was_free_is_no_measure():
    made, done = _parallel.Team(2), []
    with made.free:
        for _ in range(20):
            made.run(done.append, [slice(0, 1), slice(1, 2)])
    (ways,) = made.kinds.values()
    assert ways.took == {True: [], False: []}
    assert len(done) == 40


@pytest.mark.skipif(platform.machine() != "x86_64" or sys.platform != "linux", reason="asks the system by number")
@pytest.mark.parametrize("policy", ["SCHED_OTHER", "SCHED_BATCH"])
def test_helpers_ask_for_short_turns_and_keep_their_policy_and_priority(policy):
    wanted, found = getattr(os, policy), []

    def ask():
        os.setpriority(os.PRIO_PROCESS, 0, 5)
        os.sched_setscheduler(0, wanted, os.sched_param(0))
        _parallel._ask_for_short_turns()
        attributes = ctypes.create_string_buffer(56)
        if not ctypes.CDLL(None).syscall(315, 0, attributes, 56, 0):  # sched_getattr
            found.append(struct.unpack("=IIQiIQ", attributes.raw[:32]))

    thread = threading.Thread(target=ask)
    thread.start()
    thread.join(5)
    for _, kept, _, nice, _, turn in found:
        assert (kept, nice) == (wanted, 5)
        assert wanted != os.SCHED_OTHER or turn in (0, _parallel._TURN)  # 0 before Linux 6.12


@pytest.mark.parametrize("attribute", ["CDLL", "machine"])
def test_helpers_work_where_no_short_turns_can_be_asked_for(attribute, monkeypatch):
    if attribute == "CDLL":
        monkeypatch.setattr(ctypes, "CDLL", lambda name: object())
    else:
        monkeypatch.setattr(platform, "machine", lambda: "abacus")
    _parallel._ask_for_short_turns()
    _share(_parallel.Team(2))


@pytest.fixture
def cores():
    if not hasattr(os, "sched_setaffinity"):
        pytest.skip("threads cannot be kept off a core here")
    found = sorted(os.sched_getaffinity(0))
    if len(found) < 2:
        pytest.skip("one core")
    return found


def _share(team):
    done = []
    team._share(done.append, [slice(0, 1), slice(1, 2)])
    assert len(done) == 2


def test_helpers_are_kept_off_the_callers_core(cores):
    made = _parallel.Team(3)
    _share(made)
    for core in (*cores, cores[0]):
        made.core = lambda core=core: core
        _share(made)
        for helper in made.helpers:
            assert os.sched_getaffinity(helper.native_id) == {*cores} - {core}


def test_where_helpers_may_not_be_moved_they_work_where_they_are(cores, monkeypatch):
    def refuse(thread, where):
        raise PermissionError("not here")

    made = _parallel.Team(2)
    monkeypatch.setattr(os, "sched_setaffinity", refuse)
    _share(made)
    assert made.core is None
    _share(made)


def test_helpers_stay_on_the_cores_that_their_caller_is_restricted_to(cores, monkeypatch):
    made = _parallel.Team(2)
    made.start()
    made.core = lambda: cores[0]
    (helper,) = made.helpers
    asked = os.sched_getaffinity
    with monkeypatch.context() as patched:
        patched.setattr(os, "sched_getaffinity", lambda thread: {cores[0]} if not thread else asked(thread))
        _share(made)
    assert os.sched_getaffinity(helper.native_id) == {cores[0]}
    _share(made)
    assert os.sched_getaffinity(helper.native_id) == {*cores} - {cores[0]}


def test_without_a_way_to_move_threads_jobs_are_shared_all_the_same(monkeypatch):
    monkeypatch.delattr(os, "sched_setaffinity", raising=False)
    made = _parallel.Team(2)
    _share(made)
    assert made.core is None


@pytest.mark.parametrize("late", [1, 2, 7])
def test_jobs_that_were_begun_before_a_trial_may_end_within_it(late):
    ways = _parallel._Ways()
    ways.left, ways.shared = 1, False
    assert not ways.share()
    for _ in range(1 + late):  # so many threads asked before the first of them was done
        ways.note(False, 1e-4)
    for _ in range(len(TRIAL)):
        if ways.left:
            break
        shared = ways.share()
        ways.note(shared, 1e-3 if shared else 1e-4)
    assert ways.left
    assert not ways.share()


def test_what_is_known_of_jobs_does_not_grow_without_end():
    made, done = _parallel.Team(2), []
    for n in range(2, 600):
        made.run(done.append, [slice(0, n), slice(n, n + 1)], n)
    assert len(done) == 2 * 598
    assert 0 < len(made.kinds) <= 257
