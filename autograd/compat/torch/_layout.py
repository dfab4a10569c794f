"""Which module of PyTorch is answered from where.

A source is a module's name, `ops:namespace`, a part (`.name`) or an object in one (`.name:object`).
"""

from __future__ import annotations

import importlib
import sys
from typing import Any

from ..._tensor import Tensor
from ._facade import HERE, FacadeModule, Methods, Operations, build


def names(text: str) -> list[str]:
    """The words of a text."""
    return text.split()


# Functions of torch.nn.functional that PyTorch has at its top level as well.
_AT_TOP = names(
    "adaptive_avg_pool1d adaptive_max_pool1d alpha_dropout avg_pool1d batch_norm bilinear binary_cross_entropy_with_logits "
    "celu feature_dropout channel_shuffle conv1d conv2d conv3d conv_tbc conv_transpose1d conv_transpose2d conv_transpose3d "
    "cosine_embedding_loss cosine_similarity ctc_loss dropout embedding embedding_bag feature_alpha_dropout "
    "group_norm hinge_embedding_loss instance_norm kl_div layer_norm margin_ranking_loss max_pool1d max_pool2d max_pool3d "
    "native_channel_shuffle pairwise_distance pdist pixel_shuffle pixel_unshuffle poisson_nll_loss prelu relu rms_norm rrelu "
    "selu threshold triplet_margin_loss hardshrink log_softmax softmax"
)
_SPECIAL_AT_TOP = names(
    "digamma erf erfc erfinv exp2 expm1 gammainc gammaincc i0 lgamma log1p logit mvlgamma polygamma sinc xlogy igamma igammac"
)
_METHODS = names(
    "detach is_complex is_floating_point is_signed is_inference is_nonzero is_same_size is_conj is_neg resolve_neg select "
    "logical_not numel"
)

_OPTIMIZERS = "adadelta adagrad adam adamax adamw asgd lbfgs nadam radam rmsprop rprop sgd"
_DISTRIBUTIONS = (
    "bernoulli beta binomial categorical cauchy chi2 continuous_bernoulli dirichlet distribution exp_family exponential "
    "fishersnedecor gamma geometric gumbel half_cauchy half_normal independent inverse_gamma kl kumaraswamy laplace "
    "lkj_cholesky log_normal logistic_normal lowrank_multivariate_normal mixture_same_family multinomial "
    "multivariate_normal negative_binomial normal one_hot_categorical pareto poisson relaxed_bernoulli "
    "relaxed_categorical studentT transformed_distribution transforms uniform utils von_mises weibull wishart generalized_pareto"
)
# torch.nn.modules.<file>: each offers all of nn's layers, so a name need not be looked up in the right file.
_NN_FILES = names(
    "activation adaptive batchnorm channelshuffle container conv distance dropout flatten fold instancenorm lazy linear "
    "loss module normalization padding pixelshuffle pooling rnn sparse transformer upsampling"
)

# Modules that in PyTorch are hidden behind a function of the same name.
_FUNCTIONS = {
    "nn.parallel.data_parallel",
    "autograd.gradcheck",
    "autograd.variable",
    "nn.utils.weight_norm",
    "nn.utils.spectral_norm",
}

