"""What `tyrian doctor` looks at: each piece, whether it is here, and what it would give."""

import os
import shutil
import sys
from collections.abc import Iterator, Sequence
from importlib.metadata import PackageNotFoundError, requires, version
from importlib.util import find_spec
from pathlib import Path

import tyrian
from tyrian.cli.item import Item, State
from tyrian.cli.self_test import models
from tyrian.core.registry import BUILTINS, DetectorConfig, create_detector, known_detectors
from tyrian.gateway.home import AUDIT_NAME, DATABASE_NAME, state_directory
from tyrian.models.hub.catalogue import ENTRIES, for_guard
from tyrian.models.hub.shelf import here
from tyrian.sandbox.drivers.bubblewrap import Bubblewrap
from tyrian.sandbox.drivers.container import Container
from tyrian.sandbox.drivers.gvisor import Gvisor
from tyrian.sandbox.drivers.landlock import Landlock


def inventory(directories: Sequence[Path] = ()) -> Iterator[Item]:
    """Every piece, in sections; `directories` are models to test beside those on the shelf."""
    yield from _base()
    yield from _detectors()
    yield from _extras()
    yield from models(directories)
    yield from _weights()
    yield from _programs()
    yield from _sandboxes()
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
    """Builds each detector as a stack without options would, but for those tested as models."""
    pulled = {model.name for model in here()}
    for kind in known_detectors():
        if kind not in BUILTINS:
            yield Item("detectors", kind, State.OK, "from an installed package")
            continue
        if kind == "pattern":
            yield Item("detectors", kind, State.OK, "needs patterns or words from a stack")
            continue
        if any(entry.name in pulled for entry in for_guard(kind)):
            yield Item("detectors", kind, State.OK, "has weights here; see models")
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


_EXTRAS = (
    ("hf", "torch transformers tokenizers safetensors", "Prompt Guard and Llama Guard here"),
    ("onnx", "onnx onnxruntime tokenizers", "Prompt Guard through ONNX: faster on a CPU, no torch"),
    ("images", "PIL pytesseract zxingcpp", "text, QR codes and metadata in images"),
    ("postgres", "psycopg", "keys in PostgreSQL, for several gateways at once"),
    ("otel", "opentelemetry.sdk", "spans to an OpenTelemetry collector"),
    ("train", "scipy", "training of the embedded models on rows of your own"),
)


def _extras() -> Iterator[Item]:
    for extra, modules, gives in _EXTRAS:
        if all(map(_is_importable, modules.split())):
            yield Item("extras", extra, State.OK, gives)
        else:
            yield Item("extras", extra, State.ABSENT, gives, f"pip install 'tyrian[{extra}]'")


def _is_importable(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:
        return False


def _weights() -> Iterator[Item]:
    """The models of the catalogue that are not on the shelf."""
    present = {model.name for model in here()}
    for entry in ENTRIES:
        if entry.name in present:
            continue
        told = f"{entry.gives}; {entry.licence.name}"
        folder = _hub_directory() / f"models--{entry.repository.replace('/', '--')}"
        if folder.is_dir():
            told += f"; name a snapshot in {folder} as `model:` in the stack, or pull it"
        yield Item("weights", entry.name, State.ABSENT, told, entry.hint)


def _hub_directory() -> Path:
    if cache := os.environ.get("HF_HUB_CACHE"):
        return Path(cache).expanduser()
    home = os.environ.get("HF_HOME") or "~/.cache/huggingface"
    return Path(home).expanduser() / "hub"


_PROGRAMS = (("tesseract", "text in images, for the extra images"),)
_PACKAGES = {
    "tesseract": "apt-get install tesseract-ocr",
}


def _programs() -> Iterator[Item]:
    for program, gives in _PROGRAMS:
        found = shutil.which(program)
        state = State.OK if found else State.ABSENT
        get = "" if found else _PACKAGES.get(program, "")
        yield Item("programs", program, state, found or gives, get)


def _sandboxes() -> Iterator[Item]:
    """Each driver of `tyrian run`, tried."""
    for driver, gives, get in (
        (Gvisor(), "a kernel of its own for what `tyrian run` starts", "apt-get install runsc"),
        (Bubblewrap(), "namespaces and a seccomp filter", "apt-get install bubblewrap"),
        (Landlock(), "the kernel's rights by path, with nothing to install", ""),
        (Container("", ""), "an image in an engine's gVisor", ""),
    ):
        reason = driver.why_not()
        state = State.ABSENT if reason else State.OK
        is_missing = "not installed" in reason
        yield Item("sandboxes", driver.name, state, reason or gives, get if is_missing else "")


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
