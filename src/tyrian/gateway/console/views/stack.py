"""Guards and policies: what runs, in words; the file itself; and a check of a changed one."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tyrian.core.detection import Stage
from tyrian.errors import StackError
from tyrian.gateway.console.pages import Console, form_of
from tyrian.gateway.console.visitor import Role, Visitor
from tyrian.stack.explain import Explanation, GuardExplanation, explain
from tyrian.stack.load import stack_faults
from tyrian.stack.schema import Stack

MAX_TEXT = 200_000
STAGE_TITLES = {
    Stage.INPUT: "What users write, before a model sees it",
    Stage.OUTPUT: "What models answer, before anybody reads it",
    Stage.TOOL_CALL: "Tool calls, before they are made",
    Stage.TOOL_RESULT: "What tools return",
    Stage.DOCUMENT: "Documents that are looked up",
}


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with a text, and where."""

    line: int
    column: int
    message: str
    hint: str


def routes(console: Console) -> list[Route]:
    """`/stack` and `/stack/check`"""

    async def show(request: Request, visitor: Visitor) -> Response:
        options = console.settings.console
        firewall = console.settings.firewall
        stack = options.stack
        infos = firewall.infos() if firewall is not None else ()
        found = explain(stack, infos) if stack is not None else None
        return console.render(
            request,
            "stack.html",
            visitor,
            active="stack",
            found=found,
            stages=_by_stage(found),
            path=str(options.stack_path or ""),
            text=options.stack_text if visitor.may(Role.ANALYST) else "",
            policy=_policy_text(stack) if visitor.may(Role.ANALYST) else "",
        )

    async def check_form(request: Request, visitor: Visitor) -> Response:
        text = console.settings.console.stack_text
        return console.render(
            request, "stack_check.html", visitor, active="stack", text=text, is_checked=False
        )

    async def check(request: Request, visitor: Visitor) -> Response:
        text = form_of(request).get("text", "")[:MAX_TEXT]
        options = console.settings.console
        base = (options.stack_path or Path("stack.yaml")).absolute().parent
        found = stack_faults(text, base=base, file="stack.yaml")
        is_good = isinstance(found, Stack)
        return console.render(
            request,
            "stack_check.html",
            visitor,
            active="stack",
            text=text,
            is_checked=True,
            faults=[] if isinstance(found, Stack) else [_fault(error) for error in found],
            found=explain(found) if isinstance(found, Stack) else None,
            stages=_by_stage(explain(found)) if isinstance(found, Stack) else [],
            status=200 if is_good else 400,
        )

    return [
        console.page("/stack", show),
        console.page("/stack/check", check_form, role=Role.ANALYST),
        console.page("/stack/check", check, method="POST", role=Role.ANALYST),
    ]


def _by_stage(
    found: Explanation | None,
) -> list[tuple[str, Sequence[tuple[GuardExplanation, list[tuple[str, list[str]]]]]]]:
    """The guards of each stage, with the labels that each effect stands for."""
    if found is None:
        return []
    return [
        (title, [(g, _effects(g)) for g in found.guards if g.stage == stage.value])
        for stage, title in STAGE_TITLES.items()
    ]


def _effects(guard: GuardExplanation) -> list[tuple[str, list[str]]]:
    grouped: dict[str, list[str]] = {}
    for label, effect in guard.effects.items():
        rest = "everything else" if len(guard.effects) > 1 else "everything that it finds"
        grouped.setdefault(effect, []).append(rest if label == "*" else label)
    order = ("block", "review", "redact", "flag", "allow")
    return [(effect, grouped[effect]) for effect in order if effect in grouped]


def _policy_text(stack: Stack | None) -> str:
    runtime = stack.agent.policy_runtime if stack is not None else None
    path = getattr(runtime, "config", None)
    if path is None:
        return ""
    try:
        return Path(path).read_text("utf-8")[:MAX_TEXT]
    except (OSError, UnicodeDecodeError):
        return ""


def _fault(error: StackError) -> Fault:
    place = f"{error.file}:{error.line}:{error.column}: "
    return Fault(error.line, error.column, error.message.removeprefix(place), error.hint)
