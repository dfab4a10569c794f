"""`torch.utils._pytree`: tuples, lists and dicts taken apart and put together again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


class TreeSpec:
    """The form of a tree without its leaves."""

    def __init__(self, kind: type | None, context: Any = None, children: tuple = ()) -> None:
        self.type, self.context, self.children_specs = kind, context, list(children)
        self.num_leaves = 1 if kind is None else sum(c.num_leaves for c in children)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, TreeSpec) and _key(self) == _key(other)

    def __hash__(self) -> int:
        return hash(str(_key(self)))


def _key(spec: TreeSpec) -> tuple:
    return spec.type, spec.context, tuple(_key(c) for c in spec.children_specs)


def _children(tree: Any) -> tuple[list, Any] | None:
    if isinstance(tree, dict):
        return list(tree.values()), list(tree)
    return (list(tree), None) if isinstance(tree, (tuple, list)) else None


def tree_flatten(tree: Any, is_leaf: Callable | None = None) -> tuple[list, TreeSpec]:
    """The leaves in order, and the form."""
    found = None if is_leaf is not None and is_leaf(tree) else _children(tree)
    if found is None:
        return [tree], TreeSpec(None)
    parts = [tree_flatten(child, is_leaf) for child in found[0]]
    spec = TreeSpec(type(tree), found[1], tuple(s for _, s in parts))
    return [leaf for leaves, _ in parts for leaf in leaves], spec


def tree_unflatten(leaves: Any, treespec: TreeSpec) -> Any:
    """The tree of this form with these leaves."""
    source = iter(leaves)
    return _built(source, treespec)


def _built(source: Any, spec: TreeSpec) -> Any:
    if spec.type is None:
        return next(source)
    children = [_built(source, child) for child in spec.children_specs]
    if issubclass(spec.type, dict):
        return spec.type(zip(spec.context, children, strict=True))
    return spec.type(*children) if hasattr(spec.type, "_fields") else spec.type(children)


def tree_map(func: Callable, tree: Any, *rests: Any, is_leaf: Callable | None = None) -> Any:
    """The tree of `func(leaf, ...)`."""
    leaves, spec = tree_flatten(tree, is_leaf)
    others = [tree_flatten(rest, is_leaf)[0] for rest in rests]
    return tree_unflatten([func(*group) for group in zip(leaves, *others, strict=True)], spec)


def tree_map_only(kind: Any, func: Callable, tree: Any) -> Any:
    """As `tree_map`, at the leaves of one class."""
    return tree_map(lambda leaf: func(leaf) if isinstance(leaf, kind) else leaf, tree)


def tree_leaves(tree: Any, is_leaf: Callable | None = None) -> list:
    return tree_flatten(tree, is_leaf)[0]


__all__ = ["TreeSpec", "tree_flatten", "tree_leaves", "tree_map", "tree_map_only", "tree_unflatten"]
