import torch
from torch import nn
import torch.nn.functional as F


class PatchEmbed(nn.Module):
    def __init__(self, img=8, patch=4, dim=16):
        super().__init__()
        self.proj = nn.Conv2d(3, dim, kernel_size=patch, stride=patch)

    def forward(self, x):
        return self.proj(x).flatten(2).transpose(1, 2)


class Block(nn.Module):
    def __init__(self, dim, heads):
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(dim), nn.LayerNorm(dim)
        self.attn = nn.MultiheadAttention(dim, heads, batch_first=True)
        self.mlp = nn.Sequential(nn.Linear(dim, 2 * dim), nn.GELU(approximate='tanh'), nn.Linear(2 * dim, dim))

    def forward(self, x):
        h = self.norm1(x)
        x = x + self.attn(h, h, h, need_weights=False)[0]
        return x + self.mlp(self.norm2(x))


class ViT(nn.Module):
    def __init__(self, dim=16, classes=4):
        super().__init__()
        self.patch = PatchEmbed(dim=dim)
        self.cls_token = nn.Parameter(torch.zeros(1, 1, dim))
        self.pos_embed = nn.Parameter(torch.empty(1, 5, dim).normal_(std=0.02))
        self.blocks = nn.Sequential(*[Block(dim, 4) for _ in range(2)])
        self.head = nn.Linear(dim, classes)
        nn.init.trunc_normal_(self.cls_token, std=0.02)

    def forward(self, x):
        x = self.patch(x)
        x = torch.cat((self.cls_token.expand(x.shape[0], -1, -1), x), dim=1) + self.pos_embed
        return self.head(self.blocks(x)[:, 0])


torch.manual_seed(0)
model = ViT()
print(sum(p.numel() for p in model.parameters()))
opt = torch.optim.AdamW(model.parameters(), lr=3e-3, weight_decay=0.05)
sched = torch.optim.lr_scheduler.OneCycleLR(opt, max_lr=1e-2, total_steps=10)
X, y = torch.randn(12, 3, 8, 8), torch.arange(12) % 4
for i in range(10):
    loss = F.cross_entropy(model(X), y)
    opt.zero_grad(set_to_none=True)
    loss.backward()
    opt.step()
    sched.step()
    if i % 3 == 0:
        print(i, f"{loss.item():.4f}", f"{sched.get_last_lr()[0]:.5f}")


class BERTEmbedding(nn.Module):
    def __init__(self, vocab, dim):
        super().__init__()
        self.token = nn.Embedding(vocab, dim, padding_idx=0)
        self.segment = nn.Embedding(3, dim, padding_idx=0)
        pe = torch.zeros(20, dim).float()
        pe.requires_grad = False
        self.register_buffer('pe', pe.unsqueeze(0))

    def forward(self, x, seg):
        return self.token(x) + self.pe[:, :x.size(1)] + self.segment(seg)


enc = nn.TransformerEncoder(nn.TransformerEncoderLayer(16, 2, 32, dropout=0.0, activation='gelu', batch_first=True, norm_first=True), 2,
                            norm=nn.LayerNorm(16), enable_nested_tensor=False)
emb = BERTEmbedding(20, 16)
tokens = torch.tensor([[1, 5, 6, 7, 2, 0, 0], [1, 8, 9, 10, 11, 12, 2]])
pad = tokens.eq(0)
masked = tokens.clone()
prob = torch.full(tokens.shape, 0.3).masked_fill_(pad, 0.0)
chosen = torch.bernoulli(prob).bool()
masked[chosen] = 3
labels = torch.where(chosen, tokens, torch.full_like(tokens, -100))
print(chosen)
params = list(enc.parameters()) + list(emb.parameters())
opt = torch.optim.Adam(params, lr=1e-3)
for i in range(6):
    h = enc(emb(masked, (~pad).long()), src_key_padding_mask=pad)
    logits = h @ emb.token.weight.T
    loss = F.cross_entropy(logits.transpose(1, 2), labels)
    opt.zero_grad()
    loss.backward()
    opt.step()
print(f"{loss.item():.4f}", emb.token.weight.grad[0].abs().sum(), emb.token.weight[0].sum())
dec = nn.TransformerDecoder(nn.TransformerDecoderLayer(16, 2, 32, dropout=0.0, batch_first=True), 1)
tgt_mask = nn.Transformer.generate_square_subsequent_mask(4)
print(dec(torch.rand(2, 4, 16), h.detach(), tgt_mask=tgt_mask, memory_key_padding_mask=pad).mean())
q = torch.rand(2, 2, 3, 4)
print(F.scaled_dot_product_attention(q, q, q, is_causal=True)[0, 0], torch.tril(torch.ones(3, 3, dtype=torch.bool)))
