"""Reads what stands around the last name of a callee: backwards its owners, forwards the rest."""

import re

from tyrian.detectors.code_shield.fragment import Fragment

_TAIL = re.compile(r"\s*(?:\.|->|::|\?\.)\s*[A-Za-z_$][\w$]*")
_LINKS = ("?.", "->", "::", "!.", "&.")
_MOST_SEGMENTS = 12
_NOT_TYPES_TEXT = """
return else new await throw case in not and or yield delete typeof void go defer do
co_await co_return co_yield print echo then mut move async unsafe try assert is as
if while elif raise from lambda
"""
NOT_TYPES = frozenset(_NOT_TYPES_TEXT.split())
"""Words that stand before a name without being its type."""


def chain_before(fragment: Fragment, start: int, end: int) -> tuple[str, int]:
    """The callee from its first part on, read backwards from its last name."""
    code = fragment.code
    links = "\\" if fragment.syntax.joins == r"\." else ".\\"
    parts = [code[start:end]]
    at = start
    while len(parts) < _MOST_SEGMENTS:
        back = at
        while back > 0 and code[back - 1] in " \t\n\r" and at - back < 200:
            back -= 1
        link = code[back - 2 : back] if back >= 2 else ""
        if link in _LINKS:
            back -= 2
        elif back > 0 and code[back - 1] in links and (back < 2 or code[back - 2] != "."):
            back -= 1
        else:
            break
        part, first = _part_before(fragment, back)
        if link == "::" and (not part or part in NOT_TYPES):
            # `::name` is the name itself, of the outermost namespace.
            break
        if first == back:
            parts.append("?")
            break
        parts.append(part)
        at = first
    parts.reverse()
    return ".".join(parts), at


def _part_before(fragment: Fragment, end: int) -> tuple[str, int]:
    """One part of a chain that ends at `end`: a name, with what is called or indexed of it."""
    code = fragment.code
    at = end
    suffix = ""
    while at > 0 and code[at - 1] in " \t\n\r" and end - at < 200:
        at -= 1
    while at > 0 and code[at - 1] in ")]?!":
        if code[at - 1] in "?!":
            at -= 1
            continue
        opening = fragment.opening_of(at - 1)
        if opening < 0:
            return suffix, at
        suffix = ("()" if code[at - 1] == ")" else "[]") + suffix
        at = opening
        if len(suffix) > 8:
            break
    if at > 0 and code[at - 1] == '"' and not suffix:
        return '""', _string_before(fragment, at)
    first = at
    while first > 0 and (code[first - 1].isalnum() or code[first - 1] in "_$@"):
        first -= 1
    return code[first:at] + suffix, first


def _string_before(fragment: Fragment, end: int) -> int:
    for token in reversed(fragment.lexed.strings):
        if token.end == end:
            return token.start
        if token.end < end - 4000:
            break
    return end - 1


def chain_behind(fragment: Fragment, at: int, end: int) -> int:
    """Where that ends which is indexed, called or asked of a value from `at` on."""
    code = fragment.code
    while at < end and code[at] in "[(":
        at = min(fragment.close_of(at) + 1, end)
        more = _TAIL.match(code, at, end)
        if more and not (fragment.syntax.joins == r"\." and more[0].lstrip()[:1] == "."):
            at = more.end()
    return at


def is_of_text(code: str, start: int) -> bool:
    """Whether the call at `start` is made on a literal text, which has been read already."""
    head = code[max(0, start - 40) : start].rstrip()
    return head.endswith(".") and head[:-1].rstrip()[-1:] in ('"', "'")
