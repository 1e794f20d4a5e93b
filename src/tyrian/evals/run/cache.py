"""Answers that were paid for once: kept by all that makes them what they are.

The key is over model, address, guard, the whole canonical request and the number of the pass, so
that several passes over one case are several answers. Only answers are kept, never failures.
"""

import sqlite3
from hashlib import sha256
from pathlib import Path

import msgspec

from tyrian.errors import StoreError
from tyrian.evals.exchange import Reply, ReplyStatus, Request

_KEPT = frozenset({ReplyStatus.OK, ReplyStatus.FILTERED, ReplyStatus.EMPTY})
_SCHEMA = """
CREATE TABLE IF NOT EXISTS reply (key BLOB PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID
"""


def key_of(identity: str, request: Request, nth: int) -> bytes:
    """SHA-256 over everything that an answer depends upon."""
    images = [[sha256(i.data).hexdigest() for i in turn.images] for turn in request.turns]
    turns = [[t.role, t.text, [[c.id, c.name, c.arguments] for c in t.calls], t.call_id]
             for t in request.turns]  # fmt: skip
    sampling = request.sampling
    parts = [
        *(identity, request.part, turns, images, dict(request.schema)),
        [dict(tool) for tool in request.tools],
        [sampling.temperature, sampling.top_p, sampling.max_tokens, sampling.seed],
        nth,
    ]
    return sha256(msgspec.json.encode(parts, order="sorted")).digest()


class ReplyCache:
    """A file of answers that several runs may share."""

    def __init__(self, path: Path) -> None:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._db = sqlite3.connect(path, timeout=30, isolation_level=None)
            self._db.execute("PRAGMA journal_mode=WAL")
            self._db.execute("PRAGMA synchronous=NORMAL")
            self._db.execute(_SCHEMA)
        except (sqlite3.Error, OSError) as error:
            raise StoreError(
                f"the cache {path} cannot be used: {error}",
                hint="name another with --cache, or remove it: logs hold all that matters",
            ) from error

    def get(self, key: bytes) -> Reply | None:
        """The answer kept under this key."""
        row = self._db.execute("SELECT value FROM reply WHERE key = ?", (key,)).fetchone()
        return msgspec.json.decode(row[0], type=Reply) if row else None

    def put(self, key: bytes, reply: Reply) -> None:
        """Keep an answer; failures are not kept."""
        if reply.status in _KEPT:
            self._db.execute(
                "INSERT OR REPLACE INTO reply VALUES (?, ?)", (key, msgspec.json.encode(reply))
            )

    def close(self) -> None:
        """Close the file."""
        self._db.close()
