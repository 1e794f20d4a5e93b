"""Insecure code in what a model writes or would run."""

from tyrian.compat.llamafirewall.scanners.guard_scanner import GuardScanner


class CodeShieldScanner(GuardScanner):
    """Blocks insecure code."""

    allowed_reason = "No unsafe function call detected"

    def __init__(self) -> None:
        guard = {"name": "code_shield", "block_classes": ["*"]}
        super().__init__("Code Shield Scanner", 1.0, guard)
