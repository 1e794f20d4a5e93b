"""A callback for Transformers' Trainer that records a training while it runs."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

import msgspec

from tyrian.errors import MissingDependencyError
from tyrian.supply.attest import dsse
from tyrian.supply.attest.files import digest_of, files_of
from tyrian.supply.attest.keys import Signer, read_signer
from tyrian.supply.attest.materials import Material, dataset
from tyrian.supply.attest.places import attestation_path
from tyrian.supply.attest.surroundings import code_revision, environment, hardware
from tyrian.supply.attest.training import RECORD_NAME, Record, encode_record, statement_of
from tyrian.supply.lock.make import now
from tyrian.supply.lock.write import write_whole

_OF_THE_PLACE = frozenset(
    {"output_dir", "logging_dir", "run_name", "local_rank", "deepspeed_plugin", "hub_token"}
)
"""Arguments that say where a training ran and not what it did."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What the Trainer does not know of its training."""

    base: Path
    """Directory of the base model."""
    datasets: Mapping[str, Path]
    """Files, directories or manifests of the datasets by name."""
    code: Path = Path()
    """A directory in the git checkout of the training's code."""
    repository: str = ""
    """Of the base model on the hub."""
    commit: str = ""
    key: Path | None = None
    """Private key; with one each checkpoint is attested when it is saved."""
    parameters: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))
    """Hyper-parameters that are not among the Trainer's arguments."""


def training_callback(plan: Plan) -> Any:
    """A `TrainerCallback`: `Trainer(..., callbacks=[training_callback(plan)])`.

    Digests base model and datasets when training begins, writes `training-record.json` into the
    output directory when it ends, and with a key `checkpoint-N.attestation.json` beside each
    checkpoint. MissingDependencyError without Transformers.
    """
    try:
        from transformers import TrainerCallback
    except ImportError:
        raise MissingDependencyError(
            "Transformers is not installed", hint="pip install 'tyrian[hf]'"
        ) from None
    signer = read_signer(plan.key) if plan.key else None

    class AttestingCallback(TrainerCallback):  # type: ignore[misc,unused-ignore]
        """Records what a training read and how it was set."""

        def __init__(self) -> None:
            self.record = Record()

        def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
            """Digest what goes in, before the first step."""
            if state.is_world_process_zero:
                self.record = begun(plan, args.to_dict())

        def on_save(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
            """Attest the checkpoint that was just written."""
            checkpoint = Path(args.output_dir) / f"checkpoint-{state.global_step}"
            if state.is_world_process_zero and signer and checkpoint.is_dir():
                attest(_at_step(self.record, state.global_step), checkpoint, signer)

        def on_train_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
            """Write the record, from which `tyrian attest create --record` goes on."""
            if state.is_world_process_zero:
                self.record = _at_step(self.record, state.global_step, finished=now())
                folder = Path(args.output_dir)
                folder.mkdir(parents=True, exist_ok=True)
                write_whole(folder / RECORD_NAME, encode_record(self.record))

    return AttestingCallback()


def begun(plan: Plan, arguments: Mapping[str, Any]) -> Record:
    """The record of a training that begins with these arguments of the Trainer."""
    parameters = {
        name: _as_json(value)
        for name, value in sorted(arguments.items())
        if name not in _OF_THE_PLACE and not name.endswith("_token")
    }
    seeds = {
        name: value for name in ("seed", "data_seed") if type(value := arguments.get(name)) is int
    }
    name = plan.repository or plan.base.resolve().name
    base = Material(
        name=name, digest=digest_of(plan.base), repository=plan.repository, commit=plan.commit
    )
    return Record(
        base=base,
        datasets=tuple(dataset(name, path) for name, path in sorted(plan.datasets.items())),
        parameters={**parameters, **plan.parameters},
        seeds=seeds,
        environment=environment(),
        hardware=hardware(),
        code=code_revision(plan.code),
        started=now(),
    )


def _as_json(value: object) -> object:
    """The value as JSON has it; what JSON has not is told as text."""
    if isinstance(value, dict):
        return {str(name): _as_json(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [_as_json(one) for one in value]
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value if isinstance(value, str | int | float | None) else str(value)


def _at_step(record: Record, step: int, finished: str = "") -> Record:
    parameters = {**record.parameters, "global_step": step}
    return msgspec.structs.replace(record, parameters=parameters, finished=finished)


def attest(record: Record, directory: Path, signer: Signer) -> Path:
    """Write the attestation of a directory beside it."""
    statement = statement_of(record, files_of(directory))
    path = attestation_path(directory)
    write_whole(path, dsse.encode(dsse.seal(statement, signer)))
    return path
