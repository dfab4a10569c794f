"""nn.utils: clipping, vectors of parameters, norms of weights, parametrisations, stateless calls, sequences."""

from __future__ import annotations

import copy
import math
import pickle

import numpy as np
import pytest

import autograd
import nn
from autograd import tensor
from nn.utils import parametrizations, parametrize, rnn, stateless


def with_grads(*grads):
    found = []
    for g in grads:
        p = nn.Parameter(autograd.zeros(np.shape(g)))
        p.grad = None if g is None else tensor(g)
        found.append(p)
    return found


# ------------------------------------------------------------------ clipping


@pytest.mark.parametrize(
    ("order", "norm"), [(2, 13.0), (1, 19.0), (math.inf, 12.0), (3.0, (27 + 64 + 1728) ** (1 / 3))]
)
def test_clip_grad_norm(order, norm):
    params = with_grads([3.0, -4.0], [[12.0]])
    assert nn.utils.clip_grad_norm_(params, 1.0, norm_type=order).item() == pytest.approx(norm, rel=1e-6)
    total = nn.utils.get_total_norm([p.grad for p in params], order).item()
    assert total == pytest.approx(1.0, rel=1e-5)


def test_clip_leaves_small_gradients_alone():
    (p,) = with_grads([0.3, 0.4])
    grad = p.grad
    assert nn.utils.clip_grad_norm_(p, 1.0).item() == pytest.approx(0.5)
    assert p.grad is grad
    assert grad.tolist() == pytest.approx([0.3, 0.4])


def test_clip_counts_empty_gradients_as_nothing():
    params = with_grads([3.0, 4.0], np.zeros((0, 2), np.float32))
    assert nn.utils.clip_grad_norm_(params, 1.0).item() == pytest.approx(5)


def test_clip_skips_parameters_without_gradients():
    p = nn.Parameter(autograd.zeros(2))
    assert nn.utils.clip_grad_norm_([p], 1.0).item() == 0
    nn.utils.clip_grad_value_([p], 1.0)
    assert p.grad is None


def test_clip_grad_value():
    params = with_grads([3.0, -4.0, 0.5])
    nn.utils.clip_grad_value_(params, 1)
    assert params[0].grad.tolist() == [1.0, -1.0, 0.5]


def test_clip_refuses_and_warns():
    params = with_grads([float("nan")])
    with pytest.raises(
        RuntimeError, match=r"The total norm of order 2.0 for gradients from `parameters` is non-finite"
    ):
        nn.utils.clip_grad_norm_(params, 1.0, error_if_nonfinite=True)
    with pytest.warns(UserWarning, match="`parameters` is an empty generator, no gradient clipping will occur"):
        nn.utils.clip_grad_norm_([], 1.0)
    with pytest.warns(FutureWarning, match="Use `clip_grad_norm_` instead"):
        nn.utils.clip_grad_norm(with_grads([1.0]), 1.0)


# ------------------------------------------------------------------ vectors of parameters


def test_vector_round_trip():
    net = nn.Sequential(nn.Linear(2, 3), nn.Linear(3, 1))
    vector = nn.utils.parameters_to_vector(net.parameters())
    assert vector.shape == (13,)
    other = copy.deepcopy(net)
    nn.utils.vector_to_parameters(vector.detach() * 2, other.parameters())
    for a, b in zip(net.parameters(), other.parameters(), strict=True):
        np.testing.assert_array_equal(2 * a.detach().numpy(), b.detach().numpy())
    vector.sum().backward()
    assert net[0].bias.grad.tolist() == [1, 1, 1]


def test_vector_refuses():
    net = nn.Linear(2, 3)
    before = net.weight.detach().clone()
    with pytest.raises(TypeError, match="expected Tensor, but got: list"):
        nn.utils.vector_to_parameters([1], net.parameters())
    for n in (8, 10):
        with pytest.raises(RuntimeError, match=f"invalid for input of size {n}: the parameters have 9 elements"):
            nn.utils.vector_to_parameters(autograd.zeros(n), net.parameters())
    assert (net.weight == before).all()


# ------------------------------------------------------------------ parametrisations


