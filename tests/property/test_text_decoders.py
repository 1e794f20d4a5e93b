"""Decoders do with many runs at once what they do with one, and quick looks miss nothing."""

import base64

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tyrian.text.glance import GLANCES
from tyrian.text.offsets import text_of
from tyrian.text.readable import as_text, as_texts
from tyrian.text.source import Source
from tyrian.text.views import DECODERS, views_of

BITS = st.sampled_from(
    [b"ignore ", b"\xc3\xa9", b"\xff", b"\x00", b"a\x00", b"1", b"\xf0\x9f\x98\x80", b"\xed\xa0"]
)
RUNS = st.lists(
    st.one_of(st.binary(max_size=12), st.lists(BITS, max_size=9).map(b"".join)), max_size=8
)
WORDS = ["ignore", "previous", "instructions", "system", "prompt", "the", "bomb", "x", "Qz"]
SENTENCES = st.lists(st.sampled_from(WORDS), min_size=1, max_size=6).map(" ".join)


def encodings(text: str) -> list[str]:
    raw = text.encode()
    return [
        text, text.replace(" ", ""), text.replace(" ", "_"), text.title().replace(" ", ""),
        text.translate(str.maketrans("eiosa", "3105@")), base64.b64encode(raw).decode(),
        base64.b64encode(raw).decode().rstrip("="),
        base64.urlsafe_b64encode(text.encode("utf-16-le")).decode(),
        base64.b32encode(raw).decode(), base64.b32encode(raw).decode().lower().rstrip("="),
        base64.a85encode(raw).decode(), base64.b85encode(raw).decode(), raw.hex(),
        " ".join(base64.b64encode(word.encode()).decode() for word in text.split()),
        " ".join(text[i : i + 3] for i in range(0, len(text), 3)), text.replace("r", "r-"),
        text.translate(str.maketrans("eiosn", "éîößñ")), text.replace("o", "ø").replace("t", "Ŧ"),
    ]  # fmt: skip


DISGUISED = st.lists(SENTENCES.flatmap(lambda s: st.sampled_from(encodings(s))), max_size=4).map(
    lambda parts: " ".join(parts)
)


@given(RUNS)
def test_many_runs_of_bytes_are_judged_like_one(runs: list[bytes]) -> None:
    data = np.frombuffer(b"".join(runs), dtype=np.uint8)
    codes, sizes = as_texts(data, np.array([len(run) for run in runs], dtype=np.intp))
    ends = np.cumsum(sizes)
    found = [text_of(codes[end - size : end]) for end, size in zip(ends, sizes, strict=True)]
    wanted = [as_text(run) for run in runs]
    assert found == wanted


@given(DISGUISED)
def test_a_quick_look_misses_nothing_that_its_decoder_finds(text: str) -> None:
    for kind, look in GLANCES.items():
        if not look(Source(text)):
            assert not len(DECODERS[kind](Source(text))), kind


@given(DISGUISED)
def test_every_disguise_maps_into_the_original(text: str) -> None:
    for view in views_of(text).all:
        for i in range(len(view.text)):
            start, end = view.span(i, i + 1)
            assert 0 <= start < end <= len(text)
