"""Einstein sums and sums of products over pairs of axes: a chain of batched matrix products.

With opt_einsum installed the order of the products is the cheapest it finds; without it, from left to right.
"""

from __future__ import annotations

import numpy as np

from .._array import wrap_dim
from .._op import composite
from .._tensor import Tensor
from .matmul import matmul
from .reduce import sum
from .shape import expand, permute, reshape

_LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"


def parse_einsum(equation, operands):
    """(labels of each operand, labels of the result), ellipses expanded to labels of their own.

    Raises:
        RuntimeError: the equation does not fit the operands.
    """
    equation = equation.replace(" ", "")
    left, arrow, right = equation.partition("->")
    terms = left.split(",")
    if len(terms) != len(operands):
        raise RuntimeError(f"einsum(): more operands were provided than specified in the equation: {len(operands)} for {equation!r}"
                           if len(terms) < len(operands) else
                           f"einsum(): fewer operands were provided than specified in the equation: {len(operands)} for {equation!r}")  # fmt: skip
    free = [c for c in _LETTERS + "".join(map(chr, range(0x100, 0x180))) if c not in equation]
    widest = max(
        (t.ndim - len(s.replace("...", "")) for s, t in zip(terms, operands, strict=True) if "..." in s), default=0
    )
    spare = "".join(free[:widest])
    found = []
    for i, (term, t) in enumerate(zip(terms, operands, strict=True)):
        dots = t.ndim - len(term.replace("...", ""))
        if dots < 0 or (dots and "..." not in term):
            raise RuntimeError(
                f"einsum(): the number of subscripts in the equation ({len(term.replace('...', ''))}) does not "
                "match the number of "
                f"dimensions ({t.ndim}) for operand {i}"
            )
        found.append(term.replace("...", spare[widest - dots :] if "..." in term else ""))
    if arrow:
        out = right.replace("...", spare)
    else:
        letters = "".join(found)
        out = spare + "".join(sorted(c for c in set(letters) if letters.count(c) == 1 and c not in spare))
    return found, out


def _sizes_of(terms, operands):
    sizes_: dict = {}
    for i, (term, t) in enumerate(zip(terms, operands, strict=True)):
        for label, n in zip(term, t.shape, strict=True):
            known = sizes_.get(label, 1)
            if known != 1 and n not in (1, known):
                raise RuntimeError(
                    f"einsum(): subscript {label} has size {n} for operand {i} which does not broadcast with "
                    f"previously seen size {known}"
                )
            sizes_[label] = max(known, n) if n != 0 else 0
    return sizes_


def _take_diagonals(term, t):
    """Labels that appear twice in one term read a diagonal."""
    from .diagonals import diagonal

    while len(set(term)) < len(term):
        label = next(c for c in term if term.count(c) > 1)
        a = term.index(label)
        b = term.index(label, a + 1)
        t = diagonal(t, 0, a, b)
        term = term[:a] + term[a + 1 : b] + term[b + 1 :] + label
    return term, t


def _arranged(term, t, labels):
    """The operand with its axes in the order of `labels`, of length one where it lacks one."""
    t = permute(t, [term.index(c) for c in labels if c in term]) if term else t
    it = iter(t.shape)
    return reshape(t, tuple(next(it) if c in term else 1 for c in labels))


def _pair(first, a, second, b, keep, sizes_):
    """Two operands contracted into one over the labels not in `keep`, as a batch of matrix products."""
    for labels, other in ((first, second), (second, first)):
        alone = [i for i, c in enumerate(labels) if c not in other and c not in keep]
        if alone and labels is first:
            a = _summed(a, tuple(alone))
            first = "".join(c for c in first if c in second or c in keep)
        elif alone:
            b = _summed(b, tuple(alone))
            second = "".join(c for c in second if c in first or c in keep)
    batch = [c for c in first if c in second and c in keep]
    inner = [c for c in first if c in second and c not in keep]
    rows = [c for c in first if c not in second]
    columns = [c for c in second if c not in first]
    left = _block(first, a, batch, rows, inner, sizes_)
    right = _block(second, b, batch, inner, columns, sizes_)
    out = matmul(left, right)
    labels = [*batch, *rows, *columns]
    return "".join(labels), reshape(out, tuple(sizes_[c] for c in labels))


def _block(term, t, batch, left, right, sizes_):
    """One operand as a batch of matrices, axes of length one stretched to their label's size."""
    order = [*batch, *left, *right]
    t = expand(_arranged(term, t, order), tuple(sizes_[c] for c in order))
    size = lambda labels: int(np.prod([sizes_[c] for c in labels], dtype=np.int64)) if labels else 1  # noqa: E731
    return reshape(t, (size(batch), size(left), size(right)) if batch else (size(left), size(right)))


