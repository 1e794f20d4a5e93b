"""A scanner that is one of Tyrian's guards: its model, its deadline, and failure that blocks."""

import atexit
import json
from collections.abc import Mapping
from contextlib import suppress
from functools import cache
from pathlib import Path

from tyrian.compat.llamafirewall.conversion import message_of, result_of, trace_of
from tyrian.compat.llamafirewall.llamafirewall_data_types import Message, ScanResult, Trace
from tyrian.compat.llamafirewall.scanners.base_scanner import Scanner
from tyrian.firewall.firewall import Firewall
from tyrian.firewall.sync import BACKGROUND
from tyrian.stack.load import parse_stack

_LISTS = (
    "preflight_guards",
    "tool_output_guards",
    "document_guards",
    "tool_call_guards",
    "postflight_guards",
)


class GuardScanner(Scanner):
    """Runs a guard at whatever stage the message is of."""

    allowed_reason = "nothing found"

    def __init__(
        self, scanner_name: str, block_threshold: float, guard: Mapping[str, object]
    ) -> None:
        super().__init__(scanner_name, block_threshold)
        self.firewall = _firewall(json.dumps(dict(guard), sort_keys=True))

    async def scan(self, message: Message, past_trace: Trace | None = None) -> ScanResult:
        """The result for a message; `past_trace` is what came before it."""
        subject, trace = message_of(message), trace_of(past_trace)
        return result_of(await self.firewall.scan(subject, trace=trace), self.allowed_reason)


@cache
def _firewall(guard: str) -> Firewall:
    """One firewall per guard and process: models are loaded once."""
    lists = {name: [json.loads(guard)] for name in _LISTS}
    text = json.dumps({"agent": lists})
    firewall = Firewall.from_stack(parse_stack(text, base=Path(), file="scanner"))
    atexit.register(_close, firewall)  # a scanner has no end of its own
    return firewall


def _close(firewall: Firewall) -> None:
    with suppress(RuntimeError):  # the interpreter no longer starts threads
        BACKGROUND.run(firewall.close())