LAYOUT: dict[str, tuple] = {
    "": (".types", ".settings", ".compiled", ".natives", "autograd", "ops:", ("ops:nn.functional", _AT_TOP), ("ops:special", _SPECIAL_AT_TOP),
         ".top", "methods:", ".amp", ".sparse_top", ".operators"),
    "autograd": (".autograd",),
    "autograd.function": ("autograd.function",),
    "autograd.functional": ("autograd.functional",),
    "autograd.forward_ad": (".forward_ad",),
    "autograd.gradcheck": ("autograd.gradcheck",),
    "autograd.variable": (".types",),
    "autograd.grad_mode": ("autograd",),
    "autograd.graph": ("autograd.graph",),
    "autograd.profiler": (".profiler",),
    "autograd.anomaly_mode": ("autograd",),
    "profiler": (".profiler",),
    "nn": ("nn", "nn.parameter", ".parallel"),
    "nn.functional": ("nn.functional", "ops:nn.functional", "methods:relu_,tanh,sigmoid", ".functional_old"),
    "nn.init": ("nn.init", ".init_old"),
    "nn.parameter": ("nn.parameter", "nn"),
    "nn.modules": ("nn",),
    "nn.modules.utils": (".modules_utils",),
    **{f"nn.modules.{name}": ("nn", ".private_modules") for name in _NN_FILES},
    "nn.utils": ("nn.utils", "nn.utils.clip_grad"),
    "nn.utils.rnn": ("nn.utils.rnn",),
    "nn.utils.clip_grad": ("nn.utils",),
    "nn.utils.convert_parameters": ("nn.utils",),
    "nn.utils.fusion": ("nn.utils.fusion",),
    "nn.utils.parametrize": ("nn.utils.parametrize",),
    "nn.utils.parametrizations": ("nn.utils.parametrizations",),
    "nn.utils.prune": (".prune",),
    "nn.utils.stateless": ("nn.utils.stateless",),
    "nn.utils.weight_norm": ("nn.utils",),
    "nn.utils.spectral_norm": ("nn.utils",),
    "nn.parallel": (".parallel",),
    "nn.parallel.data_parallel": (".parallel",),
    "nn.parallel.distributed": (".parallel",),
    "nn.attention": (".attention",),
    "nn.attention.bias": (".attention_bias",),
    "optim": ("nn.optim", ".optimizers"),
    "optim.optimizer": ("nn.optim",),
    "optim.lr_scheduler": ("nn.optim.lr_scheduler",),
    "optim.swa_utils": ("nn.optim.swa_utils",),
    **{f"optim.{n}": ("nn.optim",) for n in names(_OPTIMIZERS)},
    "utils": (".utils",),
    "utils.dlpack": ("autograd.utils.dlpack",),
    "utils.data": ("nn.data", ".data"),
    "utils.data.dataset": ("nn.data",),
    "utils.data.dataloader": ("nn.data",),
    "utils.data.sampler": ("nn.data",),
    "utils.data.distributed": (".data",),
    "utils.data._utils": (),
    "utils.data._utils.collate": ("nn.data",),
    "utils.benchmark": (".benchmark",),
    "utils.hooks": ("autograd.graph",),
    "utils.model_zoo": (".hub",),
    "utils._pytree": (".pytree",),
    "utils.checkpoint": ("autograd.checkpoint", ".checkpoint"),
    "utils.tensorboard": (".tensorboard",),
    "linalg": ("autograd.linalg",),
    "fft": ("autograd.fft",),
    "special": ("autograd.special",),
    "masked": ("autograd.masked", ".masked_tensor"),
    "sparse": (".sparse",),
    "signal": (),
    "signal.windows": ("autograd.signal.windows",),
    "func": ("autograd.func", ".func"),
    "random": ("autograd.random",),
    "testing": (".testing",),
    "cuda": (".cuda",),
    "cuda.amp": (".amp_of_devices:cuda",),
    "cuda.amp.autocast_mode": (".amp_of_devices:cuda",),
    "cuda.amp.grad_scaler": (".amp_of_devices:cuda",),
    "cuda.memory": (".cuda",),
    "cuda.nvtx": (".cuda:nvtx",),
    "cuda.random": (".cuda",),
    "mps": (".cuda",),
    "xpu": (".cuda",),
    "cpu": (".cuda",),
    "cpu.amp": (".amp_of_devices:cpu",),
    "amp": (".amp",),
    "amp.autocast_mode": (".amp",),
    "amp.grad_scaler": (".amp",),
    "accelerator": (".cuda", ".accelerator"),
    "backends": (".backends",),
    **{f"backends.{n}": (f".backends:{n}",) for n in names("cpu cuda cudnn mkl mkldnn mps openmp opt_einsum quantized")},
    "jit": (".jit",),
    "compiler": (".jit", ".compiled", ".settings"),
    "version": (".version",),
    "__config__": (".version",),
    "_dynamo": (".jit", ".compiled"),
    "_dynamo.eval_frame": (".compiled",),
    "_dynamo.config": (),
    "_inductor": (),
    "_inductor.config": (),
    "_tensor": (".types", "autograd"),
    "functional": ("autograd", "ops:"),
    "fx": (".fx_graph", ".fx_trace", ".fx_module"),
    **{f"fx.{n}": (".fx_graph",) for n in ("graph", "node")},
    **{f"fx.{n}": (".fx_trace", ".fx_module") for n in ("proxy", "_symbolic_trace")},
    **{f"fx.{n}": (".fx_module",) for n in ("graph_module", "interpreter", "subgraph_rewriter", "passes", "passes.shape_prop")},
    "futures": (".futures",),
    "nested": (".nested",),
    "_utils": (".private_utils",),
    "utils.flop_counter": (".flop_counter",),
    "overrides": (".overrides",),
    "_C": (".overrides",),
    "torch_version": (".version",),
    "types": (".typing",),
    "multiprocessing": (".multiprocessing",),
    "serialization": (".settings", ".safe_globals"),
    "distributions": (".distributions",),
    **{f"distributions.{n}": (".distributions", ".distributions.base") for n in names(_DISTRIBUTIONS)},
    "distributions.constraints": (".distributions.constraints",),
    "distributions.constraint_registry": (".distributions", ".distributions.registry"),
    "hub": (".hub",),
    "library": (".library",),
    "__future__": (".future",),
    "distributed": (".distributed",),
    "return_types": (),
}  # fmt: skip


def _source(given: Any) -> Any:
    name, only = given if isinstance(given, tuple) else (given, None)
    kind, colon, rest = name.partition(":")
    if kind == "ops" and colon:
        return Operations(rest, only)
    if kind == "methods":
        return Methods(Tensor, rest.split(",") if rest else _METHODS)
    if kind.startswith("."):
        part = importlib.import_module(f"{HERE}._parts{kind}")
        return getattr(part, rest) if rest else part
    return importlib.import_module(_own(name) if name.split(".")[0] == "autograd" else name)


def _own(name: str) -> str:
    """`autograd.linalg` under whatever name this package was imported."""
    return HERE.removesuffix(".compat.torch") + name.removeprefix("autograd")


def build_all() -> FacadeModule:
    """Make every module of the layout."""
    for name, sources in LAYOUT.items():
        module = build(name, map(_source, sources), f"Stands in for torch{'.' + name if name else ''}.")
        if name in _FUNCTIONS:
            del sys.modules[module.__name__.rpartition(".")[0]].__dict__[name.rpartition(".")[2]]
    return build("", map(_source, LAYOUT[""]))
