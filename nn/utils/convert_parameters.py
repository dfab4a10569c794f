"""Parameters as one vector, and back."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, cast

import autograd
from autograd import Tensor


def parameters_to_vector(parameters: Iterable[Tensor]) -> Tensor:
    """All parameters, flattened and joined; differentiable.

    Example:
        >>> import nn
        >>> nn.utils.parameters_to_vector(nn.Linear(2, 3).parameters()).shape
        Size([9])
    """
    return autograd.cat([p.reshape(-1) for p in parameters])


def vector_to_parameters(vec: Tensor, parameters: Iterable[Tensor]) -> None:
    """Cut a vector into the parameters' shapes; they then hold views of it, as in PyTorch.

    Raises:
        TypeError: not a Tensor.
        RuntimeError: the vector is shorter or longer than the parameters together; nothing has been changed.
    """
    if not isinstance(vec, Tensor):
        raise TypeError(f"expected Tensor, but got: {type(vec).__name__}")
    params = list(parameters)
    total = sum(p.numel() for p in params)
    if vec.numel() != total:
        raise RuntimeError(
            f"vector_to_parameters: the shapes are invalid for input of size {vec.numel()}: the parameters have {total} elements"
        )
    start, flat = 0, cast(Any, vec)
    for p in params:
        p.data = flat[start : start + p.numel()].view(p.shape).data
        start += p.numel()
