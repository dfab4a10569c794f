"""The digit files: scikit-learn's, MNIST from IDX, CSV and pickle, and downloads, from files the tests write."""

from __future__ import annotations

import functools
import gzip
import hashlib
import http.server
import os
import pickle
import struct
import sys
import threading

import numpy as np
import pytest

import autograd
import nn.data as data


def test_digits():
    pytest.importorskip("sklearn")
    everything = data.digits()
    assert len(everything) == 1797
    image, label = everything[0]
    assert (tuple(image.shape), image.dtype, label.dtype, int(label)) == (
        (1, 8, 8),
        autograd.float32,
        autograd.int64,
        0,
    )
    assert float(everything.tensors[0].max()) == 1.0
    train, test = data.digits("train"), data.digits("test")
    assert (len(train), len(test)) == (1437, 360)
    seen = {image.numpy().tobytes() for image in train.tensors[0]}
    assert sum(image.numpy().tobytes() in seen for image in test.tensors[0]) < 5, "disjoint but for equal drawings"
    with pytest.raises(ValueError, match="split must be 'train', 'test' or 'all', got 'valid'"):
        data.digits("valid")


def test_digits_without_scikit_learn(monkeypatch):
    monkeypatch.setitem(sys.modules, "sklearn.datasets", None)
    with pytest.raises(ImportError, match=r"digits: .*pip install glassgrad\[examples\]"):
        data.digits()


RNG = np.random.default_rng(0)
PIXELS = RNG.integers(1, 256, (5, 4, 4)).astype(np.uint8)
PIXELS[:, 0, 0] = PIXELS[:, -1, -1] = 0
LABELS = np.array([3, 0, 9, 1, 5], np.uint8)


def idx(array: np.ndarray, code: int = 8) -> bytes:
    head = struct.pack(f">BBBB{array.ndim}I", 0, 0, code, array.ndim, *array.shape)
    return head + array.astype(array.dtype.newbyteorder(">")).tobytes()


def is_right(d) -> bool:
    images, labels = d.tensors
    return (
        images.dtype is autograd.float32
        and np.allclose(images.numpy(), PIXELS[:, None] / 255, atol=1e-7)
        and labels.tolist() == LABELS.tolist()
    )


@pytest.mark.parametrize(("code", "dtype"), [(8, "u1"), (9, "i1"), (11, "i2"), (12, "i4"), (13, "f4"), (14, "f8")])
@pytest.mark.parametrize("packed", [False, True])
def test_idx_of_every_type(tmp_path, code, dtype, packed):
    array = np.arange(6).reshape(2, 3).astype(dtype)
    (tmp_path / "x").write_bytes(gzip.compress(idx(array, code)) if packed else idx(array, code))
    read = data.read_idx(tmp_path / "x")
    assert read.dtype is getattr(autograd, array.dtype.name)
    assert read.tolist() == array.tolist()


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (b"", "is not an IDX file: it begins with b''"),
        (b"label,1x1", "is not an IDX file"),
        (b"\0\0\x07\1", "is not an IDX file"),
        (idx(PIXELS)[:9], "is truncated: its header of 16 bytes ends after 9"),
        (idx(PIXELS)[:-1], r"is truncated: shape \(5, 4, 4\) of uint8 needs 80 bytes, there are 79"),
        (idx(PIXELS) + b"x", "is longer than its header says: .* there are 81"),
        (b"\0\0\x08\1\xff\xff\xff\xff", "is truncated"),
        (gzip.compress(idx(PIXELS))[:-9], "is truncated or damaged"),
    ],
)
def test_wrong_idx_files(tmp_path, raw, message):
    (tmp_path / "x").write_bytes(raw)
    with pytest.raises(RuntimeError, match=message):
        data.read_idx(tmp_path / "x")


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("dot", ["-", "."])
@pytest.mark.parametrize("place", ["", "MNIST/raw"])
def test_mnist_from_a_folder(tmp_path, packed, dot, place):
    folder = tmp_path / place
    folder.mkdir(parents=True, exist_ok=True)
    for stem, end, array in [("t10k-images", "idx3", PIXELS), ("t10k-labels", "idx1", LABELS)]:
        raw = gzip.compress(idx(array)) if packed else idx(array)
        (folder / f"{stem}{dot}{end}-ubyte{'.gz' if packed else ''}").write_bytes(raw)
    assert is_right(data.mnist(tmp_path, "test"))
    with pytest.raises(FileNotFoundError, match=r"no train-images-idx3-ubyte or train-images-idx3-ubyte.gz in"):
        data.mnist(tmp_path)
    with pytest.raises(ValueError, match="no split 'valid'; use random_split"):
        data.mnist(tmp_path, "valid")
    (folder / f"t10k-labels{dot}idx1-ubyte{'.gz' if packed else ''}").write_bytes(idx(LABELS[:3]))
    with pytest.raises(RuntimeError, match=r"do not fit: images \(5, 4, 4\), labels \(3,\)"):
        data.mnist(tmp_path, "test")


