"""Sequential, ModuleList, ModuleDict, ParameterList, ParameterDict: Python's manners, PyTorch's errors."""

from __future__ import annotations

import pytest

import autograd
import nn


def kinds(modules):
    return [type(m).__name__ for m in modules]


def test_sequential_from_a_dict():
    net = nn.Sequential({"a": nn.Linear(2, 3), "b": nn.ReLU()})
    assert list(net._modules) == ["a", "b"]
    assert net.a is net[0] is net[-2]
    assert net(autograd.ones(1, 2)).shape == (1, 3)


def test_sequential_slices_share_their_modules():
    net = nn.Sequential(nn.Linear(1, 2), nn.ReLU(), nn.Linear(2, 3))
    head = net[:2]
    assert isinstance(head, nn.Sequential)
    assert head[0] is net[0]
    assert kinds(net[1:]) == ["ReLU", "Linear"]
    assert list(net[1:]._modules) == ["1", "2"]


def test_sequential_changes():
    net = nn.Sequential(nn.ReLU())
    assert net.append(nn.Tanh()) is net
    assert net.insert(1, nn.Sigmoid()) is net
    net.insert(-1, nn.GELU())
    net.extend([nn.ELU()])
    assert kinds(net) == ["ReLU", "Sigmoid", "GELU", "Tanh", "ELU"]
    assert list(net._modules) == ["0", "1", "2", "3", "4"]
    net[0] = nn.SELU()
    del net[1]
    assert isinstance(net.pop(-1), nn.ELU)
    assert kinds(net) == ["SELU", "GELU", "Tanh"]
    del net[:2]
    assert list(net._modules) == ["0"]
    assert net[0] in net
    assert nn.Tanh() not in net


def test_sequential_arithmetic():
    a, b = nn.Sequential(nn.ReLU()), nn.Sequential(nn.Tanh(), nn.ELU())
    assert kinds(a + b) == ["ReLU", "Tanh", "ELU"]
    assert kinds(b * 2) == kinds(2 * b) == ["Tanh", "ELU", "Tanh", "ELU"]
    a += b
    a *= 2
    assert kinds(a) == ["ReLU", "Tanh", "ELU"] * 2


@pytest.mark.parametrize(
    ("act", "error", "text"),
    [
        (lambda s: s[3], IndexError, "index 3 is out of range"),
        (lambda s: s[-2], IndexError, "index -2 is out of range"),
        (lambda s: s.append(3), TypeError, "int is not a Module subclass"),
        (lambda s: s.insert(5, nn.ReLU()), IndexError, "Index out of range: 5"),
        (lambda s: s.insert(0, 5), TypeError, "int is not a Module subclass"),
        (lambda s: s.extend(3), TypeError, "'int' object is not iterable"),
        (lambda s: s + 3, ValueError, "add operator supports only objects of Sequential class"),
        (lambda s: s.__iadd__(3), ValueError, "add operator supports only objects of Sequential class"),
        (lambda s: s * -1, ValueError, "Non-positive multiplication factor -1"),
        (lambda s: s * "a", TypeError, r"unsupported operand type\(s\) for \*"),
        (lambda s: nn.Sequential(3), TypeError, "int is not a Module subclass"),
        (lambda s: nn.ModuleList([3]), TypeError, "int is not a Module subclass"),
        (lambda s: nn.ModuleList([nn.ReLU()])[1], IndexError, "index 1 is out of range"),
        (
            lambda s: nn.ModuleList().extend(3),
            TypeError,
            "ModuleList.extend should be called with an iterable, but got int",
        ),
        (
            lambda s: nn.ModuleList()(3),
            NotImplementedError,
            r"Module \[ModuleList\] is missing the required \"forward\"",
        ),
        (
            lambda s: nn.ModuleDict(3),
            TypeError,
            "ModuleDict.update should be called with an iterable of key/value pairs",
        ),
        (lambda s: nn.ModuleDict([3]), TypeError, "ModuleDict update sequence element #0 should be Iterable; is int"),
        (
            lambda s: nn.ModuleDict([(3,)]),
            ValueError,
            "ModuleDict update sequence element #0 has length 1; 2 is required",
        ),
        (lambda s: nn.ModuleDict()["a"], KeyError, "a"),
        (lambda s: nn.ModuleDict({"keys": nn.ReLU()}), KeyError, "attribute 'keys' already exists"),
        (lambda s: nn.ParameterList().extend(3), TypeError, "ParameterList.extend should be called with an iterable"),
        (lambda s: nn.ParameterList().extend(autograd.ones(2)), TypeError, "but got Tensor"),
        (lambda s: nn.ParameterList([3])[2], IndexError, "index 2 is out of range"),
        (lambda s: nn.ParameterList()(3), RuntimeError, "ParameterList should not be called"),
        (lambda s: nn.ParameterDict()(3), RuntimeError, "ParameterDict should not be called"),
        (lambda s: nn.ParameterDict()["s"], KeyError, "s"),
        (lambda s: nn.ParameterDict({3: autograd.ones(1)}), TypeError, "cannot be used as a key as it is not a string"),
        (lambda s: nn.ParameterDict(3), TypeError, "ParameterDict.update should be called with an iterable"),
    ],
)
def test_refusals(act, error, text):
    with pytest.raises(error, match=text):
        act(nn.Sequential(nn.ReLU()))


