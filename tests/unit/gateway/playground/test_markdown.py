"""Rendering keeps what is to be read, and nothing that acts."""

import pytest

from tyrian.gateway.console.playground.markdown import MAX_CHARACTERS, render
from tyrian.gateway.console.playground.visible import visible


def test_markdown_becomes_elements() -> None:
    shown = render("# A\n\n**b** `c`\n\n| x |\n|-|\n| 1 |\n\n```py\nd\n```")
    for part in ("<h1>A</h1>", "<strong>b</strong>", "<code>c</code>", "<td>1</td>", "<pre>"):
        assert part in shown


def test_an_image_becomes_its_text() -> None:
    shown = render("![the plan](https://evil.example/p.png?q=secret)")
    assert "image left out: the plan" in shown
    assert "evil.example" not in shown


@pytest.mark.parametrize(
    "url",
    ["//evil.example", "/sign-out", "https://a@evil.example", "ftp://x", "https://", "mailto:a@b"],
)
def test_links_that_do_not_name_a_web_site_lead_nowhere(url: str) -> None:
    assert "href" not in render(f"[x]({url})")


def test_web_links_go_by_the_page_in_between() -> None:
    assert 'href="/leave?to=https%3A%2F%2Fa.example%2F%3Fb%3D1"' in render(
        "[x](https://a.example/?b=1)"
    )


def test_characters_that_hide_are_written_out() -> None:
    assert visible("a\u202eb\u200b\U000e0041\x00") == "a⟦U+202E⟧b⟦U+200B⟧⟦U+E0041⟧⟦U+0000⟧"
    assert "⟦U+202E⟧" in render("a\u202eb")
    assert visible("tab\tline\nהי 👩‍👩‍👧 naïve") == "tab\tline\nהי 👩‍👩‍👧 naïve"


def test_what_is_too_long_is_refused() -> None:
    with pytest.raises(ValueError, match="characters"):
        render("a" * (MAX_CHARACTERS + 1))
