"""`tyrian model report`: one document on one model, or several side by side."""

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tyrian.cli.plain import plain

if TYPE_CHECKING:
    from tyrian.supply.attest.regression import Regression
    from tyrian.supply.report.request import Request


class ReportFormat(StrEnum):
    """How the report is written."""

    HTML = "html"
    JSON = "json"


def report(
    request: Annotated[
        Path,
        typer.Argument(
            metavar="FILE",
            help="YAML that names the candidates and the files that are evidence on them.",
            exists=True,
            dir_okay=False,
        ),
    ],
    output: Annotated[
        Path,
        typer.Option("--output", "-o", metavar="FILE", help="The page; JSON goes beside it."),
    ] = Path("model-report.html"),
    output_format: Annotated[
        list[ReportFormat] | None,
        typer.Option("--format", help="Repeat for both.", show_default="html and json"),
    ] = None,
) -> None:
    """Compare models by their locks, scans, bills of materials, attestations and evaluations.

    Every row of NIST AI RMF, the OWASP Top 10 for LLM applications and Annex IV of the EU AI Act
    names the evidence on it with its digest, or says that none was given. The same files give the
    same bytes.
    Exit codes: 0 written, 2 usage or a request that cannot be used, 3 something is not readable.
    """
    from tyrian.supply.lock.write import write_whole
    from tyrian.supply.report.content import content_of, encode
    from tyrian.supply.report.page import as_html
    from tyrian.supply.report.request import read_request

    asked = read_request(request)
    content = content_of(asked, request.parent, _pairs(asked, request.parent))
    kinds = dict.fromkeys(output_format or list(ReportFormat))
    output.parent.mkdir(parents=True, exist_ok=True)
    for kind in kinds:
        is_page = kind is ReportFormat.HTML
        path = output if len(kinds) == 1 else output.with_suffix(".html" if is_page else ".json")
        write_whole(path, as_html(content).encode() if is_page else encode(content))
        typer.echo(plain(str(path)))


def _pairs(asked: "Request", root: Path) -> "tuple[tuple[str, str, Regression], ...]":
    """The first candidate with each of the others, where both have runs."""
    from tyrian.cli.attest_regression import compared_runs

    first, *others = asked.candidates
    return tuple(
        (
            first.name,
            one.name,
            compared_runs(
                [root / place for place in first.evaluations],
                [root / place for place in one.evaluations],
            ),
        )
        for one in others
        if first.evaluations and one.evaluations
    )
