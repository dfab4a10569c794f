"""Tensors with a sparse layout: which entries are given, beside dense memory that every operation understands.

What PyTorch keeps sparse (sums, multiples, functions that leave zeros alone, transposes, slices) keeps the places here
too; anything else gives a dense tensor. Values and gradients are PyTorch's, the memory is not saved.
"""

from __future__ import annotations

import functools
import operator
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np

from .... import as_tensor, cat, index_put, matmul, zeros
from ...._repr import closed, elements, is_default, of_history
from ...._tensor import Tensor, layout, strided, wrap
from ....ops.dropout import dropout
from .._dispatch import run_asleep
from .._dispatch import wake_if_watching as wake
from .sparse_places import merged_places

sparse_coo, sparse_csr, sparse_csc = layout("sparse_coo"), layout("sparse_csr"), layout("sparse_csc")


def twin(cls: type, dense: Tensor, **attributes: Any) -> Any:
    """The memory and history of a dense tensor as another class."""
    if issubclass(cls, Sparse):
        wake()
    made = object.__new__(cls)
    made._data, made._node = dense._data, dense._node
    made.__dict__.update(attributes)
    return made


def _answer(func: Callable, args: tuple, kwargs: dict) -> Any:
    name = getattr(func, "__name__", "")
    if name in _TOGETHER and all(isinstance(t, Coo) for t in args[0]):
        return _TOGETHER[name](*args, **kwargs)
    operands = [a for a in args[:2] if isinstance(a, Tensor)]
    if name in _OPERATORS and len(operands) == 2 and not kwargs:
        return _OPERATORS[name](*args)
    own = getattr(type(operands[0]), name, None) if operands and isinstance(operands[0], Sparse) else None
    if own is not None and getattr(Tensor, name, None) is not own:
        return own(*args, **kwargs)
    return func(*args, **kwargs)


_OPERATORS: dict[str, Callable] = {
    "add": operator.add, "sub": operator.sub, "mul": operator.mul, "mm": operator.matmul, "matmul": operator.matmul}  # fmt: skip


def _joined(tensors: Any, dim: int = 0) -> Coo:
    """Sparse tensors one behind the other."""
    axis, ends = dim % tensors[0].ndim, np.cumsum([0, *(t.shape[dim] for t in tensors)])
    moved = [
        t.places + (np.arange(len(t.places)) == axis)[:, None] * start for t, start in zip(tensors, ends, strict=False)
    ]
    size = list(tensors[0].shape)
    size[axis] = int(ends[-1])
    return coo(np.concatenate(moved, 1), cat([t._values() for t in tensors]), size)


def _stacked(tensors: Any, dim: int = 0) -> Coo:
    """Sparse tensors along a new axis."""
    axis = dim % (tensors[0].ndim + 1)
    return _joined([t.unsqueeze(axis) for t in tensors], axis)


_TOGETHER: dict[str, Callable] = {"cat": _joined, "concat": _joined, "concatenate": _joined, "stack": _stacked}


def named(result: Tensor, name: str) -> Tensor:
    """The result with PyTorch's name for the last node of its history."""
    if result.grad_fn is not None and hasattr(result.grad_fn, "metadata"):
        result.grad_fn.metadata["torch"] = name
    return result


def coo(
    indices: Any, values: Tensor, size: Any, coalesced: bool = False, name: str = "SparseCooTensorWithDimsAndTensors"
) -> Coo:
    """A tensor with `values` at the columns of `indices`, equal columns adding up; gradients reach `values`."""
    places = np.asarray(indices._data if isinstance(indices, Tensor) else indices, dtype=np.int64)
    dense = zeros(tuple(size), dtype=values.dtype)
    if places.shape[1]:
        dense = index_put(dense, tuple(map(wrap, places)), values, accumulate=True)
    return twin(
        Coo, named(dense, name + "Backward0"), places=places, given=values, coalesced=coalesced or places.shape[1] < 2
    )


