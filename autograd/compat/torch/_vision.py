"""The part of `torchvision` that first programs use: `transforms.Compose/ToTensor/Normalize`, `datasets.MNIST`.

Images are NumPy arrays, not PIL's. Nothing is downloaded from here: `MNIST` reads the IDX files in `root`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any, ClassVar

import numpy as np

from nn.data import Dataset, read_idx

from ... import as_tensor, from_numpy, rand
from ..._tensor import Tensor
from ._facade import FacadeModule

# ------------------------------------------------------------------ transforms


class Compose:
    """One transform after the other."""

    def __init__(self, transforms: Iterable[Callable]) -> None:
        self.transforms = list(transforms)

    def __call__(self, img: Any) -> Any:
        for transform in self.transforms:
            img = transform(img)
        return img

    def __repr__(self) -> str:
        return "Compose(\n" + "".join(f"    {t}\n" for t in self.transforms) + ")"


class ToTensor:
    """An image (H, W) or (H, W, C), bytes 0 to 255, as a float tensor (C, H, W) in [0, 1]."""

    def __call__(self, pic: Any) -> Tensor:
        image = np.asarray(pic)
        if image.ndim not in (2, 3):
            raise ValueError(f"pic should be 2/3 dimensional. Got {image.ndim} dimensions.")
        image = image[:, :, None] if image.ndim == 2 else image
        planes = from_numpy(np.ascontiguousarray(image.transpose(2, 0, 1)))
        return planes.float().div(255) if image.dtype == np.uint8 else planes

    def __repr__(self) -> str:
        return "ToTensor()"


class Normalize:
    """(channel - mean) / std for each channel."""

    def __init__(self, mean: Any, std: Any, inplace: bool = False) -> None:
        self.mean, self.std = mean, std

    def __call__(self, tensor: Tensor) -> Tensor:
        mean, std = (as_tensor(v, dtype=tensor.dtype).reshape(-1, 1, 1) for v in (self.mean, self.std))
        return (tensor - mean) / std

    def __repr__(self) -> str:
        return f"Normalize(mean={self.mean}, std={self.std})"


class Lambda:
    """A function as a transform."""

    def __init__(self, lambd: Callable) -> None:
        self.lambd = lambd

    def __call__(self, img: Any) -> Any:
        return self.lambd(img)


class RandomHorizontalFlip:
    """Mirror a tensor image with probability p."""

    def __init__(self, p: float = 0.5) -> None:
        self.p = p

    def __call__(self, img: Tensor) -> Tensor:
        return img.flip(-1) if rand(1).item() < self.p else img


# ------------------------------------------------------------------ datasets


class MNIST(Dataset):
    """Handwritten digits from the IDX files (gzipped or not) in `root/MNIST/raw`, or in `root` itself.

    Raises:
        RuntimeError: a file is not there.
    """

    _files: ClassVar[dict] = {True: ("train-images-idx3-ubyte", "train-labels-idx1-ubyte"),
              False: ("t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte")}  # fmt: skip
    classes: ClassVar[list] = ["0 - zero", "1 - one", "2 - two", "3 - three", "4 - four", "5 - five", "6 - six", "7 - seven",
               "8 - eight", "9 - nine"]  # fmt: skip

    def __init__(self, root: Any, train: bool = True, transform: Callable | None = None,
                 target_transform: Callable | None = None, download: bool = False) -> None:  # fmt: skip
        self.root, self.train, self.transform, self.target_transform = Path(root), train, transform, target_transform
        images, labels = (self._find(name) for name in self._files[train])
        self.data, self.targets = read_idx(images), read_idx(labels).long()

    def _find(self, name: str) -> Path:
        folders = (self.root / type(self).__name__ / "raw", self.root)
        for place in (folder / (name + end) for folder in folders for end in ("", ".gz")):
            if place.exists():
                return place
        raise RuntimeError(
            f"Dataset not found: {type(self).__name__} needs {name} (or {name}.gz) in {folders[0]}; this stand-in for "
            "torchvision downloads nothing. nn.data.mnist() fetches MNIST once, with checksums"
        )

    def __len__(self) -> int:
        return len(self.data)

    def __getitem__(self, index: int) -> tuple:
        img, target = self.data[index].numpy(), int(self.targets[index])
        img = img if self.transform is None else self.transform(img)
        return img, target if self.target_transform is None else self.target_transform(target)


class FashionMNIST(MNIST):
    """Clothes in MNIST's form."""

    classes: ClassVar[list] = ["T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag",
                               "Ankle boot"]  # fmt: skip


class KMNIST(MNIST):
    """Japanese characters in MNIST's form."""


# ------------------------------------------------------------------ utils


def make_grid(tensor: Any, nrow: int = 8, padding: int = 2, normalize: bool = False, pad_value: float = 0.0) -> Tensor:
    """Images (N, C, H, W) side by side in one image (C, rows, columns)."""
    images = tensor if isinstance(tensor, Tensor) else _stacked(tensor)
    data = images.detach().numpy()
    data = np.repeat(data, 3, axis=1) if data.shape[1] == 1 else data
    if normalize:
        data = (data - data.min()) / max(float(data.max() - data.min()), 1e-5)
    n, c, h, w = data.shape
    columns = min(nrow, n)
    rows = -(-n // columns)
    grid = np.full((c, rows * (h + padding) + padding, columns * (w + padding) + padding), pad_value, data.dtype)
    for k in range(n):
        y, x = k // columns * (h + padding) + padding, k % columns * (w + padding) + padding
        grid[:, y : y + h, x : x + w] = data[k]
    return from_numpy(grid)


def _stacked(images: Any) -> Tensor:
    return from_numpy(np.stack([i.detach().numpy() for i in images]))


# ------------------------------------------------------------------ modules

_TRANSFORMS = (Compose, ToTensor, Normalize, Lambda, RandomHorizontalFlip)
_DATASETS = (MNIST, FashionMNIST, KMNIST)
_PARTS: dict[str, tuple] = {"transforms": _TRANSFORMS, "datasets": _DATASETS, "utils": (make_grid,)}


def modules() -> dict[str, ModuleType]:
    """The modules to put under `torchvision`."""
    top = _module("torchvision", ())
    top.__version__ = "0.28.0+glassgrad"
    found: dict[str, ModuleType] = {"torchvision": top}
    for name, members in _PARTS.items():
        found[f"torchvision.{name}"] = part = _module(f"torchvision.{name}", members)
        setattr(top, name, part)
    return found


def _module(name: str, members: tuple) -> FacadeModule:
    module = FacadeModule(name, __doc__)
    module.__spec__ = ModuleSpec(name, None, is_package=True)
    module.__path__ = []
    module.__sources__ = (SimpleNamespace(**{m.__name__: m for m in members}),)
    return module
