"""DeBERTa-v2 for classification in torch, with everything that no input changes worked out once.

The model projects its relative-position embeddings anew in every layer of every call, although
they are constants: for a text of 32 tokens that is most of the work. Here the projections are
tables, made when the model is loaded, and looked up by relative position without an index: row
`i` of a product with the table, shifted by `i`, is the bias of query `i`. The last layer is worked
out for the first token alone, because the head reads nothing else. Source of the arithmetic:
He et al., "DeBERTaV3", arXiv 2111.09543, section 2, and "DeBERTa", arXiv 2006.03654, section 3.
"""

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from tyrian.errors import ModelError

if TYPE_CHECKING:
    import torch

    Tensors = Mapping[str, torch.Tensor]
    Pair = tuple[torch.Tensor, torch.Tensor]

_HIDDEN = -1e9
"""Added to the score of a padded key, which makes its share 0."""
_ACTIVATIONS = frozenset({"gelu", "gelu_new", "relu", "tanh", "silu"})


def is_foldable(config: Mapping[str, Any]) -> bool:
    """True where this module knows every feature that a configuration asks for."""
    return (
        config.get("model_type") == "deberta-v2"
        and bool(config.get("relative_attention"))
        and set(_attention_types(config)) == {"c2p", "p2c"}
        and not config.get("conv_kernel_size")
        and config.get("embedding_size", config["hidden_size"]) == config["hidden_size"]
        and config.get("attention_head_size") is None
        and config.get("hidden_act", "gelu") in _ACTIVATIONS
        and config.get("pooler_hidden_act", "gelu") in _ACTIVATIONS
    )


def _attention_types(config: Mapping[str, Any]) -> list[str]:
    types = config.get("pos_att_type") or []
    return types.split("|") if isinstance(types, str) else list(types)


