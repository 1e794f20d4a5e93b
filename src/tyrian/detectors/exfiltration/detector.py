"""Finds images, links and embedded content whose URL would carry data out of a conversation."""

import re
from collections.abc import Iterable, Iterator

from tyrian.core.detection import Detection, DetectorInfo, Finding, Severity, View
from tyrian.core.registry import DetectorConfig
from tyrian.detectors.exfiltration.carrier import Carrier, Kind, Surroundings
from tyrian.detectors.exfiltration.decoding import hidden_text_of
from tyrian.detectors.exfiltration.payload import Evidence, evidence_in
from tyrian.detectors.exfiltration.url import Url, is_host_allowed, site
from tyrian.detectors.options import check_keys, strings

LABEL = "exfiltration"

# Possessive: what was read is not read again. Placeholders such as <secret> belong to the URL.
_BODY = re.compile(
    r"(?:[^\s<>\"'`()\]]+|\](?!\()|<[A-Za-z_][\w -]{0,40}>|\([^\s<>\"'`()]{0,200}\))*+",
)
_MARKS = ("//", ":/", ":\\", "\\\\")
_SLASHES = re.compile(r":[/\\]{1,3}|[/\\]{2}")
_SCHEME = re.compile(r"(?:https?|ftp|wss?)$", re.IGNORECASE)
_INLINE = re.compile(r"(?<![A-Za-z0-9])(?:javascript|vbscript|data):", re.IGNORECASE)
_BEFORE_RELATIVE = frozenset("(\"'=<")
_LONGEST_SCHEME = 5
_SCRIPT_SCHEMES = ("javascript:", "vbscript:")
_ACTIVE_TYPES = ("text/html", "application/xhtml", "text/xml", "application/xml", "javascript",
                 "ecmascript", "text/css", "application/pdf")  # fmt: skip
_ACTIVE_SVG = re.compile(
    r"<script|\bon\w{3,20}\s*=|<foreignobject|href\s*=\s*[\"']?(?:https?:|javascript:)", re.I
)
_TRAILING = ".,;:!?*_]}|"
_HOST_IN_LABEL = re.compile(
    r"(?:https?://)?((?:[a-z0-9-]{1,63}\.){1,6}[a-z]{2,24})(?:[/:?#\s]|$)", re.I
)
_FILE_ENDINGS = frozenset(
    {"md", "py", "js", "ts", "txt", "html", "json", "yaml", "yml", "rs", "go", "sh", "java", "css",
     "pdf", "png", "jpg", "svg", "gif", "zip", "exe", "toml", "cfg", "ini", "csv", "xml", "rb",
     "php", "c", "h", "cpp", "net"}
)  # fmt: skip
_INVISIBLE = re.compile(
    r"[\s\u00ad\u115f\u1160\u180e\u200b-\u200f\u2028-\u202e\u2060-\u2064\u2800\u3164"
    r"\ufe00-\ufe0f\ufeff\uffa0]*"
)

_SCRIPT = Evidence("script-link", "a link that runs a script", 0.95, 0.95, 0.9)
_ACTIVE_DATA = Evidence("active-data-url", "a data URL with active content", 0.9, 0.9, 0.6)
_EMPTY_LINK = Evidence("empty-link", "a link without any text", 0.55, 0.55, 0.0)
_UNSEEN_LINK = Evidence("invisible-link", "a link whose text cannot be seen", 0.8, 0.8, 0.0)
_CONCEALED = Evidence("concealed-content", "embedded content made invisible", 0.6, 0.6, 0.0)
_OTHER_HOST = Evidence("other-host", "a link that shows another host than its own", 0.8, 0.8, 0.0)
_SEVERITY = {Kind.IMAGE: Severity.HIGH, Kind.LINK: Severity.HIGH, Kind.BARE: Severity.MEDIUM}
_REPORTED, _SERIOUS = 0.2, 0.5
_SEVERAL = 0.05
"""What further evidence adds to the strongest."""