def test_module_list():
    layers = nn.ModuleList([nn.ReLU()])
    layers.append(nn.Tanh()).extend([nn.ELU()])
    layers.insert(0, nn.SELU())
    layers += [nn.GELU()]
    assert kinds(layers) == ["SELU", "ReLU", "Tanh", "ELU", "GELU"]
    assert kinds(layers[1:3]) == ["ReLU", "Tanh"]
    assert kinds(layers + [nn.CELU()])[-1] == "CELU"
    layers[0] = nn.Mish()
    del layers[1]
    del layers[2:]
    assert isinstance(layers.pop(0), nn.Mish)
    assert kinds(layers) == ["Tanh"]
    assert layers[0] in layers
    assert len(layers) == 1


def test_module_list_repr_counts_equal_neighbours():
    layers = nn.ModuleList([nn.ReLU(), nn.ReLU(), nn.Tanh(), nn.ReLU()])
    assert repr(layers) == "ModuleList(\n  (0-1): 2 x ReLU()\n  (2): Tanh()\n  (3): ReLU()\n)"
    assert repr(nn.ModuleList()) == "ModuleList()"


def test_module_dict():
    parts = nn.ModuleDict({"a": nn.ReLU()})
    parts["b"] = nn.Tanh()
    parts.update([("c", nn.ELU())])
    parts.update(nn.ModuleDict({"d": nn.GELU()}))
    assert list(parts) == list(parts.keys()) == ["a", "b", "c", "d"]
    assert kinds(parts.values()) == ["ReLU", "Tanh", "ELU", "GELU"]
    assert dict(parts.items())["a"] is parts["a"] is parts.a
    assert isinstance(parts.pop("a"), nn.ReLU)
    del parts["b"]
    assert "b" not in parts
    assert len(parts) == 2
    parts.clear()
    assert repr(parts) == "ModuleDict()"


def test_parameter_list():
    held = nn.ParameterList([nn.Parameter(autograd.zeros(2)), autograd.ones(1), "text"])
    assert isinstance(held[1], nn.Parameter)
    assert held[-1] == "text"
    held += [autograd.tensor([1, 2])]
    assert not held[3].requires_grad
    assert [n for n, _ in held.named_parameters()] == ["0", "1", "3"]
    held[0] = autograd.ones(3)
    assert held[0].shape == (3,)
    assert [len(p) for p in held[:2]] == [3, 1]
    assert len(held) == 4


def test_parameter_dict():
    held = nn.ParameterDict({"a": autograd.ones(2)})
    held["keys"] = autograd.zeros(1)  # a method's name
    held.update([("n", 3)])
    assert list(held) == ["a", "keys", "n"]
    assert list(reversed(held)) == ["n", "keys", "a"]
    assert held.keys() == {"a": 0, "keys": 0, "n": 0}.keys()
    assert isinstance(held["keys"], nn.Parameter)
    assert held.get("q", 7) == 7
    assert held.setdefault("n", 5) == 3
    assert "(n): Object of type: int" in repr(held)
    assert len(held.setdefault("m", autograd.ones(2))) == 2
    del held["m"]
    assert held.popitem() == ("n", 3)
    other = held | nn.ParameterDict({"z": autograd.ones(1)})
    assert "z" in other
    assert "z" not in held
    held |= other
    assert len(held) == 3
    assert set(held.fromkeys(["u", "v"], 1)) == {"u", "v"}
    held.pop("a")
    del held["z"]
    assert len(held.values()) == 1
    held.clear()
    assert len(held) == 0
    assert list(held.state_dict()) == []


def test_the_oldest_container_warns():
    with pytest.warns(DeprecationWarning, match="nn.Container is deprecated"):
        assert list(nn.Container(a=nn.ReLU())._modules) == ["a"]
