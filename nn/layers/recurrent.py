"""Recurrent networks: RNN, LSTM, GRU over whole sequences, and their cells for one step."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from typing import Any

import autograd
from autograd import Tensor
from autograd.ops.recurrent import Weights, cell, sequence

from .. import functional as F
from .. import init
from ..module import Module
from ..parameter import empty_parameter
from ..utils.rnn import PackedSequence

_GATES = {"LSTM": 4, "GRU": 3, "RNN_TANH": 1, "RNN_RELU": 1}


# ---------------------------------------------------------------------------------------------- whole sequences


class RNNBase(Module):
    """What RNN, LSTM and GRU share: their weights by layer and direction, and the walk over the sequence."""

    def __init__(
        self, mode: str, input_size: int, hidden_size: int, num_layers: int = 1, bias: bool = True, batch_first: bool = False,
        dropout: float = 0.0, bidirectional: bool = False, proj_size: int = 0, device: Any = None, dtype: Any = None,
    ) -> None:  # fmt: skip
        super().__init__()
        self.mode, self.input_size, self.hidden_size, self.num_layers = mode, input_size, hidden_size, num_layers
        self.bias, self.batch_first, self.dropout, self.bidirectional = bias, batch_first, float(dropout), bidirectional
        self.proj_size = proj_size
        self._check_settings()
        self._all_weights: list[list[str]] = []
        for layer in range(num_layers):
            for direction in range(2 if bidirectional else 1):
                self._make_weights(layer, direction, dtype, device)
        self.reset_parameters()

    def _check_settings(self) -> None:
        if isinstance(self.dropout, bool) or not 0 <= self.dropout <= 1:
            raise ValueError(
                "dropout should be a number in range [0, 1] representing the probability of an element being zeroed, "
                f"got {self.dropout}"
            )
        if self.dropout > 0 and self.num_layers == 1:
            warnings.warn(
                "dropout option adds dropout after all but last recurrent layer, so non-zero dropout expects num_layers "
                f"greater than 1, but got dropout={self.dropout} and num_layers={self.num_layers}",
                stacklevel=4,
            )
        for name, kind in {"bias": bool, "batch_first": bool, "input_size": int, "hidden_size": int}.items():
            if not isinstance(getattr(self, name), kind):
                found = type(getattr(self, name)).__name__
                raise TypeError(f"{name} should be of type {kind.__name__}, got: {found}")
        for name in ("input_size", "hidden_size", "num_layers"):
            if getattr(self, name) <= 0:
                raise ValueError(f"{name} must be greater than zero, got {getattr(self, name)}")
        if self.proj_size < 0:
            raise ValueError("proj_size should be a positive integer or zero to disable projections")
        if self.proj_size >= self.hidden_size:
            raise ValueError(
                f"proj_size has to be smaller than hidden_size, got {self.proj_size} and {self.hidden_size}"
            )

    def _make_weights(self, layer: int, direction: int, dtype: Any, device: Any) -> None:
        gates, out = _GATES[self.mode] * self.hidden_size, self.proj_size or self.hidden_size
        into = self.input_size if layer == 0 else out * (2 if self.bidirectional else 1)
        suffix = f"_l{layer}" + ("_reverse" if direction else "")
        shapes: dict[str, tuple[int, ...]] = {"weight_ih": (gates, into), "weight_hh": (gates, out)}
        if self.bias:
            shapes |= {"bias_ih": (gates,), "bias_hh": (gates,)}
        if self.proj_size:
            shapes["weight_hr"] = (self.proj_size, self.hidden_size)
        self._all_weights.append([name + suffix for name in shapes])
        for name, shape in shapes.items():
            setattr(self, name + suffix, empty_parameter(*shape, dtype=dtype, device=device))

    def reset_parameters(self) -> None:
        """Draw all weights from U(-k, k) with k = 1/sqrt(hidden_size)."""
        k = 1.0 / math.sqrt(self.hidden_size)
        for weight in self.parameters():
            init.uniform_(weight, -k, k)

    @property
    def all_weights(self) -> list[list[Any]]:
        """The parameters, one list per layer and direction."""
        return [[getattr(self, name) for name in names] for names in self._all_weights]

    def flatten_parameters(self) -> None:
        """Nothing to do; here so that programs that call it run."""

    def _weights(self, number: int) -> Weights:
        names = {name.rsplit("_l", 1)[0]: name for name in self._all_weights[number]}
        get = lambda key: getattr(self, names[key]) if key in names else None  # noqa: E731
        return Weights(get("weight_ih"), get("weight_hh"), get("bias_ih"), get("bias_hh"), get("weight_hr"))

    # ------------------------------------------------------------------ running

    def forward(self, input: Any, hx: Any = None) -> tuple[Any, Any]:
        """The outputs of all steps, and the last state."""
        if isinstance(input, PackedSequence):
            return self._forward_packed(input, hx)
        if input.ndim not in (2, 3):
            raise ValueError(f"{type(self).__name__}: Expected input to be 2D or 3D, got {input.ndim}D instead")
        batched = input.ndim == 3
        self._check_state_axes(hx, batched)
        if not batched:
            input = input.unsqueeze(0 if self.batch_first else 1)
            hx = self._map_state(hx, lambda t: t.unsqueeze(1))
        if self.batch_first:
            input = input.transpose(0, 1)
        self._check_input(input)
        state = self._initial(hx, input.shape[1], input)
        output, last = self._layers(input, list(input.shape[:2]), state)
        if self.batch_first:
            output = output.transpose(0, 1)
        if not batched:
            output = output.squeeze(0 if self.batch_first else 1)
        state = tuple(last) if batched else tuple(t.squeeze(1) for t in last)
        return output, self._public_state(state)

    def _forward_packed(self, input: PackedSequence, hx: Any) -> tuple[Any, Any]:
        sizes = [int(n) for n in input.batch_sizes.tolist()]
        self._check_input(input.data)
        hx = self._permuted(hx, input.sorted_indices)
        state = self._initial(hx, sizes[0], input.data)
        output, last = self._layers(input.data, sizes, state, packed=True)
        made = PackedSequence(output, input.batch_sizes, input.sorted_indices, input.unsorted_indices)
        return made, self._permuted(self._public_state(tuple(last)), input.unsorted_indices)

    def _layers(self, x: Tensor, sizes: list[int], state: tuple, packed: bool = False) -> tuple[Tensor, list[Tensor]]:
        """All layers over x, (T, B, *) or packed (Σ sizes, *)."""
        directions = 2 if self.bidirectional else 1
        last: list[tuple] = []
        for layer in range(self.num_layers):
            made = []
            for direction in range(directions):
                number = layer * directions + direction
                start = tuple(s[number] for s in state)
                output, end = self._one_direction(x, sizes, self._weights(number), start, bool(direction), packed)
                made.append(output)
                last.append(end)
            x = made[0] if directions == 1 else autograd.cat(made, -1)
            if self.dropout and layer < self.num_layers - 1:
                x = F.dropout(x, self.dropout, self.training)
        return x, [autograd.stack([end[i] for end in last]) for i in range(len(state))]

    def _one_direction(
        self, x: Tensor, sizes: list[int], w: Weights, start: tuple, back: bool, packed: bool
    ) -> tuple[Tensor, tuple]:
        """One layer in one direction."""
        if packed:
            return sequence(self.mode, x, start, w, sizes, back)
        steps, batch, width = x.shape
        output, end = sequence(self.mode, x.reshape(steps * batch, width), start, w, [batch] * steps, back)
        return output.reshape(steps, batch, output.shape[1]), end

    # ------------------------------------------------------------------ the state

    def _state_sizes(self) -> list[int]:
        """The width of each part of the state."""
        return [self.proj_size or self.hidden_size]

    def _map_state(self, hx: Any, fn: Callable) -> Any:
        return None if hx is None else fn(hx)

    def _public_state(self, state: tuple) -> Any:
        return state[0]

    def _as_tuple(self, hx: Any) -> tuple:
        return (hx,)

    def _permuted(self, hx: Any, permutation: Tensor | None) -> Any:
        if hx is None or permutation is None:
            return hx
        return self._map_state(hx, lambda t: t.index_select(1, permutation))

    def _initial(self, hx: Any, batch: int, like: Tensor) -> tuple:
        layers = self.num_layers * (2 if self.bidirectional else 1)
        shapes = [(layers, batch, size) for size in self._state_sizes()]
        if hx is None:
            return tuple(autograd.zeros(shape, dtype=like.dtype) for shape in shapes)
        state = self._as_tuple(hx)
        for i, (given, shape) in enumerate(zip(state, shapes, strict=True)):
            if tuple(given.shape) != shape:
                name = f"hidden[{i}]" if len(state) > 1 else "hidden"
                raise RuntimeError(f"Expected {name} size {shape}, got {list(given.shape)}")
        return state

    def _check_state_axes(self, hx: Any, batched: bool) -> None:
        if hx is None:
            return
        wanted = 3 if batched else 2
        dims = [t.ndim for t in self._as_tuple(hx)]
        if any(d != wanted for d in dims):
            kind = "batched 3-D" if batched else "unbatched 2-D"
            found = f"hx and cx should also be {wanted}-D but got ({', '.join(f'{d}-D' for d in dims)}) tensors"
            if len(dims) == 1:
                found = f"hx should also be {wanted}-D but got {dims[0]}-D tensor"
            raise RuntimeError(f"For {kind} input, {found}")

    def _check_input(self, input: Tensor) -> None:
        weight = getattr(self, self._all_weights[0][0])
        if input.dtype != weight.dtype:
            raise ValueError(
                f"RNN input dtype ({input.dtype!r}) does not match weight dtype ({weight.dtype!r}). Convert input: "
                f"input.to({weight.dtype!r}), or convert model: model.to({input.dtype!r})"
            )
        if input.shape[-1] != self.input_size:
            raise RuntimeError(
                f"input.size(-1) must be equal to input_size. Expected {self.input_size}, got {input.shape[-1]}"
            )

    def extra_repr(self) -> str:
        """Sizes, and what differs from the default."""
        text = f"{self.input_size}, {self.hidden_size}"
        defaults = {
            "proj_size": 0,
            "num_layers": 1,
            "bias": True,
            "batch_first": False,
            "dropout": 0,
            "bidirectional": False,
        }
        return text + "".join(f", {k}={getattr(self, k)}" for k, d in defaults.items() if getattr(self, k) != d)


class RNN(RNNBase):
    """h_t = tanh(W_ih x_t + b_ih + W_hh h_(t-1) + b_hh), for all steps t of a sequence.

    Args:
        input_size, hidden_size: lengths of x_t and h_t.
        num_layers: each layer reads the outputs of the one below.
        nonlinearity: "tanh" or "relu".
        bias: whether b_ih and b_hh exist.
        batch_first: sequences come as (N, T, *) instead of (T, N, *).
        dropout: between the layers, while training.
        bidirectional: a second network reads backwards; outputs are joined.

    Shape: x (T, N, input_size) or (T, input_size) or a PackedSequence; h_0 (layers * directions, N, hidden_size)
        -> outputs (T, N, directions * hidden_size), h_T

    Attributes:
        weight_ih_l[k], weight_hh_l[k], bias_ih_l[k], bias_hh_l[k]: of layer k, with `_reverse` for the backward direction;
            drawn from U(-s, s) with s = 1/sqrt(hidden_size).
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        names = ("input_size", "hidden_size", "num_layers", "nonlinearity")
        given = dict(zip(names, args[:4], strict=False))
        self_nonlinearity = given.pop("nonlinearity", None) or kwargs.pop("nonlinearity", "tanh")
        if self_nonlinearity not in ("tanh", "relu"):
            raise ValueError(f"Unknown nonlinearity '{self_nonlinearity}'. Select from 'tanh' or 'relu'.")
        _refuse_projection("RNN", kwargs)
        rest = dict(zip(("bias", "batch_first", "dropout", "bidirectional"), args[4:], strict=False))
        super().__init__(f"RNN_{self_nonlinearity.upper()}", **given, **rest, **kwargs)
        self.nonlinearity = self_nonlinearity


