"""Saving without running code: `save` and `load`, and the pieces that other packages use.

(In the namespace of `autograd` the names `autograd.save` and `autograd.load` are the functions.)
"""

from ._api import load, save
from ._atomic import atomic_write
from ._kinds import register_tensor_class
from ._unpickle import unpickle_safely

__all__ = ["atomic_write", "load", "register_tensor_class", "save", "unpickle_safely"]
