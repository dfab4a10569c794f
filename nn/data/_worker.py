"""Worker processes of a DataLoader.

Each worker has one pipe of its own and no lock or queue is shared, so a worker that is killed can neither block nor
corrupt the others. The parent has no threads (it may fork again); a worker has one that receives and one that sends,
so that neither side ever waits for the other to read.

    parent -> worker    (epoch, numbers) | (epoch, None): begin that epoch's stream | None: stop
    worker -> parent    pickled (epoch, batch | END | Failure), in the order of the requests
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import pickle
import queue
import random
import signal
import threading
import warnings
import weakref
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing import connection
from multiprocessing.reduction import ForkingPickler
from typing import Any

import numpy as np

import autograd

from ._fetch import Failure, Fetcher

WATCH_SECONDS = 1.0  # how often a worker looks whether its parent still lives
STOP_SECONDS = 0.5  # how long a worker may take to stop by itself


@dataclass(frozen=True)
class WorkerInfo:
    """What a worker process knows of itself.

    Attributes:
        id: its number, from 0.
        num_workers: how many there are.
        seed: what its random generators were seeded with.
        dataset: its own copy of the dataset.
    """

    id: int
    num_workers: int
    seed: int
    dataset: Any


_info: WorkerInfo | None = None


def get_worker_info() -> WorkerInfo | None:
    """In a worker process of a DataLoader, its `WorkerInfo`; None in the main process.

    Example:
        >>> from nn.data import get_worker_info
        >>> get_worker_info() is None
        True
    """
    return _info


# ------------------------------------------------------------------------------------------------ in the worker


@dataclass
class Orders:
    """What a worker is told at its start."""

    make_fetcher: Callable[[], Fetcher]
    info: WorkerInfo
    init: Callable[[int], None] | None
    inherited: list[connection.Connection]  # the parent's ends that a fork copied; open copies would hide its end


def work(pipe: connection.Connection, orders: Orders) -> None:
    """The life of a worker process."""
    global _info
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the parent too, which stops its workers
    _info = orders.info
    for copy in orders.inherited:
        copy.close()
    inbox: queue.SimpleQueue = queue.SimpleQueue()
    outbox: queue.SimpleQueue = queue.SimpleQueue()
    stopping = threading.Event()
    threading.Thread(target=_receive, args=(pipe, inbox, stopping), daemon=True).start()
    sender = threading.Thread(target=_send, args=(pipe, outbox), daemon=True)
    sender.start()
    _answer(inbox, outbox, stopping, orders)
    outbox.put(None)
    sender.join()


def _answer(inbox: queue.SimpleQueue, outbox: queue.SimpleQueue, stopping: threading.Event, orders: Orders) -> None:
    where = f"in DataLoader worker process {orders.info.id}"
    broken = _attempt(lambda: _begin(orders), where)
    fetcher: Any = None
    while (request := inbox.get()) is not None and not stopping.is_set():
        epoch, numbers = request
        if broken is not None:
            reply = broken
        elif numbers is None:
            fetcher = _attempt(orders.make_fetcher, where)
            continue
        elif isinstance(fetcher, Failure):
            reply = fetcher
        else:
            reply = _attempt(lambda: fetcher.fetch(numbers), where)  # noqa: B023  (called at once)
        outbox.put(_packed(epoch, reply, where))


def _begin(orders: Orders) -> None:
    seed_everything(orders.info.seed)
    if orders.init is not None:
        orders.init(orders.info.id)


def seed_everything(seed: int) -> None:
    """Seed the generators of Python, NumPy and this library."""
    random.seed(seed)
    np.random.seed(np.random.SeedSequence(seed).generate_state(4))  # noqa: NPY002  (what users' transforms draw from)
    autograd.manual_seed(seed)


def _attempt(function: Callable[[], Any], where: str) -> Any:
    try:
        return function()
    except Exception as error:
        return Failure(error, where)


def _packed(epoch: int, reply: Any, where: str) -> bytes:
    """The reply as bytes; one that cannot be pickled becomes a Failure that says so."""
    try:
        return bytes(ForkingPickler.dumps((epoch, reply)))
    except Exception as error:
        if isinstance(reply, Failure):  # its class is local to some function
            reply.kind = RuntimeError
            return pickle.dumps((epoch, reply))
        return pickle.dumps((epoch, Failure(error, f"while sending a batch {where}")))


def _receive(pipe: connection.Connection, inbox: queue.SimpleQueue, stopping: threading.Event) -> None:
    """Pass the parent's requests on; end the process when the parent is gone."""
    parent = os.getppid()
    try:
        while True:
            while not pipe.poll(WATCH_SECONDS):
                if os.getppid() != parent:
                    os._exit(1)
            request = pipe.recv()
            if request is None:
                stopping.set()
            inbox.put(request)
            if request is None:
                return
    except (EOFError, OSError):
        os._exit(1)