class Sparse(Tensor):
    """What the layouts share. `places` holds the coordinates of the entries, one column each."""

    places: np.ndarray

    @classmethod
    def __torch_function__(cls, func: Callable, types: Any, args: tuple = (), kwargs: dict | None = None) -> Any:
        """A function of torch as the method of its name, where these layouts have their own."""
        return run_asleep(_answer, func, args, kwargs or {})

    @property
    def layout(self) -> layout:
        return strided

    def dense(self) -> Tensor:
        """The same memory and history, dense."""
        return twin(Tensor, self)

    def to_dense(self, dtype: Any = None, *, masked_grad: bool = True) -> Tensor:
        result = named(self.dense().clone(), "ToDenseBackward0")
        return result if dtype is None else result.to(dtype)

    def _nnz(self) -> int:
        return self.places.shape[1]

    def numpy(self, *, force: bool = False) -> np.ndarray:
        raise TypeError(f"can't convert Sparse{self._kind} layout tensor to numpy. Use Tensor.to_dense() first.")

    _kind = ""

    def remade(self, values: Tensor) -> Any:
        """The same places with other values."""
        raise NotImplementedError

    def values(self) -> Tensor:
        """The values in the order of their places."""
        return named(self.dense()[tuple(map(wrap, self.places))], "ValuesBackward0")

    def clone(self, *, memory_format: Any = None) -> Any:
        return self.remade(self.values().clone())

    def detach(self) -> Any:
        return twin(type(self), self.dense().detach(), **self._own())

    def _own(self) -> dict[str, Any]:
        given = {"given": self.__dict__["given"].detach()} if "given" in self.__dict__ else {}
        return {**self.__dict__, **given}

    def to(self, *args: Any, **kwargs: Any) -> Any:
        values = self.values()
        moved = values.to(*args, **kwargs)
        return self if moved is values else self.remade(moved)

    def type(self, dtype: Any = None, non_blocking: bool = False) -> Any:
        if dtype is None:
            return run_asleep(Tensor.type, self.dense()).replace("torch.", "torch.sparse.")
        name = dtype.replace("sparse.", "") if isinstance(dtype, str) else dtype
        return self.to(zeros(0, dtype=self.dtype).type(name).dtype)

    def __deepcopy__(self, memo: dict) -> Any:
        return memo.setdefault(id(self), twin(type(self), self.dense().__deepcopy__({}), **self._own()))

    def __reduce_ex__(self, protocol: Any) -> tuple:
        return coo, (self.places, self.dense()[tuple(map(wrap, self.places))].detach(), tuple(self.shape))

    def _said(self) -> list[str]:
        dtype = [] if is_default(self.dtype) else [f"dtype={self.dtype!r}"]
        return [f"size={tuple(self.shape)}", f"nnz={self._nnz()}", *dtype, f"layout={self.layout!r}", *of_history(self)]


def _inner(prefix: str, tensor: Tensor) -> str:
    """A part of what is printed, as `indices=tensor(…)`."""
    data = np.asarray(tensor._data)
    size = "" if data.size else f", size={tuple(data.shape)}"
    return f"{prefix}=tensor({elements(data, len('tensor(') + len(prefix) + len('=tensor('))}{size})"


