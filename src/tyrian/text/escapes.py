"""Characters written by their numbers or names: URLs, HTML, JSON, C, JavaScript, Python."""

import re
from html.entities import html5
from string import digits, hexdigits, octdigits

import numpy as np

from tyrian.text import tables as t
from tyrian.text.offsets import Codes, Index, codes_of
from tyrian.text.readable import BAD, decode_units
from tyrian.text.rewrite import NONE, Pieces
from tyrian.text.source import Bools, Bytes, Source, chained, members

_BAD = 0xFFFD
_HEX_VALUE = np.full(256, 0xFF, dtype=np.uint8)
for _row in ("0123456789abcdef", "0123456789ABCDEF"):
    _HEX_VALUE[[ord(c) for c in _row]] = np.arange(16)
_IS_HEX = members(hexdigits)
_IS_DIGIT = members(digits)
_IS_OCTAL = members(octdigits)


def _padded(source: Source) -> Bytes:
    """The data with blanks behind, so that one may look a few characters ahead."""
    return np.concatenate((source.data, np.zeros(12, dtype=np.uint8)))


def _hex_at(data: Bytes, at: Index, count: int) -> tuple[Codes, Bools]:
    """Values of so many hexadecimal digits at each place, and where there are as many."""
    value: Codes = np.zeros(len(at), dtype=np.uint32)
    good = np.ones(len(at), dtype=np.bool_)
    for step in range(count):
        digit = _HEX_VALUE[data[at + step]]
        good &= digit != 0xFF
        value = (value << np.uint32(4)) | (digit & np.uint32(0xF))
    return value, good


def _bytes_as_pieces(values: Bytes, starts: Index, ends: Index) -> Pieces:
    """UTF-8 in bytes that are written one by one; those that touch belong together."""
    if not len(starts):
        return NONE
    runs = np.zeros(len(starts), dtype=np.intp)
    np.cumsum(starts[1:] != ends[:-1], out=runs[1:])
    codes, begins = decode_units(values, runs)
    codes[codes == BAD] = _BAD
    lasts = np.append(begins[1:], len(values)) - 1
    return Pieces.signs(starts[begins], ends[lasts], codes)


_TWICE_QUOTED = re.compile(r"%(?:25)+[0-9A-Fa-f]{2}")
_PERCENT, _BACKSLASH, _AMPERSAND, _HASH, _SEMICOLON = map(ord, "%\\&#;")
_OPEN, _CLOSE = map(ord, "{}")


def percent_pieces(source: Source) -> Pieces:
    """Percent encoding of a URL."""
    data = _padded(source)
    at = np.flatnonzero(source.data == _PERCENT)
    values, good = _hex_at(data, at + 1, 2)
    pieces = _bytes_as_pieces(values[good].astype(np.uint8), at[good], at[good] + 3)
    pieces = _joined([pieces, _by_units(data, at[data[at + 1] == _LETTERS["u"]])])
    return pieces if _TWICE_QUOTED.search(source.text) else _with_evidence(pieces)


_TWICE_ESCAPED = re.compile(r"&amp;(?:amp;)*(?:#[0-9xX]|[A-Za-z]{2,30};)")
_MOST_DIGITS = 7
_LONGEST_NAME = 31
_CAPITAL_X, _SMALL_X = map(ord, "Xx")


def html_pieces(source: Source) -> Pieces:
    """Character references of HTML, where they hide something."""
    pieces = references(source)
    return pieces if _TWICE_ESCAPED.search(source.text) else _with_evidence(pieces)


def references(source: Source) -> Pieces:
    """Every character reference of HTML."""
    data = _padded(source)
    at = np.flatnonzero(source.data == _AMPERSAND)
    is_numeric = data[at + 1] == _HASH
    pieces = _numeric(data, at[is_numeric])
    named = at[~is_numeric]
    if len(named):
        pieces = pieces.merged(_named(source, named))
    return pieces


def _numeric(data: Bytes, at: Index) -> Pieces:
    """References by number, decimal or hexadecimal, with or without the semicolon."""
    is_hex = (data[at + 2] == _SMALL_X) | (data[at + 2] == _CAPITAL_X)
    place = at + 2 + is_hex
    value = np.zeros(len(at), dtype=np.int64)
    base = np.where(is_hex, 16, 10)
    begins = place.copy()
    for _ in range(_MOST_DIGITS):
        sign = data[np.minimum(place, len(data) - 1)]
        is_next = np.where(is_hex, _IS_HEX[sign], _IS_DIGIT[sign])
        digit = _HEX_VALUE[sign] & 0xF
        value = np.where(is_next, value * base + digit, value)
        place = place + is_next
    good = place > begins
    ends = place + (data[np.minimum(place, len(data) - 1)] == _SEMICOLON)
    return Pieces.signs(at[good], ends[good], _characters(value[good]))


