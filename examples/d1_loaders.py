"""D1. Handwritten digits from every form they are passed around in: CSV, mnist.pkl.gz, IDX files, or no file at all.

    python examples/d1_loaders.py                          1,797 real digits of 8 x 8 pixels, from scikit-learn
    python examples/d1_loaders.py --data mnist             MNIST, downloaded once to your cache and checked
    python examples/d1_loaders.py --data mnist.pkl.gz      a file you have; also .csv, or a folder with the IDX files

A missing, truncated or wrong file is named, with what is wrong in it.
"""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
from _shared import add_data, begin, images, images_of, parser


def main(arguments: list[str] | None = None) -> dict[str, Any]:
    chosen = begin(add_data(parser(__doc__)), arguments)
    try:
        x, y, x_test, y_test = images_of(chosen.data)
    except (OSError, RuntimeError, ValueError) as error:
        sys.exit(f"{chosen.data}: {error}")
    counts = np.bincount(y.numpy(), minlength=10).tolist()
    print(f"training {tuple(x.shape)} {x.dtype}, labels {tuple(y.shape)} {y.dtype}; held out {len(x_test)}")
    print(f"pixels from {x.min().item():g} to {x.max().item():g}; images of each class {counts}")
    shown = min(16, len(x))
    images(chosen.out / "d1_loaders.png", [x[i, 0] for i in range(shown)], [y[i].item() for i in range(shown)])
    return {"train": tuple(x.shape), "test": len(x_test), "counts": counts, "held-out labels": len(y_test)}


if __name__ == "__main__":
    main()
