"""A progress bar on standard error, where a person looks at it."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol


class Progress(Protocol):
    """Hears how far the work is."""

    def advance(self, amount: int) -> None:
        """That many bytes more are done."""


class _Silent:
    def advance(self, amount: int) -> None:
        """Say nothing."""


@contextmanager
def progress(title: str, total: int | None, *, is_wanted: bool) -> Iterator[Progress]:
    """A bar over `total` bytes (None: unknown), silent where no person looks."""
    if not (is_wanted and sys.stderr.isatty()):
        yield _Silent()
        return
    with _bar(title, total) as bar:
        yield bar


@contextmanager
def _bar(title: str, total: int | None) -> Iterator[Progress]:
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, TimeRemainingColumn
    from rich.progress import Progress as RichProgress

    columns = ("{task.description}", BarColumn(), DownloadColumn(), TimeRemainingColumn())
    with RichProgress(*columns, console=Console(stderr=True), transient=True) as rich:
        task = rich.add_task(title, total=total)

        class Bar:
            def advance(self, amount: int) -> None:
                rich.advance(task, amount)

        yield Bar()
