"""The encoder in torch: the same arithmetic as `tyrian.models.encoder.network`, to be trained."""

import torch
from torch import Tensor, nn
from torch.nn import functional

from tyrian.models.encoder.tokens import BAG_SIZE

DILATIONS = (1, 2, 4)
QUERIES = 4
HEADS = 4


class Convolution(nn.Module):
    """Three neighbours to one, added to what was there."""

    def __init__(self, width: int, dilation: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.conv = nn.Conv1d(width, width, 3, dilation=dilation, padding=dilation)

    def forward(self, rows: Tensor, mask: Tensor) -> Tensor:
        """(batch, tokens, width) to the same shape."""
        inner = (self.norm(rows) * mask).transpose(1, 2)
        return rows + functional.relu(self.conv(inner).transpose(1, 2))


class Attention(nn.Module):
    """One layer of self-attention and what follows it."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.mixed = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)
        self.norm2 = nn.LayerNorm(width)
        self.wide = nn.Linear(width, 2 * width)
        self.narrow = nn.Linear(2 * width, width)

    def forward(self, rows: Tensor, mask: Tensor) -> Tensor:
        """(batch, tokens, width) to the same shape."""
        batch, count, width = rows.shape
        split = (batch, count, HEADS, width // HEADS)
        query, key, value = (
            part.view(split).transpose(1, 2)
            for part in self.mixed(self.norm(rows)).chunk(3, dim=-1)
        )
        allowed = mask.squeeze(-1).bool()[:, None, None, :]
        seen = functional.scaled_dot_product_attention(query, key, value, attn_mask=allowed)
        rows = rows + self.out(seen.transpose(1, 2).reshape(batch, count, width))
        inner = functional.relu(self.wide(self.norm2(rows)))
        result: Tensor = rows + self.narrow(inner)
        return result


class Encoder(nn.Module):
    """Bags of n-grams and known words in; one logit per label out."""

    vectors: Tensor

    def __init__(self, vectors: Tensor, outputs: int) -> None:
        super().__init__()
        width = vectors.shape[1]
        self.register_buffer("vectors", torch.cat((torch.zeros(1, width), vectors)))
        self.bags = nn.EmbeddingBag(BAG_SIZE, width, mode="mean")
        nn.init.normal_(self.bags.weight, std=0.1)
        self.known = nn.Linear(width, width)
        self.norm = nn.LayerNorm(width)
        self.convolutions = nn.ModuleList(Convolution(width, d) for d in DILATIONS)
        self.attention = Attention(width)
        self.last = nn.LayerNorm(width)
        self.queries = nn.Linear(width, QUERIES)
        self.hidden = nn.Linear((QUERIES + 1) * width, width)
        self.heads = nn.Linear(width, outputs)
        self.drop = nn.Dropout(0.15)

    def forward(self, buckets: Tensor, starts: Tensor, known: Tensor, mask: Tensor) -> Tensor:
        """Flat bags with their starts, (batch, tokens) known words, (batch, tokens, 1) mask."""
        batch, count = known.shape
        bags = self.bags(buckets, starts)
        rows = bags.new_zeros(batch * count, bags.shape[1])
        rows = rows.index_copy(0, mask.view(-1).nonzero().squeeze(1), bags)
        rows = rows.view(batch, count, -1) + self.known(self.vectors[known])
        rows = self.drop(self.norm(rows)) * mask
        for convolution in self.convolutions:
            rows = convolution(rows, mask)
        rows = self.last(self.attention(rows, mask))
        weights = self.queries(rows).masked_fill(mask == 0, -1e9).softmax(dim=1)
        pooled = torch.einsum("btq,btw->bqw", weights, rows).flatten(1)
        most = rows.masked_fill(mask == 0, -1e9).amax(dim=1)
        inner = functional.relu(self.hidden(torch.cat((pooled, most), dim=1)))
        logits: Tensor = self.heads(self.drop(inner))
        return logits
