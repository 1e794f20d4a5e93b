"""What a model wrote, from markdown to HTML that can do nothing.

markdown-it-py reads no HTML (`html=False`), then nh3 lets only a short list of elements through:
no image, no form, no script, no style, no address but http and https. Images become their text,
because fetching one tells its server whatever the model put into the address. Links lead to a page
of our own that names where they go.
"""

from collections.abc import Sequence
from typing import Any, Final
from urllib.parse import quote, urlsplit

import nh3
from markdown_it import MarkdownIt
from markdown_it.renderer import RendererProtocol
from markdown_it.token import Token
from markdown_it.utils import EnvType, OptionsDict

from tyrian.gateway.console.playground.visible import visible

MAX_CHARACTERS: Final = 200_000
"""Longer texts are not rendered; they stay the plain text that they were as they streamed."""

LEAVE: Final = "/leave?to="
"""The page that stands between ours and any other."""

_INLINE = ("a", "br", "code", "del", "em", "s", "strong")
_HEADS = ("h1", "h2", "h3", "h4", "h5", "h6")
_BLOCKS = ("blockquote", "hr", "li", "ol", "p", "pre", "ul")
_TABLES = ("table", "tbody", "td", "th", "thead", "tr")
TAGS: Final = frozenset((*_INLINE, *_HEADS, *_BLOCKS, *_TABLES))
"""All elements that there may be."""


def render(text: str) -> str:
    """The HTML of a markdown text; ValueError for one that is too long."""
    if len(text) > MAX_CHARACTERS:
        raise ValueError(f"more than {MAX_CHARACTERS} characters")
    return _CLEANER.clean(_MARKDOWN.render(visible(text)))


def _filtered(tag: str, name: str, value: str) -> str | None:
    if tag == "a" and name == "href":
        return leave(value)
    if tag == "ol" and name == "start":
        return value if value.isascii() and value.isdigit() and len(value) < 7 else None
    return value


def leave(url: str) -> str | None:
    """The address of the page in between; None for what leads nowhere that we would name."""
    if not is_web_address(url):
        return None
    return LEAVE + quote(url, safe="")


def is_web_address(url: str) -> bool:
    """True for a whole http(s) address with a host, and no name or password before it."""
    if not url.isprintable() or len(url) > 4_000 or "\\" in url:
        return False
    try:
        parts = urlsplit(url)
        return (
            parts.scheme in ("http", "https") and bool(parts.hostname) and "@" not in parts.netloc
        )
    except ValueError:
        return False


def _no_image(
    self: RendererProtocol, tokens: Sequence[Token], index: int, options: OptionsDict, env: EnvType
) -> str:
    token = tokens[index]
    told = nh3.clean_text(token.content or "no description")
    return f"<em>[image left out: {told}]</em>"


def _markdown() -> MarkdownIt:
    made = MarkdownIt("commonmark", {"html": False, "linkify": False}).enable(
        ["table", "strikethrough"]
    )
    rules: dict[str, Any] = getattr(made.renderer, "rules")  # noqa: B009 - not of the protocol
    rules["image"] = _no_image.__get__(made.renderer)
    return made


_MARKDOWN: Final = _markdown()
_CLEANER: Final = nh3.Cleaner(
    tags=set(TAGS),
    attributes={"a": {"href"}, "ol": {"start"}},
    url_schemes={"http", "https"},
    link_rel="noreferrer noopener nofollow",
    attribute_filter=_filtered,
    strip_comments=True,
)
