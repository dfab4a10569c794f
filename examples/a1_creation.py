"""A1. Making tensors: from numbers, of one value, random, like another."""

from __future__ import annotations

from _shared import options

import autograd
from autograd import Tensor


def main(arguments: list[str] | None = None) -> dict[str, str]:
    options(__doc__, arguments)
    shown = {
        "empty(2, 3).shape": autograd.empty(2, 3).shape,  # memory as it was found: its numbers mean nothing
        "rand(2, 3)": autograd.rand(2, 3),
        "randn(2, 3)": autograd.randn(2, 3),
        "tensor([1., 2, 3])": autograd.tensor([1.0, 2, 3]),
        "tensor([1, 2, 3])": autograd.tensor([1, 2, 3]),
        "Tensor([1, 2, 3])": Tensor([1, 2, 3]),
        "Tensor(2, 3).shape": Tensor(2, 3).shape,
        "ones(2, 3)": autograd.ones(2, 3),
        "zeros(2, 3, dtype=int)": autograd.zeros(2, 3, dtype=autograd.int),
    }
    ones = shown["ones(2, 3)"]
    shown |= {
        "ones_like(ones)": autograd.ones_like(ones),
        "zeros_like(ones)": autograd.zeros_like(ones),
    }
    texts = {name: str(value) for name, value in shown.items()}
    for name, text in texts.items():
        print(f"{name}\n{text}\n")
    return texts


if __name__ == "__main__":
    main()