class Symmetric(nn.Module):
    def forward(self, x):
        return x.triu() + x.triu(1).transpose(-1, -2)


class Doubled(nn.Module):
    def forward(self, x):
        return x * 2

    def right_inverse(self, x):
        return x / 2


def test_parametrized_tensor_is_computed_from_its_original():
    net = nn.Linear(3, 3)
    weight = net.weight
    assert parametrize.register_parametrization(net, "weight", Symmetric()) is net
    assert type(net).__name__ == "ParametrizedLinear"
    assert isinstance(net, nn.Linear)
    assert net.parametrizations.weight.original is weight
    assert (net.weight == net.weight.T).all()
    assert "weight" not in net._parameters
    assert [n for n, _ in net.named_parameters()] == ["bias", "parametrizations.weight.original"]
    net(autograd.ones(1, 3)).sum().backward()
    assert weight.grad is not None
    assert parametrize.is_parametrized(net)
    assert parametrize.is_parametrized(net, "weight")
    assert not parametrize.is_parametrized(net, "bias")
    assert parametrize.type_before_parametrizations(net) is nn.Linear
    assert "(parametrizations): ModuleDict(" in repr(net)


def test_parametrizations_chain_and_assign():
    net = nn.Linear(2, 2)
    before = net.weight.detach().clone()
    parametrize.register_parametrization(net, "weight", Doubled())
    assert (net.weight == before).all()  # its right inverse gave the original
    parametrize.register_parametrization(net, "weight", Doubled())
    assert np.allclose(net.weight.detach().numpy(), 2 * before.numpy())  # as in PyTorch: the originals stay
    net.weight = autograd.ones(2, 2)
    assert net.parametrizations.weight.original.tolist() == [[0.25, 0.25], [0.25, 0.25]]
    with parametrize.cached():
        assert net.weight is net.weight
    assert net.weight is not net.weight
    twin = copy.deepcopy(net)
    twin.parametrizations.weight.original.data.fill_(1.0)
    assert twin.weight.tolist() == [[4, 4], [4, 4]]
    assert net.weight.tolist() == [[1, 1], [1, 1]]
    parametrize.remove_parametrizations(net, "weight")
    assert type(net) is nn.Linear
    assert net.weight.tolist() == [[1, 1], [1, 1]]
    assert parametrize.type_before_parametrizations(net) is nn.Linear


class Shifted(nn.Module):
    def forward(self, x):
        return x + 1

    def right_inverse(self, x):
        return x - 1


def test_inverses_run_from_the_last_to_the_first():
    net = nn.Linear(1, 1)
    parametrize.register_parametrization(net, "weight", Doubled())
    parametrize.register_parametrization(net, "weight", Shifted())
    net.weight = autograd.full((1, 1), 7.0)
    assert net.parametrizations.weight.original.item() == 3
    assert net.weight.item() == 7


def test_a_second_one_without_an_inverse():
    net = nn.Linear(3, 3)
    parametrize.register_parametrization(net, "weight", Doubled())
    parametrize.register_parametrization(net, "weight", Symmetric())
    assert (net.weight == net.weight.T).all()


def test_removing_may_leave_the_original():
    net = nn.Linear(3, 3)
    weight = net.weight
    parametrize.register_parametrization(net, "weight", Symmetric())
    parametrize.remove_parametrizations(net, "weight", leave_parametrized=False)
    assert net.weight is weight


def test_buffers_can_be_parametrized():
    net = nn.BatchNorm1d(2)
    parametrize.register_parametrization(net, "running_mean", Doubled())
    assert "parametrizations.running_mean.original" in net.state_dict()
    parametrize.remove_parametrizations(net, "running_mean")
    assert "running_mean" in net._buffers


