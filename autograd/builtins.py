"""Python's own containers, under the name where HIPS autograd has its traced ones: here they hold Tensors as they are."""

from builtins import dict, isinstance, list, tuple, type  # noqa: UP029

__all__ = ["dict", "isinstance", "list", "tuple", "type"]
