"""What layers do beyond the stored references: invariants, and how they fit together."""

from __future__ import annotations

import pytest

import autograd
import nn
from autograd import ones, tensor


def test_output_size_chooses_the_padding():
    down, up = nn.Conv1d(1, 1, 3, stride=2, padding=1), nn.ConvTranspose1d(1, 1, 3, stride=2, padding=1)
    for n in (7, 8):
        x = ones(1, 1, n)
        assert up(down(x), output_size=x.shape).shape == x.shape
        assert up(down(x), output_size=[n]).shape == x.shape


def test_adaptive_softmax_is_a_distribution():
    layer = nn.AdaptiveLogSoftmaxWithLoss(6, 10, [3, 6], 2.0)
    x = autograd.rand(4, 6)
    log_prob = layer.log_prob(x)
    assert log_prob.exp().sum(1).tolist() == pytest.approx([1, 1, 1, 1], abs=1e-6)
    target = tensor([0, 4, 9, 2])
    output, loss = layer(x, target)
    assert output.tolist() == pytest.approx(log_prob.gather(1, target.unsqueeze(1)).squeeze(1).tolist(), abs=1e-6)
    assert loss.item() == pytest.approx(-output.mean().item())
    assert layer.predict(x).tolist() == log_prob.argmax(1).tolist()
    single, _ = layer(x[1], target[1])
    assert single.shape == ()
    layer.reset_parameters()


def test_bags_scale_gradients_by_frequency():
    """A row that was looked up n times gets 1/n of its gradient. (PyTorch 2.13 divides by other rows' counts here.)"""
    bag = nn.EmbeddingBag(5, 3, mode="sum", scale_grad_by_freq=True)
    assert repr(bag) == "EmbeddingBag(5, 3, scale_grad_by_freq=True, mode='sum')"
    bag(tensor([[1, 2, 2, 4], [3, 2, 1, 0]])).sum().backward()
    assert bag.weight.grad.tolist() == [[1.0] * 3] * 5


def test_fractional_pooling_draws_its_places():
    x = autograd.rand(1, 1, 9, 10, 11)
    pool, found = nn.FractionalMaxPool3d(2, 4, return_indices=True), []
    for seed in (1, 1, 2):
        autograd.manual_seed(seed)
        values, places = pool(x)
        assert (x.flatten()[places.flatten()] == values.flatten()).all()
        found.append(values.tolist())
    assert found[0] == found[1] != found[2]


def test_fractional_pooling_takes_samples_for_a_larger_batch():
    x, samples = autograd.rand(4, 6, 6, 6), autograd.rand(2, 4, 3)
    pool = nn.functional.fractional_max_pool3d
    single = pool(x, 2, output_size=2, _random_samples=samples)
    assert single.tolist() == pool(x.unsqueeze(0), 2, output_size=2, _random_samples=samples[:1])[0].tolist()
    for shape in ((1, 3, 3), (1, 4, 2), (4, 3)):
        with pytest.raises(RuntimeError, match=r"Expect _random_samples of shape \(1 or more, 4, 3\), got"):
            pool(x, 2, output_size=2, _random_samples=autograd.rand(*shape))


def test_subsequent_mask():
    mask = nn.Transformer.generate_square_subsequent_mask(3)
    assert mask.tolist() == [[0, -float("inf"), -float("inf")], [0, 0, -float("inf")], [0, 0, 0]]


def test_a_transformer_layer_is_changed_by_its_blocks():
    """PyTorch's names for the parts, which subclasses override to see the weights of attention."""

    class Watched(nn.TransformerDecoderLayer):
        def _sa_block(self, x, attn_mask, key_padding_mask, is_causal=False):
            x, self.own = self.self_attn(x, x, x, attn_mask=attn_mask, key_padding_mask=key_padding_mask)
            return self.dropout1(x)

        def _mha_block(self, x, mem, attn_mask, key_padding_mask, is_causal=False):
            x, self.other = self.multihead_attn(x, mem, mem, attn_mask=attn_mask, key_padding_mask=key_padding_mask)
            return self.dropout2(x)

        def _ff_block(self, x):
            self.fed = x
            return super()._ff_block(x)

    plain, layer = nn.TransformerDecoderLayer(8, 2, 16, 0.0), Watched(8, 2, 16, 0.0)
    layer.load_state_dict(plain.state_dict())
    x, memory = autograd.rand(3, 2, 8), autograd.rand(5, 2, 8)
    assert autograd.allclose(layer(x, memory), plain(x, memory), atol=1e-6)
    assert [layer.own.shape, layer.other.shape, layer.fed.shape] == [(2, 3, 3), (2, 3, 5), (3, 2, 8)]
    marks = [nn.TransformerEncoderLayer(4, 2, 8, activation=a).activation_relu_or_gelu for a in ("relu", "gelu", abs)]
    assert marks == [1, 2, 0]


