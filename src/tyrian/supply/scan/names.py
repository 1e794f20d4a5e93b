"""Names of files that steer a terminal, show another end than they have, or lead out."""

from pathlib import PureWindowsPath

from tyrian.supply.scan.finding import Collector

_STEERING = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u200f")


def check_name(name: str, report: Collector) -> None:
    """Names that steer a terminal or show another end than they have."""
    if not name.isprintable() and any(map(_is_control, name)):
        report.add("control-characters-in-name", 0, f"its name is {ascii(name)[:200]}")


def _is_control(char: str) -> bool:
    return (
        char < " "
        or "\x7f" <= char <= "\x9f"
        or "\ud800" <= char <= "\udfff"
        or (char in _STEERING)
    )


def escapes(name: str) -> bool:
    """Whether a path within a folder leads out of it, on any system."""
    windows = PureWindowsPath(name)
    return ".." in windows.parts or bool(windows.anchor) or name.startswith("/")
