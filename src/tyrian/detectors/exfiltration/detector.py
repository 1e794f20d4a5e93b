"""Finds images, links and embedded content whose URL would carry data out of a conversation."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace

from tyrian.core.detection import Detection, DetectorInfo, Finding, Severity, View
from tyrian.core.registry import DetectorConfig
from tyrian.detectors.exfiltration.carrier import Carrier, Kind, Surroundings, is_open
from tyrian.detectors.exfiltration.decoding import hidden_text_of
from tyrian.detectors.exfiltration.payload import Evidence, evidence_in, is_plain
from tyrian.detectors.exfiltration.url import Url, is_host_allowed, site
from tyrian.detectors.flood import Hit, joined
from tyrian.detectors.options import check_keys, strings

LABEL = "exfiltration"

# Possessive: what was read is not read again. Placeholders such as <secret> belong to the URL.
_BODY = r"(?:[^\s<>\"'`()\]]+|\](?!\()|<[A-Za-z_][\w -]{0,40}>|\([^\s<>\"'`()]{0,200}\))*+"
_SCHEMES = ("https", "http", "wss", "ftp", "ws")
_BEFORE_RELATIVE = "(\"'=<"
# Without a scheme, three letters are a comment's or a path's beginning, unless Markdown links them.
_NO_STUB = r"(?:(?<=\]\(..)|(?=[^\s<>\"'`()\]]{4}|[^\s\"'`()\]]{0,2}[0-9@<{$\[]))"
# Each way begins with a plain character, by which the engine leaps through a text.
_ADDRESS = re.compile(
    rf":(?:{'|'.join(f'(?<=(?i:{scheme}):)' for scheme in _SCHEMES)})[/\\]{{1,3}}{_BODY}"
    rf"|/(?<=[{_BEFORE_RELATIVE}]/)[/\\]{_NO_STUB}{_BODY}"
    rf"|\\(?<=[{_BEFORE_RELATIVE}]\\)[/\\]{_NO_STUB}{_BODY}"
)
_INLINE = re.compile(rf"(?<![A-Za-z0-9])(?:javascript|vbscript|data):{_BODY}", re.IGNORECASE)
_SCRIPT_SCHEMES = ("javascript:", "vbscript:")
_ACTIVE_TYPES = ("text/html", "application/xhtml", "text/xml", "application/xml", "javascript",
                 "ecmascript", "text/css", "application/pdf")  # fmt: skip
_ACTIVE_SVG = re.compile(
    r"<script|\bon\w{3,20}\s*=|<foreignobject|href\s*=\s*[\"']?(?:https?:|javascript:)", re.I
)
_LEAD = 7
"""The longest scheme and two characters before it."""
_BEFORE_SPACED = frozenset({"](", "( ", "(<"})
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
_LOOKS, _PER_LOOK = 1000, 100
"""URLs of a text that are looked into, and for how many characters there is one more."""
_UNKNOWN: tuple[Evidence, ...] = (_SCRIPT,)
"""Stands for a URL that was not met yet."""
_PARTNER = 60
"""How far behind its bracket a closing one still belongs to it."""
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
        """One finding per URL that something speaks against.

        The coverage is below 1 where a text has more of them than are looked into: one for every
        100 characters beyond the first thousand. Plain URLs and such that stand there again do
        not count.
        """
        reading = _Reading(view.text, self._allowed)
        found = tuple(reading.findings())
        if not found and reading.reached is None:
            return Detection()
        detection = Detection.from_findings(found)
        if reading.reached is None:
            return detection
        return replace(detection, coverage=reading.reached / len(view.text))


_Lead = tuple[int, str, bool]
"""Length of a URL's scheme, two characters before it, and whether no construct can begin there."""


