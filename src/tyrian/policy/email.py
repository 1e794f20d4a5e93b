"""E-mail recipients by RFC 5322, less the parts on which mail programs differ.

Read are `local@domain` and `Name <local@domain>`, several of them separated by commas or as a
list. Comments, groups, routes, quoted local parts, address literals, percent and bang routing are
valid or once were, and lead elsewhere in one program or another: they are refused.
"""

import re
from dataclasses import dataclass

from tyrian.policy.host import HostList, ascii_name
from tyrian.policy.lookalike import has_hidden
from tyrian.policy.refusal import Refusal
from tyrian.policy.schema import EmailSpec

MAX_CHARS = 4096

_LOCAL = re.compile(r"(?!-)[A-Za-z0-9_+=~&'-]+(?:\.[A-Za-z0-9_+=~&'-]+)*\Z")
_QUOTED_NAME = re.compile(r'"([^"\\<>@:;\x00-\x1f]*)"')
_PLAIN_NAME = re.compile(r"[^\"\\<>@:;,()\[\]\x00-\x1f]*\Z")
_MAILBOX = re.compile(r"(?:(\"[^\"]*\" *|[^\"<>]*)<([^<>]*)>|([^<>\"\s]+))\Z")
_HINT = "write each recipient as name@domain"


@dataclass(slots=True)
class Recipients:
    """The recipients of one argument."""

    value: str | list[str]
    """As they are to be forwarded, in the shape that they came in."""
    addresses: tuple[str, ...]
    domains: tuple[str, ...]


class EmailRule:
    """Canonicalises and judges recipients."""

    def __init__(self, spec: EmailSpec) -> None:
        self._domains = HostList(spec.domains)
        self._addresses = frozenset(_folded(address) for address in spec.addresses)
        self.max_recipients = spec.max_rcpt

    def canonical(self, value: object) -> Recipients:
        """All recipients in one spelling; Refusal if one is uncertain or not allowed."""
        if isinstance(value, str) and "," not in value:
            text, address = self._mailbox(value.strip(" "))
            return Recipients(text, (address,), (address[address.rfind("@") + 1 :],))
        if isinstance(value, str):
            found = [self._mailbox(part) for part in _split(value)]
            shown: str | list[str] = ", ".join(text for text, _ in found)
        elif isinstance(value, list) and value:
            if len(value) > self.max_recipients:
                raise self.too_many()
            found = []
            for item in value:
                if not isinstance(item, str):
                    raise Refusal("email.type", "a recipient is not text", _HINT)
                found.append(self._mailbox(item.strip(" ")))
            shown = [text for text, _ in found]
        else:
            raise Refusal("email.type", "the recipients are neither text nor a list", _HINT)
        if len(found) > self.max_recipients:
            raise self.too_many()
        addresses = tuple(address for _, address in found)
        return Recipients(shown, addresses, tuple(a.rpartition("@")[2] for a in addresses))

    def too_many(self) -> Refusal:
        """The refusal of a call with too many recipients."""
        reason = f"more than {self.max_recipients} recipients"
        return Refusal("email.too-many", reason, "raise email.max_rcpt")

    def _mailbox(self, text: str) -> tuple[str, str]:
        if (
            not text
            or len(text) > MAX_CHARS
            or not text.isprintable()
            or (not text.isascii() and has_hidden(text))
        ):
            raise Refusal("email.uncertain", "a recipient holds what cannot be printed", _HINT)
        if "<" not in text and '"' not in text and " " not in text:
            address = self._address(text)
            return address, address
        found = _MAILBOX.match(text)
        if not found:
            raise Refusal("email.uncertain", "a recipient has no certain address", _HINT)
        name, inner, bare = found.groups()
        address = self._address(inner if bare is None else bare)
        name = _checked_name((name or "").strip())
        return (f"{name} <{address}>" if name else address), address

    def _address(self, text: str) -> str:
        local, at, domain = text.partition("@")
        name = ascii_name(domain)
        if not at or len(local) > 64 or not _LOCAL.match(local) or not name:
            raise Refusal("email.uncertain", "a recipient has no certain address", _HINT)
        address = f"{local}@{name}"
        if not self._domains.has(name) and address.lower() not in self._addresses:
            hint = "add the domain to email.domains"
            raise Refusal("email.domain", "a recipient's domain is not allowed", hint, address)
        return address


def _split(value: str) -> list[str]:
    """The mailboxes of a list; commas in quoted names do not separate."""
    if len(value) > MAX_CHARS * 4:
        raise Refusal("email.uncertain", "the recipients are too long", _HINT)
    parts, start, is_quoted = [], 0, False
    for at, char in enumerate(value):
        if char == '"':
            is_quoted = not is_quoted
        elif char == "," and not is_quoted:
            parts.append(value[start:at].strip(" "))
            start = at + 1
    return [*parts, value[start:].strip(" ")]


def _checked_name(name: str) -> str:
    if name.startswith('"'):
        if not _QUOTED_NAME.fullmatch(name):
            raise Refusal("email.name", "a display name holds the signs of an address", _HINT)
    elif not _PLAIN_NAME.match(name) or "=?" in name:
        raise Refusal("email.name", "a display name holds the signs of an address", _HINT)
    return name


def _folded(address: str) -> str:
    local, _, domain = address.rpartition("@")
    name = ascii_name(domain)
    if not name or not _LOCAL.match(local):
        raise ValueError("it must be an address such as ann@corp.com")
    return f"{local}@{name}".lower()
