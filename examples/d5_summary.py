"""D5. The table of a model: layers, shapes, parameters, of a 784-512-10 network."""

from __future__ import annotations

from _shared import options

import nn
from autograd import viz


def main(arguments: list[str] | None = None) -> dict[str, int]:
    options(__doc__, arguments)
    model = nn.Sequential(nn.Linear(784, 512), nn.LeakyReLU(0.2), nn.Linear(512, 10), nn.Softmax(dim=1))
    print(viz.summary(model, input_size=(1, 784)))
    counts = {name: sum(p.numel() for p in layer.parameters()) for name, layer in model.named_children()}
    print(f"{counts['0']:,} + {counts['2']:,} = {sum(counts.values()):,} parameters")
    return {"first": counts["0"], "last": counts["2"], "all": sum(counts.values())}


if __name__ == "__main__":
    main()
