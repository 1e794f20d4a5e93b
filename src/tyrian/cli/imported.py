"""Imports of a command: nearly all that they make stays as long as the process."""

import gc
import sys
from importlib import import_module
from typing import Any


def imported(target: str) -> Any:
    """What `module:name` names, without a look for garbage in what stays: a seventh of the cost."""
    module, _, name = target.partition(":")
    if module not in sys.modules:
        _at_rest(module)
    return getattr(sys.modules[module], name)


def _at_rest(module: str) -> None:
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        import_module(module)
    finally:
        gc.freeze()
        if was_enabled:
            gc.enable()
