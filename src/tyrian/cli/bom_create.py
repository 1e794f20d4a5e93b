"""`tyrian bom create`: gather the parts, and write them in the format that is asked for."""

import platform
import sys
from collections import Counter
from enum import StrEnum
from pathlib import Path
from types import MappingProxyType
from typing import Annotated

import typer

from tyrian.cli.bom_gather import Asked, gather
from tyrian.cli.bom_time import time_of
from tyrian.errors import ConfigError
from tyrian.supply.aibom.cyclonedx import as_cyclonedx
from tyrian.supply.aibom.document import BomError, Json, encode
from tyrian.supply.aibom.parts import Inventory
from tyrian.supply.aibom.schema import SPECS
from tyrian.supply.aibom.spdx import as_spdx
from tyrian.supply.aibom.validate import faults_of
from tyrian.supply.attest.keys import read_verifier
from tyrian.supply.lock.write import write_whole


class Standard(StrEnum):
    """The format of the document."""

    CYCLONEDX = "cyclonedx"
    SPDX = "spdx"


def create(
    models: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[[NAME=]DIR]...", help="Directories of models; every byte is read."
        ),
    ] = None,
    lock: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="models.lock: its models, and the approvals of those named."
        ),
    ] = None,
    stack: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="A stack file: its guards and model servers."),
    ] = None,
    declared: Annotated[
        bool,
        typer.Option("--declared", help="Take guards as the stack names them; build none of them."),
    ] = False,
    packages: Annotated[
        bool, typer.Option("--packages", help="The packages of this Python environment.")
    ] = False,
    environment: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="The packages of another virtual environment."),
    ] = None,
    data: Annotated[
        list[str] | None,
        typer.Option(
            "--dataset", metavar="[NAME=]PATH", help="A dataset, or its manifest; repeat for more."
        ),
    ] = None,
    attestation: Annotated[
        list[Path] | None,
        typer.Option(metavar="FILE", help="Attestation of a training; repeat for more."),
    ] = None,
    key: Annotated[
        list[Path] | None,
        typer.Option(metavar="FILE", help="Public key that must have signed the attestations."),
    ] = None,
    name: Annotated[
        str, typer.Option(help="Of the system.", show_default="that of its first part")
    ] = "",
    version: Annotated[str, typer.Option(help="Of the system.")] = "",
    standard: Annotated[
        Standard, typer.Option("--format", help="The format of the document.")
    ] = Standard.CYCLONEDX,
    spec: Annotated[str, typer.Option(help=f"Version of CycloneDX: {' or '.join(SPECS)}.")] = SPECS[
        0
    ],
    time: Annotated[
        str,
        typer.Option(
            metavar="TIME|now",
            envvar="TYRIAN_BOM_TIME",
            help="When it is made.",
            show_default="SOURCE_DATE_EPOCH, else left out",
        ),
    ] = "",
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FILE", show_default="standard output"),
    ] = None,
    quiet: Annotated[
        bool, typer.Option("--quiet", "-q", envvar="TYRIAN_QUIET", help="No talk, no bar.")
    ] = False,
) -> None:
    """Write the bill of materials of a system: the same inputs give the same bytes.

    Exit codes: 0 written and valid, 2 usage, 3 something could not be read.
    """
    if spec not in SPECS:
        raise ConfigError(f"--spec {spec!r} is not written", hint=f"known: {', '.join(SPECS)}")
    made_at = time_of(time)
    if standard is Standard.SPDX and not made_at:
        raise ConfigError(
            "SPDX needs the time of its creation", hint="--time now, or set SOURCE_DATE_EPOCH"
        )
    asked = Asked(
        models=tuple(models or ()),
        lock=lock,
        stack=stack,
        is_declared=declared,
        has_packages=packages or environment is not None,
        environment=environment,
        data=tuple(data or ()),
        attestations=tuple(attestation or ()),
        keys=tuple(read_verifier(one) for one in key or ()),
        output=output,
        is_quiet=quiet,
    )
    parts = gather(asked, name=name, version=version, notes=_notes(environment, packages))
    document = as_spdx(parts, made_at) if standard is Standard.SPDX else None
    _write(document or as_cyclonedx(parts, spec, made_at), output)
    if not quiet:
        title = "SPDX 3.0.1" if document else f"CycloneDX {spec}"
        typer.echo(f"{parts.name}: {_counted(parts)}; valid {title}", err=True)


def _notes(environment: Path | None, packages: bool) -> MappingProxyType[str, str]:
    if environment is not None or not packages:
        return MappingProxyType({})
    return MappingProxyType({"python": platform.python_version(), "system": f"{platform.system()}"})


def _write(document: Json, output: Path | None) -> None:
    """Write what was found valid; BomError tells what an odd input made of it."""
    if found := faults_of(document):
        first = found[0]
        raise BomError(
            f"the document would not be valid: {first.pointer}: {first.why} ({first.rule})",
            hint="an input says what the format cannot hold; leave that input out to find it",
        )
    data = encode(document)
    if output is None:
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()
    else:
        write_whole(output, data)
        typer.echo(str(output))


def _counted(parts: Inventory) -> str:
    counts = Counter(
        {
            "guard": len(parts.guards),
            "model": len(parts.models),
            "dataset": len(parts.data),
            "training": len(parts.trainings),
            "service": len(parts.services),
            "package": len(parts.packages),
        }
    )
    told = [f"{n} {what}{'s' * (n != 1)}" for what, n in counts.items() if n]
    return ", ".join(told) or "nothing"