def test_parametrization_refusals():
    class First(nn.Module):
        def forward(self, x):
            return x[0]

    class Wide(nn.Module):
        def forward(self, x):
            return x.double()

    class Texts(nn.Module):
        def forward(self, x):
            return "x"

    class Inverse(nn.Module):
        def forward(self, x):
            return x

        def right_inverse(self, x):
            return 3

    def register(module, name="weight"):
        return parametrize.register_parametrization(nn.Linear(2, 3), name, module)

    with pytest.raises(
        ValueError, match="does not have a parameter, a buffer, or a parametrized element with name 'nope'"
    ):
        register(Symmetric(), "nope")
    with pytest.raises(ValueError, match="may not change the shape of the tensor"):
        register(First())
    with pytest.raises(ValueError, match="may not change the dtype of the tensor"):
        register(Wide())
    with pytest.raises(ValueError, match=r"A parametrization must return a tensor. Got str"):
        register(Texts())
    with pytest.raises(ValueError, match="'right_inverse' must return a Tensor or a Sequence of tensors"):
        register(Inverse())
    with pytest.raises(ValueError, match="does not have a parametrization on bias"):
        parametrize.remove_parametrizations(nn.Linear(1, 1), "bias")
    with pytest.raises(ValueError, match="requires one or more modules"):
        parametrize.ParametrizationList([], autograd.zeros(1))
    net = register(Doubled())
    with pytest.raises(ValueError, match="may not change the shape or dtype of the tensor"):
        parametrize.register_parametrization(net, "weight", First())
    with pytest.raises(
        RuntimeError, match="Serialization of parametrized modules is only supported through state_dict"
    ):
        pickle.dumps(net)
    with pytest.raises(ValueError, match=r"right_inverse: expected shape \(3, 2\), got \(1,\)"):
        net.weight = autograd.zeros(1)
    both = parametrizations.weight_norm(nn.Linear(2, 3))
    with pytest.raises(ValueError, match="parametrized in terms of a sequence of tensors"):
        parametrize.remove_parametrizations(both, "weight", leave_parametrized=False)


def test_parametrized_state_loads():
    a = parametrizations.weight_norm(nn.Linear(2, 3))
    b = parametrizations.weight_norm(nn.Linear(2, 3))
    assert list(a.state_dict()) == ["bias", "parametrizations.weight.original0", "parametrizations.weight.original1"]
    b.load_state_dict(a.state_dict())
    assert (a.weight == b.weight).all()


@pytest.mark.parametrize("dim", [0, 1, -1, None])
def test_weight_norm_starts_at_the_weight(dim):
    net = nn.Linear(2, 3)
    before = net.weight.detach().clone()
    parametrizations.weight_norm(net, dim=dim)
    np.testing.assert_allclose(net.weight.detach().numpy(), before.numpy(), rtol=1e-6)
    g, v = net.parametrizations.weight.original0, net.parametrizations.weight.original1
    assert g.shape == {0: (3, 1), 1: (1, 2), -1: (), None: ()}[dim]
    net.weight.sum().backward()
    radial = (v.grad * v).sum() if dim in (-1, None) else (v.grad * v).sum(1 - dim)
    assert abs(radial.detach().numpy()).max() < 1e-6  # the direction's gradient is orthogonal to it
    assert g.grad.shape == g.shape


def test_spectral_norm_divides_by_the_largest_singular_value():
    autograd.manual_seed(0)
    net = parametrizations.spectral_norm(nn.Linear(4, 6).double(), n_power_iterations=20)
    for _ in range(20):
        net(autograd.ones(1, 4, dtype=autograd.float64))
    assert np.linalg.norm(net.weight.detach().numpy(), 2) == pytest.approx(1, abs=1e-9)
    net.eval()
    fixed = net.weight.tolist()
    assert net.weight.tolist() == fixed
    net(autograd.ones(1, 4, dtype=autograd.float64)).sum().backward()
    assert net.parametrizations.weight.original.grad is not None
    assert list(net.state_dict())[1:] == [f"parametrizations.weight.{k}" for k in ("original", "0._u", "0._v")]
    vector = parametrizations.spectral_norm(nn.Linear(2, 3), "bias")
    assert np.linalg.norm(vector.bias.detach().numpy()) == pytest.approx(1, abs=1e-6)
    conv = parametrizations.spectral_norm(nn.ConvTranspose2d(2, 3, 2))
    assert conv.parametrizations.weight[0].dim == 1
    with pytest.raises(ValueError, match="Expected n_power_iterations to be positive, but got n_power_iterations=0"):
        parametrizations.spectral_norm(nn.Linear(2, 2), n_power_iterations=0)
    with pytest.raises(ValueError, match="has no parameter or buffer with name 'nope'"):
        parametrizations.spectral_norm(nn.Linear(2, 2), "nope")


