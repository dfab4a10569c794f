"""The base of all optimizers: parameter groups, state, hooks, saving; subclasses add one formula each.

A subclass for which one parameter's update depends on nothing but that parameter gives four small methods:

    _numbers      names and first values of the scalars kept per parameter (the step counter)
    _slots        names and first values of the arrays kept per parameter
    _coefficients the scalars of this step, the same for all parameters with the same counters
    _formula      the update, written for reading: new weight and new arrays from old
    _kernel       the same update in place, on flat arrays, with scratch memory

and inherits `step`. The formula is what runs under `autograd.fast_paths(False)`; `_update` says how the kernel runs.
"""

from __future__ import annotations

import functools
import warnings
from collections import OrderedDict, defaultdict
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from autograd import Tensor, enable_grad
from autograd._mode import fast
from autograd._node import RemovableHandle, add_hook
from autograd._tensor import stamp

from . import _state, _update
from ._checks import number

_pre_hooks: dict[int, Callable] = OrderedDict()
_post_hooks: dict[int, Callable] = OrderedDict()


ParamsT = Iterable[Any]  # what optimizers take: tensors, (name, tensor) pairs, or dicts of a group


class _Required:
    """Stands for a hyperparameter that has no default."""

    def __repr__(self) -> str:
        return "<required parameter>"


required = _Required()


def register_optimizer_step_pre_hook(hook: Callable) -> RemovableHandle:
    """Call `hook(optimizer, args, kwargs)` before each step of every optimizer; it may return new (args, kwargs)."""
    return add_hook(_pre_hooks, hook)


def register_optimizer_step_post_hook(hook: Callable) -> RemovableHandle:
    """Call `hook(optimizer, args, kwargs)` after each step of every optimizer."""
    return add_hook(_post_hooks, hook)


def _hooked(step: Callable) -> Callable:
    """`step` with the hooks around it; free of charge while there are none."""

    @functools.wraps(step)
    def wrapper(self: Optimizer, *args: Any, **kwargs: Any) -> Any:
        if not (_pre_hooks or _post_hooks or self._step_pre or self._step_post):
            return step(self, *args, **kwargs)
        for hook in (*_pre_hooks.values(), *self._step_pre.values()):
            result = hook(self, args, kwargs)
            if result is not None:
                if not (isinstance(result, tuple) and len(result) == 2):
                    raise RuntimeError(
                        f"{type(self).__name__}.step: a pre-hook must return None or a tuple of (new_args, new_kwargs), "
                        f"but got {result!r}."
                    )
                args, kwargs = result
        out = step(self, *args, **kwargs)
        for hook in (*self._step_post.values(), *_post_hooks.values()):
            hook(self, args, kwargs)
        return out

    wrapper.hooked = True
    return wrapper