class Coo(Sparse):
    """Coordinates and values (`torch.sparse_coo`)."""

    is_sparse = True
    given: Tensor
    coalesced: bool

    @property
    def layout(self) -> layout:
        return sparse_coo

    def remade(self, values: Tensor) -> Coo:
        return coo(self.coalesce().places, values, self.shape, True)

    def to_sparse(self, sparse_dim: Any = None, **ignored: Any) -> Coo:
        return self

    to_sparse_coo = to_sparse

    def is_coalesced(self) -> bool:
        """Whether each place is given once, in order."""
        return self.coalesced

    def coalesce(self) -> Coo:
        """With each place once, in order, its values added up."""
        if self.coalesced:
            return self
        places = np.unique(self.places, axis=1) if self.places.shape[1] else self.places
        made = twin(Coo, self.dense().view_as(self) if self.requires_grad else self, places=places, coalesced=True)
        return named(made, "CoalesceBackward0")

    def indices(self) -> Tensor:
        """Where the values are: a row for each axis."""
        self._once("indices")
        return wrap(self.places)

    def values(self) -> Tensor:
        self._once("values")
        return super().values()

    def _once(self, what: str) -> None:
        if not self.coalesced:
            raise RuntimeError(f"Cannot get {what} on an uncoalesced tensor, please call .coalesce() first")

    def _indices(self) -> Tensor:
        return wrap(self.places)

    def _values(self) -> Tensor:
        return self.values() if self.coalesced else self.given

    def clone(self, *, memory_format: Any = None) -> Coo:
        return coo(self.places, self._values().clone(), self.shape, self.coalesced)

    def to(self, *args: Any, **kwargs: Any) -> Coo:
        values = self._values()
        moved = values.to(*args, **kwargs)
        return self if moved is values else coo(self.places, moved, self.shape, self.coalesced)

    def sparse_dim(self) -> int:
        """How many axes the coordinates have."""
        return self.places.shape[0]

    def dense_dim(self) -> int:
        """How many axes each value has."""
        return self.ndim - self.places.shape[0]

    def to_sparse_csr(self, dense_dim: Any = None) -> Compressed:
        return compressed(self.coalesce().places, self.coalesce().values(), self.shape, 0)

    def to_sparse_csc(self, dense_dim: Any = None) -> Compressed:
        return compressed(self.coalesce().places, self.coalesce().values(), self.shape, 1)

    def permute(self, *dims: Any) -> Coo:
        """With its axes in another order."""
        order = [d % self.ndim for d in (dims[0] if isinstance(dims[0], (tuple, list)) else dims)]
        places = self.places[order]
        return coo(
            places, self._values(), [self.shape[d] for d in order], self.coalesced and places.shape[1] < 2, "Permute"
        )

    def transpose(self, dim0: int, dim1: int) -> Coo:
        order = list(range(self.ndim))
        order[dim0], order[dim1] = order[dim1], order[dim0]
        return named(self.permute(order), "TransposeBackward0")  # type: ignore[return-value]

    def t(self) -> Coo:
        return named(self.transpose(0, 1), "TBackward0")  # type: ignore[return-value]

    @property
    def T(self) -> Coo:
        return self.t()

    def __getitem__(self, index: Any) -> Any:
        found, pattern = self.dense()[index], Tensor.__getitem__(self.pattern(), index)
        return from_dense(found, pattern) if found.ndim else found

    def pattern(self) -> Tensor:
        """True where an entry is given, however it is valued."""
        found = np.zeros(self.shape, bool)
        found[tuple(self.places)] = True
        return wrap(found)

    def index_select(self, dim: int, index: Tensor) -> Any:
        return from_dense(self.dense().index_select(dim, index), self.pattern().index_select(dim, index))

    def unsqueeze(self, dim: int) -> Any:
        return from_dense(self.dense().unsqueeze(dim), self.pattern().unsqueeze(dim))

    def sum(self, dim: Any = None, keepdim: bool = False, *, dtype: Any = None) -> Tensor:  # type: ignore[override]
        """Over everything, a number; over some axes, sparse again."""
        if dim is None or (isinstance(dim, (tuple, list)) and len(dim) == self.ndim):
            return self.dense().sum(dtype=dtype)
        return from_dense(self.dense().sum(dim, keepdim, dtype=dtype), self.pattern().any(dim, keepdim))

    def __repr__(self) -> str:
        indices, values = _inner("indices", self._indices()), _inner("values", self._values())
        return closed("tensor(", f"{indices},\n{' ' * len('tensor(')}{values}", self._said(), newline=True)

    def __add__(self, other: Any) -> Any:
        if not isinstance(other, Coo):
            raise RuntimeError("add(sparse, dense) is not supported. Use add(dense, sparse) instead.")
        if self.coalesced and other.coalesced:
            return from_dense(self.dense() + other.dense(), self.pattern() | other.pattern())
        return _merged(self, other)

    def __sub__(self, other: Any) -> Any:
        return self + (-other)

    def __radd__(self, other: Any) -> Tensor:
        return other + self.dense()

    def __rsub__(self, other: Any) -> Tensor:
        return other - self.dense()

    def __mul__(self, other: Any) -> Any:
        """At the places where both have something."""
        if not isinstance(other, Tensor) or not other.ndim:
            return self.remade_as_given(operator.mul, other)
        pattern = self.pattern()
        if isinstance(other, Coo):
            pattern, other = pattern & other.pattern(), other.dense()
        return from_dense(self.dense() * other, pattern)

    __rmul__ = mul = multiply = __mul__

    def __truediv__(self, other: Any) -> Coo:
        return self.remade_as_given(operator.truediv, other)

    div = __truediv__

    def remade_as_given(self, function: Callable, *args: Any) -> Coo:
        """The function of each value that was given, at its place."""
        return coo(self.places, function(self._values(), *args), self.shape, self.coalesced)

    def __neg__(self) -> Coo:
        return self.remade_as_given(operator.neg)

    neg = __neg__

    def dropout(self, p: float = 0.5, training: bool = True, inplace: bool = False) -> Coo:
        """Values left out at random."""
        return self.remade_as_given(dropout, p, training)

    def zeros_like(self, **options: Any) -> Coo:
        """Of the same shape, without entries."""
        values = self._values()[:0]
        return coo(self.places[:, :0], values.detach(), self.shape)

    def __pow__(self, exponent: Any) -> Coo:
        return self.remade(self.coalesce().values() ** exponent)

    pow = __pow__

    def __matmul__(self, other: Any) -> Any:
        return product(self, other)

    def __rmatmul__(self, other: Any) -> Tensor:
        return matmul(other, self.dense())

    mm = matmul = __matmul__  # type: ignore[assignment]

    def __iadd__(self, other: Any) -> Coo:
        return self._become(self + other)

    def __imul__(self, other: Any) -> Coo:
        return self._become(self * other)

    def add_(self, other: Any, *, alpha: float = 1) -> Coo:
        return self._become(self + other * alpha)

    def add(self, other: Any, *, alpha: float = 1) -> Coo:
        return self + other * alpha

    mul_ = __imul__

    def _become(self, other: Coo) -> Coo:
        self._data, self._node = other._data, other._node
        self.__dict__.update(other.__dict__)
        return self