def csv(first: bool, names: bool) -> str:
    columns = [f"pixel{i}" for i in range(16)]
    table = [
        [label, *row] if first else [*row, label] for label, row in zip(LABELS, PIXELS.reshape(5, 16), strict=True)
    ]
    head = [["label", *columns] if first else [*columns, '"class"']] if names else []
    return "\n".join(",".join(map(str, row)) for row in head + table) + "\n"


@pytest.mark.parametrize("first", [False, True])
@pytest.mark.parametrize("names", [False, True])
def test_mnist_from_csv(tmp_path, first, names):
    (tmp_path / "x.csv").write_text(csv(first, names))
    (tmp_path / "y.csv.gz").write_bytes(gzip.compress(csv(first, names).encode()))
    assert is_right(data.mnist(tmp_path / "x.csv"))
    assert is_right(data.mnist(tmp_path / "y.csv.gz"))
    assert is_right(data.read_csv(tmp_path / "x.csv", label=0 if first else -1))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (csv(True, True)[:-12], "is truncated or holds no pixels: .*row"),
        (csv(True, False).replace("255", "256", 1).replace("1", "1.5", 1), "is truncated or holds no pixels"),
        ("1,2,3\n", "has 3 columns; expected a label and a square image's pixels"),
        ("hello\n", "holds no rows"),
        ("", "holds no rows"),
        ("\n\n", "holds no rows"),
    ],
)
def test_wrong_csv_files(tmp_path, text, message):
    (tmp_path / "x.csv").write_text(text)
    with pytest.raises(RuntimeError, match=message):
        data.mnist(tmp_path / "x.csv")


@pytest.mark.parametrize("protocol", range(6))
def test_mnist_from_pickle(tmp_path, protocol):
    pair = ((PIXELS.reshape(5, 16) / 255).astype(np.float32), LABELS.astype(np.int64))
    empty = (pair[0][:0], pair[1][:0])
    raw = pickle.dumps((empty, pair, empty), protocol)
    (tmp_path / "mnist.pkl.gz").write_bytes(gzip.compress(raw))
    (tmp_path / "mnist.pkl").write_bytes(raw)
    assert is_right(data.mnist(tmp_path / "mnist.pkl.gz", "valid"))
    assert is_right(data.mnist(tmp_path / "mnist.pkl", "valid"))
    assert len(data.mnist(tmp_path / "mnist.pkl", "test")) == 0


def test_a_pickle_of_python_2(tmp_path):
    """Python 2 wrote the arrays' bytes as its str, opcode U or T."""
    raw = (
        b"\x80\x02cnumpy.core.multiarray\n_reconstruct\nq\x01cnumpy\nndarray\nq\x02K\x00\x85U\x01b\x87R"
        b"(K\x01K\x01K\x04\x86cnumpy\ndtype\nq\x03U\x02f4K\x00K\x01\x87R(K\x03U\x01<NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb"
        b"\x89U\x10" + struct.pack("<4f", 0, 0.25, 0.5, 1) + b"tb"
        b"h\x01h\x02K\x00\x85U\x01b\x87R(K\x01K\x01\x85h\x03U\x02i8K\x00K\x01\x87R(K\x03U\x01<NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xff"
        b"K\x00tb\x89U\x08" + struct.pack("<q", 7) + b"tb\x86q\x04h\x04h\x04\x87."
    )
    assert pickle.loads(raw, encoding="latin1")[0][0].tolist() == [[0.0, 0.25, 0.5, 1.0]]
    (tmp_path / "old.pkl").write_bytes(raw)
    images, labels = data.mnist(tmp_path / "old.pkl").tensors
    assert images.tolist() == [[[[0.0, 0.25], [0.5, 1.0]]]]
    assert labels.tolist() == [7]


class Bomb:
    def __reduce__(self):
        return os.mkdir, ("was_here",)


