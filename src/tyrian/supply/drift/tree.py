"""A tree of files as some side has it: a directory, a lock, or the hub's list of a commit."""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

import msgspec

from tyrian.errors import InputError
from tyrian.supply.lock.digest import Digests
from tyrian.supply.lock.fault import Fault
from tyrian.supply.lock.lock import LockedModel
from tyrian.supply.lock.walk import FoundFile, is_inside
from tyrian.supply.lock.write import as_canonical
from tyrian.supply.scan.strict_json import JsonError, decode

_COMMIT = re.compile(r"[0-9a-f]{40}")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_FORMAT = "tyrian-hub-tree/1"


class Leaf(msgspec.Struct, frozen=True):
    """One file as a side knows it; what it does not know is empty."""

    size: int = -1
    """Bytes; -1 where it is not known."""
    sha256: str = ""
    git: str = ""
    link: str = ""

    @property
    def identity(self) -> str:
        """By which a file is found again under another name; empty where it has none."""
        return self.sha256 or self.git

    def differs(self, other: "Leaf") -> str:
        """Why this is another file than `other`; empty where it is the same."""
        if self.link != other.link:
            return f"a link to {self.link or 'nothing'}, not to {other.link or 'nothing'}"
        if self.sha256 and other.sha256:
            return _told("SHA-256", self.sha256, other.sha256)
        if self.git and other.git:
            return _told("git digest", self.git, other.git)
        if self.size != other.size and min(self.size, other.size) >= 0:
            return _told("size", f"{self.size:,}", f"{other.size:,}")
        if self.link:
            return ""
        return "" if self.identity == other.identity else "no digest that both sides know"


def _told(what: str, now: str, was: str) -> str:
    return "" if now == was else f"{what} {now}, not {was}"


@dataclass(frozen=True, slots=True)
class Tree:
    """All files of a side."""

    leaves: Mapping[str, Leaf]
    commit: str = ""
    faults: tuple[Fault, ...] = ()
    """What could not be vouched for; such paths are not among the leaves."""
    facts: Mapping[str, Mapping[str, str]] = field(default_factory=lambda: MappingProxyType({}))


def tree_of_lock(model: LockedModel) -> Tree:
    """The tree that was approved."""
    leaves = {
        file.path: Leaf(file.size if file.sha256 else -1, file.sha256, file.git, file.link)
        for file in model.files
    }
    return Tree(leaves, model.commit, facts=model.facts)


def tree_of_disk(files: Iterable[FoundFile], digests: Digests, faults: Iterable[Fault]) -> Tree:
    """The tree that lies in a directory."""
    leaves = {}
    for file in files:
        if file.link:
            leaves[file.path] = Leaf(link=file.link)
        elif found := digests.known.get(file.path):
            leaves[file.path] = Leaf(found.size, found.sha256, found.git)
    return Tree(leaves, faults=(*faults, *digests.faults))


def record(repository: str, tree: Tree) -> bytes:
    """A hub's tree as a file, for where there is no network; the same bytes for the same tree."""
    rows = {
        path: {"size": leaf.size, "sha256": leaf.sha256, "git": leaf.git}
        for path, leaf in tree.leaves.items()
    }
    told = {"format": _FORMAT, "repository": repository, "commit": tree.commit, "files": rows}
    return json.dumps(json.loads(as_canonical(told)), indent=1, ensure_ascii=False).encode() + b"\n"


def recorded(data: bytes, place: str) -> tuple[str, Tree]:
    """Repository and tree of a recorded file; also of the hub's own answers as they came.

    Those are `/api/models/R/revision/X?blobs=true` and `/api/models/R/tree/X?recursive=true`.
    InputError where it is none of them, or names files outside of a directory.
    """
    try:
        told = decode(data)
        if isinstance(told, list):
            return "", Tree(dict(_of_tree_api(told)))
        if isinstance(told, dict) and told.get("format") == _FORMAT:
            leaves = {path: _own_leaf(row) for path, row in told["files"].items()}
            found = str(told["repository"]), Tree(leaves, str(told["commit"]))
        elif isinstance(told, dict):
            leaves = {str(row["rfilename"]): _sibling(row) for row in told["siblings"]}
            found = str(told.get("id", "")), Tree(leaves, str(told["sha"]))
        else:
            raise InputError(f"{place} is no tree of a hub")
    except (JsonError, KeyError, TypeError, AttributeError, ValueError) as error:
        raise InputError(
            f"{place} is no tree of a hub: {error}",
            hint="record one where there is a network: tyrian model drift --record FILE",
        ) from None
    if not _COMMIT.fullmatch(found[1].commit) or not all(map(is_inside, found[1].leaves)):
        raise InputError(f"{place} names no commit, or files outside of a directory")
    return found


def _own_leaf(row: Mapping[str, object]) -> Leaf:
    size = row["size"]
    if type(size) is not int:
        raise ValueError("a size that is no number")
    return Leaf(size, _hex(row["sha256"], _SHA256), _hex(row["git"], _COMMIT))


def _hex(value: object, form: re.Pattern[str]) -> str:
    if value and not (isinstance(value, str) and form.fullmatch(value)):
        raise ValueError("a digest that is none")
    return str(value or "")


def _of_tree_api(rows: list[Mapping[str, object]]) -> Iterable[tuple[str, Leaf]]:
    for row in rows:
        if row["type"] == "file":
            path = str(row["path"])
            if not is_inside(path):
                raise ValueError(f"a file outside of the directory: {path[:80]!a}")
            yield path, _leaf(row.get("size"), row.get("oid"), row.get("lfs"))


def _sibling(row: Mapping[str, object]) -> Leaf:
    return _leaf(row.get("size"), row.get("blobId"), row.get("lfs"))


def _leaf(size: object, git: object, lfs: object) -> Leaf:
    known = size if type(size) is int else -1
    if isinstance(lfs, dict):  # a large file's git digest is that of a pointer to it
        oid = str(lfs.get("sha256") or lfs.get("oid") or "").removeprefix("sha256:")
        large = lfs.get("size")
        return Leaf(large if type(large) is int else known, _hex(oid, _SHA256))
    return Leaf(known, git=_hex(git, _COMMIT))
