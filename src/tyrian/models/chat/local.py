"""A causal language model in a local directory, through transformers; read, never run for long.

What guards and judges need of it is the probability of a few tokens at a few places. Several
places of one answer cost one prefill: the answer's beginning is given, and each place is read on
the way. Nothing is generated.
"""

import json
import logging
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tyrian.errors import ConfigError, InputError, MissingDependencyError
from tyrian.models.chat.tiles import PLACEHOLDER, Tiling
from tyrian.models.transformer.torch_model import device_of

if TYPE_CHECKING:
    from PIL.Image import Image

log = logging.getLogger(__name__)

PACKAGES = ("torch", "transformers", "tokenizers", "safetensors")
DTYPES = ("auto", "float32", "bfloat16", "float16")
LLAMA_4, MLLAMA = "llama4", "mllama"
_SEEING = frozenset({LLAMA_4, MLLAMA})


@dataclass(frozen=True, slots=True)
class Place:
    """What could stand at one place of an answer."""

    probabilities: tuple[float, ...]
    """Of the tokens asked for, among all tokens of the vocabulary."""
    best: int
    """The most likely token of all."""


@dataclass(frozen=True, slots=True)
class Question:
    """A place in a given answer, and the tokens whose probability is wanted there."""

    offset: int
    """How many of the given tokens stand before the place."""
    tokens: tuple[int, ...]


class LocalChat:
    """A model with its tokenizer and, where it sees, its preparation of images.

    Safe to share between threads: one prefill runs at a time.
    """

    def __init__(
        self, model: Any, tokenizer: Any, processor: Any = None, tiling: Tiling | None = None
    ) -> None:
        self._model = model
        self._tokenizer = tokenizer
        self._processor = processor
        self._tiling = tiling
        self._lock = threading.Lock()
        self._words = threading.Lock()
        self.kind: str = model.config.model_type
        text = model.config.get_text_config()
        self.hidden_size = int(text.hidden_size)
        self.context_length = int(getattr(text, "max_position_embeddings", 0) or 4096)
        self.sees = processor is not None or tiling is not None
        self.special_tokens = _special_tokens(tokenizer)

    @classmethod
    def load(cls, path: Path, *, device: str = "", dtype: str = "auto") -> "LocalChat":
        """Read a model directory; never the network, never pickled weights, never its own code.

        `device` is a name of torch; `auto` or nothing takes the GPU where there is one.
        ConfigError where the directory cannot be read or the device is not here,
        MissingDependencyError without the extra `hf`.
        """
        try:
            import torch  # noqa: F401
            import transformers
        except ImportError as error:
            raise MissingDependencyError(
                f"model directories need the packages {', '.join(PACKAGES)}",
                hint="pip install 'tyrian[hf]'",
            ) from error
        auto: Any = transformers
        auto.utils.logging.disable_progress_bar()
        kind_of_number = _dtype(dtype)
        place = device_of(device or "auto")
        own: dict[str, Any] = {"local_files_only": True, "trust_remote_code": False}
        try:
            config = auto.AutoConfig.from_pretrained(path, **own)
            _mend(config)
            seeing = config.model_type in _SEEING
            kind = auto.AutoModelForImageTextToText if seeing else auto.AutoModelForCausalLM
            model = kind.from_pretrained(
                path, config=config, dtype=kind_of_number, use_safetensors=True, **own
            )
            tokenizer = auto.AutoTokenizer.from_pretrained(path, **own)
            is_mllama = config.model_type == MLLAMA
            processor = auto.AutoProcessor.from_pretrained(path, **own) if is_mllama else None
        except Exception as error:
            raise ConfigError(
                f"model directory {str(path)!r} cannot be loaded ({type(error).__name__})",
                hint="it needs config.json, tokenizer files and *.safetensors of one model",
            ) from error
        tiling = None
        if config.model_type == LLAMA_4:
            tiling = Tiling.of(config.vision_config, _preparation(path))
        if not getattr(model, "is_quantized", False):  # quantised weights are placed already
            model = model.to(place)
        return cls(model.eval(), tokenizer, processor, tiling)

    @property
    def template(self) -> str:
        """The chat template that the model brings along, empty where it brings none."""
        own = self._tokenizer.chat_template or getattr(self._processor, "chat_template", None)
        if isinstance(own, dict):
            own = own.get("default")
        return own if isinstance(own, str) else ""

    def render(self, messages: Sequence[Mapping[str, object]], **variables: object) -> str:
        """The prompt that the model's own template makes of a conversation.

        Raises what the template raises: it is data of the model, so expect anything.
        """
        with self._words:
            rendered = self._tokenizer.apply_chat_template(
                list(messages),
                chat_template=self.template,
                tokenize=False,
                add_generation_prompt=True,
                **variables,
            )
        return str(rendered)

    def ids(self, text: str) -> tuple[int, ...]:
        """The tokens of a text; special tokens in it count as what they are."""
        with self._words:
            return tuple(self._tokenizer(text, add_special_tokens=False)["input_ids"])

    def count(self, text: str) -> int:
        """How many tokens a text has."""
        return len(self.ids(text))

    @property
    def image_tokens(self) -> int:
        """How many tokens of the prompt an image takes at most."""
        if self._tiling is None:
            return 1
        return self._tiling.most_tokens

    def first_token_scores(
        self, prompt: str, words: Sequence[str], *, images: Sequence["Image"] = ()
    ) -> dict[str, float]:
        """How likely the answer begins with each word, among all beginnings."""
        firsts = tuple(self.ids(word)[0] for word in words)
        (place,) = self.read(prompt, [Question(0, firsts)], images=images)
        return dict(zip(words, place.probabilities, strict=True))

    def read(
        self,
        prompt: str,
        questions: Sequence[Question],
        *,
        given: Sequence[int] = (),
        images: Sequence["Image"] = (),
    ) -> list[Place]:
        """The probabilities at places of the answer that begins with the tokens `given`.

        One prefill. InputError where the prompt has not one place for each image.
        """
        import torch

        inputs = self._inputs(prompt, images)
        device = self._model.device
        with self._lock, torch.inference_mode():
            prepared = {key: value.to(device) for key, value in _extended(inputs, given).items()}
            answer = self._model(**prepared, use_cache=False, logits_to_keep=len(given) + 1)
            rows = torch.log_softmax(answer.logits[0, -len(given) - 1 :].float(), dim=-1).cpu()
        return [
            Place(
                tuple(rows[one.offset, list(one.tokens)].exp().tolist()),
                int(rows[one.offset].argmax()),
            )
            for one in questions
        ]

    def _inputs(self, prompt: str, images: Sequence["Image"]) -> dict[str, Any]:
        import torch

        if not images:
            return {"input_ids": torch.tensor([self.ids(prompt)])}
        if prompt.count(PLACEHOLDER) != len(images) or not self.sees:
            raise InputError("the prompt has not one place for each image")
        if self._tiling is None:
            with self._words:
                made = self._processor(
                    images=[list(images)],
                    text=[prompt],
                    add_special_tokens=False,
                    return_tensors="pt",
                )
            return dict(made)
        pieces = prompt.split(PLACEHOLDER)
        tiles = []
        text = [pieces[0]]
        for image, piece in zip(images, pieces[1:], strict=True):
            pixels, grid = self._tiling.pixels(image)
            tiles.append(pixels)
            text += [self._tiling.tokens(grid), piece]
        pixel_values = torch.cat(tiles).to(self._model.dtype)
        return {
            "input_ids": torch.tensor([self.ids("".join(text))]),
            "pixel_values": pixel_values,
        }


