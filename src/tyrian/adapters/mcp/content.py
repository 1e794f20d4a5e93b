"""What a model or a person may read in a JSON value, and the value with that text replaced."""

import base64
import binascii
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from tyrian.adapters.mcp.frame import BadFrameError
from tyrian.core.message import ImagePart, Part, TextPart
from tyrian.policy.strict_json import Json

MAX_DEPTH = 100
_OPAQUE = ("requestState", "nextCursor")
"""Members of a result that only its sender reads; a changed one would be of no use to it."""
_WORDS = frozenset(
    [
        "text",
        "image",
        "audio",
        "resource",
        "resource_link",
        "user",
        "assistant",
        "object",
        "string",
        "number",
        "integer",
        "boolean",
        "array",
        "null",
        "complete",
        "input_required",
    ]
)
"""Words of the protocol and of JSON Schema; more than half of what stands in a list of tools."""
_MARKED = frozenset(
    {"cacheScope", "format", "level", "mimeType", "protocolVersion", "resultType", "role", "type"}
)
"""Members that hold a mark of the protocol; a longer text in one is read like any other."""
_MARK = re.compile(r"[\w.:/+;=-]{1,40}", re.ASCII)
_MARK_WORDS = re.compile(r"[\W_]+")
_LONG_KEY = 40
_MANY_WORDS = 3


@dataclass(slots=True)
class Content:
    """The text and images of a value."""

    slots: list[str] = field(default_factory=list)
    """Strings that may be replaced, in order."""
    extras: list[str] = field(default_factory=list)
    """Text that is judged and cannot be replaced: long keys, encoded files."""
    images: list[ImagePart] = field(default_factory=list)

    @property
    def parts(self) -> tuple[Part, ...]:
        """All of it, as parts of a message: slots, extras, images."""
        return (*map(TextPart, (*self.slots, *self.extras)), *self.images)


def content_of(value: Json) -> Content:
    """What stands in a value; BadFrameError where it is nested too deeply."""
    found = Content()
    _collect(value, found, 0)
    return found


def replaced(value: Json, slots: Iterator[str], depth: int = 0) -> Json:
    """The value with its strings replaced, in the order in which `content_of` gives them."""
    if isinstance(value, str):
        return value if _is_plain(value) else next(slots)
    if isinstance(value, list):
        return [replaced(item, slots, depth + 1) for item in value]
    if isinstance(value, dict):
        return {
            key: item if _is_kept(value, key, depth) else replaced(item, slots, depth + 1)
            for key, item in value.items()
        }
    return value


def _collect(value: Json, found: Content, depth: int) -> None:
    if depth > MAX_DEPTH:
        raise BadFrameError("the message is nested too deeply")
    if isinstance(value, str):
        if not _is_plain(value):
            found.slots.append(value)
    elif isinstance(value, list):
        for item in value:
            _collect(item, found, depth + 1)
    elif isinstance(value, dict):
        for key, item in value.items():
            if len(key) > _LONG_KEY or len(key.replace("_", " ").split()) > _MANY_WORDS:
                found.extras.append(key)
            if not _is_kept(value, key, depth):
                _collect(item, found, depth + 1)
            elif _is_encoded(value, key):
                _decode(value, str(item), found)


def _is_plain(text: str) -> bool:
    return not text or text in _WORDS


def _is_kept(owner: dict[str, Json], key: str, depth: int) -> bool:
    """Whether a member stays as it is."""
    if depth == 0 and key in _OPAQUE:
        return True
    return (key in _MARKED and _is_mark(owner[key])) or _is_encoded(owner, key)


def _is_mark(value: Json) -> bool:
    if not isinstance(value, str) or not _MARK.fullmatch(value):
        return False
    return len(_MARK_WORDS.split(value)) <= _MANY_WORDS + 1


def _is_encoded(owner: dict[str, Json], key: str) -> bool:
    """Whether a member is base64: the blob of a resource, the data of an image or of sound."""
    value = owner[key]
    if not isinstance(value, str):
        return False
    if key == "blob":
        return "uri" in owner
    return key == "data" and owner.get("type") in ("image", "audio")


def _decode(owner: dict[str, Json], value: str, found: Content) -> None:
    try:
        data = base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError):
        # Whoever reads it leniently would see what was not judged; so it is judged as text.
        found.extras.append(value)
        return
    kind = owner.get("mimeType")
    if owner.get("type") == "image" or (isinstance(kind, str) and kind.startswith("image/")):
        found.images.append(ImagePart(f"data:{kind or 'image/png'};base64,{value}"))
        return
    try:
        found.extras.append(data.decode())
    except UnicodeDecodeError:
        return
