"""A repository of the hub at one commit, locked without bringing its weights here.

Large files are taken by the SHA-256 that the hub has of them; small ones, of which it has only
git's SHA-1, are fetched, checked against that, and hashed.
"""

import asyncio
import hashlib
from pathlib import Path
from tempfile import TemporaryDirectory

from tyrian.errors import ConfigError
from tyrian.models.hub.client import Hub
from tyrian.models.hub.endpoint import endpoint_from_environment
from tyrian.models.hub.errors import HubError, RefusedError
from tyrian.models.hub.listing import COMMIT, Listing, RemoteFile
from tyrian.supply.lock.digest import SMALL, digest_all
from tyrian.supply.lock.lock import LockedFile, LockedModel
from tyrian.supply.lock.make import (
    Approval,
    FaultyError,
    FloatingError,
    check_approval,
    known_facts,
    pinned,
)
from tyrian.supply.lock.references import unknown
from tyrian.supply.lock.walk import is_inside, walk

_AT_ONCE = 8


async def lock_repository(approval: Approval) -> LockedModel:
    """The model of a repository; FloatingError with the commit where only a branch is named."""
    repository, revision = approval.repository, approval.commit
    if not COMMIT.fullmatch(revision):
        raise await _floating(repository, revision or "main")
    check_approval(approval)
    async with Hub(endpoint_from_environment()) as hub:
        listing = await hub.listing(repository, revision)
        if listing.commit != revision:
            raise RefusedError(f"the hub answered with commit {listing.commit}, not {revision}")
        if not all(is_inside(file.path) for file in listing.files):
            raise RefusedError(f"{repository} has files whose names do not show, or lead out")
        with TemporaryDirectory(prefix="tyrian-lock-") as folder:
            await _fetch_small(hub, listing, Path(folder))
            return _locked(listing, approval, Path(folder))


async def _floating(repository: str, revision: str) -> FloatingError:
    told = f"{repository}@{revision} is a floating reference: it names whatever stands there"
    try:
        async with Hub(endpoint_from_environment()) as hub:
            commit = (await hub.listing(repository, revision)).commit
    except (HubError, ConfigError) as error:
        return FloatingError(
            told + " that day",
            hint=f"name the commit: tyrian model lock {repository}@COMMIT"
            f" (the hub was asked for it, but: {error.args[0]})",
        )
    return FloatingError(
        told + f" that day; today it is {commit}",
        hint=f"pin it: tyrian model lock {repository}@{commit}",
    )


async def _fetch_small(hub: Hub, listing: Listing, folder: Path) -> None:
    gate = asyncio.Semaphore(_AT_ONCE)

    async def fetch(file: RemoteFile) -> None:
        async with gate:
            await _fetch(hub, listing, file, folder)

    await asyncio.gather(*(fetch(file) for file in listing.files if not _is_large(file)))


def _is_large(file: RemoteFile) -> bool:
    return file.digest.startswith("sha256:") and file.size is not None


async def _fetch(hub: Hub, listing: Listing, file: RemoteFile, folder: Path) -> None:
    data = bytearray()
    async with hub.body(listing.repository, listing.commit, file, 0) as body:
        async for chunk in body.chunks():
            data += chunk
            if len(data) > SMALL:
                raise RefusedError(f"{file.path} is larger than the hub says of small files")
    git = hashlib.sha1(b"blob %d\0" % len(data) + data, usedforsecurity=False).hexdigest()
    if file.digest != f"git-sha1:{git}":
        raise RefusedError(f"{file.path} is not what the hub's list says: another git digest")
    place = folder / file.path
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_bytes(data)


def _locked(listing: Listing, approval: Approval, folder: Path) -> LockedModel:
    walked = walk(folder)
    digests = digest_all(walked.files, with_git=True)
    if faults := [*walked.faults, *digests.faults]:
        raise FaultyError(folder, faults)
    facts = known_facts(walked.files)
    if faults := list(unknown(facts)):
        raise FaultyError(folder, faults)
    small = [
        LockedFile(path=path, size=one.size, sha256=one.sha256, git=one.git)
        for path, one in digests.known.items()
    ]
    large = [
        LockedFile(path=one.path, size=one.size or 0, sha256=one.digest.removeprefix("sha256:"))
        for one in listing.files
        if _is_large(one)
    ]
    return LockedModel(
        name=approval.name,
        repository=approval.repository,
        commit=approval.commit,
        licence=approval.licence or listing.licence,
        approver=approval.approver.strip(),
        approved_at=approval.at,
        expires=approval.expires,
        references=pinned(facts, approval.pins),
        files=tuple(small + large),
        facts=facts,
    )