def _merged(a: Coo, b: Coo) -> Coo:
    """The sum, with the entries of both in one list."""
    places, *at = merged_places(a.places, b.places)
    values = zeros(
        (places.shape[1], *a._values().shape[1:]), dtype=(a._values()[:0].sum() + b._values()[:0].sum()).dtype
    )
    for entries, to in zip((a, b), at, strict=True):
        values = values.index_add(0, wrap(to), entries._values().to(values.dtype))
    return coo(places, values, a.shape)


def _cast(name: str) -> Callable:
    method = getattr(Tensor, name)

    @functools.wraps(method)
    def cast(self: Sparse) -> Any:
        return self.to(method(zeros(0, dtype=self.dtype)).dtype)

    return cast


for _name in "double float half bfloat16 int long short bool".split():  # noqa: SIM905
    setattr(Sparse, _name, _cast(_name))


class Compressed(Sparse):
    """Rows (`torch.sparse_csr`) or columns (`torch.sparse_csc`) one after the other."""

    axis: int  # whose entries stand together: 0 rows, 1 columns
    is_sparse_csr = property(lambda self: self.axis == 0)
    _kind = property(lambda self: "Csc" if self.axis else "Csr")  # type: ignore[assignment]

    @property
    def layout(self) -> layout:
        return sparse_csc if self.axis else sparse_csr

    def coalesce(self) -> Compressed:
        """Itself: each place is given once, in order."""
        return self

    def remade(self, values: Tensor) -> Compressed:
        return compressed(self.places, values, self.shape, self.axis)

    def _ends(self, axis: int, name: str) -> Tensor:
        if axis != self.axis:
            raise RuntimeError(f"{name} expected sparse {'row' if axis == 0 else 'column'} compressed tensor layout but got "
                               f"Sparse{self._kind}")  # fmt: skip
        counts = np.bincount(self.places[axis], minlength=self.shape[axis])
        return wrap(np.concatenate([[0], np.cumsum(counts)]))

    def _others(self, axis: int, name: str) -> Tensor:
        self._ends(axis, name)
        return wrap(self.places[1 - axis].copy())

    def crow_indices(self) -> Tensor:
        """Where each row's entries begin and end."""
        return self._ends(0, "crow_indices")

    def col_indices(self) -> Tensor:
        """The columns of the entries."""
        return self._others(0, "col_indices")

    def ccol_indices(self) -> Tensor:
        """Where each column's entries begin and end."""
        return self._ends(1, "ccol_indices")

    def row_indices(self) -> Tensor:
        """The rows of the entries."""
        return self._others(1, "row_indices")

    def to_sparse(self, sparse_dim: Any = None, *, layout: Any = None, **ignored: Any) -> Any:
        made = self.to_sparse_coo()
        return made if layout in (None, sparse_coo) else _compress(made, int(layout is sparse_csc))

    def to_sparse_coo(self) -> Coo:
        return from_dense(self.dense(), twin(Coo, self, places=self.places).pattern())

    def to_sparse_csr(self, dense_dim: Any = None) -> Compressed:
        return self if self.axis == 0 else self.to_sparse_coo().to_sparse_csr()

    def to_sparse_csc(self, dense_dim: Any = None) -> Compressed:
        return self if self.axis == 1 else self.to_sparse_coo().to_sparse_csc()

    def transpose(self, dim0: int, dim1: int) -> Compressed:
        return compressed(self.places[::-1], self.values(), self.shape[::-1], 1 - self.axis)

    def t(self) -> Compressed:
        return self.transpose(0, 1)

    def __mul__(self, other: Any) -> Any:
        if isinstance(other, Tensor) and other.ndim:
            return self.remade((self.dense() * other)[tuple(map(wrap, self.places))])
        return self.remade(self.values() * other)

    __rmul__ = mul = __mul__

    def __truediv__(self, other: Any) -> Compressed:
        return self.remade(self.values() / other)

    def __neg__(self) -> Compressed:
        return self.remade(-self.values())

    def __reduce_ex__(self, protocol: Any) -> tuple:
        return compressed, (self.places, self.values().detach(), tuple(self.shape), self.axis)

    def __add__(self, other: Any) -> Any:
        if not isinstance(other, Compressed):
            return self.dense() + other
        return _compress(self.to_sparse_coo() + other.to_sparse_coo(), self.axis)

    def __matmul__(self, other: Any) -> Any:
        if isinstance(other, Compressed):
            return _compress(product(self.to_sparse_coo(), other.to_sparse_coo()), self.axis)
        return matmul(self.dense(), other)

    mm = matmul = __matmul__  # type: ignore[assignment]

    def __repr__(self) -> str:
        ends, others = ("ccol_indices", "row_indices") if self.axis else ("crow_indices", "col_indices")
        parts = [_inner(name, getattr(self, name)()) for name in (ends, others)] + [
            _inner("values", self.values().detach())
        ]
        return closed("tensor(", (",\n" + " " * len("tensor(")).join(parts), self._said())


