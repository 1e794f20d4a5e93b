"""`tyrian bom`: what a system is made of, as a bill of materials that others read."""

from types import MappingProxyType

import typer

from tyrian.cli.lazy import Entry, LazyGroup


class _Commands(LazyGroup):
    entries = MappingProxyType(
        {
            "create": Entry(
                "tyrian.cli.bom_create:create",
                "Write what a system is made of.",
            ),
            "validate": Entry(
                "tyrian.cli.bom_validate:validate",
                "Check by the official schema and by meaning.",
            ),
            "diff": Entry("tyrian.cli.bom_diff:diff", "Tell what changed between two."),
            "format": Entry(
                "tyrian.cli.bom_format:format_document", "Write one in the one form, lossless."
            ),
            "page": Entry("tyrian.cli.bom_page:page", "Write one as a page for people."),
        }
    )


app = typer.Typer(
    cls=_Commands,
    help="Write, check, compare and show bills of materials.",
    no_args_is_help=True,
    add_completion=False,
)


@app.callback()
def _bom() -> None:
    """Write, check, compare and show bills of materials."""
