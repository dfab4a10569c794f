"""PyTorch's layout over this engine: `python -m autograd.compat.torch script.py` runs a PyTorch program.

`torch.nn`, `torch.optim`, `torch.utils.data` and the rest are modules made from the registry of operations and from
`nn` (see `_layout.py`); what those do not have is in `_parts/`. A name that is missing says so, and what is close.

While installed (`install()`, or the command line), tensors print as PyTorch's do and seeds give PyTorch's own random
numbers, so that a program starts from the weights, batches and dropout masks it had there.

Not here: devices other than the CPU (and `meta`, which has shapes alone), the memory that sparse layouts save, quantization,
ONNX, distributed training, TensorBoard files; `compile` and `jit.script` give back what they are given.

Example:
    >>> from autograd.compat import torch
    >>> x = torch.tensor([1.0, 2.0], requires_grad=True)
    >>> torch.nn.functional.mse_loss(x, torch.zeros(2)).backward()
    >>> x.grad
    tensor([1., 2.])
"""

from __future__ import annotations

from . import _install, _layout
from ._install import install, installed, uninstall
from ._parts.version import __version__

_layout.build_all()
_install.listen()