@pytest.mark.parametrize("kind", ["matrix_exp", "cayley", "householder"])
@pytest.mark.parametrize("shape", [(4, 4), (3, 5), (5, 3)])
@pytest.mark.parametrize("trivialize", [True, False])
def test_orthogonal_stays_orthogonal(kind, shape, trivialize):
    autograd.manual_seed(0)
    net = nn.Linear(shape[1], shape[0], bias=False).double()
    parametrizations.orthogonal(net, orthogonal_map=kind, use_trivialization=trivialize)
    optimizer = nn.optim.SGD(net.parameters(), lr=0.1)
    x, y = autograd.rand(8, shape[1]).double(), autograd.rand(8, shape[0]).double()
    first = None
    for _ in range(10):
        loss = ((net(x) - y) ** 2).mean()
        first = first or loss.item()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    w = net.weight.detach().numpy()
    gram = w @ w.T if shape[0] <= shape[1] else w.T @ w
    np.testing.assert_allclose(gram, np.eye(len(gram)), atol=1e-9)
    assert loss.item() < first


def test_orthogonal_keeps_an_orthogonal_start():
    net = nn.Linear(4, 4, bias=False).double()
    nn.init.orthogonal_(net.weight)
    before = net.weight.detach().numpy().copy()
    parametrizations.orthogonal(net)
    np.testing.assert_allclose(net.weight.detach().numpy(), before, atol=1e-12)
    with pytest.raises(ValueError, match="Expected a matrix or batch of matrices"):
        parametrizations.orthogonal(nn.Linear(2, 2), "bias")
    with pytest.raises(ValueError, match="orthogonal_map has to be one of"):
        parametrizations.orthogonal(nn.Linear(2, 2), orthogonal_map="q")
    with pytest.raises(ValueError, match=r"of shape \(4, 4\). Got a tensor of shape \(1,\)"):
        net.weight = autograd.zeros(1)
    free = parametrizations.orthogonal(nn.Linear(2, 2), use_trivialization=False)
    with pytest.raises(NotImplementedError, match="without trivialization there is no inverse"):
        free.parametrizations.weight[0].right_inverse(autograd.eye(2))


# ------------------------------------------------------------------ the hooks of older programs


def test_weight_norm_by_a_hook():
    net = nn.Linear(2, 3)
    before = net.weight.detach().clone()
    with pytest.warns(FutureWarning, match="is deprecated in favor of `nn.utils.parametrizations.weight_norm`"):
        nn.utils.weight_norm(net)
    assert list(net.state_dict()) == ["bias", "weight_g", "weight_v"]
    np.testing.assert_allclose(net.weight.detach().numpy(), before.numpy(), rtol=1e-6)
    net(autograd.ones(1, 2)).sum().backward()
    assert net.weight_g.grad.shape == (3, 1)
    with pytest.warns(FutureWarning), pytest.raises(RuntimeError, match="Cannot register two weight_norm hooks"):
        nn.utils.weight_norm(net)
    nn.utils.remove_weight_norm(net)
    assert list(net.state_dict()) == ["bias", "weight"]
    with pytest.raises(ValueError, match="weight_norm of 'weight' not found"):
        nn.utils.remove_weight_norm(net)


def test_spectral_norm_by_a_hook():
    net = nn.utils.spectral_norm(nn.Linear(4, 3), n_power_iterations=50)
    assert list(net.state_dict()) == ["bias", "weight_orig", "weight_u", "weight_v"]
    net(autograd.ones(1, 4)).sum().backward()
    assert np.linalg.norm(net.weight.detach().numpy(), 2) == pytest.approx(1, abs=1e-4)
    assert net.weight_orig.grad is not None
    with pytest.raises(RuntimeError, match="Cannot register two spectral_norm hooks"):
        nn.utils.spectral_norm(net)
    with pytest.raises(ValueError, match="Expected n_power_iterations to be positive"):
        nn.utils.spectral_norm(nn.Linear(1, 1), n_power_iterations=0)
    nn.utils.remove_spectral_norm(net)
    assert list(net.state_dict()) == ["bias", "weight"]
    with pytest.raises(ValueError, match="spectral_norm of 'weight' not found"):
        nn.utils.remove_spectral_norm(net)


