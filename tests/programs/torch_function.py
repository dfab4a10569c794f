"""Classes and modes that are asked before a function of torch runs: `__torch_function__` and `TorchFunctionMode`."""

import torch

HANDLED = {}
import functools


def implements(f):
    def dec(g):
        functools.update_wrapper(g, f)
        HANDLED[f] = g
        return g

    return dec


class ScalarTensor(object):
    def __init__(self, N, value):
        self._N = N
        self._value = value

    def __repr__(self):
        return "ScalarTensor(N={}, value={})".format(self._N, self._value)

    def tensor(self):
        return self._value * torch.eye(self._N)

    @classmethod
    def __torch_function__(cls, func, types, args=(), kwargs=None):
        if kwargs is None:
            kwargs = {}
        if func not in HANDLED or not all(issubclass(t, (torch.Tensor, ScalarTensor)) for t in types):
            return NotImplemented
        return HANDLED[func](*args, **kwargs)


d = ScalarTensor(5, 2)
for e in [
    "torch.mean(d)",
    "torch.add(d,d)",
    "d.tensor()",
    "torch.cat([d,d])",
    "torch.mul(torch.ones(5),d)",
    "torch.ones(5)+d",
]:
    try:
        print(e, eval(e))
    except Exception as ex:
        print(e, type(ex).__name__, str(ex).split(";")[0])


@implements(torch.mean)
def mean(input):
    return float(input._value) / input._N


print(torch.mean(d))


def ensure_tensor(data):
    return data.tensor() if isinstance(data, ScalarTensor) else torch.as_tensor(data)


@implements(torch.add)
def add(input, other):
    try:
        if input._N == other._N:
            return ScalarTensor(input._N, input._value + other._value)
        else:
            raise ValueError("Shape mismatch!")
    except AttributeError:
        return torch.add(ensure_tensor(input), ensure_tensor(other))


s = ScalarTensor(2, 2)
print(torch.add(s, s))
print(torch.add(s, torch.tensor([[1, 1], [1, 1]])))
try:
    torch.mul(s, 3)
except TypeError as e:
    print(str(e).split(";")[0])


class MetadataTensor(object):
    def __init__(self, data, metadata=None, **kw):
        self._t = torch.as_tensor(data, **kw)
        self._metadata = metadata

    def __repr__(self):
        return "Metadata:\n{}\n\ndata:\n{}".format(self._metadata, self._t)

    @classmethod
    def __torch_function__(cls, func, types, args=(), kwargs=None):
        if kwargs is None:
            kwargs = {}
        metadatas = tuple(a._metadata for a in args if hasattr(a, "_metadata"))
        args = [getattr(a, "_t", a) for a in args]
        assert len(metadatas) > 0
        ret = func(*args, **kwargs)
        return MetadataTensor(ret, metadata=metadatas[0])


m = MetadataTensor([[1, 2], [3, 4]], metadata={"owner": "Ministry of Silly Walks"})
t = torch.tensor([[1, 2], [1, 2]])
print(torch.add(t, m))
print(torch.mul(t, m))


class SubTensor(torch.Tensor):
    pass


x = SubTensor([0])
print(
    type(torch.add(x, torch.tensor([1]))).__name__, type(x[0]).__name__, type(x * 2).__name__, type(x.numpy()).__name__
)


class SubTensor2(torch.Tensor):
    pass


class OtherSub(torch.Tensor):
    pass


try:
    torch.add(SubTensor([0]), OtherSub([1]))
except TypeError as e:
    print(str(e).split(";")[0])


class SubSub(SubTensor2):
    pass


print(type(torch.add(SubTensor2([0]), SubSub([1]))).__name__)


class LoggingTensor(torch.Tensor):
    @classmethod
    def __torch_function__(cls, func, types, args=(), kwargs=None):
        if func is not torch.Tensor.__repr__:
            print(f"func: {func.__name__}, args: {args!r}, kwargs: {kwargs!r}")
        if kwargs is None:
            kwargs = {}
        return super().__torch_function__(func, types, args, kwargs)


