"""The score of a prompt attack by itself."""

from tyrian.compat.llamafirewall.llamafirewall_data_types import UserMessage
from tyrian.compat.llamafirewall.scanners.prompt_guard_scanner import PromptGuardScanner
from tyrian.firewall.sync import BACKGROUND


class PromptGuard:
    """Scores texts as `PromptGuardScanner` does."""

    def __init__(self) -> None:
        self._scanner = PromptGuardScanner()

    def get_jailbreak_score(self, text: str) -> float:
        """How likely the text is an attack, 0..1; 1 where it could not be judged."""
        return BACKGROUND.run(self._scanner.scan(UserMessage(text))).score