# ------------------------------------------------------------------ stateless calls


def test_functional_call():
    net = nn.Sequential(nn.Linear(2, 1), nn.BatchNorm1d(1)).eval()
    own = net[0].weight
    given = {"0.weight": autograd.ones(1, 2, requires_grad=True), "1.running_mean": autograd.full((1,), 3.0)}
    out = stateless.functional_call(net, given, autograd.ones(1, 2))
    out.sum().backward()
    assert given["0.weight"].grad is not None
    assert own.grad is None
    assert net[0].weight is own
    assert net[1].running_mean.item() == 0
    first = {"0.weight": given["0.weight"]}
    again = stateless.functional_call(net, (first, {"1.running_mean": given["1.running_mean"]}), (autograd.ones(1, 2),))
    assert again.tolist() == out.tolist()


def test_functional_call_restores_after_an_error():
    net = nn.Linear(2, 1)
    own = net.weight
    with pytest.raises(RuntimeError):
        stateless.functional_call(net, {"weight": autograd.ones(1, 7)}, autograd.ones(1, 2))
    assert net.weight is own


def test_functional_call_ties():
    class Tied(nn.Module):
        def __init__(self):
            super().__init__()
            self.a = nn.Parameter(autograd.ones(()))
            self.b = self.a

        def forward(self, *, k=1):
            return (self.a + self.b) * k

    net = Tied()
    assert stateless.functional_call(net, {"a": tensor(5.0)}, kwargs={"k": 2}).item() == 20
    assert stateless.functional_call(net, {"a": tensor(5.0)}, tie_weights=False).item() == 6
    with pytest.raises(ValueError, match="got two different values for 'b' and a path tied to it"):
        stateless.functional_call(net, {"a": tensor(5.0), "b": tensor(6.0)})


def test_functional_call_refusals():
    net = nn.Linear(2, 1)
    with pytest.raises(RuntimeError, match=r"Unexpected key\(s\): 'weigh'.\n\tMissing key\(s\): 'bias', 'weight'."):
        stateless.functional_call(net, {"weigh": 1}, autograd.ones(2), strict=True)
    with pytest.raises(ValueError, match=r"\['weight'\] appeared in multiple dictionaries"):
        stateless.functional_call(net, ({"weight": 1}, {"weight": 2}), autograd.ones(2))
    with pytest.raises(ValueError, match="to be dictionaries"):
        stateless.functional_call(net, 3, autograd.ones(2))


def test_gradients_through_replaced_parameters():
    """One step of gradient descent as a function of the learning rate, differentiated."""
    net = nn.Linear(1, 1, bias=False).double()
    rate = tensor(0.1, dtype=autograd.float64, requires_grad=True)
    w, x = net.weight, autograd.ones(1, 1, dtype=autograd.float64)
    (g,) = autograd.grad((net(x) - 3).square().sum(), w, create_graph=True)
    loss = (stateless.functional_call(net, {"weight": w - rate * g}, x) - 3).square().sum()
    loss.backward()
    e = w.item() - 3
    assert rate.grad.item() == pytest.approx(2 * (e - 0.1 * 2 * e) * (-2 * e))


# ------------------------------------------------------------------ sequences


def test_padding_and_unpadding():
    rows = [tensor([1.0, 2.0, 3.0]), tensor([4.0])]
    padded = rnn.pad_sequence(rows, batch_first=True, padding_value=9.0)
    assert padded.tolist() == [[1, 2, 3], [4, 9, 9]]
    assert rnn.pad_sequence(rows, padding_side="left").T.tolist() == [[1, 2, 3], [0, 0, 4]]
    back = rnn.unpad_sequence(padded, tensor([3, 1]), batch_first=True)
    assert [r.tolist() for r in back] == [[1, 2, 3], [4]]
    assert rnn.unpad_sequence(padded.T, tensor([3, 1]))[1].tolist() == [4]


