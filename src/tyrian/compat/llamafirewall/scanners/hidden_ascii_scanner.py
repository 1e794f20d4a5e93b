"""Text that people cannot see: tag characters, zero-width runs, direction tricks."""

from tyrian.compat.llamafirewall.scanners.guard_scanner import GuardScanner


class HiddenASCIIScanner(GuardScanner):
    """Blocks hidden text."""

    allowed_reason = "No hidden ASCII detected"

    def __init__(
        self, scanner_name: str = "Hidden ASCII Scanner", block_threshold: float = 1.0
    ) -> None:
        guard = {"name": "hidden_text", "block_classes": ["*"]}
        super().__init__(scanner_name, block_threshold, guard)
