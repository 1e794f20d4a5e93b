"""Guards and policies: what runs, in words, and the file itself."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tyrian.core.detection import Stage
from tyrian.errors import StackError
from tyrian.gateway.console.pages import Console
from tyrian.gateway.console.stack.running import RunningStack
from tyrian.gateway.console.visitor import Visitor
from tyrian.gateway.store.models.organisations import DEFAULT_ORGANISATION
from tyrian.stack.explain import Explanation, GuardExplanation, explain
from tyrian.stack.schema import Stack

READ = "stack.read"
APPLY = "stack.apply"
MAX_TEXT = 200_000
STAGE_TITLES = {
    Stage.INPUT: "What users write, before a model sees it",
    Stage.OUTPUT: "What models answer, before anybody reads it",
    Stage.TOOL_CALL: "Tool calls, before they are made",
    Stage.TOOL_RESULT: "What tools return",
    Stage.DOCUMENT: "Documents that are looked up",
}
StageGuards = Sequence[tuple[GuardExplanation, list[tuple[str, list[str]]]]]


def routes(console: Console) -> list[Route]:
    """`/stack`"""

    async def show(request: Request, visitor: Visitor) -> Response:
        options = console.settings.console
        firewall = console.settings.firewall
        stack = options.stack
        infos = firewall.infos() if firewall is not None else ()
        found = explain(stack, infos) if stack is not None else None
        running = options.running if may_apply(visitor) else None
        previous, is_other = await asyncio.to_thread(_on_disk, running)
        return console.render(
            request,
            "stack.html",
            visitor,
            active="stack",
            found=found,
            stages=by_stage(found),
            path=str(options.stack_path or ""),
            text=options.stack_text if visitor.can(READ) else "",
            policy=_policy_text(stack) if visitor.can(READ) else "",
            has_previous=bool(previous),
            is_other=is_other,
        )

    return [console.page("/stack", show)]


def may_apply(visitor: Visitor) -> bool:
    """Whether somebody may change the guards of all: in the organisation whose gateway it is.

    Who applies a stack sees the one that runs, so they need to be let read it too.
    """
    may = visitor.can(APPLY) and visitor.can(READ)
    return may and visitor.organisation_id == DEFAULT_ORGANISATION


def _on_disk(running: RunningStack | None) -> tuple[str, bool]:
    """The version before, and whether the file holds something else than what runs."""
    if running is None:
        return "", False
    try:
        return running.file.read_previous(), running.file.read() != running.text
    except StackError:
        return "", True


def by_stage(found: Explanation | None) -> list[tuple[str, StageGuards]]:
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
