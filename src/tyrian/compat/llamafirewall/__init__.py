"""A drop-in for LlamaFirewall 1.0.3: change the import, keep the program.

    from tyrian.compat.llamafirewall import LlamaFirewall, Role, ScannerType, UserMessage

Modules keep their names below this one, so that `llamafirewall.scanners.regex_scanner` becomes
`tyrian.compat.llamafirewall.scanners.regex_scanner`. What runs are Tyrian's own guards.
"""

from tyrian.compat.llamafirewall.config import UseCase
from tyrian.compat.llamafirewall.llamafirewall import LlamaFirewall, register_llamafirewall_scanner
from tyrian.compat.llamafirewall.llamafirewall_data_types import (
    AssistantMessage,
    MemoryMessage,
    Message,
    Role,
    ScanDecision,
    ScannerType,
    ScanResult,
    ScanStatus,
    SystemMessage,
    ToolMessage,
    Trace,
    UserMessage,
)
from tyrian.compat.llamafirewall.scanners.base_scanner import Scanner
from tyrian.compat.llamafirewall.utils.base_llm import LLMClient

__all__ = [
    "AssistantMessage",
    "LLMClient",
    "LlamaFirewall",
    "MemoryMessage",
    "Message",
    "Role",
    "ScanDecision",
    "ScanResult",
    "ScanStatus",
    "Scanner",
    "ScannerType",
    "SystemMessage",
    "ToolMessage",
    "Trace",
    "UseCase",
    "UserMessage",
    "register_llamafirewall_scanner",
]