def test_causal_attention_does_not_look_ahead():
    layer = nn.TransformerEncoderLayer(8, 2, 16, 0.0, batch_first=True)
    mask = nn.Transformer.generate_square_subsequent_mask(5)
    x = autograd.rand(1, 5, 8, requires_grad=True)
    layer(x, src_mask=mask, is_causal=True)[0, 2, 0].backward()
    moved = (x.grad.numpy()[0] != 0).any(1)
    assert moved.tolist() == [True, True, True, False, False]


def test_packed_sequences_ignore_the_padding():
    net = nn.LSTM(3, 4, bidirectional=True)
    rows = [autograd.rand(n, 3) for n in (2, 5, 3)]
    packed = nn.utils.rnn.pack_sequence(rows, enforce_sorted=False)
    out, (h, c) = net(packed)
    for i, (row, got) in enumerate(zip(rows, nn.utils.rnn.unpack_sequence(out), strict=True)):
        alone, (h1, c1) = net(row)
        assert abs(alone - got).max().item() < 1e-6
        assert abs(h[:, i] - h1).max().item() < 1e-6
        assert abs(c[:, i] - c1).max().item() < 1e-6


def test_cells_make_the_sequence():
    net, cell = nn.GRU(3, 4), nn.GRUCell(3, 4)
    cell.load_state_dict({k.removesuffix("_l0"): v for k, v in net.state_dict().items()})
    x = autograd.rand(5, 2, 3)
    out, last = net(x)
    h = None
    for t in range(5):
        h = cell(x[t], h)
        assert abs(out[t] - h).max().item() < 1e-6
    assert abs(last[0] - h).max().item() < 1e-6
    assert net.all_weights[0][0] is net.weight_ih_l0
    net.flatten_parameters()


def test_dropout_between_recurrent_layers_only():
    net = nn.LSTM(3, 4, 2, dropout=1.0)  # all of the lower layer's outputs are dropped, none of the upper's
    x = autograd.rand(5, 2, 3)
    assert (net(x)[0] != 0).all()
    assert (net(x)[0] == net(x * 2)[0]).all()
    net.eval()
    assert not (net(x)[0] == net(x * 2)[0]).all()


@pytest.mark.parametrize(("layer", "axes"), [(nn.Dropout1d, 1), (nn.Dropout2d, 2), (nn.Dropout3d, 3)])
def test_channels_are_dropped_as_a_whole(layer, axes):
    autograd.manual_seed(0)
    out = layer(0.25)(ones(40, 50, *(2,) * axes)).flatten(2)
    assert (out == out[:, :, :1]).all()
    kept = (out[:, :, 0] != 0).double().mean().item()
    assert kept == pytest.approx(0.75, abs=0.03)
    assert out.max().item() == pytest.approx(4 / 3)


def test_dropout_frequency_and_scale():
    autograd.manual_seed(0)
    out = nn.Dropout(0.2)(ones(200, 200))
    assert (out == 0).double().mean().item() == pytest.approx(0.2, abs=0.01)
    assert out.max().item() == pytest.approx(1.25)
    x = autograd.randn(300, 300).double()
    for layer in (nn.AlphaDropout(0.3), nn.FeatureAlphaDropout(0.3)):
        dropped = layer(nn.functional.selu(x))
        assert dropped.mean().item() == pytest.approx(0, abs=0.02)
        assert dropped.std().item() == pytest.approx(1, abs=0.02)
    slopes = nn.RReLU(0.2, 0.6)(-ones(300, 300)).neg()
    assert slopes.min().item() >= 0.2
    assert slopes.max().item() <= 0.6
    assert slopes.mean().item() == pytest.approx(0.4, abs=0.01)


def test_fractional_pooling_of_an_empty_batch():
    values, places = nn.FractionalMaxPool2d(2, 2, return_indices=True)(autograd.zeros(0, 3, 4, 4))
    assert [values.shape, places.shape] == [(0, 3, 2, 2)] * 2
    assert places.dtype is autograd.int64


def test_a_model_in_bfloat16():
    pytest.importorskip("ml_dtypes")
    model = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.ReLU(), nn.Linear(4, 1)).bfloat16()
    assert {p.dtype for p in model.parameters()} == {autograd.bfloat16}
    assert model[1].num_batches_tracked.dtype is autograd.int64
    out = model(autograd.rand(5, 3).bfloat16())
    out.mean().backward()
    assert out.dtype is autograd.bfloat16
    assert {p.grad.dtype for p in model.parameters()} == {autograd.bfloat16}
