"""The guard models that Tyrian knows by name: where they come from and under which licence."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from types import MappingProxyType

from tyrian.errors import ConfigError

UNPINNED = "unpinned: the first pull pins the commit that it resolves"


@dataclass(frozen=True, slots=True)
class Licence:
    """Terms that somebody has to accept before the weights come."""

    name: str
    url: str
    tag: str = ""
    """How the hub's own metadata names it."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One model of the catalogue."""

    name: str
    repository: str
    """`owner/name` on the hub."""
    title: str
    licence: Licence
    architecture: str
    """Class that reads it, as `architectures` in its config.json says."""
    gives: str
    """What a guard that has it can do."""
    guard: str = ""
    """Name of the guard in a stack file that takes it."""
    is_gated: bool = True
    revision: str = ""
    """Pinned commit; empty where the first pull pins what it resolves."""

    @property
    def pin(self) -> str:
        """The pinned commit, or a sentence that there is none."""
        return self.revision or UNPINNED

    @property
    def hint(self) -> str:
        """How to get it."""
        return f"tyrian model pull {self.name}"


_LLAMA_3 = Licence(
    "Meta Llama 3 Community License", "https://www.llama.com/llama3/license/", "llama3"
)
_LLAMA_3_1 = Licence(
    "Llama 3.1 Community License", "https://www.llama.com/llama3_1/license/", "llama3.1"
)
_LLAMA_3_2 = Licence(
    "Llama 3.2 Community License", "https://www.llama.com/llama3_2/license/", "llama3.2"
)
_LLAMA_4 = Licence("Llama 4 Community License", "https://www.llama.com/llama4/license/", "llama4")
_DEBERTA, _LLAMA = "DebertaV2ForSequenceClassification", "LlamaForCausalLM"

# No commit is pinned: these repositories are gated, so a commit written here could not be checked
# against what stands there. Each directory pins its own in its lock file.
ENTRIES: tuple[Entry, ...] = (
    Entry(
        "prompt-guard-2-86m",
        "meta-llama/Llama-Prompt-Guard-2-86M",
        "Prompt Guard 2, 86M",
        _LLAMA_4,
        _DEBERTA,
        "prompt attacks in several languages (backbone of 86 million parameters)",
        "prompt_guard_2",
    ),
    Entry(
        "prompt-guard-2-22m",
        "meta-llama/Llama-Prompt-Guard-2-22M",
        "Prompt Guard 2, 22M",
        _LLAMA_4,
        _DEBERTA,
        "prompt attacks, mostly English, at a quarter of the cost of the larger one",
        "prompt_guard_2",
    ),
    Entry(
        "prompt-guard-1-86m",
        "meta-llama/Prompt-Guard-86M",
        "Prompt Guard 1, 86M",
        _LLAMA_3_1,
        _DEBERTA,
        "prompt attacks with three labels; superseded by Prompt Guard 2",
        "prompt_guard_1",
    ),
    Entry(
        "llama-guard-4-12b",
        "meta-llama/Llama-Guard-4-12B",
        "Llama Guard 4, 12B",
        _LLAMA_4,
        "Llama4ForConditionalGeneration",
        "content safety S1 to S14, text and several images; needs a GPU of 24 GB",
        "llama_guard_4",
    ),
    Entry(
        "llama-guard-3-8b",
        "meta-llama/Llama-Guard-3-8B",
        "Llama Guard 3, 8B",
        _LLAMA_3_1,
        _LLAMA,
        "content safety S1 to S14, text in eight languages",
        "llama_guard_3",
    ),
    Entry(
        "llama-guard-3-1b",
        "meta-llama/Llama-Guard-3-1B",
        "Llama Guard 3, 1B",
        _LLAMA_3_2,
        _LLAMA,
        "content safety S1 to S13, text; the smallest Llama Guard",
        "llama_guard_3",
    ),
    Entry(
        "llama-guard-3-11b-vision",
        "meta-llama/Llama-Guard-3-11B-Vision",
        "Llama Guard 3, 11B Vision",
        _LLAMA_3_2,
        "MllamaForConditionalGeneration",
        "content safety S1 to S13, text with one image",
        "llama_guard_3",
    ),
    Entry(
        "llama-guard-2-8b",
        "meta-llama/Meta-Llama-Guard-2-8B",
        "Llama Guard 2, 8B",
        _LLAMA_3,
        _LLAMA,
        "content safety S1 to S11, English text; superseded by Llama Guard 3",
        "llama_guard_2",
    ),
)
"""Per guard, the one to prefer first."""

ALIASES: Mapping[str, str] = MappingProxyType(
    {
        "22m": "prompt-guard-2-22m",
        "86m": "prompt-guard-2-86m",
        "prompt-guard": "prompt-guard-2-86m",
        "prompt-guard-2": "prompt-guard-2-86m",
        "prompt-guard-1": "prompt-guard-1-86m",
        "llama-guard": "llama-guard-4-12b",
        "llama-guard-4": "llama-guard-4-12b",
        "llama-guard-3": "llama-guard-3-8b",
        "llama-guard-3-11b": "llama-guard-3-11b-vision",
        "llama-guard-3-vision": "llama-guard-3-11b-vision",
        "llama-guard-2": "llama-guard-2-8b",
    }
)
_REPOSITORY = re.compile(r"[A-Za-z0-9][\w.-]{0,95}/[A-Za-z0-9][\w.-]{0,95}", re.ASCII)
_UNKNOWN = Licence("", "")


def names() -> tuple[str, ...]:
    """The full names, in the order of the catalogue."""
    return tuple(entry.name for entry in ENTRIES)


def known(name: str) -> Entry | None:
    """The entry of a full name, an alias, a guard's name or a repository of the catalogue."""
    folded = name.strip().lower().replace("_", "-")
    folded = ALIASES.get(folded, folded)
    for entry in ENTRIES:
        if folded in (entry.name, entry.repository.lower()):
            return entry
    return None


def entry_of(name: str) -> Entry:
    """As `known`, and an entry of its own for any other `owner/name` of the hub.

    Raises ConfigError, with the nearest known name, for everything else.
    """
    if entry := known(name):
        return entry
    if is_repository(name):
        told = "a model of your own choice"
        return Entry(shelf_name(name), name, name, _UNKNOWN, "", told, is_gated=False)
    near = get_close_matches(name.lower().replace("_", "-"), (*names(), *ALIASES), n=1)
    raise ConfigError(
        f"unknown model {name!r}",
        hint=f"did you mean {near[0]!r}?" if near else f"known: {', '.join(names())}",
    )


def is_repository(name: str) -> bool:
    """Whether this is the form of a repository's name on the hub, `owner/name`."""
    return _REPOSITORY.fullmatch(name) is not None and ".." not in name


def shelf_name(name: str) -> str:
    """The directory on the shelf for a model of that name."""
    entry = known(name)
    return entry.name if entry else name.replace("/", "--")


def for_guard(guard: str) -> tuple[Entry, ...]:
    """The models that a guard such as `prompt_guard_2` can run, the one to prefer first."""
    return tuple(entry for entry in ENTRIES if entry.guard == guard)
