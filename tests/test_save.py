"""save and load: what goes in comes out, and a file that is damaged, hostile or half written never gets through."""

from __future__ import annotations

import importlib.util
import io
import json
import math
import os
import pickle
import stat
import struct
import subprocess
import sys
import time
import warnings
import zipfile
from collections import Counter, OrderedDict, defaultdict, deque
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import autograd
from autograd import load, save
from autograd.save import _atomic, atomic_write, register_tensor_class, unpickle_safely

DATA = Path(__file__).parent / "data"
REFUSED = (RuntimeError, pickle.UnpicklingError, EOFError)
TYPES = [  # bfloat16 has a test of its own
    "float16", "float32", "float64", "complex64", "complex128", "uint8", "int8", "int16", "int32", "int64", "bool",
    "uint16", "uint32", "uint64",
]  # fmt: skip


def same(a, b) -> bool:
    """Equal in class, dtype, shape, bits (NaN included) and order of keys."""
    if type(a) is not type(b):
        return False
    if isinstance(a, autograd.Tensor):
        return a.requires_grad == b.requires_grad and same(np.asarray(a._data), np.asarray(b._data))
    if isinstance(a, (np.ndarray, np.generic)):
        return a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes()
    if isinstance(a, dict):
        return list(a) == list(b) and all(same(a[k], b[k]) for k in a)
    if isinstance(a, (list, tuple, deque)):
        return len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, (float, complex)):
        return repr(a) == repr(b)
    return a == b


def saved(value, **options) -> bytes:
    f = io.BytesIO()
    save(value, f, **options)
    return f.getvalue()


def reloaded(value, **options):
    return load(io.BytesIO(saved(value, **options)))


def zip_of(**members: bytes) -> io.BytesIO:
    f = io.BytesIO()
    with zipfile.ZipFile(f, "w") as archive:
        for name, content in members.items():
            archive.writestr(name.replace("__", "/").replace("_npy", ".npy"), content)
    f.seek(0)
    return f


SMALL = {"w": autograd.arange(6.0).reshape(2, 3), "epoch": 3, "lr": [0.1, None, "text"], 7: (True, b"raw")}

# ---------------------------------------------------------------- what goes in comes out


@pytest.mark.parametrize(
    "value",
    [
        None, True, 0, -(2**80), 1.5, -0.0, float("nan"), float("inf"), -float("inf"), 1e-320, 2 - 3j, complex("nan+infj"),
        "", "text ✓ \0 \n", "\ud800", b"", b"\0raw", bytearray(b"ab"), [], (), {}, set(), frozenset({1}), {"a", "b"},
        [1, [2, [3]]], (1, (2,)), {"a": {"b": {"c": 1}}}, {1: 2, None: 3, (1, 2): 4, False: 5, 2.5: 6, b"k": 7},
        {"$tensor": 1}, {"$dict": [["$same", 0]]}, {"$": None}, OrderedDict(b=1, a=2), Counter("aab"),
        deque([1, 2], maxlen=3), range(1, 9, 2), slice(None, 3, None), autograd.Size([2, 3]), autograd.float32,
        autograd.bool, autograd.device("cpu"), np.float32(1.5), np.int64(3), np.bool_(True), np.array([1, 2], "<i2"),
        np.array([1, 2], ">i4"), np.array(["a", "bc"]), np.asfortranarray(np.arange(6.0).reshape(2, 3)), np.array(5),
    ],
    # A set's text differs from one process to the next, and parallel runs compare the names of tests.
    ids=lambda v: f"{type(v).__name__}-{len(v) if isinstance(v, set) else str(v)[:20]!r}",
)  # fmt: skip
def test_plain_values_return(value):
    assert same(reloaded(value), value)
    assert same(reloaded({"k": [value]}), {"k": [value]})


@pytest.mark.parametrize("name", TYPES)
@pytest.mark.parametrize("shape", [(), (0,), (3,), (2, 0, 3), (2, 3)])
def test_tensors_of_every_dtype_return(name, shape):
    t = autograd.tensor(np.arange(math.prod(shape)).reshape(shape).astype(name))
    assert same(reloaded(t), t)


def test_bfloat16_returns():
    pytest.importorskip("ml_dtypes")
    t = autograd.tensor([1.0, -2.5, 3e38]).to(autograd.bfloat16)
    assert same(reloaded([t]), [t])
    shared = reloaded([t, t[1:]])
    assert same(shared[1], t[1:])


def test_layout_and_requires_grad_return():
    base = autograd.arange(12.0).reshape(3, 4)
    leaf = autograd.ones(2, requires_grad=True)
    value = {"t": base.t().clone(), "every_other": base[:, ::2].clone(), "leaf": leaf, "scalar": leaf.sum().detach()}
    assert same(reloaded(value), value)
    assert reloaded(leaf).is_leaf
    assert reloaded(leaf * 2).is_leaf, "a result comes back as a leaf"


def test_defaultdicts_of_torch_files_keep_their_factory():
    back = unpickle_safely(io.BytesIO(pickle.dumps(defaultdict(list, a=[1]), 2)))
    assert back["new"] == []
    assert back["a"] == [1]


def test_loaded_tensors_can_be_written_to():
    t = reloaded({"t": autograd.zeros(3), "s": autograd.tensor(1.0)})
    t["t"][0] = 5.0
    t["s"] += 1
    assert t["t"].tolist() == [5.0, 0.0, 0.0]
    assert t["s"].item() == 2.0


def test_a_tensor_met_twice_is_one_tensor():
    t = autograd.ones(2)
    value = reloaded({"a": t, "b": [t]})
    assert value["a"] is value["b"][0]


def test_views_share_memory_again_and_store_it_once():
    base = autograd.arange(1000.0)
    value = {"base": base, "row": base[10:20], "back": base.reshape(10, 100).t(), "last": base[999]}
    raw = saved(value)
    assert len(raw) < 5500, "4,000 bytes of memory, stored once"
    back = load(io.BytesIO(raw))
    assert same(back["back"], value["back"])
    back["base"][10] = -1.0
    assert back["row"][0].item() == -1.0
    assert back["back"][10, 0].item() == -1.0


