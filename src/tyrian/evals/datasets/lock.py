"""The lock of datasets: the bytes of each published file, its commit, its licence."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from hashlib import sha1, sha256
from importlib.resources import files
from types import MappingProxyType
from urllib.parse import quote

import msgspec

from tyrian.errors import ConfigError, InputError

COLLECTIONS = (
    *("cyberseceval", "cybersoceval", "cybermetric", "ctibench"),
    *("cysecbench", "secbench", "seceval", "wmdp"),
)
_HOSTS = {
    "github": "https://raw.githubusercontent.com/{repo}/{commit}/{path}",
    "huggingface": "https://huggingface.co/datasets/{repo}/resolve/{commit}/{path}",
}


class _Entry(msgspec.Struct):
    path: str
    git_blob: str | None = None
    sha256: str | None = None
    bytes: int | None = None
    rows: int | None = None
    url: str = ""


class _File(msgspec.Struct):
    repo: str
    commit: str
    licence: str
    root: str
    files: list[_Entry]
    host: str = "github"
    prefix: str = ""
    """What names of these files begin with, so that they are names among all collections."""


@dataclass(frozen=True, slots=True)
class Locked:
    """A file of a repository at a commit, with the digests that its bytes must have."""

    name: str
    repo: str
    commit: str
    path: str
    licence: str
    git_blob: str | None
    sha256: str | None
    size: int | None
    rows: int | None
    url: str = ""
    """Where it is served."""

    @property
    def is_pinned(self) -> bool:
        """Whether a digest is known; otherwise the user has to vouch for one."""
        return bool(self.sha256 or self.git_blob)

    @property
    def key(self) -> str:
        """What it is kept under: the digest that is pinned."""
        return self.sha256 or f"git-{self.git_blob}"

    def check(self, data: bytes, where: str) -> None:
        """InputError where these are not the pinned bytes; to be called before any parsing."""
        found = sha256(data).hexdigest()
        is_right = self.sha256 is None or found == self.sha256
        if is_right and self.git_blob is not None:
            header = b"blob %d\0" % len(data)
            blob = sha1(header + data, usedforsecurity=False).hexdigest()
            is_right = blob == self.git_blob
        if not is_right:
            raise InputError(
                f"{where}: not the pinned bytes of {self.name} "
                f"(SHA-256 is {found[:16]}..., pinned {self.key[:16]}...)",
                hint=f"get the file of {self.repo} at commit {self.commit[:12]}",
            )


@cache
def locked_files(collection: str = "cyberseceval") -> Mapping[str, Locked]:
    """All files of a collection by name."""
    text = (files("tyrian.evals.datasets") / f"{collection}.json").read_bytes()
    read = msgspec.json.decode(text, type=_File)
    return MappingProxyType(
        {
            read.prefix + entry.path: Locked(
                name=read.prefix + entry.path,
                repo=read.repo,
                commit=read.commit,
                path=read.root + entry.path,
                licence=read.licence,
                git_blob=entry.git_blob,
                sha256=entry.sha256,
                size=entry.bytes,
                rows=entry.rows,
                url=entry.url or _url(read, read.root + entry.path),
            )
            for entry in read.files
        }
    )


def _url(file: _File, path: str) -> str:
    form = _HOSTS[file.host]
    return form.format(repo=file.repo, commit=file.commit, path=quote(path))


def locked(name: str) -> Locked:
    """The lock of one file; ConfigError where none of that name is pinned."""
    for collection in COLLECTIONS:
        found = locked_files(collection).get(name)
        if found is not None:
            return found
    raise ConfigError(f"no dataset {name!r} is pinned")
