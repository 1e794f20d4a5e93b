"""Embedded models that users have trained further: a directory with the weights and a card."""

from dataclasses import replace
from functools import lru_cache
from importlib.resources import files
from pathlib import Path

from tyrian.errors import ModelError
from tyrian.models.artefact import parse
from tyrian.models.embedded import (
    ContentGuard,
    LinearModel,
    PromptGuard,
    embedded_content_guard,
    embedded_prompt_guard,
)

PROMPT_GUARD, CONTENT_GUARD = "prompt-guard", "content-guard"
MAX_BYTES = 64 << 20


def shipped_weights(name: str) -> bytes:
    """The artefact of the package, as bytes."""
    return files("tyrian.models").joinpath("data", f"{name}.npz").read_bytes()


def own_weights(directory: Path, name: str) -> bytes:
    """The artefact in a directory; ModelError where there is none of that name."""
    file = directory / f"{name}.npz"
    try:
        if file.stat().st_size > MAX_BYTES:
            raise ModelError(f"{file} is too large for an embedded model")
        return file.read_bytes()
    except OSError:
        raise ModelError(
            f"no embedded model {name!r} in {str(directory)!r}",
            hint=f"name a directory that `tyrian train {name}` has written",
        ) from None


def prompt_guard_of(data: bytes) -> PromptGuard:
    """The prompt-attack model with these weights in its first stage; ValueError for others."""
    return replace(embedded_prompt_guard(), model=LinearModel(parse(data)))


def content_guard_of(data: bytes) -> ContentGuard:
    """The content-safety model with these weights in its first stage; ValueError for others."""
    return replace(embedded_content_guard(), model=LinearModel(parse(data)))


def own_prompt_guard(directory: str) -> PromptGuard:
    """The prompt-attack model of a directory, read once; ModelError where it cannot be read."""
    return _prompt_guard(*_identity(directory, PROMPT_GUARD))


def own_content_guard(directory: str) -> ContentGuard:
    """The content-safety model of a directory, read once; ModelError where it cannot be read."""
    return _content_guard(*_identity(directory, CONTENT_GUARD))


def _identity(directory: str, name: str) -> tuple[Path, int]:
    file = Path(directory) / f"{name}.npz"
    return Path(directory), file.stat().st_mtime_ns if file.is_file() else 0


@lru_cache(maxsize=8)
def _prompt_guard(directory: Path, _stamp: int) -> PromptGuard:
    try:
        return prompt_guard_of(own_weights(directory, PROMPT_GUARD))
    except (ValueError, KeyError, TypeError) as error:
        raise _unreadable(directory) from error


@lru_cache(maxsize=8)
def _content_guard(directory: Path, _stamp: int) -> ContentGuard:
    try:
        return content_guard_of(own_weights(directory, CONTENT_GUARD))
    except (ValueError, KeyError, TypeError) as error:
        raise _unreadable(directory) from error


def _unreadable(directory: Path) -> ModelError:
    return ModelError(
        f"the embedded model in {str(directory)!r} is not one of this version of Tyrian",
        hint="train it again",
    )
