"""Making, printing, indexing, converting and combining tensors."""

import torch, numpy as np, math, copy, pickle, io

torch.manual_seed(0)
x = torch.rand(5, 3)
print(
    x,
    x.size(),
    x.shape[0],
    x.dtype,
    x.device,
    x.layout,
    x.stride(),
    x.storage_offset(),
    x.is_contiguous(),
    x.element_size(),
    x.nelement(),
    x.ndim,
    x.dim(),
    x.type(),
)
print(
    torch.Size([2, 3]),
    torch.Size([2, 3]) + torch.Size([1]),
    torch.Size([2, 3]).numel(),
    x.size(-1),
    tuple(x.shape),
    list(x.shape),
    x.shape == (5, 3),
    [*x.shape],
    torch.Size((1, 2))[1:],
)
print(
    torch.float32,
    torch.device("cpu"),
    repr(torch.device("cpu")),
    torch.strided,
    torch.finfo(torch.float32),
    torch.iinfo(torch.int8),
    torch.get_default_dtype(),
    torch.finfo(torch.float32).eps,
    torch.finfo(torch.bfloat16).max,
)
print(
    torch.empty(0),
    torch.tensor([]),
    torch.tensor([[]]),
    torch.zeros(2, 0),
    torch.tensor(3),
    torch.tensor(3.5),
    torch.tensor([True, False]),
    torch.tensor([1 + 2j]),
    torch.tensor([1e10, 1.0]),
    torch.tensor([1e-10, 1.0]),
    torch.tensor([0.1, 100000.0]),
    torch.tensor([1.0, float("nan"), float("inf")]),
)
print(
    torch.arange(5),
    torch.arange(0, 1, 0.25),
    torch.linspace(0, 1, 5),
    torch.logspace(0, 2, 3),
    torch.eye(2),
    torch.full((2, 2), 7),
    torch.full((2,), 1.5),
    torch.ones_like(x, dtype=torch.int),
    torch.zeros(2, dtype=torch.complex64),
    torch.tril(torch.ones(3, 3)),
    torch.triu_indices(3, 3),
)
y = torch.ones(2, 3)
y[0, 1] = 5
y[:, 2] = torch.tensor([7.0, 8.0])
y[y > 6] = 0
print(y, y[..., 1], y[-1], y[:, None].shape, y[0].tolist(), y[0, 1].item())
y.add_(1)
print(y.t(), y.T.shape)
a = np.ones(5)
b = torch.from_numpy(a)
np.add(a, 1, out=a)
print(a, b)
b.add_(1)
print(
    a,
    torch.as_tensor(a).dtype,
    torch.tensor(a, dtype=torch.float32),
    np.array(b),
    np.sin(torch.ones(2)),
    torch.ones(2).numpy() + np.ones(2),
    np.float32(2) * torch.ones(2),
    torch.ones(2) * np.float64(3),
)
print(
    torch.allclose(torch.tensor([1.0]), torch.tensor([1.0 + 1e-9])),
    torch.equal(y, y.clone()),
    torch.eq(y, y).all(),
    torch.isclose(y, y).any(),
    (y == y).sum(),
    torch.numel(y),
    torch.is_tensor(y),
    torch.is_floating_point(y),
    torch.isnan(torch.tensor([float("nan")])),
    torch.isinf(torch.tensor([math.inf])),
)
print(
    x.argmax(),
    x.argmax(1),
    x.max(1),
    x.min(dim=0, keepdim=True),
    x.sort(descending=True)[1][0],
    x.topk(2),
    torch.unique(torch.tensor([3, 1, 3])),
    torch.unique(torch.tensor([3, 1, 3]), return_counts=True),
    torch.bincount(torch.tensor([0, 1, 1])),
    x.mode(),
    torch.nonzero(torch.tensor([0, 1, 2])),
    torch.where(torch.tensor([0, 1]) > 0),
    x.median(),
    x.kthvalue(2, dim=0),
)
print(
    f"{x[0, 0]:.4f} {torch.tensor(2)} {x[0]}",
    "%.3f" % x[0, 0],
    "{:.2f}".format(x[0, 1]),
    round(x[0, 0].item(), 2),
    int(torch.tensor(3.7)),
    float(torch.tensor(2)),
    len(x),
    3 in torch.tensor([1, 3]),
    [v for v in torch.arange(2)],
    sum(torch.arange(3)),
    max(torch.tensor([1, 5])),
    abs(torch.tensor(-2)),
    -torch.ones(1),
    ~torch.tensor([True]),
    torch.tensor(5) // 2,
    torch.tensor(5) % 3,
    torch.tensor(2) ** 3,
    torch.tensor([5]) & torch.tensor([3]),
    torch.tensor([1]) | 2,
    torch.tensor(1) << 2,
    divmod(7, 2),
)
buf = io.BytesIO()
torch.save({"a": x, "b": [1, torch.ones(2)]}, buf)
buf.seek(0)
l = torch.load(buf)
print(l["b"], torch.equal(l["a"], x))
print(pickle.loads(pickle.dumps(x)).sum() == x.sum(), copy.deepcopy(x).sum() == x.sum(), copy.copy(x) is x)
for dt in (
    torch.float16,
    torch.bfloat16,
    torch.float64,
    torch.int8,
    torch.uint8,
    torch.int16,
    torch.int32,
    torch.int64,
    torch.bool,
    torch.complex64,
):
    print(torch.tensor([0, 1, 2]).to(dt), end=" ")
