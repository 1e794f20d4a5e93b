"""`tyrian data`: look through training data and corpora, clean and describe them."""

from types import MappingProxyType

import typer

from tyrian.cli.lazy import Entry, LazyGroup


class _Lazy(LazyGroup):
    entries = MappingProxyType(
        {
            "scan": Entry("tyrian.cli.data_scan:scan", "Tell what is wrong with the rows of data."),
            "dedup": Entry("tyrian.cli.data_dedup:dedup", "Remove rows that say the same."),
            "manifest": Entry(
                "tyrian.cli.data_manifest:app", "Write down every row under one digest; verify it."
            ),
        }
    )


app = typer.Typer(
    cls=_Lazy,
    help="Scan, clean and describe training data and corpora.",
    no_args_is_help=True,
    add_completion=False,
)


@app.callback()
def _data() -> None:
    """Scan, clean and describe training data and corpora."""
