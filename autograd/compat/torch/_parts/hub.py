"""`torch.hub`: downloads nothing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from ...._extras import require


class _Plain:
    """A loop without a progress bar."""

    def __init__(self, iterable: Iterable = (), *args: Any, **kwargs: Any) -> None:
        self._iterable = iterable

    def __iter__(self) -> Iterator:
        return iter(self._iterable)

    def __enter__(self) -> _Plain:
        return self

    def __exit__(self, *exc: object) -> None:
        return None

    def _nothing(self, *args: Any, **kwargs: Any) -> None:
        """There is no bar to change."""

    update = close = set_postfix = set_description = _nothing


def __getattr__(name: str) -> Any:
    """`tqdm`: the library's, or without it a loop without a bar."""
    if name != "tqdm":
        raise AttributeError(name)
    try:
        return require("tqdm", extra="examples", purpose="torch.hub.tqdm").tqdm
    except ImportError:
        return _Plain


def load(repo_or_dir: str, model: str, *args: Any, **kwargs: Any) -> Any:
    """Raises: hub models are programs for PyTorch fetched from the network."""
    raise RuntimeError(
        f"torch.hub.load: glassgrad downloads no models ({repo_or_dir}, {model}); build it from nn's layers"
    )


def load_state_dict_from_url(url: str, *args: Any, **kwargs: Any) -> Any:
    """Raises: fetch the file, then `torch.load` it."""
    raise RuntimeError(f"torch.hub.load_state_dict_from_url: download {url} yourself, then torch.load the file")


def load_url(url: str, *args: Any, **kwargs: Any) -> Any:
    """Raises: the older name of `load_state_dict_from_url`."""
    load_state_dict_from_url(url)


def download_url_to_file(url: str, dst: str, *args: Any, **kwargs: Any) -> Any:
    """Raises: nothing is fetched from here."""
    raise RuntimeError(f"torch.hub.download_url_to_file: glassgrad downloads nothing; fetch {url} to {dst} yourself")


def get_dir() -> str:
    import os

    return os.path.expanduser("~/.cache/torch/hub")


__all__ = ["download_url_to_file", "get_dir", "load", "load_state_dict_from_url", "load_url", "tqdm"]  # noqa: F822 - tqdm is looked up when asked for
