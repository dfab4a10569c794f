"""DLPack both ways, sharing memory."""

from __future__ import annotations

import numpy as np
import pytest

import autograd as ag

from .common import leaf

DLPACK = ("bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64", "float16", "float32", "float64",
          "complex64", "complex128")  # fmt: skip


@pytest.mark.parametrize("name", DLPACK)
@pytest.mark.parametrize("shape", [(), (3,), (2, 3), (0, 2)])
def test_dlpack_round_trip(name, shape):
    t = ag.ones(shape, dtype=getattr(ag, name))
    for back in (
        ag.from_dlpack(t),
        ag.from_dlpack(np.from_dlpack(t)),
        ag.from_dlpack(t, copy=True),
        ag.from_dlpack(t, device="cpu"),
    ):
        assert back.dtype is t.dtype
        assert back.shape == t.shape
        assert back.tolist() == t.tolist()
    assert t.__dlpack_device__() == (1, 0)


def test_dlpack_shares_memory():
    t = ag.arange(6.0).reshape(2, 3).T
    a = np.from_dlpack(t)
    t[0, 0] = 9.0
    assert a[0, 0] == 9.0
    assert a.strides == t.numpy().strides
    assert not np.shares_memory(ag.from_dlpack(t, copy=True).numpy(), a)


def test_dlpack_with_torch():
    torch = pytest.importorskip("torch")
    theirs = torch.ones(3)
    ours = ag.from_dlpack(theirs)
    theirs[0] = 5.0
    ours[1] = 7.0
    assert ours.tolist() == theirs.tolist() == [5.0, 7.0, 1.0]
    t = ag.zeros(2)
    v = torch.from_dlpack(t)
    v[0] = 3.0
    assert t.tolist() == [3.0, 0.0]
    assert v.data_ptr() == t.data_ptr()
    assert ag.utils.dlpack.from_dlpack(torch.utils.dlpack.to_dlpack(theirs)).tolist() == theirs.tolist()
    assert torch.utils.dlpack.from_dlpack(ag.utils.dlpack.to_dlpack(t)).tolist() == t.tolist()
    with pytest.raises(BufferError, match="require gradient"):
        ag.from_dlpack(torch.ones(2, requires_grad=True))


def test_dlpack_memory_changed_after_it_was_saved():
    """Memory handed out is guarded as that of numpy() is."""
    w = leaf(3)
    x = ag.ones(3, dtype=ag.float64)
    a = np.from_dlpack(x)
    y = (w * x).sum()
    a[:] = 100.0
    y.backward()
    assert w.grad.tolist() == [1.0, 1.0, 1.0]


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (lambda: ag.ones(2, requires_grad=True).__dlpack__(), BufferError, "require gradient"),
        (lambda: ag.ones(2).__dlpack__(stream=7), BufferError, "stream 7 means nothing"),
        (lambda: ag.from_dlpack([1.0]), TypeError, "expected an object with __dlpack__"),
        (lambda: ag.from_dlpack(np.ones(1), device="cuda"), RuntimeError, "not available"),
    ],
)
def test_dlpack_refusals(call, error, text):
    with pytest.raises(error, match=text):
        call()


class Lender:
    """An array that never changes, as JAX's are: its memory is read-only, and `copy` does not interest it."""

    def __init__(self, data):
        self.data = data
        self.data.flags.writeable = False

    def __dlpack__(self, *, max_version=None, **_):
        return self.data.__dlpack__(max_version=max_version)

    def __dlpack_device__(self):
        return self.data.__dlpack_device__()


def test_dlpack_from_memory_that_must_not_be_written():
    lender = Lender(np.arange(3.0))
    t = ag.from_dlpack(lender)
    assert t.data_ptr() == lender.data.ctypes.data
    with pytest.raises(RuntimeError, match="read-only"):
        t[0] = 5.0
    own = ag.from_dlpack(lender, copy=True)
    own[0] = 5.0
    assert own.tolist() == [5.0, 1.0, 2.0]
    assert lender.data.tolist() == [0.0, 1.0, 2.0]


def test_dlpack_of_a_dtype_that_numpy_lacks():
    class Foreign(Lender):
        def __dlpack__(self, **_):
            raise RuntimeError("Unsupported dtype in DLTensor.")

    with pytest.raises(TypeError, match="from_dlpack: Foreign has a dtype that NumPy does not"):
        ag.from_dlpack(Foreign(np.ones(2)))
    torch = pytest.importorskip("torch")
    with pytest.raises(TypeError, match="from_dlpack: Tensor has a dtype that NumPy does not"):
        ag.from_dlpack(torch.ones(2, dtype=torch.bfloat16))


def test_dlpack_with_jax():
    jnp = pytest.importorskip("jax.numpy")
    theirs = jnp.arange(4.0)
    t = ag.from_dlpack(theirs)
    assert t.data_ptr() == theirs.unsafe_buffer_pointer()
    with pytest.raises(RuntimeError, match="read-only"):
        t.add_(1)
    assert jnp.from_dlpack(ag.arange(3.0)).tolist() == [0.0, 1.0, 2.0]
    with pytest.raises(BufferError, match="require gradient"):
        jnp.from_dlpack(ag.ones(2, requires_grad=True))


def test_what_goes_wrong_at_the_other_side_is_told_as_it_is():
    class Broken:
        def __dlpack__(self, **options):
            raise RuntimeError("out of order")

        def __dlpack_device__(self):
            return 1, 0

    with pytest.raises(RuntimeError, match=r"^out of order$"):
        ag.from_dlpack(Broken())
