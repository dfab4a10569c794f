"""The walk-through y = 1 / (1 + exp(-(w·x + b))) and readers of pictures."""

import xml.etree.ElementTree as ET

import autograd
from autograd import viz

SVG = "{http://www.w3.org/2000/svg}"
VALUES = [[1.0, -2.0], [3.0, 2.0], 2.0, 1.0, -1.0, 0.36787944, 1.36787944, 0.73105858]
GRADS = [
    [0.58983580, 0.39322387], [0.19661193, -0.39322387], 0.19661193, 0.19661193, -0.19661193, -0.53444665, -0.53444665, 1.0,
]  # fmt: skip


def tensors():
    w = autograd.tensor([1.0, -2.0], requires_grad=True)
    x = autograd.tensor([3.0, 2.0], requires_grad=True)
    b = autograd.tensor(2.0, requires_grad=True)
    return w, x, b


def neuron(w, x, b):
    with viz.scope("z"):
        z = autograd.dot(w, x) + b
    return 1 / (1 + autograd.exp(-z))


def walk():
    w, x, b = tensors()
    return neuron(w, x, b), {"w": w, "x": x, "b": b}


def wires(svg):
    return [g for g in ET.fromstring(svg).iter(f"{SVG}g") if g.get("class") == "wire"]


def nodes(svg):
    return [g for g in ET.fromstring(svg).iter(f"{SVG}g") if (g.get("class") or "").startswith("node ")]


def texts(svg):
    return ["".join(t.itertext()) for t in ET.fromstring(svg).iter(f"{SVG}text")]
