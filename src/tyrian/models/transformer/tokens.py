"""Text to tokens with places, where nothing that a user types becomes a control token."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tyrian.errors import MissingDependencyError, ModelError

_UNKNOWN_SIGN = "[UNK]"


@dataclass(frozen=True, slots=True)
class Tokens:
    """Tokens of a text without special ones; `starts` and `ends` count its characters."""

    ids: list[int]
    starts: list[int]
    ends: list[int]

    def __len__(self) -> int:
        return len(self.ids)


class Tokenizer:
    """A `tokenizer.json`, run by the `tokenizers` library; safe to share between threads."""

    def __init__(self, file: Path) -> None:
        self._inner = _load(file)
        self.prefix, self.suffix = self._frame()
        self.pad_id = self._special(("[PAD]", "<pad>"), 0)
        self._unknown = self._special((_UNKNOWN_SIGN, "<unk>"), self.pad_id)
        self._control = self._control_ids()
        self._spelled: dict[str, list[int]] = {}

    @property
    def framing(self) -> int:
        """How many special tokens stand round a window."""
        return len(self.prefix) + len(self.suffix)

    def framed(self, ids: Iterable[int]) -> tuple[int, ...]:
        """The ids as the model reads them, between its special tokens."""
        return (*self.prefix, *ids, *self.suffix)

    def encode(self, text: str) -> Tokens:
        """The tokens of a text, special tokens typed in it taken for the characters they are."""
        # A batch of one lets other threads run meanwhile; a single call would not.
        clean = text.encode("utf-8", "replace").decode("utf-8")
        (found,) = self._inner.encode_batch([clean], add_special_tokens=False)
        ids: list[int] = found.ids
        spans: list[tuple[int, int]] = found.offsets
        if self._control.isdisjoint(ids):
            return Tokens(ids, [start for start, _ in spans], [end for _, end in spans])
        return self._respelled(text, ids, spans)

    def _respelled(self, text: str, ids: list[int], spans: list[tuple[int, int]]) -> Tokens:
        """A Unigram vocabulary holds its control tokens as words; they are spelled out instead."""
        made = Tokens([], [], [])
        for token, (start, end) in zip(ids, spans, strict=True):
            pieces = self._letters(text[start:end]) if token in self._control else [token]
            step = (end - start) / max(len(pieces), 1)
            for number, piece in enumerate(pieces):
                made.ids.append(piece)
                made.starts.append(start + int(number * step))
                made.ends.append(
                    end if number == len(pieces) - 1 else start + int(step * number + step)
                )
        return made

    def _letters(self, surface: str) -> list[int]:
        known = self._spelled.get(surface)
        if known is None:
            ids = (self._inner.token_to_id(letter) for letter in surface)
            known = [self._unknown if found is None else found for found in ids]
            if len(self._spelled) < 1000:
                self._spelled[surface] = known
        return known

    def _frame(self) -> tuple[tuple[int, ...], tuple[int, ...]]:
        bare: list[int] = self._inner.encode("a", add_special_tokens=False).ids
        full: list[int] = self._inner.encode("a", add_special_tokens=True).ids
        for at in range(len(full) - len(bare) + 1):
            if full[at : at + len(bare)] == bare:
                return tuple(full[:at]), tuple(full[at + len(bare) :])
        raise ModelError("the tokenizer does not frame a text in special tokens")

    def _special(self, names: tuple[str, ...], otherwise: int) -> int:
        for name in names:
            found: int | None = self._inner.token_to_id(name)
            if found is not None:
                return found
        return otherwise

    def _control_ids(self) -> frozenset[int]:
        added = self._inner.get_added_tokens_decoder()
        special = {number for number, token in added.items() if token.special}
        return frozenset({*special, *self.prefix, *self.suffix, self.pad_id} - {self._unknown})


def _load(file: Path) -> Any:
    try:
        from tokenizers import Tokenizer as Inner
    except ImportError:
        raise MissingDependencyError(
            "the package tokenizers is not here", hint="get it: pip install 'tyrian[onnx]'"
        ) from None
    try:
        plain = json.loads(file.read_text("utf-8"))
        # A tokenizer that cuts by itself would leave the end of a window unread.
        plain["truncation"] = plain["padding"] = None
        inner = Inner.from_str(json.dumps(plain))
    except Exception as error:  # noqa: BLE001 - the library raises bare Exception
        raise ModelError(
            f"{file.parent.name}/{file.name} is not a tokenizer ({type(error).__name__})",
            hint="pull the model again",
        ) from None
    inner.encode_special_tokens = True
    return inner