def test_a_small_view_does_not_store_its_large_base():
    assert len(saved(autograd.zeros(100_000)[:2])) < 1500


def test_overlapping_views_with_negative_strides_return():
    memory = np.arange(6.0)
    value = [autograd.tensor(0.0), autograd.zeros(1)]
    value[0]._data, value[1]._data = memory[::-1], memory[4:]
    assert same(reloaded(value), value)


class Marked(autograd.Tensor):
    """A class of tensor that registers itself, as nn.Parameter does."""


def test_registered_tensor_classes_return():
    register_tensor_class("TestMarked", Marked)
    t = autograd.zeros(2).as_subclass(Marked) if hasattr(autograd.Tensor, "as_subclass") else None
    if t is None or type(t) is not Marked:
        t = object.__new__(Marked)
        t._data, t._node = np.zeros(2, np.float32), None
    assert type(reloaded(t)) is Marked
    assert type(reloaded([t, t])[1]) is Marked


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.complex_numbers() | st.text() | st.binary(),
        lambda inner: st.lists(inner) | st.tuples(inner, inner) | st.dictionaries(st.text() | st.integers(), inner),
        max_leaves=12,
    )
)
def test_any_nesting_returns(value):
    back = reloaded(value)
    assert repr(back) == repr(value)


def test_the_same_value_gives_the_same_bytes():
    assert saved(SMALL) == saved(SMALL)


def test_numpy_alone_reads_the_arrays():
    with np.load(io.BytesIO(saved(SMALL))) as archive:
        assert archive["arrays/0"].tolist() == [[0.0, 1.0, 2.0], [3.0, 4.0, 5.0]]


def test_generator_state_and_what_it_draws_return():
    autograd.manual_seed(5)
    autograd.rand(3)
    state = reloaded({"rng": autograd.get_rng_state()})["rng"]
    assert state.dtype is autograd.uint8
    expected = autograd.rand(4)
    autograd.set_rng_state(state)
    assert same(autograd.rand(4), expected)


# ---------------------------------------------------------------- paths, file objects, formats


def test_paths_of_every_kind(tmp_path):
    for path in (tmp_path / "a.ckpt", str(tmp_path / "b"), os.fsencode(tmp_path / "c.pt")):
        save(SMALL, path)
        assert same(load(path), SMALL)
    with open(tmp_path / "d", "wb") as f:
        save(SMALL, f)
    with open(tmp_path / "d", "rb") as f:
        assert same(load(f), SMALL)
    assert sorted(os.listdir(tmp_path)) == ["a.ckpt", "b", "c.pt", "d"]


def test_a_file_object_is_read_from_where_it_stands():
    f = io.BytesIO(b"head" + saved(SMALL))
    f.seek(4)
    assert same(load(f), SMALL)


def test_npz(tmp_path):
    value = {"w": autograd.arange(6.0).reshape(2, 3).t(), "n": np.array([1, 2])}
    save(value, tmp_path / "a.npz")
    with np.load(tmp_path / "a.npz") as archive:
        assert archive["w"].tolist() == [[0.0, 3.0], [1.0, 4.0], [2.0, 5.0]]
    back = load(tmp_path / "a.npz")
    assert back["w"].tolist() == value["w"].tolist()
    assert back["n"].dtype is autograd.int64
    np.savez_compressed(tmp_path / "b.npz", x=np.zeros(1000))
    assert load(tmp_path / "b.npz")["x"].shape == (1000,)
    assert load(io.BytesIO(saved(autograd.ones(2), format="npz")))["arr_0"].tolist() == [1.0, 1.0]


def test_npy(tmp_path):
    np.save(tmp_path / "a.npy", np.arange(3))
    assert load(tmp_path / "a.npy").tolist() == [0, 1, 2]


def test_safetensors(tmp_path):
    library = pytest.importorskip("safetensors.numpy")
    value = {"w": autograd.arange(6.0).reshape(2, 3).t(), "b": autograd.tensor(2), "e": autograd.zeros(0, 2)}
    save(value, tmp_path / "a.safetensors")
    assert library.load_file(tmp_path / "a.safetensors")["w"].tolist() == [[0.0, 3.0], [1.0, 4.0], [2.0, 5.0]]
    back = load(tmp_path / "a.safetensors")
    assert {k: t.tolist() for k, t in back.items()} == {k: t.tolist() for k, t in value.items()}
    back["w"][0, 0] = 9.0
    pytest.importorskip("ml_dtypes")
    half = {"h": autograd.tensor([1.5, -2.0]).to(autograd.bfloat16)}
    assert same(load(io.BytesIO(saved(half, format="safetensors"))), half)


@pytest.mark.parametrize("kind", ["npz", "safetensors"])
def test_flat_formats_say_what_does_not_fit(kind):
    with pytest.raises(TypeError, match=rf"a \.{kind} file holds tensors by name, \['epoch'\] is a int"):
        saved({"w": autograd.ones(1), "epoch": 3}, format=kind)
    with pytest.raises(TypeError, match="a dict of tensors by name, got list"):
        saved([autograd.ones(1)], format=kind)


def test_complex128_does_not_fit_safetensors():
    pytest.importorskip("safetensors")
    with pytest.raises(TypeError, match=r"a \.safetensors file cannot hold \['z'\] of dtype complex128"):
        saved({"z": autograd.zeros(1, dtype=autograd.complex128)}, format="safetensors")


def test_bfloat16_does_not_fit_npz():
    pytest.importorskip("ml_dtypes")
    with pytest.raises(TypeError, match=r"cannot hold \['h'\] of dtype bfloat16"):
        saved({"h": autograd.ones(1).to(autograd.bfloat16)}, format="npz")


def test_missing_libraries_are_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "safetensors.numpy", None)
    with pytest.raises(ImportError, match=r"pip install glassgrad\[io\]"):
        saved({"w": autograd.ones(1)}, format="safetensors")