def _refuse_projection(kind: str, kwargs: dict) -> None:
    if kwargs.get("proj_size"):
        raise ValueError(
            f"proj_size argument is only supported for LSTM, not RNN or GRU: {kind} got {kwargs['proj_size']}"
        )


class LSTM(RNNBase):
    """c_t = f_t c_(t-1) + i_t g_t, h_t = o_t tanh(c_t), with gates i, f, o = sigmoid(.) and g = tanh(.) of x_t and h_(t-1).

    Args:
        proj_size: project h_t to this length by a further weight (0: not).
        Others as for `RNN`.

    Shape: x (T, N, input_size) or (T, input_size) or a PackedSequence; state (h_0, c_0)
        -> outputs (T, N, directions * (proj_size or hidden_size)), (h_T, c_T)

    Source: Hochreiter and Schmidhuber, "Long short-term memory", 1997.

    Example:
        >>> import nn
        >>> outputs, (h, c) = nn.LSTM(3, 4, num_layers=2)(autograd.zeros(5, 1, 3))
        >>> outputs.shape, h.shape
        (Size([5, 1, 4]), Size([2, 1, 4]))
    """

    def __init__(
        self, input_size: int, hidden_size: int, num_layers: int = 1, bias: bool = True, batch_first: bool = False,
        dropout: float = 0.0, bidirectional: bool = False, proj_size: int = 0, device: Any = None, dtype: Any = None,
    ) -> None:  # fmt: skip
        super().__init__("LSTM", input_size, hidden_size, num_layers, bias, batch_first, dropout, bidirectional, proj_size,
                         device, dtype)  # fmt: skip

    def _state_sizes(self) -> list[int]:
        return [self.proj_size or self.hidden_size, self.hidden_size]

    def _map_state(self, hx: Any, fn: Callable) -> Any:
        return None if hx is None else tuple(fn(t) for t in hx)

    def _public_state(self, state: tuple) -> Any:
        return state

    def _as_tuple(self, hx: Any) -> tuple:
        if not isinstance(hx, (tuple, list)) or len(hx) != 2:
            raise RuntimeError(f"LSTM: expected the state as (h_0, c_0), got {type(hx).__name__}")
        return tuple(hx)