_CONTROL_READINGS = codes_of(
    "".join(bytes([b]).decode("cp1252", "replace") for b in range(0x80, 0xA0))
)


def _characters(values: Index) -> Codes:
    """Numbers as browsers read them: Windows-1252 below A0, nonsense as U+FFFD."""
    wrong = (values > 0x10FFFF) | ((values >= 0xD800) & (values <= 0xDFFF)) | (values == 0)
    codes = np.where(wrong, _BAD, values).astype(np.uint32)
    is_control = (codes >= 0x80) & (codes < 0xA0)
    codes[is_control] = _CONTROL_READINGS[codes[is_control] - 0x80]
    return codes


def _named(source: Source, at: Index) -> Pieces:
    """References by name, with their semicolon."""
    starts, ends = source.tokens
    if not len(starts):
        return NONE
    number = np.minimum(np.searchsorted(starts, at + 1), len(starts) - 1)
    stops = ends[number]
    data = _padded(source)
    good = (starts[number] == at + 1) & (data[stops] == _SEMICOLON)
    good &= stops - at - 1 <= _LONGEST_NAME
    at, stops = at[good], stops[good] + 1
    text = source.text
    names = [
        html5.get(text[a + 1 : b], "") for a, b in zip(at.tolist(), stops.tolist(), strict=True)
    ]
    sizes = np.fromiter(map(len, names), dtype=np.intp, count=len(names))
    known = sizes > 0
    codes = codes_of("".join(names))
    return Pieces(at[known], stops[known], sizes[known], codes, np.zeros(known.sum(), np.intp))


_LETTERS = {kind: ord(kind) for kind in "uUx"}


def escape_pieces(source: Source) -> Pieces:
    """Escapes of JSON, C, JavaScript and Python."""
    data = _padded(source)
    at = np.flatnonzero(source.data == _BACKSLASH)
    following = data[at + 1]
    found = [
        _by_units(data, at[following == _LETTERS["u"]]),
        _by_bytes(data, at, following),
    ]
    braced = at[(following == _LETTERS["u"]) & (data[at + 2] == _OPEN)]
    if len(braced):
        found.append(_braced(data, braced))
    wide = at[following == _LETTERS["U"]]
    if len(wide):
        values, good = _hex_at(data, wide + 2, 8)
        found.append(Pieces.signs(wide[good], wide[good] + 10, _scalars(values[good])))
    found += [_quoted_printable(source, data), _css(data, at)]
    return _with_evidence(_joined(found))


def _joined(parts: list[Pieces]) -> Pieces:
    pieces = NONE
    for part in parts:
        if len(part):
            pieces = pieces.merged(part) if len(pieces) else part
    return pieces


_LEAST_IN_A_ROW = 4


def _in_rows(starts: Index, ends: Index) -> Bools:
    """Which escapes touch so many others that they are no accident."""
    if not len(starts):
        return np.zeros(0, dtype=np.bool_)
    first, stop = chained(starts[1:] == ends[:-1])
    return np.repeat(stop - first >= _LEAST_IN_A_ROW, stop - first)


def _quoted_printable(source: Source, data: Bytes) -> Pieces:
    """=XX, several in a row."""
    at = np.flatnonzero(source.data == ord("="))
    values, good = _hex_at(data, at + 1, 2)
    at, units = at[good], values[good].astype(np.uint8)
    rows = _in_rows(at, at + 3)
    return _bytes_as_pieces(units[rows], at[rows], at[rows] + 3)


_MOST_CSS = 6


def _css(data: Bytes, at: Index) -> Pieces:
    r"""\X to \XXXXXX and a blank, as in style sheets, several in a row."""
    place = at + 1
    value: Codes = np.zeros(len(at), dtype=np.uint32)
    for _ in range(_MOST_CSS):
        sign = data[place]
        is_next = _IS_HEX[sign]
        value = np.where(is_next, (value << np.uint32(4)) | (_HEX_VALUE[sign] & 0xF), value)
        place = place + is_next
    sizes = place - at - 1
    # Three digits without a blank are octal, and one is the escape of a control.
    good = (sizes >= 2) & ((data[place] == 0x20) | (sizes == _MOST_CSS)) & (value >= 0x20)
    ends = place + (data[place] == 0x20)
    at, ends, value = at[good], ends[good], value[good]
    rows = _in_rows(at, ends)
    return Pieces.signs(at[rows], ends[rows], _scalars(value[rows].astype(np.uint32)))


