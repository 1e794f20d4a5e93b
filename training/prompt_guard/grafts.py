"""What was planted in the output of tools, planted in other outputs; and harmless twins of them.

Outputs with an order written into them show where such orders stand. Other orders in the same
places, and nothing or a harmless sentence there, teach that it is the order that counts and not
what is around it.
"""

import random
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from training.corpus import Row
from training.prompt_guard.grammar import Section, expand, unmarked

PLAIN, OVERRIDE, CLEAN = "indirect_plain", "indirect_injection", "benign_tool_output"
COUNTS: Mapping[str, int] = {PLAIN: 2400, OVERRIDE: 1200, CLEAN: 2400}
"""Rows with an order of each kind, and with a harmless sentence."""
_NAMES = {PLAIN: "plain", OVERRIDE: "override", CLEAN: "sentence"}
_WRITTEN = "w_tool_"
_SENTENCE_ENDS = re.compile(r"(?<=[.!?])\s+|\n")
_PROSE = re.compile(r"""[A-Z\d"'][\w\s,.;:!?'%()/&@+-]{18,260}""")


@dataclass(frozen=True, slots=True)
class _Socket:
    """An output from which what was planted has been taken."""

    before: str
    after: str
    planted: str
    kind: str

    def holding(self, text: str) -> tuple[str, tuple[int, int]]:
        """The output with this text instead, and from where to where it stands."""
        start = len(self.before)
        return f"{self.before}{text}{self.after}", (start, start + len(text))


def _sockets(slots: Mapping[str, Section], pick: random.Random) -> list[_Socket]:
    found = []
    for section in slots.values():
        if section.kind not in (PLAIN, OVERRIDE):
            continue
        for line in section.lines:
            text, focus = unmarked(expand(line, slots, pick))
            if focus:
                start, end = focus
                found.append(_Socket(text[:start], text[end:], text[start:end], section.kind))
    return found


def sentences(slots: Mapping[str, Section], pick: random.Random) -> list[str]:
    """The sentences of harmless outputs that are prose."""
    found = []
    for name, section in slots.items():
        if name.startswith(_WRITTEN) and section.kind == CLEAN:
            for line in section.lines:
                parts = _SENTENCE_ENDS.split(expand(line, slots, pick))
                found += [part.strip() for part in parts if _PROSE.fullmatch(part.strip())]
    return found


def grafted(slots: Mapping[str, Section], pick: random.Random, share: float = 1.0) -> list[Row]:
    """Rows of sockets with orders of other outputs, with harmless sentences, and with nothing."""
    sockets = _sockets(slots, pick)
    if not sockets:
        return []
    harmless = sentences(slots, pick)
    orders: dict[str, Sequence[str]] = {
        kind: [socket.planted for socket in sockets if socket.kind == kind]
        for kind in (PLAIN, OVERRIDE)
    }
    rows = []
    for kind, planted in {**orders, CLEAN: harmless}.items():
        labels = () if kind == CLEAN else ("malicious",)
        for _ in range(int(COUNTS[kind] * share) if planted else 0):
            text, focus = pick.choice(sockets).holding(pick.choice(planted))
            rows.append(Row(text, labels, f"gen_graft_{_NAMES[kind]}", kind, focus))
    emptied = pick.sample(sockets, int(len(sockets) * share))
    rows += [Row(socket.holding("")[0], (), "gen_graft_nothing", CLEAN) for socket in emptied]
    return rows
