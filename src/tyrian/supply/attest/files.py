"""The files of a directory, or one alone, by the digests that are attested."""

from pathlib import Path

from tyrian.errors import InputError
from tyrian.supply.lock.digest import FileFaultError, digest_all, digest_file
from tyrian.supply.lock.lock import LockedFile, tree_digest
from tyrian.supply.lock.walk import walk


def files_of(directory: Path, left_out: frozenset[str] = frozenset()) -> tuple[LockedFile, ...]:
    """All files of a directory with their digests; InputError where one cannot be vouched for."""
    walked = walk(directory, left_out)
    digests = digest_all(walked.files)
    if faults := [*walked.faults, *digests.faults]:
        told = "; ".join(f"{one.path}: {one.kind}: {one.why}" for one in faults[:5])
        raise InputError(f"{directory} cannot be attested: {told}", hint="remove or mend them")
    if not walked.files:
        raise InputError(f"{directory} has no files", hint="name the directory that was written")
    return tuple(
        LockedFile(path=file.path, size=0, link=file.link)
        if file.link
        else LockedFile(
            path=file.path,
            size=digests.known[file.path].size,
            sha256=digests.known[file.path].sha256,
        )
        for file in walked.files
    )


def digest_of(path: Path) -> str:
    """The digest of a file or a directory, `sha256:...`."""
    if path.is_dir():
        return tree_digest(files_of(path))
    try:
        return f"sha256:{digest_file(str(path.resolve())).sha256}"
    except FileFaultError as error:
        raise InputError(f"{path}: {error.message}") from None