def _scalars(values: Codes) -> Codes:
    wrong = (values > 0x10FFFF) | ((values >= 0xD800) & (values <= 0xDFFF))
    return np.where(wrong, np.uint32(_BAD), values)


def _by_units(data: Bytes, at: Index) -> Pieces:
    r"""\uXXXX, two of which may make one character."""
    values, good = _hex_at(data, at + 2, 4)
    at, values = at[good], values[good]
    is_high = (values >= 0xD800) & (values <= 0xDBFF)
    is_low = (values >= 0xDC00) & (values <= 0xDFFF)
    ends = at + 6
    paired = np.zeros(len(at), dtype=np.bool_)
    paired[:-1] = is_high[:-1] & is_low[1:] & (ends[:-1] == at[1:])
    first = np.flatnonzero(paired)
    values = values.copy()
    values[first] = 0x10000 + ((values[first] - 0xD800) << 10) + (values[first + 1] - 0xDC00)
    ends[first] += 6
    kept = np.ones(len(at), dtype=np.bool_)
    kept[first + 1] = False
    return Pieces.signs(at[kept], ends[kept], _scalars(values[kept]))


def _by_bytes(data: Bytes, at: Index, following: Bytes) -> Pieces:
    r"""\xXX and \ooo, each a byte of UTF-8."""
    hexes = at[following == _LETTERS["x"]]
    values, good = _hex_at(data, hexes + 2, 2)
    octals = at[_IS_OCTAL[following] & _IS_OCTAL[data[at + 2]] & _IS_OCTAL[data[at + 3]]]
    digit = [data[octals + step].astype(np.uint32) - 0x30 for step in (1, 2, 3)]
    numbers = (digit[0] * 64 + digit[1] * 8 + digit[2]) & 0xFF
    starts = np.concatenate((hexes[good], octals))
    order = np.argsort(starts, kind="stable")
    units = np.concatenate((values[good], numbers)).astype(np.uint8)[order]
    starts = starts[order]
    return _bytes_as_pieces(units, starts, starts + 4)


def _braced(data: Bytes, at: Index) -> Pieces:
    r"""\u{X} to \u{XXXXXX}."""
    place = at + 3
    value = np.zeros(len(at), dtype=np.uint32)
    for _ in range(6):
        sign = data[np.minimum(place, len(data) - 1)]
        is_next = _IS_HEX[sign]
        value = np.where(is_next, (value << np.uint32(4)) | (_HEX_VALUE[sign] & 0xF), value)
        place = place + is_next
    good = (place > at + 3) & (data[np.minimum(place, len(data) - 1)] == _CLOSE)
    return Pieces.signs(at[good], place[good] + 1, _scalars(value[good].astype(np.uint32)))


_NEEDLESS = re.compile(r"[A-Za-z]|&(?:[A-Za-z]+|#[0-9xX]+);|%[0-9A-Fa-f]{2}|\\u[0-9A-Fa-f]{4}")
_LEAST_ESCAPES = 3
_LEAST_IN_A_WORD = 4


def _with_evidence(pieces: Pieces) -> Pieces:
    """The pieces where an escape was needless (a plain letter), or blanks or words were escaped.

    A few accents and dashes are what every program escapes.
    """
    if not len(pieces) or _NEEDLESS.search(pieces.text):
        return pieces
    codes = pieces.codes
    # Blanks, controls and what cannot be seen.
    flags = t.tables().flags[np.minimum(codes, 0x10FFFF)]
    if int(((codes == 0x20) | ((flags & t.KIND) != 0)).sum()) >= _LEAST_ESCAPES:
        return pieces
    if int(pieces.sizes.max()) > 1:
        return NONE
    letters = np.flatnonzero((flags & t.LETTER) != 0)
    starts, ends = pieces.starts[letters], pieces.ends[letters]
    if not len(starts):
        return NONE
    first, stop = chained(starts[1:] == ends[:-1])
    return pieces if int((stop - first).max()) >= _LEAST_IN_A_WORD else NONE
