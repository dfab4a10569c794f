"""The worker processes of a DataLoader; `_pool` is the parent's side.

Each worker has one pipe of its own and no lock or queue is shared, so a worker that is killed can neither block nor
corrupt the others. The parent has no threads (it may fork again); a worker has one that receives and one that sends,
so that neither side ever waits for the other to read.

    parent -> worker    (epoch, numbers) | (epoch, None): begin that epoch's stream | None: stop
    worker -> parent    pickled (epoch, batch | END | Failure), in the order of the requests
"""

from __future__ import annotations

import os
import pickle
import queue
import random
import signal
import threading
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing import connection
from multiprocessing.reduction import ForkingPickler
from typing import Any

import numpy as np

import autograd

from . import _info
from ._fetch import Failure, Fetcher

WATCH_SECONDS = 1.0  # how often a worker looks whether its parent still lives


@dataclass
class Orders:
    """What a worker is told at its start."""

    make_fetcher: Callable[[], Fetcher]
    info: _info.WorkerInfo
    init: Callable[[int], None] | None
    inherited: list[connection.Connection]  # the parent's ends that a fork copied; open copies would hide its end


def work(pipe: connection.Connection, orders: Orders) -> None:
    """The life of a worker process."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the parent too, which stops its workers
    _info.current = orders.info
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