@composite(method=False)
def einsum(equation, *operands):
    """Sums of products by labelled axes: einsum("ij,jk->ik", a, b) is a matrix product.

    Labels in several terms are multiplied, labels not in the result are summed; "..." stands for any further axes,
    which broadcast. Without "->" the labels that appear once are kept, in alphabetical order.

    Args:
        equation: the labels of each operand; or the form einsum(a, [0, 1], b, [1, 2], [0, 2]) with numbers for labels.

    Raises:
        RuntimeError: labels and shapes do not fit.
    """
    equation, operands = _labelled(equation, operands)
    terms, out = parse_einsum(equation, operands)
    for c in out:
        if out.count(c) > 1 or not any(c in t for t in terms):
            raise RuntimeError(
                f"einsum(): output subscript {c} appears more than once in the output or does not appear in the "
                "equation for any input operand"
            )
    pairs = [_take_diagonals(term, t) for term, t in zip(terms, operands, strict=True)]
    sizes_ = _sizes_of([p[0] for p in pairs], [p[1] for p in pairs])
    for i, j in _contraction_order(pairs, out, sizes_):
        second, first = pairs.pop(max(i, j)), pairs.pop(min(i, j))
        keep = set(out).union(*[set(p[0]) for p in pairs])
        pairs.append(_pair(first[0], first[1], second[0], second[1], keep, sizes_))
    term, t = pairs[0]
    gone = tuple(i for i, c in enumerate(term) if c not in out)
    if gone:
        t = sum(t, dim=gone)
        term = "".join(c for c in term if c in out)
    return permute(t, [term.index(c) for c in out]) if out else reshape(t, ())


def _summed(t, axes, keepdim=False):
    """A sum in the operands' own dtype, also for integers."""
    return sum(t, dim=axes, keepdim=keepdim, dtype=t.dtype if t._data.dtype.kind in "biu" else None)


def _labelled(equation, operands):
    if isinstance(equation, Tensor):
        pieces = (equation, *operands)
        letters = _LETTERS
        spell = lambda labels: "".join("..." if c is Ellipsis else letters[c] for c in labels)  # noqa: E731
        count = len(pieces) // 2
        text = ",".join(spell(pieces[2 * i + 1]) for i in range(count))
        if len(pieces) % 2:
            text += "->" + spell(pieces[-1])
        return text, tuple(pieces[2 * i] for i in range(count))
    if len(operands) == 1 and isinstance(operands[0], (tuple, list)):
        operands = tuple(operands[0])
    if not operands:
        raise ValueError("einsum(): must specify the equation and at least one operand, got no operand")
    return equation, operands


def _contraction_order(pairs, out, sizes_):
    """Which two operands to contract next; opt_einsum's order for three and more when it is installed."""
    n = len(pairs)
    if n > 2:
        try:
            import opt_einsum
        except ImportError:
            return [(0, 1)] + [(0, n - k - 1) for k in range(1, n - 1)]
        equation = ",".join(p[0] for p in pairs) + "->" + out
        shapes = [tuple(sizes_[c] for c in p[0]) for p in pairs]
        path, _ = opt_einsum.contract_path(equation, *shapes, shapes=True, optimize="auto")
        return [step if len(step) == 2 else (0, 0) for step in _only_pairs(path, n)]
    return [(0, 1)] if n == 2 else []


def _only_pairs(path, n):
    """A path whose steps take two operands each."""
    for step in path:
        step = sorted(step)
        while len(step) > 2:
            yield tuple(step[:2])
            n -= 1
            step = [s - 2 + (s < step[0]) for s in step[2:]] + [n - 1]
        if len(step) == 2:
            yield tuple(step)
            n -= 1


@composite(method=False)
def tensordot(a, b, dims=2):
    """Sum of products over pairs of axes: the last `dims` of `a` with the first of `b`, or the two lists given."""
    if isinstance(dims, Tensor):
        dims = dims.tolist()
    if isinstance(dims, int):
        if dims < 0:
            raise RuntimeError(f"tensordot expects dims >= 0, but got dims={dims}")
        left, right = list(range(a.ndim - dims, a.ndim)), list(range(dims))
    else:
        left, right = ([d] if isinstance(d, int) else list(d) for d in dims)
    left, right = [wrap_dim(d, a.ndim) for d in left], [wrap_dim(d, b.ndim) for d in right]
    for i, j in zip(left, right, strict=True):
        if a.shape[i] == 1 != b.shape[j]:  # a pair that broadcasts sums the longer one alone
            b = _summed(b, j, keepdim=True)
        elif b.shape[j] == 1 != a.shape[i]:
            a = _summed(a, i, keepdim=True)
        if a.shape[i] != b.shape[j]:
            raise RuntimeError(
                f"contracted dimensions need to match, but first has size {a.shape[i]} in dim {i} and second has "
                f"size {b.shape[j]} in dim {j}"
            )
    rows, columns = [i for i in range(a.ndim) if i not in left], [j for j in range(b.ndim) if j not in right]
    inner = int(np.prod([a.shape[i] for i in left], dtype=np.int64))
    flat_a = reshape(permute(a, rows + left), (int(np.prod([a.shape[i] for i in rows], dtype=np.int64)), inner))
    flat_b = reshape(permute(b, right + columns), (inner, int(np.prod([b.shape[j] for j in columns], dtype=np.int64))))
    return reshape(matmul(flat_a, flat_b), [a.shape[i] for i in rows] + [b.shape[j] for j in columns])