def test_neither_a_path_nor_a_file():
    with pytest.raises(AttributeError, match="a file-like object with a 'write' attribute, got int"):
        save(1, 5)
    with pytest.raises(AttributeError, match="a file-like object with a 'read' attribute, got NoneType"):
        load(None)


def test_unknown_format():
    with pytest.raises(ValueError, match="format must be one of zip, npz, safetensors, got 'h5'"):
        saved(1, format="h5")


def test_map_location():
    raw = saved(SMALL)
    for place in ("cpu", autograd.device("cpu"), lambda storage, location: storage, {"cuda:0": "cpu"}):
        assert same(load(io.BytesIO(raw), map_location=place), SMALL)
    with pytest.raises(RuntimeError, match="not available"):
        load(io.BytesIO(raw), map_location="cuda")


# ---------------------------------------------------------------- what cannot be saved


class Custom:
    def __init__(self, number):
        self.number = number


def test_other_objects_need_pickle_said_aloud():
    with pytest.raises(
        TypeError, match=r"the value\['model'\]\[1\] is a .*Custom, which is not plain data.*state_dict"
    ):
        saved({"model": [1, Custom(2)]})
    raw = saved({"model": Custom(2), "w": autograd.ones(2)}, weights_only=False)
    with pytest.raises(pickle.UnpicklingError, match=r"Weights only load failed.*weights_only=False"):
        load(io.BytesIO(raw))
    back = load(io.BytesIO(raw), weights_only=False)
    assert back["model"].number == 2
    assert back["w"].tolist() == [1.0, 1.0]


def test_object_arrays_and_namedtuples_are_refused():
    with pytest.raises(TypeError, match="an array of dtype object, which only pickle could hold"):
        saved(np.array([None]))
    with pytest.raises(TypeError, match="array of dtype datetime64"):
        saved(np.array(["2020-01-01"], "datetime64[D]"))
    with pytest.raises(TypeError, match=r"struct_time.*not plain data"):
        saved(time.gmtime(0))


def test_a_container_that_holds_itself():
    loop: list = [1]
    loop.append({"again": loop})
    with pytest.raises(ValueError, match=r"the value\[1\]\['again'\] holds itself"):
        saved(loop)


def test_too_deep_nesting():
    deep: list = []
    for _ in range(250):
        deep = [deep]
    with pytest.raises(ValueError, match="nested more than 100 deep"):
        saved(deep)


# ---------------------------------------------------------------- damaged files


def damaged_versions(raw: bytes):
    """The file cut at every length, and with one bit flipped in every byte."""
    for length in range(1, len(raw)):
        yield f"cut to {length}", raw[:length]
    rng = np.random.default_rng(0)
    for place in range(len(raw)):
        changed = bytearray(raw)
        changed[place] ^= 1 << int(rng.integers(8))
        yield f"bit flipped at {place}", bytes(changed)


def repacked(path: Path) -> bytes:
    """A PyTorch file without its alignment padding, so that trying every byte stays quick."""
    f = io.BytesIO()
    with zipfile.ZipFile(path) as source, zipfile.ZipFile(f, "w") as target:
        for name in source.namelist():
            target.writestr(zipfile.ZipInfo(name), source.read(name))
    return f.getvalue()


def test_no_cut_and_no_flipped_bit_gets_through():
    raw = saved(SMALL)
    for what, changed in damaged_versions(raw):
        try:
            value = load(io.BytesIO(changed))
        except RuntimeError:  # every other class would be a crash of the test
            continue
        # a bit without meaning, such as the zip's field for the operating system
        assert same(value, SMALL), what
    for length in range(1, len(raw)):
        with pytest.raises(RuntimeError, match="truncated, damaged"):
            load(io.BytesIO(raw[:length]))


def test_no_flipped_bit_of_a_torch_file_gets_through():
    raw = repacked(DATA / "checkpoint.pt")
    expected = load(io.BytesIO(raw))
    for place in range(0, len(raw), 3):
        changed = bytearray(raw)
        changed[place] ^= 1 << (place % 8)
        try:
            value = load(io.BytesIO(changed))
        except (RuntimeError, pickle.UnpicklingError):
            continue
        assert same(value, expected), place


@pytest.mark.parametrize("name", ["npz", "legacy", "safetensors"])
def test_formats_without_full_checksums_fail_clearly(name):
    if name == "safetensors":
        pytest.importorskip("safetensors")
    raw = (DATA / "legacy.pt").read_bytes() if name == "legacy" else saved({"w": SMALL["w"]}, format=name)
    step = 5 if name == "legacy" else 1
    for _, changed in list(damaged_versions(raw))[::step]:
        try:
            load(io.BytesIO(changed))
        except REFUSED:  # every other class would be a crash of the test
            continue


def test_every_truncation_of_torch_files_fails():
    for path in (DATA / "checkpoint.pt", DATA / "legacy.pt"):
        raw = path.read_bytes()
        for length in range(37, len(raw), 37):
            with pytest.raises(RuntimeError, match="truncated, damaged"):
                load(io.BytesIO(raw[:length]))


def test_missing_empty_and_foreign_files(tmp_path):
    with pytest.raises(FileNotFoundError):
        load(tmp_path / "none.ckpt")
    (tmp_path / "empty").write_bytes(b"")
    with pytest.raises(EOFError, match=r"empty' is empty \(0 bytes\): Ran out of input"):
        load(tmp_path / "empty")
    for content, reason in [
        (b"hello world, no weights here", "begins with b'hello wo'"),
        (b"\x1f\x8bxxxxxxxxxxxx", "compressed by gzip"),
        (zip_of(readme=b"x").read(), "a zip of readme: no checkpoint"),
        (zip_of().read(), "a zip of nothing"),
    ]:
        (tmp_path / "foreign").write_bytes(content)
        with pytest.raises(RuntimeError, match=f"foreign' is truncated, damaged or not a checkpoint: .*{reason}"):
            load(tmp_path / "foreign")


