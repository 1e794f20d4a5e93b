"""The base of all scanners, which users derive their own from."""

from abc import ABC, abstractmethod

from tyrian.compat.llamafirewall.llamafirewall_data_types import Message, ScanResult, Trace


class Scanner(ABC):
    """Judges one message in its conversation."""

    def __init__(self, scanner_name: str, block_threshold: float = 1.0) -> None:
        self.name = scanner_name
        self.block_threshold = block_threshold
        self.require_full_trace = False

    @abstractmethod
    async def scan(self, message: Message, past_trace: Trace | None = None) -> ScanResult:
        """The result for a message; `past_trace` is what came before it."""

    def __str__(self) -> str:
        return self.name
