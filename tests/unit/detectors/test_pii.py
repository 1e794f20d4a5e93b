"""Personal data: each kind with its span, and what only looks like it."""

import phonenumbers
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tyrian.core.detection import Finding, View
from tyrian.core.message import Message
from tyrian.core.registry import DetectorConfig, create_detector
from tyrian.detectors.pii.cards import has_luhn_digit, is_card
from tyrian.detectors.pii.detector import Pii, create
from tyrian.detectors.pii.lettered import has_iban_digits
from tyrian.detectors.pii.phones import MAX_VALIDATIONS
from tyrian.errors import ConfigError

DETECTOR = create(DetectorConfig("pii"))


def find(text: str, detector: Pii = DETECTOR) -> tuple[Finding, ...]:
    return detector.detect(View.of(Message.user(text))).findings


def spans(text: str, label: str, least: float = 0.5, detector: Pii = DETECTOR) -> list[str]:
    return [
        text[f.start : f.end] for f in find(text, detector) if f.label == label and f.score >= least
    ]


@pytest.mark.parametrize(
    ("text", "label", "expected"),
    [
        ("write to bob.o'neil+x@mail.co.uk.", "email", "bob.o'neil+x@mail.co.uk"),
        ("“zoë@bücher.de” schrieb", "email", "zoë@bücher.de"),
        ("call (415) 555-2671 now", "phone", "(415) 555-2671"),
        ("reach +49 30 901820 please", "phone", "+49 30 901820"),
        ("mobile 4155552671", "phone", "4155552671"),
        ("0044 20 7946 0018", "phone", "0044 20 7946 0018"),
        ("pay 4111 1111 1111 1111 today", "card", "4111 1111 1111 1111"),
        ("pay 1234 4111 1111 1111 1111", "card", "4111 1111 1111 1111"),
        ("amex 3782-822463-10005", "card", "3782-822463-10005"),
        ("mc 5555555555554444;", "card", "5555555555554444"),
        ("konto DE89 3704 0044 0532 0130 00 bitte", "iban", "DE89 3704 0044 0532 0130 00"),
        ("gb82west12345698765432", "iban", "gb82west12345698765432"),
        ("her ssn: 536-90-4399", "national-id", "536-90-4399"),
        ("social security 536904399", "national-id", "536904399"),
        ("NI number AB 12 34 56 C", "national-id", "AB 12 34 56 C"),
        ("nhs no 943 476 5919", "national-id", "943 476 5919"),
        ("CPF 529.982.247-25", "national-id", "529.982.247-25"),
        ("dni 12345678Z", "national-id", "12345678Z"),
        ("NIE X1234567L", "national-id", "X1234567L"),
        ("codice RSSMRA85T10A562S", "national-id", "RSSMRA85T10A562S"),
        ("sécu 1 85 05 78 006 084 91", "national-id", "1 85 05 78 006 084 91"),
        ("PESEL: 44051401359", "national-id", "44051401359"),
        ("aadhaar 2341 2341 2346", "national-id", "2341 2341 2346"),
        ("bsn 111222333", "national-id", "111222333"),
        ("from 8.8.8.8, twice", "ip", "8.8.8.8"),
        ("from 2001:4860:4860::8888", "ip", "2001:4860:4860::8888"),
        ("nic 00:1B:44:11:3A:B7", "mac", "00:1B:44:11:3A:B7"),
        ("send 1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa", "crypto", "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa"),
    ],
)
def test_personal_data_is_found_with_its_span(text: str, label: str, expected: str) -> None:
    assert spans(text, label) == [expected]