def _extended(inputs: dict[str, Any], given: Sequence[int]) -> dict[str, Any]:
    """The inputs with the beginning of the answer behind them."""
    import torch

    if not given:
        return inputs
    more = torch.tensor([list(given)])
    out = dict(inputs)
    out["input_ids"] = torch.cat([inputs["input_ids"], more], dim=1)
    if "attention_mask" in inputs:
        out["attention_mask"] = torch.cat([inputs["attention_mask"], torch.ones_like(more)], dim=1)
    if "cross_attention_mask" in inputs:
        mask = inputs["cross_attention_mask"]
        last = mask[:, -1:].expand(-1, len(given), *mask.shape[2:])
        out["cross_attention_mask"] = torch.cat([mask, last], dim=1)
    return out


def _mend(config: Any) -> None:
    """Llama Guard 4 leaves its attention chunk empty, which means one chunk for all."""
    if config.model_type == LLAMA_4 and config.text_config.attention_chunk_size is None:
        config.text_config.attention_chunk_size = config.text_config.max_position_embeddings


def _dtype(name: str) -> Any:
    import torch

    if name not in DTYPES:
        raise ConfigError(f"unknown dtype {name!r}", hint=f"known: {', '.join(DTYPES)}")
    return name if name == "auto" else getattr(torch, name)


def _preparation(path: Path) -> dict[str, Any]:
    for name in ("preprocessor_config.json", "processor_config.json"):
        file = path / name
        if file.is_file():
            found = json.loads(file.read_text(encoding="utf-8"))
            inner = found.get("image_processor", found)
            if isinstance(inner, dict):
                return inner
    return {}


def _special_tokens(tokenizer: Any) -> tuple[str, ...]:
    added = [str(token) for token in tokenizer.added_tokens_decoder.values() if token.special]
    return tuple(dict.fromkeys([*tokenizer.all_special_tokens, *added]))
