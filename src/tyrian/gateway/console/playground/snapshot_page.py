"""A shared snapshot as one document: no script, no request, nothing to click that leaves it."""

from html import escape
from typing import Final

import msgspec

from tyrian.gateway.console.playground.keep import Snapshot
from tyrian.gateway.console.playground.shared import Chip, SharedColumn, SharedConversation, Turn
from tyrian.gateway.console.playground.visible import visible

_WHO: Final = {"user": "User", "assistant": "Model", "tool": "Tool"}
_EFFECTS: Final = {
    "allow": "Allowed",
    "flag": "Flagged",
    "redact": "Redacted",
    "review": "Held",
    "block": "Blocked",
}


def snapshot_page(snapshot: Snapshot, style: str) -> str:
    """The whole document. Every text in it is escaped, and shows characters that hide."""
    shared = msgspec.convert(snapshot.payload, SharedConversation)
    columns = "".join(_column(column) for column in shared.columns)
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{_text(snapshot.title)}</title><style>{style}</style></head>"
        f'<body><main class="board">{columns}</main></body></html>'
    )


def _text(text: str) -> str:
    return escape(visible(text))


def _column(column: SharedColumn) -> str:
    figures = column.figures
    told = [
        ("First words", _number(figures.first_ms, "ms")),
        ("Whole answer", _number(figures.total_ms, "ms")),
        ("Tokens in", _number(figures.input_tokens)),
        ("Tokens out", _number(figures.output_tokens)),
        ("Tokens per second", _number(figures.per_second)),
        ("Cost", "" if figures.cost_usd is None else f"${figures.cost_usd:.6f}"),
        *((name, value) for name, value in column.settings.items()),
    ]
    facts = "".join(
        f"<div><dt>{_text(name)}</dt><dd>{_text(value)}</dd></div>" for name, value in told if value
    )
    system = (
        "<details><summary>System prompt</summary>"
        f'<p class="text">{_text(column.system)}</p></details>'
        if column.system
        else ""
    )
    turns = "".join(_turn(turn) for turn in column.turns)
    return (
        f"<section><h2>{_text(column.model or 'No model')}</h2>"
        f"{f'<dl>{facts}</dl>' if facts else ''}{system}{turns}</section>"
    )


def _turn(turn: Turn) -> str:
    effect = (
        f'<b class="effect" data-effect="{turn.effect}">{_EFFECTS[turn.effect]}</b>'
        if turn.effect
        else ""
    )
    images = f'<p class="note">{turn.images} image(s), not shared</p>' if turn.images else ""
    why = "".join(f"<li>{_text(reason)}</li>" for reason in turn.why)
    chips = "".join(_chip(chip) for chip in turn.guards)
    return (
        f'<article data-role="{turn.role}"><h3>{_WHO[turn.role]} {effect}</h3>{images}'
        f'<p class="text">{_text(turn.text)}</p>'
        f"{f'<ul class=why>{why}</ul>' if why else ''}"
        f"{f'<ul class=chips>{chips}</ul>' if chips else ''}</article>"
    )


def _chip(chip: Chip) -> str:
    score = "" if chip.score is None else f" {chip.score:.2f}"
    label = f" {chip.name or chip.label}" if chip.label else ""
    status = "" if chip.status == "ok" else f" ({chip.status})"
    return f'<li data-effect="{chip.effect}">{_text(chip.guard + label + score + status)}</li>'


def _number(value: float | None, unit: str = "") -> str:
    if value is None:
        return ""
    shown = f"{value:,.0f}" if value >= 100 or value == int(value) else f"{value:,.1f}"
    return f"{shown} {unit}".strip()