def _value_by_value(name: str) -> Callable:
    method = getattr(Tensor, name)

    @functools.wraps(method)
    def valued(self: Any, *args: Any, **kwargs: Any) -> Any:
        return self.remade(method(self.coalesce().values(), *args, **kwargs))

    return valued


_KEEP_ZERO = (
    "abs asin asinh atan atanh ceil deg2rad erf erfinv expm1 floor frac log1p nan_to_num positive rad2deg relu round sgn sign "
    "sin sinh sqrt square tan tanh trunc"
)
for _name in _KEEP_ZERO.split():
    setattr(Coo, _name, _value_by_value(_name))
    setattr(Compressed, _name, _value_by_value(_name))


def _compress(made: Coo, axis: int) -> Compressed:
    return made.to_sparse_csc() if axis else made.to_sparse_csr()


for _cls in (Coo, Compressed):  # they print as what they are in PyTorch: tensors
    _cls.__module__, _cls.__qualname__, _cls.__name__ = "torch", "Tensor", "Tensor"


def compressed(places: Any, values: Tensor, size: Any, axis: int) -> Compressed:
    """A matrix with `values` at the columns of `places`, ordered by rows (axis 0) or columns (axis 1)."""
    order = np.lexsort((places[1 - axis], places[axis]))
    made = coo(places, values, size)
    return twin(Compressed, made, places=np.ascontiguousarray(places[:, order]), axis=axis)


