"""Package URLs: `pkg:type/namespace/name@version?qualifiers#subpath`, by their own rules.

Source: https://github.com/package-url/purl-spec (PURL-SPECIFICATION.rst and the rules of types)
"""

import re
from dataclasses import dataclass
from urllib.parse import quote, unquote

_TYPE = re.compile(r"[a-z][a-z0-9.-]*")
_KEY = re.compile(r"[a-z][a-z0-9._-]*")
_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")
_RAW = re.compile(r"[\x00-\x20\x7f\"<>\\^`{|}]")
_COMMIT = re.compile(r"[0-9a-f]{40}")
_PYPI = re.compile(r"[-_.]+")


class PurlError(ValueError):
    """A text that is no package URL."""


@dataclass(frozen=True, slots=True)
class Purl:
    """A package URL in its parts, decoded."""

    type: str
    name: str
    namespace: str = ""
    version: str = ""


def pypi_name(name: str) -> str:
    """A distribution's name as the index compares it."""
    return _PYPI.sub("-", name).lower()


def pypi(name: str, version: str) -> str:
    """The package URL of a Python distribution."""
    return f"pkg:pypi/{quote(_pypi_spelling(name), safe='-_.~')}@{_part(version)}"


def _pypi_spelling(name: str) -> str:
    """A name as package URLs of this type have it: dots stay."""
    return name.lower().replace("_", "-")


def huggingface(repository: str, commit: str, kind: str = "") -> str:
    """The package URL of a repository on the hub; `kind` is `dataset` for those."""
    path = "/".join(_part(one) for one in repository.split("/"))
    told = f"?repository_type={kind}" if kind else ""
    return f"pkg:huggingface/{path}{'@' + commit.lower() if commit else ''}{told}"


def _part(text: str) -> str:
    return quote(text, safe="-_.~:")


def without_version(purl: str) -> str:
    """The package URL of whatever version: what stays the same when one is upgraded."""
    head, mark, tail = purl.partition("?")
    slash, at = head.rfind("/"), head.rfind("@")
    return (head[:at] if at > slash else head) + mark + tail


def parse_purl(text: str) -> Purl:
    """The parts of a package URL; PurlError tells what is wrong with it."""
    if found := _RAW.search(text) or _ESCAPE.search(text):
        raise PurlError(f"{found[0]!r} must be percent-encoded")
    rest, _, subpath = text.partition("#")
    rest, mark, query = rest.partition("?")
    scheme, colon, rest = rest.partition(":")
    if scheme.lower() != "pkg" or not colon:
        raise PurlError("it does not begin with pkg:")
    kind, slash, rest = rest.lstrip("/").partition("/")
    if not slash or not _TYPE.fullmatch(kind.lower()):
        raise PurlError(f"{kind[:40]!r} is no type followed by a name")
    rest = rest.strip("/")
    at = rest.rfind("@")
    path, version = (rest[:at], unquote(rest[at + 1 :])) if at > rest.rfind("/") else (rest, "")
    if at > rest.rfind("/") and not version:
        raise PurlError("nothing stands behind the @")
    *spaces, name = [unquote(one) for one in path.split("/")]
    if not name or not all(spaces):
        raise PurlError("it has no name, or an empty part before it")
    if mark:
        _check_query(query)
    if any(one in ("", ".", "..") for one in subpath.strip("/").split("/")) and subpath:
        raise PurlError("its subpath has an empty or dotted part")
    found_purl = Purl(kind.lower(), name, "/".join(spaces), version)
    if fault := _type_fault(found_purl):
        raise PurlError(fault)
    return found_purl


def _check_query(query: str) -> None:
    seen: set[str] = set()
    for pair in query.split("&"):
        key, equals, value = pair.partition("=")
        if not equals or not value or not _KEY.fullmatch(key.lower()):
            raise PurlError(f"{pair[:60]!r} is no qualifier of the form key=value")
        if key.lower() in seen:
            raise PurlError(f"the qualifier {key[:40]!r} stands twice")
        seen.add(key.lower())


def _type_fault(purl: Purl) -> str:
    """What the rules of its type say against it."""
    if purl.type == "pypi":
        if purl.namespace:
            return "packages of PyPI have no namespace"
        if purl.name != _pypi_spelling(purl.name):
            return f"{purl.name[:80]!r} must be written {_pypi_spelling(purl.name)[:80]!r}"
    if purl.type == "huggingface" and purl.version and not _COMMIT.fullmatch(purl.version):
        return "a version of the hub is a commit: 40 hexadecimal digits in lower case"
    return ""