def test_wrong_and_hostile_pickles(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "x.pkl.gz"
    path.write_bytes(gzip.compress(pickle.dumps((Bomb(), 2, 3))))
    with pytest.raises(pickle.UnpicklingError, match="mkdir"):
        data.mnist(path)
    assert os.listdir(tmp_path) == ["x.pkl.gz"]
    for value, message in [
        ([1, 2, 3], "holds no three pairs .* its element 0 has the parts \\['int'\\]"),
        ((), "holds no three pairs"),
        (((np.zeros((2, 5)), np.zeros(2)),), r"has the parts \[\(2, 5\), \(2,\)\]"),
        (((np.zeros((2, 4)), np.zeros(3)),), "holds no three pairs"),
    ]:
        path.write_bytes(gzip.compress(pickle.dumps(value)))
        with pytest.raises(RuntimeError, match=message):
            data.read_pickle(path)
    path.write_bytes(gzip.compress(pickle.dumps([1] * 100))[:-12])
    with pytest.raises(RuntimeError, match="is truncated or damaged"):
        data.read_pickle(path)
    path.write_bytes(pickle.dumps([1] * 100)[:-12])
    with pytest.raises(RuntimeError, match="is truncated or damaged"):
        data.read_pickle(path)


def test_missing_places(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"no file or folder .*none'; mnist\(\) downloads"):
        data.mnist(tmp_path / "none")
    for name in ("x.csv", "x.pkl.gz"):
        with pytest.raises(FileNotFoundError):
            data.mnist(tmp_path / name)
    (tmp_path / "x.bin").write_bytes(b"")
    with pytest.raises(ValueError, match=r"expected a folder of IDX files, a \.csv or a \.pkl"):
        data.mnist(tmp_path / "x.bin")
    with pytest.raises(ValueError, match="split must be 'train', 'valid' or 'test', got 'all'"):
        data.mnist(tmp_path, "all")


def test_download_asks_pooch_for_the_checked_files(tmp_path, monkeypatch):
    """No network: a pooch that finds the files in its cache. The real one refuses what does not match the checksum."""
    pooch = pytest.importorskip("pooch")
    asked = {}

    class Cache:
        def fetch(self, name):
            array = PIXELS if "images" in name else LABELS
            (tmp_path / name).write_bytes(gzip.compress(idx(array)))
            return str(tmp_path / name)

    def create(path, base_url, registry, **options):
        asked.update(registry)
        assert base_url.startswith("https://")
        return Cache()

    monkeypatch.setattr(pooch, "create", create)
    assert is_right(data.mnist())
    assert is_right(data.mnist(split="test"))
    assert len(asked) == 4
    assert all(value.startswith("sha256:") and len(value) == 71 for value in asked.values())
    monkeypatch.setitem(sys.modules, "pooch", None)
    with pytest.raises(ImportError, match=r"mnist download: .*pip install glassgrad\[data\]"):
        data.mnist()


@pytest.fixture
def server(tmp_path, monkeypatch):
    """A web server on this machine that stands for the real one; gives the folder it serves."""
    pooch = pytest.importorskip("pooch")
    folder = tmp_path / "served"
    folder.mkdir()

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(folder))) as web:
        thread = threading.Thread(target=web.serve_forever)
        thread.start()
        monkeypatch.setenv("GLASSGRAD_DATA", str(tmp_path / "cache"))
        monkeypatch.setattr(data.images, "_URL", f"http://127.0.0.1:{web.server_port}/")
        monkeypatch.setattr(pooch.core.time, "sleep", lambda seconds: None)  # between its attempts
        monkeypatch.setattr(pooch.get_logger(), "disabled", True)
        yield folder
        web.shutdown()
        thread.join()


def test_downloads_are_kept_and_checked(server, tmp_path, monkeypatch):
    for stem, end, array in [("train-images", "idx3", PIXELS), ("train-labels", "idx1", LABELS)]:
        raw = gzip.compress(idx(array))
        (server / f"{stem}-{end}-ubyte.gz").write_bytes(raw)
        monkeypatch.setitem(data.images._FILES, f"{stem}-{end}-ubyte.gz", hashlib.sha256(raw).hexdigest())
    assert is_right(data.mnist())
    for path in server.iterdir():
        path.write_bytes(b"something else")
    assert is_right(data.mnist()), "the second time from the cache"
    for path in (tmp_path / "cache").iterdir():
        path.write_bytes(b"cut off")
    with pytest.raises(ValueError, match=r"(?s)hash .* does not match the known hash"):
        data.mnist()
