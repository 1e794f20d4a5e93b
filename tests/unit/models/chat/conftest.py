"""Tiny Llama Guards with weights by chance, in the true architectures and file formats."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

LLAMA_3_SPLIT = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}"
    r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
LLAMA_3_TOKENS = (
    "<|begin_of_text|>",
    "<|end_of_text|>",
    "<|start_header_id|>",
    "<|end_header_id|>",
    "<|eot_id|>",
    "<|eom_id|>",
    "<|python_tag|>",
    "<|image|>",
)
LLAMA_4_TOKENS = (
    "<|begin_of_text|>",
    "<|end_of_text|>",
    "<|header_start|>",
    "<|header_end|>",
    "<|eot|>",
    "<|eom|>",
    "<|image_start|>",
    "<|image_end|>",
    "<|patch|>",
    "<|tile_x_separator|>",
    "<|tile_y_separator|>",
    "<|image|>",
)
NAMES = (
    "Violent Crimes",
    "Non-Violent Crimes",
    "Sex Crimes",
    "Child Exploitation",
    "Defamation",
    "Specialized Advice",
    "Privacy",
    "Intellectual Property",
    "Indiscriminate Weapons",
    "Hate",
    "Self-Harm",
    "Sexual Content",
    "Elections",
    "Code Interpreter Abuse",
)
LLAMA_GUARD_2_NAMES = (
    "Violent Crimes",
    "Non-Violent Crimes",
    "Sex-Related Crimes",
    "Child Sexual Exploitation",
    "Specialized Advice",
    "Privacy",
    "Intellectual Property",
    "Indiscriminate Weapons",
    "Hate",
    "Suicide & Self-Harm",
    "Sexual Content",
)

LISTED = "".join(f"S{n}: {name}.\\n" for n, name in enumerate(NAMES, 1))

_HEAD = (
    "{% set role = 'Agent' if messages|length % 2 == 0 else 'User' %}"
    "{{ 'START' }}IMAGE{{ \"Task: Check if there is unsafe content in '\" + role + \"' messages in "
    "conversations according our safety policy with the below categories.\\n\\n"
    '<BEGIN UNSAFE CONTENT CATEGORIES>\\n" }}'
)
_TAIL = (
    "{{ '<END CONVERSATION>\\n\\nProvide your safety assessment for ONLY THE LAST ' + role + "
    "' message in the above conversation:\\n- First line must read \\'safe\\' or \\'unsafe\\'.\\n"
    "- If unsafe, a second line must include a comma-separated list of violated categories."
    "END' }}"
)
_FIXED = "{{ 'LISTED<END UNSAFE CONTENT CATEGORIES>\\n\\n<BEGIN CONVERSATION>\\n\\n' }}"
_CHOSEN = (
    "{% if categories is not defined %}{% set categories = {DEFAULTS} %}{% endif %}"
    "{% for key in categories %}{% if key not in (excluded_category_keys or []) %}"
    "{{ key + ': ' + categories[key] + '\\n' }}{% endif %}{% endfor %}"
    "{{ '<END UNSAFE CONTENT CATEGORIES>\\n\\n<BEGIN CONVERSATION>\\n\\n' }}"
)
_ALTERNATE = (
    "{% if (message['role'] == 'user') != (loop.index0 % 2 == 0) %}"
    "{{ raise_exception('Conversation roles must alternate') }}{% endif %}"
    "{% set seat = 'User' if message['role'] == 'user' else 'Agent' %}"
)
_STRINGS = (
    "{% for message in messages %}"
    + _ALTERNATE
    + "{{ seat + ': ' + message['content'] | trim + '\\n\\n' }}{% endfor %}"
)
_PARTS = (
    "{% for message in messages %}"
    + _ALTERNATE
    + "{{ seat + ': ' }}{% for part in message['content'] %}"
    "{% if part['type'] == 'image' %}PLACE{% endif %}"
    "{% if part['type'] == 'text' %}{{ part['text'] | trim }}{% endif %}{% endfor %}"
    "{{ '\\n\\n' }}{% endfor %}"
)
_SEES = (
    "{% set ns = namespace(seen=false) %}{% for message in messages %}"
    "{% for part in message['content'] | selectattr('type', 'equalto', 'image') %}"
    "{% set ns.seen = true %}{% endfor %}{% endfor %}"
    "{% if ns.seen %}{{ '<|image|> ' }}{% endif %}"
)
_LLAMA_3 = (
    "<|begin_of_text|><|start_header_id|>user<|end_header_id|>\\n\\n",
    "<|eot_id|><|start_header_id|>assistant<|end_header_id|>",
)
_LLAMA_4 = (
    "<|begin_of_text|><|header_start|>user<|header_end|>\\n\\n",
    "<|eot|><|header_start|>assistant<|header_end|>\\n\\n",
)


def _template(body: str, names: tuple[str, ...], ends: tuple[str, str], image: str = "") -> str:
    listed = "".join(f"S{n}: {name}.\\n" for n, name in enumerate(names, 1))
    defaults = "{" + ", ".join(f"'S{n}': '{name}.'" for n, name in enumerate(names, 1)) + "}"
    text = (_HEAD + body + _TAIL).replace("IMAGE", image)
    text = text.replace("LISTED", listed).replace("{DEFAULTS}", defaults)
    return text.replace("START", ends[0]).replace("END' }}", ends[1] + "' }}")


TEMPLATES = {
    "llama-guard-2": _template(_FIXED + _STRINGS, LLAMA_GUARD_2_NAMES, _LLAMA_3),
    "llama-guard-3-8b": _template(_FIXED + _STRINGS, NAMES, _LLAMA_3),
    "llama-guard-3-1b": _template(_CHOSEN + _PARTS.replace("PLACE", ""), NAMES[:13], _LLAMA_3),
    "llama-guard-3-vision": _template(
        _CHOSEN + _PARTS.replace("PLACE", ""), NAMES[:13], _LLAMA_3, _SEES
    ),
    "llama-guard-4": _template(
        _CHOSEN + _PARTS.replace("PLACE", "{{ '<|image|>' }}"), NAMES, _LLAMA_4
    ),
}
"""Templates with the features of the originals: fixed or given categories, strings or parts."""


def tokenizer_of(special: tuple[str, ...], template: str | None) -> Any:
    """A byte-level BPE with the pre-tokenizer of Llama 3, which knows the words of the answers."""
    from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    tokenizer: Any = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(LLAMA_3_SPLIT), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    text = ["safe", "unsafe", *(f"S{n}," for n in range(1, 21)), "\n\n", "User: Agent:", *NAMES]
    text += ["Check if there is unsafe content in messages in conversations according our policy"]
    trainer = trainers.BpeTrainer(
        vocab_size=600,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(text * 3, trainer)
    tokenizer.add_special_tokens(list(special))
    fast: Any = PreTrainedTokenizerFast
    return fast(
        tokenizer_object=tokenizer,
        bos_token="<|begin_of_text|>",
        eos_token="<|end_of_text|>",
        pad_token="<|end_of_text|>",
        chat_template=template,
    )


def _llama(tokenizer: Any) -> Any:
    from transformers import LlamaConfig, LlamaForCausalLM

    return LlamaForCausalLM(
        LlamaConfig(
            vocab_size=len(tokenizer),
            hidden_size=32,
            intermediate_size=64,
            num_hidden_layers=2,
            num_attention_heads=4,
            num_key_value_heads=2,
            max_position_embeddings=4096,
            bos_token_id=tokenizer.bos_token_id,
            eos_token_id=tokenizer.eos_token_id,
        )
    )


def _mllama(tokenizer: Any) -> Any:
    from transformers import MllamaConfig, MllamaForConditionalGeneration

    image = tokenizer.convert_tokens_to_ids("<|image|>")
    text = {
        "vocab_size": image,
        "hidden_size": 32,
        "intermediate_size": 64,
        "num_hidden_layers": 3,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "cross_attention_layers": [1],
        "max_position_embeddings": 4096,
        "bos_token_id": tokenizer.bos_token_id,
        "eos_token_id": tokenizer.eos_token_id,
        "pad_token_id": tokenizer.pad_token_id,
        "rope_parameters": {"rope_type": "default", "rope_theta": 500000.0},
    }
    vision = {
        "hidden_size": 16,
        "intermediate_size": 32,
        "num_hidden_layers": 2,
        "num_global_layers": 1,
        "attention_heads": 2,
        "image_size": 56,
        "patch_size": 14,
        "intermediate_layers_indices": [0],
        "vision_output_dim": 32,
    }
    return MllamaForConditionalGeneration(
        MllamaConfig(vision_config=vision, text_config=text, image_token_index=image)
    )


def _llama_4(tokenizer: Any) -> Any:
    from transformers import Llama4Config, Llama4ForConditionalGeneration

    def token(text: str) -> int:
        return int(tokenizer.convert_tokens_to_ids(text))

    text = {
        "vocab_size": len(tokenizer),
        "hidden_size": 32,
        "intermediate_size": 64,
        "intermediate_size_mlp": 64,
        "num_hidden_layers": 4,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "head_dim": 8,
        "moe_layers": [],
        "attention_chunk_size": None,
        "max_position_embeddings": 4096,
        "bos_token_id": token("<|begin_of_text|>"),
        "eos_token_id": token("<|eot|>"),
        "pad_token_id": token("<|end_of_text|>"),
    }
    vision = {
        "hidden_size": 16,
        "intermediate_size": 64,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "image_size": 56,
        "patch_size": 14,
        "vision_output_dim": 32,
        "projector_input_dim": 32,
        "projector_output_dim": 32,
    }
    return Llama4ForConditionalGeneration(
        Llama4Config(
            vision_config=vision,
            text_config=text,
            image_token_index=token("<|patch|>"),
            boi_token_index=token("<|image_start|>"),
            eoi_token_index=token("<|image_end|>"),
        )
    )


def _lean_to_answers(model: Any, tokenizer: Any) -> None:
    """Let `safe` and `unsafe` be the likeliest tokens everywhere; which of them is left to chance.

    The first feature of every token is the same, and no layer writes to it.
    """
    import torch

    with torch.no_grad():
        model.get_input_embeddings().weight[:, 0] = 4.0
        for name, parameter in model.named_parameters():
            if name.endswith(("o_proj.weight", "down_proj.weight")):
                parameter[0] = 0.0
            if name.endswith(("model.norm.weight", "language_model.norm.weight")):
                parameter[0] = 1.0
        head = model.get_output_embeddings().weight
        head[:, 0] = 0.0
        for word in ("safe", "unsafe"):
            head[tokenizer.encode(word, add_special_tokens=False)[0], 0] = 6.0


def save_guard(path: Path, name: str, *, has_template: bool = True, is_noise: bool = False) -> Path:
    """Write a model directory as `save_pretrained` does; `is_noise`: it answers anything at all."""
    import torch

    torch.set_num_threads(1)
    torch.manual_seed(7)
    template = TEMPLATES[name] if has_template else None
    special = LLAMA_4_TOKENS if name == "llama-guard-4" else LLAMA_3_TOKENS
    tokenizer = tokenizer_of(special, template)
    makers: dict[str, Callable[[Any], Any]] = {
        "llama-guard-3-vision": _mllama,
        "llama-guard-4": _llama_4,
    }
    model = makers.get(name, _llama)(tokenizer)
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    if not is_noise:
        _lean_to_answers(model, tokenizer)
    model.save_pretrained(path)
    tokenizer.save_pretrained(path)
    if name == "llama-guard-3-vision":
        from transformers import MllamaProcessor
        from transformers.models.mllama.image_processing_pil_mllama import MllamaImageProcessorPil

        images = MllamaImageProcessorPil(size={"height": 56, "width": 56}, max_image_tiles=4)
        processor: Any = MllamaProcessor
        processor(images, tokenizer, chat_template=template).save_pretrained(path)
    if name == "llama-guard-4":
        (path / "preprocessor_config.json").write_text(
            '{"image_processor_type": "Llama4ImageProcessor", "max_patches": 4,'
            ' "size": {"height": 56, "width": 56}}'
        )
    return path


@pytest.fixture(scope="session")
def guard_directory(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """`guard_directory(name, has_template=True, is_noise=False)`: a directory, made once."""
    pytest.importorskip("torch", reason="needs the extra hf")
    pytest.importorskip("transformers", reason="needs the extra hf")
    made: dict[tuple[str, bool, bool], Path] = {}

    def directory(name: str, has_template: bool = True, is_noise: bool = False) -> Path:
        key = (name, has_template, is_noise)
        if key not in made:
            path = tmp_path_factory.mktemp("guards") / name
            made[key] = save_guard(path, name, has_template=has_template, is_noise=is_noise)
        return made[key]

    return directory


@pytest.fixture(scope="session")
def answering_directory(guard_directory: Callable[..., Path], tmp_path_factory: Any) -> Path:
    """A guard of random features whose last layer is solved so that it answers the self-test."""
    import shutil

    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    from tyrian.detectors.content_guard.factory import PROBES

    source = guard_directory("llama-guard-3-8b")
    path: Path = tmp_path_factory.mktemp("answering") / "llama-guard-3-8b"
    shutil.copytree(source, path)
    tokenizer: Any = AutoTokenizer.from_pretrained(path)
    model: Any = AutoModelForCausalLM.from_pretrained(path)
    texts = [*PROBES.attacks, *PROBES.benign]
    codes = ["9", "1", "11"]

    def feature(text: str, given: str) -> Any:
        chat = [{"role": "user", "content": text}]
        prompt = tokenizer.apply_chat_template(chat, tokenize=False) + "\n\n" + given
        ids = tokenizer(prompt, add_special_tokens=False, return_tensors="pt")["input_ids"]
        with torch.inference_mode():
            return model.model(ids).last_hidden_state[0, -1].double()

    first = torch.stack([feature(text, "") for text in texts])
    number = torch.stack([feature(text, "unsafe\nS") for text in PROBES.attacks])
    rows = torch.cat([first, number])
    targets = {word: torch.zeros(len(rows), dtype=torch.float64) for word in ["safe", "unsafe"]}
    for i in range(len(texts)):
        targets["unsafe" if i < len(PROBES.attacks) else "safe"][i] = 12.0
    for i, code in enumerate(codes):
        targets[code] = torch.zeros(len(rows), dtype=torch.float64)
        targets[code][len(texts) + i] = 12.0
    head = torch.zeros_like(model.lm_head.weight)
    for word, wanted in targets.items():
        solved = torch.linalg.pinv(rows) @ wanted
        head[tokenizer.encode(word, add_special_tokens=False)[0]] = solved.float()
    model.lm_head.weight.data = head
    model.save_pretrained(path)
    return path
