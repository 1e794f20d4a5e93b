"""The SHA-256 of a file while it is scanned: reading and hashing go on beside the scan."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

from tyrian.supply.scan.source import ChangedError, Source

_SMALL = 4 << 20
"""Up to here a thread costs more than it saves."""
_PIECE = 1 << 20


class Digest:
    """A digest that is known once the scan has ended."""

    __slots__ = ("error", "value")

    def __init__(self) -> None:
        self.value = ""
        self.error: Exception | None = None


@contextmanager
def hashed(source: Source, *, is_wanted: bool) -> Iterator[Digest]:
    """Hash all of a source while the body runs; raises ChangedError where it became shorter."""
    made = Digest()
    if not is_wanted:
        yield made
        return
    if source.size <= _SMALL:
        yield made
        _hash(source, made)
    else:
        from threading import Thread  # as below: only large files need it

        thread = Thread(target=_hash, args=(source, made), daemon=True)
        thread.start()
        try:
            yield made
        finally:
            thread.join()
    if made.error is not None:
        raise made.error


def _hash(source: Source, made: Digest) -> None:
    """Both the read and the digest leave the interpreter to others while they run."""
    from hashlib import sha256  # brings OpenSSL, which a scan without digests does not need

    digest, buffer = sha256(), bytearray(min(_PIECE, source.size))
    view, at = memoryview(buffer), 0
    try:
        while at < source.size:
            count = os.preadv(source.fileno(), [view], source.start + at)
            count = min(count, source.size - at)
            if not count:
                raise ChangedError("the file became shorter while it was read")
            digest.update(view[:count])
            at += count
        made.value = digest.hexdigest()
    except (OSError, ChangedError) as error:
        made.error = error
