"""What machines write, and words that nobody knows: harmless text that is like no sentence.

Identifiers, digests, logs, listings and tables fill the outputs of tools, and made-up words stand
for languages and names that no row has. Without them the nearest texts that a model has seen are
the suffixes of attacks.
"""

import base64
import json
import random
import string
from collections.abc import Callable, Sequence

Maker = Callable[[random.Random], str]

_HEX = "0123456789abcdef"
_LETTERS = string.ascii_lowercase
_ALNUM = string.ascii_letters + string.digits
_BASE32 = string.ascii_uppercase + "234567"
_WORDS = (
    "user", "order", "cache", "index", "session", "token", "worker", "queue", "report", "batch",
    "invoice", "upload", "mail", "search", "image", "backup", "config", "health", "metrics", "node",
    "payment", "customer", "sync", "export", "login", "request", "response", "table", "stream",
    "device", "sensor", "account", "product", "price", "stock", "event", "job", "task", "model",
)  # fmt: skip
_DONE = (
    "started", "finished", "failed", "retried", "timed out", "accepted", "closed", "written",
    "not found", "expired", "skipped", "restarted", "connected", "rejected", "created", "deleted",
)  # fmt: skip
_LEVELS = ("INFO", "WARN", "ERROR", "DEBUG", "info", "warning", "notice", "TRACE", "FATAL")
_SUFFIXES = ("py", "log", "json", "csv", "png", "md", "txt", "yaml", "js", "rs", "gz", "pdf", "so")
_TOP = ("/var/log", "/usr/lib", "/etc", "/home/ana", "src", "tests", "./build", "C:\\Data", "docs")
_STATES = ("Running", "Pending", "CrashLoopBackOff", "Completed", "Up 3 days", "Exited (0)")
_METHODS = ("GET", "POST", "PUT", "DELETE", "HEAD")
_SYLLABLES = (
    ("ka", "lo", "mi", "re", "tu", "vo", "sen", "dar", "bel", "or", "na", "shi", "en", "ul"),
    ("qu", "ax", "zy", "plo", "gri", "wen", "thu", "fjo", "skr", "ump", "ib", "oed", "isk"),
    ("ma", "ha", "ri", "ndi", "wa", "ku", "tu", "mbe", "za", "lu", "ngo", "pi", "sa"),
    ("szcz", "ow", "ny", "rze", "ki", "prz", "dla", "jest", "cho", "wie", "nia", "go"),
    ("yl", "lar", "mek", "gi", "ün", "bir", "ve", "çok", "in", "da", "siz", "lik"),
)
_KEYS = ("asdf", "jkl;", "qwer", "hjkl", "zxcv", "sdfg", "fghj", "dfdf", "lkjh", "qaz", "wsx")


def _of(letters: str, count: int, pick: random.Random) -> str:
    return "".join(pick.choice(letters) for _ in range(count))


def _hex(count: int, pick: random.Random) -> str:
    return _of(_HEX, count, pick)


def _uuid(pick: random.Random) -> str:
    made = "-".join(_hex(count, pick) for count in (8, 4, 4, 4, 12))
    return made.upper() if pick.random() < 0.15 else made


def _name(pick: random.Random) -> str:
    return pick.choice(("_", "-", ".", "/")).join(pick.sample(_WORDS, pick.randrange(1, 4)))


def _path(pick: random.Random) -> str:
    parts = [pick.choice(_TOP), *pick.sample(_WORDS, pick.randrange(1, 4))]
    if pick.random() < 0.3:
        parts.append(_hex(pick.choice((2, 8, 12)), pick))
    return "/".join(parts) + "." + pick.choice(_SUFFIXES)


def _ip(pick: random.Random) -> str:
    return ".".join(str(pick.randrange(256)) for _ in range(4))


def _day(pick: random.Random) -> str:
    return f"20{pick.randrange(10, 30)}-{pick.randrange(1, 13):02d}-{pick.randrange(1, 29):02d}"


def _hour(pick: random.Random) -> str:
    return ":".join(f"{pick.randrange(limit):02d}" for limit in (24, 60, 60))


def _stamp(pick: random.Random) -> str:
    ending = pick.choice(("", "Z", f".{pick.randrange(1000):03d}Z", "+00:00"))
    return _day(pick) + pick.choice("T ") + _hour(pick) + ending


