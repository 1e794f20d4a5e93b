"""The door of the command: plain scans of models skip the parser, which costs more than they do."""

import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tyrian.cli.model_scan_run import Wanted

_QUICK = ("model", "scan")
_FLAGS = {"--sha256": "sha256", "--quiet": "quiet", "-q": "quiet"}


def main() -> None:
    """Run the command line and exit."""
    if (wanted := quick_scan(sys.argv[1:])) is not None:
        from tyrian.cli.ending import ending
        from tyrian.cli.model_scan_run import run_scan

        found = wanted
        sys.exit(ending(lambda: sys.exit(run_scan(found))))
    from tyrian.cli.main import main as run_all

    run_all()


def quick_scan(arguments: Sequence[str]) -> "Wanted | None":
    """What a plain `model scan` asks for; None where the whole parser has to look.

    The parser has the last word on everything that is not one of the plainest forms: help,
    errors, abbreviations, values from the environment, completion.
    """
    if tuple(arguments[:2]) != _QUICK or any(name.startswith(("TYRIAN_", "_TYRIAN"))
                                             for name in os.environ):  # fmt: skip
        return None
    from pathlib import Path

    from tyrian.cli.model_scan_run import ScanFormat, Wanted

    flags: dict[str, bool] = {}
    kind, paths, rest = "text", list[Path](), iter(arguments[2:])
    for one in rest:
        if one in _FLAGS:
            flags[_FLAGS[one]] = True
        elif one == "--format":
            kind = next(rest, "")
        elif one.startswith("-") or not one:
            return None
        else:
            paths.append(Path(one))
    if not paths or kind not in set(ScanFormat):
        return None
    return Wanted(tuple(paths), ScanFormat(kind), **flags)
