"""What must hold of every text whatever, hostile ones included."""

import base64
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from tyrian.text.normalise import normalise
from tyrian.text.views import TextView, views_of
from tyrian.text.windows import windows

SIGNS = (
    "aI1 \n", "e\u0301", "\u0301\u0336\u0327\u3099", "оіαιф", "ﬁ½…㌖ﷺ™K゛か", "\u200b\u200c\u200d",
    "\u00ad\u202e\u180e", "\u3164\u2800\u1160\u115f", "\ufe0f\ufe0e", "\U000e0041\U000e007f",
    "\U000e0101", "😀👩🏴🅰", "\u20e3", "\ud800\udfff\x00\x1b\ufdd0", "म्اَ各가각ᮠ", "İıßɐǝ",
)  # fmt: skip
PARTS = (
    "%41", "%", "&amp;", "&#105;", "\\u0069", "\\x41", "aWdub3JlIGFsbA==", "1gn0r3 ", "ignore ",
    "erongi suoiverp ", "vtaber cerivbhf ", "i g n o r e ", "ǝɹouƃI\n", "69676e6f72652061",
)  # fmt: skip
ODD = st.sampled_from([*"".join(SIGNS), *PARTS])
TEXTS = st.one_of(
    st.text(st.characters(codec=None), max_size=60),
    st.lists(ODD, max_size=30).map("".join),
)


def has_sound_spans(view: TextView, original: str) -> bool:
    spans = [view.span(i, i + 1) for i in range(len(view.text))]
    whole = view.span(0, len(view.text))
    return all(0 <= whole[0] <= start < end <= whole[1] <= len(original) for start, end in spans)


@given(TEXTS)
def test_normalising_twice_is_normalising_once(text: str) -> None:
    once = normalise(text).text
    assert normalise(once).text == once


@given(TEXTS)
def test_normalised_spans_rise_and_stay_inside_the_original(text: str) -> None:
    view = normalise(text)
    spans = [view.span(i, i + 1) for i in range(len(view.text))]
    assert spans == sorted(spans)
    assert [end for _, end in spans] == sorted(end for _, end in spans)
    assert all(0 <= start < end <= len(text) for start, end in spans)


@given(TEXTS)
def test_every_view_maps_into_the_original(text: str) -> None:
    assert all(has_sound_spans(view, text) for view in views_of(text).all)


@given(TEXTS)
def test_hidden_runs_lie_in_order_inside_the_original(text: str) -> None:
    runs = normalise(text).hidden
    assert all(0 <= run.start < run.end <= len(text) for run in runs)
    assert [run.start for run in runs] == sorted(run.start for run in runs)


@given(TEXTS)
def test_a_normalised_text_can_be_encoded(text: str) -> None:
    for view in views_of(text).all:
        view.text.encode("utf-8")


@given(st.text(st.characters(min_codepoint=32, max_codepoint=126)))
def test_plain_ascii_comes_back_as_it_is(text: str) -> None:
    view = normalise(text)
    assert view.text == text
    assert view.offsets.links == ()
    assert view.hidden == ()


@given(
    st.text(st.sampled_from("abc xyz."), max_size=20),
    st.text(st.sampled_from("de fgh"), max_size=9),
)
def test_a_base64_view_points_at_its_token(before: str, middle: str) -> None:
    secret = f"carry {middle} out the plan now"
    token = base64.b64encode(secret.encode()).decode()
    text = f"{before} {token} end"
    (view,) = [v for v in views_of(text).decoded if v.kind == "base64"]
    at = view.text.index("plan")
    start, end = view.span(at, at + 4)
    assert text[start:end] == token


@given(st.integers(0, 500), st.integers(1, 60), st.data())
def test_windows_cover_everything_and_overlap(length: int, size: int, data: st.DataObject) -> None:
    overlap = data.draw(st.integers(0, size - 1))
    found = windows(length, size, overlap)
    assert {i for start, end in found for i in range(start, end)} == set(range(length))
    assert all(end - start <= size for start, end in found)
    assert all(b[0] <= a[1] - overlap for a, b in pairwise(found))
