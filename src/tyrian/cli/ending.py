"""Where every error of a command ends: told with its hint, and turned into an exit code."""

import os
import sys
from collections.abc import Callable

from tyrian.cli.exit import ExitCode, exit_code_of
from tyrian.cli.standard_output import drop_standard_output
from tyrian.errors import TyrianError

TRACEBACK_VARIABLE = "TYRIAN_TRACEBACK"


def ending(command: Callable[[], object]) -> int:
    """Run a command that exits, or returns when it is done; its exit code."""
    try:
        command()
    except BrokenPipeError:
        return _unheard()
    except SystemExit as end:
        if isinstance(end.__context__, BrokenPipeError):
            return _unheard()
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    except TyrianError as error:
        _tell(str(error))
        return exit_code_of(error)
    except Exception as error:  # noqa: BLE001  a crash must not look like a finding (exit 1)
        _tell_crash(error)
        return ExitCode.NOT_CHECKED
    return ExitCode.CLEAN


def _unheard() -> int:
    """Nobody reads on: what was found was not told, which is neither a finding nor its absence."""
    drop_standard_output()
    return ExitCode.NOT_CHECKED


def _tell(message: str) -> None:
    sys.stderr.write(f"error: {message}\n")


def _tell_crash(error: Exception) -> None:
    """Name the place of a crash; not its message, which may hold what users wrote."""
    import traceback

    if os.environ.get(TRACEBACK_VARIABLE):
        traceback.print_exception(error)
        return
    frames = traceback.extract_tb(error.__traceback__)
    place = f" at {os.path.basename(frames[-1].filename)}:{frames[-1].lineno}" if frames else ""
    hint = f"a fault in Tyrian; run again with {TRACEBACK_VARIABLE}=1 for the whole traceback"
    _tell(f"{type(error).__name__}{place}\n  hint: {hint}")