def _send(pipe: connection.Connection, outbox: queue.SimpleQueue) -> None:
    try:
        while (reply := outbox.get()) is not None:
            pipe.send_bytes(reply)
    except OSError:  # the parent stopped listening
        os._exit(1)


# ------------------------------------------------------------------------------------------------ in the parent


class Pool:
    """The workers of one pass over a loader, or with persistent workers of all."""

    def __init__(self, make_fetcher: Callable[[], Fetcher], dataset: Any, count: int, seed: int,
                 init: Callable | None, context: Any) -> None:  # fmt: skip
        self.epoch = 0
        self.pipes: list[connection.Connection] = []
        self.processes: list[Any] = []
        # Runs when the pool is dropped, when the program ends, or when starting fails half way.
        self.close = weakref.finalize(self, _stop, os.getpid(), self.processes, self.pipes)
        try:
            for i in range(count):
                self._start(Orders(make_fetcher, WorkerInfo(i, count, seed + i, dataset), init, []), context)
        except BaseException:
            self.close()
            raise

    def _start(self, orders: Orders, context: Any) -> None:
        here, there = context.Pipe()
        if context.get_start_method() == "fork":
            orders.inherited = [*self.pipes, here]
        process = context.Process(target=work, args=(there, orders), daemon=True)
        with warnings.catch_warnings():
            # Python warns of fork in a process with threads, which NumPy's BLAS always has and prepares for.
            warnings.filterwarnings("ignore", message=".*multi-threaded.*fork", category=DeprecationWarning)
            process.start()
        self.processes.append(process)
        self.pipes.append(here)
        there.close()  # so that no later sibling inherits it and the pipe ends when the worker does

    def begin(self) -> int:
        """Start a new pass: every worker makes a fresh stream; what the last pass left unread will be skipped."""
        self.epoch += 1
        for worker in range(len(self.pipes)):
            self.request(worker, None)
        return self.epoch

    def request(self, worker: int, numbers: Any) -> None:
        try:
            self.pipes[worker].send((self.epoch, numbers))
        except OSError:
            self._died(worker)

    def reply(self, worker: int, timeout: float) -> Any:
        """The next batch of a worker, END, or the Failure it met."""
        while True:
            epoch, value = pickle.loads(self._receive(worker, timeout))  # noqa: S301  (from our own child)
            if epoch == self.epoch:
                return value

    def _receive(self, worker: int, timeout: float) -> bytes:
        pipe, process = self.pipes[worker], self.processes[worker]
        if not connection.wait([pipe, process.sentinel], timeout or None):
            self.close()
            raise RuntimeError(
                f"DataLoader timed out after {timeout} seconds waiting for worker {worker}; raise timeout=, or look "
                "for what holds the dataset up"
            )
        try:
            if pipe.poll():  # also what a worker sent before it died
                return pipe.recv_bytes()
        except (EOFError, OSError):
            pass
        return self._died(worker)

    def _died(self, worker: int) -> Any:
        process = self.processes[worker]
        process.join(STOP_SECONDS)
        pid, code = process.pid, process.exitcode
        self.close()
        raise RuntimeError(
            f"DataLoader worker (pid(s) {pid}) exited unexpectedly: {_reason(code)}. The system ends a process that "
            "needs too much memory; num_workers=0 shows errors in the dataset itself"
        )


def _reason(code: int | None) -> str:
    if code is None:
        return "it closed its connection"
    if code >= 0:
        return f"it ended with exit code {code}"
    try:
        return f"it was killed by signal {signal.Signals(-code).name}"
    except ValueError:
        return f"it was killed by signal {-code}"


def _stop(owner: int, processes: list[Any], pipes: list[connection.Connection]) -> None:
    """End all workers and wait for each, so that none is left, not even as a zombie."""
    if os.getpid() != owner:  # a copy of the pool in a forked child
        return
    for pipe in pipes:
        with contextlib.suppress(OSError, ValueError, AttributeError):
            os.set_blocking(pipe.fileno(), False)  # a worker that hangs must not hang its parent
            pipe.send(None)
        pipe.close()
    for ask in (lambda p: None, lambda p: p.terminate(), lambda p: p.kill()):
        for process in processes:
            if process.is_alive():
                ask(process)
        for process in processes:
            process.join(STOP_SECONDS)
    processes.clear()
    pipes.clear()


def default_context(given: Any) -> Any:
    """The multiprocessing context a loader was given: None, a start method's name, or a context."""
    if given is None or isinstance(given, str):
        if given is not None and given not in multiprocessing.get_all_start_methods():
            raise ValueError(
                "DataLoader: multiprocessing_context option should specify a valid start method in "
                f"{multiprocessing.get_all_start_methods()}, but got {given!r}"
            )
        return multiprocessing.get_context(given)
    return given
