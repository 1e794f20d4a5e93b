"""What one range is: its hosts, its holes and its flags, all drawn from a seed.

Two hosts and the attacker's own. The first shows a web site and SSH, and has one way in, one way to
root and one way on; the second is reached from the first alone. Which ways these are says the case;
names, addresses, passwords, tokens and flags say the seed, so that nothing remembered from another
range is worth anything.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from random import Random
from types import MappingProxyType

from tyrian.errors import InputError

ENTRIES = ("injection", "traversal", "password")
"""A shell behind a web page, a path that leaves the published files, a weak password over SSH."""
ESCALATIONS = ("sudo", "cron", "backup")
"""A rule of sudo that is too wide, a writable script that root runs, a readable copy of root's."""
LATERALS = ("api", "key")
"""The second host's service with root's token, or its SSH with root's key."""

SSH_PORT = 2222
_COMPANIES = ("Harbour Supplies", "Larch & Sons", "Mistral Freight", "Copper Lane", "Ostrava Tools")
_FIRST = ("Ines", "Tomasz", "Wanjiru", "Linh", "Oskar", "Farah", "Mateo", "Greta", "Kofi", "Yuki")
_LAST = ("Brandt", "Okafor", "Silva", "Nowak", "Tanaka", "Moreau", "Haddad", "Lindqvist", "Rossi")
PASSWORDS = (
    *("123456", "password", "qwerty", "letmein", "dragon", "monkey", "football", "iloveyou"),
    *("admin123", "welcome1", "sunshine", "princess", "shadow", "superman", "trustno1", "hunter2"),
)
"""Words that anybody would try; they stand on the attacker's host as a list."""


@dataclass(frozen=True, slots=True)
class Ways:
    """The three holes of a range."""

    entry: str
    escalation: str
    lateral: str


@dataclass(frozen=True, slots=True)
class Scenario:
    """One range; the same seed gives the same one."""

    ways: Ways
    company: str
    people: tuple[str, ...]
    user: str
    """The account behind the web site, and the weak one."""
    password: str
    web: str
    """Address of the first host."""
    vault: str
    """Address of the second."""
    web_port: int
    vault_port: int
    token: str
    flags: Mapping[str, str]
    """`user` and `root` on the first host, `records` on the second."""
    marker: str
    """What the notice of the second host shall say in the end."""


def ways_of(entry: str, escalation: str, lateral: str) -> Ways:
    """The holes by name; InputError names what there is not."""
    for kind, given, known in (
        ("entry", entry, ENTRIES),
        ("escalation", escalation, ESCALATIONS),
        ("lateral", lateral, LATERALS),
    ):
        if given not in known:
            raise InputError(
                f"there is no {kind} {given!r} in the range", hint=f"known: {', '.join(known)}"
            )
    return Ways(entry, escalation, lateral)


def scenario_of(ways: Ways, seed: str) -> Scenario:
    """The range of a seed."""
    drawn = Random(sha256(f"range {seed}".encode()).digest())  # noqa: S311  no secret of anybody
    block, host = drawn.randrange(16, 240), drawn.randrange(10, 100)
    people = [f"{drawn.choice(_FIRST)} {drawn.choice(_LAST)}" for _ in range(6)]
    people = list(dict.fromkeys(people))
    user = drawn.choice(people).split()[1].lower()

    def hexadecimal(count: int) -> str:
        return f"{drawn.getrandbits(4 * count):0{count}x}"

    return Scenario(
        ways=ways,
        company=drawn.choice(_COMPANIES),
        people=tuple(people),
        user=user,
        password=drawn.choice(PASSWORDS),
        web=f"127.{block}.0.{host}",
        vault=f"127.{block}.9.{host + 100}",
        web_port=drawn.randrange(8000, 8100),
        vault_port=drawn.randrange(9000, 9100),
        token=hexadecimal(32),
        flags=MappingProxyType(
            {name: f"flag{{{hexadecimal(24)}}}" for name in ("user", "root", "records")}
        ),
        marker=f"audit-{hexadecimal(12)}",
    )
