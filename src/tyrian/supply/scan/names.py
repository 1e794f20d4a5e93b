"""Names of files that steer a terminal, show another end than they have, or lead out."""

import re
from pathlib import PureWindowsPath

from tyrian.supply.scan.finding import Collector

_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\u200e\u200f]")


def check_name(name: str, report: Collector) -> None:
    """Names that steer a terminal or show another end than they have."""
    if _CONTROL.search(name) or any("\ud800" <= char <= "\udfff" for char in name):
        report.add("control-characters-in-name", 0, f"its name is {ascii(name)[:200]}")


def escapes(name: str) -> bool:
    """Whether a path within a folder leads out of it, on any system."""
    windows = PureWindowsPath(name)
    return ".." in windows.parts or bool(windows.anchor) or name.startswith("/")
