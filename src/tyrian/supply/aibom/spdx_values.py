"""Small values of SPDX 3.0.1, and which of its profiles a document may claim."""

from collections.abc import Iterable, Iterator, Mapping

from tyrian.supply.aibom.document import Json
from tyrian.supply.aibom.parts import Metric
from tyrian.supply.aibom.purl import huggingface

HUB = "https://huggingface.co/"
_WANTED = {
    "ai": (
        "ai_AIPackage",
        ("software_downloadLocation", "software_packageVersion", "releaseTime", "suppliedBy"),
    ),
    "dataset": (
        "dataset_DatasetPackage",
        ("software_downloadLocation", "builtTime", "originatedBy", "releaseTime"),
    ),
}
"""Profiles, and what each of their packages must have for a document to claim them."""


def hashes_of(digest: str) -> list[Json]:
    """A digest such as `sha256:...` as the format has it."""
    kind, _, value = digest.partition(":")
    return [{"type": "Hash", "algorithm": kind, "hashValue": value}] if value else []


def entries_of(told: Mapping[str, str]) -> list[Json]:
    """Names and values in order."""
    return [
        {"type": "DictionaryEntry", "key": key, "value": value}
        for key, value in sorted(told.items())
    ]


def metric_of(one: Metric) -> Json:
    """What was measured on what, and how it came out."""
    key = f"{one.kind} on {one.slice}" if one.slice else one.kind
    return {"type": "DictionaryEntry", "key": key, "value": one.value}


def lines_of(told: Mapping[str, str]) -> str:
    """Names and values as lines, in order."""
    return "\n".join(f"{key}: {value}" for key, value in sorted(told.items()) if value)


def purl_of(repository: str, commit: str) -> str:
    """The package URL of a repository on the hub; empty for what is none."""
    return huggingface(repository, commit) if repository.count("/") == 1 else ""


def download_of(repository: str, commit: str) -> str:
    """Where a repository is to be had; empty for what is none."""
    if repository.count("/") != 1:
        return ""
    return f"{HUB}{repository}/tree/{commit}" if commit else f"{HUB}{repository}"


def claimed(elements: Iterable[Json]) -> Iterator[str]:
    """The profiles whose packages are here, and all told of as the profile wants them."""
    rows = list(elements)
    for profile, (kind, wanted) in _WANTED.items():
        packages = [one for one in rows if one["type"] == kind]
        if packages and all(key in one for one in packages for key in wanted):
            yield profile


def elements_of(document: Mapping[str, object]) -> Iterator[Json]:
    """The elements of a document's graph, or the one that it is."""
    graph = document.get("@graph", [document])
    yield from (one for one in (graph if isinstance(graph, list) else ()) if isinstance(one, dict))
