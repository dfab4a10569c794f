"""Graph nodes under the names PyTorch prints: `grad_fn=<MseLossBackward0>` where this engine recorded a mean of squares."""

from __future__ import annotations

import functools
import inspect
import sys
from collections.abc import Callable
from typing import Any

import numpy as np

import nn

from ..._array import ndarray
from ..._node import Leaf, Node
from ..._tensor import Tensor, history
from ...function import _FunctionOp
from ._facade import HERE
from ._swaps import Swaps

_own_name = Node.name
# Operations with another name there.
_OPS = {
    "square": "Pow", "reshape": "View", "leaky": "LeakyRelu", "conv": "Convolution", "max_dim": "Max", "min_dim": "Min",
    "vector_norm": "LinalgVectorNorm", "max_pool": "MaxPool2DWithIndices", "standard": "NativeBatchNorm", "log1p": "Log1P",
    "filled": "Zero", "gather_at": "Index", "pad": "ConstantPadNd", "prelu": "PreluKernel", "true_divide": "Div",
    "det": "LinalgDet", "inv": "LinalgInvEx", "square_error": "MseLoss", "contiguous": "Clone", "fold": "Col2Im",
    "deg2rad": "Deg2Rad", "rad2deg": "Rad2Deg", "entr": "SpecialEntr", "diagonal_spread": "DiagEmbed", "gelu_tanh": "Gelu",
    "cross_product": "LinalgCross", "solve_ex": "LinalgSolveEx", "svdvals": "LinalgSvd", "eigvalsh": "LinalgEigh",
    "cholesky": "LinalgCholeskyEx", "region_means": "AdaptiveAvgPool2D", "fft_c2c": "FftC2C", "fft_r2c": "FftR2C",
    "fft_c2r": "FftC2R", "matrix_exp": "LinalgMatrixExp", "pinv": "LinalgPinv", "root_mean_square": "Mul",
    "real_part": "Select", "imag_part": "Select", "svd": "LinalgSvd", "eigh": "LinalgEigh", "qr": "LinalgQr",
    "region": "AsStrided", "slogdet": "LinalgSlogdet", "eig": "LinalgEig", "solve_triangular": "LinalgSolveTriangular",
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
    "cross_entropy": "NllLoss", "ctc_loss": "CtcLoss", "interpolate": "Upsample", "upsample": "Upsample", "max": "Max", "min": "Min",
    "median": "Median", "mode": "Mode", "kthvalue": "Kthvalue", "aminmax": "Aminmax", "nansum": "Nansum",
    "nan_to_num": "NanToNum", "mvlgamma": "Mvlgamma", "ldexp": "Ldexp", "repeat_interleave": "View", "rot90": "Rot90",
    "trace": "Trace", "scatter": "Scatter", "scatter_add": "ScatterAdd", "index_fill": "IndexFill", "kron": "UnsafeView",
    "index_copy": "IndexCopy", "masked_select": "MaskedSelect", "take": "Take", "put": "Put", "renorm": "Renorm",
    "scatter_reduce": "ScatterReduce", "index_reduce": "IndexReduce", "adjoint": "Transpose", "addmv": "Addmv",
    "addr": "Addr", "baddbmm": "Baddbmm", "chain_matmul": "View", "vdot": "Vdot", "combinations": "Stack",
    "atleast_3d": "Unsqueeze", "std_mean": "StdMean", "var_mean": "VarMean", "cholesky_solve": "CholeskySolve",
    "celu": "Celu", "rrelu": "RreluWithNoise", "pdist": "Pdist", "soft_margin_loss": "SoftMarginLoss",
    "multi_margin_loss": "MultiMarginLoss", "multilabel_margin_loss": "MultilabelMarginLoss", "max_pool1d": "Squeeze",
    "max_pool3d": "MaxPool3DWithIndices", "adaptive_avg_pool1d": "Squeeze", "adaptive_max_pool1d": "Squeeze",
    "adaptive_max_pool2d": "AdaptiveMaxPool2D", "pixel_unshuffle": "PixelUnshuffle", "grid_sample": "GridSampler2D",
    "affine_grid": "AffineGridGenerator", "instance_norm": "View", "channel_shuffle": "ChannelShuffle",
    "max_unpool2d": "MaxUnpool2D", "fractional_max_pool2d": "FractionalMaxPool2D", "einsum": "View", "pad": "Pad",
    "addmm_": "Addmm", "index_fill_": "IndexFill", "fill_": "Fill", "scatter_": "Scatter", "scatter_add_": "ScatterAdd",
}  # fmt: skip
# Of these, functions that are several nodes there too.
_COMPOSED = {
    "scaled_dot_product_attention", "einsum", "pad", "repeat_interleave", "kron", "chain_matmul", "combinations", "avg_pool1d",
    "max_pool1d", "adaptive_avg_pool1d", "adaptive_max_pool1d", "instance_norm", "atleast_3d", "upsample",
}  # fmt: skip
_LAYERS: dict[Any, tuple] = {
    nn.LSTM: ("MkldnnRnnLayerBackward0",), nn.GRU: ("StackBackward0",), nn.RNN: ("StackBackward0",),
    nn.LSTMCell: ("MulBackward0", "AddBackward0")}  # fmt: skip
