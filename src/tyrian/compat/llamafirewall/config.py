"""Which scanners run for which role, and two ready-made choices."""

from collections.abc import Mapping, Sequence
from enum import Enum
from types import MappingProxyType
from typing import TypeAlias

from tyrian.compat.llamafirewall.llamafirewall_data_types import Role, ScannerType

Configuration: TypeAlias = Mapping[Role, Sequence[ScannerType | str]]


class UseCase(Enum):
    """What is protected."""

    CHAT_BOT = "chatbot"
    CODING_ASSISTANT = "coding_assistant"


PREDEFINED_USE_CASES: Mapping[UseCase, Configuration] = MappingProxyType(
    {
        UseCase.CHAT_BOT: {
            Role.USER: [ScannerType.PROMPT_GUARD],
            Role.SYSTEM: [ScannerType.PROMPT_GUARD],
        },
        UseCase.CODING_ASSISTANT: {
            Role.ASSISTANT: [ScannerType.CODE_SHIELD],
            Role.TOOL: [ScannerType.CODE_SHIELD],
        },
    }
)
DEFAULT_SCANNERS: Configuration = MappingProxyType(
    {
        Role.TOOL: [ScannerType.CODE_SHIELD, ScannerType.PROMPT_GUARD],
        Role.USER: [ScannerType.PROMPT_GUARD],
        Role.SYSTEM: [],
        Role.ASSISTANT: [ScannerType.CODE_SHIELD],
        Role.MEMORY: [],
    }
)
