"""Graph nodes under the names PyTorch prints: `grad_fn=<MseLossBackward0>` where this engine recorded a mean of squares."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable
from typing import Any

import nn

from ..._array import ndarray
from ..._node import Node
from ..._tensor import Tensor
from ._facade import HERE

_own_name = Node.name
# Operations with another name there.
_OPS = {
    "square": "Pow", "reshape": "View", "leaky": "LeakyRelu", "conv": "Convolution", "max_dim": "Max", "min_dim": "Min",
    "vector_norm": "LinalgVectorNorm", "max_pool": "MaxPool2DWithIndices", "standard": "NativeBatchNorm", "log1p": "Log1P",
    "filled": "Zero", "gather_at": "Index", "pad": "ConstantPadNd", "prelu": "PreluKernel", "true_divide": "Div",
    "det": "LinalgDet", "inv": "LinalgInvEx", "square_error": "MseLoss", "contiguous": "Clone", "fold": "Col2Im",
}  # fmt: skip
# Functions made of several operations here that are one there: the last node gets the name.
_WHOLE = {
    "t": "T", "transpose": "Transpose", "swapaxes": "Transpose", "swapdims": "Transpose", "unsqueeze": "Unsqueeze",
    "index_select": "IndexSelect", "addmm": "Addmm", "bmm": "Bmm", "addcmul": "Addcmul", "addcdiv": "Addcdiv",
    "lerp": "Lerp", "cdist": "Cdist", "dist": "Dist", "split": "Split", "chunk": "Split", "unbind": "Unbind", "squeeze": "Squeeze",
    "mse_loss": "MseLoss", "smooth_l1_loss": "SmoothL1Loss", "huber_loss": "HuberLoss", "nll_loss": "NllLoss",
    "binary_cross_entropy": "BinaryCrossEntropy", "binary_cross_entropy_with_logits": "BinaryCrossEntropyWithLogits",
    "batch_norm": "NativeBatchNorm", "layer_norm": "NativeLayerNorm", "group_norm": "NativeGroupNorm",
    "avg_pool1d": "Squeeze", "avg_pool2d": "AvgPool2D", "avg_pool3d": "AvgPool3D", "glu": "Glu", "unfold": "Im2Col",
    "conv_transpose1d": "Convolution", "conv_transpose2d": "Convolution", "conv_transpose3d": "Convolution",
    "pixel_shuffle": "PixelShuffle", "embedding_bag": "EmbeddingBag", "scaled_dot_product_attention": "UnsafeView",
    "cross_entropy": "NllLoss", "interpolate": "Upsample",
}  # fmt: skip
_replaced: list[tuple[Any, str, Any]] = []


def _shapes(node: Node) -> list[tuple]:
    """Shapes of a node's inputs that are recorded or kept."""
    given = dict(node.given)
    return [tuple(given[i].shape) if i in given and hasattr(given[i], "shape") else tuple(getattr(edge, "shape", ()))
            for i, edge in enumerate(node.edges)]  # fmt: skip


def _number_at(node: Node, position: int) -> bool:
    """Whether the operand at `position` was a plain number."""
    return any(p == position and not isinstance(v, ndarray) and not callable(v) for p, v in node.given)


def _matmul(node: Node) -> str:
    ranks = [len(shape) for shape in _shapes(node)]
    if len(node.shape) == 2 and all(r in (0, 2) for r in ranks):
        return "MmBackward0"
    return {0: "DotBackward0", 1: "MvBackward0"}.get(len(node.shape), "UnsafeViewBackward0")


def _linear(node: Node) -> str:
    bias = len(node.edges) > 2 and (node.edges[2] is not None or any(p == 2 and v is not None for p, v in node.given))
    if len(node.shape) == 2:
        return "AddmmBackward0" if bias else "MmBackward0"
    return "ViewBackward0" if bias else "UnsafeViewBackward0"


def _pow(node: Node) -> str:
    return f"PowBackward{0 if _number_at(node, 1) else 2 if _number_at(node, 0) else 1}"


