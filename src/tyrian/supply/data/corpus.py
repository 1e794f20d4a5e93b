"""What of all rows has to be seen together, on disk rather than in memory."""

import tempfile
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

import numpy as np
import numpy.typing as npt

from tyrian.supply.data.examine import Examined, words_in
from tyrian.supply.data.minhash import PERMUTATIONS
from tyrian.supply.data.words import I64, U32, Words, shingle_lows

KEYS = np.dtype([("high", "<u8"), ("low", "<u8")])


class _Column:
    """Numbers of one type, appended to a file and read as if they were in memory."""

    def __init__(self, path: Path, kind: npt.DTypeLike) -> None:
        self._path, self._kind = path, np.dtype(kind)
        self._file: IO[bytes] = path.open("wb")

    def add(self, data: bytes) -> None:
        self._file.write(data)

    def array(self) -> npt.NDArray[Any]:
        self._file.flush()
        if not self._path.stat().st_size:
            return np.empty(0, self._kind)
        return np.memmap(self._path, self._kind, mode="r")

    def close(self) -> None:
        self._file.close()


class Corpus:
    """The rows of a dataset by number, in the order in which they were read.

    A context manager: its files are gone when it ends.
    """

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="tyrian-data-")
        self._columns: dict[str, _Column] = {}
        self.files: list[str] = []
        self._file_numbers: dict[str, int] = {}
        self.labels: list[str] = []
        """The labels that there are, in the order in which they came."""
        self._label_numbers: dict[str, int] = {}
        self.size = 0

    def __enter__(self) -> Self:
        for name, kind in (
            ("file", np.int32), ("row", np.int64), ("label", np.int32), ("key", KEYS),
            ("answer", KEYS), ("words", np.uint64), ("counts", np.int64), ("lows", np.uint32),
            ("low_counts", np.int64), ("signatures", np.uint32), ("answer_lows", np.uint32),
            ("answer_counts", np.int64),
        ):  # fmt: skip
            self._columns[name] = _Column(Path(self._folder.name, name), kind)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for column in self._columns.values():
            column.close()
        self._folder.cleanup()

    def add(self, made: Examined) -> None:
        """Append the rows of a result."""
        count = len(made.rows)
        if not count:
            return
        number = self._file_numbers.setdefault(made.file, len(self.files))
        if number == len(self.files):
            self.files.append(made.file)
        labels = [self._label(label) for label in made.labels]
        words = words_in(made.words, made.counts)
        lows, low_counts = shingle_lows(words)
        answer_lows, answer_counts = shingle_lows(words_in(made.answer_words, made.answer_counts))
        for name, data in (
            ("file", np.full(count, number, np.int32).tobytes()),
            ("row", np.array(made.rows, np.int64).tobytes()),
            ("label", np.array(labels, np.int32).tobytes()),
            ("key", b"".join(made.keys)),
            ("answer", b"".join(one or bytes(16) for one in made.answers)),
            ("words", made.words),
            ("counts", made.counts),
            ("lows", lows.tobytes()),
            ("low_counts", low_counts.tobytes()),
            ("signatures", made.signatures),
            ("answer_lows", answer_lows.tobytes()),
            ("answer_counts", answer_counts.tobytes()),
        ):
            self._columns[name].add(data)
        self.size += count

    def _label(self, label: str) -> int:
        if not label:
            return -1
        number = self._label_numbers.setdefault(label, len(self.labels))
        if number == len(self.labels):
            self.labels.append(label)
        return number

    def place(self, index: int) -> tuple[str, int]:
        """File and row of a row."""
        file = int(self._columns["file"].array()[index])
        return self.files[file], int(self._columns["row"].array()[index])

    @property
    def label_numbers(self) -> npt.NDArray[np.int32]:
        """Of each row; -1 where it has none."""
        return self._columns["label"].array()

    @property
    def keys(self) -> npt.NDArray[Any]:
        """128 bits of each compared text, as `KEYS`."""
        return self._columns["key"].array()

    @property
    def answers(self) -> npt.NDArray[Any]:
        """128 bits of each label or answer, zero where there is none."""
        return self._columns["answer"].array()

    @property
    def words(self) -> Words:
        """Of all compared texts."""
        return Words(self._columns["words"].array(), self._columns["counts"].array())

    @property
    def shingles(self) -> tuple[U32, I64]:
        """The upper halves of the shingles of all compared texts."""
        return self._columns["lows"].array(), self._columns["low_counts"].array()

    @property
    def answer_shingles(self) -> tuple[U32, I64]:
        """As `shingles`, of the answers."""
        return self._columns["answer_lows"].array(), self._columns["answer_counts"].array()

    @property
    def signatures(self) -> U32:
        """A row of minima for each text."""
        return self._columns["signatures"].array().reshape(-1, PERMUTATIONS)


def first_of_equals(keys: npt.NDArray[Any]) -> I64:
    """For each row the first row with the same key."""
    order = np.lexsort((keys["low"], keys["high"]))
    ranked = np.asarray(keys)[order]
    starts = np.concatenate(([True], ranked[1:] != ranked[:-1])) if len(ranked) else np.empty(0)
    heads = np.flatnonzero(starts)
    sizes = np.diff(np.append(heads, len(ranked)))
    found = np.empty(len(keys), np.int64)
    found[order] = np.repeat(order[heads], sizes)  # lexsort is stable: the first is the earliest
    return found