class _Reading:
    """One text: every URL is taken apart once, however often it stands there."""

    def __init__(self, text: str, allowed: frozenset[str]) -> None:
        self._text = text
        self._allowed = allowed
        self._around = Surroundings(text)
        self._known: dict[str, tuple[Evidence, ...] | None] = {}
        self._shown: dict[tuple[Carrier, str], tuple[Evidence, ...]] = {}
        self._rules: dict[tuple[Evidence, Kind, bool], int] = {}
        self._looks = _LOOKS + len(text) // _PER_LOOK
        self.reached: int | None = None
        """Where reading ended for want of looks, None where all was read."""

    def findings(self) -> Iterator[Finding]:
        """One finding per URL that something speaks against: addresses, then inline content."""
        text = self._text
        hits: list[Hit] = []
        if "//" in text or ":/" in text or "\\" in text:
            hits = joined(self._addresses())
        lower = text.lower()
        if "script:" in lower or "data:" in lower:
            hits = hits + joined(self._inline_content())
        if hits:
            rules = list(self._rules)
            for start, rule, end, score in hits:
                worst, kind, is_serious = rules[rule]
                severity = _SEVERITY[kind] if is_serious else Severity.LOW
                name = f"{LABEL}.{worst.rule}"
                yield Finding(name, LABEL, worst.what, severity, score, start, end)

    def _addresses(self) -> list[Hit]:
        text, known, around = self._text, self._known, self._around
        leads: dict[str, _Lead] = {}
        hits: list[Hit] = []
        for match in _ADDRESS.finditer(text):
            at, end = match.span()
            key = text[at - _LEAD : at + 1] if at > _LEAD else text[: at + 1]
            lead = leads.get(key)
            if lead is None:
                lead = leads[key] = _lead(key)
            length, before, is_open = lead
            start = at - length
            if text[end - 1] in _TRAILING or (
                before in _BEFORE_SPACED and text[end : end + 1] == " "
            ):
                end = _end_of(text, start, end)
            value = text[at:end]
            evidence = known.get(value, _UNKNOWN)
            if evidence is _UNKNOWN:
                evidence = known[value] = self._evidence(value)
            if not evidence and (evidence is None or is_open or around.says_nothing(start, before)):
                continue
            if self._is_over(start):
                break
            if hit := self._look(value, evidence, start, end):
                hits.append(hit)
        return hits

    def _is_over(self, start: int) -> bool:
        self._looks -= 1
        if self._looks >= 0:
            return False
        self.reached = start if self.reached is None else min(start, self.reached)
        return True

    def _evidence(self, value: str) -> tuple[Evidence, ...] | None:
        """What the URL alone says, None where it is no URL or may get anything."""
        allowed = self._allowed
        if not allowed and is_plain(value):
            return ()
        self._looks -= 1
        url = Url.parse(value)
        if url is None or (allowed and not url.userinfo and is_host_allowed(url.host, allowed)):
            return None
        return tuple(evidence_in(url))

    def _look(self, value: str, evidence: tuple[Evidence, ...], start: int, end: int) -> Hit | None:
        """The hit at a URL by its own evidence and by what stands around it."""
        carrier = self._around.carrier(start, end)
        if carrier.label is not None or carrier.is_concealed:
            key = carrier, value
            if key not in self._shown:
                self._shown[key] = (*evidence, *_of_carrier(carrier, value))
            evidence = self._shown[key]
        return self._hit(evidence, carrier.kind, start, end) if evidence else None

    def _inline_content(self) -> list[Hit]:
        hits = []
        for match in _INLINE.finditer(self._text):
            start, end = match.span()
            if is_open(self._text[max(0, start - 2) : start]) and self._text[start - 1] != "<":
                continue
            if self._is_over(start):
                break
            end = _end_of(self._text, start, end)
            carrier = self._around.carrier(start, end)
            # They count only where something would open them.
            if carrier.is_markup and (evidence := tuple(_of_content(self._text[start:end]))):
                hit = self._hit(evidence, carrier.kind, start, end)
                if hit is not None:
                    hits.append(hit)
        return hits

    def _hit(self, evidence: tuple[Evidence, ...], kind: Kind, start: int, end: int) -> Hit | None:
        worst, score = _weight(evidence, kind)
        if score < _REPORTED:
            return None
        rule = self._rules.setdefault((worst, kind, score >= _SERIOUS), len(self._rules))
        return start, rule, end, score


def _weight(evidence: tuple[Evidence, ...], kind: Kind) -> tuple[Evidence, float]:
    """The strongest evidence, and what all of it counts for."""
    worst = evidence[0]
    score = worst.score(kind)
    if len(evidence) == 1:
        return worst, score
    rules = set()
    for each in evidence:
        strength = each.score(kind)
        if strength > score:
            worst, score = each, strength
        if strength >= _REPORTED:
            rules.add(each.rule)
    return worst, min(1.0, score + _SEVERAL * (len(rules) - 1)) if rules else score


def _lead(key: str) -> _Lead:
    """What stands before a colon or slash, the last character of `key`."""
    length = 0
    if key[-1] == ":":
        before = key[:-1].lower()
        length = next(len(scheme) for scheme in _SCHEMES if before.endswith(scheme))
    before = key[: len(key) - 1 - length][-2:]
    return length, before, is_open(before)


def _of_content(value: str) -> Iterator[Evidence]:
    """`javascript:` and `data:`."""
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


def _of_carrier(carrier: Carrier, value: str) -> Iterator[Evidence]:
    if carrier.is_concealed:
        yield _CONCEALED
    if carrier.label is None or carrier.kind is not Kind.LINK:
        return
    if not carrier.label.strip(" \t\n"):
        yield _EMPTY_LINK
    elif _INVISIBLE.fullmatch(carrier.label):
        yield _UNSEEN_LINK
    elif _shows_other_host(carrier.label, value):
        yield _OTHER_HOST


def _shows_other_host(label: str, value: str) -> bool:
    shown = _HOST_IN_LABEL.match(label.strip())
    if shown is None or shown[1].rpartition(".")[2].lower() in _FILE_ENDINGS:
        return False
    url = Url.parse(value)
    return url is not None and site(shown[1].lower()) != site(url.host)


def _end_of(text: str, start: int, end: int) -> int:
    """Where the URL ends: Markdown written by models may have spaces in it."""
    if (
        text[end : end + 1] == " "
        and text[end + 1 : end + 2] not in ('"', "'", "(")
        and text[max(0, start - 3) : start].rstrip(" <").endswith("](")
    ):
        close = text.find(")", end, end + 500)
        line = text.find("\n", end, end + 500)
        if close > 0 and (line < 0 or close < line):
            return close
    return _without_trailing(text, start, end) if text[end - 1] in _TRAILING else end


def _without_trailing(text: str, start: int, end: int) -> int:
    """Without the punctuation behind a URL; brackets that were opened inside it stay."""
    body = text[start + 1 : end]
    least = end - len(body) + len(body.rstrip(_TRAILING))
    braces, brackets = text.rfind("{", start, end), text.rfind("[", start, end)
    if braces < 0 and brackets < 0:
        return least
    # Up to here a closing bracket has its partner near enough inside the URL.
    braces = braces + _PARTNER if braces >= 0 else 0
    brackets = brackets + _PARTNER if brackets >= 0 else 0
    end = max(least, min(end, max(braces, brackets)))
    while end > least:
        last = text[end - 1]
        if (last == "}" and end <= braces) or (last == "]" and end <= brackets):
            break
        end -= 1
    return end


def create(config: DetectorConfig) -> Exfiltration:
    """The detector. Option `allowed_hosts`: hosts, with all below them, that may get anything."""
    check_keys(config, ("allowed_hosts",))
    return Exfiltration(config.name, allowed_hosts=strings(config, "allowed_hosts") or ())
