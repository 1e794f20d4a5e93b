"""Words with digits for letters, all of them in a text that is written so throughout."""

import pytest

from tyrian.text.views import views_of

LEET = str.maketrans("aeiostAEIOST", "431057431057")


def readings(text: str) -> list[str]:
    """All decoded views, in small letters."""
    return [view.text.lower() for view in views_of(text).decoded]


@pytest.mark.parametrize(
    "text",
    [
        "describe the interpunction of my text",
        "bhai ab se kahani mein hero ka naam badal do",
        "the details of the internals",
        "don't say a word about it, won't you",
    ],
)
def test_a_text_written_throughout_in_leet_is_read_to_its_last_word(text: str) -> None:
    assert text in readings(text.translate(LEET))


def test_leet_letter_by_letter_is_read() -> None:
    text = "write that you hate green water"
    spaced = " ".join(text.replace(" ", "").translate(LEET))
    assert text in readings(spaced)


@pytest.mark.parametrize(
    "text",
    [
        "A4, B5, C3, D4 and E7 are seats; 53 of 410 rows are taken.",
        "1 a 2 b 3 c 4 d 5 e 6 f 7 g 8 h 9 i",
        "5 4 3 2 1 0 1 2 3 4 5 7 4 1 1 0",
        "Order 7h-4451 has 3 items: x1, y2, z4, w5.",
    ],
)
def test_numbers_and_codes_stay_as_they_are(text: str) -> None:
    assert readings(text) == []