@pytest.mark.parametrize("batch_first", [False, True])
def test_packing_round_trip(batch_first):
    x = autograd.rand(4, 3, 2)  # (T, B, F)
    lengths = [2, 4, 1]
    given = x.transpose(0, 1) if batch_first else x
    packed = rnn.pack_padded_sequence(given, tensor(lengths), batch_first, enforce_sorted=False)
    assert packed.batch_sizes.tolist() == [3, 2, 1, 1]
    assert packed.sorted_indices.tolist() == [1, 0, 2]
    assert packed.data.shape == (7, 2)
    padded, sizes = rnn.pad_packed_sequence(packed, batch_first, padding_value=-1, total_length=5)
    assert sizes.tolist() == lengths
    padded = padded.transpose(0, 1) if batch_first else padded
    for b, n in enumerate(lengths):
        assert padded[:n, b].tolist() == x[:n, b].tolist()
        assert (padded[n:, b] == -1).all()
    assert packed.double().data.dtype == autograd.float64
    assert rnn.PackedSequence((packed.data, packed.batch_sizes)).double().float().data.dtype == autograd.float32
    assert packed.cpu() is packed
    assert not packed.is_cuda


def test_packing_passes_gradients():
    x = autograd.rand(3, 2, requires_grad=True)
    padded, _ = rnn.pad_packed_sequence(rnn.pack_padded_sequence(x, [3, 1]))
    padded.sum().backward()
    assert x.grad.tolist() == [[1, 1], [1, 0], [1, 0]]


@pytest.mark.parametrize(
    ("act", "error", "text"),
    [
        (
            lambda x: rnn.pack_padded_sequence(x, [1, 2]),
            RuntimeError,
            "must be sorted in decreasing order when `enforce_sorted`",
        ),
        (lambda x: rnn.pack_padded_sequence(x, [1, 0]), RuntimeError, "has to be greater than 0"),
        (
            lambda x: rnn.pack_padded_sequence(x, [1]),
            RuntimeError,
            "Expected `len.lengths.` to be equal to batch_size, but got 1",
        ),
        (lambda x: rnn.pack_padded_sequence(x, [9, 1]), RuntimeError, "a length of 9 exceeds the 3 steps"),
        (lambda x: rnn.pack_padded_sequence(x, [1.5, 1]), TypeError, "should be a 1-D sequence of integers"),
        (lambda x: rnn.pack_padded_sequence(x[:, :0], np.zeros(0, int)), RuntimeError, "Cannot pack empty tensors"),
        (lambda x: rnn.pad_sequence([]), RuntimeError, "received an empty list of sequences"),
        (
            lambda x: rnn.pad_sequence([x], padding_side="top"),
            RuntimeError,
            "padding_side should be one of 'left' or 'right'",
        ),
        (
            lambda x: rnn.pad_packed_sequence(rnn.pack_padded_sequence(x, [3, 1]), total_length=2),
            ValueError,
            "at least the length",
        ),
    ],
)
def test_sequence_refusals(act, error, text):
    with pytest.raises(error, match=text):
        act(autograd.rand(3, 2))


def test_skip_init():
    assert nn.utils.skip_init(nn.Linear, 2, 3).weight.shape == (3, 2)
    with pytest.raises(RuntimeError, match="Expected a Module; got <class 'int'>"):
        nn.utils.skip_init(int)
    with pytest.raises(RuntimeError, match="must support a 'device' arg"):
        nn.utils.skip_init(nn.ReLU)


# ------------------------------------------------------------------ moving parametrisations


def test_parametrizations_move_to_another_module():
    source, target = nn.Linear(3, 3), nn.Linear(3, 3)
    assert parametrize.transfer_parametrizations_and_params(source, target) is target
    assert not parametrize.is_parametrized(target)
    parametrize.register_parametrization(source, "weight", Symmetric())
    parametrize.register_parametrization(source, "bias", Doubled())
    parametrize.transfer_parametrizations_and_params(source, target, "weight")
    assert not parametrize.is_parametrized(target, "bias")
    assert target.parametrizations.weight.original is source.parametrizations.weight.original
    assert target.weight.tolist() == source.weight.tolist()
    with pytest.raises(KeyError, match=r"no parametrization on 'gain', only on \['weight', 'bias'\]"):
        parametrize.transfer_parametrizations_and_params(source, target, "gain")


