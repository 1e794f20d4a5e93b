"""Personal data; found by patterns and checks, not by a model."""

from tyrian.compat.llamafirewall.scanners.guard_scanner import GuardScanner


class PIICheckScanner(GuardScanner):
    """Blocks personal data."""

    allowed_reason = "No PII detected or confidence below threshold"

    def __init__(
        self, scanner_name: str = "PII Check Scanner", block_threshold: float = 0.5
    ) -> None:
        guard = {"name": "pii", "block_classes": ["*"], "threshold": block_threshold}
        super().__init__(scanner_name, block_threshold, guard)
