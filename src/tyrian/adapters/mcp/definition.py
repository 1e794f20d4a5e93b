"""What a server offers (tools, prompts, resources), its digest, and the signs of poison in it."""

import hashlib
import json
import re
from dataclasses import dataclass
from types import MappingProxyType

import re2

from tyrian.adapters.mcp.frame import BadFrameError, exact
from tyrian.policy.lookalike import has_hidden, skeleton
from tyrian.policy.strict_json import Json

MAX_ENTRIES = 10_000


@dataclass(frozen=True, slots=True)
class Listing:
    """A method that lists what a server offers."""

    method: str
    member: str
    """Where the list stands in the result."""
    name: str
    """The member of an entry that names it."""
    noun: str
    is_pinned: bool
    """Whether an entry must stay what was approved; resources come and go."""


LISTINGS = MappingProxyType(
    {
        listing.method: listing
        for listing in (
            Listing("tools/list", "tools", "name", "tool", True),
            Listing("prompts/list", "prompts", "name", "prompt", True),
            Listing("resources/list", "resources", "uri", "resource", False),
            Listing(
                "resources/templates/list",
                "resourceTemplates",
                "uriTemplate",
                "resource template",
                False,
            ),
        )
    }
)


@dataclass(frozen=True, slots=True)
class Sign:
    """A reason to mistrust a definition; `rule` is a stable id."""

    rule: str
    reason: str


def entries_of(listing: Listing, result: dict[str, Json]) -> list[dict[str, Json]]:
    """The entries of a list; BadFrameError where it is none."""
    exact(result, (listing.member, "nextCursor"), f"the answer to {listing.method}")
    found = result.get(listing.member)
    if not isinstance(found, list) or len(found) > MAX_ENTRIES:
        raise BadFrameError(f"the answer to {listing.method} has no list, or one without end")
    entries: list[dict[str, Json]] = []
    for entry in found:
        if not isinstance(entry, dict) or not isinstance(entry.get(listing.name), str):
            raise BadFrameError(f"a {listing.noun} in the answer has no {listing.name}")
        exact(entry, (listing.name, "description", "inputSchema"), f"a {listing.noun}")
        entries.append(entry)
    return entries


def digest(definition: Json) -> str:
    """SHA-256 of a definition, whatever the order of its keys; `_meta` on top does not count."""
    if isinstance(definition, dict):
        definition = {key: value for key, value in definition.items() if key != "_meta"}
    text = json.dumps(definition, sort_keys=True, separators=(",", ":"))
    return f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"


def plain_name(name: str) -> str:
    """What is left of a name when it is only looked at: names that share it look alike."""
    return _SEPARATORS.sub("", skeleton(name))


def name_signs(name: str, names: frozenset[str], foreign: frozenset[str]) -> list[Sign]:
    """Signs in a name: hidden letters, look-alikes beside it, the name of another server's."""
    signs: list[Sign] = []
    if has_hidden(name):
        signs.append(Sign("name.hidden", "its name has characters that nobody sees"))
    elif not name.isascii() and skeleton(name).isascii():
        signs.append(Sign("name.lookalike", "its name is written with letters that imitate others"))
    mine = plain_name(name)
    # Of two that look alike, one in plain letters is no imitation of one in odd letters.
    twins = [other for other in names if other != name and plain_name(other) == mine]
    if any(other.isascii() or not name.isascii() for other in twins):
        signs.append(Sign("name.lookalike", "another name of the same server looks the same"))
    if any(plain_name(other) == mine for other in foreign):
        signs.append(Sign("name.shadow", "a tool of another server has this name, or one like it"))
    return signs


def text_signs(text: str, foreign: frozenset[str]) -> list[Sign]:
    """Signs in the text of a definition: it tells the model what a description has no need to."""
    signs = [Sign(rule, reason) for rule, reason, pattern in _SIGNS if pattern.search(text)]
    words = set(_WORD.findall(text))
    if any(name in words for name in foreign if _is_distinct(name)):
        signs.append(Sign("poison.other-server", "it speaks of a tool of another server"))
    return signs


def _is_distinct(name: str) -> bool:
    """Whether a name is no everyday word."""
    return len(name) > 5 and any(char in "_-./" or char.isupper() for char in name)


_SEPARATORS = re.compile(r"[\s_\-./:]+")
_WORD = re.compile(r"[\w./-]+")
_PRIVATE = (
    r"(?:\.ssh\b|\bid_(?:rsa|ed25519|ecdsa)\b|\.aws/credentials|\.netrc\b|\.npmrc\b|\.pypirc\b"
    r"|\.git-credentials|\.kube/config|\bmcp\.json\b|claude_desktop_config|/etc/(?:passwd|shadow)"
    r"|\.gnupg\b|\.bash_history|\bprivate keys?\b|[\s/\"'`~]\.env\b)"
)
_TAKE = r"\b(?:read|open|cat|pass|send|include|attach|upload|provide|copy|contents?)\b"
_SIGNS = tuple(
    (rule, reason, re2.compile(f"(?is){pattern}"))
    for rule, reason, pattern in (
        (
            "poison.secrecy",
            "it asks to keep something from the user",
            r"\b(?:do not|don['’]?t|never|without)\s+(?:ever\s+)?"
            r"(?:tell|mention|inform|notify|reveal|alert|disclose|telling|mentioning|informing"
            r"|notifying|revealing|alerting)\b[^.\n]{0,60}\b(?:user|human|person|anyone)\b",
        ),
        (
            "poison.private-file",
            "it asks for files that hold secrets",
            rf"(?:{_TAKE}[^\n]{{0,100}}{_PRIVATE}|{_PRIVATE}[^\n]{{0,100}}{_TAKE})",
        ),
        (
            "poison.markup",
            "it has markup that imitates instructions to the model",
            r"(?:<\s*/?\s*(?:important|system|secret|instructions?|critical|admin|hidden)\b[^>]{0,80}>"
            r"|\[\s*/?(?:inst|system)\s*\]|<\|im_start\|>)",
        ),
        (
            "poison.precondition",
            "it asks for data that has nothing to do with the tool before it may be used",
            r"\b(?:before|prior to|after|when(?:ever)?)\s+(?:using|calling|invoking)\s+"
            r"(?:this|any|every|another|other)\b[^.\n]{0,30}\btools?\b[^.\n]{0,80}"
            r"\b(?:read|open|fetch|send|pass|collect|forward|upload|append)\b",
        ),
        (
            "poison.redirect",
            "it asks to send elsewhere what other tools handle",
            r"\b(?:send|forward|bcc|cc|redirect|route|copy)\b\s+(?:all|every|any|each)\b"
            r"[^.\n]{0,60}\bto\b",
        ),
        (
            "poison.override",
            "it asks to disregard other instructions or tools",
            r"\b(?:ignore|disregard|override|forget)\b[^.\n]{0,40}"
            r"\b(?:instructions?|previous|prior|system prompt|other tools?|rules)\b",
        ),
    )
)