_swaps = Swaps()


def _shapes(node: Node) -> list[tuple]:
    """Shapes of a node's inputs that are recorded or kept."""
    given = dict(node.given)
    return [tuple(given[i].shape) if i in given and hasattr(given[i], "shape") else tuple(getattr(edge, "shape", ()))
            for i, edge in enumerate(node.edges)]  # fmt: skip


def _number_at(node: Node, position: int) -> bool:
    """Whether the operand at `position` was a plain number."""
    return any(p == position and not isinstance(v, (ndarray, np.generic)) and not callable(v) for p, v in node.given)


def _matmul(node: Node) -> str:
    ranks = [len(shape) for shape in _shapes(node)]
    if len(node.shape) == 2 and all(r in (0, 2) for r in ranks):
        return "MmBackward0"
    return {0: "DotBackward0", 1: "MvBackward0"}.get(len(node.shape), "UnsafeViewBackward0")


def _linear(node: Node) -> str:
    bias = len(node.edges) > 2 and (node.edges[2] is not None or any(p == 2 and v is not None for p, v in node.given))
    if len(node.shape) == 2:
        return "AddmmBackward0" if bias else "MmBackward0"
    if bias:
        return "ViewBackward0"
    return "SqueezeBackward4" if _one_row(node) else "UnsafeViewBackward0"


def _one_row(node: Node) -> bool:
    """Whether a linear layer was given a vector, which is a matrix of one row in between."""
    x, w, *_ = _shapes(node)  # at least one of the two is kept
    return len(node.shape) == 1 and (len(x) == 1 or len(w) == 2)


def _pow(node: Node) -> str:
    return f"PowBackward{0 if _number_at(node, 1) else 2 if _number_at(node, 0) else 1}"


def _reduced(node: Node) -> str:
    """sum, mean and prod are numbered by whether they were given axes."""
    over_all = node.params[0] is None if node.params else True
    return _own_name(node)[:-1] + ("0" if over_all else "1")


def _parts(node: Node) -> list[str]:
    """The parts of an index that do something; there each of them is an operation of its own."""
    index = node.params[0]
    if isinstance(index, slice):
        return ["SliceBackward0"]
    parts, sizes = index if isinstance(index, tuple) else (index,), list(_shapes(node)[0])
    spanned = sum(p is not None and p is not Ellipsis for p in parts)
    found, axis = [], 0
    for part in parts:
        if part is Ellipsis:
            axis += len(sizes) - spanned
        elif part is None:
            found.append("UnsqueezeBackward0")
        elif not isinstance(part, slice):
            found.append("SelectBackward0")
        elif part.indices(sizes[axis]) != (0, sizes[axis], 1):
            found.append("SliceBackward0")
        axis += part is not None and part is not Ellipsis
    return found or ["AliasBackward0"]


