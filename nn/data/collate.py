"""Samples into a batch: numbers and tensors are stacked, containers are walked."""

from __future__ import annotations

from collections.abc import Callable, Mapping, MutableMapping, MutableSequence, Sequence
from typing import Any

import numpy as np

import autograd


def default_collate(batch: Sequence[Any]) -> Any:
    """One batch from a list of samples: each tensor, array or number gets a new first axis; containers keep their form.

    Floats become float64 and integers int64; strings and bytes stay as they are; a tuple of fields becomes a list.

    Raises:
        TypeError: the samples are of a class that cannot be batched.
        RuntimeError: sequences of different lengths, or tensors of different shapes.

    Example:
        >>> from nn.data import default_collate
        >>> default_collate([{"x": 1, "name": "a"}, {"x": 2, "name": "b"}])
        {'x': tensor([1, 2]), 'name': ['a', 'b']}
    """
    if len(batch) == 0:
        raise ValueError("default_collate: expected at least one sample, got an empty batch")
    first = batch[0]
    for kind, function in _COLLATE.items():
        if isinstance(first, kind):
            return function(batch)
    if isinstance(first, Mapping):
        return _like_mapping(first, {key: default_collate([sample[key] for sample in batch]) for key in first})
    if isinstance(first, Sequence):
        return _sequences(batch)
    raise TypeError(
        "default_collate: batch must contain tensors, numpy arrays, numbers, dicts or lists; "
        f"found {type(first)}; pass collate_fn="
    )


def _tensors(batch: Sequence[autograd.Tensor]) -> autograd.Tensor:
    shapes = {tuple(t.shape) for t in batch}
    if len(shapes) > 1:
        raise RuntimeError(
            f"default_collate: stack expects each tensor to be equal size, but the samples have shapes "
            f"{sorted(shapes)}; pad them in a collate_fn="
        )
    return autograd.stack(list(batch), 0)


def _arrays(batch: Sequence[np.ndarray]) -> autograd.Tensor:
    if batch[0].dtype.kind in "SUO":
        raise TypeError(
            f"default_collate: batch must contain tensors or numbers; found an array of dtype {batch[0].dtype}"
        )
    # Copies: memory that a tensor shares with an array counts as held outside for as long as the data set has it.
    return _tensors([autograd.tensor(a) for a in batch])


_COLLATE: dict[Any, Callable] = {
    autograd.Tensor: _tensors,
    np.ndarray: _arrays,
    (str, bytes): lambda batch: batch,
    np.generic: lambda batch: autograd.tensor(np.array(batch)),  # before float: np.float64 is one
    float: lambda batch: autograd.tensor(batch, dtype=autograd.float64),
    (bool, int, complex): lambda batch: autograd.tensor(batch),
}


def _sequences(batch: Sequence[Sequence]) -> Any:
    """Field i of the batch collates field i of every sample."""
    first = batch[0]
    sizes = {len(sample) for sample in batch}
    if len(sizes) > 1:
        raise RuntimeError(
            f"default_collate: each element in list of batch should be of equal size, got sizes {sorted(sizes)}"
        )
    return _like_sequence(first, [default_collate(field) for field in zip(*batch, strict=True)])


def _like_mapping(pattern: Mapping, content: dict) -> Any:
    """A mapping of the pattern's class where that can be made; a dict otherwise."""
    if type(pattern) is dict:
        return content
    try:
        if isinstance(pattern, MutableMapping):  # keeps what else the class holds, as PyTorch does
            import copy

            twin = copy.copy(pattern)
            twin.update(content)
            return twin
        return type(pattern)(content)  # type: ignore[call-arg]
    except TypeError:
        return content


def _like_sequence(pattern: Sequence, content: list) -> Any:
    if isinstance(pattern, tuple):
        return type(pattern)(*content) if hasattr(pattern, "_fields") else content
    try:
        if isinstance(pattern, MutableSequence) and type(pattern) is not list:
            import copy

            twin = copy.copy(pattern)
            twin[:] = content
            return twin
        return content if type(pattern) is list else type(pattern)(content)  # type: ignore[call-arg]
    except TypeError:
        return content


def default_convert(data: Any) -> Any:
    """NumPy arrays and scalars below `data` as tensors; everything else as it is (used when batching is off).

    Example:
        >>> import numpy as np
        >>> from nn.data import default_convert
        >>> default_convert([np.float32(1.5), "text", 2])
        [tensor(1.5000), 'text', 2]
    """
    if isinstance(data, autograd.Tensor) or (isinstance(data, np.ndarray) and data.dtype.kind in "SUO"):
        return data
    if isinstance(data, (np.ndarray, np.number, np.bool_)):
        return autograd.as_tensor(data)
    if isinstance(data, Mapping):
        return _like_mapping(data, {key: default_convert(data[key]) for key in data})
    if isinstance(data, tuple):
        content = [default_convert(part) for part in data]
        return type(data)(*content) if hasattr(data, "_fields") else content
    if isinstance(data, Sequence) and not isinstance(data, (str, bytes)):
        return _like_sequence(data, [default_convert(part) for part in data])
    return data
