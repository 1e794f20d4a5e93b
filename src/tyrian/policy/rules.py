"""Rules written as expressions, compiled for each tool and looked up by it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from tyrian.core.decision import Effect
from tyrian.policy.call import Verdict
from tyrian.policy.expression.compile import Run, compile_condition
from tyrian.policy.expression.operators import truth
from tyrian.policy.expression.scene import EvaluationError, Scene, ToolShape
from tyrian.policy.expression.syntax import Binary, ListOf, Literal, Member, Name, Node, parse
from tyrian.policy.schema import RuleSpec

_EFFECTS = {
    "block": Effect.BLOCK,
    "deny": Effect.BLOCK,
    "review": Effect.REVIEW,
    "ask": Effect.REVIEW,
    "flag": Effect.FLAG,
}

_UNKNOWN_TOOL = ToolShape("", is_open=True)


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule, compiled for one tool."""

    id: str
    run: Run
    verdict: Verdict

    def apply(self, scene: Scene) -> Verdict | None:
        """The verdict where the condition holds; where it has no value, the call is refused."""
        try:
            return self.verdict if truth(self.run(scene)) else None
        except EvaluationError as error:
            reason = f"the rule cannot be applied to this call: {error}"
            return Verdict(Effect.BLOCK, self.id, reason, "test with has() before")


class Rules:
    """All rules of a policy."""

    def __init__(self, specs: Iterable[RuleSpec], shapes: Iterable[ToolShape]) -> None:
        shapes = tuple(shapes)
        self._by_tool: dict[str, tuple[Rule, ...]] = {}
        self._others: tuple[Rule, ...] = ()
        for spec in specs:
            for tool, rule in compiled(spec, shapes).items():
                if tool:
                    self._by_tool[tool] = (*self._by_tool.get(tool, ()), rule)
                else:
                    self._others = (*self._others, rule)
        self._named = frozenset(shape.name for shape in shapes)

    def of(self, tool: str) -> tuple[Rule, ...]:
        """The rules that can hold for calls of a tool."""
        return self._by_tool.get(tool, () if tool in self._named else self._others)


def compiled(spec: RuleSpec, shapes: Iterable[ToolShape]) -> Mapping[str, Rule]:
    """A rule for each tool that it can ever hold for, '' for tools that the policy does not name.

    ExpressionError where it cannot be used.
    """
    node = parse(spec.when)
    names = _named(node)
    if names is not None:
        shapes = [shape for shape in shapes if shape.name in names]
    reason = spec.reason or f"the rule {spec.id} holds"
    verdict = Verdict(_EFFECTS[spec.effect], spec.id, reason, f"see the rule {spec.id}")
    found: dict[str, Rule] = {}
    for shape in (*shapes, _UNKNOWN_TOOL):
        code = compile_condition(node, shape)
        if not (code.is_constant and code.value is False):
            found[shape.name] = Rule(spec.id, code.run, verdict)
    return found


def _named(node: Node) -> frozenset[str] | None:
    """The tools that a condition names first of all, so that it is false for all others."""
    while isinstance(node, Binary) and node.operator == "&&":
        node = node.left
    match node:
        case Binary("==", Member(Name("tool"), "name"), Literal(str(name))):
            return frozenset((name,))
        case Binary("in", Member(Name("tool"), "name"), ListOf(items)):
            words = [item.value for item in items if isinstance(item, Literal)]
            return frozenset(map(str, words)) if len(words) == len(items) else None
    return None
