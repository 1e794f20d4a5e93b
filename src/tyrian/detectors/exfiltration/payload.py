"""Evidence that a URL carries data out: encoded text, words, placeholders, telling names."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from urllib.parse import unquote_plus

from tyrian.detectors.exfiltration.carrier import Kind
from tyrian.detectors.exfiltration.decoding import hidden_text_of, is_opaque
from tyrian.detectors.exfiltration.url import HostKind, Url, host_kind


@dataclass(frozen=True, slots=True)
class Evidence:
    """One reason to think so, with its score by carrier."""

    rule: str
    what: str
    image: float
    link: float
    bare: float

    def score(self, kind: Kind) -> float:
        """What it counts for in that carrier."""
        if kind is Kind.IMAGE:
            return self.image
        return self.link if kind is Kind.LINK else self.bare


_ENCODED = Evidence("encoded-text", "text encoded inside a URL", 0.95, 0.8, 0.6)
_ENCODED_URL = Evidence("encoded-url", "a URL encoded inside a URL", 0.4, 0.3, 0.2)
_OPAQUE = Evidence("opaque-value", "a long opaque value in a URL", 0.45, 0.3, 0.2)
_OPAQUE_NAMED = Evidence("opaque-data", "a long opaque value named as data", 0.8, 0.55, 0.3)
_OPAQUE_PATH = Evidence("opaque-path", "a long opaque path", 0.35, 0.2, 0.1)
_NAMED = Evidence("data-parameter", "a parameter named as data that is sent away", 0.7, 0.45, 0.25)
_WORDS = Evidence("prose", "sentences inside a URL", 0.7, 0.45, 0.25)
_WORDS_PATH = Evidence("prose-path", "sentences in the path of a URL", 0.45, 0.3, 0.1)
_TEMPLATE = Evidence("data-placeholder", "a placeholder for data in a URL", 0.9, 0.7, 0.35)
_TEMPLATE_QUERY = Evidence("placeholder", "a placeholder in the query of a URL", 0.6, 0.35, 0.2)
_TEMPLATE_PATH = Evidence("placeholder", "a placeholder in the path of a URL", 0.4, 0.25, 0.1)
_ADDRESS = Evidence("e-mail-in-url", "an e-mail address inside a URL", 0.75, 0.45, 0.3)
_SECRET = Evidence("secret-in-url", "a credential inside a URL", 0.95, 0.85, 0.6)
_LONG = Evidence("long-query", "a very long query", 0.55, 0.35, 0.2)
_SUBDOMAIN = Evidence("encoded-host", "data in the labels of a host name", 0.85, 0.7, 0.55)
_COLLECTOR = Evidence("collector", "a host that records requests", 0.8, 0.6, 0.4)
_RAW_IP = Evidence("raw-ip", "a bare public IP address as host", 0.6, 0.55, 0.25)
_LOCAL = Evidence("local-host", "a local or private host", 0.3, 0.15, 0.1)
_DISGUISED = Evidence("disguised-ip", "an IP address in disguise", 0.9, 0.9, 0.7)
_USERINFO = Evidence("userinfo-host", "another host's name before the @", 0.9, 0.9, 0.8)
_CREDENTIALS = Evidence("userinfo", "a name or password before the host", 0.4, 0.3, 0.2)

_TELLING = re.compile(
    r"data|secret|passw|token|api_?key|credential|cookie|session|conversation|history|chat|messages?"
    r"|prompts?|context|memory|summary|transcript|system|instructions?|exfil|leak|stolen|payload|dump"
    r"|user_?(?:info|data|name)|email|phone|address|ssn|card|content|body|notes?|info|contents?|file|env",
    re.IGNORECASE,
)
_EVERYDAY = re.compile(
    r"x-(?:amz|goog)-[\w-]+|utm_\w+|[gf]bclid|gclid|fbclid|msclkid|signature|sig|se|sp|sv|sr|expires"
    r"|key-pair-id|policy|jwt|hash|v|ver|version|rev|etag|h|w|s|q|id|ex|is|hm|token_hash|nonce|state"
    r"|code_challenge|client_id|redirect_uri|response_type|scope|math|tex|latex|filedata_hash",
    re.IGNORECASE,
)
_PLACEHOLDER = re.compile(
    r"\{\{?\s*([A-Za-z_][\w .-]{1,40})\s*\}?\}|<([A-Za-z_][\w -]{1,40})>|\[([A-Z_][A-Z_ ]{2,40})\]"
    r"|\$\{?([A-Za-z_]\w{2,40})\}?|%7[Bb]([A-Za-z_]\w{1,40})%7[Dd]|%3[Cc]([A-Za-z_][\w-]{1,40})%3[Ee]"
)
_EMAIL = re.compile(
    r"@(?<=[\w.+-]@)[\w-]{1,63}\.[A-Za-z]{2,}|%40(?<=[\w.+-]%40)[\w-]{1,63}\.[A-Za-z]{2,}"
)
_KNOWN_SECRET = re.compile(
    r"(?:sk-(?:ant-|proj-)?|gh[pousr]_|github_pat_|glpat-|xox[abp]-|AKIA|hf_|npm_|[sr]k_live_)"
    r"[A-Za-z0-9_-]{16}"
)
_WORD = re.compile(r"[A-Za-z]{2,}")
_ENCODED_LABEL = re.compile(r"(?=[a-z]*\d)[a-z0-9]{32,63}")

_COLLECTORS = frozenset(
    {"webhook.site", "requestbin.com", "requestbin.net", "pipedream.net", "interact.sh", "oast.fun",
     "oast.live", "oast.me", "oast.online", "oast.pro", "oast.site", "burpcollaborator.net",
     "canarytokens.com", "beeceptor.com", "requestcatcher.com", "hookbin.com", "postb.in",
     "oastify.com", "dnslog.cn", "ceye.io"}
)  # fmt: skip

_OF_KIND = {HostKind.LOCAL: _LOCAL, HostKind.ADDRESS: _RAW_IP, HostKind.DISGUISED: _DISGUISED}
_TEMPLATE_SIGN = re.compile(r"[{<\[$%]")
"""Every placeholder has one."""
_MOST = 65_536
"""Characters of a path or query that are looked into; a longer one is evidence in itself."""
_SHORT = 20
_SHORT_SECRET = 19
"""The shortest credential that is known by its prefix."""
_MIN_NAMED = 8
"""Shorter values say nothing: hidden text, opaque values and sentences are longer."""
_MIN_PROSE, _MIN_WORDS = 30, 5
_LONG_QUERY = 600
_MAX_VALUES = 40
"""Values of one query that are looked into; more count as a long query."""


_PLAIN = re.compile(
    r":?[/\\]{1,3}(?=[A-Za-z0-9.-]{4,40}(?![A-Za-z0-9.-]))(?:[A-Za-z0-9-]+\.)*"
    r"([A-Za-z0-9-]+\.(?!(?i:local|localhost|internal)(?![A-Za-z]))[A-Za-z]{2,24})(?::[0-9]{1,5})?"
    r"(?:/[\w.~!@:,+=&;*-]{0,18})*(?:\?(?:(?:[\w.~-]{1,18}=)?[\w.~!:,+*\[-]{0,7}(?:&|(?=#)|\Z)){1,9})?"
    r"(?:#.*)?",
    re.DOTALL,
)
"""A named host, short parts and short values: nothing that evidence could come from."""


def is_plain(value: str) -> bool:
    """Quick to tell: `evidence_in` would say nothing, as of most URLs that people write."""
    match = _PLAIN.fullmatch(value)
    return match is not None and match[1].lower() not in _COLLECTORS


def evidence_in(url: Url) -> Iterator[Evidence]:
    """Everything in the URL that speaks for it."""
    yield from _of_host(url)
    path, query = url.path, url.query
    if len(path) > _MOST or len(query) > _MOST:
        yield _LONG
        path, query = path[:_MOST], query[:_MOST]
    if len(path) > _SHORT or "{" in path or "<" in path or "$" in path:
        yield from _of_path(path)
    if query:
        yield from _of_query(query)


def _of_host(url: Url) -> Iterator[Evidence]:
    host = url.host
    kind = host_kind(host)
    if kind is not HostKind.NAME:
        yield _OF_KIND[kind]
    elif ".".join(host.rsplit(".", 2)[-2:]) in _COLLECTORS:
        yield _COLLECTOR
    if url.userinfo:
        yield _USERINFO if "." in url.userinfo.partition(":")[0] else _CREDENTIALS
    if len(host) > 40 and any(_is_encoded_label(label) for label in host.split(".")[:-2]):
        yield _SUBDOMAIN
    if "{" in host or "<" in host or "$" in host:
        yield from _placeholders(host, _TEMPLATE_QUERY)


def _is_encoded_label(label: str) -> bool:
    return len(label) >= 32 and (
        hidden_text_of(label) is not None or _ENCODED_LABEL.fullmatch(label) is not None
    )


def _of_path(path: str) -> Iterator[Evidence]:
    if _TEMPLATE_SIGN.search(path):
        yield from _placeholders(path, _TEMPLATE_PATH)
    if _KNOWN_SECRET.search(path):
        yield _SECRET
    for segment in path.split("/", _MAX_VALUES):
        if len(segment) < _SHORT:
            continue
        plain = unquote_plus(segment)
        if (text := hidden_text_of(plain.partition(".")[0])) is not None:
            yield _ENCODED_URL if _is_url(text) else _ENCODED
        elif _is_prose(plain):
            yield _WORDS_PATH
        elif is_opaque(plain):
            yield _OPAQUE_PATH


def _of_query(query: str) -> Iterator[Evidence]:
    if _TEMPLATE_SIGN.search(query):
        yield from _placeholders(query, _TEMPLATE_QUERY)
    if len(query) >= _SHORT_SECRET and _KNOWN_SECRET.search(query):
        yield _SECRET
    if ("@" in query or "%40" in query) and _EMAIL.search(query):
        yield _ADDRESS
    pairs = query.replace(";", "&").split("&", _MAX_VALUES)
    everyday = 0
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals:
            name, value = "", pair
        name = name.removeprefix("amp;")
        is_everyday = bool(name) and _EVERYDAY.fullmatch(name) is not None
        if is_everyday:
            everyday += len(pair)
        if len(value) >= _MIN_NAMED:
            yield from _of_value(name, unquote_plus(value), is_everyday=is_everyday)
    if len(query) - everyday > _LONG_QUERY:
        yield _LONG


def _of_value(name: str, value: str, *, is_everyday: bool) -> Iterator[Evidence]:
    is_telling = bool(name) and _TELLING.search(name) is not None
    if (text := hidden_text_of(value)) is not None:
        if name.lower() != "jwt":
            yield _ENCODED_URL if _is_url(text) else _ENCODED
    elif (is_telling or not is_everyday) and is_opaque(value):
        yield _OPAQUE_NAMED if is_telling else _OPAQUE
    elif _is_prose(value):
        yield _WORDS
    elif is_telling and len(value) >= _MIN_NAMED and not _PLACEHOLDER.search(value):
        yield _NAMED


def _placeholders(part: str, plain: Evidence) -> Iterator[Evidence]:
    for match in _PLACEHOLDER.finditer(part):
        name = next(group for group in match.groups() if group)
        yield _TEMPLATE if _TELLING.search(name) else plain


def _is_prose(value: str) -> bool:
    if len(value) < _MIN_PROSE or " " not in value:
        return False
    return sum(1 for _ in islice(_WORD.finditer(value), _MIN_WORDS)) == _MIN_WORDS


def _is_url(text: str) -> bool:
    return text.startswith(("http://", "https://", "/", "s3://", "gs://", "local://"))
