"""The encoder in torch: the same arithmetic as `tyrian.models.encoder.network`, to be trained."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from tyrian.models.encoder.network import HEADS
from tyrian.models.encoder.tokens import BAG_SIZE

WIDTH = 384
BAG_WIDTH = 128
QUERIES = 3
HIDDEN = 256
NO_WORD, NO_BAG = 0.04, 0.15
"""Shares of tokens of which, in training, only the bag or only the word is read."""
_SMALL = 1e-12
_NEVER = -1e9
"""Logit of what is not read."""


@dataclass(frozen=True, slots=True)
class Inputs:
    """Windows side by side: flat bags and pieces of all tokens, and where the tokens stand."""

    buckets: Tensor
    bag_starts: Tensor
    pieces: Tensor
    piece_starts: Tensor
    lengths: Tensor
    """(batch,) tokens of each window, without the edges."""


class Layer(nn.Module):
    """Self-attention and what follows it, normed after each, as in BERT."""

    def __init__(self, width: int, inner: int) -> None:
        super().__init__()
        self.mixed = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)
        self.norm = nn.LayerNorm(width, eps=_SMALL)
        self.wide = nn.Linear(width, inner)
        self.narrow = nn.Linear(inner, width)
        self.norm2 = nn.LayerNorm(width, eps=_SMALL)
        self.drop = nn.Dropout(0.1)

    def attended(self, rows: Tensor, allowed: Tensor) -> Tensor:
        """(batch, tokens, width) to the same shape: the first half of the layer.

        Written out, since torch's own attention goes back through 16-bit numbers far more slowly.
        """
        batch, count, width = rows.shape
        split = (batch, count, HEADS, width // HEADS)
        query, key, value = (
            part.view(split).transpose(1, 2) for part in self.mixed(rows).chunk(3, dim=-1)
        )
        alike = (query @ key.transpose(-1, -2)) * (width // HEADS) ** -0.5
        seen = alike.masked_fill(~allowed, _NEVER).softmax(dim=-1) @ value
        out = self.out(seen.transpose(1, 2).reshape(batch, count, width))
        result: Tensor = self.norm(rows + self.drop(out))
        return result

    def forward(self, rows: Tensor, allowed: Tensor) -> Tensor:
        """(batch, tokens, width) to the same shape; `allowed` says which tokens are read."""
        rows = self.attended(rows, allowed)
        inner = self.narrow(functional.relu(self.wide(rows)))
        result: Tensor = self.norm2(rows + self.drop(inner))
        return result


class Encoder(nn.Module):
    """Word pieces and bags of n-grams in; one logit per label out."""

    def __init__(self, pieces: int, places: int, inner: Sequence[int], outputs: int) -> None:
        """So many word pieces and places; `inner` is the width within each layer."""
        super().__init__()
        self.words = nn.EmbeddingBag(pieces, WIDTH, mode="mean")
        self.words.weight.requires_grad_(False)
        self.bags = nn.EmbeddingBag(BAG_SIZE, BAG_WIDTH, mode="mean")
        nn.init.normal_(self.bags.weight, std=0.02)
        self.bag = nn.Linear(BAG_WIDTH, WIDTH, bias=False)
        self.edges = nn.Parameter(torch.zeros(2, WIDTH))
        self.places = nn.Parameter(torch.zeros(places, WIDTH))
        self.norm = nn.LayerNorm(WIDTH, eps=_SMALL)
        self.layers = nn.ModuleList(Layer(WIDTH, one) for one in inner)
        self.queries = nn.Linear(WIDTH, QUERIES)
        self.hidden = nn.Linear((QUERIES + 2) * WIDTH, HIDDEN)
        self.heads = nn.Linear(HIDDEN, outputs)
        self.drop = nn.Dropout(0.1)

    def embedded(self, inputs: Inputs) -> tuple[Tensor, Tensor]:
        """(batch, tokens + 2, width) rows, and (batch, tokens + 2) whether there is a token."""
        batch, count = len(inputs.lengths), int(inputs.lengths.max()) + 2
        at = torch.arange(count)
        is_there = at[None, :] < inputs.lengths[:, None] + 2
        is_last = at[None, :] == inputs.lengths[:, None] + 1
        is_token = is_there & ~is_last & (at > 0)[None, :]
        words = self.words(inputs.pieces, inputs.piece_starts)
        bags = self.bag(self.bags(inputs.buckets, inputs.bag_starts))
        if self.training:
            chance = torch.rand(len(words), 1)
            words = words * (chance > NO_WORD)
            bags = bags * (chance < 1 - NO_BAG)
        rows = words.new_zeros(batch * count, WIDTH)
        rows = rows.index_copy(0, is_token.view(-1).nonzero().squeeze(1), words + bags)
        rows = rows.view(batch, count, WIDTH)
        rows = rows + is_last[:, :, None] * self.edges[1] + (at == 0)[None, :, None] * self.edges[0]
        return self.drop(self.norm(rows + self.places[:count])), is_there

    def forward(self, inputs: Inputs) -> Tensor:
        """(batch, outputs) logits."""
        rows, is_there = self.embedded(inputs)
        allowed = is_there[:, None, None, :]
        for layer in self.layers:
            rows = layer(rows, allowed)
        absent = ~is_there[:, :, None]
        weights = self.queries(rows).masked_fill(absent, _NEVER).softmax(dim=1)
        pooled = torch.einsum("btq,btw->bqw", weights, rows).flatten(1)
        most = rows.masked_fill(absent, _NEVER).amax(dim=1)
        inner = functional.relu(self.hidden(torch.cat((rows[:, 0], pooled, most), dim=1)))
        logits: Tensor = self.heads(self.drop(inner))
        return logits
