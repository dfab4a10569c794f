"""D2. The digits seen: a grid of them, and all of them laid out in the plane by t-SNE, coloured by class."""

from __future__ import annotations

import numpy as np
from _shared import digits, images, options, pyplot, save

import autograd


def lay_out(pixels: np.ndarray, seed: int) -> np.ndarray:
    """A place in the plane for each image, near those that look alike."""
    manifold = autograd._extras.require("sklearn.manifold", extra="examples", purpose="t-SNE")
    return manifold.TSNE(2, init="pca", perplexity=30, random_state=seed, verbose=1).fit_transform(pixels)


def neighbours_agree(places: np.ndarray, labels: np.ndarray) -> float:
    """How often the nearest point in the plane is of the same class."""
    apart = ((places[:, None] - places[None]) ** 2).sum(-1)
    np.fill_diagonal(apart, np.inf)
    return float(np.mean(labels[apart.argmin(1)] == labels))


def main(arguments: list[str] | None = None) -> dict[str, float]:
    chosen = options(__doc__, arguments)
    x, y, _, _ = digits(chosen.quick)
    images(chosen.out / "d2_digits.png", [image[0] for image in x[:40]], y[:40].tolist(), columns=10)
    labels = y.numpy()
    places = lay_out(x.flatten(1).numpy(), chosen.seed)
    agree = neighbours_agree(places, labels)
    print(f"{len(x)} digits in the plane; the nearest neighbour of {agree:.1%} of them is of the same class")
    figure, axes = pyplot().subplots(figsize=(5.5, 4.5))
    dots = axes.scatter(*places.T, c=labels, cmap="tab10", s=6)
    figure.colorbar(dots, ticks=range(10))
    axes.set_axis_off()
    save(figure, chosen.out / "d2_tsne.png")
    return {"agree": agree}


if __name__ == "__main__":
    main()
