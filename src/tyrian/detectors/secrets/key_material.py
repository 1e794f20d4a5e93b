"""Private keys, signed tokens, password hashes and Tyrian's own keys."""

from tyrian.core.detection import Severity
from tyrian.detectors.secrets.checks import (
    has_jwt_header,
    has_key_body,
    is_bech32,
    whole_ends_with_crc,
)
from tyrian.detectors.secrets.rule import SecretRule, near, token

_CRITICAL = Severity.CRITICAL
_KEY_KINDS = r"(?:(?:RSA|DSA|EC|OPENSSH|ENCRYPTED|ANY|SSH2 ENCRYPTED|PGP) ?){0,2}"
_BEGIN = rf"-----BEGIN {_KEY_KINDS}PRIVATE KEY(?: BLOCK)?-----"
_END = rf"-----END {_KEY_KINDS}PRIVATE KEY(?: BLOCK)?-----"
_EOL = r"(?:\r?\n|\\n|\\r){1,4}"
# Possessive and without a double hyphen, so that a header without an end costs no second look.
_BODY = r"(?:[A-Za-z0-9+/=\s\\.,:;()_]++|-(?!-)){1,400}+"

RULES: tuple[SecretRule, ...] = (
    token(
        "tyrian",
        "Tyrian key",
        r"tyr_(?:live|test|svc|adm)_[0-9A-Za-z]{49}",
        check=whole_ends_with_crc,
        score=1.0,
        severity=_CRITICAL,
        proven=True,
    ),
    SecretRule(
        "private-key",
        "private key",
        ("-----begin",),
        rf"{_BEGIN}{_BODY}{_END}",
        has_key_body,
        severity=_CRITICAL,
        score=1.0,
        may_be_placeholder=True,
    ),
    SecretRule(
        "private-key-part",
        "beginning of a private key",
        ("-----begin",),
        rf"{_BEGIN}{_EOL}[A-Za-z0-9+/=]{{24,128}}(?:{_EOL}[A-Za-z0-9+/=]{{4,128}}){{0,200}}+",
        severity=_CRITICAL,
        may_be_placeholder=True,
    ),
    SecretRule(
        "putty-key",
        "PuTTY private key",
        ("putty-user-key-file-",),
        r"PuTTY-User-Key-File-[23]: [a-z0-9-]{4,40}\s[\s\S]{0,8000}?Private-Lines: \d{1,4}\s"
        r"[A-Za-z0-9+/=\s]{16,8000}",
        severity=_CRITICAL,
        reach=8100,
        tail=r"Private-Lines: \d{1,4}\s[A-Za-z0-9+/=\s]{16}",
        may_be_placeholder=True,
    ),
    token(
        "age",
        "age secret key",
        r"AGE-SECRET-KEY-1[QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L]{58}",
        check=is_bech32,
        score=1.0,
        severity=_CRITICAL,
        proven=True,
    ),
    token(
        "jwt",
        "JSON web token",
        r"ey[JA-Z][A-Za-z0-9_-]{10,2000}\.[A-Za-z0-9_-]{10,4000}\.[A-Za-z0-9_-]{20,1000}",
        "eyj",
        "eya",
        "eyi",
        check=has_jwt_header,
        tail=r"\.[A-Za-z0-9_-]{10,4000}+\.[A-Za-z0-9_-]{20}",
        reach=2010,
        score=0.85,
        proven=True,
    ),
    near(
        "jwk",
        "private JSON web key",
        r"\"d\"[ \t]{0,2}:[ \t]{0,2}\"(?P<secret>[A-Za-z0-9_-]{40,700})",
        '"kty"',
        within=800,
        reach=720,
        score=0.9,
        severity=_CRITICAL,
    ),
    near(
        "wireguard",
        "WireGuard private key",
        r"(?:PrivateKey|PresharedKey)[ \t]{0,4}=[ \t]{0,4}(?P<secret>[A-Za-z0-9+/]{43}=)",
        "privatekey",
        "presharedkey",
        score=0.95,
        severity=_CRITICAL,
    ),
    SecretRule(
        "password-hash",
        "password hash",
        ("$2a$", "$2b$", "$2y$", "$6$", "$5$", "$apr1$", "$argon2", "$y$"),
        r"\$(?:2[aby]\$\d\d\$[./A-Za-z0-9]{53}|[56]\$(?:rounds=\d{3,9}\$)?[./A-Za-z0-9]{1,16}"
        r"\$[./A-Za-z0-9]{43,86}|apr1\$[./A-Za-z0-9]{1,8}\$[./A-Za-z0-9]{22}"
        r"|y\$[./A-Za-z0-9]{1,8}\$[./A-Za-z0-9]{1,86}\$[./A-Za-z0-9]{43}"
        r"|argon2(?:id|i|d)\$v=\d{1,3}\$m=\d{1,8},t=\d{1,4},p=\d{1,3}\$[A-Za-z0-9+/]{8,64}"
        r"\$[A-Za-z0-9+/]{16,128})",
        severity=Severity.MEDIUM,
        score=0.75,
    ),
)
