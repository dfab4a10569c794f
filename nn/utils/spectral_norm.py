"""Spectral normalisation by a hook, as older programs use it; new ones: `parametrizations.spectral_norm`."""

from __future__ import annotations

from typing import Any

import autograd
from autograd import Tensor, no_grad

from .. import functional as F
from ..module import Module
from ..parameter import Parameter


def as_matrix(weight: Any, dim: int) -> Tensor:
    """The weight with axis `dim` as rows and all others as columns."""
    return (weight if dim == 0 else weight.transpose(0, dim)).flatten(1)


def power_iteration(matrix: Any, u: Any, v: Any, steps: int, eps: float) -> tuple[Tensor, Tensor]:
    """Better estimates of the first singular vectors."""
    with no_grad():
        for _ in range(steps):
            v = F.normalize(matrix.t().mv(u), dim=0, eps=eps)
            u = F.normalize(matrix.mv(v), dim=0, eps=eps)
    return u.detach().clone(), v.detach().clone()


class _SpectralNorm:
    """The hook: weight = W / σ(W) before every forward, σ by power iteration while training."""

    def __init__(self, name: str, steps: int, dim: int, eps: float) -> None:
        if steps <= 0:
            raise ValueError(f"Expected n_power_iterations to be positive, but got n_power_iterations={steps}")
        self.name, self.steps, self.dim, self.eps = name, steps, dim, eps

    def compute_weight(self, module: Module, update: bool) -> Tensor:
        weight = getattr(module, self.name + "_orig")
        u, v = getattr(module, self.name + "_u"), getattr(module, self.name + "_v")
        matrix = as_matrix(weight, self.dim)
        if update:
            u, v = power_iteration(matrix, u, v, self.steps, self.eps)
            setattr(module, self.name + "_u", u)
            setattr(module, self.name + "_v", v)
        return weight / u.dot(matrix.mv(v))

    def __call__(self, module: Module, args: Any) -> None:
        object.__setattr__(module, self.name, self.compute_weight(module, module.training))


def spectral_norm(
    module: Module, name: str = "weight", n_power_iterations: int = 1, eps: float = 1e-12, dim: int | None = None
) -> Module:
    """weight = W / σ(W), with σ the largest singular value.

    Raises:
        RuntimeError: that parameter is normalised already.
        ValueError: n_power_iterations is not positive.

    Source: Miyato et al., "Spectral normalization for generative adversarial networks", 2018.
    """
    for hook in module._forward_pre_hooks.values():
        if isinstance(hook, _SpectralNorm) and hook.name == name:
            raise RuntimeError(f"Cannot register two spectral_norm hooks on the same parameter {name}")
    fn = _SpectralNorm(name, n_power_iterations, transposed_axis(module) if dim is None else dim, eps)
    weight = module._parameters[name]
    matrix = as_matrix(weight.detach(), fn.dim)
    rows, columns = matrix.shape
    u = F.normalize(autograd.randn(rows, dtype=weight.dtype), dim=0, eps=eps)
    v = F.normalize(autograd.randn(columns, dtype=weight.dtype), dim=0, eps=eps)
    del module._parameters[name]
    module.register_parameter(name + "_orig", weight)
    object.__setattr__(module, name, weight.detach())
    module.register_buffer(name + "_u", u)
    module.register_buffer(name + "_v", v)
    module.register_forward_pre_hook(fn)
    return module


def transposed_axis(module: Module) -> int:
    """Where a weight's output axis is: transposed convolutions have it second."""
    from ..layers.conv import ConvTranspose1d, ConvTranspose2d, ConvTranspose3d

    return 1 if isinstance(module, (ConvTranspose1d, ConvTranspose2d, ConvTranspose3d)) else 0


def remove_spectral_norm(module: Module, name: str = "weight") -> Module:
    """Undo `spectral_norm`: the normalised weight becomes the parameter.

    Raises:
        ValueError: there was none.
    """
    for key, hook in list(module._forward_pre_hooks.items()):
        if isinstance(hook, _SpectralNorm) and hook.name == name:
            with no_grad():
                weight = hook.compute_weight(module, False)
            module.__dict__.pop(name, None)
            del module._parameters[name + "_orig"], module._buffers[name + "_u"], module._buffers[name + "_v"]
            del module._forward_pre_hooks[key]
            setattr(module, name, Parameter(weight.detach()))
            return module
    raise ValueError(f"spectral_norm of '{name}' not found in {module}")