def test_parametrizations_of_several_originals_move_too():
    source, target = parametrizations.weight_norm(nn.Linear(3, 2)), nn.Linear(3, 2)
    parametrize.transfer_parametrizations_and_params(source, target)
    names = [name for name, _ in target.named_parameters()]
    assert names == ["bias", "parametrizations.weight.original0", "parametrizations.weight.original1"]
    assert autograd.allclose(target.weight, source.weight)


def test_values_cannot_be_assigned_without_an_inverse():
    layer = parametrize.register_parametrization(nn.Linear(2, 2), "weight", Doubled())
    parametrize.register_parametrization(layer, "weight", Symmetric())
    before = layer.weight.tolist()
    with pytest.raises(RuntimeError, match="parametrization Symmetric does not implement right_inverse"):
        layer.weight = autograd.eye(2)
    assert layer.weight.tolist() == before


def test_weight_norm_reads_the_older_names():
    with pytest.warns(FutureWarning, match="weight_norm"):
        old = nn.utils.weight_norm(nn.Linear(3, 2))
    new = parametrizations.weight_norm(nn.Linear(3, 2))
    nn.Sequential(new).load_state_dict(nn.Sequential(old).state_dict())
    assert autograd.allclose(new.weight, old.weight_v * (old.weight_g / old.weight_v.norm(dim=1, keepdim=True)))


# ------------------------------------------------------------------ fusion


def settled(norm):
    """A normalisation with statistics, gain and shift of its own, in evaluation."""
    with autograd.no_grad():
        for i, t in enumerate((norm.running_mean, norm.running_var, norm.weight, norm.bias)):
            if t is not None:
                t.copy_(autograd.rand(norm.num_features) + 0.2 * (i + 1))
    return norm.eval()


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("affine", [True, False])
def test_a_normalisation_is_folded_into_the_layer_before_it(bias, affine):
    conv, norm, x = (
        nn.Conv2d(2, 3, 3, bias=bias).eval(),
        settled(nn.BatchNorm2d(3, affine=affine)),
        autograd.rand(2, 2, 5, 5),
    )
    fused = nn.utils.fuse_conv_bn_eval(conv, norm)
    assert autograd.allclose(fused(x), norm(conv(x)), atol=1e-5)
    assert isinstance(fused.weight, nn.Parameter)
    assert fused.weight is not conv.weight
    linear, norm, x = nn.Linear(4, 3, bias=bias).eval(), settled(nn.BatchNorm1d(3, affine=affine)), autograd.rand(2, 4)
    assert autograd.allclose(nn.utils.fuse_linear_bn_eval(linear, norm)(x), norm(linear(x)), atol=1e-5)


def test_a_normalisation_is_folded_into_a_transposed_convolution():
    conv, norm, x = nn.ConvTranspose2d(2, 3, 3).eval(), settled(nn.BatchNorm2d(3)), autograd.rand(2, 2, 4, 4)
    assert autograd.allclose(nn.utils.fuse_conv_bn_eval(conv, norm, transpose=True)(x), norm(conv(x)), atol=1e-5)


def test_fusion_refuses():
    conv, norm = nn.Conv2d(2, 3, 3), nn.BatchNorm2d(3)
    with pytest.raises(AssertionError, match="Fusion only for eval"):
        nn.utils.fuse_conv_bn_eval(conv.eval(), norm)
    with pytest.raises(AssertionError, match="keeps none"):
        nn.utils.fuse_conv_bn_eval(conv, nn.BatchNorm2d(3, track_running_stats=False).eval())
    with pytest.raises(AssertionError, match="got 3 and 2"):
        nn.utils.fuse_linear_bn_eval(nn.Linear(2, 3).eval(), nn.BatchNorm1d(2).eval())
