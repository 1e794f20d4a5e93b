"""Payment cards: ranges of issuers and the Luhn digit."""

from functools import cache

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
_PREFIX = 4


@cache
def _sizes() -> list[int]:
    """Lengths that go with each four first digits, as a bit mask."""
    masks = [0] * 10**_PREFIX
    for low, high, sizes in _RANGES:
        mask = sum(1 << size for size in sizes)
        width = 10 ** (_PREFIX - len(low))
        for prefix in range(int(low) * width, (int(high) + 1) * width):
            masks[prefix] |= mask
    return masks


def has_issuer(prefix: str) -> bool:
    """Some issuer's numbers, of whatever length, begin with these four digits."""
    return _sizes()[int(prefix)] != 0


def is_card(digits: str) -> bool:
    """An issuer's range, its length and the Luhn digit; not one digit all over."""
    fits = _sizes()[int(digits[:_PREFIX])] >> len(digits) & 1
    return bool(fits) and has_luhn_digit(digits) and len(set(digits)) > 1
