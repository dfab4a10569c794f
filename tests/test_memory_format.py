"""Memory formats: the strides PyTorch 2.13 reports, recorded, and numbers and gradients that do not depend on them."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest

import autograd
import nn
import nn.functional as F
from autograd import channels_last, contiguous_format, preserve_format

IMAGES = autograd.arange(120.0).reshape(2, 3, 4, 5)
LAST = IMAGES.contiguous(memory_format=channels_last)


def test_channels_last_is_another_order_of_the_same_numbers():
    assert LAST.shape == IMAGES.shape
    assert LAST.stride() == (60, 1, 15, 3)
    assert LAST.dim_order() == (0, 2, 3, 1)
    assert (LAST == IMAGES).all()
    assert LAST.is_contiguous(memory_format=channels_last)
    assert not LAST.is_contiguous()
    assert not IMAGES.is_contiguous(memory_format=channels_last)
    assert LAST.contiguous(memory_format=channels_last) is LAST
    assert LAST.to(memory_format=channels_last) is LAST
    assert LAST.contiguous().stride() == (60, 20, 5, 1)
    volume = autograd.ones(1, 2, 3, 4, 5).to(memory_format=autograd.channels_last_3d)
    assert volume.stride() == (120, 1, 40, 10, 2)


PRESERVED = {
    "clone": lambda t: t.clone(),
    "zeros_like": autograd.zeros_like,
    "empty_like": autograd.empty_like,
    "full_like": lambda t: autograd.full_like(t, 2.0),
    "rand_like": autograd.rand_like,
    "double": lambda t: t.double(),
    "to": lambda t: t.to(autograd.float16),
    "add": lambda t: t + t,
    "exp": lambda t: t.exp(),
    "comparison": lambda t: t > 0,
    "where": lambda t: autograd.where(t > 0, t, t),
    "deepcopy": copy.deepcopy,
    "relu": F.relu,
}
IMAGE_FUNCTIONS = {
    "conv2d": (lambda t: F.conv2d(t, autograd.ones(8, 3, 3, 3)), (48, 1, 24, 8)),
    "conv2d with filters": (lambda t: F.conv2d(t.contiguous(), autograd.ones(8, 3, 3, 3).to(memory_format=channels_last)), (48, 1, 24, 8)),
    "conv_transpose2d": (lambda t: F.conv_transpose2d(t, autograd.ones(3, 4, 2, 2)), (120, 1, 24, 4)),
    "batch_norm": (lambda t: F.batch_norm(t, None, None, training=True), (60, 1, 15, 3)),
    "group_norm": (lambda t: F.group_norm(t, 3), (60, 1, 15, 3)),
    "max_pool2d": (lambda t: F.max_pool2d(t, 2), (12, 1, 6, 3)),
    "indices of max_pool2d": (lambda t: F.max_pool2d(t, 2, return_indices=True)[1], (12, 1, 6, 3)),
    "avg_pool2d": (lambda t: F.avg_pool2d(t, 2), (12, 1, 6, 3)),
    "adaptive_avg_pool2d": (lambda t: F.adaptive_avg_pool2d(t, 2), (12, 1, 6, 3)),
    "interpolate": (lambda t: F.interpolate(t, scale_factor=2), (240, 1, 30, 3)),
    "dropout": (lambda t: F.dropout(t, 0.0), (60, 1, 15, 3)),
    "pad": (lambda t: F.pad(t, (1, 1, 1, 1)), (126, 1, 21, 3)),
}  # fmt: skip


@pytest.mark.parametrize("name", PRESERVED)
def test_results_lie_in_memory_as_the_input_does(name):
    assert PRESERVED[name](LAST).stride() == (60, 1, 15, 3)
    assert PRESERVED[name](IMAGES).stride() == (60, 20, 5, 1)
    assert PRESERVED[name](autograd.ones(2, 3).T).stride() == (1, 3)


@pytest.mark.parametrize("name", IMAGE_FUNCTIONS)
def test_images_with_channels_last_give_such_images(name):
    function, strides = IMAGE_FUNCTIONS[name]
    expected = function(IMAGES)
    assert function(LAST).stride() == strides
    np.testing.assert_allclose(function(LAST), expected, rtol=1e-6)
    if expected.is_floating_point():
        first, last = IMAGES.clone().requires_grad_(), LAST.clone().requires_grad_()
        for t in (first, last):
            (function(t) ** 3).sum().backward()  # the sum of squares of a normalised image does not change
        np.testing.assert_allclose(last.grad, first.grad, rtol=1e-5, atol=1e-6 * float(first.grad.abs().max()))


def test_copies_without_gaps_or_repeats():
    assert autograd.ones(3, 1).expand(3, 2).clone().stride() == (2, 1)
    assert autograd.ones(4, 6)[:, ::2].T.clone().stride() == (1, 3)
    assert autograd.ones(2, 3).T.clone(memory_format=contiguous_format).stride() == (2, 1)
    assert autograd.tensor(1.0).clone(memory_format=preserve_format).stride() == ()


def test_created_in_a_format():
    assert autograd.empty(2, 3, 4, 5, memory_format=channels_last).stride() == (60, 1, 15, 3)
    assert autograd.zeros_like(IMAGES, memory_format=channels_last).stride() == (60, 1, 15, 3)
    assert autograd.zeros_like(LAST, memory_format=contiguous_format).stride() == (60, 20, 5, 1)
    assert LAST.new_zeros(2, 3, 4, 5).stride() == (60, 20, 5, 1)


def test_random_numbers_do_not_depend_on_the_format():
    autograd.manual_seed(0)
    expected = autograd.rand_like(IMAGES)
    autograd.manual_seed(0)
    assert (autograd.rand_like(LAST) == expected).all()


def test_a_view_across_the_order_in_memory_is_refused():
    with pytest.raises(RuntimeError, match="view size is not compatible"):
        LAST.view(-1)
    assert LAST.reshape(-1).tolist() == IMAGES.reshape(-1).tolist()


@pytest.mark.parametrize("ask", [lambda t: t.contiguous(memory_format=channels_last), lambda t: t.to(memory_format=channels_last),
                                 lambda t: t.clone(memory_format=channels_last),
                                 lambda t: autograd.empty(*t.shape, memory_format=channels_last)])  # fmt: skip
def test_images_have_four_axes(ask):
    with pytest.raises(RuntimeError, match="required rank 4 tensor to use channels_last format, got rank 3"):
        ask(autograd.ones(2, 3, 4))


def test_a_models_filters_are_laid_out():
    model = nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8)).to(memory_format=channels_last)
    assert model[0].weight.stride() == (27, 1, 9, 3)
    assert model[0].weight.is_leaf
    assert model[0].weight.requires_grad
    assert model(IMAGES).is_contiguous(memory_format=channels_last)
    model(LAST).sum().backward()
    assert model[0].weight.grad is not None


def test_gradients_pass_through_a_change_of_format():
    x = IMAGES.clone().requires_grad_()
    (x.contiguous(memory_format=channels_last) * LAST).sum().backward()
    assert (x.grad == IMAGES).all()


def test_formats_are_single_values():
    assert repr(channels_last) == "channels_last"
    assert pickle.loads(pickle.dumps(channels_last)) is channels_last
    assert copy.deepcopy(preserve_format) is preserve_format


@pytest.mark.parametrize("axes", [(2, 0, 3, 1), (3, 1, 2, 0), (1, 0, 2, 3), (0, 1, 2, 3)])
def test_gradients_of_slices_of_a_turned_view(axes):
    x = autograd.randn(2, 3, 4, 5, dtype=autograd.float64, requires_grad=True)
    turned = x.permute(axes)
    weights = autograd.randn(*turned.shape, dtype=autograd.float64)
    sum((t * w).sum() for t, w in zip(turned.unbind(0), weights, strict=True)).backward()
    np.testing.assert_array_equal(x.grad.permute(axes).numpy(), weights.numpy())


def test_gradients_of_slices_of_expanded_and_reversed_memory():
    x = autograd.randn(3, 1, 2, dtype=autograd.float64, requires_grad=True)
    pieces = x.expand(3, 4, 2).permute(1, 2, 0).unbind(1)
    (pieces[0] * 2 + pieces[1] * 3).sum().backward()
    np.testing.assert_array_equal(x.grad.numpy(), np.broadcast_to([8.0, 12.0], (3, 1, 2)))
    y = autograd.from_numpy(np.arange(6.0).reshape(2, 3)[::-1, ::-1]).requires_grad_()
    (y[0] * y[1] + y[:, 0].sum()).sum().backward()
    np.testing.assert_array_equal(y.grad.numpy(), [[2.0 + 3, 1, 0], [5.0 + 3, 4, 3]])