print()
print(
    torch.result_type(torch.tensor([1]), 1.0),
    torch.promote_types(torch.int8, torch.float16),
    torch.can_cast(torch.double, torch.int),
    (torch.ones(1, dtype=torch.int) + 1.5).dtype,
    (torch.ones(1, dtype=torch.uint8) + torch.ones(1, dtype=torch.int8)).dtype,
    (torch.tensor(1) / 2).dtype,
    torch.ones(1).type(torch.LongTensor).dtype,
    torch.ones(2).type("torch.IntTensor"),
    torch.ones(1).double().type(),
)
torch.set_printoptions(precision=2, sci_mode=False)
print(torch.tensor([1e-5, 12345.678]))
torch.set_printoptions(profile="default")
print(torch.rand(30, 40))
print(torch.rand(2, 3, 4) > 0.5)
torch.set_printoptions(threshold=5, edgeitems=1)
print(torch.arange(20.0).view(4, 5))
torch.set_printoptions(profile="default")
print(
    torch.einsum("i,j->ij", torch.arange(2.0), torch.arange(3.0)),
    torch.tensor([[1, 2], [3, 4]]).float().det(),
    torch.kron(torch.eye(2), torch.ones(1, 2)),
    torch.meshgrid(torch.arange(2), torch.arange(3), indexing="xy"),
    torch.stack(torch.meshgrid(torch.arange(2), torch.arange(2), indexing="ij"), -1).shape,
    torch.cumsum(torch.ones(3), 0),
    torch.cumprod(torch.arange(1, 4), 0),
    torch.prod(torch.arange(1, 5)),
    torch.var(torch.arange(4.0), unbiased=False),
    torch.std_mean(torch.arange(4.0)),
    torch.logsumexp(torch.zeros(3), 0),
)
z = torch.view_as_complex(torch.tensor([[3.0, 4.0]]))
print(
    z,
    z.abs(),
    z.angle(),
    z.real,
    z.conj(),
    torch.polar(torch.tensor(1.0), torch.tensor(math.pi / 2)),
    z * z,
    torch.fft.fft(torch.arange(4.0)),
)
print(
    x.new_tensor([1, 2]),
    x.new_zeros(2),
    x.new_full((1,), 3),
    torch.randint(3, 10, (2, 2)).dtype,
    torch.randperm(4).dtype,
    torch.initial_seed(),
    torch.rand(2, generator=torch.Generator().manual_seed(1)),
    torch.Generator().device,
    torch.get_num_threads() > 0,
    torch.__version__[:4],
    torch.typename(x),
    torch.is_grad_enabled(),
)
q = torch.zeros(3, 3)
q.fill_diagonal_(2)
q[range(3), [2, 1, 0]] = 9
print(
    q,
    q.index_select(0, torch.tensor([0, 2])),
    q.scatter(1, torch.tensor([[0], [1], [2]]), 5.0),
    q.gather(1, torch.tensor([[0], [1], [2]])),
    q.masked_select(q > 5),
    q.take(torch.tensor([0, 4])),
    q.flip(0),
    q.roll(1, 0),
    q.rot90(),
    q.repeat(1, 2).shape,
    q.unfold(0, 2, 1).shape,
    torch.tensor_split(torch.arange(5), 2),
    torch.arange(6).chunk(4),
    torch.arange(5).split([2, 3]),
    torch.block_diag(torch.ones(1, 1), torch.ones(2, 1)),
    q.count_nonzero(),
    torch.heaviside(torch.tensor([-1.0, 0.0, 2.0]), torch.tensor(0.5)),
)
print(
    torch.nn.functional.one_hot(torch.tensor([0, 2])),
    torch.lerp(torch.zeros(2), torch.ones(2), 0.3),
    torch.clamp(torch.arange(-2.0, 3.0), -1, 1),
    torch.addcmul(torch.ones(2), torch.ones(2), torch.ones(2), value=0.5),
    torch.addcdiv(torch.ones(2), torch.ones(2), 2 * torch.ones(2)),
    torch.round(torch.tensor([1.234]), decimals=1),
    torch.frac(torch.tensor(1.5)),
    torch.sign(torch.tensor([-2.0, 0.0])),
    torch.hypot(torch.tensor(3.0), torch.tensor(4.0)),
    torch.gcd(torch.tensor(12), torch.tensor(18)),
    torch.erf(torch.tensor(0.5)),
    torch.lgamma(torch.tensor(4.0)),
)
