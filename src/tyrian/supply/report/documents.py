"""Evidence in JSON that other commands wrote: scans, bills of materials, findings."""

import hashlib
import json
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from tyrian.errors import InputError
from tyrian.supply.attest.dsse import read_bytes
from tyrian.supply.lock.lock import LockedModel
from tyrian.supply.report.evidence import Evidence, Stand, text_of

_MOST_TOLD = 20


def read_json(root: Path, name: str) -> tuple[Any, str]:
    """The value in a file and the file's digest; InputError where it is no JSON."""
    data = read_bytes(root / name)
    try:
        return json.loads(data), f"sha256:{hashlib.sha256(data).hexdigest()}"
    except (ValueError, RecursionError):
        raise InputError(f"{name} is not JSON", hint="write it with --format json") from None


def scan(root: Path, name: str, model: LockedModel | None, scanned: dict[str, int]) -> Evidence:
    """A scan's reports; `scanned` gets the size of each file that was found clean, by SHA-256.

    A scan counts for the files that it names by digest; other bytes under the same name do not.
    """
    told, digest = read_json(root, name)
    rows = told if isinstance(told, list) else []
    reports = [row for row in rows if isinstance(row, dict) and "outcome" in row and "file" in row]
    if not reports or len(reports) != len(rows):
        raise InputError(f"{name} is no scan", hint="tyrian model scan --sha256 --format json DIR")
    known = {str(row.get("sha256", "")): row for row in reports if row.get("sha256")}
    wanted = {file.sha256: file for file in model.files if file.sha256} if model else {}
    counted = [row for row in reports if not wanted or row.get("sha256") in wanted]
    outcomes = Counter(str(row["outcome"]) for row in counted)
    lines = [f"{count} files {outcome}" for outcome, count in sorted(outcomes.items())]
    lines += list(_findings(counted))
    if wanted:
        unseen = sum(1 for one in wanted if one not in known)
        if unseen:
            lines.append(f"{unseen} approved files are not among those scanned, by their digests")
    else:
        unseen = 0
        lines.append("no lock says which files were approved")
    for row in counted:
        if row["outcome"] == "clean" and row.get("sha256"):
            scanned[str(row["sha256"])] = int(row.get("size", 0))
    if outcomes["found"]:
        stand = Stand.AGAINST
    elif unseen or not wanted or outcomes["not-examined"]:
        stand = Stand.OPEN
    else:
        stand = Stand.FOR
    bound = f"{len(wanted) - unseen} of {len(wanted)} approved files by SHA-256" if wanted else ""
    return Evidence(
        kind="scan", name=name, digest=digest, stand=stand, told=tuple(lines), bound=bound
    )


def _findings(rows: list[dict[str, Any]]) -> Iterator[str]:
    count = 0
    for row in rows:
        for one in row.get("findings") or []:
            count += 1
            if count <= _MOST_TOLD:
                yield text_of(f"{one.get('path')}: {one.get('rule')}: {one.get('why')}")
    if count > _MOST_TOLD:
        yield f"{count - _MOST_TOLD} findings more"


def bom(root: Path, name: str, model_digest: str) -> Evidence:
    """A CycloneDX document; it counts for the model where a component has the model's digest."""
    told, digest = read_json(root, name)
    if not isinstance(told, dict) or told.get("bomFormat") != "CycloneDX":
        raise InputError(f"{name} is no CycloneDX document", hint="tyrian bom create")
    components = list(_components(told))
    kinds = Counter(text_of(one.get("type"), 60) for one in components)
    lines = [f"CycloneDX {text_of(told.get('specVersion'), 9)}, {len(components)} components"]
    lines += [f"{count} of type {kind}" for kind, count in sorted(kinds.items())]
    own = [one for one in components if model_digest and model_digest in _digests(one)]
    if own:
        lines.append(f"the model is its component {text_of(own[0].get('name'))!r}")
    else:
        lines.append("no component has the digest of this model")
    return Evidence(
        kind="bom",
        name=name,
        digest=digest,
        stand=Stand.FOR if own else Stand.OPEN,
        told=tuple(lines),
        bound="a component has the model's digest" if own else "",
    )


def _components(value: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """All components, however deep."""
    stack = [value.get("components"), [(value.get("metadata") or {}).get("component")]]
    while stack:
        for one in stack.pop() or []:
            if isinstance(one, dict):
                yield one
                stack.append(one.get("components"))


def _digests(component: Mapping[str, Any]) -> set[str]:
    rows = component.get("hashes")
    return {
        f"sha256:{one.get('content')}"
        for one in (rows if isinstance(rows, list) else [])
        if isinstance(one, dict) and one.get("alg") == "SHA-256"
    }


def findings(root: Path, name: str, kind: str) -> Evidence:
    """A report that has a list of findings, as the gate and the scan of data write it."""
    told, digest = read_json(root, name)
    rows = told.get("findings") if isinstance(told, dict) else None
    if not isinstance(rows, list):
        raise InputError(f"{name} has no list of findings", hint="write it with --format json")
    live = [one for one in rows if isinstance(one, dict) and not one.get("waiver")]
    lines = [
        text_of(f"{one.get('rule')}: {one.get('path') or one.get('place') or one.get('file')}")
        for one in live[:_MOST_TOLD]
    ]
    more = len(live) - len(lines)
    return Evidence(
        kind=kind,
        name=name,
        digest=digest,
        stand=Stand.AGAINST if live else Stand.FOR,
        told=(f"{len(live)} findings", *lines, *([f"{more} more"] if more else [])),
    )
