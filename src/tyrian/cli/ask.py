"""A person at the terminal decides on a call. Never where nobody sits there."""

import asyncio
import sys

import typer

from tyrian.review.request import ReviewAnswer, ReviewRequest
from tyrian.review.text import as_text

NOBODY = "standard input is no terminal, so nobody can be asked"


def is_somebody_there() -> bool:
    """True where both what is asked and what is answered go through a terminal."""
    return sys.stdin.isatty() and sys.stderr.isatty()


class TerminalReviewer:
    """Shows the request on standard error and reads `yes`; all else refuses."""

    async def ask(self, request: ReviewRequest) -> ReviewAnswer:
        """The person's answer; a refusal where there is no terminal."""
        if not is_somebody_there():
            typer.echo(f"{request.id}: refused, because {NOBODY}", err=True)
            return ReviewAnswer(False)
        return ReviewAnswer(await asyncio.to_thread(self._asked, request), "terminal")

    async def recall(self, request: ReviewRequest) -> ReviewAnswer | None:
        """Nothing is remembered."""
        return None

    def _asked(self, request: ReviewRequest) -> bool:
        typer.echo(as_text(request), err=True)
        typer.echo("Let it pass? Type yes, anything else refuses: ", nl=False, err=True)
        return sys.stdin.readline().strip().lower() == "yes"
