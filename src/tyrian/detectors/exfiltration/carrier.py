"""How a URL stands in a text: what fetches it, and what people see of it."""

import re
from enum import StrEnum
from functools import cached_property
from typing import NamedTuple


class Kind(StrEnum):
    """Who fetches the URL."""

    IMAGE = "image"
    """The client, as soon as it shows the text."""
    LINK = "link"
    """A person who follows a link."""
    BARE = "bare"
    """A person who follows or copies a URL that stands open in the text."""


class Carrier(NamedTuple):
    """The construct around a URL."""

    kind: Kind
    label: str | None = None
    """The text that people see in place of the URL, None where they see the URL or an image."""
    is_concealed: bool = False
    """Made so small or transparent that nobody sees it."""
    is_markup: bool = True
    """Part of Markdown, HTML or CSS, so that other schemes than http work."""


_BARE = Carrier(Kind.BARE, is_markup=False)
_AUTOLINK = Carrier(Kind.BARE)
_IMAGE = Carrier(Kind.IMAGE)
_LINK = Carrier(Kind.LINK)
_OPENERS = frozenset(" \t\n(<\"'=")
_LINKS = frozenset("(<:=\"' \t\n")
"""What may stand before white space that leads to the URL of a construct."""
_SPACES = frozenset(filter(str.isspace, map(chr, range(0x3001))))
_BEFORE = {
    **dict.fromkeys(" \t\n", _LINKS),
    "(": frozenset("]lL"),
    "<": frozenset("(: \t\n<"),
    **dict.fromkeys("\"'", _SPACES | frozenset("=(")),
}
"""What may stand before the opener of a construct, so that others cost no further look."""
_LEAD = 400
_TAIL = 300

_ATTRIBUTE = re.compile(
    r"\b(?:src|href|srcset|poster|background|data|action|formaction|content)\s{0,3}=\s{0,3}[\"']?"
    r"(?:\d{1,4};\s?url=)?$",
    re.IGNORECASE,
)
_TAG = re.compile(r"<([A-Za-z][A-Za-z0-9:]{0,20})\b")
_NAME_LENGTH = 29
"""The longest attribute with what may stand between it and the URL, and a character before it."""
_BRACKET = re.compile(r"[\[\]]")
_CSS_URL = re.compile(r"\burl\(\s{0,3}[\"']?$", re.IGNORECASE)
_DEFINITION = re.compile(r" {0,3}\[([^\]\[\n]{1,200})\]:[ \t]{0,8}$")
_REFERENCED_IMAGE = re.compile(r"!\[([^\]\[]{0,300})\](?:\[([^\]\[]{0,200})\])?")
_REFERENCED_EMPTY = re.compile(r"(?<!!)\[[\s\u200b-\u200f\u2060\ufeff]{0,20}\]\[([^\]\[]{1,200})\]")
_FETCHED_TAGS = frozenset(
    {"img", "image", "iframe", "frame", "script", "link", "object", "embed", "video", "audio",
     "source", "track", "input", "body", "table", "td", "meta", "use"}
)  # fmt: skip
_TINY = re.compile(
    r"display\s*:\s*none|visibility\s*:\s*hidden|opacity\s*:\s*0(?![.\d]*[1-9])"
    r"|(?:width|height)\s*[:=]\s*[\"']?[01](?:px)?(?![\d.%a-z])|\bhidden\b",
    re.IGNORECASE,
)
_SHORTEST_TINY = 6
_EMPTY_ANCHOR = re.compile(r"[^<>]{0,200}>\s{0,20}</a\s*>", re.IGNORECASE)


def is_open(before: str) -> bool:
    """Behind these two characters no construct can hold a URL: it stands open in the text.

    It may still be an autolink, `<...>`.
    """
    last = before[-1:]
    return last not in _OPENERS or (last != "=" and before[:-1] not in _BEFORE[last])