a = LoggingTensor([1.0, 2.0])
b = torch.ones(2)
print(a + b, torch.add(b, a), a.sum(), a.shape, a[0], 2 * a, a - 1, a @ b)
y = torch.ones(2, requires_grad=True)
z = (a.as_subclass(LoggingTensor) * y).sum()
print(type(z).__name__)
print(x, SubTensor([[1.0, 2]]), repr(SubTensor([1.0, 2]).requires_grad_()), y.as_subclass(SubTensor))
print(
    torch.overrides.has_torch_function((a,)),
    torch.overrides.has_torch_function((b,)),
    torch.overrides.is_tensor_like(d),
    torch.overrides.is_tensor_like(3),
)


class P2(torch.nn.Parameter):
    pass


p = P2(torch.ones(2))
print(p, type(p + 1).__name__, isinstance(p, torch.nn.Parameter))
lin = torch.nn.Linear(2, 2)
lin.weight = P2(torch.ones(2, 2))
print(type(lin.weight).__name__, len(list(lin.parameters())))


class T3(torch.Tensor):
    def __new__(cls, x, tag=None):
        r = super().__new__(cls, x)
        r.tag = tag
        return r

    def __init__(self, x, tag=None):
        super().__init__()

    def clone(self, *a, **k):
        return T3(super().clone(*a, **k), self.tag)

    def to(self, *a, **k):
        n = T3([], self.tag)
        n.data = super().to(*a, **k).data
        return n


q = T3(torch.ones(2), "hi")
print(
    q,
    q.tag,
    type(q.clone()).__name__,
    q.clone().tag,
    type(q.to(torch.float64)).__name__,
    type(q.mean()).__name__,
    getattr(q * 2, "tag", None),
)
import copy

print(
    type(copy.deepcopy(q)).__name__ if 0 else "",
    type(torch.stack([q, q])).__name__,
    type(torch.max(q.view(1, 2), 1)),
    type(torch.max(q.view(1, 2), 1)[0]).__name__,
)
for r in q:
    print(type(r).__name__)
print(
    type(torch.nn.functional.relu(q)).__name__,
    type(lin(q)).__name__,
    isinstance(q, torch.Tensor),
    type(q.data).__name__,
    type(q.detach()).__name__,
)


class CountMode(torch.overrides.TorchFunctionMode):
    def __init__(self):
        super().__init__()
        self.n = {}

    def __torch_function__(self, func, types, args=(), kwargs=None):
        name = torch.overrides.resolve_name(func) or str(func)
        self.n[name] = self.n.get(name, 0) + 1
        return func(*args, **(kwargs or {}))


with CountMode() as c:
    h = torch.relu(lin(torch.ones(3, 2)))
    (h**2).mean().backward()
print(c.n)


class Rewrite(torch.overrides.TorchFunctionMode):
    def __torch_function__(self, func, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        if func is torch.add or func is torch.Tensor.add:
            return torch.mul(*args, **kwargs)
        return func(*args, **kwargs)


with Rewrite():
    print(torch.add(torch.tensor(3.0), torch.tensor(4.0)), torch.tensor(3.0) + torch.tensor(5.0), 2 + torch.tensor(3.0))
with torch._C.DisableTorchFunctionSubclass():
    print(type(q + 1).__name__, type(q).__name__)

g = torch.ones(2, requires_grad=True)
w = (g.as_subclass(SubTensor) ** 2).sum()
w.backward()
print(w, g.grad, type(g.grad).__name__)
m = torch.max(q.view(1, 2), 1)
print(type(m), type(m.values).__name__)


class Model(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = torch.nn.Conv2d(1, 2, 1)
        self.fc = torch.nn.Linear(8, 2)
        self.drop = torch.nn.Dropout(0.5)

    def forward(self, x):
        return self.fc(self.drop(torch.relu(self.conv(x))).flatten(1))


model = Model().eval()


class Names(torch.overrides.TorchFunctionMode):
    def __torch_function__(self, func, types, args=(), kwargs=None):
        print(torch.overrides.resolve_name(func))
        return func(*args, **(kwargs or {}))


im = torch.ones(1, 1, 2, 2)
with Names():
    out = model(im)
print(type(model(im.as_subclass(SubTensor))).__name__)
