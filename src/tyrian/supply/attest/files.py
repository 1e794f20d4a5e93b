"""The files of a directory, or one alone, by the digests that are attested."""

from pathlib import Path

from tyrian.errors import InputError
from tyrian.supply.lock.digest import FileFaultError, digest_file
from tyrian.supply.lock.read import ReadFile, in_words, read_directory, tree_digest


def files_of(directory: Path, left_out: frozenset[str] = frozenset()) -> tuple[ReadFile, ...]:
    """All files of a directory with their digests; InputError where one cannot be vouched for."""
    read = read_directory(directory, left_out)
    if read.faults:
        told = in_words(read.faults, 5)
        raise InputError(f"{directory} cannot be attested: {told}", hint="remove or mend them")
    if not read.files:
        raise InputError(f"{directory} has no files", hint="name the directory that was written")
    return read.files


def digest_of(path: Path) -> str:
    """The digest of a file or a directory, `sha256:...`."""
    if path.is_dir():
        return tree_digest(files_of(path))
    try:
        return f"sha256:{digest_file(str(path.resolve())).sha256}"
    except FileFaultError as error:
        raise InputError(f"{path}: {error.message}") from None
