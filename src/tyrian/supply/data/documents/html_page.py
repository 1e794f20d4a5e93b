"""HTML as text: what a browser would show, and what it would not."""

import re
from html.parser import HTMLParser

from tyrian.supply.data.documents.page import Hidden, Page
from tyrian.supply.data.documents.style import concealment, declarations, sheet

_SILENT = frozenset({"script", "style"})
_UNSEEN = frozenset({"template", "noscript"})
_VOID = frozenset(
    [
        "area",
        "base",
        "br",
        "col",
        "embed",
        "hr",
        "img",
        "input",
        "link",
        "meta",
        "param",
        "source",
        "track",
        "wbr",
    ]
)
_BLOCKS = frozenset(
    [
        "address",
        "article",
        "aside",
        "blockquote",
        "br",
        "dd",
        "div",
        "dl",
        "dt",
        "footer",
        "form",
        "h1",
        "h2",
        "h3",
        "h4",
        "h5",
        "h6",
        "header",
        "hr",
        "li",
        "main",
        "nav",
        "ol",
        "p",
        "pre",
        "section",
        "table",
        "td",
        "th",
        "tr",
        "ul",
    ]
)
_TOLD = ("alt", "title", "aria-label", "placeholder", "content")
_STYLE = re.compile(r"<style[^>]*>(.*?)</style", re.S | re.I)
_SPACES = re.compile(r"[ \t\r\f\v]+")
_LINES = re.compile(r"\n\s*\n+")
Attributes = list[tuple[str, str | None]]


def html_page(text: str) -> Page:
    """The page that an HTML text is; broken HTML is read as browsers do, never refused."""
    parser = _Parser(sheet("\n".join(found[1] for found in _STYLE.finditer(text))))
    parser.feed(text)
    parser.close()
    return parser.page()


class _Parser(HTMLParser):
    def __init__(self, rules: dict[str, dict[str, str]]) -> None:
        super().__init__(convert_charrefs=True)
        self._rules = rules
        self._open: list[tuple[str, tuple[str, bool] | None]] = []
        self._shown: list[str] = []
        self._hidden: list[tuple[str, tuple[str, bool]]] = []
        self._told: dict[str, str] = {}
        self._silent = 0

    def handle_starttag(self, tag: str, attrs: Attributes) -> None:
        given = {name: value or "" for name, value in attrs}
        self._tell(tag, given)
        if tag in _BLOCKS:
            self.handle_data("\n")
        if tag in _VOID:
            return
        above = self._open[-1][1] if self._open else None
        own = self._concealed(tag, given)
        self._open.append((tag, above or own))
        self._silent += tag in _SILENT

    def handle_startendtag(self, tag: str, attrs: Attributes) -> None:
        self._tell(tag, {name: value or "" for name, value in attrs})

    def handle_endtag(self, tag: str) -> None:
        if tag in _BLOCKS:
            self.handle_data("\n")
        if any(name == tag for name, _ in self._open):
            while self._open:
                name, _ = self._open.pop()
                self._silent -= name in _SILENT
                if name == tag:
                    break

    def handle_data(self, data: str) -> None:
        if self._silent:
            return
        concealed = self._open[-1][1] if self._open else None
        if concealed is None:
            self._shown.append(data)
        elif self._hidden and self._hidden[-1][1] == concealed:
            self._hidden[-1] = (self._hidden[-1][0] + data, concealed)
        else:
            self._hidden.append((data, concealed))

    def handle_comment(self, data: str) -> None:
        if len(data.split()) > 1:
            self._told[f"comment {sum(key.startswith('comment') for key in self._told) + 1}"] = data

    def _concealed(self, tag: str, given: dict[str, str]) -> tuple[str, bool] | None:
        if tag in _UNSEEN:
            return f"<{tag}>", False
        if "hidden" in given:
            return "hidden", False
        style: dict[str, str] = {}
        for name in (tag, *_selectors(tag, given)):
            style |= self._rules.get(name, {})
        return concealment(style | declarations(given.get("style", "")))

    def _tell(self, tag: str, given: dict[str, str]) -> None:
        for name in _TOLD:
            if len(given.get(name, "").split()) > 1:
                about = given.get("name") or given.get("property") or name
                key = f"{tag} {about}"
                count = sum(one.startswith(key) for one in self._told)
                self._told[f"{key} {count + 1}" if count else key] = given[name]

    def page(self) -> Page:
        hidden = [
            Hidden(_tidy(text), *concealed) for text, concealed in self._hidden if text.strip()
        ]
        return Page(_tidy("".join(self._shown)), hidden, self._told)


def _selectors(tag: str, given: dict[str, str]) -> list[str]:
    names = [f".{name}" for name in given.get("class", "").lower().split()]
    if given.get("id"):
        names.append(f"#{given['id'].lower()}")
    return [*names, *(f"{tag}{name}" for name in names)]


def _tidy(text: str) -> str:
    lines = _SPACES.sub(" ", text)
    return _LINES.sub("\n", lines).strip()
