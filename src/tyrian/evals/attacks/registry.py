"""Which attacks there are."""

from collections.abc import Mapping
from types import MappingProxyType

from tyrian.errors import ConfigError
from tyrian.evals.attacks.attack import Attack
from tyrian.evals.attacks.crescendo import Crescendo
from tyrian.evals.attacks.goat import Goat
from tyrian.evals.attacks.plain import BestOfN, Direct
from tyrian.evals.attacks.refine import Pair, Tap

ATTACKS: Mapping[str, type[Attack]] = MappingProxyType(
    {kind.name: kind for kind in (Direct, Goat, Crescendo, Pair, Tap, BestOfN)}
)


def attack_named(name: str) -> Attack:
    """The attack of that name; ConfigError names the known ones."""
    if name not in ATTACKS:
        raise ConfigError(f"there is no attack {name!r}", hint=f"known: {', '.join(ATTACKS)}")
    return ATTACKS[name]()
