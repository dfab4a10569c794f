"""`torch.distributions`: densities, draws that follow PyTorch's random numbers, and differentiable `rsample`."""

from __future__ import annotations

from . import base, composed, continuous, discrete, gammas, kl, registry, sampling, transforms, vectors, wishart

_MODULES = (base, composed, continuous, discrete, gammas, kl, registry, transforms, vectors, wishart)
_HELPERS = {
    "ConstraintRegistry",
    "broadcast_all",
    "clamp_probs",
    "lazy_property",
    "logits_to_probs",
    "probs_to_logits",
}  # of `.utils` and `.constraint_registry`

__all__ = [name for module in _MODULES for name in module.__all__ if name not in _HELPERS]
globals().update({name: getattr(module, name) for module in _MODULES for name in module.__all__})
_standard_gamma, _dirichlet_draw = sampling.standard_gamma, sampling.dirichlet
