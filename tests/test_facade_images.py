"""The part of torchvision that the facade stands in for, against NumPy."""

from __future__ import annotations

import gzip
import struct

import numpy as np
import pytest

from autograd.compat import torch as facade

RNG = np.random.default_rng(0)


@pytest.fixture(scope="module")
def vision():
    facade.install()
    import torchvision

    yield torchvision
    facade.uninstall()


def test_to_tensor_puts_channels_first_and_scales_bytes(vision):
    picture = RNG.integers(0, 256, (4, 5, 3), dtype=np.uint8)
    made = vision.transforms.ToTensor()(picture)
    np.testing.assert_allclose(made.numpy(), picture.transpose(2, 0, 1).astype(np.float32) / 255, rtol=1e-6)
    gray = RNG.uniform(size=(4, 5)).astype(np.float32)
    np.testing.assert_array_equal(vision.transforms.ToTensor()(gray).numpy(), gray[None])
    with pytest.raises(ValueError, match=r"pic should be 2/3 dimensional\. Got 1 dimensions"):
        vision.transforms.ToTensor()(np.zeros(3))


def test_transforms_follow_each_other_and_print(vision):
    t = vision.transforms
    chain = t.Compose([t.ToTensor(), t.Normalize((0.5, 0.2), (0.25, 0.5)), t.Lambda(lambda x: x * 2)])
    picture = RNG.integers(0, 256, (3, 2, 2), dtype=np.uint8)
    planes = picture.transpose(2, 0, 1) / 255
    expected = 2 * (planes - np.reshape([0.5, 0.2], (2, 1, 1))) / np.reshape([0.25, 0.5], (2, 1, 1))
    np.testing.assert_allclose(chain(picture).numpy(), expected, rtol=1e-5, atol=1e-6)
    shown = repr(t.Compose([t.ToTensor(), t.Normalize((0.5,), (0.25,))]))
    assert shown == "Compose(\n    ToTensor()\n    Normalize(mean=(0.5,), std=(0.25,))\n)"


@pytest.mark.parametrize(("p", "mirrored"), [(0.0, False), (1.0, True)])
def test_mirroring_is_certain_or_never(vision, p, mirrored):
    x = facade.arange(6.0).reshape(1, 2, 3)
    made = vision.transforms.RandomHorizontalFlip(p)(x).numpy()
    np.testing.assert_array_equal(made, x.numpy()[..., ::-1] if mirrored else x.numpy())


def idx(array, path, packed=False):
    data = struct.pack(f">HBB{array.ndim}I", 0, 8, array.ndim, *array.shape) + array.astype(np.uint8).tobytes()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress(data) if packed else data)


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("kind", ["MNIST", "FashionMNIST", "KMNIST"])
def test_digits_are_read_from_where_torchvision_keeps_them(vision, tmp_path, kind, packed):
    images, labels = RNG.integers(0, 256, (3, 28, 28)), np.array([7, 0, 2])
    end = ".gz" if packed else ""
    idx(images, tmp_path / kind / "raw" / f"train-images-idx3-ubyte{end}", packed)
    idx(labels, tmp_path / kind / "raw" / f"train-labels-idx1-ubyte{end}", packed)
    digits = getattr(vision.datasets, kind)(tmp_path, transform=lambda x: x.sum(), target_transform=lambda y: -y)
    assert len(digits) == 3
    assert digits[0] == (images[0].astype(np.uint8).sum(), -7)
    assert digits.targets.tolist() == [7, 0, 2]
    assert len(digits.classes) == 10
    plain = getattr(vision.datasets, kind)(tmp_path)[1]
    np.testing.assert_array_equal(plain[0], images[1])


def test_a_grid_puts_images_side_by_side(vision):
    images = RNG.uniform(size=(3, 3, 2, 2)).astype(np.float32)
    grid = vision.utils.make_grid(facade.tensor(images), nrow=2, padding=1, pad_value=9.0).numpy()
    assert grid.shape == (3, 7, 7)
    for k, (y, x) in enumerate([(1, 1), (1, 4), (4, 1)]):
        np.testing.assert_array_equal(grid[:, y : y + 2, x : x + 2], images[k])
    assert (grid == 9.0).sum() == 3 * 49 - images.size


def test_a_grid_makes_gray_images_coloured_and_stretches_them(vision):
    images = [facade.tensor(RNG.uniform(2, 5, size=(1, 2, 2)).astype(np.float32)) for _ in range(2)]
    grid = vision.utils.make_grid(images, padding=0, normalize=True).numpy()
    stacked = np.stack([i.numpy() for i in images])
    expected = (stacked - stacked.min()) / (stacked.max() - stacked.min())
    np.testing.assert_allclose(grid[1], np.concatenate(expected[:, 0], axis=1), rtol=1e-6)
    assert (grid[0] == grid[2]).all()
