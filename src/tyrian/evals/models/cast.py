"""Who plays which part of a benchmark, from names as they stand on the command line."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tyrian.evals.exchange import Part
from tyrian.evals.models.defended import DefendedModel
from tyrian.evals.models.http import HttpLimits
from tyrian.evals.models.model import Model
from tyrian.evals.models.scripted import ScriptedJudge
from tyrian.evals.models.spec import model_from
from tyrian.firewall.firewall import Firewall


@dataclass(frozen=True, slots=True)
class Cast:
    """Names of the models; plain values, so that other processes can make the same ones."""

    target: str
    judge: str = ""
    attacker: str = ""
    stack: Path | None = None
    """A firewall of this stack stands around the target, and around nobody else."""

    def models(self, limits: HttpLimits | None = None) -> Mapping[Part, Model]:
        """The models; a scripted target is judged by the scripted judge."""
        models: dict[Part, Model] = {Part.TARGET: model_from(self.target, limits=limits)}
        if self.stack is not None:
            models[Part.TARGET] = DefendedModel(models[Part.TARGET], _firewall(self.stack))
        if self.judge:
            models[Part.JUDGE] = model_from(self.judge, limits=limits)
        elif self.target.partition(":")[0] == "scripted":
            models[Part.JUDGE] = ScriptedJudge()
        if self.attacker:
            models[Part.ATTACKER] = model_from(self.attacker, limits=limits)
        return models


def _firewall(stack: Path) -> Firewall:
    """The firewall of a stack file, or of the stack that comes with Tyrian for `default`."""
    return Firewall.default() if str(stack) == "default" else Firewall.from_stack(stack)
