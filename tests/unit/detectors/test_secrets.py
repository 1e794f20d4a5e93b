"""Every rule finds a generated secret of its kind and leaves a near miss alone."""

import base64
import importlib
import json
import random
import string
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tyrian.core.detection import Detection, View
from tyrian.core.message import Message
from tyrian.core.registry import DetectorConfig, create_detector
from tyrian.detectors.flood import FLOOD
from tyrian.detectors.secrets.checks import (
    base62_crc,
    entropy,
    has_entropy,
    is_aws_key_id,
    is_bech32,
)
from tyrian.detectors.secrets.detector import RULES, create
from tyrian.detectors.secrets.rule import SecretRule
from tyrian.errors import ConfigError

DETECTOR = create(DetectorConfig("secrets"))
BASE62 = string.ascii_letters + string.digits


def detect(text: str) -> Detection:
    return DETECTOR.detect(View.of(Message.user(text)))


def providers(text: str) -> set[str]:
    return {finding.rule.removeprefix("secret.") for finding in detect(text).findings}


def word(rng: random.Random, size: int, alphabet: str = BASE62) -> str:
    return "".join(rng.choices(alphabet, k=size))


def with_crc(prefix: str, body: str, *, whole: bool = False) -> str:
    return prefix + body + base62_crc(prefix + body if whole else body)


def b64url(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


BECH32 = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"


def age_key(rng: random.Random) -> str:
    head = "AGE-SECRET-KEY-" + "1" + word(rng, 52, BECH32).upper()
    # The checksum is linear: find it as the six symbols that make the polynomial come out at 1.
    values = [ord(c) >> 5 for c in "age-secret-key-"] + [0]
    values += [ord(c) & 31 for c in "age-secret-key-"]
    values += [BECH32.index(c) for c in head.rpartition("1")[2].lower()] + [0] * 6
    state = 1
    for value in values:
        top = state >> 25
        state = (state & 0x1FFFFFF) << 5 ^ value
        for bit, term in enumerate((0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)):
            state ^= term if top >> bit & 1 else 0
    state ^= 1
    return head + "".join(BECH32[state >> 5 * (5 - i) & 31] for i in range(6)).upper()


def pem(rng: random.Random) -> str:
    body = "\n".join(word(rng, 64) for _ in range(4))
    return f"-----BEGIN {'RSA '}PRIVATE KEY-----\n{body}\n-----END {'RSA '}PRIVATE KEY-----"


SPECIAL: dict[str, Callable[[random.Random], str]] = {
    "tyrian": lambda r: with_crc("tyr_" + "live_", word(r, 43), whole=True),
    "github": lambda r: with_crc("gh" + "p_", word(r, 30)),
    "npm": lambda r: with_crc("npm" + "_", word(r, 30)),
    "aws-access-key-id": lambda r: "AK" + "IA" + "Q" + word(r, 15, "ABCDEFGHJKLMNPQRSTUVWXYZ23456"),
    "age": age_key,
    "openai": lambda r: "sk-" + "proj-" + word(r, 40) + "T3Blbk" + "FJ" + word(r, 40),
    "private-key": pem,
    "private-key-part": lambda r: pem(r)[:200],
    "jwt": lambda r: ".".join(
        (b64url(json.dumps({"alg": "HS256", "typ": "JWT"}).encode()), word(r, 40), word(r, 43))
    ),
    "jwk": lambda r: '{"kty":"EC","crv":"P-256","d":"' + word(r, 43) + '"}',
    "wireguard": lambda r: "PrivateKey = " + word(r, 43) + "=",
    "discord": lambda r: (
        "discord " + b64url(b"301112223334445556") + "." + word(r, 6) + "." + word(r, 32)
    ),
    "twilio": lambda r: "twilio: SK" + word(r, 32, "0123456789abcdef"),
    "ngrok": lambda r: "ngrok authtoken 2" + word(r, 26) + "_" + word(r, 21),
    "url-password": lambda r: "postgres://bob:" + word(r, 12) + "@db.internal/app",
    "basic-auth": lambda r: (
        "Authorization: Basic " + base64.b64encode(b"bob:" + word(r, 12).encode()).decode()
    ),
    "bearer": lambda r: "Authorization: Bearer " + word(r, 40),
    "assignment": lambda r: 'password = "' + "kT9" + word(r, 12) + '"',
    "putty-key": lambda r: (
        "PuTTY-User-Key-File-3: ssh-ed25519\nEncryption: none\nPrivate-Lines: 1\n" + word(r, 60)
    ),
}


def sample(pattern: str, rng: random.Random) -> str:
    """One string that `pattern` matches, so that no secret stands in this file."""
    parser: Any = importlib.import_module("re._parser")
    return "".join(_node(op, value, rng) for op, value in parser.parse(pattern))


def _sequence(nodes: Any, rng: random.Random) -> str:
    return "".join(_node(op, value, rng) for op, value in nodes)


def _node(op: Any, value: Any, rng: random.Random) -> str:
    match str(op):
        case "LITERAL":
            return chr(value)
        case "NOT_LITERAL":
            return "z" if value != ord("z") else "y"
        case "ANY":
            return " "
        case "IN":
            return _member(value, rng)
        case "MAX_REPEAT" | "MIN_REPEAT" | "POSSESSIVE_REPEAT":
            least, most, nodes = value
            times = rng.randint(least, min(most, least + 8))
            return "".join(_sequence(nodes, rng) for _ in range(times))
        case "SUBPATTERN":
            return _sequence(value[3], rng)
        case "ATOMIC_GROUP":
            return _sequence(value, rng)
        case "BRANCH":
            return _sequence(rng.choice(value[1]), rng)
        case "ASSERT" | "ASSERT_NOT" | "AT":
            return ""
    raise AssertionError(f"unknown node {op}")


_ALPHABET = "abcdefghijkmnpqrstuvwyzABCDEFGHJKLMNPQRSTUVWXYZ23456789"
_CATEGORIES = {"CATEGORY_DIGIT": "23456789", "CATEGORY_WORD": _ALPHABET, "CATEGORY_SPACE": " "}


def _member(items: Any, rng: random.Random) -> str:
    first, *_ = items
    if str(first[0]) == "NEGATE":
        taken = {chr(v) for op, v in items[1:] if str(op) == "LITERAL"}
        return rng.choice([c for c in _ALPHABET if c not in taken])
    chars: list[str] = []
    for op, value in items:
        match str(op):
            case "LITERAL":
                chars.append(chr(value))
            case "RANGE":
                chars.extend(map(chr, range(value[0], value[1] + 1)))
            case "CATEGORY":
                chars.extend(_CATEGORIES[str(value)])
    plain = [c for c in chars if c.isalnum()]
    return rng.choice(plain or chars)


def example(rule: SecretRule, rng: random.Random) -> str:
    if rule.provider in SPECIAL:
        return SPECIAL[rule.provider](rng)
    for _ in range(200):
        text = sample(rule.pattern, rng)
        if rule.provider in providers(f"see {text} now"):
            return text
    raise AssertionError(f"no example found for {rule.provider}")


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.provider)
def test_a_rule_finds_a_secret_of_its_kind_in_text(rule: SecretRule) -> None:
    text = example(rule, random.Random(7))
    detection = detect(f"Zoë said: {text} ok")
    assert rule.provider in {f.rule.removeprefix("secret.") for f in detection.findings}
    assert all(f.label == "secret" for f in detection.findings)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.provider)
