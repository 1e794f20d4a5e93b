"""Licences as people write them, as the formats want them, and whether an expression is one.

Source: SPDX specification, annex "SPDX license expressions".
"""

import re
from functools import cache

from tyrian.supply.aibom.document import Json
from tyrian.supply.aibom.schema import licence_ids

_WORD = re.compile(r"\s*(\(|\)|[^\s()]+)")
_REFERENCE = re.compile(r"(DocumentRef-[\w.-]+:)?(LicenseRef|AdditionRef)-[\w.-]+", re.ASCII)
_OPERATORS = {"AND", "OR", "WITH"}
_UNKNOWN = {"", "other", "unknown", "none", "proprietary"}
"""What cards say where they name no licence."""


@cache
def _by_small_letters() -> dict[str, str]:
    return {one.lower(): one for one in licence_ids()}


def known_id(text: str) -> str:
    """The identifier of a licence, spelt as the list has it; empty where it is not on it."""
    return _by_small_letters().get(text.strip().lower(), "")


def choice_of(text: str, url: str = "") -> list[Json]:
    """A licence as CycloneDX has it: by identifier, as an expression, or by its name."""
    name = text.strip()
    if name.lower() in _UNKNOWN and not url:
        return []
    where = {"url": url} if url else {}
    if found := known_id(name):
        return [{"license": {"id": found, **where, "acknowledgement": "declared"}}]
    if not url and _is_compound(name) and not expression_fault(name):
        return [{"expression": name, "acknowledgement": "declared"}]
    return [{"license": {"name": name or "unknown", **where, "acknowledgement": "declared"}}]


def expression_of(text: str) -> str:
    """A licence as an expression; one that is on no list becomes a LicenseRef. Empty for none."""
    name = text.strip()
    if name.lower() in _UNKNOWN:
        return ""
    if found := known_id(name):
        return found
    if not expression_fault(name):
        return name
    return "LicenseRef-" + (re.sub(r"[^A-Za-z0-9.-]+", "-", name).strip("-") or "unnamed")


def _is_compound(name: str) -> bool:
    return bool(_OPERATORS & set(name.split())) or bool(_REFERENCE.fullmatch(name))


def expression_fault(text: str) -> str:
    """What keeps a text from being a licence expression; empty where nothing does."""
    words = _WORD.findall(text)
    depth, is_operand_due = 0, True
    for at, word in enumerate(words):
        if word == "(":
            if not is_operand_due:
                return "an operator is missing before ("
            depth += 1
        elif word == ")":
            depth -= 1
            if depth < 0 or is_operand_due:
                return "a ) stands where none can be"
        elif word.upper() in _OPERATORS:
            if is_operand_due:
                return f"nothing stands before {word}"
            is_operand_due = True
        else:
            if not is_operand_due:
                return f"an operator is missing before {word[:60]!r}"
            if fault := _operand_fault(word, is_exception=at > 0 and words[at - 1] == "WITH"):
                return fault
            is_operand_due = False
    if depth or is_operand_due:
        return "it ends too early"
    return ""


def _operand_fault(word: str, *, is_exception: bool) -> str:
    plain = word.removesuffix("+")
    if _REFERENCE.fullmatch(word) or known_id(word) or (not is_exception and known_id(plain)):
        return ""
    return f"{word[:60]!r} is not on the SPDX License List"
