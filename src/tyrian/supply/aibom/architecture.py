"""What `config.json` says of a network: family, class, sizes, and what it is for."""

from collections.abc import Mapping
from types import MappingProxyType

from tyrian.supply.aibom.parts import Architecture
from tyrian.supply.scan.strict_json import JsonError, decode

_FACTS = (
    *("hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads"),
    *("num_key_value_heads", "num_local_experts", "num_experts", "vocab_size"),
    *("max_position_embeddings", "dtype", "torch_dtype", "transformers_version"),
    *("tie_word_embeddings", "sliding_window"),
)
_TASKS = (
    ("ForCausalLM", "text-generation"),
    ("LMHeadModel", "text-generation"),
    ("ForSequenceClassification", "text-classification"),
    ("ForTokenClassification", "token-classification"),
    ("ForQuestionAnswering", "question-answering"),
    ("ForMaskedLM", "fill-mask"),
    ("ForImageClassification", "image-classification"),
    ("ForSpeechSeq2Seq", "automatic-speech-recognition"),
    ("ForImageTextToText", "image-text-to-text"),
    ("ForConditionalGeneration", "text2text-generation"),
)
FORMATS: Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]] = MappingProxyType(
    {
        "text-generation": (("text",), ("text",)),
        "text2text-generation": (("text",), ("text",)),
        "summarization": (("text",), ("text",)),
        "translation": (("text",), ("text",)),
        "question-answering": (("text",), ("text",)),
        "fill-mask": (("text",), ("text",)),
        "text-classification": (("text",), ("scores by label",)),
        "token-classification": (("text",), ("labels by place",)),
        "feature-extraction": (("text",), ("vector",)),
        "sentence-similarity": (("text",), ("vector",)),
        "image-classification": (("image",), ("scores by label",)),
        "image-text-to-text": (("image", "text"), ("text",)),
        "text-to-image": (("text",), ("image",)),
        "automatic-speech-recognition": (("audio",), ("text",)),
        "text-to-speech": (("text",), ("audio",)),
    }
)
"""What models of a task read and give."""


def read_architecture(data: bytes) -> Architecture:
    """The architecture of a configuration; empty where it cannot be read."""
    try:
        told = decode(data)
    except JsonError:
        return Architecture()
    if not isinstance(told, dict):
        return Architecture()
    names = told.get("architectures")
    first = names[0] if isinstance(names, list) and names else ""
    facts = {key: str(told[key]) for key in _FACTS if _is_plain(told.get(key))}
    quantization = told.get("quantization_config")
    if isinstance(quantization, dict) and _is_plain(quantization.get("quant_method")):
        facts["quantization"] = str(quantization["quant_method"])
    labels = told.get("id2label")
    if isinstance(labels, dict) and len(labels) <= 100:
        facts["labels"] = ", ".join(str(one) for one in labels.values())
    return Architecture(
        family=_name(told.get("model_type")) or _name(told.get("peft_type")),
        name=_name(first),
        facts=MappingProxyType(facts),
    )


def task_of(architecture: str) -> str:
    """The task that a network of that class is for; empty where its name does not say."""
    return next((task for ending, task in _TASKS if architecture.endswith(ending)), "")


def _is_plain(value: object) -> bool:
    return isinstance(value, int | float) or (isinstance(value, str) and 0 < len(value) <= 200)


def _name(value: object) -> str:
    return value[:200] if isinstance(value, str) else ""