class GRU(RNNBase):
    """h_t = (1 - z_t) n_t + z_t h_(t-1), with gates r, z = sigmoid(.) and n = tanh(W x + b + r (W' h + b')).

    Arguments and shapes as for `RNN`.

    Source: Cho et al., "Learning phrase representations using RNN encoder-decoder", 2014.
    """

    def __init__(
        self, input_size: int, hidden_size: int, num_layers: int = 1, bias: bool = True, batch_first: bool = False,
        dropout: float = 0.0, bidirectional: bool = False, device: Any = None, dtype: Any = None, proj_size: int = 0,
    ) -> None:  # fmt: skip
        _refuse_projection("GRU", {"proj_size": proj_size})
        super().__init__("GRU", input_size, hidden_size, num_layers, bias, batch_first, dropout, bidirectional, 0,
                         device, dtype)  # fmt: skip


# ---------------------------------------------------------------------------------------------- cells


class RNNCellBase(Module):
    """What the cells share: the weights of one step."""

    weight_ih: Any
    weight_hh: Any
    bias_ih: Any
    bias_hh: Any
    parts = 1

    def __init__(
        self, input_size: int, hidden_size: int, bias: bool, num_chunks: int, device: Any = None, dtype: Any = None
    ) -> None:
        super().__init__()
        self.input_size, self.hidden_size, self.bias = input_size, hidden_size, bias
        gates = num_chunks * hidden_size
        self.weight_ih = empty_parameter(gates, input_size, dtype=dtype, device=device)
        self.weight_hh = empty_parameter(gates, hidden_size, dtype=dtype, device=device)
        for name in ("bias_ih", "bias_hh"):
            self.register_parameter(name, empty_parameter(gates, dtype=dtype, device=device) if bias else None)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw all weights from U(-k, k) with k = 1/sqrt(hidden_size)."""
        k = 1.0 / math.sqrt(self.hidden_size) if self.hidden_size > 0 else 0
        for weight in self.parameters():
            init.uniform_(weight, -k, k)

    def _step(self, mode: str, input: Tensor, state: tuple | None) -> tuple:
        """One step of a batch, or of one sequence without a batch axis."""
        if input.ndim not in (1, 2):
            raise ValueError(f"{type(self).__name__}: Expected input to be 1D or 2D, got {input.ndim}D instead")
        batched = input.ndim == 2
        x = input if batched else input.unsqueeze(0)
        if state is None:
            zero = autograd.zeros(x.shape[0], self.hidden_size, dtype=x.dtype)
            state = (zero,) * self.parts
        else:
            self._check_axes(input, state)
            state = state if batched else tuple(s.unsqueeze(0) for s in state)
        self._check(x, state)
        made = cell(mode, x, state, Weights(self.weight_ih, self.weight_hh, self.bias_ih, self.bias_hh))
        return made if batched else tuple(s.squeeze(0) for s in made)

    def _check_axes(self, input: Tensor, state: tuple) -> None:
        for i, s in enumerate(state):
            if s.ndim not in (1, 2):
                name = f"hx[{i}]" if len(state) > 1 else "hidden"
                raise ValueError(f"{type(self).__name__}: Expected {name} to be 1D or 2D, got {s.ndim}D instead")
            if s.ndim != input.ndim:
                raise RuntimeError(
                    f"For {input.ndim}-D input, hidden{i} should also be {input.ndim}-D but got {s.ndim}-D tensor"
                )

    def _check(self, x: Tensor, state: tuple) -> None:
        batch, width = x.shape
        if width != self.input_size:
            raise RuntimeError(f"input has inconsistent input_size: got {width} expected {self.input_size}")
        for i, s in enumerate(state):
            rows, hidden = size = s.shape
            if size == (batch, self.hidden_size):
                continue
            if rows != batch:
                raise RuntimeError(f"Input batch size {batch} doesn't match hidden{i} batch size {rows}")
            raise RuntimeError(f"hidden{i} has inconsistent hidden_size: got {hidden}, expected {self.hidden_size}")

    def extra_repr(self) -> str:
        """Sizes, and what differs from the default."""
        text = f"{self.input_size}, {self.hidden_size}"
        if self.bias is not True:
            text += f", bias={self.bias}"
        nonlinearity = getattr(self, "nonlinearity", "tanh")
        return text if nonlinearity == "tanh" else f"{text}, nonlinearity={nonlinearity}"


class RNNCell(RNNCellBase):
    """h' = tanh(W_ih x + b_ih + W_hh h + b_hh): one step of `RNN`.

    Shape: x (N, input_size) or (input_size), h (N, hidden_size) -> (N, hidden_size)
    """

    def __init__(
        self, input_size: int, hidden_size: int, bias: bool = True, nonlinearity: str = "tanh", device: Any = None,
        dtype: Any = None,
    ) -> None:  # fmt: skip
        super().__init__(input_size, hidden_size, bias, 1, device, dtype)
        self.nonlinearity = nonlinearity

    def forward(self, input: Tensor, hx: Tensor | None = None) -> Tensor:
        """One step."""
        if self.nonlinearity not in ("tanh", "relu"):
            raise RuntimeError(f"Unknown nonlinearity: {self.nonlinearity}")
        return self._step(f"RNN_{self.nonlinearity.upper()}", input, None if hx is None else (hx,))[0]


class LSTMCell(RNNCellBase):
    """One step of `LSTM`: (x, (h, c)) -> (h', c')."""

    parts = 2

    def __init__(
        self, input_size: int, hidden_size: int, bias: bool = True, device: Any = None, dtype: Any = None
    ) -> None:
        super().__init__(input_size, hidden_size, bias, 4, device, dtype)

    def forward(self, input: Tensor, hx: tuple[Tensor, Tensor] | None = None) -> tuple[Tensor, Tensor]:
        """One step."""
        return self._step("LSTM", input, hx)


class GRUCell(RNNCellBase):
    """One step of `GRU`: (x, h) -> h'."""

    def __init__(
        self, input_size: int, hidden_size: int, bias: bool = True, device: Any = None, dtype: Any = None
    ) -> None:
        super().__init__(input_size, hidden_size, bias, 3, device, dtype)

    def forward(self, input: Tensor, hx: Tensor | None = None) -> Tensor:
        """One step."""
        return self._step("GRU", input, None if hx is None else (hx,))[0]
