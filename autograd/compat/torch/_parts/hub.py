"""`torch.hub`: downloads nothing."""

from __future__ import annotations

from typing import Any


def load(repo_or_dir: str, model: str, *args: Any, **kwargs: Any) -> Any:
    """Raises: hub models are programs for PyTorch fetched from the network."""
    raise RuntimeError(
        f"torch.hub.load: glassgrad downloads no models ({repo_or_dir}, {model}); build it from nn's layers"
    )


def load_state_dict_from_url(url: str, *args: Any, **kwargs: Any) -> Any:
    """Raises: fetch the file, then `torch.load` it."""
    raise RuntimeError(f"torch.hub.load_state_dict_from_url: download {url} yourself, then torch.load the file")


def get_dir() -> str:
    import os

    return os.path.expanduser("~/.cache/torch/hub")


__all__ = ["get_dir", "load", "load_state_dict_from_url"]
