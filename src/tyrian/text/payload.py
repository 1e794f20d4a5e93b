"""Text smuggled in invisible code points."""

import numpy as np
import numpy.typing as npt

from tyrian.text.offsets import codes_of, text_of

Codes = npt.NDArray[np.uint32]

_LEAST_BITS = 16
_BIT_PAIRS = ((0x200B, 0x200C), (0x2062, 0x2064), (0x200C, 0x200D), (0x200B, 0x200D))


def decode_payload(kind: str, codes: Codes) -> str:
    """The text that a run of hidden code points carries, empty where it carries none."""
    match kind:
        case "tag":
            letters = codes[(codes >= 0xE0020) & (codes <= 0xE007E)] - 0xE0000
            return text_of(letters)
        case "variation-selector":
            return _from_selectors(codes)
        case "zero-width":
            return _from_bits(codes) if len(codes) >= _LEAST_BITS else ""
        case _:
            return ""


def _from_selectors(codes: Codes) -> str:
    """Bytes: VS1 to VS16 are 0 to 15, VS17 to VS256 are 16 to 255."""
    if len(codes) < 2:
        return ""
    values = np.where(codes >= 0xE0100, codes - 0xE0100 + 16, codes - 0xFE00)
    return _printable(values.astype(np.uint8).tobytes())


def _from_bits(codes: Codes) -> str:
    """Two invisible code points as 0 and 1, in either assignment; a third one may separate."""
    present = set(np.unique(codes).tolist())
    for pair in _BIT_PAIRS:
        if not present.issuperset(pair):
            continue
        for zero, one in (pair, pair[::-1]):
            bits = codes[(codes == zero) | (codes == one)] == one
            decoded = _printable(np.packbits(bits[: len(bits) // 8 * 8]).tobytes())
            if decoded:
                return decoded
    return ""


def _printable(data: bytes) -> str:
    """The bytes as text where they are mostly text, else empty."""
    text = data.decode("utf-8", "replace")
    if text.isprintable() and "\ufffd" not in text:
        return text
    codes = codes_of(text)
    present = np.zeros(0x110000, dtype=np.bool_)
    present[codes] = True
    shown = np.zeros(0x110000, dtype=np.bool_)
    shown[[c for c in np.flatnonzero(present).tolist() if chr(c).isprintable()]] = True
    shown[[0x0A, 0x09]], shown[0xFFFD] = True, False
    codes = codes[shown[codes]]
    return text_of(codes) if len(codes) * 10 >= len(text) * 7 else ""