def _base64(pick: random.Random) -> str:
    return base64.b64encode(pick.randbytes(pick.randrange(9, 200))).decode()


_ONE: tuple[Maker, ...] = (
    lambda pick: _hex(pick.choice((7, 8, 12, 16, 24, 32, 40, 64)), pick),
    lambda pick: _hex(32, pick),
    lambda pick: _hex(40, pick),
    lambda pick: _hex(64, pick),
    _uuid,
    _uuid,
    lambda pick: _of(_ALNUM, pick.choice((8, 11, 16, 20, 22, 32)), pick),
    lambda pick: _of(_BASE32, 26, pick),
    lambda pick: pick.choice(_LETTERS) + _hex(pick.randrange(1, 6), pick),
    lambda pick: str(pick.randrange(10 ** pick.randrange(1, 13))),
    lambda pick: f"{pick.choice(_WORDS)}_{_of(_ALNUM, 14, pick)}",
    lambda pick: f"{pick.choice(_WORDS).upper()[:3]}-{pick.randrange(100_000)}",
    lambda pick: "-".join(_of(string.ascii_uppercase + string.digits, 5, pick) for _ in range(5)),
    lambda pick: f"sha256:{_hex(64, pick)}",
    lambda pick: f"{pick.randrange(30)}.{pick.randrange(30)}.{pick.randrange(30)}",
    _ip,
    lambda pick: ":".join(_hex(2, pick) for _ in range(6)),
    _base64,
    _path,
    _stamp,
    lambda pick: f"0x{_hex(pick.choice((8, 16)), pick)}",
    lambda pick: f"{pick.uniform(-180, 180):.5f}, {pick.uniform(-90, 90):.5f}",
)
_JOINTS = ("\n", "\n", "\n", " ", " ", ", ", "; ", "\t", " | ", '", "')


def identifiers(pick: random.Random) -> str:
    """Identifiers, digests, numbers or addresses of one kind, alone or many."""
    make = pick.choice(_ONE)
    text = pick.choice(_JOINTS).join(make(pick) for _ in range(pick.choice((1, 2, 5, 12, 30, 60))))
    return text if pick.random() < 0.7 else f"{_name(pick)}{pick.choice((': ', '=', ' '))}{text}"


def _log_line(form: int, pick: random.Random) -> str:
    what = f"{_name(pick)} {pick.choice(_DONE)}"
    detail = f"{pick.choice(_WORDS)}={pick.choice(_ONE[:12])(pick)}"
    took = f"{pick.randrange(9000)}{pick.choice(('ms', ' ms', 'us', 's'))}"
    level = pick.choice(_LEVELS)
    if form == 0:
        return f"{_stamp(pick)} {level} {what} {detail} took {took}"
    if form == 1:
        return f"{_hour(pick)} {pick.choice(_WORDS)}[{pick.randrange(40_000)}]: {what} ({detail})"
    if form == 2:
        request = f'"{pick.choice(_METHODS)} /{_name(pick)}/{_hex(6, pick)} HTTP/1.1"'
        return f"{_ip(pick)} - - [{_stamp(pick)}] {request} {pick.randrange(200, 505)} {took}"
    if form == 3:
        fields = {"ts": _stamp(pick), "level": level, "msg": what, pick.choice(_WORDS): _uuid(pick)}
        return json.dumps(fields)
    place = f"{_path(pick)}:{pick.randrange(2000)}"
    return f"  at {_name(pick)} ({place})" if form == 4 else f"[{level}] {place} {what}: {detail}"


def logs(pick: random.Random) -> str:
    """Lines of one log."""
    form = pick.randrange(6)
    return "\n".join(_log_line(form, pick) for _ in range(pick.randrange(1, 30)))


