"""A model as a table: layers, output shapes, parameters, multiply-adds."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from .._mode import no_grad
from .._tensor import Tensor, wrap
from ._numbers import size_text

WIDTHS = {"output_size": 26, "input_size": 26, "num_params": 18, "kernel_size": 18, "mult_adds": 18, "trainable": 12}
TITLES = {"output_size": "Output Shape", "input_size": "Input Shape", "num_params": "Param #", "kernel_size": "Kernel Shape",
          "mult_adds": "Mult-Adds", "trainable": "Trainable"}  # fmt: skip


@dataclass
class Layer:
    """One call of a module."""

    name: str
    class_name: str
    depth: int
    index: int
    output_size: str = "--"
    input_size: str = "--"
    own_params: int = 0
    params: int = 0
    trainable: bool = True
    mult_adds: int = 0
    kernel_size: str = "--"
    leaf: bool = True
    reused: bool = False


@dataclass
class Summary:
    """The table; printing it or ending a notebook cell with it shows it.

    Attributes:
        layers: one entry per call of a module. total_params, trainable_params, total_mult_adds: over the model.
    """

    layers: list[Layer]
    total_params: int
    trainable_params: int
    total_mult_adds: int
    input_bytes: int = 0
    output_bytes: int = 0
    depth: int = 3
    cols: tuple[str, ...] = ("output_size", "num_params")
    names: bool = False
    shown: list[Layer] = field(default_factory=list)

    def rows(self) -> list[list[str]]:
        """Cells of the table, the title row first."""
        rows = [["Layer (type:depth-idx)", *(TITLES[c] for c in self.cols)]]
        for layer in self.layers:
            if layer.depth <= self.depth:
                rows.append([self._label(layer), *(self._cell(layer, c) for c in self.cols)])
        return rows

    def _label(self, layer: Layer) -> str:
        name = f"{layer.class_name} ({layer.name})" if self.names and layer.name else layer.class_name
        if not layer.depth:
            return name
        return f"{'│    ' * (layer.depth - 1)}├─{name}: {layer.depth}-{layer.index}"

    def _cell(self, layer: Layer, column: str) -> str:
        if column == "num_params":
            if layer.reused:
                return "(recursive)"
            shown = layer.params if layer.leaf or layer.depth == self.depth else layer.own_params
            text = f"{shown:,}" if shown else "--"
            return text if layer.trainable or not shown else f"({text})"
        if column == "mult_adds":
            return f"{layer.mult_adds:,}" if layer.mult_adds else "--"
        return str(getattr(layer, column))

    def __str__(self) -> str:
        rows = self.rows()
        first = max(40, *(len(r[0]) + 2 for r in rows))
        widths = [first, *(WIDTHS[c] for c in self.cols)]
        line = "=" * sum(widths)
        text = ["".join(cell.ljust(w) for cell, w in zip(r, widths, strict=True)).rstrip() for r in rows]
        return "\n".join([line, text[0], line, *text[1:], line, *self._totals(), line])

    __repr__ = __str__

    def _totals(self) -> list[str]:
        found = [
            f"Total params: {self.total_params:,}",
            f"Trainable params: {self.trainable_params:,}",
            f"Non-trainable params: {self.total_params - self.trainable_params:,}",
        ]
        if self.output_bytes:
            found.append(f"Total mult-adds: {self.total_mult_adds:,}")
            found.append(f"Input {size_text(self.input_bytes)}, forward pass {size_text(self.output_bytes)}")
        return found

    def _repr_html_(self) -> str:
        from ._paint import escape

        head, *body = [[escape(c) for c in r] for r in self.rows()]
        lines = "".join("<tr>" + "".join(f'<td style="text-align:left">{c}</td>' for c in r) + "</tr>" for r in body)
        titles = "".join(f'<th style="text-align:left">{c}</th>' for c in head)
        return (
            f"<table><thead><tr>{titles}</tr></thead><tbody>{lines}</tbody></table><p>{'<br>'.join(self._totals())}</p>"
        )


def summary(
    model: Any, input_size: Any = None, input_data: Any = None, *, depth: int = 3,
    cols: Any = None, col_names: Any = None, batch_dim: int | None = None, dtypes: Any = None, verbose: int | None = None,
    row_settings: Any = ("depth",), mode: str = "eval", **other: Any,
) -> Summary:  # fmt: skip
    """A table of a model's layers, after torchinfo: type, output shape, parameters; totals below.

    The model is run once on zeros of `input_size` (or on `input_data`) without recording; its mode, parameters and
    the random numbers stay as they were.

    Args:
        model: a module. input_size: shape of the input with its batch, or a list of shapes. input_data: tensors instead.
        depth: how deep modules are listed. cols: of output_size, input_size, num_params, kernel_size, mult_adds, trainable.
        batch_dim: where to put a batch of one into each shape. mode: "eval" or "train". verbose: 1 prints as well.

    Returns:
        Summary: prints as the table; .total_params, .trainable_params, .total_mult_adds.

    Example:
        >>> import nn
        >>> from autograd import viz
        >>> model = nn.Sequential(nn.Linear(784, 512), nn.ReLU(), nn.Linear(512, 10))
        >>> viz.summary(model, input_size=(1, 784)).total_params
        407050
    """
    unknown = [c for c in (cols or col_names or ()) if c not in WIDTHS]
    if unknown:
        raise ValueError(f"summary: unknown columns {unknown}; known are {', '.join(WIDTHS)}")
    if mode not in ("eval", "train", "same"):
        raise ValueError(f"summary: mode must be 'eval', 'train' or 'same', got {mode!r}")
    inputs = _inputs(input_size, input_data, batch_dim, dtypes)
    watch = _Watch(model)
    if inputs is not None:
        watch.run(inputs, mode, other)
    else:
        watch.without_input()
    params = list(dict.fromkeys(model.parameters()))
    made = Summary(watch.layers, sum(p.numel() for p in params), sum(p.numel() for p in params if p.requires_grad),
                   sum(layer.mult_adds for layer in watch.layers if layer.leaf), watch.input_bytes, watch.output_bytes,
                   depth, tuple(cols or col_names or ("output_size", "num_params")), "var_names" in row_settings)  # fmt: skip
    if verbose:
        print(made)
    return made


def _inputs(size: Any, data: Any, batch_dim: int | None, dtypes: Any) -> list | dict | None:
    if data is not None:
        if isinstance(data, dict):
            return data
        return list(data) if isinstance(data, (list, tuple)) else [data]
    if size is None:
        return None
    shapes = [size] if all(isinstance(s, (int, np.integer)) for s in size) else list(size)
    if batch_dim is not None:
        shapes = [(*s[:batch_dim], 1, *s[batch_dim:]) for s in shapes]
    kinds = list(dtypes or [None] * len(shapes))
    return [
        wrap(np.zeros(tuple(s), getattr(k, "dtype", None) or np.float32)) for s, k in zip(shapes, kinds, strict=True)
    ]


class _Watch:
    """Hooks that note each call of each module."""

    def __init__(self, model: Any) -> None:
        self.model = model
        self.layers: list[Layer] = []
        self.input_bytes = self.output_bytes = 0
        self.depth = 0
        self.counts: dict[int, int] = {}
        self.seen: set[int] = set()
        self.names = {id(m): name.rsplit(".", 1)[-1] for name, m in model.named_modules()}
        self.stack: list[Layer] = []

    def run(self, inputs: Any, mode: str, other: dict) -> None:
        was = [(m, m.training) for m in self.model.modules()]
        handles = []
        for m in self.model.modules():
            handles.append(m.register_forward_pre_hook(self.enter))
            handles.append(m.register_forward_hook(self.leave))
        if mode != "same":
            self.model.train(mode == "train")
        try:
            with no_grad():
                self.input_bytes = sum(t.nbytes for t in _tensors(inputs))
                self.model(**inputs, **other) if isinstance(inputs, dict) else self.model(*inputs, **other)
        finally:
            for h in handles:
                h.remove()
            for m, training in was:
                m.training = training

    def without_input(self) -> None:
        """Without an input: the modules in the order they were made, shapes unknown."""
        for path, m in self.model.named_modules():
            self.depth = path.count(".") + 1 if path else 0
            self.layers.append(self.layer(m))

    def layer(self, m: Any) -> Layer:
        self.counts[self.depth] = self.counts.get(self.depth, 0) + 1
        params = list(m.parameters())
        own = [p for _, p in m.named_parameters(recurse=False)]
        weight = getattr(m, "weight", None)
        made = Layer(self.names.get(id(m), ""), type(m).__name__, self.depth, self.counts[self.depth],
                     own_params=sum(p.numel() for p in own), params=sum(p.numel() for p in params),
                     trainable=any(p.requires_grad for p in params), leaf=not list(m.children()),
                     reused=id(m) in self.seen and bool(params))  # fmt: skip
        if isinstance(weight, Tensor) and made.leaf:
            made.kernel_size = str(list(weight.shape[2:] or weight.shape))
        self.seen.add(id(m))
        return made

    def enter(self, m: Any, args: tuple) -> None:
        made = self.layer(m)
        made.input_size = _shapes(args)
        self.layers.append(made)
        self.stack.append(made)
        self.depth += 1

    def leave(self, m: Any, args: tuple, result: Any) -> None:
        self.depth -= 1
        made = self.stack.pop()
        made.output_size = _shapes(result)
        weight = getattr(m, "weight", None)
        outputs = _tensors(result)
        if made.leaf and outputs:
            self.output_bytes += sum(t.nbytes for t in outputs)
            if isinstance(weight, Tensor) and weight.ndim > 1:
                channels = 1 if weight.ndim > 2 else -1
                made.mult_adds = outputs[0].numel() // max(1, outputs[0].shape[channels]) * weight.numel()


def _tensors(value: Any) -> list:
    if isinstance(value, Tensor):
        return [value]
    if isinstance(value, dict):
        value = list(value.values())
    return [t for v in value for t in _tensors(v)] if isinstance(value, (list, tuple)) else []


def _shapes(value: Any) -> str:
    found = [str(list(t.shape)) for t in _tensors(value)]
    return found[0] if found else "--"
