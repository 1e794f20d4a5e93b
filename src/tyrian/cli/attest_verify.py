"""`tyrian attest verify`: each thing that is not as it was attested."""

from pathlib import Path
from typing import Annotated

import typer

from tyrian.cli.attest_verify_run import run_verify
from tyrian.cli.format_option import FormatOption
from tyrian.cli.model_lock_text import Format
from tyrian.supply.lock.write import LOCK_NAME

BaseOption = Annotated[
    str, typer.Option(metavar="DIR|NAME", help="The base model, or its name in the lock.")
]
LockOption = Annotated[
    Path, typer.Option("--lock", metavar="FILE", help="The lock that --base is a name in.")
]


def verify(
    directory: Annotated[
        Path,
        typer.Argument(metavar="DIR", help="The model's directory.", exists=True, file_okay=False),
    ],
    key: Annotated[
        list[Path],
        typer.Option(metavar="FILE", help="Public key that may have signed; repeat for more."),
    ],
    attestation: Annotated[
        Path | None,
        typer.Option(metavar="FILE", show_default="DIR.attestation.json, else DIR/model.sig"),
    ] = None,
    base: BaseOption = "",
    lock_path: LockOption = Path(LOCK_NAME),
    data: Annotated[
        list[str] | None,
        typer.Option("--dataset", metavar="[NAME=]PATH", help="A dataset to compare."),
    ] = None,
    code: Annotated[str, typer.Option(metavar="COMMIT", help="The commit it must name.")] = "",
    base_evaluation: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Runs of the base model to compare.")
    ] = None,
    tuned_evaluation: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Runs of this model to compare.")
    ] = None,
    require_evaluations: Annotated[
        bool,
        typer.Option(
            "--require-evaluations", help="Fail without compared runs of the base and this model."
        ),
    ] = False,
    may_worsen: Annotated[
        float | None,
        typer.Option(
            metavar="AMOUNT",
            help="Fail where a measure got significantly worse by more (0.02: two points).",
        ),
    ] = None,
    output_format: FormatOption = Format.TEXT,
) -> None:
    """Check a model against its attestation, or its OpenSSF signature, without a network.

    Exit codes: 0 all as attested, 1 something does not match, 2 usage, 3 it could not be read.
    """
    raise typer.Exit(
        run_verify(
            directory,
            key=key,
            attestation=attestation,
            base=base,
            lock_path=lock_path,
            data=data,
            code=code,
            base_evaluation=base_evaluation,
            tuned_evaluation=tuned_evaluation,
            require_evaluations=require_evaluations,
            may_worsen=may_worsen,
            output_format=output_format,
        )
    )