def test_a_newer_version_says_so():
    document = {"format": "glassgrad", "version": 99, "value": None, "members": []}
    with pytest.raises(RuntimeError, match="format version 99; this library reads version 1"):
        load(zip_of(**{"skeleton.json": json.dumps(document).encode()}))


def test_nothing_changes_in_the_program_when_a_load_fails():
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        with pytest.raises(RuntimeError):
            load(io.BytesIO(saved(SMALL)[:-30]))
    assert not seen


# ---------------------------------------------------------------- hostile files


def npy(array: np.ndarray, **header) -> bytes:
    f = io.BytesIO()
    if header:
        np.lib.format.write_array_header_1_0(f, {"descr": "<f4", "fortran_order": False, "shape": (1,), **header})
        f.write(array.tobytes())
    else:
        np.save(f, array, allow_pickle=True)
    return f.getvalue()


def native(value, *members: bytes, **changes) -> io.BytesIO:
    """A file of our own form with a skeleton of the test's choice and correct checksums."""
    import zlib

    lines = [{"name": f"arrays/{i}.npy", "crc32": zlib.crc32(m), "size": len(m)} for i, m in enumerate(members)]
    document = {"format": "glassgrad", "version": 1, "value": value, "members": lines, **changes}
    parts = {f"arrays__{i}_npy": m for i, m in enumerate(members)}
    return zip_of(**{"skeleton.json": json.dumps(document).encode(), **parts})


ONE = {"$tensor": {"member": 0, "dtype": "<f4"}}


def test_the_helper_makes_a_good_file():
    assert load(native(ONE, npy(np.ones(2, "f4")))).tolist() == [1.0, 1.0]


@pytest.mark.parametrize(
    ("file", "reason"),
    [
        (native([ONE, ONE], npy(np.ones(2, "f4"))), "member 0 is used twice"),
        (native(1, npy(np.ones(2, "f4"))), "1 members are listed but 0 are used"),
        (native({"$tensor": {"member": -1, "dtype": "<f4"}}, npy(np.ones(1, "f4"))), "whole number from 0, got -1"),
        (native({"$tensor": {"member": 7, "dtype": "<f4"}}, npy(np.ones(1, "f4"))), "list index out of range"),
        (native({"$tensor": {"member": 0, "dtype": "<i8"}}, npy(np.ones(1, "f4"))), "holds float32, its entry says '<i8'"),
        (native({"$tensor": {"member": 0, "dtype": "O"}}, npy(np.ones(1, "f4"))), "holds Python objects"),
        (native({"$tensor": {"member": 0, "dtype": "<U1"}}, npy(np.array(["a"]))), "convert np.ndarray of type"),
        (native({"$tensor": {"member": 0, "dtype": "<i8", "requires_grad": True}}, npy(np.ones(1, "i8"))), "floating point"),
        (native({"$same": 0}), "list index out of range"),
        (native({"$same": True}), "whole number from 0, got True"),
        (native({"$run": "code"}), "unknown kind 'run'"),
        (native({"$dtype": "object"}), "it lacks 'object'"),
        (native({"$set": [[1]]}), "unhashable"),
        (native(ONE, npy(np.ones(1, "f4")), members=[{"name": "arrays/0.npy", "crc32": 1, "size": 2}]), "not the member that"),
        (native(ONE, npy(np.ones(1, "f4")), members=[{"name": "none", "crc32": 1, "size": 2}]), "it lacks"),
        (native(ONE, npy(np.ones(1, "f4"), shape=(10**15,))), r"shape \(1000000000000000,\) .* does not have 4 bytes"),
        (native(ONE, npy(np.ones(1, "f4"), shape=(-1, -1))), "does not have 4 bytes"),
        (native(ONE, b"\x93NUMPY\x03\x00garbage"), "npy version"),
        (native(ONE, b"no array"), "magic string"),
        (native({"$tensor": {"shared": 0, "dtype": "<f4", "offset": 4, "shape": [2], "strides": [4]}}, npy(np.zeros(8, "u1"))),
         "strides is incompatible"),
        (native({"$tensor": {"shared": 0, "dtype": "<f4", "offset": 0, "shape": [2], "strides": [-4]}}, npy(np.zeros(8, "u1"))),
         "strides is incompatible"),
        (native({"$tensor": {"shared": 0, "dtype": "O", "offset": 0, "shape": [1], "strides": [8]}}, npy(np.zeros(8, "u1"))),
         "Python objects"),
        (native(1, format="other"), "not of the format 'glassgrad'"),
        (zip_of(**{"skeleton.json": b"[" * 100_000}), "recursion"),
        (zip_of(**{"skeleton.json": b"{"}), "Expecting property name"),
        (zip_of(**{"skeleton.json": b"\xff\xfe"}), "Expecting value"),
    ],
)  # fmt: skip
def test_hostile_files_of_our_own_form(file, reason):
    with pytest.raises(RuntimeError, match=rf"truncated, damaged or not a checkpoint: .*{reason}"):
        load(io.BytesIO(file.getvalue()))


