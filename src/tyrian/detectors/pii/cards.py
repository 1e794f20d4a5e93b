"""Payment cards: ranges of issuers and the Luhn digit."""

_DOUBLED = bytes.maketrans(b"0123456789", bytes((0, 2, 4, 6, 8, 1, 3, 5, 7, 9)))


def has_luhn_digit(digits: str) -> bool:
    """The check digit of ISO/IEC 7812."""
    codes = digits.encode()
    plain = codes[-1::-2]
    return (sum(plain) - 48 * len(plain) + sum(codes[-2::-2].translate(_DOUBLED))) % 10 == 0


_RANGES: tuple[tuple[str, str, frozenset[int]], ...] = (
    ("300", "305", frozenset({14, 16, 19})),  # Diners Club
    ("34", "34", frozenset({15})),  # American Express
    ("3528", "3589", frozenset({16, 17, 18, 19})),  # JCB
    ("36", "36", frozenset({14, 16, 19})),  # Diners Club
    ("37", "37", frozenset({15})),  # American Express
    ("38", "39", frozenset({14, 16, 19})),  # Diners Club
    ("4", "4", frozenset({13, 16, 19})),  # Visa
    ("50", "50", frozenset(range(12, 20))),  # Maestro
    ("51", "55", frozenset({16})),  # Mastercard
    ("56", "58", frozenset(range(12, 20))),  # Maestro
    ("60", "69", frozenset(range(13, 20))),  # Discover, RuPay, UnionPay, Maestro
    ("2200", "2204", frozenset(range(16, 20))),  # Mir
    ("2221", "2720", frozenset({16})),  # Mastercard
    ("81", "81", frozenset({16})),  # RuPay
    ("9792", "9792", frozenset({16})),  # Troy
)
_BY_FIRST = {first: tuple(r for r in _RANGES if r[0][0] == first) for first in "0123456789"}


def _has_issuer(digits: str) -> bool:
    size = len(digits)
    for low, high, sizes in _BY_FIRST[digits[0]]:
        if size in sizes and low <= digits[: len(low)] <= high:
            return True
    return False


def is_card(digits: str) -> bool:
    """An issuer's range, its length and the Luhn digit; not one digit all over."""
    return _has_issuer(digits) and has_luhn_digit(digits) and len(set(digits)) > 1
