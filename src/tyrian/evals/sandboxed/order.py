"""What the process that sets a sandbox up is told, and what it notes of the end."""

import msgspec


class Order(msgspec.Struct):
    """What to run, and within which limits."""

    driver: str
    argv: tuple[str, ...]
    work: str
    outcome: str
    time_s: float
    memory_mb: int
    processes: int
    environment: dict[str, str]


class Outcome(msgspec.Struct):
    """How it ended: exit code (128 and a signal's number), limit passed, or why nothing ran."""

    code: int = 0
    exceeded: str = ""
    refused: str = ""