class FoldedDeberta:
    """The classifier as a function of token ids.

    It holds the tensors that it is given, uncopied; with `pack` it keeps copies of most linear maps
    in the order in which a CPU reads them (a tenth faster for short windows), while embeddings,
    which are two thirds of a Prompt Guard, stay where they are.
    """

    def __init__(
        self,
        config: Mapping[str, Any],
        tensors: "Tensors",
        max_tokens: int,
        *,
        pack: bool = False,
    ) -> None:
        self._tensors = tensors
        self._pack = pack
        self.max_tokens = max_tokens
        self.eps = float(config.get("layer_norm_eps", 1e-7))
        self.heads = int(config["num_attention_heads"])
        self.scale = 1.0 / math.sqrt(int(config["hidden_size"]) // self.heads * 3)
        """One over the root of head size times three: content, c2p and p2c are added up."""
        self.hidden_act = str(config.get("hidden_act", "gelu"))
        self._pooler_act = str(config.get("pooler_hidden_act", "gelu"))
        at = "deberta.embeddings."
        self._words = self.tensor(f"{at}word_embeddings.weight")
        self._positions = self._types = None
        if config.get("position_biased_input", True):
            self._positions = self.tensor(f"{at}position_embeddings.weight")
        if int(config.get("type_vocab_size", 0)) > 0:
            self._types = self.tensor(f"{at}token_type_embeddings.weight")[0]
        self._norm = self.pair(f"{at}LayerNorm")
        self._pooler, self._head = self.pair("pooler.dense"), self.pair("classifier")
        tables = _Tables(config, self, max_tokens)
        layers = int(config["num_hidden_layers"])
        self._layers = [
            _Layer(self, f"deberta.encoder.layer.{n}.", *tables.of_layer(n)) for n in range(layers)
        ]

    def tensor(self, name: str) -> "torch.Tensor":
        """One tensor of the checkpoint; ModelError where it is missing."""
        found = self._tensors.get(name)
        if found is None:
            raise ModelError(
                f"the weights lack {name!r}",
                hint="these are not the weights of a trained classifier; pull the model again",
            )
        return found

    @property
    def is_packed(self) -> bool:
        """True where most linear maps are copies in another order."""
        return self._pack

    def pair(self, name: str) -> "Pair":
        """Weight and bias of a linear map or a normalisation."""
        return self.tensor(f"{name}.weight"), self.tensor(f"{name}.bias")

    def maps(self, *names: str) -> "Pair":
        """Linear maps of the same input, side by side as one, packed where that is wanted."""
        import torch

        if not self._pack and len(names) == 1:
            return self.pair(names[0])
        pairs = [self.pair(name) for name in names]
        weight = torch.cat([weight for weight, _ in pairs])
        # The same numbers, stored by input instead of by output.
        weight = weight.t().contiguous().t() if self._pack else weight
        return weight, torch.cat([bias for _, bias in pairs])

    def logits(self, ids: "torch.Tensor", mask: "torch.Tensor | None") -> "torch.Tensor":
        """Logits [batch, labels] of ids [batch, tokens]; `mask` is 1 for tokens, 0 for padding."""
        from torch.nn import functional

        hidden = None
        if mask is not None:
            hidden = (1.0 - mask[:, None, None, :].to(self._words.dtype)) * _HIDDEN
        state = functional.embedding(ids, self._words)
        if self._positions is not None:
            state = state + self._positions[: ids.shape[1]]
        if self._types is not None:
            state = state + self._types
        state = self.norm(state, self._norm)
        for layer in self._layers[:-1]:
            state = layer.run(state, hidden)
        first = self._layers[-1].run_first(state, hidden)
        pooled = activated(self._pooler_act, functional.linear(first, *self._pooler))
        return functional.linear(pooled, *self._head)

    def norm(self, state: "torch.Tensor", pair: "Pair") -> "torch.Tensor":
        """A layer normalisation of the checkpoint."""
        from torch.nn import functional

        return functional.layer_norm(state, pair[0].shape, pair[0], pair[1], self.eps)


class _Layer:
    """One layer, with the names of the checkpoint looked up beforehand."""

    def __init__(
        self, model: FoldedDeberta, prefix: str, keys: "torch.Tensor", queries: "torch.Tensor"
    ) -> None:
        self._model = model
        self._keys = keys
        """Position keys by (key - query), scaled, [heads, 2 * most - 1, head size]."""
        self._queries = queries
        """Position queries by (query - key), scaled, in the same shape."""
        self._most = model.max_tokens
        at = f"{prefix}attention.self."
        names = (f"{at}query_proj", f"{at}key_proj", f"{at}value_proj")
        # One product instead of three pays only where the weights are copied anyway.
        groups = (names,) if model.is_packed else tuple((name,) for name in names)
        self._projections = tuple(model.maps(*group) for group in groups)
        at = f"{prefix}attention.output."
        self._mix, self._mix_norm = model.maps(f"{at}dense"), model.pair(f"{at}LayerNorm")
        self._up = model.maps(f"{prefix}intermediate.dense")
        at = f"{prefix}output."
        self._down, self._down_norm = model.pair(f"{at}dense"), model.pair(f"{at}LayerNorm")

    def run(self, state: "torch.Tensor", hidden: "torch.Tensor | None") -> "torch.Tensor":
        """The layer's output for every token."""
        query, key, value = self._projected(state)
        count = state.shape[1]
        near = slice(self._most - count, self._most + count - 1)
        to_position = skewed(query @ self._keys[:, near].transpose(-1, -2))
        to_content = skewed(key @ self._queries[:, near].transpose(-1, -2))
        bias = to_position + to_content.transpose(-1, -2)
        return self._finished(query, key, value, bias if hidden is None else bias + hidden, state)

    def run_first(self, state: "torch.Tensor", hidden: "torch.Tensor | None") -> "torch.Tensor":
        """The layer's output for the first token alone, [batch, hidden]."""
        query, key, value = self._projected(state)
        query, first = query[:, :, :1], state[:, :1]
        count, most = state.shape[1], self._most
        ahead = self._keys[:, most - 1 : most - 1 + count]
        behind = self._queries[:, most - count : most].flip(1)
        bias = query @ ahead.transpose(-1, -2) + (key * behind).sum(-1).unsqueeze(-2)
        bias = bias if hidden is None else bias + hidden
        return self._finished(query, key, value, bias, first)[:, 0]

    def _projected(self, state: "torch.Tensor") -> "list[torch.Tensor]":
        """Query, key and value, [batch, heads, tokens, head size]."""
        from torch.nn.functional import linear

        heads = self._model.heads
        found = [linear(state, *pair) for pair in self._projections]
        parts = found[0].chunk(3, -1) if len(found) == 1 else found
        return [part.view(*state.shape[:2], heads, -1).transpose(1, 2) for part in parts]

    def _finished(
        self,
        query: "torch.Tensor",
        key: "torch.Tensor",
        value: "torch.Tensor",
        bias: "torch.Tensor",
        asking: "torch.Tensor",
    ) -> "torch.Tensor":
        from torch.nn.functional import linear

        model = self._model
        mixed = attended(query, key, value, bias, model.scale)
        mixed = linear(mixed.transpose(1, 2).flatten(2), *self._mix)
        mixed = model.norm(mixed + asking, self._mix_norm)
        inner = activated(model.hidden_act, linear(mixed, *self._up))
        return model.norm(linear(inner, *self._down) + mixed, self._down_norm)


class _Tables:
    """Position keys and queries of each layer, by relative position instead of by bucket."""

    def __init__(self, config: Mapping[str, Any], model: FoldedDeberta, max_tokens: int) -> None:
        self._model = model
        self._shares_weights = bool(config.get("share_att_key", False))
        rows = bucket_rows(config, max_tokens)
        embeddings = model.tensor("deberta.encoder.rel_embeddings.weight")
        if "layer_norm" in str(config.get("norm_rel_ebd", "none")).lower():
            embeddings = model.norm(embeddings, model.pair("deberta.encoder.LayerNorm"))
        self._by_distance = embeddings[rows.to(embeddings.device)]

    def of_layer(self, number: int) -> "tuple[torch.Tensor, torch.Tensor]":
        """(keys, scaled queries) of a layer."""
        at = f"deberta.encoder.layer.{number}.attention.self."
        prefix = at if self._shares_weights else f"{at}pos_"
        keys = self._projected(f"{prefix}key_proj").flip(1)
        queries = self._projected(f"{prefix}query_proj")
        return keys.contiguous(), queries.contiguous()

    def _projected(self, name: str) -> "torch.Tensor":
        from torch.nn.functional import linear

        rows = linear(self._by_distance, *self._model.pair(name)) * self._model.scale
        return rows.view(len(rows), self._model.heads, -1).transpose(0, 1).detach()


def bucket_rows(config: Mapping[str, Any], max_tokens: int) -> "torch.Tensor":
    """Row of the position embeddings for each of query - key = -(most - 1) .. most - 1."""
    import torch

    most = int(config.get("max_relative_positions", -1))
    most = most if most >= 1 else int(config.get("max_position_embeddings", 512))
    buckets = int(config.get("position_buckets", -1))
    span = buckets if buckets > 0 else most
    distance = torch.arange(-(max_tokens - 1), max_tokens)
    bucket = distance
    if buckets > 0 and most > 0:
        middle = buckets // 2
        far = distance.abs().clamp(min=middle - 1)
        rate = torch.log(far / middle) / torch.log(torch.tensor((most - 1) / middle))
        logarithmic = torch.ceil(rate * (middle - 1)) + middle
        is_near = distance.abs() <= middle
        bucket = torch.where(is_near, distance.to(logarithmic), logarithmic * distance.sign())
    return (bucket.long() + span).clamp(0, 2 * span - 1)


def skewed(scores: "torch.Tensor") -> "torch.Tensor":
    """[..., n, 2n - 1] to [..., n, n]: row `i` is moved to the left by `n - 1 - i`."""
    batch, heads, count, width = scores.shape
    flat = scores.reshape(batch, heads, count * width)
    flat = flat[:, :, count - 1 : count - 1 + count * (width - 1)]
    return flat.reshape(batch, heads, count, width - 1)[:, :, :, :count]


def attended(
    query: "torch.Tensor",
    key: "torch.Tensor",
    value: "torch.Tensor",
    bias: "torch.Tensor",
    scale: float,
) -> "torch.Tensor":
    """Values mixed by softmax(query key^T scale + bias), [batch, heads, asking, head size]."""
    import torch

    # The exporter knows the parts of this, not the whole.
    if torch.jit.is_tracing():  # type: ignore[attr-defined, no-untyped-call]
        scores = (query * scale) @ key.transpose(-1, -2) + bias
        return scores.softmax(-1) @ value
    return torch.nn.functional.scaled_dot_product_attention(
        query, key, value, attn_mask=bias, scale=scale
    )


def activated(name: str, state: "torch.Tensor") -> "torch.Tensor":
    """An activation by the name that configurations give it."""
    from torch.nn import functional

    match name:
        case "gelu":
            return functional.gelu(state)
        case "gelu_new":
            return functional.gelu(state, approximate="tanh")
        case "relu":
            return functional.relu(state)
        case "silu":
            return functional.silu(state)
        case _:
            return state.tanh()
