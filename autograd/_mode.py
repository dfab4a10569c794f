"""What holds for the code that runs now: grad mode, inference mode, anomaly mode, the module scope.

Each is a context variable: threads start with the defaults, and asyncio tasks do not disturb each other.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

_grad: ContextVar[Any] = ContextVar("autograd.grad_mode", default=True)
_inference: ContextVar[bool] = ContextVar("autograd.inference_mode", default=False)
_anomaly: ContextVar[tuple[bool, bool]] = ContextVar("autograd.anomaly_mode", default=(False, True))
scope: ContextVar = ContextVar("autograd.scope", default=None)
# Whether a transform of `func` calls its function.
transforming: ContextVar[bool] = ContextVar("autograd.func", default=False)
levels: ContextVar[tuple] = ContextVar("autograd.vmap", default=())  # the `vmap`s that are running, outermost first

# What the hot path asks: False, True, or GENERAL where recorded operations take the general path: under anomaly mode,
# which records traces, and where the plain paths are forced.
grad_mode = _grad.get
GENERAL = 2


def is_grad_enabled() -> bool:
    """Whether operations are recorded here and now."""
    return grad_mode() is not False


def recording() -> Any:
    """What grad mode becomes where operations are to be recorded: nothing is within inference mode."""
    if _inference.get():
        return False
    return GENERAL if _anomaly.get()[0] or not fast.enabled else True


is_inference_mode_enabled = _inference.get
inferring: list[None] = []  # one for each block of inference mode that is open anywhere: results are noted then


@contextmanager
def holding(var: ContextVar, value: Any) -> Iterator[None]:
    """`var` has the value inside, and its former one afterwards."""
    before = var.get()
    try:  # with the switch inside: an interrupt may come right after it
        var.set(value)
        yield
    finally:
        var.set(before)


class _Fast:
    """Whether fused kernels and array-only rules are used (`autograd.fast_paths(False)` forces the plain ones)."""

    enabled = True


fast = _Fast()


class Switch:
    """A context manager that is also a decorator; entering the same object twice is allowed.

    An interrupt may come right after any call: then, too, what is switched is undone, also in another context than it was
    made in (a generator that another thread finishes).
    """

    changed: tuple[ContextVar, ...] = (_grad,)

    def __init__(self) -> None:
        self._before: Any = None  # how the variables were at the last entry, and the same of the entries before

    def _switch(self) -> None:
        raise NotImplementedError

    def _begin(self) -> list:
        """Switch, and say how the variables were."""
        before = [(var, var.get()) for var in self.changed]
        try:
            self._switch()
        except BaseException:
            self._undo(before)
            raise
        return before

    def _undo(self, before: list) -> None:
        try:
            for var, value in before:
                var.set(value)
        except BaseException:
            for var, value in before:
                var.set(value)
            raise

    def _fresh(self) -> Switch:
        return type(self)()

    def __enter__(self) -> Switch:
        self._before = self._begin(), self._before
        return self

    def __exit__(self, *exc: object) -> None:
        before, self._before = self._before
        self._undo(before)

    def __call__(self, function):
        import inspect

        if inspect.isclass(function):
            raise TypeError(f"{type(self).__name__}: decorate the methods of {function.__name__}, not the class")
        if inspect.isgeneratorfunction(function):
            return self._generator(function)
        if inspect.iscoroutinefunction(function):
            return self._coroutine(function)

        @functools.wraps(function)
        def wrapped(*args, **kwargs):
            with self._fresh():
                return function(*args, **kwargs)

        return wrapped

    def _generator(self, function):
        """The mode holds while the generator's body runs and not while its consumer does."""

        @functools.wraps(function)
        def wrapped(*args, **kwargs):
            generator = function(*args, **kwargs)
            resume, value = generator.send, None
            try:
                while True:
                    try:
                        with self._fresh():
                            item = resume(value)
                    except StopIteration as stop:
                        return stop.value
                    try:
                        resume, value = generator.send, (yield item)
                    except GeneratorExit:
                        raise
                    except BaseException as error:
                        resume, value = generator.throw, error
            finally:
                with self._fresh():
                    generator.close()

        return wrapped

    def _coroutine(self, function):
        @functools.wraps(function)
        async def wrapped(*args, **kwargs):
            with self._fresh():
                return await function(*args, **kwargs)

        return wrapped