def test_compressed_members_cannot_swell():
    f = io.BytesIO()
    with zipfile.ZipFile(f, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("skeleton.json", b" " * 10_000_000)
    with pytest.raises(RuntimeError, match=r"skeleton\.json is compressed, which this format never is"):
        load(io.BytesIO(f.getvalue()))


def test_two_members_of_one_name():
    f = io.BytesIO(saved(SMALL))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with zipfile.ZipFile(f, "a") as archive:
            archive.writestr("arrays/0.npy", b"other")
    with pytest.raises(RuntimeError, match="two members have the same name"):
        load(io.BytesIO(f.getvalue()))


class Bomb:
    """Pickles into a call that leaves a trace."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


@pytest.mark.parametrize("protocol", range(6))
def test_pickles_never_run(tmp_path, protocol):
    trace = tmp_path / "was here"
    bomb = pickle.dumps(Bomb(trace), protocol)
    object_array = io.BytesIO()
    np.save(object_array, np.array([Bomb(trace)], object), allow_pickle=True)
    for content in (
        bomb,
        zip_of(archive__data__pkl=bomb).getvalue().replace(b"archive/data/pkl", b"archive/data.pkl"),
        zip_of(**{"data.pkl": bomb}).getvalue(),
        zip_of(a_npy=object_array.getvalue()).getvalue(),
        native(ONE, object_array.getvalue()).getvalue(),
        native(None, npy(np.frombuffer(bomb, "u1")), pickle=0).getvalue(),
    ):
        with pytest.raises(REFUSED):
            load(io.BytesIO(content))
    with pytest.raises((pickle.UnpicklingError, ValueError)):
        unpickle_safely(io.BytesIO(bomb))
    assert not trace.exists()


def test_the_refused_global_is_named(tmp_path):
    raw = zip_of(**{"a/data.pkl": pickle.dumps(Bomb(tmp_path / "x"), 2)}).getvalue()
    with pytest.raises(
        pickle.UnpicklingError, match=r"Unsupported global: GLOBAL (posix|nt)\.mkdir .*weights_only=False"
    ):
        load(io.BytesIO(raw))


def asm(*parts: bytes) -> bytes:
    return b"\x80\x02" + b"".join(parts) + b"."


HUGE = b"c__builtin__\nxrange\n\x8a\x06\0\0\0\0\0\x10\x85R"  # range(2 ** 44): what would list it fills the memory


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        (asm(b"ccollections\nOrderedDict\n", b"}", b"X\x04\0\0\0callK\x01s", b"b"), "sets the state of a Known"),
        (asm(b"ccollections\nOrderedDict\n", b"X\x01\0\0\0aK\x01s"), "sets items of a Known"),
        (asm(b"cnumpy\nndarray\n", b")R"), "calls 'ndarray', which is not allowed"),
        (asm(b"X\x01\0\0\0a", b")R"), "calls 'a', which is not allowed"),
        (asm(b"K\x01", b"}b"), "sets the state of a int"),
        (asm(b"K\x01", b"K\x02a"), "appends to a int"),
        (asm(b"K\x01", b"(K\x02\x90"), "adds elements to a int"),
        (
            asm(b"cnumpy\ndtype\n", b"X\x02\0\0\0f4\x85R(K\x03X\x01\0\0\0<NX\x01\0\0\0aNtb"),
            "describes a structured dtype",
        ),
        (asm(b"(i__main__\nX\n"), "Unsupported operand INST"),
        (asm(b"cnumpy\ndtype\n", b"X\x01\0\0\0O\x85R"), "arrays of dtype dtype"),
        (asm(b"cnumpy\ndtype\n", b"K\x05\x85R"), "arrays of dtype dtype"),
        (asm(b"c_codecs\nencode\n", b"X\x01\0\0\0aX\x03\0\0\0hex\x86R"), "encodes by 'hex'"),
        (asm(b"K\x01Q"), "refers to objects outside"),
        (asm(b"c__builtin__\nset\n", HUGE, b"\x85R"), "fills a set from a range"),
        (asm(b"ccollections\nCounter\n", HUGE, b"\x85R"), "fills a Counter from a range"),
        (asm(b"ccollections\nOrderedDict\n", HUGE, b"\x85R"), "fills a OrderedDict from a range"),
    ],
)
def test_opcodes_that_could_run_or_change_something(code, reason):
    with pytest.raises(pickle.UnpicklingError, match=reason):
        unpickle_safely(io.BytesIO(code))


@pytest.mark.parametrize(
    "code",
    [b"", b"\x80\x02", asm(), asm(b"a"), asm(b"t"), asm(b"h\x05"), asm(b"}(K\x01u"), asm(b"(K\x01d"),
     b"garbage",
     asm(b"X\xff\xff\xff\x7f"), asm(b"]q\x00h\x01"), asm(b"(e"), asm(b"R"),
     asm(b"cbuiltins\nbytearray\n", b"J\xff\xff\xff\x7f\x85R"), asm(b"cbuiltins\nbytearray\n", HUGE, b"\x85R"),
     asm(b"cnumpy._core.multiarray\nscalar\n", b"cnumpy\ndtype\nX\x02\0\0\0u1\x85RJ\xff\xff\xff\x7f\x86R"),
     asm(b"cnumpy._core.numeric\n_frombuffer\n(C\x01acnumpy\ndtype\nX\x02\0\0\0u1\x85R", HUGE, b"tR")],
)  # fmt: skip
def test_damaged_pickles(code):
    with pytest.raises((ValueError, pickle.UnpicklingError)):
        unpickle_safely(io.BytesIO(code))


@pytest.mark.parametrize("protocol", range(6))
def test_the_safe_unpickler_reads_what_pickle_writes(protocol):
    value = {
        "numbers": [0, 1, 255, 256, 65536, 2**40, -1, 2**100, 1.5, 1j, True, None],
        "text": ["", "é", "a" * 300],
        "bytes": [b"", b"ab", b"a" * 300],
        "nested": [(), (1,), (1, 2), (1, 2, 3), (1, 2, 3, 4), {1: {2: []}}, {1, 2}, frozenset({3})],
        "ordered": OrderedDict(a=1),
        "arrays": [np.arange(3), np.arange(6.0).reshape(2, 3).T, np.array(5), np.zeros((0, 2)), np.array([1], ">i4")],
        "scalar": np.float64(2.5),
        "flags": np.array([True, False]),
        "text array": np.array(["a", "bc"]),
    }
    raw = pickle.dumps(value, protocol)
    assert same(unpickle_safely(io.BytesIO(raw)), pickle.loads(raw))
    again = [value["ordered"]] * 2
    back = unpickle_safely(io.BytesIO(pickle.dumps(again, protocol)))
    assert back[0] is back[1]


# ---------------------------------------------------------------- PyTorch's files, without PyTorch


@pytest.fixture
def checkpoint():
    return load(DATA / "checkpoint.pt")


def test_torch_dtypes(checkpoint):
    for name in TYPES:
        t = checkpoint["dtypes"][name]
        assert t.dtype is getattr(autograd, name)
        assert [complex(v) for v in t.tolist()] == [0, 1, 1 if name == "bool" else 2]


def test_torch_bfloat16():
    pytest.importorskip("ml_dtypes")
    t = load(DATA / "bfloat16.pt")
    assert t.dtype is autograd.bfloat16
    assert t.float().tolist() == [0.0, 1.0, 2.0]


def test_torch_bfloat16_without_its_library():
    """In a process of its own: here another test may have met bfloat16 already."""
    code = f"import sys; sys.modules['ml_dtypes'] = None\nimport autograd\nautograd.load({str(DATA / 'bfloat16.pt')!r})"
    root = Path(__file__).parent.parent
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=root, timeout=60)
    assert "ImportError: bfloat16: ml_dtypes is not installed; pip install glassgrad[bf16]" in result.stderr


def test_torch_views_share_storage(checkpoint):
    base = np.arange(12.0).reshape(3, 4)
    assert checkpoint["base"].tolist() == base.tolist()
    assert checkpoint["again"] is checkpoint["base"]
    assert checkpoint["transposed"].tolist() == base.T.tolist()
    assert checkpoint["strided"].tolist() == base[:, ::2].tolist()
    checkpoint["base"][1] = -1.0
    assert checkpoint["row"].tolist() == [-1.0] * 4
    assert checkpoint["expanded"].tolist() == [1.0, 1.0, 1.0]
    assert checkpoint["scalar"].shape == ()
    assert checkpoint["empty"].shape == (0, 3)
    assert checkpoint["conj"].tolist() == [1 - 2j]


def test_torch_parameters_and_leaves(checkpoint):
    assert checkpoint["parameter"].requires_grad
    assert checkpoint["parameter"].tolist() == [0.0, 1.0, 2.0]
    assert not checkpoint["frozen"].requires_grad
    assert checkpoint["leaf"].requires_grad
    assert checkpoint["buffer"].tolist() == [1.0, 1.0]


def test_torch_containers(checkpoint):
    expected = [None, True, 3, -4.5, "text", b"raw", 1 + 2j, (1, (2,)), {5}, 2**70, slice(1, 2), range(3)]
    assert checkpoint["plain"] == expected
    assert same(checkpoint["od"], OrderedDict(a=1, b=2))
    assert same(checkpoint["counter"], Counter(a=2))
    assert checkpoint["size"] == (2, 3)
    assert checkpoint["dtype"] is autograd.float32
    assert checkpoint["device"] == autograd.device("cpu")


def test_torch_state_dicts(checkpoint):
    assert list(checkpoint["model"]) == ["weight", "bias"]
    assert checkpoint["model"]["weight"].tolist() == [[0.0, 1.0], [2.0, 3.0], [4.0, 5.0]]
    assert checkpoint["model"]._metadata[""]["version"] == 1
    assert checkpoint["optimizer"]["param_groups"][0]["betas"] == (0.9, 0.999)
    assert checkpoint["optimizer"]["state"][0]["exp_avg"].shape == (3, 2)
    np.testing.assert_allclose(checkpoint["optimizer"]["state"][0]["exp_avg"].numpy(), 0.1, rtol=1e-6)


def test_torch_old_format(checkpoint):
    old = load(DATA / "legacy.pt")
    for name in ("base", "row", "transposed", "parameter", "plain", "model"):
        assert same(old[name], checkpoint[name]), name
    assert old["again"] is old["base"]
    old["base"][1] = -1.0
    assert old["row"].tolist() == [-1.0] * 4


@pytest.mark.parametrize("name", ["checkpoint.pt", "legacy.pt"])
def test_torch_files_through_pickle_said_aloud(name, checkpoint):
    back = load(DATA / name, weights_only=False)
    assert same(back["base"], checkpoint["base"])
    assert same(back["model"], checkpoint["model"])


def torch_file(code: bytes, **members: bytes) -> io.BytesIO:
    return zip_of(**{"a/data.pkl": code, "a/version": b"3\n", **{f"a/data/{k[1:]}": v for k, v in members.items()}})


STORAGE = b"(X\x07\0\0\0storagectorch\nFloatStorage\nX\x01\0\0\x000X\x03\0\0\0cpuK\x04tQ"


def tensor_code(offset=b"K\0", size=b"K\x02\x85", stride=b"K\x01\x85", storage=STORAGE) -> bytes:
    call = b"ctorch._utils\n_rebuild_tensor_v2\n("
    return asm(call, storage, offset, size, stride, b"\x89ccollections\nOrderedDict\n)RtR")


def test_the_helper_makes_a_good_torch_file():
    raw = struct.pack("<4f", 1, 2, 3, 4)
    assert load(torch_file(tensor_code(), _0=raw)).tolist() == [1.0, 2.0]
    big = zip_of(**{"a/data.pkl": tensor_code(), "a/data/0": struct.pack(">4f", 1, 2, 3, 4), "a/byteorder": b"big"})
    assert load(big).tolist() == [1.0, 2.0]


@pytest.mark.parametrize(
    ("code", "members", "reason"),
    [
        (tensor_code(offset=b"K\x03"), {"_0": bytes(16)}, "strides is incompatible"),
        (tensor_code(size=b"J\xff\xff\xff\x7f\x85"), {"_0": bytes(16)}, "strides is incompatible"),
        (tensor_code(stride=b"J\xff\xff\xff\xff\x85"), {"_0": bytes(16)}, "a tensor of size"),
        (tensor_code(offset=b"J\xff\xff\xff\xff"), {"_0": bytes(16)}, "a tensor of size"),
        (tensor_code(size=b"K\x02K\x02\x86"), {"_0": bytes(16)}, "a tensor of size"),
        (tensor_code(storage=b"K\x05"), {}, "not a storage"),
        (asm(b"ctorch._utils\n_rebuild_tensor_v3\n(K\x05K\x00", b"K\x02\x85K\x01\x85\x89NNtR"), {}, "not a storage"),
        (tensor_code(size=HUGE, stride=HUGE), {"_0": bytes(16)}, "a tensor whose size is a range"),
        (asm(b"ctorch\nSize\n", HUGE, b"\x85R"), {}, "a size made of a range"),
        (tensor_code(), {"_0": bytes(12)}, "storage 0 has 12 bytes, not 4 elements of float32"),
        (tensor_code(), {}, "it lacks"),
        (asm(b"K\x01Q"), {}, "unknown persistent id 1"),
        (asm(b"ctorch._utils\n_rebuild_parameter\n(K\x01\x88NtR"), {}, "not a tensor"),
    ],
)
def test_hostile_torch_files(code, members, reason):
    with pytest.raises(RuntimeError, match=f"truncated, damaged or not a checkpoint: .*{reason}"):
        load(torch_file(code, **members))


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        (asm(b"ctorch._utils\n_rebuild_sparse_tensor\n)R"), "sparse tensors have no counterpart"),
        (asm(b"ctorch._utils\n_rebuild_qtensor\n)R"), "quantized tensors have no counterpart"),
        (asm(b"ctorch.nn.modules.linear\nLinear\n)\x81"), r"GLOBAL torch\.nn\.modules\.linear\.Linear"),
        (
            asm(b"ctorch._tensor\n_rebuild_from_type_v2\n(ccollections\nOrderedDict\nctorch\nTensor\n)NtR"),
            "not allowed",
        ),
    ],
)
def test_torch_files_with_more_than_tensors(code, reason):
    with pytest.raises(pickle.UnpicklingError, match=reason):
        load(torch_file(code))


V1 = struct.pack("<4f", 1, 2, 3, 4)


def legacy_file(code=b"", protocol=1001, little=True, keys=("0",), count=4, raw=V1, view=None) -> io.BytesIO:
    """A file of the old format, made by hand."""
    part = b"N" if view is None else b"X\x01\0\0\0vK%cK%c\x87" % view
    storage = STORAGE.removesuffix(b"tQ") + part + b"tQ"
    head = [0x1950A86A20F9469CFC6C, protocol, {"little_endian": little}]
    parts = [
        *(pickle.dumps(value, 2) for value in head),
        code or tensor_code(storage=storage),
        pickle.dumps([*keys], 2),
    ]
    return io.BytesIO(b"".join(parts) + count.to_bytes(8, "little") + raw)


def test_the_helper_makes_a_good_legacy_file():
    assert load(legacy_file()).tolist() == [1.0, 2.0]
    assert load(legacy_file(view=(1, 3))).tolist() == [2.0, 3.0]


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"protocol": 1000}, "protocol 1000 of the old format, expected 1001"),
        ({"little": False}, "a big-endian file of the old format"),
        ({"count": 3}, "a storage of 4 elements ends after 4"),
        ({"raw": V1[:9]}, "a storage of 4 elements ends after 2"),
        ({"keys": ["1"]}, "it lacks '1'"),
        ({"view": (3, 2)}, "a view of 2 elements at 3 in a storage of 4"),
        (
            {"code": tensor_code(storage=STORAGE.replace(b"K\x04", b"J\xff\xff\xff\x7f"))},
            "claims 2147483647 elements, more than",
        ),
        ({"code": tensor_code(storage=STORAGE.replace(b"K\x04", b"J\xff\xff\xff\xff"))}, "a storage of -1 elements"),
    ],
)
def test_hostile_files_of_the_old_format(options, reason):
    with pytest.raises(RuntimeError, match=f"truncated, damaged or not a checkpoint: .*{reason}"):
        load(legacy_file(**options))


def test_torchscript_is_named():
    with pytest.raises(pickle.UnpicklingError, match="TorchScript archive"):
        load(zip_of(**{"a/data.pkl": asm(b"N"), "a/constants.pkl": asm(b"N")}))


def test_fresh_torch_files_equal_torch(tmp_path):
    torch = pytest.importorskip("torch")
    pytest.importorskip("ml_dtypes")
    torch.manual_seed(0)
    model = torch.nn.Sequential(
        torch.nn.Conv2d(1, 2, 3), torch.nn.BatchNorm2d(2), torch.nn.LSTM(2, 3, 2), torch.nn.MultiheadAttention(4, 2)
    )
    optimizer = torch.optim.AdamW(model.parameters())
    sum(p.sum() for p in model.parameters()).backward()
    optimizer.step()
    value = {
        "model": model.state_dict(),
        "optimizer": optimizer.state_dict(),
        "rng": torch.get_rng_state(),
        "half": torch.randn(3, 4).bfloat16(),
        "parameters": list(model.parameters()),
        "as_type": torch.randn(2).to(torch.complex128),
    }
    for options in ({}, {"_use_new_zipfile_serialization": False}):
        torch.save(value, tmp_path / "a.pt", **options)
        ours = load(tmp_path / "a.pt")
        theirs = torch.load(tmp_path / "a.pt")
        compare(ours, theirs, torch)


def compare(ours, theirs, torch) -> None:
    if isinstance(theirs, torch.Tensor):
        assert ours.dtype.name == str(theirs.dtype).split(".")[1]
        assert ours.stride() == theirs.stride()
        wide = theirs.detach().to(torch.complex128 if theirs.is_complex() else torch.float64).tolist()
        assert ours.detach().numpy().astype("c16" if theirs.is_complex() else "f8").tolist() == wide
    elif isinstance(theirs, dict):
        assert list(ours) == list(theirs)
        for key in theirs:
            compare(ours[key], theirs[key], torch)
    elif isinstance(theirs, (list, tuple)):
        assert len(ours) == len(theirs)
        for a, b in zip(ours, theirs, strict=True):
            compare(a, b, torch)
    else:
        assert ours == theirs


# ---------------------------------------------------------------- writing whole or not at all


def write_half(path) -> None:
    with atomic_write(path) as f:
        f.write(b"half")
        raise KeyboardInterrupt


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path):
    path = tmp_path / "a"
    save(1, path)
    with pytest.raises(TypeError, match="not plain data"):
        save(Custom(1), path)
    with pytest.raises(KeyboardInterrupt):
        write_half(path)
    assert os.listdir(tmp_path) == ["a"]
    assert load(path) == 1


def test_a_full_disk_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "a"
    save(1, path)

    def full(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        save(2, path)
    monkeypatch.undo()
    assert os.listdir(tmp_path) == ["a"]
    assert load(path) == 1


@pytest.fixture
def elsewhere(monkeypatch):
    """The module that writes, as it is where the system has no file locks of POSIX."""
    monkeypatch.setitem(sys.modules, "fcntl", None)
    spec = importlib.util.spec_from_file_location("autograd.save._atomic_elsewhere", _atomic.__file__)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_without_locks_a_write_is_whole_as_well(elsewhere, tmp_path):
    path = tmp_path / "a"
    (tmp_path / ".a.0123456789ab.tmp").write_bytes(b"left by a writer that was killed")
    path.write_bytes(b"old")
    with elsewhere.atomic_write(path) as f:
        f.write(b"new")
        assert path.read_bytes() == b"old"
    assert f.closed
    assert (path.read_bytes(), os.listdir(tmp_path)) == (b"new", ["a"])
    with pytest.raises(KeyError), elsewhere.atomic_write(path) as f:
        raise KeyError
    assert (path.read_bytes(), os.listdir(tmp_path)) == (b"new", ["a"])


@pytest.mark.skipif(os.name == "nt", reason="locks are POSIX")
def test_a_file_taken_for_abandoned_before_it_was_locked_is_made_again(tmp_path, monkeypatch):
    path, lock, taken = tmp_path / "a", _atomic._lock, []

    def late(descriptor, wait):
        if wait and not taken:  # another writer comes between
            taken.extend(os.listdir(tmp_path))
            _atomic._remove_abandoned(path)
        return lock(descriptor, wait)

    monkeypatch.setattr(_atomic, "_lock", late)
    save(3, path)
    assert len(taken) == 1
    assert (load(path), os.listdir(tmp_path)) == (3, ["a"])


def test_a_bare_pickle_is_read_by_those_who_trust_it():
    bare = io.BytesIO(pickle.dumps({"a": [1, complex(2)]}))
    with pytest.raises(pickle.UnpicklingError, match="weights_only=False"):
        load(bare)
    bare.seek(0)
    assert load(bare, weights_only=False) == {"a": [1, complex(2)]}


def test_missing_and_wrong_places(tmp_path):
    with pytest.raises(RuntimeError, match=r"Parent directory .*none' does not exist"):
        save(1, tmp_path / "none" / "a")
    with pytest.raises(IsADirectoryError, match="is a directory; give the name of a file in it"):
        save(1, tmp_path)


@pytest.mark.skipif(os.name == "nt", reason="POSIX permissions")
def test_permissions_and_links_stay(tmp_path):
    path, link = tmp_path / "a", tmp_path / "link"
    before = os.umask(0o022)
    try:
        save(1, path)
        assert stat.S_IMODE(path.stat().st_mode) == 0o644
        path.chmod(0o600)
        link.symlink_to(path)
        save(2, link)
    finally:
        os.umask(before)
    assert link.is_symlink()
    assert load(path) == 2
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.skipif(os.name == "nt", reason="locks are POSIX")
def test_abandoned_files_go_and_living_writers_stay(tmp_path):
    path = tmp_path / "a"
    (tmp_path / ".a.0123456789ab.tmp").write_bytes(b"left by a writer that was killed")
    (tmp_path / ".a.other").write_bytes(b"not ours")
    with atomic_write(path) as f:
        f.write(saved(1))
        living = [name for name in os.listdir(tmp_path) if name.endswith(".tmp")]
        assert len(living) == 1
        save(2, path)  # a second writer while the first still writes
        assert living[0] in os.listdir(tmp_path)
    assert load(path) == 1
    assert sorted(os.listdir(tmp_path)) == [".a.other", "a"]


def test_a_pipe_is_written_to_directly(tmp_path):
    if not hasattr(os, "mkfifo"):
        pytest.skip("no named pipes here")
    fifo = tmp_path / "pipe"
    os.mkfifo(fifo)
    reader = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
    try:
        with atomic_write(fifo) as f:
            f.write(b"through")
        assert os.read(reader, 100) == b"through"
    finally:
        os.close(reader)
    assert stat.S_ISFIFO(fifo.stat().st_mode)


KILLED = """
import os, random, signal, sys, time
import autograd
path, rounds = sys.argv[1], int(sys.argv[2])
rng, done = random.Random(0), -1
start = time.monotonic()
for _ in range(5):
    autograd.save({"epoch": -1, "w": autograd.full((150_000,), -1.0)}, path)
each = (time.monotonic() - start) / 5
for _ in range(rounds):
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        while True:
            done += 1
            os.write(write, b"<")
            autograd.save({"epoch": done, "w": autograd.full((150_000,), float(done))}, path)
            os.write(write, b">")
    os.close(write)
    os.read(read, 1)
    time.sleep(rng.uniform(0, 3 * each))
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    told = os.read(read, 65536)
    os.close(read)
    confirmed = done + told.count(b">")
    value = autograd.load(path)
    assert value["epoch"] in (confirmed, confirmed + 1), (value["epoch"], confirmed)
    assert set(value["w"].tolist()) == {float(value["epoch"])}
    hidden = [name for name in os.listdir(os.path.dirname(path)) if name.endswith(".tmp")]
    assert len(hidden) <= 1, hidden
    done = value["epoch"]
autograd.save("last", path)
assert os.listdir(os.path.dirname(path)) == [os.path.basename(path)]
print("epochs", done)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_writer_killed_fifty_times_never_leaves_a_broken_file(tmp_path):
    folder = tmp_path / "only"
    folder.mkdir()
    result = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", KILLED, str(folder / "run.ckpt"), "50"],
        capture_output=True, text=True, timeout=120, cwd=Path(__file__).parent.parent,
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    assert int(result.stdout.split()[1]) > 10, "the writer got some epochs done between its deaths"
