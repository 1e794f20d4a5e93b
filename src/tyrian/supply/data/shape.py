"""Which texts of a row are asked, which are answered, and which label it has."""

from collections.abc import Iterator, Mapping
from enum import StrEnum

import msgspec

from tyrian.errors import ConfigError, InputError


class Part(StrEnum):
    """What a text is to a training."""

    QUESTION = "question"
    ANSWER = "answer"
    OTHER = "other"


class Piece(msgspec.Struct, frozen=True):
    """One text of a row."""

    field: str
    text: str
    part: Part


class Texts(msgspec.Struct, frozen=True):
    """All texts of a row, and its label where it has one."""

    pieces: tuple[Piece, ...]
    label: str = ""

    def of(self, part: Part) -> str:
        """The texts of a part, one on a line; where a row asks nothing, all its texts ask."""
        return "\n".join(piece.text for piece in self.pieces if piece.part is part)


class ShapeError(InputError):
    """A row that is not of the format that its fields promise."""


class Fields(msgspec.Struct, frozen=True):
    """Names of fields, as `--fields` gives them; all empty is to look at each row."""

    question: tuple[str, ...] = ()
    answer: tuple[str, ...] = ()
    label: str = ""


_LISTS = {"messages": ("role", "content"), "conversations": ("from", "value"),
          "conversation": ("from", "value")}  # fmt: skip
_QUESTIONS = ("system", "context", "prompt", "instruction", "input", "question", "query", "text",
              "sentence", "content", "premise", "hypothesis")  # fmt: skip
_ANSWERS = ("completion", "response", "output", "answer", "answers", "chosen", "rejected",
            "summary", "target_text")  # fmt: skip
_LABELS = ("label", "labels", "category", "class", "target", "sentiment", "intent")
_SPEAKS = frozenset({"assistant", "gpt", "model", "bot", "chatgpt", "ai"})
_MOST_DEPTH = 24


def fields_of(told: str) -> Fields:
    """`question=a+b,answer=c,label=d` as Fields; ConfigError where it is not."""
    hint = "--fields question=prompt,answer=response,label=category; + joins several"
    found: dict[str, tuple[str, ...]] = {}
    for one in told.split(","):
        name, _, value = one.partition("=")
        names = tuple(part.strip() for part in value.split("+") if part.strip())
        if name.strip() not in ("question", "answer", "label") or not names:
            raise ConfigError(f"--fields {told!r}: {one!r} is not understood", hint=hint)
        found[name.strip()] = names
    if len(found.get("label", ())) > 1:
        raise ConfigError("--fields: a row has one label", hint=hint)
    return Fields(
        found.get("question", ()), found.get("answer", ()), next(iter(found.get("label", ())), "")
    )


def texts_of(value: Mapping[str, object], fields: Fields) -> Texts:
    """The texts of a row; ShapeError where a field is not of the type that its name promises."""
    if fields != Fields():
        return _named(value, fields)
    pieces: list[Piece] = []
    label = ""
    for name, given in value.items():
        if name in _LISTS and given is not None:
            pieces += _turns(name, given, *_LISTS[name])
        elif name in _QUESTIONS:
            pieces += _known(name, given, Part.QUESTION)
        elif name in _ANSWERS:
            pieces += _known(name, given, Part.ANSWER)
        elif name in _LABELS and not label and isinstance(given, str | int) and given != "":
            label = str(given)
        else:
            pieces += _leaves(name, given, Part.OTHER)
    return Texts(tuple(pieces), label)


def _named(value: Mapping[str, object], fields: Fields) -> Texts:
    pieces: list[Piece] = []
    for name in (*fields.question, *fields.answer, *filter(None, [fields.label])):
        if name not in value:
            raise ShapeError(f"it has no field {name!r}, which --fields names")
    for name, given in value.items():
        part = Part.OTHER
        if name in fields.question:
            part = Part.QUESTION
        elif name in fields.answer:
            part = Part.ANSWER
        elif name == fields.label:
            continue
        pieces += (
            _known(name, given, part) if part is not Part.OTHER else _leaves(name, given, part)
        )
    label = value[fields.label] if fields.label else ""
    if isinstance(label, dict | list):
        raise ShapeError(f"its label {fields.label!r} is a {type(label).__name__}, no single value")
    return Texts(tuple(pieces), "" if label is None else str(label))


def _known(name: str, given: object, part: Part) -> Iterator[Piece]:
    if isinstance(given, str):
        yield Piece(name, given, part)
    elif isinstance(given, list) and given and all(isinstance(one, dict) for one in given):
        key = "role" if "role" in given[0] else "from"
        yield from _turns(name, given, key, "content" if key == "role" else "value")
    elif isinstance(given, list | dict):
        yield from _leaves(name, given, part)
    elif given is not None:
        raise ShapeError(f"its {name} is a {type(given).__name__}, no text")


def _turns(name: str, given: object, who: str, what: str) -> Iterator[Piece]:
    if not isinstance(given, list):
        raise ShapeError(f"its {name} are a {type(given).__name__}, no list")
    for number, turn in enumerate(given):
        place = f"{name}[{number}]"
        if not isinstance(turn, dict) or not isinstance(turn.get(who), str):
            raise ShapeError(f"{place} has no {who}")
        part = Part.ANSWER if turn[who].lower() in _SPEAKS else Part.QUESTION
        said = turn.get(what)
        if isinstance(said, str):
            yield Piece(f"{place}.{what}", said, part)
        elif isinstance(said, list):
            yield from _leaves(f"{place}.{what}", said, part)
        elif said is not None:
            raise ShapeError(f"{place}.{what} is a {type(said).__name__}, no text")
        elif not any(key not in (who, what) for key in turn):
            raise ShapeError(f"{place} has no {what}")
        for key, more in turn.items():
            if key not in (who, what):
                yield from _leaves(f"{place}.{key}", more, part)


def _leaves(name: str, given: object, part: Part, depth: int = 0) -> Iterator[Piece]:
    """Every text below a value; keys of tables are texts as well where they are long."""
    if isinstance(given, str):
        yield Piece(name, given, part)
    elif depth > _MOST_DEPTH:
        raise ShapeError(f"its {name} is nested over {_MOST_DEPTH} deep")
    elif isinstance(given, dict):
        for key, value in given.items():
            yield from _leaves(f"{name}.{key}", value, part, depth + 1)
    elif isinstance(given, list | tuple):
        for number, value in enumerate(given):
            yield from _leaves(f"{name}[{number}]", value, part, depth + 1)