def from_dense(dense: Tensor, pattern: Any = None, axes: int | None = None) -> Coo:
    """The entries where `pattern` is true, of the first `axes` axes; those that are not zero when None."""
    found = np.asarray(dense._data != 0 if pattern is None else pattern._data)
    if axes is not None and axes < found.ndim:
        found = found.any(tuple(range(axes, found.ndim)))
    places = np.stack(np.nonzero(found)) if found.ndim else np.zeros((0, int(found)), np.int64)
    return coo(places, dense[tuple(map(wrap, places))], dense.shape, True, "ToSparse")


def product(a: Any, b: Any) -> Any:
    """a @ b: sparse when both are, else dense."""
    plain = [t.dense() if isinstance(t, Sparse) else t for t in (a, b)]
    if not (isinstance(a, Coo) and isinstance(b, Coo)):
        return matmul(*plain)
    reached = matmul(a.pattern().double(), b.pattern().double()) > 0
    return from_dense(matmul(*plain), reached)


def rows_of(ends: Any) -> list[int]:
    """The row of each entry, from where the rows begin and end."""
    return [i for i, (a, b) in enumerate(pairwise(as_tensor(ends).tolist())) for _ in range(b - a)]


def to_sparse(
    self: Tensor, sparse_dim: int | None = None, *, layout: Any = None, blocksize: Any = None, dense_dim: Any = None
) -> Any:
    """The entries that are not zero, with their coordinates."""
    if layout is sparse_csr or layout is sparse_csc:
        return _compress(from_dense(self), int(layout is sparse_csc))
    return from_dense(self, axes=sparse_dim)


def to_sparse_csr(self: Tensor, dense_dim: Any = None) -> Compressed:
    """The entries that are not zero, row by row."""
    return from_dense(self).to_sparse_csr()


def to_sparse_csc(self: Tensor, dense_dim: Any = None) -> Compressed:
    """The entries that are not zero, column by column."""
    return from_dense(self).to_sparse_csc()


def sparse_mask(self: Tensor, mask: Coo) -> Coo:
    """The entries at the places of a sparse tensor."""
    return from_dense(self, mask.pattern())


def _sparse_only(name: str, expected: str = "sparse coordinate") -> Callable:
    def refuse(self: Tensor, *args: Any) -> Any:
        found = f"Sparse{self._kind}" if isinstance(self, Sparse) else "Strided"
        raise RuntimeError(f"{name} expected {expected} tensor layout but got {found}; convert by to_sparse()")

    refuse.__name__ = name
    return refuse


METHODS: dict[str, Callable] = {
    "to_sparse": to_sparse, "to_sparse_coo": to_sparse, "to_sparse_csr": to_sparse_csr, "to_sparse_csc": to_sparse_csc,
    "sparse_mask": sparse_mask,
    **{name: _sparse_only(name) for name in ("coalesce", "indices", "values", "_nnz", "_indices", "_values", "is_coalesced")},
    "crow_indices": _sparse_only("crow_indices", "sparse row compressed"),
    "col_indices": _sparse_only("col_indices", "sparse row compressed"),
    "ccol_indices": _sparse_only("ccol_indices", "sparse column compressed"),
    "row_indices": _sparse_only("row_indices", "sparse column compressed"),
}  # fmt: skip

__all__ = ["Compressed", "Coo", "Sparse", "compressed", "coo", "from_dense", "product", "rows_of", "sparse_coo",
           "sparse_csc", "sparse_csr"]  # fmt: skip
