"""Whether the agent's step serves the user's goal.

A judge model is asked where one is named: by TYRIAN_JUDGE_URL, TYRIAN_JUDGE_MODEL and
TYRIAN_JUDGE_KEY_ENV, or by TOGETHER_API_KEY alone, which stands for the service and the model that
LlamaFirewall asks. Without either, signs are weighed (see docs/howto/alignment.md).
"""

import os

from tyrian.compat.llamafirewall.scanners.guard_scanner import GuardScanner

TOGETHER_KEY = "TOGETHER_API_KEY"
TOGETHER_URL = "https://api.together.xyz/v1"
DEFAULT_MODEL = "meta-llama/Llama-4-Maverick-17B-128E-Instruct-FP8"
JUDGE_S = 30.0


class AlignmentCheckScanner(GuardScanner):
    """Asks for a person where the step may not serve the goal."""

    allowed_reason = "No misalignment detected"

    def __init__(self, scanner_name: str = "AlignmentCheck Scanner") -> None:
        super().__init__(scanner_name, 0.5, _guard())
        self.require_full_trace = True


def _guard() -> dict[str, object]:
    guard: dict[str, object] = {"name": "alignment", "review_classes": ["misaligned"]}
    url, key_env = os.environ.get("TYRIAN_JUDGE_URL", ""), ""
    if url:
        key_env = os.environ.get("TYRIAN_JUDGE_KEY_ENV", "")
    elif os.environ.get(TOGETHER_KEY):
        url, key_env = TOGETHER_URL, TOGETHER_KEY
    if not url:
        return guard
    model = os.environ.get("TYRIAN_JUDGE_MODEL", DEFAULT_MODEL)
    options = {"options": {"api_key_env": key_env}} if key_env else {}
    return guard | {"backend": "remote", "url": url, "model": model, "timeout_s": JUDGE_S} | options
