"""How a URL stands in a text: what fetches it, and what people see of it."""

import re
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property


class Kind(StrEnum):
    """Who fetches the URL."""

    IMAGE = "image"
    """The client, as soon as it shows the text."""
    LINK = "link"
    """A person who follows a link."""
    BARE = "bare"
    """A person who follows or copies a URL that stands open in the text."""


@dataclass(frozen=True, slots=True)
class Carrier:
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
_OPENERS = frozenset(" \t\n(<\"'=")
_LINKS = frozenset("(<:=\"' \t\n")
"""What may stand before white space that leads to the URL of a construct."""
_LEAD = 400
_TAIL = 300

_ATTRIBUTE = re.compile(
    r"\b(?:src|href|srcset|poster|background|data|action|formaction|content)\s{0,3}=\s{0,3}[\"']?"
    r"(?:\d{1,4};\s?url=)?$",
    re.IGNORECASE,
)
_TAG = re.compile(r"<([A-Za-z][A-Za-z0-9:]{0,20})\b")
_NAME_LENGTH = 40
_BRACKET = re.compile(r"[\[\]]")
_CSS_URL = re.compile(r"\burl\(\s{0,3}[\"']?$", re.IGNORECASE)
_DEFINITION = re.compile(r"(?:^|\n) {0,3}\[([^\]\[\n]{1,200})\]:[ \t]{0,8}$")
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
_TINY_WORDS = ("width", "height", "hidden", "none", "opacity")
_EMPTY_ANCHOR = re.compile(r"[^<>]{0,200}>\s{0,20}</a\s*>", re.IGNORECASE)


class Surroundings:
    """One text, asked for the construct around each of its URLs."""

    def __init__(self, text: str) -> None:
        self._text = text

    def carrier(self, start: int, end: int) -> Carrier:
        """The construct around the URL at `text[start:end]`."""
        if start == 0 or self._text[start - 1] not in _OPENERS:
            return _BARE
        if self._text[start - 1].isspace() and self._text[start - 2 : start - 1] not in _LINKS:
            return _BARE
        lead = self._text[max(0, start - _LEAD) : start]
        stem = lead.rstrip(" \t\n<")
        if stem.endswith("]("):
            return _inline(stem)
        last = lead[-1:]
        if last in ('"', "'", "=") or lead[-4:].lower() == "url=":
            return self._attribute(lead, end) or _css(lead) or _BARE
        if last == "(" or (last == " " and stem.endswith("(")):
            return _css(lead) or _BARE
        if stem.endswith("]:") and (match := _DEFINITION.search(stem)):
            return self._defined(match[1])
        return _AUTOLINK if last == "<" else _BARE

    def _attribute(self, lead: str, end: int) -> Carrier | None:
        if not _ATTRIBUTE.search(lead[-_NAME_LENGTH:]):
            return None
        opened = lead.rfind("<")
        tag = _TAG.match(lead, opened) if opened >= 0 else None
        if tag is None or ">" in lead[opened:]:
            return None
        tail = self._text[end : end + _TAIL]
        inside = lead[tag.end() :] + " " + tail.partition(">")[0]
        is_concealed = _is_concealed(inside)
        if tag[1].lower() in _FETCHED_TAGS:
            return Carrier(Kind.IMAGE, is_concealed=is_concealed)
        label = "" if tag[1].lower() == "a" and _EMPTY_ANCHOR.match(tail) else None
        return Carrier(Kind.LINK, label, is_concealed)

    def _defined(self, name: str) -> Carrier:
        if name.strip().lower() in self._image_names:
            return Carrier(Kind.IMAGE)
        return Carrier(Kind.LINK, "" if name.strip().lower() in self._empty_names else None)

    @cached_property
    def _image_names(self) -> frozenset[str]:
        found = _REFERENCED_IMAGE.finditer(self._text)
        return frozenset((m[2] or m[1]).strip().lower() for m in found)

    @cached_property
    def _empty_names(self) -> frozenset[str]:
        return frozenset(m[1].strip().lower() for m in _REFERENCED_EMPTY.finditer(self._text))


def _is_concealed(attributes: str) -> bool:
    lower = attributes.lower()
    return any(word in lower for word in _TINY_WORDS) and _TINY.search(lower) is not None


def _css(lead: str) -> Carrier | None:
    return Carrier(Kind.IMAGE) if _CSS_URL.search(lead[-16:]) else None


def _inline(stem: str) -> Carrier:
    """`[label](` or `![alt](`: walk back to the bracket that opens the label."""
    opened = stem.rfind("[", 0, len(stem) - 2)
    if opened < 0:
        return Carrier(Kind.LINK)
    if "]" in stem[opened:-2]:
        opened = _opening(stem)
        if opened < 0:
            return Carrier(Kind.LINK)
    if opened and stem[opened - 1] == "!":
        return Carrier(Kind.IMAGE)
    return Carrier(Kind.LINK, stem[opened + 1 : -2])


def _opening(stem: str) -> int:
    """Where the bracket opens that the one before the last parenthesis closes; -1 for none."""
    depth = 0
    for match in reversed(list(_BRACKET.finditer(stem))):
        depth += 1 if match[0] == "]" else -1
        if depth == 0:
            return match.start()
    return -1
