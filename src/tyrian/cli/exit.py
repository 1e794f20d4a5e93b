"""What the exit codes of every command mean."""

from enum import IntEnum

from tyrian.errors import BlockedError, ConfigError, TyrianError


class ExitCode(IntEnum):
    """One code, one meaning."""

    CLEAN = 0
    """Checked, and nothing found."""
    FOUND = 1
    """Found something, or refused it."""
    USAGE = 2
    """The command, an option or a configuration file cannot be used as it stands."""
    NOT_CHECKED = 3
    """Something could not be checked, so nothing is said of it."""


def exit_code_of(error: TyrianError) -> ExitCode:
    """The exit code that an error ends the command with."""
    if isinstance(error, ConfigError):
        return ExitCode.USAGE
    if isinstance(error, BlockedError):
        return ExitCode.FOUND
    return ExitCode.NOT_CHECKED
