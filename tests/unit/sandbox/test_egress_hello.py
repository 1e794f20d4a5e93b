"""The server name of a ClientHello, against hellos that the ssl module makes."""

import ssl
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tyrian.sandbox.egress.hello import NotTlsError, read_hello


def hello(name: str | None) -> bytes:
    context = ssl.create_default_context()
    if name is None:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    out = ssl.MemoryBIO()
    session = context.wrap_bio(ssl.MemoryBIO(), out, server_hostname=name)
    with pytest.raises(ssl.SSLWantReadError):
        session.do_handshake()
    return out.read()


@pytest.mark.parametrize("name", ["api.example.com", "API.Example.com", "xn--bcher-kva.example"])
def test_reads_the_name(name: str) -> None:
    found = read_hello(hello(name))
    assert found
    assert found.server_name == name.lower()


@pytest.mark.parametrize("name", [None, "127.0.0.1"])
def test_a_client_that_names_no_server(name: str | None) -> None:
    found = read_hello(hello(name))
    assert found
    assert found.server_name == ""


def test_every_beginning_waits_for_more() -> None:
    data = hello("api.example.com")
    assert all(read_hello(data[:size]) is None for size in range(len(data)))


@given(st.integers(1, 200))
def test_a_hello_in_several_records_is_read(size: int) -> None:
    data = hello("api.example.com")
    body = data[5:]
    pieces = [body[at : at + size] for at in range(0, len(body), size)]
    split = b"".join(data[:3] + len(piece).to_bytes(2) + piece for piece in pieces)
    found = read_hello(split)
    assert found
    assert found.server_name == "api.example.com"


def test_two_names_are_refused() -> None:
    data = hello("api.example.com")
    one = b"\x00\x00\x0fapi.example.com"
    assert data.count(one) == 1
    at = data.index(one) - 2
    two = one + one
    listed = len(two).to_bytes(2) + two
    extension = b"\x00\x00" + len(listed).to_bytes(2) + listed
    grown = len(listed) - 2 - len(one)
    changed = bytearray(data[: at - 4] + extension + data[at + 2 + len(one) :])
    changed[3:5] = (int.from_bytes(data[3:5]) + grown).to_bytes(2)
    changed[6:9] = (int.from_bytes(data[6:9]) + grown).to_bytes(3)
    size_at = 5 + 4 + 34
    size_at += 1 + data[size_at]
    size_at += 2 + int.from_bytes(data[size_at : size_at + 2])
    size_at += 1 + data[size_at]
    size = int.from_bytes(data[size_at : size_at + 2]) + grown
    changed[size_at : size_at + 2] = size.to_bytes(2)
    with pytest.raises(NotTlsError, match="several"):
        read_hello(bytes(changed))


@given(st.binary(max_size=600))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    with suppress(NotTlsError):
        read_hello(data)


@given(st.integers(0, 599), st.integers(0, 255))
def test_a_changed_hello_is_read_or_refused(at: int, value: int) -> None:
    data = bytearray(hello("api.example.com"))
    data[at % len(data)] = value
    with suppress(NotTlsError):
        read_hello(bytes(data))


@pytest.mark.parametrize("data", [b"SSH-2.0-x\r\n", b"GET / HTTP/1.1\r\n\r\n", b"\x80\x2e\x01\x03"])
def test_other_protocols_are_refused_at_once(data: bytes) -> None:
    with pytest.raises(NotTlsError):
        read_hello(data)
