"""Where each case stands in a log, kept on disk: memory does not grow with the number of cases.

The index is a private SQLite file without a name, gone when it is closed. A case that the log holds
twice is found where it was written last.
"""

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType

import msgspec

from tyrian.errors import InputError
from tyrian.evals.run.log import Record, placed

_SCHEMA = """
CREATE TABLE place (id TEXT, nth INTEGER, digest TEXT, start INTEGER, PRIMARY KEY (id, nth))
WITHOUT ROWID
"""
_DECODER = msgspec.json.Decoder(Record)


class LogIndex:
    """The cases of logs by id and pass; later logs win over earlier ones."""

    def __init__(self, *paths: Path) -> None:
        self._paths = paths
        self._db = sqlite3.connect("", isolation_level=None)
        self._db.execute("PRAGMA journal_mode=OFF")
        self._db.execute("PRAGMA cache_size=-2048")
        self._db.execute(_SCHEMA)
        self._db.execute("BEGIN")
        for number, path in enumerate(paths):
            for start, record in placed(path):
                row = (record.id, record.nth, record.digest, start * len(paths) + number)
                self._db.execute("INSERT OR REPLACE INTO place VALUES (?, ?, ?, ?)", row)
        self._db.execute("COMMIT")

    def __len__(self) -> int:
        (count,) = self._db.execute("SELECT count(*) FROM place").fetchone()
        return int(count)

    def digest(self, case: str, nth: int) -> str:
        """The digest of the case that was done; empty where it was not."""
        row = self._db.execute(
            "SELECT digest FROM place WHERE id = ? AND nth = ?", (case, nth)
        ).fetchone()
        return str(row[0]) if row else ""

    def ordered(self) -> Iterator[Record]:
        """The cases by id and pass, each once."""
        files = [path.open("rb") if path.exists() else None for path in self._paths]
        try:
            for (place,) in self._db.execute("SELECT start FROM place ORDER BY id, nth"):
                start, number = divmod(place, len(self._paths))
                file = files[number]
                if file is None:
                    raise InputError(f"{self._paths[number]} was removed while it was read")
                file.seek(start)
                yield _DECODER.decode(file.readline())
        finally:
            for file in files:
                if file is not None:
                    file.close()

    def close(self) -> None:
        """Let the file go."""
        self._db.close()

    def __enter__(self) -> "LogIndex":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
