"""Results that are no views have memory of their own, even where nothing is left to compute.

A kernel that hands back its argument would let a write to the result change the argument behind the graph's back: the
gradients recorded before would be silently wrong.
"""

from __future__ import annotations

import numpy as np
import pytest

import autograd
import nn.functional as F

ARGUMENTS = {
    "x2": autograd.rand(3, 3),
    "x3": autograd.rand(2, 3, 4),
    "x4": autograd.rand(2, 3, 4, 4),
    "x5": autograd.rand(2, 3, 4, 4, 4),
}

CALLS = """
F.max_pool1d(x3,1)
F.max_pool2d(x4,1)
F.max_pool3d(x5,1)
F.avg_pool1d(x3,1)
F.avg_pool2d(x4,1)
F.avg_pool3d(x5,1)
F.lp_pool2d(x4,2,1)
F.adaptive_avg_pool1d(x3,4)
F.adaptive_avg_pool2d(x4,4)
F.adaptive_max_pool1d(x3,4)
F.adaptive_max_pool2d(x4,4)
F.adaptive_max_pool3d(x5,4)
F.interpolate(x4,4)
F.interpolate(x4,scale_factor=1)
F.interpolate(x4,4,mode='bilinear')
F.interpolate(x4,4,mode='bicubic')
F.interpolate(x4,4,mode='area')
F.pad(x4,(0,0))
F.pad(x4,(0,0,0,0),mode='reflect')
F.pad(x4,(0,0,0,0),mode='circular')
F.pad(x4,(0,0,0,0),mode='replicate')
F.dropout(x4,0.)
F.dropout(x4,0.5,False)
F.alpha_dropout(x4,0.5,False)
F.dropout2d(x4,0.5,False)
F.pixel_shuffle(x4[:,:1],1)
F.pixel_unshuffle(x4,1)
F.normalize(x4)
F.rrelu(x4)
F.relu(x4)
F.relu6(x4)
F.hardtanh(x4,-5,5)
F.threshold(x4,-1,0)
F.unfold(x4,1)
x2.roll(0)
x2.roll((0,0),(0,1))
x2.flip(())
x2.repeat(1,1)
x2.tile(1)
x2.tile((1,1))
x2.repeat_interleave(1)
x2.repeat_interleave(1,0)
x2.clamp(-5,5)
x2.clamp(min=-5)
x2.clip(None,9)
x2.nan_to_num()
x2.round()
autograd.tensor([1,2]).round()
autograd.tensor([1,2]).floor()
autograd.tensor([1,2]).abs()
autograd.tensor([1,2]).ceil()
autograd.tensor([1,2]).trunc()
x2.pow(1)
x2.pow(1.0)
x2**1
x2*1
1*x2
x2+0
x2-0
x2/1
x2.add(0)
x2.mul(1.0)
x2.lerp(x2,0.)
x2.lerp(x2,1.)
x2.tril(5)
x2.triu(-5)
x2.cumsum(0)
x2[:1].cumsum(0)
x2[:1].cumprod(0)
x2[:1].cummax(0)
x2[:1].logcumsumexp(0)
x2[:1].sort(0)
x2[:1].sum(0,keepdim=True)
x2.sum(())
x2.sum([])
x2.mean([])
x2[:1].sum(0)
x2[:1].mean(0)
x2[:1].prod(0)
x2[:1].amax(0)
x2[:1].max(0)
x2[:1].median(0)
x2[:1].mode(0)
x2[:1].logsumexp(0)
x2.amax(())
autograd.tensor(2.).sum()
autograd.tensor(2.).mean()
autograd.tensor(2.).max()
autograd.tensor(2.).prod()
autograd.tensor(2.).amax()
autograd.tensor(2.).median()
autograd.tensor(2.).cumsum(0)
autograd.tensor(2.).sort()
autograd.tensor(2.).max(0)
autograd.tensor(2.).flip(0)
autograd.tensor(2.).unique()
autograd.tensor(2.).std(correction=0)
autograd.cat([x2])
autograd.cat([x2,autograd.ones(0)])
autograd.stack([x2])
autograd.hstack([x2])
autograd.vstack([x2])
autograd.concat([x2],1)
autograd.block_diag(x2)
autograd.where(autograd.tensor(True),x2,x2)
x2.where(autograd.ones(3,3)>0,x2)
x2.masked_fill(x2<0,1.)
x2.masked_scatter(x2<0,x2)
x2.index_fill(0,autograd.tensor([],dtype=autograd.int64),1.)
x2.index_add(0,autograd.tensor([],dtype=autograd.int64),x2[:0])
x2.index_copy(0,autograd.tensor([],dtype=autograd.int64),x2[:0])
x2.scatter(0,autograd.zeros(0,3,dtype=autograd.int64),x2)
x2.scatter_add(0,autograd.zeros(0,3,dtype=autograd.int64),x2)
x2.take(autograd.arange(9).reshape(3,3))
x2[autograd.arange(3)]
x2[autograd.ones(3)>0]
x2.index_select(0,autograd.arange(3))
x2.masked_select(x2>-1)
x2.matrix_power(1)
x2.matrix_power(0)
autograd.linalg.matrix_power(x2,1)
autograd.linalg.multi_dot([x2,x2])
autograd.chain_matmul(x2)
autograd.tensordot(x2,autograd.tensor(1.),0)
autograd.fft.fftn(x2.to(autograd.complex64),dim=())
autograd.fft.fftshift(x2,dim=())
x2.diff(n=0)
autograd.tensor(x2)
autograd.clone(x2)
x2.new_tensor(x2)
x2.deg2rad()
x2.sgn()
x2.copysign(1.)
x2.fmod(100)
x2.remainder(100)
x2.xlogy(x2)
x2.renorm(2,0,1e9)
F.layer_norm(x2,(3,))
F.embedding(autograd.arange(3),x2)
F.embedding(autograd.tensor(1),x2)
F.embedding_bag(autograd.arange(3)[:,None],x2)
F.one_hot(autograd.tensor([0]))
F.linear(x2,autograd.eye(3))
F.softmax(x2[:,:1],1)
F.glu(x4,-1)
F.mse_loss(x2,x2,reduction='none')
F.l1_loss(x2,x2*0,reduction='none')
F.grid_sample(x4,autograd.zeros(2,4,4,2),align_corners=False)
F.max_unpool1d(*F.max_pool1d(x3,1,return_indices=True),1)
autograd.polar(x2,x2)
x2.quantile(0.5)
x2.select_scatter(x2[0],0,0)
x2.slice_scatter(x2)
x2.diagonal_scatter(x2.diagonal())
x2.diag()
autograd.diag(x2[0])
x2.diagflat()
x2.diag_embed()
autograd.combinations(x2[0],1)
autograd.vander(x2[0],1)
autograd.clamp_max(x2,9)
autograd.clamp_min(x2,-9)
autograd.maximum(x2,x2-1)
autograd.fmax(x2,x2)
autograd.special.softmax(x2,0,dtype=autograd.float32)
autograd.addmm(x2,x2*0,x2,alpha=0)
autograd.add(x2,x2,alpha=0)
autograd.bucketize(x2,x2[0])
autograd.float_power(x2,1)
autograd.ldexp(x2,autograd.tensor(0))
autograd.angle(x2)
autograd.bitwise_or(autograd.tensor([1]),0)
autograd.tensor([1])<<0
autograd.tensor([1])|0
autograd.tensor([1])//1
autograd.tensor([True]).bool()
autograd.logical_not(autograd.tensor([True]))
autograd.tensor([True]).sign()
autograd.tensor([True]).any(0,keepdim=True)
autograd.tensor([[True]]).all(1)
autograd.tensor([True]).sum()
autograd.tensor([True]).amax(0)
autograd.tensor([5]).amin(0)
autograd.tensor([5]).prod(0)
autograd.tensor([5]).sum(0)
autograd.tensor([5]).cumsum(0)
autograd.tensor(5).sum()
autograd.tensor(5).amax()
""".strip().split("\n")