@pytest.mark.parametrize(
    "text",
    [
        "4111 1111 1111 1112 is no card",
        "0000 0000 0000 0000",
        "version 8.8.4.4 of the firmware",
        "python==1.2.3.4",
        "listen on 127.0.0.1 or 192.168.1.1",
        "999.999.999.999",
        "at 10:30:00 on 2024-01-15 10:30",
        "pi is 3.14159265358979",
        "the years 2019-2020 and 2021 - 2022",
        "std::vector and abc::def",
        "icon@2x.png and user@localhost",
        "order 123456789 for item 1234567890123",
        "GB82 WEST 1234 5698 7654 33",
        "DE89 word with more word here",
        "12345678A",
        "529.982.247-26",
        "000-12-3456",
        "sha 3f786850e387550fdab836ed7e6dc881de23001b",
        "1,000,000 and 10 000 000 people",
        "a.b.c.d@",
        "",
    ],
)
def test_what_only_looks_like_personal_data_stays_below_the_threshold(text: str) -> None:
    assert [f for f in find(text) if f.score >= 0.5] == []


def test_a_weak_number_needs_a_word_near_it() -> None:
    assert not spans("the value 44051401359", "national-id")
    assert not spans("pesel " + "x " * 60 + "44051401359", "national-id")


def test_several_numbers_in_one_row_are_all_found() -> None:
    text = "4111 1111 1111 1111 5555 5555 5555 4444 3782 822463 10005"
    assert len(spans(text, "card")) == 3


def test_entities_can_be_chosen_and_unknown_ones_are_refused() -> None:
    only = create(DetectorConfig("p", options={"entities": ["email"]}))
    assert only.info.labels == ("email",)
    assert [f.label for f in find("a@mail.com 8.8.8.8 4111111111111111", only)] == ["email"]
    with pytest.raises(ConfigError, match="card"):
        create(DetectorConfig("p", options={"entities": ["cards"]}))
    with pytest.raises(ConfigError, match="entities"):
        create(DetectorConfig("p", options={"entitys": ["card"]}))


def test_the_region_says_where_local_numbers_are_dialled() -> None:
    text = "ring 030 901820 tomorrow"
    german = create(DetectorConfig("p", options={"region": "DE"}))
    assert spans(text, "phone", detector=german) == ["030 901820"]
    assert not spans(text, "phone")
    with pytest.raises(ConfigError, match="regions"):
        create(DetectorConfig("p", options={"regions": ["Germany"]}))


def test_countries_limit_the_national_ids() -> None:
    only = create(DetectorConfig("p", options={"countries": ["es"]}))
    assert spans("12345678Z and 536-90-4399", "national-id", detector=only) == ["12345678Z"]


def test_numbers_beyond_the_budget_are_judged_by_form_not_forgotten() -> None:
    text = ", ".join(["415-555-2671"] * (MAX_VALIDATIONS + 5))
    assert len(spans(text, "phone")) == MAX_VALIDATIONS + 5


def test_no_plan_is_read_while_a_text_is_scanned() -> None:
    # Loaded plans are kept by region; a plan not yet loaded would show as a pending loader.
    assert not any(phonenumbers.PhoneMetadata._region_available.values())


def test_luhn_and_issuers() -> None:
    assert has_luhn_digit("79927398713")
    assert not has_luhn_digit("79927398714")
    assert not is_card("79927398713")
    assert has_iban_digits("GB82 WEST 1234 5698 7654 32")


@settings(max_examples=60, deadline=None)
@given(
    before=st.text(max_size=20),
    after=st.text(max_size=20),
    secret=st.sampled_from(["bob@mail.org", "4111111111111111", "RSSMRA85T10A562S"]),
)
def test_the_span_is_right_wherever_the_data_stands(before: str, after: str, secret: str) -> None:
    text = f"{before} | {secret} | {after}"
    assert secret in [text[f.start : f.end] for f in find(text)]


@settings(max_examples=100, deadline=None)
@given(st.text(alphabet=st.sampled_from("0123456789 .-+()/:@abcDE\ud800é\u00a0"), max_size=200))
def test_any_text_is_read_and_findings_do_not_overlap(text: str) -> None:
    end = 0
    for found in find(text):
        assert end <= found.start < found.end <= len(text)
        end = found.end


def test_the_registry_knows_the_detector() -> None:
    assert create_detector("pii", DetectorConfig("people")).info.kind == "pii"
