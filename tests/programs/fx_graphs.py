"""torch.fx: tracing modules, printing and editing their graphs, interpreting and rewriting them."""

import operator, math
import torch, torch.nn as nn, torch.nn.functional as F
from torch import fx
from torch.fx import symbolic_trace, Tracer, Graph, GraphModule, Node, Proxy, Interpreter, Transformer, replace_pattern

torch.manual_seed(0)


class MyModule(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.param = torch.nn.Parameter(torch.rand(3, 4))
        self.linear = torch.nn.Linear(4, 5)

    def forward(self, x):
        return self.linear(x + self.param).clamp(min=0.0, max=1.0)


module = MyModule()
symbolic_traced = symbolic_trace(module)
print(symbolic_traced.graph)
print(symbolic_traced.code)
print(symbolic_traced)
x = torch.rand(3, 4)
print(
    torch.equal(symbolic_traced(x), module(x)), isinstance(symbolic_traced, nn.Module), type(symbolic_traced).__name__
)
for n in symbolic_traced.graph.nodes:
    print(
        n.op,
        n.name,
        n.target if isinstance(n.target, str) else n.target.__name__,
        n.args,
        n.kwargs,
        list(n.users),
        n.all_input_nodes,
    )


class M2(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(4, 4), nn.ReLU(), nn.Linear(4, 2))
        self.register_buffer("buf", torch.ones(2))
        self.conv = nn.Conv1d(1, 1, 1)

    def forward(self, x, y=None):
        a = self.layers(x)
        b = torch.relu(a) * 2 - 1
        c = torch.sum(b, dim=1) + a[:, 0] / 3.0
        d = torch.cat([a, b], dim=-1).view(-1, 4)
        e = F.relu(d) + self.buf.sum()
        s = x.shape[0]
        f = d.transpose(0, 1).reshape(4, s)
        return -c, {"d": e, "f": (f, s)}, self.buf + 1


g = symbolic_trace(M2())
print(g.graph)
print(g.code)
print([tuple(t.shape) if isinstance(t, torch.Tensor) else type(t) for t in g(torch.rand(3, 4))])


def transform(m, tracer_class=fx.Tracer):
    graph = tracer_class().trace(m)
    for node in graph.nodes:
        if node.op == "call_function" and node.target == torch.add:
            node.target = torch.mul
    graph.lint()
    return fx.GraphModule(m, graph)


class M(torch.nn.Module):
    def forward(self, x, y):
        return torch.add(x, y)


t = transform(M())
print(t.graph)
print(t(torch.tensor(3.0), torch.tensor(4.0)))


def f(x, w):
    return torch.relu(torch.matmul(x, w)).sum(-1).tanh()


tf = symbolic_trace(f)
print(tf.code)
print(torch.allclose(tf(torch.ones(2, 2), torch.ones(2, 2)), f(torch.ones(2, 2), torch.ones(2, 2))))
for node in tf.graph.nodes:
    if node.op == "call_function" and node.target is torch.relu:
        with tf.graph.inserting_after(node):
            new_node = tf.graph.call_function(torch.neg, args=(node,))
            node.replace_all_uses_with(new_node)
            new_node.args = (node,)
tf.recompile()
print(tf.code)
print(tf.graph)
tf.graph.erase_node(list(tf.graph.nodes)[-1]) if False else None
# building a graph by hand
graph = fx.Graph()
a = graph.placeholder("x")
b = graph.call_function(torch.sin, (a,))
c = graph.call_method("add", (b, 1))
d = graph.call_function(operator.mul, (c, c))
graph.output(d)
gm = fx.GraphModule(nn.Module(), graph)
print(gm.graph)
print(gm.code)
print(gm(torch.tensor(1.0)))
dead = fx.Graph()
p = dead.placeholder("x")
dead.call_function(torch.cos, (p,))
dead.output(p)
print(dead.eliminate_dead_code(), dead)


# control flow
class CF(nn.Module):
    def forward(self, x):
        if x.sum() > 0:
            return x
        return -x


try:
    symbolic_trace(CF())
except fx.proxy.TraceError as e:
    print("TraceError", e)


class Flag(nn.Module):
    def __init__(self, flag):
        super().__init__()
        self.flag = flag

    def forward(self, x):
        return torch.relu(x) if self.flag else x


print(symbolic_trace(Flag(True)).code, symbolic_trace(Flag(False)).code)


def pyt(x):
    for i in range(3):
        x = x * i
    assert x is not None
    return x + len([1, 2]) + math.sqrt(4)


print(symbolic_trace(pyt).code)


# wrap
def my_custom(x, y):
    return x * y if y > 0 else x


fx.wrap("my_custom")


def uses(x):
    return my_custom(x, 3) + 1


w = symbolic_trace(uses)
print(w.code)
print(w(torch.tensor(2.0)))


class Leafy(fx.Tracer):
    def is_leaf_module(self, m, qualname):
        return True


class Inner(nn.Module):
    def forward(self, x):
        return x * 2


class Outer(nn.Module):
    def __init__(self):
        super().__init__()
        self.inner = Inner()

    def forward(self, x):
        return self.inner(x) + 1


print(fx.GraphModule(Outer(), Leafy().trace(Outer())).code, symbolic_trace(Outer()).code)


# interpreter
class Shapes(Interpreter):
    def run_node(self, n):
        r = super().run_node(n)
        print(n.name, tuple(r.shape) if isinstance(r, torch.Tensor) else r)
        return r


print(Shapes(symbolic_traced).run(torch.rand(3, 4)).shape)


class Swap(Interpreter):
    def call_function(self, target, args, kwargs):
        if target == torch.sigmoid:
            return torch.neg(*args, **kwargs)
        return super().call_function(target, args, kwargs)

    def call_method(self, target, args, kwargs):
        if target == "neg":
            call_self, *rest = args
            return call_self.sigmoid(*rest, **kwargs)
        return super().call_method(target, args, kwargs)


def fn(x):
    return torch.sigmoid(x).neg()


inp = torch.randn(3, 4)
print(torch.allclose(Swap(symbolic_trace(fn)).run(inp), torch.neg(inp).sigmoid()))


class NegSig(Transformer):
    def call_function(self, target, args, kwargs):
        if target == torch.sigmoid:
            return torch.neg(*args, **kwargs)
        return super().call_function(target, args, kwargs)

    def call_method(self, target, args, kwargs):
        if target == "neg":
            call_self, *rest = args
            return call_self.sigmoid(*rest, **kwargs)
        return super().call_method(target, args, kwargs)


tr = NegSig(symbolic_trace(fn)).transform()
print(tr.code)
print(torch.allclose(tr(inp), torch.neg(inp).sigmoid()))


# replace pattern
class RP(nn.Module):
    def forward(self, x, w1, w2):
        m1 = torch.cat([w1, w2]).sum()
        m2 = torch.cat([w1, w2]).sum()
        return x + torch.max(m1) + torch.max(m2)


rp = symbolic_trace(RP())


def pattern(w1, w2):
    return torch.cat([w1, w2])


def replacement(w1, w2):
    return torch.stack([w1, w2])


print(len(replace_pattern(rp, pattern, replacement)))
print(rp.code)
# fuse conv and bn
from torch.nn.utils.fusion import fuse_conv_bn_eval


class CB(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 2, 1)
        self.bn1 = nn.BatchNorm2d(2)
        self.nested = nn.Sequential(nn.BatchNorm2d(2), nn.Conv2d(2, 1, 1))
        self.wrapped = nn.Sequential(nn.Conv2d(1, 1, 1), nn.BatchNorm2d(1))

    def forward(self, x):
        x = self.conv1(x)
        x = self.bn1(x)
        x = self.nested(x)
        return self.wrapped(x)


def _parent_name(target):
    *parent, name = target.rsplit(".", 1)
    return parent[0] if parent else "", name


def fuse(model):
    import copy

    model = copy.deepcopy(model)
    fxm = fx.symbolic_trace(model)
    modules = dict(fxm.named_modules())
    for node in fxm.graph.nodes:
        if node.op != "call_module":
            continue
        if (
            type(modules[node.target]) is nn.BatchNorm2d
            and type(modules.get(getattr(node.args[0], "target", None))) is nn.Conv2d
        ):
            if len(node.args[0].users) > 1:
                continue
            fused = fuse_conv_bn_eval(modules[node.args[0].target], modules[node.target])
            parent, name = _parent_name(node.args[0].target)
            modules[node.args[0].target] = fused
            setattr(modules[parent], name, fused)
            node.replace_all_uses_with(node.args[0])
            fxm.graph.erase_node(node)
    fxm.graph.lint()
    fxm.recompile()
    return fxm


cb = CB().eval()
fused = fuse(cb)
print(fused.code)
im = torch.rand(2, 1, 3, 3)
print(torch.allclose(cb(im), fused(im), atol=1e-5))
import copy

cp = copy.deepcopy(symbolic_traced)
print(torch.equal(cp(x), module(x)), len(cp.graph.nodes))
print([n for n, _ in symbolic_traced.named_parameters()])
