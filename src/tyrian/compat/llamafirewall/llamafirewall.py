"""`LlamaFirewall`: scanners by role, over Tyrian's guards."""

import asyncio
from collections.abc import Callable
from functools import cache
from typing import Self

from tyrian.compat.llamafirewall import scanners as builtin
from tyrian.compat.llamafirewall.config import (
    DEFAULT_SCANNERS,
    PREDEFINED_USE_CASES,
    Configuration,
    UseCase,
)
from tyrian.compat.llamafirewall.llamafirewall_data_types import (
    Message,
    ScanDecision,
    ScannerType,
    ScanResult,
    ScanStatus,
    Trace,
)
from tyrian.compat.llamafirewall.scanners.base_scanner import Scanner
from tyrian.firewall.sync import BACKGROUND

custom_scanner_registry: dict[str, type[Scanner]] = {}

_BUILTIN = {
    ScannerType.CODE_SHIELD: "CodeShieldScanner",
    ScannerType.HIDDEN_ASCII: "HiddenASCIIScanner",
    ScannerType.PROMPT_GUARD: "PromptGuardScanner",
    ScannerType.AGENT_ALIGNMENT: "AlignmentCheckScanner",
    ScannerType.PII_DETECTION: "PIICheckScanner",
    ScannerType.REGEX: "RegexScanner",
}
_RANK = (ScanDecision.ALLOW, ScanDecision.HUMAN_IN_THE_LOOP_REQUIRED, ScanDecision.BLOCK)


def register_llamafirewall_scanner(
    scanner_name: str,
) -> Callable[[type[Scanner]], type[Scanner]]:
    """A decorator that makes a scanner known by a name."""

    def register(scanner_class: type[Scanner]) -> type[Scanner]:
        if not issubclass(scanner_class, Scanner):
            raise ValueError(f"{scanner_class.__name__} is not a subclass of Scanner")
        custom_scanner_registry[scanner_name] = scanner_class
        return scanner_class

    return register


def create_scanner(scanner_type: ScannerType | str) -> Scanner:
    """The scanner that a configuration names; ValueError for one that nobody knows."""
    if isinstance(scanner_type, ScannerType):
        return _builtin(scanner_type)
    if scanner_type in custom_scanner_registry:
        return custom_scanner_registry[scanner_type]()  # type: ignore[call-arg]
    raise ValueError(f"unknown scanner {scanner_type!r}; register it first")


@cache
def _builtin(scanner_type: ScannerType) -> Scanner:
    made: Scanner = getattr(builtin, _BUILTIN[scanner_type])()
    return made


class LlamaFirewall:
    """Judges messages by the scanners of their role. A scanner that fails blocks."""

    def __init__(self, scanners: Configuration | None = None) -> None:
        self.scanners: Configuration = scanners or DEFAULT_SCANNERS

    @classmethod
    def from_usecase(cls, usecase: UseCase) -> Self:
        """The firewall for a ready-made choice of scanners."""
        return cls(PREDEFINED_USE_CASES[usecase])

    def scan(self, input: Message, trace: Trace | None = None) -> ScanResult:  # noqa: A002
        """The worst result of all scanners; also inside a running event loop."""
        return BACKGROUND.run(self._scan(input, trace))

    async def scan_async(self, input: Message, trace: Trace | None = None) -> ScanResult:  # noqa: A002
        """As `scan`."""
        return await self._scan(input, trace)

    async def _scan(self, message: Message, trace: Trace | None) -> ScanResult:
        names = self.scanners.get(message.role, ())
        results = await asyncio.gather(*(_one(name, message, trace) for name in names))
        if not results:
            return ScanResult(ScanDecision.ALLOW, "default", 0.0)
        worst = max(results, key=lambda result: (_RANK.index(result.decision), result.score))
        if len(results) == 1:
            return worst
        status = max((result.status for result in results), key=lambda s: s is ScanStatus.ERROR)
        reasons = [
            f"{name}: {one.reason.strip()} - score: {one.score}"
            for name, one in zip(names, results, strict=True)
        ]
        return ScanResult(worst.decision, "; ".join(reasons), worst.score, status)

    def scan_replay(self, trace: Trace) -> ScanResult:
        """Judge each message after those before it, up to the first that does not pass."""
        return BACKGROUND.run(self.scan_replay_async(trace))

    async def scan_replay_async(self, trace: Trace) -> ScanResult:
        """As `scan_replay`."""
        result = ScanResult(ScanDecision.ALLOW, "default", 0.0)
        for at, message in enumerate(trace):
            result = await self._scan(message, trace[:at] or None)
            if result.decision is not ScanDecision.ALLOW:
                break
        return result

    def scan_replay_build_trace(
        self, message: Message, stored_trace: Trace | None = None
    ) -> tuple[ScanResult, Trace]:
        """The result, and the conversation with the message if it passes."""
        return BACKGROUND.run(self.scan_replay_build_trace_async(message, stored_trace))

    async def scan_replay_build_trace_async(
        self, message: Message, stored_trace: Trace | None = None
    ) -> tuple[ScanResult, Trace]:
        """As `scan_replay_build_trace`."""
        stored = stored_trace if stored_trace is not None else []
        result = await self._scan(message, stored)
        if result.decision is ScanDecision.ALLOW:
            return result, [*stored, message]
        return result, stored


async def _one(name: ScannerType | str, message: Message, trace: Trace | None) -> ScanResult:
    scanner = create_scanner(name)
    try:
        return await scanner.scan(message, trace)
    except Exception as error:  # noqa: BLE001  a scanner of the user's own may raise anything
        reason = f"{scanner.name} failed ({type(error).__name__})"
        return ScanResult(ScanDecision.BLOCK, reason, 1.0, ScanStatus.ERROR)