class Exfiltration:
    """Looks at every URL of a text: where it stands, where it goes and what it carries."""

    is_bounded = True
    reads_trace = False

    def __init__(self, name: str, *, allowed_hosts: Iterable[str] = ()) -> None:
        self.info = DetectorInfo(name, "exfiltration", (LABEL,), revision="1")
        self._allowed = frozenset(h.removeprefix("*.").rstrip(".").lower() for h in allowed_hosts)

    def detect(self, view: View) -> Detection:
        """One finding per URL that something speaks against."""
        text = view.text
        around = Surroundings(text)
        found = [
            finding
            for start, end in _places(text)
            if (finding := self._judge(text, start, end, around)) is not None
        ]
        return Detection.from_findings(tuple(found))

    def _judge(self, text: str, start: int, end: int, around: Surroundings) -> Finding | None:
        end = _end_of(text, start, end)
        value = text[start:end]
        is_inline = _INLINE.match(value) is not None
        url = None if is_inline else Url.parse(value)
        if not is_inline and (url is None or self._is_allowed(url)):
            return None
        carrier = around.carrier(start, end)
        evidence = list(_of_url(url, carrier) if url else _of_inline(value, carrier))
        if not evidence:
            return None
        worst = max(evidence, key=lambda e: e.score(carrier.kind))
        score = worst.score(carrier.kind)
        if score < _REPORTED:
            return None
        rules = {e.rule for e in evidence if e.score(carrier.kind) >= _REPORTED}
        score = min(1.0, score + _SEVERAL * (len(rules) - 1))
        severity = _SEVERITY[carrier.kind] if score >= _SERIOUS else Severity.LOW
        return Finding(f"{LABEL}.{worst.rule}", LABEL, worst.what, severity, score, start, end)

    def _is_allowed(self, url: Url) -> bool:
        return not url.userinfo and is_host_allowed(url.host, self._allowed)


def _places(text: str) -> Iterator[tuple[int, int]]:
    """Start and end of everything that may be a URL, each character read once."""
    if any(mark in text for mark in _MARKS):
        yield from _addresses(text)
    lower = text.lower()
    if "script:" in lower or "data:" in lower:
        yield from _inline_content(text)


def _addresses(text: str) -> Iterator[tuple[int, int]]:
    done = 0
    for match in _SLASHES.finditer(text):
        at = match.start()
        if at < done:
            continue
        if text[at] == ":":
            scheme = _SCHEME.search(text, max(done, at - _LONGEST_SCHEME), at)
            if scheme is None:
                continue
            start = scheme.start()
        elif at and text[at - 1] in _BEFORE_RELATIVE:
            start = at
        else:
            continue
        done = _body_end(text, match.end())
        yield start, done


def _inline_content(text: str) -> Iterator[tuple[int, int]]:
    done = 0
    for match in _INLINE.finditer(text):
        if match.start() >= done:
            done = _body_end(text, match.end())
            yield match.start(), done


def _body_end(text: str, start: int) -> int:
    body = _BODY.match(text, start)
    return body.end() if body else start


def _of_inline(value: str, carrier: Carrier) -> Iterator[Evidence]:
    """`javascript:` and `data:`: they count only where something would open them."""
    if not carrier.is_markup:
        return
    lower = value[:100].lower()
    if lower.startswith(_SCRIPT_SCHEMES):
        yield _SCRIPT
        return
    head, _, body = value.partition(",")
    kind = head[5:].lower()
    is_active = any(name in kind for name in _ACTIVE_TYPES)
    if not is_active and "svg" in kind:
        plain = hidden_text_of(body) if "base64" in kind else body
        is_active = plain is not None and _ACTIVE_SVG.search(plain.replace("%3C", "<")) is not None
    if is_active:
        yield _ACTIVE_DATA


def _of_url(url: Url, carrier: Carrier) -> Iterator[Evidence]:
    yield from evidence_in(url)
    yield from _of_carrier(carrier, url)


def _of_carrier(carrier: Carrier, url: Url) -> Iterator[Evidence]:
    if carrier.is_concealed:
        yield _CONCEALED
    if carrier.label is None or carrier.kind is not Kind.LINK:
        return
    if not carrier.label.strip(" \t\n"):
        yield _EMPTY_LINK
    elif _INVISIBLE.fullmatch(carrier.label):
        yield _UNSEEN_LINK
    elif _shows_other_host(carrier.label, url.host):
        yield _OTHER_HOST


def _shows_other_host(label: str, host: str) -> bool:
    shown = _HOST_IN_LABEL.match(label.strip())
    if shown is None or shown[1].rpartition(".")[2].lower() in _FILE_ENDINGS:
        return False
    return site(shown[1].lower()) != site(host)


def _end_of(text: str, start: int, end: int) -> int:
    """Where the URL ends: Markdown written by models may have spaces in it."""
    is_inline = text[max(0, start - 3) : start].rstrip(" <").endswith("](")
    if is_inline and text[end : end + 1] == " " and text[end + 1 : end + 2] not in ('"', "'", "("):
        close = text.find(")", end, end + 500)
        line = text.find("\n", end, end + 500)
        if close > 0 and (line < 0 or close < line):
            return close
    while end > start + 1 and text[end - 1] in _TRAILING:
        if text[end - 1] == "}" and "{" in text[max(start, end - 60) : end]:
            break
        if text[end - 1] == "]" and "[" in text[max(start, end - 60) : end]:
            break
        end -= 1
    return end


def create(config: DetectorConfig) -> Exfiltration:
    """The detector. Option `allowed_hosts`: hosts, with all below them, that may get anything."""
    check_keys(config, ("allowed_hosts",))
    return Exfiltration(config.name, allowed_hosts=strings(config, "allowed_hosts") or ())
