"""What `torch.func` has beside `autograd.func`."""

from __future__ import annotations

from typing import Any

import nn


def functionalize(func: Any, *, remove: str = "mutations") -> Any:
    """The function itself: nothing is traced here that in-place operations could disturb."""
    return func


def replace_all_batch_norm_modules_(root: nn.Module) -> nn.Module:
    """Stop every BatchNorm in `root` from keeping running estimates."""
    for module in root.modules():
        if "BatchNorm" in type(module).__name__:
            module.running_mean = module.running_var = module.num_batches_tracked = None
            module.track_running_stats = False
    return root


__all__ = ["functionalize", "replace_all_batch_norm_modules_"]
