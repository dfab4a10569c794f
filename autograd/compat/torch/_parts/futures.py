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

    value = wait

    def set_result(self, result: Any) -> None:
        if self.done():
            raise RuntimeError("Future can only be marked completed once.")
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
                made.set_exception(error)

        self._future.add_done_callback(run)
        return made

    def add_done_callback(self, callback: Callable[[Future], Any]) -> None:
        self._future.add_done_callback(lambda _: callback(self))


def collect_all(futures: Iterable[Future]) -> Future:
    """A future of the list of futures, done when all are."""
    given, made = list(futures), Future()
    for f in given:
        f.wait()
    made.set_result(given)
    return made


def wait_all(futures: Iterable[Future]) -> list:
    return [f.wait() for f in futures]


__all__ = ["Future", "collect_all", "wait_all"]