class _Between:
    """A node of an operation that is part of another one here: a linear layer's transposed weight, say."""

    def __init__(self, edges: tuple) -> None:
        self.next_functions = tuple((typed(edge), 0) for edge in edges)

    def name(self) -> str:
        return type(self).__name__

    def __repr__(self) -> str:
        return f"<{self.name()} object at {id(self):#x}>"


def _between(node: Node, key: Any, *edges: Any) -> Any:
    """The node of a name between a node and some of its inputs, always the same one; None where nothing is recorded."""
    if all(edge is None for edge in edges):
        return None
    made = node.metadata.setdefault("between", {})
    if key not in made:
        name = key if isinstance(key, str) else key[0]
        made[key] = type(name, (_Between,), {"__module__": "builtins"})(edges)
    return made[key]


def _next(node: Node) -> tuple:
    """The nodes of the inputs, in PyTorch's order."""
    return tuple((typed(edge), 0) for edge in _before(node))


def _before(node: Node) -> tuple:
    """What comes before a node there, with the operations in between that are part of it here."""
    known, name = getattr(node, "_metadata", {}), node.op.name.strip("_")
    if known.get("whole") == "cross_entropy" and node.name() == "NllLossBackward0":
        return (_between(node, "LogSoftmaxBackward0", known["edges"][0]),)
    if known.get("whole") == "ctc_loss" and node.name() == "MeanBackward0":
        return (_between(node, "DivBackward0", _between(node, "CtcLossBackward0", *known["edges"]), None),)
    if "edges" in known:
        return known["edges"]
    if name == "linear" and (len(node.shape) != 1 or _one_row(node)):
        return _before_linear(node)
    if name == "slice":
        *earlier, _last = _parts(node)
        edge = node.edges[0]
        for place, part in enumerate(earlier):
            edge = _between(node, (part, place), edge)
        return (edge,)
    return tuple(edge for i, edge in enumerate(node.edges) if edge is not None or not _without_gradient(node, i))


def _before_linear(node: Node) -> tuple:
    """First the bias, then input and weight; what has more axes is a matrix in between."""
    x, w, b = node.edges
    weight = _between(node, "TBackward0", w)
    given = _linear(node)
    bias = given in ("AddmmBackward0", "ViewBackward0")
    if given in ("AddmmBackward0", "MmBackward0"):
        return (b, x, weight) if bias else (x, weight)
    rows = _between(node, ("UnsqueezeBackward0" if given == "SqueezeBackward4" else "ViewBackward0", "rows"), x)
    return (_between(node, "AddmmBackward0", b, rows, weight) if bias else _between(node, "MmBackward0", rows, weight),)


def _without_gradient(node: Node, position: int) -> bool:
    """Whether an unrecorded input is one that nothing is recorded for there: an index, a mask, an exponent."""
    if node.op.inputs[min(position, len(node.op.inputs) - 1)] in ("index", "indices", "condition", "mask"):
        return True
    value = dict(node.given).get(position)
    if node.name() in ("PowBackward0", "PowBackward2", "RsubBackward1", "ClampBackward1"):
        return not isinstance(value, ndarray)
    value = value() if callable(value) else value
    return isinstance(value, ndarray) and value.dtype.kind in "biu"


@functools.cache
def _class_named(kind: type, name: str, home: str) -> type:
    return type(name, (kind,), {"__slots__": (), "__module__": home, "__doc__": None})


def typed(node: Any) -> Any:
    """The node itself, its class now one of PyTorch's name: programs print `type(y.grad_fn).__name__`."""
    if isinstance(node, Node) and type(node).__name__ != (name := node.name()):
        home = "torch.autograd.function" if isinstance(node.op, _FunctionOp) else "builtins"
        node.__class__ = _class_named(_plain(type(node)), name, home)
    return node


