"""Prompt attacks: Prompt Guard 2 where its weights are here, else the embedded model."""

from tyrian.compat.llamafirewall.scanners.guard_scanner import GuardScanner

SHIPPED_THRESHOLD = 0.5


class PromptGuardScanner(GuardScanner):
    """Blocks what tries to give the model orders of its own."""

    allowed_reason = "No prompt injection detected"

    def __init__(self, block_threshold: float = SHIPPED_THRESHOLD) -> None:
        guard = {
            "name": "prompt_guard_2",
            "block_classes": ["injection", "jailbreak"],
            "threshold": block_threshold,
        }
        super().__init__("Prompt Guard Scanner", block_threshold, guard)
