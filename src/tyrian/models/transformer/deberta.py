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
    """The classifier as a function of token ids; holds the tensors that it is given, uncopied."""

    def __init__(self, config: Mapping[str, Any], tensors: "Tensors", max_tokens: int) -> None:
        self._tensors = tensors
        self._eps = float(config.get("layer_norm_eps", 1e-7))
        self._heads = int(config["num_attention_heads"])
        self._head_size = int(config["hidden_size"]) // self._heads
        self._scale = 1.0 / math.sqrt(self._head_size * 3)
        self._act = config.get("hidden_act", "gelu")
        self._pooler_act = config.get("pooler_hidden_act", "gelu")
        self._has_positions = bool(config.get("position_biased_input", True))
        self._has_types = int(config.get("type_vocab_size", 0)) > 0
        self.max_tokens = max_tokens
        layers = int(config["num_hidden_layers"])
        tables = _Tables(config, self, max_tokens)
        self._layers = [
            _Layer(self, f"deberta.encoder.layer.{n}.", *tables.of_layer(n)) for n in range(layers)
        ]
        for name in ("pooler.dense.weight", "classifier.weight", "classifier.bias"):
            self.tensor(name)  # a missing head must be found now, not at the first request

    def tensor(self, name: str) -> "torch.Tensor":
        """One tensor of the checkpoint; ModelError where it is missing."""
        found = self._tensors.get(name)
        if found is None:
            raise ModelError(
                f"the weights lack {name!r}",
                hint="these are not the weights of a trained classifier; pull the model again",
            )
        return found

    def logits(self, ids: "torch.Tensor", mask: "torch.Tensor | None") -> "torch.Tensor":
        """Logits [batch, labels] of ids [batch, tokens]; `mask` is 1 for tokens, 0 for padding."""
        from torch.nn import functional

        bias = None if mask is None else (1.0 - mask[:, None, None, :].to(self.dtype)) * -1e9
        state = self._embedded(ids)
        for layer in self._layers[:-1]:
            state = layer.run(state, bias)
        first = self._layers[-1].run_first(state, bias)
        pooled = activated(self._pooler_act, self.linear(first, "pooler.dense"))
        out: torch.Tensor = functional.linear(
            pooled, self.tensor("classifier.weight"), self.tensor("classifier.bias")
        )
        return out

    @property
    def dtype(self) -> "torch.dtype":
        """The type that it computes in."""
        return self.tensor("classifier.weight").dtype

    def _embedded(self, ids: "torch.Tensor") -> "torch.Tensor":
        from torch.nn import functional

        at = "deberta.embeddings."
        state = functional.embedding(ids, self.tensor(f"{at}word_embeddings.weight"))
        if self._has_positions:
            state = state + self.tensor(f"{at}position_embeddings.weight")[: ids.shape[1]]
        if self._has_types:
            state = state + self.tensor(f"{at}token_type_embeddings.weight")[0]
        return self.norm(state, f"{at}LayerNorm")

    def linear(self, state: "torch.Tensor", name: str) -> "torch.Tensor":
        """A linear map of the checkpoint."""
        from torch.nn import functional

        return functional.linear(state, self.tensor(f"{name}.weight"), self.tensor(f"{name}.bias"))

    def norm(self, state: "torch.Tensor", name: str) -> "torch.Tensor":
        """A layer normalisation of the checkpoint."""
        from torch.nn import functional

        weight = self.tensor(f"{name}.weight")
        bias = self.tensor(f"{name}.bias")
        return functional.layer_norm(state, weight.shape, weight, bias, self._eps)

    def split(self, state: "torch.Tensor") -> "torch.Tensor":
        """[batch, tokens, hidden] as [batch, heads, tokens, head size]."""
        shape = (state.shape[0], state.shape[1], self._heads, self._head_size)
        return state.view(shape).transpose(1, 2)

    @property
    def scale(self) -> float:
        """One over the root of head size times three: content, c2p and p2c are added up."""
        return self._scale

    @property
    def hidden_act(self) -> str:
        """The activation of the feed-forward layers."""
        return str(self._act)