def _reduced(node: Node) -> str:
    """sum, mean and prod are numbered by whether they were given axes."""
    over_all = node.params[0] is None if node.params else True
    return _own_name(node)[:-1] + ("0" if over_all else "1")


def _extreme(node: Node) -> str:
    name = _own_name(node)
    whole = len(node.shape) == 0 and (not node.params or node.params[0] in (None, ()))
    return name.replace("Amax", "Max").replace("Amin", "Min")[:-1] + "1" if whole else name


def _slice(node: Node) -> str:
    return "SelectBackward0" if len(node.shape) < len(_shapes(node)[0]) else "SliceBackward0"


_BY_RULE: dict[str, Callable[[Node], str]] = {
    "matmul": _matmul, "linear": _linear, "pow": _pow, "sum": _reduced, "mean": _reduced, "prod": _reduced,
    "amax": _extreme, "amin": _extreme, "slice": _slice,
    "sub": lambda node: "RsubBackward1" if _number_at(node, 0) else "SubBackward0",
    "true_divide": lambda node: "MulBackward0" if _number_at(node, 0) else "DivBackward0",
    "clamp": lambda node: "ClampBackward1",
}  # fmt: skip


def torch_name(node: Node) -> str:
    """What PyTorch calls this node."""
    given = getattr(node, "_metadata", {}).get("torch")
    if given:
        return given
    name = node.op.name.strip("_")
    if name in _BY_RULE:
        return _BY_RULE[name](node)
    return f"{_OPS[name]}Backward0" if name in _OPS else _own_name(node)


def _mark(result: Any, name: str, args: tuple) -> None:
    if isinstance(result, (tuple, list)):
        for part in result:
            _mark(part, name, args)
    node = getattr(result, "_node", None)
    if isinstance(node, Node) and not any(result is a for a in args):
        node.metadata["torch"] = name


def _last_part(whole: str, args: tuple, kwargs: dict) -> str | None:
    """The name of the node, where it depends on the arguments."""
    if whole == "Squeeze":
        return f"SqueezeBackward{1 if len(args) > 1 or kwargs else 0}"
    if whole == "Lerp":
        return f"LerpBackward{1 if isinstance(args[-1], Tensor) else 0}"
    if whole == "Upsample":
        mode, axes = kwargs.get("mode", "nearest"), args[0].dim() - 2
        kind = {"nearest": "Nearest", "bilinear": "Bilinear", "bicubic": "Bicubic", "linear": "Linear"}.get(mode)
        return None if kind is None else f"Upsample{kind}{axes}DBackward0"
    return f"{whole}Backward0"


def _cross_entropy(args: tuple, kwargs: dict) -> str | None:
    target = args[1] if len(args) > 1 else kwargs.get("target")
    if kwargs.get("label_smoothing"):
        return "AddBackward0"
    if target is not None and target.dtype.is_floating_point:
        return "DivBackward1"
    return "NllLoss2DBackward0" if args and args[0].dim() == 4 else "NllLossBackward0"


def _naming(function: Callable, name: str) -> Callable:
    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        result = function(*args, **kwargs)
        wanted = _cross_entropy(args, kwargs) if name == "cross_entropy" else _last_part(_WHOLE[name], args, kwargs)
        if wanted is not None:
            _mark(result, wanted, args)
        return result

    return call


def start() -> None:
    """Show PyTorch's names from now on."""
    here = sys.modules[HERE]
    places = [(Tensor, False), (nn.functional, True), (sys.modules[HERE + ".nn.functional"], True), (here, False)]
    for place, functional in places:
        for name in _WHOLE:
            if name == "unfold" and not functional:  # the Tensor method of that name is another operation
                continue
            found = getattr(place, name, None)
            if callable(found):
                _replaced.append((place, name, found))
                setattr(place, name, _naming(found, name))
    Node.name = torch_name


def stop() -> None:
    """Show this engine's own names again."""
    for place, name, found in reversed(_replaced):
        setattr(place, name, found)
    _replaced.clear()
    Node.name = _own_name


__all__ = ["start", "stop", "torch_name"]
