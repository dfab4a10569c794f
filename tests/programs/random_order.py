"""Where random numbers land: in memory order, in blocks, one for each negative element, and by rejection."""

import torch
import torch.nn.functional as F
from torch import nn

torch.manual_seed(5)
x = torch.ones(4, 6).t()
print("dropout", F.dropout(x, 0.5))
print("like", torch.rand_like(x), torch.randn_like(x))
print("filled", torch.empty(3, 8).t().normal_(), torch.zeros(4, 8)[:, ::2].uniform_(-1, 1))
print("whole", torch.empty(4, dtype=torch.int32).random_(), torch.empty(3).random_(), torch.empty(5).random_(3, 9))
print(
    "counts",
    torch.poisson(torch.tensor([0.5, 4.0, 30.0])),
    torch.binomial(torch.tensor([9.0, 80.0]), torch.tensor([0.3, 0.7])),
)
print("half", torch.rand(5, dtype=torch.bfloat16), torch.randn(21, dtype=torch.float16))
print("slopes", F.rrelu(torch.tensor([-1.0, 2.0, -3.0]), training=True))
layer = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True)
print("encoder", layer(torch.arange(48.0).view(2, 3, 8) / 48).sum(-1))
layer = nn.TransformerDecoderLayer(8, 2, 16, batch_first=True)
print("decoder", layer(torch.arange(48.0).view(2, 3, 8) / 48, torch.ones(2, 5, 8)).mean((1, 2)))
u, s, v = torch.svd_lowrank(torch.arange(20.0).view(5, 4) ** 2, 2)
print("low rank", s, torch.pca_lowrank(torch.arange(20.0).view(5, 4) ** 2, 2)[1], torch.rand(1))
for make in (nn.utils.parametrizations.orthogonal, nn.utils.parametrizations.spectral_norm):
    for layer in (nn.Linear(3, 3), nn.Linear(2, 4), nn.Linear(4, 2)):
        made = make(layer)
        print(made.weight, made(torch.ones(1, layer.in_features)))