class Surroundings:
    """One text, asked for the construct around each of its URLs."""

    def __init__(self, text: str) -> None:
        self._text = text

    def says_nothing(self, start: int, before: str) -> bool:
        """No label around the URL at `start`, behind `before`, could speak against it.

        Quick to tell of most links and images; may be False where none does.
        """
        if before != "](":
            return False
        text = self._text
        opened = text.rfind("[", start - _LEAD if start > _LEAD else 0, start - 2)
        if opened < 0:
            return False
        label = text[opened + 1 : start - 2]
        if opened and text[opened - 1] == "!":
            return "]" not in label
        # A host has a dot; a label that begins like a word is neither empty nor invisible.
        return "." not in label and "]" not in label and label[:1].isalnum()

    def carrier(self, start: int, end: int) -> Carrier:
        """The construct around the URL at `text[start:end]`."""
        text = self._text
        last = text[start - 1] if start else ""
        if last not in _OPENERS:
            return _BARE
        before = text[start - 2 : start - 1]
        if last != "=" and before not in _BEFORE[last]:
            return _AUTOLINK if last == "<" else _BARE
        lead = text[max(0, start - _LEAD) : start]
        stem = lead.rstrip(" \t\n<")
        if stem.endswith("]("):
            return self._inline(stem, start - len(lead))
        if last in ('"', "'", "=") or lead[-4:].lower() == "url=":
            return self._attribute(lead, end) or _css(lead) or _BARE
        if last == "(" or (last == " " and stem.endswith("(")):
            return _css(lead) or _BARE
        if stem.endswith("]:") and (match := _DEFINITION.match(stem, stem.rfind("\n") + 1)):
            return self._defined(match[1])
        return _AUTOLINK if last == "<" else _BARE

    def _inline(self, stem: str, offset: int) -> Carrier:
        """`[label](` or `![alt](`: back to the bracket that opens the label."""
        opened = stem.rfind("[", 0, len(stem) - 2)
        if opened < 0:
            return _LINK
        if "]" in stem[opened:-2]:
            opened = self._openings.get(offset + len(stem) - 2, -1) - offset
            if opened < 0:
                return _LINK
        if opened and stem[opened - 1] == "!":
            return _IMAGE
        return Carrier(Kind.LINK, stem[opened + 1 : -2])

    @cached_property
    def _openings(self) -> dict[int, int]:
        """Where the bracket opens that each closing one of the text closes."""
        opened: list[int] = []
        pairs: dict[int, int] = {}
        for match in _BRACKET.finditer(self._text):
            if match[0] == "[":
                opened.append(match.start())
            elif opened:
                pairs[match.start()] = opened.pop()
        return pairs

    def _attribute(self, lead: str, end: int) -> Carrier | None:
        opened = lead.rfind("<")
        if opened < 0 or ">" in lead[opened:] or not _ATTRIBUTE.search(lead[-_NAME_LENGTH:]):
            return None
        tag = _TAG.match(lead, opened)
        if tag is None:
            return None
        tail = self._text[end : end + _TAIL]
        name = tag[1].lower()
        is_concealed = _is_concealed(lead[tag.end() :]) or _is_concealed(tail.partition(">")[0])
        if name in _FETCHED_TAGS:
            return Carrier(Kind.IMAGE, is_concealed=is_concealed)
        label = "" if name == "a" and _EMPTY_ANCHOR.match(tail) else None
        return Carrier(Kind.LINK, label, is_concealed)

    def _defined(self, name: str) -> Carrier:
        if name.strip().lower() in self._image_names:
            return _IMAGE
        return Carrier(Kind.LINK, "" if name.strip().lower() in self._empty_names else None)

    @cached_property
    def _image_names(self) -> frozenset[str]:
        found = _REFERENCED_IMAGE.finditer(self._text)
        return frozenset((m[2] or m[1]).strip().lower() for m in found)

    @cached_property
    def _empty_names(self) -> frozenset[str]:
        return frozenset(m[1].strip().lower() for m in _REFERENCED_EMPTY.finditer(self._text))


def _is_concealed(attributes: str) -> bool:
    if len(attributes) < _SHORTEST_TINY:
        return False
    lower = attributes.lower()
    if not (
        "width" in lower
        or "height" in lower
        or "hidden" in lower
        or "none" in lower
        or "opacity" in lower
    ):
        return False
    return _TINY.search(lower) is not None


def _css(lead: str) -> Carrier | None:
    if "(" not in lead[-5:]:
        return None
    return _IMAGE if _CSS_URL.search(lead[-16:]) else None
