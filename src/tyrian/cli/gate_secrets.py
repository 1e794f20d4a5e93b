"""Tyrian's detector of secrets as the gate's judge of configuration files."""

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from tyrian.supply.gate.config.secret import SecretJudge

if TYPE_CHECKING:
    from tyrian.core.detection import Detection, View

_SURE = 0.8
_MOST = 1 << 20
"""Characters that are judged; longer files are data, not configuration."""


def secret_judge() -> SecretJudge:
    """Finds keys and tokens; the detector is made for the first text that may hold some."""
    made: list[Callable[[View], Detection]] = []
    leads: list[Callable[[str], bool]] = []

    def judge(text: str) -> Iterable[tuple[int, str]]:
        if not text or len(text) > _MOST:
            return
        if not leads:
            leads.append(_leads())
        if text.isascii() and not leads[0](text):
            return
        from tyrian.core.detection import Stage, View
        from tyrian.core.message import Message

        if not made:
            from tyrian.core.registry import DetectorConfig
            from tyrian.detectors.secrets.detector import create

            made.append(create(DetectorConfig("secrets")).detect)
        for found in made[0](View.of(Message.document(text), Stage.DOCUMENT)).findings:
            if found.score >= _SURE:
                yield found.start, found.message

    return judge


def literals() -> frozenset[str]:
    """What leads the detector to a secret; in ASCII a text without any of them holds none."""
    from tyrian.detectors.secrets import (
        cloud,
        context,
        key_material,
        model_api,
        service,
        source_control,
    )

    families = (cloud, context, key_material, model_api, service, source_control)
    return frozenset(one for home in families for rule in home.RULES for one in rule.literals)


def _leads() -> Callable[[str], bool]:
    """Whether one of the literals stands in a text: the detector itself is much to import."""
    from ahocorasick_rs import AhoCorasick

    known = AhoCorasick(sorted(literals()))
    return lambda text: bool(known.find_matches_as_indexes(text.lower()))
