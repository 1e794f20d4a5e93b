"""Which files of a repository are taken: weights that cannot run code, and what reads them."""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from tyrian.models.hub.errors import HubError, RefusedError
from tyrian.models.hub.listing import RemoteFile
from tyrian.models.hub.lock import LOCK_NAME

_BESIDE = (".json", ".jinja", ".txt", ".model", ".md")
_TERMS = re.compile(r"(licen[cs]e|notice|use_policy|acceptable_use)", re.IGNORECASE)
_PICKLE = (".bin", ".pt", ".pth", ".ckpt", ".pkl", ".pickle")
_TRAINING_STATE = re.compile(r"(training_args|optimizer|scheduler|rng_state|scaler|trainer_state)")
_SAFE_MAIN = re.compile(r"model(-\d{5}-of-\d{5})?\.safetensors")
_PICKLE_MAIN = re.compile(r"pytorch_model(-\d{5}-of-\d{5})?\.bin")
_SHARD = re.compile(r"(?P<stem>.+)-(?P<number>\d{5})-of-(?P<count>\d{5})(?P<suffix>\.\w+)")
_TEMPLATES = "additional_chat_templates/"


@dataclass(frozen=True, slots=True)
class Selection:
    """What comes, and what stays on the hub."""

    taken: tuple[RemoteFile, ...]
    left_out: tuple[str, ...]
    has_pickle: bool = False


def select(files: Iterable[RemoteFile], *, is_pickle_allowed: bool = False) -> Selection:
    """The files that a model needs, of the top folder alone.

    Weights are taken as safetensors; pickled ones, which run code when they are read, only where
    there are no others and the user allows it. Program files never come. RefusedError where there
    are pickled weights alone; HubError where there are none, or where shards are missing.
    """
    every = tuple(files)
    top = [file for file in every if "/" not in file.path]
    if not any(file.path == "config.json" for file in top):
        raise HubError("this repository is not a model: it has no config.json")
    weights = _weights(top, lambda path: path.endswith(".safetensors"), _SAFE_MAIN)
    has_pickle = not weights
    if has_pickle:
        weights = _weights(top, _is_pickle, _PICKLE_MAIN)
        _check_pickle(weights, is_pickle_allowed)
    _check_shards(file.path for file in weights)
    chosen = {file.path for file in weights}
    taken = tuple(file for file in every if file.path in chosen or _is_beside(file.path))
    left = tuple(file.path for file in every if file not in taken)
    return Selection(taken, left, has_pickle)


def _weights(
    files: list[RemoteFile], is_weight: Callable[[str], bool], main: re.Pattern[str]
) -> list[RemoteFile]:
    """All weight files of a kind; where the usual names are among them, those alone."""
    found = [file for file in files if is_weight(file.path)]
    return [file for file in found if main.fullmatch(file.path)] or found


def _is_pickle(path: str) -> bool:
    return path.endswith(_PICKLE) and not _TRAINING_STATE.match(path)


def _check_pickle(weights: list[RemoteFile], is_allowed: bool) -> None:
    if not weights:
        raise HubError(
            "this repository has no weights in safetensors",
            hint="for GGUF files start a model server, and give the guard backend: remote",
        )
    if not is_allowed:
        raise RefusedError(
            f"the weights are pickled ({weights[0].path}): reading them can run any code",
            hint="look for a repository with safetensors; --allow-pickle takes them all the same",
        )


def _check_shards(paths: Iterable[str]) -> None:
    seen: dict[tuple[str, str, int], set[int]] = {}
    for path in paths:
        if shard := _SHARD.fullmatch(path):
            key = (shard["stem"], shard["suffix"], int(shard["count"]))
            seen.setdefault(key, set()).add(int(shard["number"]))
    for (stem, suffix, count), numbers in seen.items():
        if numbers != set(range(1, count + 1)):
            raise HubError(
                f"the repository lacks parts of its weights: {len(numbers)} of {count} files "
                f"{stem}-*{suffix}"
            )


def _is_beside(path: str) -> bool:
    if path == LOCK_NAME:  # ours, written when all the others are here
        return False
    if path.startswith(_TEMPLATES) and path.count("/") == 1:
        return path.endswith(".jinja")
    return "/" not in path and (path.endswith(_BESIDE) or _TERMS.match(path) is not None)
