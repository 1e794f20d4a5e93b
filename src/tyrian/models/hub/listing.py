"""What the hub says of a repository at one commit: its files, sizes, digests and licence."""

import re
from dataclasses import dataclass

import msgspec

from tyrian.models.hub.errors import HubError, RefusedError
from tyrian.models.hub.lock import is_plain_path

COMMIT = re.compile(r"[0-9a-f]{40}")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_MOST_FILES = 10_000
_LARGEST = 1 << 50


@dataclass(frozen=True, slots=True)
class RemoteFile:
    """One file of a repository, as the hub describes it."""

    path: str
    size: int | None = None
    """Bytes; None where the listing does not say."""
    digest: str = ""
    """`sha256:...` or `git-sha1:...`; empty where the listing does not say."""


@dataclass(frozen=True, slots=True)
class Listing:
    """A repository at one commit."""

    repository: str
    commit: str
    files: tuple[RemoteFile, ...]
    licence: str = ""
    """The licence's tag in the hub's metadata, such as `llama4`."""
    licence_url: str = ""
    is_gated: bool = False


class _Lfs(msgspec.Struct):
    sha256: str = ""
    oid: str = ""
    size: int | None = None


class _Sibling(msgspec.Struct):
    rfilename: str
    size: int | None = None
    blob_id: str | None = msgspec.field(name="blobId", default=None)
    lfs: _Lfs | None = None


class _Card(msgspec.Struct):
    license: object = None
    license_name: object = None
    license_link: object = None


class _Info(msgspec.Struct):
    sha: str
    siblings: list[_Sibling]
    id: str = ""
    gated: object = False
    card: object = msgspec.field(name="cardData", default=None)


def parse_listing(repository: str, body: bytes) -> Listing:
    """The answer to `/api/models/REPOSITORY/revision/REVISION?blobs=true`.

    HubError where it is none; RefusedError where it names files that do not stay in a directory.
    """
    try:
        info = msgspec.json.decode(body, type=_Info)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise HubError(
            f"the hub's answer about {repository} cannot be read",
            hint="check that HF_ENDPOINT is a hub, or a mirror that speaks its protocol",
        ) from None
    if not COMMIT.fullmatch(info.sha):
        raise HubError(f"the hub names no commit for {repository}")
    files = tuple(_file(sibling) for sibling in info.siblings)
    names = {file.path for file in files}
    if len(files) > _MOST_FILES or len(names) != len(files) or not all(map(is_plain_path, names)):
        raise RefusedError(f"the hub's list of files of {repository} is not one of a directory")
    tag, url = _licence(info.card)
    return Listing(repository, info.sha, files, tag, url, bool(info.gated))


def _file(sibling: _Sibling) -> RemoteFile:
    size = sibling.size
    digest = f"git-sha1:{sibling.blob_id}" if COMMIT.fullmatch(sibling.blob_id or "") else ""
    if lfs := sibling.lfs:
        size = lfs.size if lfs.size is not None else size
        # A large file's own blob is only a pointer to it; its digest is of no use here.
        digest = digest_of_tag(lfs.sha256 or lfs.oid)
    is_size = size is not None and 0 <= size <= _LARGEST
    return RemoteFile(sibling.rfilename, size if is_size else None, digest)


def digest_of_tag(tag: str) -> str:
    """The digest in an ETag or an LFS id: SHA-256, or the SHA-1 of a git blob; else empty."""
    plain = tag.strip().removeprefix("W/").strip('"').removeprefix("sha256:").lower()
    if _SHA256.fullmatch(plain):
        return f"sha256:{plain}"
    return f"git-sha1:{plain}" if COMMIT.fullmatch(plain) else ""


def _licence(card: object) -> tuple[str, str]:
    try:
        found = msgspec.convert(card, _Card)
    except msgspec.ValidationError:
        return "", ""
    tag = _line(found.license)
    if tag in ("", "other") and _line(found.license_name):
        tag = _line(found.license_name)
    link = _line(found.license_link)
    return tag, link if link.startswith(("https://", "http://")) else ""


def _line(value: object) -> str:
    """A value as one printable line: it is shown on a terminal."""
    if isinstance(value, list):
        value = ", ".join(str(one) for one in value[:8])
    if not isinstance(value, str):
        return ""
    return "".join(char for char in value if char.isprintable()).strip()[:200]
