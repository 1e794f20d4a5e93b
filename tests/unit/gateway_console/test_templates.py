"""Numbers and times as people read them, and templates that all can be read."""

from importlib.resources import files

import pytest

from tyrian.gateway.console.pages import safe_next
from tyrian.gateway.console.templates import (
    ago,
    browser,
    dollars,
    duration,
    environment,
    number,
    visible,
)


@pytest.mark.parametrize(
    ("value", "told"),
    [
        (0, "0"),
        (999, "999"),
        (9_999, "9,999"),
        (12_345, "12.3 k"),
        (1_234_567, "1.23 M"),
        (0.5, "0.5"),
    ],
)
def test_numbers(value: float, told: str) -> None:
    assert number(value) == told


@pytest.mark.parametrize(
    ("nanos", "told"),
    [
        (0, "$0.00"),
        (1, "under $0.0001"),
        (12_300_000, "$0.0123"),
        (1_500_000_000, "$1.50"),
        (1_234_000_000_000, "$1,234.00"),
    ],
)
def test_dollars(nanos: int, told: str) -> None:
    assert dollars(nanos) == told


def test_times() -> None:
    assert ago(1_000, now=1_030) == "just now"
    assert ago(1_000, now=1_000 + 3 * 60) == "3 minutes ago"
    assert ago(1_000 + 3_600, now=1_000) == "in 1 hour"
    assert ago(0, now=90 * 86_400) == "1 Jan 1970"
    assert (duration(0.0000012), duration(0.0123), duration(2.5)) == ("1 µs", "12.3 ms", "2.5 s")


def test_what_hides_is_shown() -> None:
    assert visible("a\u202eb\u200bc\x1b") == "a\\u{202e}b\\u{200b}c\\u{1b}"


def test_browsers_are_named() -> None:
    chrome = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML) Chrome/156.0 Safari/537.36"
    assert browser(chrome) == "Chrome on Linux"
    assert browser("") == "Unknown"


@pytest.mark.parametrize("target", ["//x", "/\\x", "https://x", "x", "", "/a\nb", "javascript:x"])
def test_nobody_is_sent_away(target: str) -> None:
    assert safe_next(target) == "/"


def test_paths_of_ours_are_kept() -> None:
    assert safe_next("/keys?show=ended") == "/keys?show=ended"


@pytest.mark.parametrize(
    "name",
    [f.name for f in (files("tyrian.gateway.console") / "templates").iterdir()],
)
def test_every_template_can_be_read_and_holds_no_inline_style_or_script(name: str) -> None:
    made = environment()
    assert made.loader is not None
    source = made.loader.get_source(made, name)[0]
    made.get_template(name)
    assert " style=" not in source
    assert "<script>" not in source
    assert "|safe" not in source
    assert not any(f" on{event}=" in source for event in ("click", "load", "submit", "error"))
