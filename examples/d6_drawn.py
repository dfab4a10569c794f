"""D6. A network drawn twice: as textbooks do, neurons and weights; and as the engine sees it, operations and gradients."""

from __future__ import annotations

from _shared import options, wrote

import autograd
import nn
import nn.functional as F
from autograd import viz


def main(arguments: list[str] | None = None) -> dict[str, int]:
    chosen = options(__doc__, arguments)
    model = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 2))
    x, target = autograd.tensor([[1.0, -0.5, 0.25]]), autograd.tensor([1])
    loss = F.cross_entropy(model(x), target)
    loss.backward()
    neurons, graph = viz.neurons(model, x, notation="values"), viz.draw(loss, model=model)
    print(f"{neurons!r}\n{graph!r}\n{viz.text(loss, model=model)}")
    wrote(neurons.to(chosen.out / "d6_neurons.svg"))
    wrote(graph.to(chosen.out / "d6_graph.svg"))
    return {"operations": graph.stats["operations"]}


if __name__ == "__main__":
    main()
