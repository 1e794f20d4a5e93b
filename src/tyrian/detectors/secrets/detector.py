"""Finds credentials in the text as written and as a person reads it."""

from collections.abc import Iterable

from tyrian.core.detection import Detection, DetectorInfo, View
from tyrian.core.registry import DetectorConfig
from tyrian.detectors.options import check_keys, check_names, strings
from tyrian.detectors.readings import read_both
from tyrian.detectors.secrets import (
    cloud,
    context,
    key_material,
    model_api,
    service,
    source_control,
)
from tyrian.detectors.secrets.rule import SecretRule
from tyrian.detectors.secrets.scanner import LABEL, Scanner

RULES: tuple[SecretRule, ...] = (
    *key_material.RULES,
    *model_api.RULES,
    *source_control.RULES,
    *cloud.RULES,
    *service.RULES,
    *context.RULES,
)
"""All rules; where two find the same place, the earlier one stands."""


class Secrets:
    """Credentials in a text, each with its place."""

    is_bounded = True
    reads_trace = False

    def __init__(self, name: str, rules: Iterable[SecretRule] = RULES) -> None:
        self.info = DetectorInfo(name, "secrets", (LABEL,), revision="1")
        self._scanner = Scanner(rules)

    def detect(self, view: View) -> Detection:
        """One finding per credential."""
        return Detection.from_findings(read_both(view, self._scanner.scan))


def create(config: DetectorConfig) -> Secrets:
    """The detector for secrets. Option `ignore`: providers whose rules are left out."""
    check_keys(config, ("ignore",))
    ignored = strings(config, "ignore") or ()
    check_names(config, "ignore", ignored, {rule.provider for rule in RULES})
    return Secrets(config.name, [rule for rule in RULES if rule.provider not in ignored])