def test_a_rule_leaves_a_secret_cut_short_alone(rule: SecretRule) -> None:
    text = example(rule, random.Random(7))
    found = next(f for f in detect(text).findings if f.rule == f"secret.{rule.provider}")
    keep = {"assignment": 4, "bearer": 8, "url-password": 2, "basic-auth": 6}
    size = keep.get(rule.provider, max(4, (found.end - found.start) // 5))
    cut = text[: found.start + size]
    assert rule.provider not in providers(cut)


@pytest.mark.parametrize("provider", ["tyrian", "github", "npm", "age"])
def test_a_wrong_checksum_is_no_secret(provider: str) -> None:
    text = SPECIAL[provider](random.Random(3))
    broken = text[:-1] + ("A" if text[-1] != "A" else "Z")
    assert provider not in providers(broken)


def test_a_jwt_needs_a_header_that_names_an_algorithm() -> None:
    rng = random.Random(1)
    header = b64url(json.dumps({"type": "something else"}).encode())
    assert "jwt" not in providers(f"{header}.{word(rng, 40)}.{word(rng, 40)}")


def test_an_aws_key_id_with_an_account_of_thirteen_digits_is_refused() -> None:
    assert not is_aws_key_id("AK" + "IA" + "7" * 16)


def test_bech32_follows_the_standard() -> None:
    assert is_bech32("A12UEL5L")
    assert not is_bech32("A12UEL5M")


@pytest.mark.parametrize(
    "text",
    [
        "password: please remember to change it",
        'password = "changeme"',
        'api_key = "<your key>"',
        "API_KEY=${API_KEY}",
        "api_key: {{ secrets.API_KEY }}",
        "token = request.headers['x-token1']",
        "password = get_password_v2()",
        "secret_key = os.environ['SECRET_KEY1']",
        'token: "xxxxxxxxxxxxxxxxxxxx"',
        "export AWS_ACCESS_KEY_ID=AK" + "IAIOSFODNN7EXAMPLE",
        "the risk-averse task-based approach asks-for sk-",
        "https://example.com:8080/path and http://host:3000@",
        "password_field = 'user_password_input'",
        "Bearer authentication is described in RFC 6750",
        "Basic knowledge of chemistry is required",
        "sk-" + "x" * 48,
        'password_template = "auth/password_reset/form.html"',
        "commit 3f786850e387550fdab836ed7e6dc881de23001b",
        "the token count is 4096 and the token_type is bearer",
        "",
    ],
)
def test_ordinary_text_and_placeholders_are_left_alone(text: str) -> None:
    assert providers(text) == set()


@pytest.mark.parametrize("pieces", [("Ab9$kLmQ2z",), ("hunter2", "XyZ")])
def test_a_password_in_prose_is_found(pieces: tuple[str, ...]) -> None:
    secret = "".join(pieces)
    text = f"My password is {secret}"
    (found,) = detect(text).findings
    assert text[found.start : found.end] == secret


@settings(max_examples=50)
@given(before=st.text(max_size=40), after=st.text(max_size=40), seed=st.integers(0, 999))
def test_the_span_is_the_secret_wherever_it_stands(before: str, after: str, seed: int) -> None:
    secret = SPECIAL["tyrian"](random.Random(seed))
    text = f"{before} {secret} {after}"
    spans = {text[f.start : f.end] for f in detect(text).findings if f.rule == "secret.tyrian"}
    assert spans == {secret}


@settings(max_examples=100)
@given(st.text(alphabet=st.characters(), max_size=300))
def test_any_text_is_read_without_an_error(text: str) -> None:
    for found in detect(text).findings:
        assert 0 <= found.start < found.end <= len(text)


def test_lone_surrogates_are_read() -> None:
    secret = SPECIAL["github"](random.Random(5))
    text = f"\ud800 {secret} \udfff"
    (found,) = detect(text).findings
    assert text[found.start : found.end] == secret


def test_findings_never_quote_the_secret() -> None:
    secret = SPECIAL["github"](random.Random(5))
    assert secret not in repr([f.message for f in detect(secret).findings])


def test_there_are_at_least_sixty_formats_with_names_of_their_own() -> None:
    names = [rule.provider for rule in RULES]
    assert len(names) == len(set(names)) >= 60


def test_a_provider_can_be_ignored_and_an_unknown_one_is_an_error() -> None:
    secret = SPECIAL["github"](random.Random(5))
    detector = create(DetectorConfig("s", options={"ignore": ["github"]}))
    assert not detector.detect(View.of(Message.user(secret))).findings
    with pytest.raises(ConfigError, match="gitlab"):
        create(DetectorConfig("s", options={"ignore": ["gitlub"]}))
    with pytest.raises(ConfigError, match="ignore"):
        create(DetectorConfig("s", options={"ignored": []}))


def rules_in(text: str) -> set[str]:
    return {found.rule for found in detect(text).findings}


def base64url(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


def test_many_heads_without_an_end_do_not_hide_what_follows() -> None:
    key = "PuTTY-User-Key-File-3: ssh-ed25519\nComment: x\nPrivate-Lines: 1\n" + "AbC9" * 8
    assert "secret.putty-key" in rules_in("PuTTY-User-Key-File-2: ssh-rsa " * 500 + key)
    jwt = ".".join((base64url({"alg": "HS256"}), base64url({"sub": "12345"}), "aB3_" * 8))
    assert "secret.jwt" in rules_in("eyJ_ " * 500 + jwt)
    url = "?sv=2024-01-01&sr=b&se=2030&sig=" + "aB3dE4fG5h" * 4 + "aB3%3D"
    assert "secret.azure-sas" in rules_in("sv=2024-01-01& " * 300 + url)
    assert "secret.url-password" in rules_in("://" * 500 + " https://ann:x9Kq2vP@db.host.tld")
    assert "secret.assignment" in rules_in("token" * 500 + " password = 'x9$Kq2!vPz8w'")


def test_all_secrets_near_one_word_are_found() -> None:
    ids = [base64.b64encode(b"%018d" % number).decode().rstrip("=") for number in (1, 2)]
    tokens = [f"M{id_[1:]}.aB3dE6.{'aB3dE4fG5' * 3}" for id_ in ids]
    found = detect("discord " + " and ".join(tokens)).findings
    assert sum(f.rule == "secret.discord" for f in found) == 2


def test_the_same_secret_a_hundred_times_is_a_hundred_findings() -> None:
    assert len(detect("password='x9$Kq2!vPz8w' " * 100).findings) == 100


def test_a_flood_of_secrets_is_one_finding_over_all_of_them() -> None:
    text = "password='x9$Kq2!vPz8w' " * FLOOD
    (found,) = detect(text).findings
    assert text[found.start : found.end].count("x9$Kq2!vPz8w") == FLOOD


def test_hidden_characters_do_not_hide_a_secret_nor_double_it() -> None:
    text = "é password='x9$Kq2!vPz8w' and pass\u200bword='b7%Rt5?nQy3e'"
    spans = [text[f.start : f.end] for f in detect(text).findings]
    assert spans == ["x9$Kq2!vPz8w", "b7%Rt5?nQy3e"]


@given(st.text(alphabet="abcXYZ019_-é", max_size=60), st.floats(0.1, 5))
def test_the_quick_look_at_entropy_says_what_entropy_says(value: str, bits: float) -> None:
    assert has_entropy(value, bits) == (entropy(value) >= bits)


def test_the_registry_knows_the_detector() -> None:
    assert create_detector("secrets", DetectorConfig("keys")).info.name == "keys"
