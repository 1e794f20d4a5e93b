"""The quick reading of IPv4 addresses says what the standard library says."""

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tyrian.detectors.ipv4 import is_global_v4, parse_v4


@given(st.integers(0, 2**32 - 1))
def test_an_address_is_read_and_judged_like_the_standard_library_does(number: int) -> None:
    address = ipaddress.IPv4Address(number)
    assert parse_v4(str(address)) == number
    if not str(address).startswith("192.0.0."):  # some of these changed between Python versions
        assert is_global_v4(number) == address.is_global


@pytest.mark.parametrize(
    ("value", "is_global"),
    [
        ("9.255.255.255", True),
        ("10.0.0.0", False),
        ("10.255.255.255", False),
        ("11.0.0.0", True),
        ("100.64.0.1", False),
        ("172.15.255.255", True),
        ("172.31.255.255", False),
        ("192.168.1.1", False),
        ("203.0.113.9", False),
        ("223.255.255.255", True),
        ("255.255.255.255", False),
    ],
)
def test_the_borders_of_special_networks_are_kept(value: str, is_global: bool) -> None:
    number = parse_v4(value)
    assert number is not None
    assert is_global_v4(number) is is_global


@pytest.mark.parametrize("value", ["1.2.3", "1.2.3.4.5", "256.1.1.1", "01.2.3.4", "1.2.3.x", ""])
def test_what_is_no_address_is_told(value: str) -> None:
    assert parse_v4(value) is None
