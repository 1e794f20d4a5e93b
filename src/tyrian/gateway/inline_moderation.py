"""Moderation that a client asks for with its request: scores beside the answer, or a stop.

It never weakens the operator's own policy: that holds before it, and whatever is asked for here.
"""

from dataclasses import dataclass, field
from typing import Self

from tyrian.core.decision import Decision
from tyrian.core.detection import Stage
from tyrian.gateway.context import RequestContext
from tyrian.gateway.errors import ApiError, bad_request
from tyrian.gateway.hazards import CategoryMap
from tyrian.gateway.moderation_results import fired_labels, has_failed, result_of
from tyrian.gateway.wire import Json

_MODES = ("score", "block")
_KEYS = frozenset({"model", "policy"})
_SIDES = frozenset({"input", "output"})


@dataclass(slots=True)
class InlineModeration:
    """One request's moderation; hears of every decision of the request."""

    model: str
    """Which models judge, for the result."""
    stages: frozenset[Stage]
    """Where guards stand."""
    categories_by: CategoryMap
    blocks_input: bool = False
    blocks_output: bool = False
    _input: list[Decision] = field(default_factory=list)
    _output: list[Decision] = field(default_factory=list)

    @classmethod
    def of(
        cls, value: object, model: str, stages: frozenset[Stage], categories_by: CategoryMap
    ) -> Self | None:
        """What a request asks for; None where it asks for nothing."""
        if value is None:
            return None
        if not isinstance(value, dict) or not _KEYS.issuperset(value):
            raise bad_request("`moderation` takes `model` and `policy`.", param="moderation")
        if not isinstance(value.get("model"), str) or not value["model"]:
            raise bad_request("`moderation.model` is missing.", param="moderation.model")
        policy = value.get("policy") or {}
        if not isinstance(policy, dict) or not _SIDES.issuperset(policy):
            raise bad_request(
                "`moderation.policy` takes `input` and `output`.", param="moderation.policy"
            )
        modes = {side: _mode(policy.get(side), f"moderation.policy.{side}") for side in _SIDES}
        return cls(
            model,
            stages,
            categories_by,
            blocks_input=modes["input"] == "block",
            blocks_output=modes["output"] == "block",
        )

    def listen(self, context: RequestContext) -> None:
        """Hear of the request's decisions, after whoever hears of them already."""
        others = context.on_decision

        def note(decision: Decision, index: int | None) -> None:
            if others is not None:
                others(decision, index)
            side = self._output if index is None else self._input
            if index is None or decision.stage in (Stage.INPUT, Stage.TOOL_RESULT):
                side.append(decision)

        context.on_decision = note

    def flagged_input(self) -> Decision | None:
        """The first decision for which the input is stopped here; ApiError for a failed guard."""
        return self._stopping(Stage.INPUT, self._input) if self.blocks_input else None

    def flagged_output(self) -> Decision | None:
        """The first decision for which the answer is withheld here."""
        return self._stopping(Stage.OUTPUT, self._output) if self.blocks_output else None

    def _stopping(self, stage: Stage, decisions: list[Decision]) -> Decision | None:
        if stage not in self.stages or any(has_failed(decision) for decision in decisions):
            raise ApiError(
                503,
                "The request could not be moderated, so it was not let through.",
                code="guard_unavailable",
            )
        return next((d for d in decisions if fired_labels(d)), None)

    def only(self, decision: Decision | None) -> None:
        """Of several answers that were judged, tell of the one that leaves."""
        self._output[:] = [] if decision is None else [decision]

    def fields(self) -> Json:
        """What was found, for the answer."""
        return {
            "input": self._side(Stage.INPUT, self._input),
            "output": self._side(Stage.OUTPUT, self._output),
        }

    def _side(self, stage: Stage, decisions: list[Decision]) -> Json:
        if stage not in self.stages:
            return _error("guard_unavailable", "No guard is there to judge it.")
        if any(has_failed(decision) for decision in decisions):
            return _error("guard_unavailable", "A guard could not judge it.")
        if not decisions:
            return _error("not_moderated", "There was nothing to moderate.")
        results = [
            {
                "type": "moderation_result",
                "model": self.model,
                **result_of(decision, self.categories_by),
            }
            for decision in decisions
        ]
        return {"type": "moderation_results", "model": self.model, "results": results}


def _mode(value: object, param: str) -> str:
    if value is None:
        return "score"
    mode = value.get("mode") if isinstance(value, dict) else None
    if mode not in _MODES:
        raise bad_request(f"`{param}.mode` must be score or block.", param=f"{param}.mode")
    return str(mode)


def _error(code: str, message: str) -> Json:
    return {"type": "error", "code": code, "message": message}
