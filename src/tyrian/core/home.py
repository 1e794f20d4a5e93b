"""Where Tyrian keeps what it owns: keys, audit records, models."""

import os
from pathlib import Path

HOME_VARIABLE = "TYRIAN_HOME"


def state_home() -> Path:
    """`$TYRIAN_HOME`, else the user's data directory (XDG Base Directory Specification)."""
    if home := os.environ.get(HOME_VARIABLE):
        return Path(home).expanduser().absolute()
    # An empty or relative XDG_DATA_HOME is to be ignored, says the specification.
    data = Path(os.environ.get("XDG_DATA_HOME") or "~/.local/share").expanduser()
    base = data if data.is_absolute() else Path("~/.local/share").expanduser()
    return base.absolute() / "tyrian"
