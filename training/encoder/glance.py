"""The glance at words that decides what the encoder reads: fitted on the same kind of windows.

It begins with the vectors of MiniLM's word pieces, cut to their principal directions.
"""

import math
from collections.abc import Callable, Sequence

import numpy as np
import torch
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn import functional

from training.encoder.backbone import minilm_folder
from training.encoder.batches import Batch, Example, batches
from training.encoder.network import Inputs
from tyrian.models.encoder.glance import QUERIES, Glance
from tyrian.models.encoder.network import Rows
from tyrian.models.encoder.pieces import Vocabulary

WIDTH, HIDDEN = 64, 128
EPOCHS, SIZE = 3, 64
RATES = {"words": 5e-4, "heads": 2e-3}
"""Highest learning rates; the vectors know most before."""
ENERGY, LOW, HIGH = 0.03, -4.0, 2.0
"""As in the encoder's loss."""
_SMOOTHING = 0.02
_DROPPED = 0.15
"""Mean share of the pieces of a window that are left out in training."""
_LARGEST = 6.0
"""Logarithm of the largest share; its negative is that of the smallest."""
_LOWEST = -9.0
_FEW = 1e-3


class Net(nn.Module):
    """The arithmetic of `tyrian.models.encoder.glance` over whole windows."""

    def __init__(self, vectors: Tensor) -> None:
        """Begin with these vectors, a row per piece."""
        super().__init__()
        count, width = vectors.shape
        self.words = nn.Embedding(count, width, _weight=vectors)
        self.shares = nn.Embedding(count, QUERIES)
        nn.init.zeros_(self.shares.weight)
        self.hidden = nn.Linear((QUERIES + 2) * width, HIDDEN)
        self.out = nn.Linear(HIDDEN, 1)
        self.drop = nn.Dropout(0.2)

    def forward(self, inputs: Inputs) -> Tensor:
        """(batch,) logits of an attack."""
        count, width = len(inputs.lengths), self.words.embedding_dim
        owners = _owners(inputs)
        kept = torch.ones(len(owners))
        if self.training:
            rates = 2 * _DROPPED * torch.rand(count)
            kept = (torch.rand(len(owners)) > rates[owners]).float()

        def total(values: Tensor) -> Tensor:
            return values.new_zeros(count, *values.shape[1:]).index_add(0, owners, values)

        vectors = self.words(inputs.pieces) * kept[:, None]
        shares = shares_of(self.shares(inputs.pieces)) * kept[:, None]
        tamed = total(vectors) / ((total(kept) + _FEW + 1).sqrt() * 3)[:, None]
        shared = total(shares[:, :, None] * vectors[:, None, :])
        means = shared / (total(shares) + _FEW)[:, :, None]
        most = vectors.new_full((count, width), _LOWEST)
        most = most.scatter_reduce(0, owners[:, None].expand(-1, width), vectors, "amax")
        inner = functional.relu(self.hidden(torch.cat((tamed, means.flatten(1), most), dim=1)))
        logits: Tensor = self.out(self.drop(inner)).squeeze(1)
        return logits


def shares_of(values: Tensor) -> Tensor:
    """How much pieces count in each mean, always above zero."""
    return values.clamp(-_LARGEST, _LARGEST).exp()


def _owners(inputs: Inputs) -> Tensor:
    """Per piece, the number of its window; a window without tokens has one unknown piece."""
    tokens = torch.repeat_interleave(inputs.lengths.clamp(min=1))
    ends = torch.cat((inputs.piece_starts[1:], torch.tensor([len(inputs.pieces)])))
    return torch.repeat_interleave(tokens, ends - inputs.piece_starts)


def principal(vectors: Tensor, width: int) -> Tensor:
    """The vectors along their principal directions, of length one on average."""
    centred = vectors - vectors.mean(dim=0)
    _, directions = torch.linalg.eigh(centred.T @ centred)
    found = centred @ directions[:, -width:]
    scaled: Tensor = found / found.norm(dim=1).mean()
    return scaled


def loss_of(logits: Tensor, batch: Batch) -> Tensor:
    """Cross-entropy and energy of the logit of an attack."""
    is_attack, counts = batch.targets[:, 0], batch.importance[:, 0]
    wanted = is_attack * (1 - 2 * _SMOOTHING) + _SMOOTHING
    cross = functional.binary_cross_entropy_with_logits(logits, wanted, reduction="none")
    too_high = (1 - is_attack) * functional.relu(logits - LOW) ** 2
    too_low = is_attack * functional.relu(HIGH - logits) ** 2
    loss: Tensor = ((cross + ENERGY * (too_high + too_low)) * counts).mean()
    return loss


def fitted(examples: Sequence[Example], seed: int, say: Callable[[str], None]) -> Net:
    """A glance that tells attacks among the examples; the rates fall along a cosine."""
    torch.manual_seed(seed)
    weights = load_file(minilm_folder() / "model.safetensors")
    (words,) = (w for name, w in weights.items() if name.endswith("word_embeddings.weight"))
    net = Net(principal(words.float(), WIDTH))
    parts = {"words": [net.words.weight]}
    parts["heads"] = [p for name, p in net.named_parameters() if name != "words.weight"]
    optimiser = torch.optim.AdamW(
        [{"params": parts[name], "lr": rate, "highest": rate} for name, rate in RATES.items()]
    )
    steps, step = EPOCHS * math.ceil(len(examples) / SIZE), 0
    net.train()
    for epoch in range(EPOCHS):
        total = 0.0
        for batch in batches(examples, SIZE, seed + epoch):
            share = 0.5 * (1 + math.cos(math.pi * step / steps))
            for group in optimiser.param_groups:
                group["lr"] = group["highest"] * max(0.02, share)
            loss = loss_of(net(batch.inputs), batch)
            optimiser.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimiser.step()
            total += float(loss.detach())
            step += 1
        say(f"glance, epoch {epoch + 1} of {EPOCHS}: loss {total * EPOCHS / steps:.4f}")
    return net.eval()


def glance_of(net: Net, lines: Sequence[str]) -> Glance:
    """The same in numpy, with its vectors rounded to bytes."""
    weights = {
        f"{name}.weight": np.ascontiguousarray(part.weight.detach().numpy().T)
        for name, part in (("hidden", net.hidden), ("out", net.out))
    }
    weights |= {
        f"{name}.bias": part.bias.detach().numpy()
        for name, part in (("hidden", net.hidden), ("out", net.out))
    }
    words = Rows.of(net.words.weight.detach().numpy())
    shares = shares_of(net.shares.weight.detach()).numpy()
    shares = np.pad(shares, ((0, 0), (1, 0)), constant_values=1)
    return Glance(Vocabulary.of(lines), words, shares, weights)
