"""E1. A character GPT of two layers reads this repository's own text and then writes some of its own."""

from __future__ import annotations

import math

import numpy as np
from _shared import ROOT, begin, parser, pyplot, save

import autograd
import nn
from nn import functional as F
from nn.training import progress

CONTEXT = 32  # how many characters it looks back over


class Block(nn.Module):
    """Attention to what came before, then two linear maps at every place; each adds to what passes by."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.queries_keys_values = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)
        self.feed = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))

    def attend(self, x: autograd.Tensor) -> autograd.Tensor:
        n, t, width = x.shape
        parts = (
            self.queries_keys_values(x).reshape(n, t, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        )  # (3, N, heads, T, d)
        seen = F.scaled_dot_product_attention(*parts, is_causal=True)
        return self.out(seen.transpose(1, 2).reshape(n, t, width))

    def forward(self, x: autograd.Tensor) -> autograd.Tensor:
        x = x + self.attend(self.norm1(x))
        return x + self.feed(self.norm2(x))


class GPT(nn.Module):
    """Scores of the next character at every place: (N, T) -> (N, T, characters)."""

    def __init__(self, characters: int, width: int = 64, layers: int = 2, heads: int = 4) -> None:
        super().__init__()
        self.what, self.where = nn.Embedding(characters, width), nn.Embedding(CONTEXT, width)
        self.blocks = nn.Sequential(*[Block(width, heads) for _ in range(layers)])
        self.norm, self.head = nn.LayerNorm(width), nn.Linear(width, characters)
        self.head.weight = self.what.weight  # a character is written as it is read
        for table in (self.what, self.where):
            nn.init.normal_(table.weight, std=0.1)

    def forward(self, codes: autograd.Tensor) -> autograd.Tensor:
        x = self.what(codes) + self.where.weight[: codes.shape[1]]
        return self.head(self.norm(self.blocks(x)))


# ------------------------------------------------------------------ the text


def repository_text() -> str:
    """The documents and the source code of this repository, one after the other."""
    files = [*sorted(ROOT.glob("*.md")), *sorted(ROOT.glob("autograd/**/*.py")), *sorted(ROOT.glob("nn/**/*.py"))]
    return "\n".join(path.read_text(encoding="utf-8") for path in files)


def encoded(text: str) -> tuple[list[str], np.ndarray]:
    """The characters that occur often enough to learn, and the text as their numbers; rarer ones are left out."""
    characters, places, counts = np.unique(np.array(list(text)), return_inverse=True, return_counts=True)
    common = counts >= 20
    codes = (np.cumsum(common) - 1)[places[common[places]]]
    return characters[common].tolist(), codes


def windows(codes: np.ndarray, count: int, generator: np.random.Generator) -> tuple[autograd.Tensor, autograd.Tensor]:
    """Pieces of the text at random places, and the same one character on."""
    starts = generator.integers(len(codes) - CONTEXT, size=(count, 1))
    picked = autograd.from_numpy(codes[starts + np.arange(CONTEXT + 1)])
    return picked[:, :-1], picked[:, 1:]


# ------------------------------------------------------------------ reading and writing


def loss_of(model: GPT, x: autograd.Tensor, y: autograd.Tensor) -> autograd.Tensor:
    """Nats per character."""
    return F.cross_entropy(model(x).flatten(0, 1), y.flatten())


def held_out(model: GPT, codes: np.ndarray) -> float:
    """The loss on text it was not trained on."""
    with autograd.no_grad():
        return loss_of(model, *windows(codes, 128, np.random.default_rng(0))).item()


def train(model: GPT, codes: np.ndarray, steps: int, seed: int) -> list[float]:
    """AdamW with a rate that rises and falls; the loss of every step."""
    optimizer = nn.optim.AdamW(model.parameters(), lr=0.012, betas=(0.9, 0.95))
    rate = nn.optim.lr_scheduler.OneCycleLR(
        optimizer, max_lr=0.012, total_steps=steps, pct_start=0.1, cycle_momentum=False
    )
    generator, losses = np.random.default_rng(seed), []
    for _ in (bar := progress(range(steps), "reading")):
        optimizer.zero_grad()
        loss = loss_of(model, *windows(codes, 32, generator))
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        rate.step()
        losses.append(loss.item())
        bar.set_postfix(loss=f"{losses[-1]:.3f}")
    return losses


def write(model: GPT, characters: list[str], count: int, start: str = "\ndef ") -> str:
    """Go on from `start`, drawing one character after the other."""
    written = [characters.index(c) for c in start]
    with autograd.no_grad():
        for _ in range(count):
            scores = model(autograd.tensor([written[-CONTEXT:]]))[0, -1]
            written.append(autograd.multinomial(F.softmax(scores / 0.7, dim=0), 1).item())
    return "".join(characters[c] for c in written)


def picture(path, losses: list[float], characters: int) -> None:
    """The loss of every step, from that of a guess among all characters."""
    figure, axes = pyplot().subplots(figsize=(5, 3.2))
    axes.plot(range(1, len(losses) + 1), losses, linewidth=0.8)
    axes.axhline(math.log(characters), color="gray", linestyle=":", label=f"a guess: ln {characters}")
    axes.set(title="a character GPT reads its library", xlabel="step", ylabel="nats per character")
    axes.legend()
    save(figure, path)


def main(arguments: list[str] | None = None) -> dict[str, float]:
    chosen = begin(parser(__doc__), arguments)
    characters, codes = encoded(repository_text())
    split = len(codes) * 9 // 10
    model = GPT(len(characters))
    size = sum(p.numel() for p in model.parameters())
    print(f"{len(codes):,} characters, {len(characters)} different ones; {size:,} parameters")
    losses = train(model, codes[:split], 600 if chosen.quick else 1000, chosen.seed)
    found = {
        "characters": len(characters),
        "first": losses[0],
        "last": float(np.mean(losses[-20:])),
        "held out": held_out(model, codes[split:]),
    }
    print(f"nats per character: {found['first']:.2f} at first, {found['last']:.2f} at the end, "
          f"{found['held out']:.2f} on text held out")  # fmt: skip
    print(write(model, characters, 30 if chosen.quick else 300))
    picture(chosen.out / "e1_loss.png", losses, len(characters))
    return found


if __name__ == "__main__":
    main()
