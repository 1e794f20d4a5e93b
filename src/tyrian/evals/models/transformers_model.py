"""A model of this machine, by Hugging Face's transformers (extra `hf`): a directory, no network.

Weights are read from safetensors alone, code that comes with a model is never run, and the network
is not asked. One answer is made at a time, in a thread of its own.
"""

import asyncio
import contextlib
import os
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

from tyrian.errors import ConfigError, MissingDependencyError
from tyrian.evals.exchange import Reply, ReplyStatus, Request, Usage

_NAMED = ("config.json", "generation_config.json", "tokenizer.json", "tokenizer_config.json")
_OFFLINE = "HF_HUB_OFFLINE"


class TransformersModel:
    """A causal language model in a directory; made when it is first asked."""

    def __init__(self, directory: Path, name: str = "") -> None:
        if not (directory / "config.json").is_file():
            raise ConfigError(
                f"{directory} holds no model: config.json is missing",
                hint="a directory as save_pretrained writes it: config, tokenizer, *.safetensors",
            )
        if not list(directory.glob("*.safetensors")):
            raise ConfigError(
                f"{directory} has no weights as safetensors; others are not read, since reading "
                "them can run code",
                hint="save_pretrained(DIR, safe_serialization=True)",
            )
        self.name = name or directory.resolve().name
        self.identity = f"hf:{_digest(directory)}"
        self._directory = directory
        self._made: tuple[Any, Any, Any] | None = None
        self._one = asyncio.Lock()

    async def reply(self, request: Request) -> Reply:
        """The model's continuation of the conversation."""
        if any(turn.images for turn in request.turns):
            return Reply("", ReplyStatus.FAILED, "no_images")
        async with self._one:
            return await asyncio.to_thread(self._reply, request)

    def _reply(self, request: Request) -> Reply:
        torch, tokenizer, model = self._loaded()
        asked = tokenizer(_prompt(tokenizer, request), return_tensors="pt").to(model.device)
        longest = getattr(model.config, "max_position_embeddings", None) or 1 << 20
        length = int(asked["input_ids"].shape[1])
        room = min(request.sampling.max_tokens, longest - length)
        if room < 1:
            return Reply("", ReplyStatus.FAILED, "too_long", usage=Usage(length, 0))
        sampling = request.sampling
        warm = sampling.temperature is not None and sampling.temperature > 0
        how: dict[str, Any] = {"do_sample": warm, "max_new_tokens": room}
        if warm:
            how |= {"temperature": sampling.temperature, "top_p": sampling.top_p or 1.0}
        seed = sampling.seed if sampling.seed is not None else _seed(request)
        with torch.random.fork_rng(devices=[]), torch.inference_mode():
            torch.manual_seed(seed)
            made = model.generate(
                **asked, **how, pad_token_id=tokenizer.pad_token_id or tokenizer.eos_token_id
            )
        new = made[0, length:]
        text = tokenizer.decode(new, skip_special_tokens=True)
        usage = Usage(length, len(new))
        if not text.strip():
            return Reply("", ReplyStatus.EMPTY, "empty", usage=usage)
        return Reply(text, finish_reason="length" if len(new) == room else "stop", usage=usage)

    def _loaded(self) -> tuple[Any, Any, Any]:
        if self._made is None:
            self._made = _load(self._directory)
        return self._made

    async def close(self) -> None:
        """Let the weights go."""
        self._made = None


def _load(directory: Path) -> tuple[Any, Any, Any]:
    try:
        with _offline():
            import torch
            import transformers
    except ImportError:
        raise MissingDependencyError(
            "transformers and torch are not installed", hint="pip install 'tyrian[hf]'"
        ) from None
    try:
        shared: dict[str, Any] = {"local_files_only": True, "trust_remote_code": False}
        tokenizer = transformers.AutoTokenizer.from_pretrained(str(directory), **shared)
        model: Any = transformers.AutoModelForCausalLM.from_pretrained(
            str(directory), use_safetensors=True, **shared
        )
    except (OSError, ValueError, KeyError) as error:
        raise ConfigError(f"the model in {directory} cannot be loaded: {error}") from error
    device = "cuda" if torch.cuda.is_available() else "cpu"
    return torch, tokenizer, model.to(device).eval()


@contextlib.contextmanager
def _offline() -> Iterator[None]:
    """The libraries read this variable where they are imported, and stay offline; others do not."""
    if _OFFLINE in os.environ:
        yield
        return
    os.environ[_OFFLINE] = "1"
    try:
        yield
    finally:
        del os.environ[_OFFLINE]


def _prompt(tokenizer: Any, request: Request) -> str:
    """By the model's own template; a plain transcript where it has none."""
    turns = [{"role": turn.role, "content": turn.text} for turn in request.turns]
    if getattr(tokenizer, "chat_template", None):
        return str(tokenizer.apply_chat_template(turns, tokenize=False, add_generation_prompt=True))
    return "\n".join(f"{turn['role']}: {turn['content']}" for turn in turns) + "\nassistant:"


def _seed(request: Request) -> int:
    """Drawn from what is asked, so that a run can be made again."""
    said = "\0".join(turn.text for turn in request.turns)
    return int.from_bytes(sha256(said.encode("utf-8", "surrogatepass")).digest()[:4], "big")


def _digest(directory: Path) -> str:
    """SHA-256 over what makes the answers: configuration, tokenizer, weights."""
    whole = sha256()
    files = [directory / name for name in _NAMED] + sorted(directory.glob("*.safetensors"))
    for file in files:
        with contextlib.suppress(FileNotFoundError), file.open("rb") as opened:
            whole.update(file.name.encode() + b"\0")
            while chunk := opened.read(1 << 20):
                whole.update(chunk)
    return whole.hexdigest()
