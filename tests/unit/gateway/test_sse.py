"""Server-sent events."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tyrian.errors import UpstreamError
from tyrian.gateway.sse import EventParser, frame

STREAM = (
    b": hello\n\nevent: x\nid: 1\ndata: one\n\ndata:two\r\n\r\n: ping\n\n"
    b'data: {"a":\ndata: 1}\n\nretry: 3\n\ndata: [DONE]\n\n'
)
PAYLOADS = [b"one", b"two", b'{"a":\n1}', b"[DONE]"]


def test_payloads_come_out_of_a_stream() -> None:
    assert EventParser().feed(STREAM) == PAYLOADS


@given(st.lists(st.integers(0, len(STREAM)), max_size=12))
def test_where_the_chunks_are_cut_does_not_matter(cuts: list[int]) -> None:
    parser = EventParser()
    edges = [0, *sorted(cuts), len(STREAM)]
    pieces = [STREAM[a:b] for a, b in itertools.pairwise(edges)]
    assert [payload for piece in pieces for payload in parser.feed(piece)] == PAYLOADS
    assert not parser.has_rest


@given(st.lists(st.binary(min_size=1).filter(lambda b: b"\n" not in b and b"\r" not in b)))
def test_a_frame_is_read_as_it_was_written(payloads: list[bytes]) -> None:
    assert EventParser().feed(b"".join(map(frame, payloads))) == payloads


def test_a_line_without_end_is_refused() -> None:
    parser = EventParser(max_event_bytes=1000)
    assert parser.feed(b"x" * 900) == []
    with pytest.raises(UpstreamError):
        parser.feed(b"x" * 200)


def test_an_event_of_many_lines_is_refused() -> None:
    parser = EventParser(max_event_bytes=1000)
    with pytest.raises(UpstreamError):
        parser.feed(b"data: x" * 10 + b"\n" + b"data: yyyyyyyyyyyyyy\n" * 100)


def test_an_event_that_is_cut_off_is_told() -> None:
    parser = EventParser()
    assert parser.feed(b'data: {"a"') == []
    assert parser.has_rest
