"""Check digits of national numbers, as quick looks before python-stdnum's whole validation.

Each takes a value in a shape of its number, separators included, and is False only where the
number's own check would be. They cost about a microsecond; the whole validation costs twenty.
"""

from collections.abc import Callable, Sequence
from operator import mul

from tyrian.detectors.pii.cards import has_luhn_digit

MayBe = Callable[[str], bool]

_NO_SEPARATORS = {ord(separator): None for separator in " ./-"}
_SSN_NEVER_ISSUED = frozenset({"078051120", "457555462", "219099999"})
_DNI_LETTERS = "TRWAGMYFPDXBNJZSQVHLCKE"
_NIE_DIGITS = {"X": "0", "Y": "1", "Z": "2"}
_HETU_LETTERS = "0123456789ABCDEFHJKLMNPRSTUVWXY"


def _digits(value: str) -> str:
    return value.translate(_NO_SEPARATORS)


def _weighted(weights: Sequence[int], digits: str) -> int:
    return sum(map(mul, weights, map(int, digits)))


def is_ssn(value: str) -> bool:
    """US social security number: an area, group and serial that are issued (SSA, POMS RM 10201)."""
    digits = _digits(value)
    area, group, serial = digits[:3], digits[3:5], digits[5:]
    if area in ("000", "666") or area[0] == "9" or group == "00" or serial == "0000":
        return False
    return digits not in _SSN_NEVER_ISSUED


def may_be_itin(value: str) -> bool:
    """US taxpayer number: it begins with a nine."""
    return value[0] == "9"


def may_be_idnr(value: str) -> bool:
    """German tax id: ISO 7064 MOD 11,10."""
    check = 5
    for digit in map(int, _digits(value)):
        check = ((check or 10) * 2 % 11 + digit) % 10
    return check == 1


def may_be_nir(value: str) -> bool:
    """French social security number: the key is 97 less the rest of the division by 97."""
    digits = _digits(value)
    if not digits.isdigit():
        return True  # Corsica
    return len(digits) == 15 and 97 - int(digits[:13]) % 97 == int(digits[13:])


def may_be_cpf(value: str) -> bool:
    """Brazilian CPF: the first of its two check digits."""
    digits = _digits(value)
    return -_weighted(range(10, 1, -1), digits[:9]) % 11 % 10 == int(digits[9])


def may_be_personnummer(value: str) -> bool:
    """Swedish personnummer: the Luhn digit over the last ten."""
    return has_luhn_digit(_digits(value)[-10:])


def may_be_ahv(value: str) -> bool:
    """Swiss AHV number: the check digit of EAN-13."""
    return _weighted((1, 3) * 6 + (1,), _digits(value)) % 10 == 0


def may_be_nn(value: str) -> bool:
    """Belgian national number: 97 less the rest, with a 2 before it for births from 2000."""
    digits = _digits(value)
    number, key = int(digits[:9]), int(digits[9:])
    return key in (97 - number % 97, 97 - (2_000_000_000 + number) % 97)


def may_be_ric(value: str) -> bool:
    """Chinese resident id: ISO 7064 MOD 11-2."""
    weights = [2**power % 11 for power in range(17, 0, -1)]
    last = 10 if value[17] == "X" else int(value[17])
    return (_weighted(weights, value[:17]) + last) % 11 == 1


def may_be_rrn(value: str) -> bool:
    """Korean registration number."""
    digits = _digits(value)
    return (11 - _weighted((2, 3, 4, 5, 6, 7, 8, 9, 2, 3, 4, 5), digits) % 11) % 10 == int(
        digits[12]
    )


def may_be_cuit(value: str) -> bool:
    """Argentine CUIT."""
    digits = _digits(value)
    check = 11 - _weighted((5, 4, 3, 2, 7, 6, 5, 4, 3, 2), digits) % 11
    return "012345678990"[check] == digits[10]


def may_be_rut(value: str) -> bool:
    """Chilean RUT."""
    digits = _digits(value)
    body = digits[:-1]
    weights = [2 + place % 6 for place in range(len(body) - 1, -1, -1)]
    return "0123456789K"[-_weighted(weights, body) % 11] == digits[-1]


def may_be_rc(value: str) -> bool:
    """Czech or Slovak birth number; those with nine digits have no check digit."""
    digits = _digits(value)
    return len(digits) == 9 or int(digits[:9]) % 11 % 10 == int(digits[9])


def may_be_pin(value: str) -> bool:
    """Thai identity number."""
    digits = _digits(value)
    return (11 - _weighted(range(13, 1, -1), digits) % 11) % 10 == int(digits[12])


def may_be_dni(value: str) -> bool:
    """Spanish DNI: the letter that the rest of the division by 23 picks."""
    return _DNI_LETTERS[int(value[:8]) % 23] == value[-1]


def may_be_nie(value: str) -> bool:
    """Spanish NIE: like the DNI, its first letter read as a digit."""
    plain = value.replace("-", "")
    return _DNI_LETTERS[int(_NIE_DIGITS[plain[0]] + plain[1:8]) % 23] == plain[8]


def may_be_hetu(value: str) -> bool:
    """Finnish HETU: the sign that the rest of the division by 31 picks."""
    return _HETU_LETTERS[int(value[:6] + value[7:10]) % 31] == value[10]


def may_be_curp(value: str) -> bool:
    """Mexican CURP: a month and a day."""
    return "01" <= value[6:8] <= "12" and "01" <= value[8:10] <= "31"
