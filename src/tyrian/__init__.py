"""Tyrian: protection for LLM applications, red and blue in one dye.

Public names load on first use, so that `import tyrian` costs next to nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tyrian.core.decision import Decision as Decision
    from tyrian.core.decision import Effect as Effect
    from tyrian.core.detection import Stage as Stage
    from tyrian.core.message import Message as Message
    from tyrian.core.message import Origin as Origin
    from tyrian.core.message import Role as Role
    from tyrian.core.message import ToolCall as ToolCall
    from tyrian.core.message import Trace as Trace
    from tyrian.errors import TyrianError as TyrianError
    from tyrian.firewall.firewall import Firewall as Firewall

__version__ = "0.1.0"

_HOMES = {
    "Decision": "tyrian.core.decision",
    "Effect": "tyrian.core.decision",
    "Firewall": "tyrian.firewall.firewall",
    "Message": "tyrian.core.message",
    "Origin": "tyrian.core.message",
    "Role": "tyrian.core.message",
    "Stage": "tyrian.core.detection",
    "ToolCall": "tyrian.core.message",
    "Trace": "tyrian.core.message",
    "TyrianError": "tyrian.errors",
}

__all__ = [  # noqa: PLE0604, RUF100
    "Decision",
    "Effect",
    "Firewall",
    "Message",
    "Origin",
    "Role",
    "Stage",
    "ToolCall",
    "Trace",
    "TyrianError",
    "__version__",
]


def __getattr__(name: str) -> object:
    if name in _HOMES:
        value: object = getattr(import_module(_HOMES[name]), name)
        globals()[name] = value
        return value
    raise AttributeError(f"module 'tyrian' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
