"""The one tree of errors that Tyrian raises.

    TyrianError
    ├── ConfigError            a file or an option that cannot be used (exit 2)
    │   ├── FileError          a fault at a line and column of a file
    │   │   ├── StackError     the stack file, with nearest key
    │   │   └── PolicyError    the policy file, with nearest key
    │   └── ModelError         model files that are damaged, of another kind, or never trained
    ├── MissingDependencyError an optional extra or model that is not installed
    ├── DetectorError          a detector could not judge; becomes a DetectorRun, never an allow
    ├── InputError             data that cannot be read (rows, messages, bodies)
    ├── BlockedError           a guard refused; raised only by faces that cannot return a Decision
    ├── StoreError             the database refused or is of another version
    └── UpstreamError          the model server failed, timed out or broke off

Every error has a hint: what a person can do about it.
"""


class TyrianError(Exception):
    """Base of all errors of Tyrian; `str()` gives the message and, on its own line, the hint."""

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message}\n  hint: {self.hint}" if self.hint else self.message


class ConfigError(TyrianError):
    """A file or an option that cannot be used as it stands."""


class FileError(ConfigError):
    """A fault in a configuration file, at a place in it (line and column count from 1)."""

    def __init__(
        self, message: str, *, file: str = "", line: int = 0, column: int = 0, hint: str = ""
    ) -> None:
        place = f"{file}:{line}:{column}: " if line else f"{file}: " if file else ""
        super().__init__(place + message, hint=hint)
        self.file = file
        self.line = line
        self.column = column


class StackError(FileError):
    """A fault in a stack file."""


class PolicyError(FileError):
    """A fault in a policy file."""


class ModelError(ConfigError):
    """Model files that cannot be used: damaged, of another architecture, or never trained."""


class MissingDependencyError(TyrianError):
    """An optional extra, model or program that is not installed here."""


class DetectorError(TyrianError):
    """A detector could not judge; the firewall turns it into a DetectorRun with status error."""


class InputError(TyrianError):
    """Data from outside that cannot be read."""


class BlockedError(TyrianError):
    """A guard refused the message; raised where no Decision can be returned."""


class StoreError(TyrianError):
    """The database refused, is locked, or has another schema version."""


class UpstreamError(TyrianError):
    """The model server failed; `status` is its HTTP status, or 0 where there was none."""

    def __init__(self, message: str, *, status: int = 0, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.status = status
