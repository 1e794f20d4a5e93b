"""What `tyrian doctor` looks at: each piece, whether it is here, and what it would give."""

import os
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from importlib.metadata import PackageNotFoundError, requires, version
from importlib.util import find_spec
from pathlib import Path

import tyrian
from tyrian.core.registry import BUILTINS, DetectorConfig, create_detector, known_detectors
from tyrian.gateway.home import AUDIT_NAME, DATABASE_NAME, state_directory


class State(StrEnum):
    """How a piece stands."""

    OK = "ok"
    ABSENT = "absent"
    """Optional, and not here."""
    BROKEN = "broken"
    """Needed, and missing or not working."""


@dataclass(frozen=True, slots=True)
class Item:
    """One piece of an installation."""

    section: str
    name: str
    state: State
    detail: str
    """What is here; or, where it is not, what it would give."""
    get: str = ""
    """The command that gets it, where there is one."""


def inventory() -> Iterator[Item]:
    """Every piece, in sections."""
    yield from _base()
    yield from _detectors()
    yield from _extras()
    yield from _weights()
    yield from _programs()
    yield from _state()


def _base() -> Iterator[Item]:
    python = ".".join(map(str, sys.version_info[:3]))
    yield Item("base", "tyrian", State.OK, f"{tyrian.__version__} on Python {python}")
    for name in _base_requirements():
        try:
            version(name)
        except PackageNotFoundError:
            yield Item("base", name, State.BROKEN, "needed, not installed", f"pip install {name}")


def _base_requirements() -> Iterator[str]:
    try:
        lines = requires("tyrian") or []
    except PackageNotFoundError:
        return
    for line in lines:
        if ";" not in line:
            yield "".join(_until(line, " <>=!~["))


def _until(text: str, stops: str) -> Iterator[str]:
    for char in text:
        if char in stops:
            return
        yield char


def _detectors() -> Iterator[Item]:
    """Builds each detector as a stack without options would."""
    for kind in known_detectors():
        if kind not in BUILTINS:
            yield Item("detectors", kind, State.OK, "from an installed package")
            continue
        if kind == "pattern":
            yield Item("detectors", kind, State.OK, "needs patterns or words from a stack")
            continue
        try:
            info = create_detector(kind, DetectorConfig(name=kind)).info
        except Exception as error:  # noqa: BLE001  a broken detector is what doctor looks for
            told = f"{type(error).__name__}: cannot be built"
            yield Item("detectors", kind, State.BROKEN, told)
            continue
        ran = f"{info.backend}, {info.revision}"
        fell_back = "; fell back to the embedded model" if info.fallback else ""
        yield Item("detectors", kind, State.OK, ran + fell_back)


_EXTRAS = (("postgres", "psycopg", "keys in PostgreSQL, for several gateways at once"),)


def _extras() -> Iterator[Item]:
    for extra, module, gives in _EXTRAS:
        if _is_importable(module):
            yield Item("extras", extra, State.OK, gives)
        else:
            yield Item("extras", extra, State.ABSENT, gives, f"pip install 'tyrian[{extra}]'")


def _is_importable(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:
        return False


_WEIGHTS = (
    ("meta-llama/Llama-Prompt-Guard-2-86M", "Prompt Guard 2, the larger"),
    ("meta-llama/Llama-Prompt-Guard-2-22M", "Prompt Guard 2, the smaller"),
    ("meta-llama/Llama-Guard-4-12B", "Llama Guard 4"),
    ("meta-llama/Llama-Guard-3-8B", "Llama Guard 3"),
)


def _weights() -> Iterator[Item]:
    """Weights in the usual cache; this version runs its embedded models in their place."""
    hub = _hub_directory()
    for repository, title in _WEIGHTS:
        folder = hub / f"models--{repository.replace('/', '--')}"
        if folder.is_dir():
            told = f"{title}; here, but this version runs its embedded model all the same"
            yield Item("weights", repository, State.OK, told)
        else:
            told = f"{title}; this version runs its embedded model in its place"
            yield Item("weights", repository, State.ABSENT, told)


def _hub_directory() -> Path:
    if cache := os.environ.get("HF_HUB_CACHE"):
        return Path(cache).expanduser()
    home = os.environ.get("HF_HOME") or "~/.cache/huggingface"
    return Path(home).expanduser() / "hub"


_PROGRAMS = (
    ("runsc", "the sandbox type gvisor, which this version does not start yet"),
    ("bwrap", "the sandbox type bubblewrap, which this version does not start yet"),
)


def _programs() -> Iterator[Item]:
    for program, gives in _PROGRAMS:
        found = shutil.which(program)
        state = State.OK if found else State.ABSENT
        get = "" if found or program != "bwrap" else "apt-get install bubblewrap"
        yield Item("programs", program, state, found or gives, get)


def _state() -> Iterator[Item]:
    directory = state_directory()
    if not directory.is_dir():
        told = "keys and audit records; the first start of the gateway makes it"
        yield Item("state", str(directory), State.ABSENT, told, "tyrian serve")
        return
    mode = directory.stat().st_mode & 0o777
    if mode & 0o077:
        told = f"others can look into it (mode {mode:o})"
        yield Item("state", str(directory), State.BROKEN, told, f"chmod 700 {directory}")
    else:
        yield Item("state", str(directory), State.OK, f"mode {mode:o}")
    for name, title in ((DATABASE_NAME, "keys"), (AUDIT_NAME, "audit records")):
        file = directory / name
        if file.is_file():
            yield Item("state", name, State.OK, f"{title}, {file.stat().st_size:,} bytes")
        else:
            yield Item("state", name, State.ABSENT, f"{title}; none yet")
