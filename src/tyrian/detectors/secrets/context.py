"""Secrets without a format of their own: known by the words or the URL around them."""

import re
from itertools import pairwise

from tyrian.core.detection import Severity
from tyrian.detectors.secrets.checks import has_entropy, is_basic_auth, is_placeholder
from tyrian.detectors.secrets.rule import SecretRule

_GAP = r"[ \t]{0,4}"
_NAME = (
    r"(?i:passw(?:or)?d|passwd|passphrase|pwd|secret|api[_-]?key|apikey|access[_-]?key|auth[_-]?key"
    r"|encryption[_-]?key|signing[_-]?key|private[_-]?key|token|credentials?|client[_-]?secret)"
)
_NAME_LITERALS = (
    "password",
    "passwd",
    "passphrase",
    "pwd",
    "secret",
    "api_key",
    "api-key",
    "apikey",
    "access_key",
    "access-key",
    "accesskey",
    "auth_key",
    "auth-key",
    "authkey",
    "encryption_key",
    "encryption-key",
    "signing_key",
    "signing-key",
    "private_key",
    "private-key",
    "token",
    "credential",
)

_CODE = re.compile(r"[()\[\]]|^(?:self|os|process|env|config|settings|request|this)[.]|::|->|=>")
_DOTTED_NAME = re.compile(r"/?[A-Za-z_]\w*(?:[./-][A-Za-z_]\w*)*")
_WORDS = frozenset(
    {
        "string",
        "password",
        "undefined",
        "required",
        "optional",
        "default_value",
        "username",
        "base64",
        "oauth2",
        "sha256",
        "administrator",
    }
)


def _is_worth(value: str) -> bool:
    return value.lower() not in _WORDS and not is_placeholder(value)


_DIGIT = re.compile(r"\d")


def _classes(value: str) -> int:
    if value.isascii():
        return (
            (value != value.upper())
            + (value != value.lower())
            + (_DIGIT.search(value) is not None)
            + (not value.isalnum())
        )
    return (
        any(c.islower() for c in value)
        + any(c.isupper() for c in value)
        + any(c.isdigit() for c in value)
        + any(not c.isalnum() for c in value)
    )


_MIN_QUOTED_BITS = 2.5
_MIN_BARE_BITS = 2.8
_WORD_LENGTH = 12
_JOINS = frozenset("_-/.")


def is_quoted_secret(value: str) -> bool:
    """A string literal that looks chosen or random, not a word, a path or a template."""
    if not _is_worth(value) or " " in value or "://" in value:
        return False
    return _classes(value) >= 2 and _is_no_name(value) and has_entropy(value, _MIN_QUOTED_BITS)


def is_bare_secret(value: str) -> bool:
    """An unquoted value: letters and digits mixed, and nothing that code would say."""
    if not _is_worth(value) or _CODE.search(value) or "://" in value:
        return False
    has_digit = any(c.isdigit() for c in value)
    has_letter = any(c.isalpha() for c in value)
    return has_digit and has_letter and _is_no_name(value) and has_entropy(value, _MIN_BARE_BITS)


def _is_no_name(value: str) -> bool:
    # An identifier such as `my_table_v2` or `user-password-field` is a name, not a secret.
    if not _DOTTED_NAME.fullmatch(value):
        return True
    if any(c.isdigit() for c in value[:-1]):
        return True
    return (
        len(value) >= _WORD_LENGTH and "_" not in value and "-" not in value and _mixes_case(value)
    )


def _mixes_case(value: str) -> bool:
    turns = sum(a.isupper() != b.isupper() for a, b in pairwise(value))
    return turns >= len(value) // 3


def is_url_password(value: str) -> bool:
    """The password of a URL, unless it is a port, a template or a documentation word."""
    return _is_worth(value) and value.lower() not in ("pass", "passwd", "pw", "user")


RULES: tuple[SecretRule, ...] = (
    SecretRule(
        "url-password",
        "password in a URL",
        ("://",),
        r"://[^\s/:@\"'<>`?#\\]{0,100}:(?P<secret>[^\s/@\"'<>`?#]{3,120})@[A-Za-z0-9\[]",
        is_url_password,
        score=0.85,
        tail=r"@[A-Za-z0-9\[]",
        reach=230,
        is_word=False,
        may_be_placeholder=True,
    ),
    SecretRule(
        "basic-auth",
        "Basic authorization header",
        ("basic ",),
        r"(?i:basic) {1,2}(?P<secret>[A-Za-z0-9+/]{8,400}={0,2})(?![A-Za-z0-9])",
        is_basic_auth,
        score=0.85,
        may_be_placeholder=True,
    ),
    SecretRule(
        "bearer",
        "bearer token",
        ("bearer ",),
        r"(?i:bearer) {1,2}(?P<secret>[A-Za-z0-9._~+/-]{20,2000}={0,2})(?![A-Za-z0-9])",
        is_bare_secret,
        score=0.8,
    ),
    SecretRule(
        "assignment",
        "secret assigned to a name",
        _NAME_LITERALS,
        rf"{_NAME}[A-Za-z0-9_.-]{{0,24}}[\"'\]]{{0,2}}{_GAP}(?:=>|:=|==?|:|is){_GAP}"
        r"(?:[bru]{0,2}\\?[\"'`](?P<secret>[^\s\"'`\\]{8,200})\\?[\"'`]"
        r"|(?P<bare>[^\s\"'`,;<>&\\]{8,200}))",
        is_quoted_secret,
        score=0.75,
        severity=Severity.MEDIUM,
        reach=64,
        tail=rf"(?:[=:]|is)[=>]?{_GAP}(?:[bru]{{0,2}}\\?[\"'`])?[^\s\"'`\\]{{8}}",
        is_word=False,
        bare_check=is_bare_secret,
    ),
)