class Optimizer:
    """Base class of all optimizers.

    Args:
        params: tensors, or (name, tensor) pairs, or dicts with a key "params" and options of that group.
        defaults: options of groups that do not give their own.

    Attributes:
        param_groups: list of dicts, each with "params" and the options used for them; may be changed between steps.
        state: what the optimizer remembers about each parameter: `state[p]["exp_avg"]` and so on.

    Raises:
        TypeError: `params` is a single tensor, or holds something that is not a tensor.
        ValueError: no parameters, a parameter twice, a result of an operation instead of a leaf.

    Example:
        >>> import autograd
        >>> from nn.optim import SGD
        >>> w = autograd.tensor([1.0, -2.0], requires_grad=True)
        >>> optimizer = SGD([w], lr=0.1)
        >>> (w * w).sum().backward()
        >>> optimizer.step()
        >>> w.detach()
        tensor([ 0.8000, -1.6000])
    """

    def __init__(self, params: Iterable, defaults: dict[str, Any]) -> None:
        self.defaults = defaults
        self._make_hooks()
        if isinstance(params, Tensor):
            raise TypeError(
                "params argument given to the optimizer should be an iterable of Tensors or dicts, but got one Tensor "
                f"of shape {tuple(params.shape)}; put it in a list"
            )
        self.state: defaultdict = defaultdict(dict)
        self.param_groups: list[dict[str, Any]] = []
        groups = list(params)
        if not groups:
            raise ValueError("optimizer got an empty parameter list; does the model have parameters?")
        for group in groups if isinstance(groups[0], dict) else [{"params": groups}]:
            self.add_param_group(group)

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "step" in cls.__dict__ and not hasattr(cls.step, "hooked"):
            cls.step = _hooked(cls.step)

    def _make_hooks(self) -> None:
        self._step_pre: dict[int, Callable] = OrderedDict()
        self._step_post: dict[int, Callable] = OrderedDict()
        self._save_pre: dict[int, Callable] = OrderedDict()
        self._save_post: dict[int, Callable] = OrderedDict()
        self._load_pre: dict[int, Callable] = OrderedDict()
        self._load_post: dict[int, Callable] = OrderedDict()
        self._plans: dict[int, Any] = {}

    # ------------------------------------------------------------------------------------------ copies and looks

    def __getstate__(self) -> dict[str, Any]:
        return {"defaults": self.defaults, "state": self.state, "param_groups": self.param_groups}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        if "_step_pre" not in self.__dict__:
            self._make_hooks()
        self._plans = {}

    def __repr__(self) -> str:
        lines = [f"{type(self).__name__} ("]
        for i, group in enumerate(self.param_groups):
            lines += ["", f"Parameter Group {i}"] if i else ["Parameter Group 0"]
            lines += [f"    {key}: {group[key]}" for key in sorted(group) if key != "params"]
        return "\n".join([*lines, ")"])

    # ------------------------------------------------------------------------------------------ groups

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """Optimize further parameters, with options of their own.

        Args:
            param_group: dict with the key "params"; options left out get the optimizer's defaults.

        Raises:
            TypeError: not a dict, parameters in a set, or something that is not a tensor.
            ValueError: a parameter is not a leaf or already in a group, or names are given for some only.
        """
        if not isinstance(param_group, dict):
            raise TypeError(f"param_group must be a dict, but got {type(param_group)}")
        group = param_group
        group["params"] = _listed(group["params"])
        _split_names(group)
        for p in group["params"]:
            self._check_parameter(p)
        for name, default in self.defaults.items():
            if default is required and name not in group:
                raise ValueError(f"parameter group didn't specify a value of required optimization parameter {name}")
            group.setdefault(name, default)
        self._check_company(group)
        self.param_groups.append(group)

    def _check_parameter(self, p: Any) -> None:
        if not isinstance(p, Tensor):
            raise TypeError(f"optimizer can only optimize Tensors, but one of the params is {type(p).__name__}")
        if not (self.defaults.get("differentiable") or p.is_leaf or p.retains_grad):
            raise ValueError(
                f"can't optimize a non-leaf Tensor: this one, of shape {tuple(p.shape)}, is a result of an operation; "
                "pass the tensors it was computed from, or detach().requires_grad_()"
            )

    def _check_company(self, group: dict[str, Any]) -> None:
        """The new group against itself and the groups already there."""
        own = set(map(id, group["params"]))
        if len(own) != len(group["params"]):
            warnings.warn("optimizer contains a parameter group with duplicate parameters; in future, this will cause an error",
                          stacklevel=4)  # fmt: skip
        for other in self.param_groups:
            if ("param_names" in group) != ("param_names" in other):
                kind = "with names" if "param_names" in group else "without names"
                raise ValueError(
                    "all optimizer param groups should be with/without names. "
                    f"cannot add param group {kind} to the optimizer"
                )
        if any(id(p) in own for other in self.param_groups for p in other["params"]):
            raise ValueError("some parameters appear in more than one parameter group")

    # ------------------------------------------------------------------------------------------ steps

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget the gradients: None (the default), or zeros written into the same tensors."""
        for group in self.param_groups:
            for p in group["params"]:
                if set_to_none:
                    p._grad = None
                elif p.grad is not None:
                    g = p.grad
                    g._node = None
                    g._buffer()[...] = 0
                    stamp(g)

    def step(self, closure: Callable | None = None) -> Any:
        """Change every parameter that has a gradient once.

        Args:
            closure: computes the loss and its gradients anew; called first, with gradients enabled.

        Returns:
            what the closure returned, or None.
        """
        loss = None
        if closure is not None:
            with enable_grad():
                loss = closure()
        if type(self)._formula is Optimizer._formula:
            raise NotImplementedError(f"{type(self).__name__}: define step(), or _formula() and what it needs")
        for index, group in enumerate(self.param_groups):
            if group.get("differentiable"):
                with enable_grad():
                    _update.differentiable(self, group)
            elif fast.enabled:
                _update.fast(self, index, group)
            else:
                _update.plain(self, group)
        return loss

    # What one update rule is made of; see the module's docstring.

    def _numbers(self, group: dict[str, Any]) -> dict[str, float]:
        """Scalars kept per parameter, with their values before the first step."""
        return {"step": 0.0}

    def _slots(self, group: dict[str, Any]) -> dict[str, float]:
        """Arrays of the parameter's shape kept for it, with their values before the first step."""
        return {}

    def _shapes(self, p: Tensor, group: dict[str, Any]) -> dict[str, tuple[int, ...]]:
        """Shapes of the arrays kept for a parameter, to check a loaded state by."""
        return dict.fromkeys(self._slots(group), tuple(p.shape))

    def _coupled_decay(self, group: dict[str, Any]) -> float:
        """Weight decay to be added to the gradient before anything else."""
        return 0.0 if group.get("decoupled_weight_decay") else number(group.get("weight_decay", 0.0))

    def _coefficients(self, group: dict[str, Any], n: dict[str, float], fresh: bool) -> tuple:
        """This step's scalars; moves the counters `n` on. `fresh`: the arrays were made just now."""
        raise NotImplementedError

    def _formula(self, w: np.ndarray, g: np.ndarray, s: list[np.ndarray], c: tuple) -> tuple[np.ndarray, ...]:
        """New weight and new arrays from weight, gradient, arrays and coefficients."""
        raise NotImplementedError

    def _kernel(
        self, w: np.ndarray, g: np.ndarray, s: list[np.ndarray], c: tuple, a: np.ndarray, b: np.ndarray
    ) -> None:
        """The formula in place: writes `w` and `s`, leaves `g` alone, may use `a` and `b` as scratch."""
        for array, new in zip((w, *s), self._formula(w, g, s, c), strict=True):
            array[...] = new

    # ------------------------------------------------------------------------------------------ saving

    def state_dict(self) -> dict[str, Any]:
        """State and groups, with parameters replaced by numbers. Holds the tensors themselves, not copies."""
        for hook in self._save_pre.values():
            hook(self)
        saved = _state.pack(self.param_groups, self.state)
        for hook in self._save_post.values():
            result = hook(self, saved)
            saved = saved if result is None else result
        return saved

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Continue from what `state_dict` gave: copies it, after checking all of it.

        Raises:
            ValueError: groups, their sizes, options or shapes do not fit; nothing was changed then.
        """
        state_dict = state_dict.copy()
        for hook in self._load_pre.values():
            result = hook(self, state_dict)
            state_dict = state_dict if result is None else result
        shapes = {id(p): self._shapes(p, group) for group in self.param_groups for p in group["params"]}
        state, groups = _state.unpack(self.param_groups, state_dict, shapes, type(self).__name__)
        self.__setstate__({"state": defaultdict(dict, state), "param_groups": groups})
        for hook in self._load_post.values():
            hook(self)

    # ------------------------------------------------------------------------------------------ hooks

    def register_step_pre_hook(self, hook: Callable) -> RemovableHandle:
        """Call `hook(optimizer, args, kwargs)` before each step; it may return new (args, kwargs)."""
        return add_hook(self._step_pre, hook)

    def register_step_post_hook(self, hook: Callable) -> RemovableHandle:
        """Call `hook(optimizer, args, kwargs)` after each step."""
        return add_hook(self._step_post, hook)

    def register_state_dict_pre_hook(self, hook: Callable, prepend: bool = False) -> RemovableHandle:
        """Call `hook(optimizer)` before state_dict."""
        return add_hook(self._save_pre, hook, prepend)

    def register_state_dict_post_hook(self, hook: Callable, prepend: bool = False) -> RemovableHandle:
        """Call `hook(optimizer, state_dict)` after state_dict; it may return another dict."""
        return add_hook(self._save_post, hook, prepend)

    def register_load_state_dict_pre_hook(self, hook: Callable, prepend: bool = False) -> RemovableHandle:
        """Call `hook(optimizer, state_dict)` before loading; it may return another dict."""
        return add_hook(self._load_pre, hook, prepend)

    def register_load_state_dict_post_hook(self, hook: Callable, prepend: bool = False) -> RemovableHandle:
        """Call `hook(optimizer)` after loading."""
        return add_hook(self._load_post, hook, prepend)


Optimizer.step = _hooked(Optimizer.step)


def _listed(params: Any) -> list:
    if isinstance(params, Tensor):
        return [params]
    if isinstance(params, (set, frozenset)):
        raise TypeError(
            "optimizer parameters need to be organized in ordered collections, but the ordering of tensors in sets "
            "will change between runs. Please use a list instead."
        )
    return list(params)


def _split_names(group: dict[str, Any]) -> None:
    """(name, tensor) pairs become two lists."""
    names = [item[0] for item in group["params"] if isinstance(item, tuple)]
    if names:
        if len(names) != len(group["params"]):
            raise ValueError("all optimizer params should be with/without names. Some param names are missing")
        group["param_names"] = names
        group["params"] = [item[1] for item in group["params"]]