class _Layer:
    def __init__(
        self, model: FoldedDeberta, prefix: str, keys: "torch.Tensor", queries: "torch.Tensor"
    ) -> None:
        self._model = model
        self._prefix = prefix
        self._keys = keys
        """Position keys by (key - query), [heads, 2 * most - 1, head size]."""
        self._queries = queries
        """Position queries by (query - key), scaled, in the same shape."""
        self._most = model.max_tokens

    def run(self, state: "torch.Tensor", bias: "torch.Tensor | None") -> "torch.Tensor":
        """The layer's output for every token."""
        query, key, value = self._projected(state, state)
        count = state.shape[1]
        near = slice(self._most - count, self._most + count - 1)
        to_position = skewed(query @ self._keys[:, near].transpose(-1, -2))
        to_content = skewed(key @ self._queries[:, near].transpose(-1, -2))
        scores = query @ key.transpose(-1, -2) + to_position + to_content.transpose(-1, -2)
        return self._finished(scores, value, state, bias)

    def run_first(self, state: "torch.Tensor", bias: "torch.Tensor | None") -> "torch.Tensor":
        """The layer's output for the first token alone, [batch, hidden]."""
        first = state[:, :1]
        query, key, value = self._projected(first, state)
        count, most = state.shape[1], self._most
        ahead = self._keys[:, most - 1 : most - 1 + count]
        behind = self._queries[:, most - count : most].flip(1)
        scores = query @ (key + ahead).transpose(-1, -2)
        scores = scores + (key * behind).sum(-1).unsqueeze(-2)
        return self._finished(scores, value, first, bias)[:, 0]

    def _projected(
        self, asking: "torch.Tensor", state: "torch.Tensor"
    ) -> "tuple[torch.Tensor, torch.Tensor, torch.Tensor]":
        model, at = self._model, f"{self._prefix}attention.self."
        query = model.split(model.linear(asking, f"{at}query_proj")) * model.scale
        key = model.split(model.linear(state, f"{at}key_proj"))
        return query, key, model.split(model.linear(state, f"{at}value_proj"))

    def _finished(
        self,
        scores: "torch.Tensor",
        value: "torch.Tensor",
        asking: "torch.Tensor",
        bias: "torch.Tensor | None",
    ) -> "torch.Tensor":
        model, at = self._model, self._prefix
        if bias is not None:
            scores = scores + bias
        mixed = (scores.softmax(-1) @ value).transpose(1, 2).reshape(asking.shape)
        mixed = model.linear(mixed, f"{at}attention.output.dense")
        mixed = model.norm(mixed + asking, f"{at}attention.output.LayerNorm")
        inner = activated(model.hidden_act, model.linear(mixed, f"{at}intermediate.dense"))
        return model.norm(model.linear(inner, f"{at}output.dense") + mixed, f"{at}output.LayerNorm")


class _Tables:
    """Position keys and queries of each layer, by relative position instead of by bucket."""

    def __init__(self, config: Mapping[str, Any], model: FoldedDeberta, max_tokens: int) -> None:
        self._model = model
        self._shares_weights = bool(config.get("share_att_key", False))
        rows = bucket_rows(config, max_tokens)
        embeddings = model.tensor("deberta.encoder.rel_embeddings.weight")
        if "layer_norm" in str(config.get("norm_rel_ebd", "none")).lower():
            embeddings = model.norm(embeddings, "deberta.encoder.LayerNorm")
        self._by_distance = embeddings[rows.to(embeddings.device)]

    def of_layer(self, number: int) -> "tuple[torch.Tensor, torch.Tensor]":
        """(keys, scaled queries) of a layer."""
        at = f"deberta.encoder.layer.{number}.attention.self."
        prefix = at if self._shares_weights else f"{at}pos_"
        keys = self._model.linear(self._by_distance, f"{prefix}key_proj")
        queries = self._model.linear(self._by_distance, f"{prefix}query_proj") * self._model.scale
        split = self._model.split
        keys, queries = split(keys[None])[0], split(queries[None])[0]
        return keys.flip(1).contiguous().detach(), queries.contiguous().detach()


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