def _plain(kind: type) -> type:
    """The engine's own class of a node."""
    return kind if kind.__module__ == Node.__module__ else kind.__mro__[1]


def _shown(node: Node) -> str:
    """A node as PyTorch prints it; that of a user's Function says where its class comes from."""
    home = "torch.autograd.function." if isinstance(node.op, _FunctionOp) else ""
    return f"<{home}{torch_name(node)} object at {id(node):#x}>"


_BY_RULE: dict[str, Callable[[Node], str]] = {
    "matmul": _matmul, "linear": _linear, "pow": _pow, "sum": _reduced, "mean": _reduced, "prod": _reduced,
    "slice": lambda node: _parts(node)[-1],
    "sub": lambda node: "RsubBackward1" if _number_at(node, 0) else "SubBackward0",
    "true_divide": lambda node: "MulBackward0" if _number_at(node, 0) else "DivBackward0",
    "clamp": lambda node: "ClampBackward1",
    "region_written": lambda node: "CopySlices",
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


def _mark_inputs(result: Any, whole: str, values: tuple) -> None:
    """Note which nodes come before a function that is one node there, however many operations it is made of here."""
    for part in result if isinstance(result, (tuple, list)) else (result,):
        node = getattr(part, "_node", None)
        if isinstance(node, Node):
            if whole == "batch_norm":
                values = (*values[:1], *values[3:])  # running estimates have no gradients
            given = [v for v in values if isinstance(v, Tensor) and v._apply is None and v.dtype.is_floating_point]
            node.metadata["edges"] = tuple(history(v) for v in given)
            node.metadata["whole"] = whole


def _last_part(name: str, args: tuple, kwargs: dict) -> str | None:
    """The name of the node, where it depends on the arguments."""
    whole = _WHOLE[name]
    if whole == "Squeeze" and len(args) == 1 and not kwargs:
        return "SqueezeBackward0"
    if whole == "CtcLoss":
        return {"mean": "MeanBackward0", "sum": "SumBackward0"}.get(_reduction(args, kwargs), "CtcLossBackward0")
    if whole == "Lerp":
        return f"LerpBackward{1 if isinstance(args[-1], Tensor) else 0}"
    if whole in ("Max", "Min", "Median"):
        return _by_axes(whole, args, kwargs)
    if whole == "Pad":
        return _padding(args, kwargs)
    if whole == "View" and args and isinstance(args[0], str):
        return _einsum(args)
    if whole == "Squeeze":
        return f"SqueezeBackward{2 if name == 'squeeze' and isinstance(args[1], (tuple, list)) else 1}"
    if whole == "Fill":
        return "FillBackward2"
    if whole == "Upsample":
        mode, axes = kwargs.get("mode", "nearest"), args[0].dim() - 2
        kind = {"nearest": "Nearest", "bilinear": "Bilinear", "bicubic": "Bicubic", "linear": "Linear"}.get(mode)
        return None if kind is None else f"Upsample{kind}{axes}DBackward0"
    return f"{whole}Backward0"


def _reduction(args: tuple, kwargs: dict) -> str:
    return kwargs.get("reduction", next((a for a in args if isinstance(a, str)), "mean"))


def _by_axes(whole: str, args: tuple, kwargs: dict) -> str:
    """Over everything, along an axis, or of two tensors."""
    if len(args) > 1 and isinstance(args[1], Tensor):
        return f"{whole}imumBackward0"
    along = len(args) > 1 or bool(kwargs)
    return f"{whole}Backward{int(along) if whole == 'Median' else 1 - along}"


def _padding(args: tuple, kwargs: dict) -> str | None:
    mode = kwargs.get("mode", args[2] if len(args) > 2 else "constant")
    pads = kwargs.get("pad", args[1] if len(args) > 1 else ())
    kind = {"reflect": "Reflection", "replicate": "Replication"}.get(mode)
    return f"{kind}Pad{len(pads) // 2}DBackward0" if kind else None


def _einsum(args: tuple) -> str | None:
    if len(args) > 2 or isinstance(args[1], (tuple, list)):
        return "ViewBackward0"
    return "SumBackward1" if args[0].replace(" ", "").endswith("->") else None


def _cross_entropy(args: tuple, kwargs: dict) -> str | None:
    target = args[1] if len(args) > 1 else kwargs.get("target")
    if target is not None and target.dtype.is_floating_point:
        return "DivBackward1"
    if kwargs.get("label_smoothing"):
        return "AddBackward0"
    return "NllLoss2DBackward0" if args and args[0].dim() == 4 else "NllLossBackward0"


_order = functools.cache(lambda function: tuple(inspect.signature(function).parameters))


def _in_place(function: Callable, args: tuple, kwargs: dict) -> tuple[tuple, dict]:
    """Arguments given by name at the places where they would stand, as long as none before them is missing."""
    rest = dict(kwargs)
    for name in _order(function)[len(args) :]:
        if name not in rest:
            break
        args = (*args, rest.pop(name))
    return args, rest


def _naming(function: Callable, name: str) -> Callable:
    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        result = function(*args, **kwargs)
        args, kwargs = _in_place(function, args, kwargs) if kwargs else (args, kwargs)
        wanted = _cross_entropy(args, kwargs) if name == "cross_entropy" else _last_part(name, args, kwargs)
        if wanted is not None:
            _mark(result, wanted, args)
            if name not in _COMPOSED and not any(result is a for a in args):
                _mark_inputs(result, name, (*args, *kwargs.values()))
        return result

    return call


def _named_property(name: str, wanted: str) -> property:
    found = getattr(Tensor, name)

    def get(self: Tensor) -> Any:
        result = found.fget(self)
        _mark(result, wanted, (self,))
        return result

    return property(get, found.fset)


def _named_layer(forward: Callable, names: tuple) -> Callable:
    """A layer's forward whose results' nodes get these names, one for each; None leaves one as it is."""

    @functools.wraps(forward)
    def call(self: Any, *args: Any, **kwargs: Any) -> Any:
        results = forward(self, *args, **kwargs)
        for part, name in zip(results, names, strict=False):
            if name is not None and not getattr(self, "batch_first", False):
                _mark(part, name, args)
        return results

    return call


def start() -> None:
    """Show PyTorch's names from now on."""
    for name in ("mT", "mH", "H"):
        _swaps.put(Tensor, name, _named_property(name, "TransposeBackward0"))
    for layer, names in _LAYERS.items():
        _swaps.put(layer, "forward", _named_layer(layer.forward, names))
    here, functions = sys.modules[HERE], sys.modules[HERE + ".nn.functional"]
    places = [
        (functions, True),
        (here, False),
        (Tensor, False),
        (nn.functional, True),
    ]  # the first two look up in the others
    for place, functional in places:
        for name in _WHOLE:
            if name == "unfold" and not functional:  # the Tensor method of that name is another operation
                continue
            found = getattr(place, name, None)
            if callable(found):
                _swaps.put(place, name, _naming(found, name))
    _swaps.put(Node, "next_functions", property(_next))
    found: Any = Tensor.grad_fn
    _swaps.put(Tensor, "grad_fn", property(lambda self: typed(found.fget(self))))
    for name, shown in (("__name__", "AccumulateGrad"), ("__qualname__", "AccumulateGrad"), ("__module__", "builtins")):
        _swaps.put(Leaf, name, shown)
    _swaps.put(Node, "__repr__", _shown)
    Node.name = torch_name


def stop() -> None:
    """Show this engine's own names again."""
    _swaps.undo()
    Node.name = _own_name


__all__ = ["start", "stop", "torch_name"]