def shared(result, sources):
    results = [result] if isinstance(result, autograd.Tensor) else [r for r in result if isinstance(r, autograd.Tensor)]
    return [r for r in results for s in sources if r is not s and np.may_share_memory(r._data, s._data)]


@pytest.mark.parametrize("call", CALLS)
def test_a_result_that_is_no_view_has_memory_of_its_own(call):
    made = []

    class Recorder:
        """The library, keeping the tensors a call makes for itself."""

        def __getattr__(self, name):
            return self.tensor if name == "tensor" else getattr(autograd, name)

        def tensor(self, *args, **kwargs):
            made.append(autograd.tensor(*args, **kwargs))
            return made[-1]

    places = Recorder() if "autograd.tensor(x2)" not in call else autograd
    result = eval(call, {"F": F, "autograd": places, **ARGUMENTS})
    assert not shared(result, [*ARGUMENTS.values(), *made])


@pytest.mark.parametrize("name", ["conj", "conj_physical", "positive", "resolve_conj", "resolve_neg"])
def test_what_changes_nothing_returns_the_tensor_itself(name):
    a = autograd.ones(2, requires_grad=True)
    b = a * 2
    c = getattr(b, name)()
    assert c is b
    c.mul_(5)  # recorded in the history of both names
    b.sum().backward()
    assert a.grad.tolist() == [10.0, 10.0]


@pytest.mark.parametrize(
    "transposed", [lambda t: t.H, lambda t: t.mH, lambda t: t.adjoint()], ids=["H", "mH", "adjoint"]
)
def test_the_adjoint_of_a_real_matrix_is_a_view(transposed):
    a = autograd.ones(2, 2, requires_grad=True)
    b = a * 2
    transposed(b)[0].mul_(5)  # the first column of b
    b.sum().backward()
    assert a.grad.tolist() == [[10.0, 2.0], [10.0, 2.0]]


def test_the_real_numbers_cast_from_complex_ones_are_a_copy():
    z = autograd.ones(2, dtype=autograd.complex64)
    with pytest.warns(UserWarning, match="discards the imaginary part"):
        z.float().zero_()
    assert z.tolist() == [1 + 0j, 1 + 0j]


def test_one_row_of_a_table_is_a_copy():
    table = autograd.ones(3, 2, requires_grad=True)
    row = F.embedding(autograd.tensor(1), table)
    row.mul_(3).sum().backward()
    assert table.tolist() == [[1.0, 1.0]] * 3
    assert table.grad.tolist() == [[0.0, 0.0], [3.0, 3.0], [0.0, 0.0]]


def test_values_written_into_a_single_element_keep_its_dtype():
    kept = autograd.tensor(True).scatter(0, autograd.tensor(0), value=2.5)
    assert kept.dtype is autograd.bool
    assert kept.item() is True
    hidden = autograd.tensor(float("nan")).scatter(0, autograd.tensor(0), autograd.tensor(4.0))
    assert hidden.item() == 4.0
