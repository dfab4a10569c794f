"""`torch.futures`: results that come later; here they come at once or when somebody sets them."""

from __future__ import annotations

import concurrent.futures
from collections.abc import Callable, Iterable
from typing import Any


class Future:
    """A result that may not be there yet."""

    def __init__(self, *, devices: Any = None) -> None:
        self._future: concurrent.futures.Future = concurrent.futures.Future()

    def done(self) -> bool:
        return self._future.done()

    def wait(self) -> Any:
        """The result, once it is there."""
        return self._future.result()

    def value(self) -> Any:
        """The result, which is there already."""
        if not self.done():
            raise RuntimeError("Future.value(): this future is not completed; wait() for it")
        return self.wait()

    def set_result(self, result: Any) -> None:
        if self.done():
            raise RuntimeError("Attempting to mark a completed Future as complete again. Note that a Future can only be marked "
                               "completed once.")  # fmt: skip
        self._future.set_result(result)

    def set_exception(self, result: BaseException) -> None:
        self._future.set_exception(result)

    def then(self, callback: Callable[[Future], Any]) -> Future:
        """What the callback makes of this future when it is done."""
        made = Future()

        def run(_: Any) -> None:
            try:
                made.set_result(callback(self))
            except Exception as error:
                said = f"Got the following error when running the callback: {type(error).__name__}: {error}"
                made.set_exception(RuntimeError(said))

        self._future.add_done_callback(run)
        return made

    def add_done_callback(self, callback: Callable[[Future], Any]) -> None:
        self._future.add_done_callback(lambda _: callback(self))


def collect_all(futures: Iterable[Future]) -> Future:
    """A future of the list of futures, done when all are."""
    given, made = list(futures), Future()
    waiting = set(map(id, given))

    def finish(f: Future) -> None:
        waiting.discard(id(f))
        if not waiting:
            _settle(made, given)

    for f in given:
        f.add_done_callback(finish)
    if not given:
        made.set_result(given)
    return made


def _settle(made: Future, given: list[Future]) -> None:
    """All are done: the list of them, or the first error."""
    errors = [e for f in given if (e := f._future.exception()) is not None]
    if errors:
        made.set_exception(errors[0])
    else:
        made.set_result(given)


def wait_all(futures: Iterable[Future]) -> list:
    return [f.wait() for f in futures]


__all__ = ["Future", "collect_all", "wait_all"]
