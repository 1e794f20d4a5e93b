"""Prompt Guard 2's exact shapes with random weights, in the files that every loader reads."""

import json
import string
from functools import cache
from pathlib import Path
from typing import Any

from _texts import ordinary

SHAPES: dict[str, dict[str, int]] = {
    "22M": {
        "hidden_size": 384,
        "num_hidden_layers": 12,
        "num_attention_heads": 6,
        "intermediate_size": 1536,
        "vocab_size": 128_100,
    },
    "86M": {
        "hidden_size": 768,
        "num_hidden_layers": 12,
        "num_attention_heads": 12,
        "intermediate_size": 3072,
        "vocab_size": 251_000,
    },
}
_SPECIAL = ("[PAD]", "[CLS]", "[SEP]", "[UNK]", "[MASK]")


def write_model(directory: Path, shape: str) -> None:
    """A directory with the shape's configuration, random weights and a tokenizer of its size."""
    import torch
    from transformers import DebertaV2Config, DebertaV2ForSequenceClassification

    directory.mkdir(parents=True, exist_ok=True)
    sizes = SHAPES[shape]
    torch.manual_seed(7)
    settings: dict[str, Any] = dict(
        **sizes,
        pooler_hidden_size=sizes["hidden_size"],
        position_buckets=256,
        relative_attention=True,
        pos_att_type=["p2c", "c2p"],
        share_att_key=True,
        norm_rel_ebd="layer_norm",
        position_biased_input=False,
        type_vocab_size=0,
        layer_norm_eps=1e-7,
        pad_token_id=0,
        id2label={0: "LABEL_0", 1: "LABEL_1"},
        label2id={"LABEL_0": 0, "LABEL_1": 1},
    )
    model = DebertaV2ForSequenceClassification(DebertaV2Config(**settings))
    model.train(mode=False)
    model.save_pretrained(directory)
    _write_tokenizer(directory, sizes["vocab_size"])


@cache
def _tokenizer(directory: Path) -> Any:
    from tokenizers import Tokenizer

    return Tokenizer.from_file(str(directory / "tokenizer.json"))


def text_of(directory: Path, tokens: int, seed: int) -> str:
    """An ordinary text of that many tokens, special ones among them, give or take one word."""
    tokenizer = _tokenizer(directory)
    words = ordinary(tokens * 8, seed).split()
    low, high = 1, len(words)
    while low < high:
        middle = (low + high + 1) // 2
        fits = len(tokenizer.encode(" ".join(words[:middle])).ids) <= tokens
        low, high = (middle, high) if fits else (low, middle - 1)
    return " ".join(words[:low])


def _write_tokenizer(directory: Path, size: int) -> None:
    from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers
    from tokenizers.processors import TemplateProcessing

    made = Tokenizer(models.Unigram(_vocabulary(size), unk_id=3, byte_fallback=False))
    made.normalizer = normalizers.Sequence(
        [
            normalizers.Replace(Regex(r"\s{2,}|[\n\r\t]"), " "),
            normalizers.NFKC(),
            normalizers.Strip(left=False, right=True),
        ]
    )
    made.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="always")
    made.decoder = decoders.Metaspace(prepend_scheme="always")
    made.post_processor = TemplateProcessing(
        single="[CLS]:0 $A:0 [SEP]:0",
        pair="[CLS]:0 $A:0 [SEP]:0 $B:1 [SEP]:1",
        special_tokens=[("[CLS]", 1), ("[SEP]", 2)],
    )
    made.add_special_tokens(list(_SPECIAL))
    made.save(str(directory / "tokenizer.json"))
    names = ("pad", "cls", "sep", "unk", "mask")
    special: dict[str, Any] = {
        f"{name}_token": token for name, token in zip(names, _SPECIAL, strict=True)
    }
    special |= {"tokenizer_class": "DebertaV2TokenizerFast", "model_max_length": 512}
    (directory / "tokenizer_config.json").write_text(json.dumps(special))


def _vocabulary(size: int) -> list[tuple[str, float]]:
    """Words of the benchmark's texts with and without a blank before them, letters, and filling."""
    words = {word for seed in range(40) for word in ordinary(4_000, seed).split()}
    letters = set(string.printable) | {char for word in words for char in word}
    pieces = [(token, 0.0) for token in _SPECIAL]
    pieces += [("▁", -4.0)]
    pieces += [(f"▁{word}", -9.0) for word in sorted(words)]
    pieces += [(word, -10.0) for word in sorted(words) if len(word) > 1]
    pieces += [(letter, -12.0) for letter in sorted(letters) if not letter.isspace()]
    pieces += [(f"▁filling{number}", -14.0) for number in range(size - len(pieces))]
    return pieces