class no_grad(Switch):
    """Operations inside are not recorded; their results do not require grad.

    Example:
        >>> import autograd
        >>> x = autograd.ones(2, requires_grad=True)
        >>> with autograd.no_grad():
        ...     y = x * 2
        >>> y.requires_grad
        False
    """

    def __new__(cls, function=None):
        self = super().__new__(cls)
        if function is None:
            return self
        type(self).__init__(self)
        return self(function)  # `@no_grad` without parentheses

    def __init__(self, function=None) -> None:
        super().__init__()

    def _switch(self) -> None:
        _grad.set(False)


class enable_grad(no_grad):
    """Operations inside are recorded again, also within `no_grad`; not within `inference_mode`, which has no history at all."""

    def _switch(self) -> None:
        _grad.set(recording())


class set_grad_enabled(Switch):
    """Grad mode set to `mode`, at once when called as a function, until the end of the block when used with `with`."""

    def __init__(self, mode: bool) -> None:
        super().__init__()
        self.mode = bool(mode)
        self._called: list | None = None
        self._called = self._begin()

    def _switch(self) -> None:
        _grad.set(recording() if self.mode else False)

    def _begin(self) -> list:
        called, self._called = self._called, None
        return called or super()._begin()

    def __exit__(self, *exc: object) -> None:
        if self._before is None:  # called as a function, and undone by hand
            self.__enter__()
        super().__exit__(*exc)

    def _fresh(self) -> set_grad_enabled:
        return set_grad_enabled(self.mode)

    def __call__(self, function):
        if self._called is not None:  # decorating: undo what the constructor switched
            self.__exit__()
        return super().__call__(function)


class inference_mode(Switch):
    """Like `no_grad`; `inference_mode(False)` records again, also within another mode that does not."""

    changed = (_inference, _grad)

    def __new__(cls, mode=True):
        self = super().__new__(cls)
        if isinstance(mode, bool):
            return self
        type(self).__init__(self)
        return self(mode)

    def __init__(self, mode: bool = True) -> None:
        super().__init__()
        self.mode = bool(mode)

    def _switch(self) -> None:
        inferring.append(None)
        _inference.set(self.mode)
        _grad.set(recording())

    def __exit__(self, *exc: object) -> None:
        super().__exit__(*exc)
        inferring.pop()

    def _fresh(self) -> inference_mode:
        return inference_mode(self.mode)


def _follow() -> None:
    """Record as `recording` says now, where operations are recorded at all."""
    if is_grad_enabled():
        _grad.set(recording())


class _Anomaly(Switch):
    """Anomaly mode, which goes with another way of recording."""

    changed = (_anomaly,)

    def _undo(self, before: list) -> None:
        try:
            super()._undo(before)
        finally:
            _follow()


class detect_anomaly(_Anomaly):
    """Record where each operation was called; stop backward at the first NaN or failing rule and name that line.

    Args:
        check_nan: also stop when a rule produces NaN (not only when it raises).
    """

    def __init__(self, check_nan: bool = True) -> None:
        super().__init__()
        self.check_nan = check_nan

    def _switch(self) -> None:
        _anomaly.set((True, self.check_nan))
        _follow()

    def _fresh(self) -> detect_anomaly:
        return detect_anomaly(self.check_nan)


class set_detect_anomaly(_Anomaly, set_grad_enabled):
    """Anomaly mode on or off, as a function or a context manager."""

    def __init__(self, mode: bool, check_nan: bool = True) -> None:
        self.check_nan = check_nan
        super().__init__(mode)

    def _switch(self) -> None:
        _anomaly.set((self.mode, self.check_nan))
        _follow()

    def _fresh(self) -> set_detect_anomaly:
        return set_detect_anomaly(self.mode, self.check_nan)


def is_anomaly_enabled() -> bool:
    return _anomaly.get()[0]


def is_anomaly_check_nan_enabled() -> bool:
    return _anomaly.get()[1]


class fast_paths(Switch):
    """Use what is written out for speed (True, the default), or only the plain form of it (False).

    Plain are the rules one by one instead of fused gradients, the general pass, the general entry of a recorded
    operation, recurrent networks step by step, optimizers tensor by tensor. The numbers are the same but for rounding.

    Takes effect at once when called as a function; restores the former choice when used with `with` or as a decorator.
    """

    def __init__(self, mode: bool) -> None:
        super().__init__()
        self.mode, self._before = bool(mode), fast.enabled
        _choose(self.mode)

    def __enter__(self) -> fast_paths:
        _choose(self.mode)
        return self

    def __exit__(self, *exc: object) -> None:
        _choose(self._before)

    def __call__(self, function):
        _choose(self._before)  # decorating: undo what the constructor switched
        return super().__call__(function)

    def _fresh(self) -> fast_paths:
        return fast_paths(self.mode)


def _choose(mode: bool) -> None:
    fast.enabled = mode
    _follow()
