"""LlamaFirewall's scanners by their own names; each is imported when it is asked for."""

from importlib import import_module
from typing import Any

from tyrian.compat.llamafirewall.scanners.base_scanner import Scanner

_HOMES = {
    "CodeShieldScanner": "code_shield_scanner",
    "HiddenASCIIScanner": "hidden_ascii_scanner",
    "PromptGuardScanner": "prompt_guard_scanner",
    "RegexScanner": "regex_scanner",
    "CustomCheckScanner": "custom_check_scanner",
    "AlignmentCheckScanner": "experimental.alignmentcheck_scanner",
    "PIICheckScanner": "experimental.piicheck_scanner",
}
__all__ = ["Scanner", *_HOMES]  # noqa: PLE0604  names that __getattr__ gives


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
