"""`torch.backends.*`: flags that programs set, and answers to what is available."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any


def _no() -> bool:
    return False


class _Flags(SimpleNamespace):
    """Accepts any flag."""

    def flags(self, *args: Any, **kwargs: Any) -> Any:
        import contextlib

        return contextlib.nullcontext()


cudnn = _Flags(
    enabled=False, benchmark=False, deterministic=True, allow_tf32=False, is_available=_no, version=lambda: None
)
cuda = _Flags(matmul=SimpleNamespace(allow_tf32=False), is_built=_no, enable_flash_sdp=lambda e: None,
              enable_math_sdp=lambda e: None, enable_mem_efficient_sdp=lambda e: None)  # fmt: skip
mps = _Flags(is_available=_no, is_built=_no)
mkl = _Flags(is_available=_no)
mkldnn = _Flags(is_available=_no, enabled=False)
openmp = _Flags(is_available=_no)
quantized = _Flags(engine="none", supported_engines=["none"])
cpu = _Flags(get_cpu_capability=lambda: "DEFAULT")
opt_einsum = _Flags(is_available=_no, enabled=False, strategy="auto")

__all__ = ["cpu", "cuda", "cudnn", "mkl", "mkldnn", "mps", "openmp", "opt_einsum", "quantized"]
