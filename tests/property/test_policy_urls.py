"""Whatever URL is allowed has an allowed host, port and scheme, by parsers that are not ours."""

from urllib.parse import urlsplit

import can_ada
from hypothesis import example, given, settings
from hypothesis import strategies as st
from yarl import URL

from tyrian.policy.call import CallDecision, ProposedCall
from tyrian.policy.tool import policy_of

POLICY = policy_of(
    {
        "tools": {"http_get": {"url": "net"}},
        "net": {"hosts": ["api.example.com", "*.docs.example.com"], "ports": [443, 8443]},
    }
)
PIECES = [
    "https://",
    "http://",
    "HTTPS://",
    "//",
    "https:",
    "/",
    "\\",
    "@",
    ":",
    "?",
    "#",
    ".",
    "..",
    "%",
    "api.example.com",
    "API.example.com",
    "x.docs.example.com",
    "docs.example.com",
    "evil.com",
    ":443",
    ":8443",
    ":80",
    "user",
    "%40",
    "%2f",
    "%2e",
    "\t",
    "\n",
    " ",
    "[::1]",
    "127.0.0.1",
    "。",
    "／",
    "\xad",
    "\u200b",
    "а",
    "xn--",
    "a",
    ";",
    "|",
    "&",
    "%00",
    "x=y",
    "é",
]
pieces = st.lists(st.sampled_from(PIECES), max_size=8).map("".join)
urls = st.one_of(
    pieces,
    pieces.map("https://".__add__),
    pieces.map("https://api.example.com".__add__),
    st.text(max_size=30).map("https://api.example.com".__add__),
    st.text(max_size=30).map(lambda text: f"https://{text}.docs.example.com/"),
)


def decide(url: str) -> CallDecision:
    return POLICY.decide(ProposedCall("http_get", {"url": url}))


def is_allowed(host: str | None) -> bool:
    return host is not None and (host == "api.example.com" or host.endswith(".docs.example.com"))


@settings(max_examples=1500)
@given(url=urls)
@example("https://api.example.com\\@evil.com/")
@example("https://api.example.com#@evil.com/")
@example("https://api.example.com?@evil.com/")
@example("https://api.example.com:443@evil.com/")
@example("https://user@api.example.com/")
@example("https:\\\\evil.com")
def test_an_allowed_url_has_an_allowed_host_by_every_parser(url: str) -> None:
    decision = decide(url)
    if not decision.may_run or decision.canonical is None:
        return
    args = decision.canonical["args"]
    assert isinstance(args, dict)
    for text in (url, args["url"]):
        by_urllib, by_ada = urlsplit(text), can_ada.parse(text)
        assert by_urllib.hostname is not None
        assert by_urllib.hostname.isascii() or text == url
        assert is_allowed(by_ada.hostname)
        assert by_urllib.scheme == "https"
        assert by_ada.protocol == "https:"
        assert (by_urllib.port or 443) in (443, 8443)
        assert by_urllib.username is None
        assert not by_ada.username
    by_yarl = URL(args["url"])
    assert is_allowed(by_yarl.host)
    assert by_yarl.user is None
    assert by_yarl.port in (443, 8443)
    assert is_allowed(urlsplit(args["url"]).hostname)


@settings(max_examples=300)
@given(url=urls)
def test_the_canonical_url_is_its_own_canonical_url(url: str) -> None:
    decision = decide(url)
    if decision.canonical is not None and decision.may_run:
        args = decision.canonical["args"]
        assert isinstance(args, dict)
        assert decide(args["url"]).canonical == decision.canonical


@settings(max_examples=300)
@given(target=urls)
def test_a_redirect_is_judged_as_strictly_as_a_call(target: str) -> None:
    first = ProposedCall("http_get", {"url": "https://api.example.com/"})
    decision = POLICY.decide(first, world={"redirects": [target]})
    if decision.may_run and "://" in target.split("/", 1)[0] + "//":
        assert is_allowed(urlsplit(target).hostname) or not urlsplit(target).netloc
