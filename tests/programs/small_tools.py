"""Selective checkpoints, counted operations, futures, flattened gradients and lists of safe classes."""

import torch, torch.nn as nn, io


def t(n, f):
    try:
        r = f()
        print(n, r)
    except Exception as e:
        print(n, type(e).__name__, str(e).splitlines()[0][:160] if str(e) else "")


from torch.utils.checkpoint import checkpoint, create_selective_checkpoint_contexts, CheckpointPolicy, detach_variable
import functools

x = torch.ones(3, requires_grad=True)


def policy(ctx, op, *a, **k):
    return CheckpointPolicy.MUST_SAVE


y = checkpoint(
    lambda x: (x.sin() * x.exp()).sum(),
    x,
    use_reentrant=False,
    context_fn=functools.partial(create_selective_checkpoint_contexts, policy),
)
y.backward()
print(x.grad)
print([t_.requires_grad for t_ in detach_variable((x, x * 2))], list(CheckpointPolicy)[0].name)
torch.serialization.add_safe_globals([set])
print(set in torch.serialization.get_safe_globals())
torch.serialization.clear_safe_globals()
with torch.serialization.safe_globals([dict]):
    print(torch.serialization.get_safe_globals())
from torch.utils.flop_counter import FlopCounterMode

m = nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU(), nn.Flatten(), nn.Linear(8 * 6 * 6, 10))
fc = FlopCounterMode(display=False)
with fc:
    m(torch.rand(2, 3, 8, 8))
print(fc.get_total_flops())
fc = FlopCounterMode(display=False)
with fc:
    torch.bmm(torch.rand(2, 3, 4), torch.rand(2, 4, 5))
    torch.rand(3, 4) @ torch.rand(4, 5)
    torch.nn.functional.scaled_dot_product_attention(
        torch.rand(1, 2, 4, 8), torch.rand(1, 2, 4, 8), torch.rand(1, 2, 4, 8)
    )
print(fc.get_total_flops())
fc = FlopCounterMode(display=False)
with fc:
    m(torch.rand(2, 3, 8, 8)).sum().backward()
print(fc.get_total_flops())
print(torch.futures.Future().done())
f = torch.futures.Future()
f.set_result(3)
print(f.wait(), f.then(lambda f: f.value() + 1).wait())
print(
    torch._utils._flatten_dense_tensors([torch.ones(2), torch.zeros(1, 2)]),
    torch._utils._unflatten_dense_tensors(torch.arange(4.0), [torch.ones(2), torch.zeros(1, 2)]),
)
t("sd", lambda: torch.eye(2).to_sparse().sparse_dim())
