"""Offsets in bytes lead back to characters, few or many, in any order."""

from hypothesis import given
from hypothesis import strategies as st

from tyrian.detectors.haystack import Haystack


@given(
    st.text(min_size=1, max_size=30), st.lists(st.integers(0, 10_000), max_size=300), st.booleans()
)
def test_every_byte_offset_leads_to_its_character(
    text: str, wanted: list[int], is_rising: bool
) -> None:
    text *= 12
    hay = Haystack(text)
    starts = [0]
    for char in text:
        starts.append(starts[-1] + len(char.encode("utf-8", "surrogatepass")))
    places = [number % len(starts) for number in wanted]
    for place in sorted(places) if is_rising else places:
        assert hay.char(starts[place]) == place
    assert hay.span(starts[1], starts[-1]) == (1, len(text))
