"""The Python distributions of an environment, as their own metadata has them.

Nothing of them is imported: METADATA and RECORD of each `.dist-info` are read.
Sources: https://packaging.python.org/specifications/recording-installed-packages/ and
https://packaging.python.org/specifications/dependency-specifiers/
"""

import base64
import binascii
import csv
import hashlib
import io
import re
import sys
from collections.abc import Iterator, Mapping
from importlib.metadata import Distribution, distributions
from pathlib import Path
from types import MappingProxyType

from tyrian.errors import ConfigError
from tyrian.supply.aibom.markers import Surroundings, holds, surroundings_here
from tyrian.supply.aibom.parts import PackagePart
from tyrian.supply.aibom.purl import pypi, pypi_name

_REQUIREMENT = re.compile(r"\s*([A-Za-z0-9][A-Za-z0-9._-]*)[^;]*(?:;(.*))?", re.DOTALL)
_OF_INSTALLER = ("INSTALLER", "REQUESTED", "direct_url.json", "RECORD", "uv_cache.json")
"""Files of a `.dist-info` that differ with who installed it, not with what was."""
_URLS = ("homepage", "repository", "source", "documentation")
_LONGEST_LICENCE = 80


def packages_of(environment: Path | None = None) -> tuple[PackagePart, ...]:
    """The distributions of an environment by name; of the one that runs where none is named.

    `environment` is the directory of a virtual environment, or a `site-packages`. ConfigError
    where there is none.
    """
    if environment is None:
        found, here = list(distributions()), surroundings_here()
    else:
        places = [str(place) for place in _site_packages(environment)]
        found, here = list(distributions(path=places)), _surroundings_of(environment)
    by_name: dict[str, Distribution] = {}
    for one in found:
        name = one.metadata["Name"] if one.metadata else None
        if isinstance(name, str) and name:
            by_name.setdefault(pypi_name(name), one)  # the first on the path is the one imported
    return tuple(_package(name, by_name, here) for name in sorted(by_name))


def _site_packages(environment: Path) -> list[Path]:
    if any(environment.glob("*.dist-info")):
        return [environment]
    places = [*environment.glob("lib/python3*/site-packages"), environment / "Lib/site-packages"]
    found = sorted(place for place in places if place.is_dir())
    if not found:
        raise ConfigError(
            f"{environment} is no Python environment: it has no site-packages",
            hint="name a virtual environment, such as .venv, or its site-packages",
        )
    return found


def _surroundings_of(environment: Path) -> Surroundings:
    """What markers see there: this machine, with the Python that pyvenv.cfg names."""
    version = ""
    for place in (environment, *environment.absolute().parents[:4]):
        if (place / "pyvenv.cfg").is_file():
            text = (place / "pyvenv.cfg").read_text("utf-8", "replace")
            told = re.search(r"^version(?:_info)?\s*=\s*(\d+\.\d+\.\d+)", text, re.MULTILINE)
            version = told[1] if told else ""
            break
    return surroundings_here(version or ".".join(map(str, sys.version_info[:3])))


def _package(name: str, all_of: Mapping[str, Distribution], here: Surroundings) -> PackagePart:
    one = all_of[name]
    version = str(one.version or "0")
    return PackagePart(
        name=name,
        version=version,
        purl=pypi(_told(one, "Name"), version),
        licence=_licence(one),
        summary=" ".join(_told(one, "Summary").split())[:300],
        digest=record_digest(one.read_text("RECORD") or ""),
        needs=tuple(sorted({need for need in _needs(one, here) if need in all_of} - {name})),
        urls=MappingProxyType(dict(_urls(one))),
    )


def record_digest(record: str) -> str:
    """`sha256:...` over the sorted lines `sha256  path` of a RECORD; empty where it has none."""
    lines = []
    for row in csv.reader(io.StringIO(record)):
        if len(row) < 2 or not row[1].startswith("sha256="):
            continue
        if row[0].rpartition("/")[2] in _OF_INSTALLER and ".dist-info/" in row[0]:
            continue
        if row[0].startswith(("..", "/")):  # scripts, which name the interpreter's place
            continue
        try:
            digest = base64.urlsafe_b64decode(row[1][7:] + "=" * (-len(row[1][7:]) % 4))
        except (binascii.Error, ValueError):
            continue
        lines.append(f"{digest.hex()}  {row[0]}\n")
    if not lines:
        return ""
    return f"sha256:{hashlib.sha256(''.join(sorted(lines)).encode()).hexdigest()}"


def _licence(one: Distribution) -> str:
    if expression := _told(one, "License-Expression"):
        return expression.strip()
    text = " ".join(_told(one, "License").split())
    if text and len(text) <= _LONGEST_LICENCE:
        return text
    rows = one.metadata.get_all("Classifier") or ()
    named = [str(row) for row in rows if str(row).startswith("License ::")]
    return named[0].rpartition("::")[2].strip() if len(named) == 1 else ""


def _told(one: Distribution, key: str) -> str:
    """A field of METADATA; empty where it is not there."""
    return str(one.metadata[key]) if key in one.metadata else ""


def _needs(one: Distribution, here: Surroundings) -> Iterator[str]:
    for line in one.requires or ():
        found = _REQUIREMENT.match(line)
        if found and holds(found[2] or "", here):
            yield pypi_name(found[1])


def _urls(one: Distribution) -> Iterator[tuple[str, str]]:
    rows = [str(row).partition(",")[::2] for row in one.metadata.get_all("Project-URL") or ()]
    if home := _told(one, "Home-page"):
        rows.append(("homepage", home))
    for label, url in rows:
        kind = next((kind for kind in _URLS if kind in label.lower()), "")
        if kind and re.fullmatch(r"https?://[^\s<>\"{}|\\^`]+", url.strip()):
            yield ("source" if kind == "repository" else kind), url.strip()