def _listed(form: int, pick: random.Random) -> str:
    size, when = pick.randrange(10 ** pick.randrange(1, 9)), f"{_day(pick)} {_hour(pick)[:5]}"
    if form == 0:
        return f"-rw-r--r-- 1 {pick.choice(_WORDS)} staff {size:>9} {when} {_path(pick)}"
    if form == 1:
        return f"{_hex(64, pick)}  {_path(pick)}"
    if form == 2:
        return f"{_hex(7, pick)} {pick.choice(_WORDS)}: {pick.choice(_DONE)} {_name(pick)}"
    if form == 3:
        state = pick.choice(_STATES)
        pod = f"{_name(pick)}-{_hex(10, pick)}-{_of(_LETTERS, 5, pick)}"
        return f"{pod:<40} {pick.randrange(3)}/2 {state} {pick.randrange(9)} {pick.randrange(99)}d"
    if form == 4:
        return f"{_hex(12, pick)}   {_name(pick)}:{pick.randrange(9)}.{size % 10}   {size} kB"
    if form == 5:
        return f"{pick.choice(_LETTERS)}{size % 100:03d}  {_path(pick)}  {_uuid(pick)}"
    return f"{size % 65536:08x}: " + " ".join(_hex(4, pick) for _ in range(8))


def listings(pick: random.Random) -> str:
    """Files, commits, digests, containers or bytes, as tools list them."""
    form = pick.randrange(7)
    return "\n".join(_listed(form, pick) for _ in range(pick.randrange(1, 30)))


def _cell(pick: random.Random) -> str:
    if pick.random() < 0.4:
        return pick.choice(_WORDS)
    return str(round(pick.uniform(0, 10 ** pick.randrange(1, 6)), pick.choice((0, 1, 2))))


def tables(pick: random.Random) -> str:
    """Rows of values: separated, as JSON, as SQL, or as key and value."""
    heads = pick.sample(_WORDS, pick.randrange(2, 8))
    makers = [pick.choice((_cell, _cell, *_ONE[:12], _day)) for _ in heads]
    rows = [[make(pick) for make in makers] for _ in range(pick.randrange(1, 25))]
    form = pick.randrange(4)
    if form == 0:
        found = [dict(zip(heads, row, strict=True)) for row in rows]
        return json.dumps(found, indent=pick.choice((None, 1, 2)))
    if form == 1:
        return "\n".join(f"INSERT INTO {heads[0]} VALUES ({', '.join(row)});" for row in rows)
    if form == 2:
        lines = (zip(heads, row, strict=True) for row in rows[:6])
        return "\n\n".join("\n".join(f"{k}: {v}" for k, v in pairs) for pairs in lines)
    joint = pick.choice((",", ";", "\t", " | ", "  "))
    return "\n".join(joint.join(row) for row in [heads, *rows])


def _made_up(syllables: Sequence[str], pick: random.Random) -> str:
    word = "".join(pick.choice(syllables) for _ in range(pick.randrange(1, 4)))
    return word.capitalize() if pick.random() < 0.1 else word


def made_up_words(pick: random.Random) -> str:
    """Words that no language has: of syllables, of letters, or of what fingers hit."""
    form = pick.randrange(5)
    count = pick.choice((1, 2, 4, 9, 20, 50, 90))
    if form < 3:
        syllables = pick.choice(_SYLLABLES)
        words = [_made_up(syllables, pick) for _ in range(count)]
    elif form == 3:
        letters = pick.choice((_LETTERS, _LETTERS, "abcdeilmnorstu", _ALNUM))
        words = [_of(letters, pick.randrange(2, 10), pick) for _ in range(count)]
    else:
        words = [pick.choice(_KEYS) * pick.randrange(1, 3) for _ in range(count)]
    ends = pick.choice(((" ",), (" ", " ", " ", ", ", ". "), (" ", " ", "? ", " - ", "\n")))
    return "".join(word + pick.choice(ends) for word in words).strip()


RECORDS: tuple[Maker, ...] = (identifiers, logs, listings, tables)


def planted(text: str, pick: random.Random) -> str:
    """The text as one more line of a record."""
    lines = pick.choice((logs, listings, tables, identifiers))(pick).split("\n")
    form = pick.randrange(3)
    if form == 0:
        text = f"{_stamp(pick)} {pick.choice(_LEVELS)} {_name(pick)}: {text}"
    elif form == 1:
        text = f"{_name(pick)},{pick.randrange(10_000)},{json.dumps(text)}"
    lines.insert(pick.randrange(len(lines) + 1), text)
    return "\n".join(lines)
