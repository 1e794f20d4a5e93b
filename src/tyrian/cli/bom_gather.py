"""The parts of a bill of materials, from what the command line names."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from tyrian.cli.progress import progress
from tyrian.errors import ConfigError
from tyrian.stack.load import load_stack
from tyrian.stack.schema import AuditSpec, Stack
from tyrian.supply.aibom.data import data_of
from tyrian.supply.aibom.guards import configuration_files, declared, guards_of
from tyrian.supply.aibom.models import model_of_directory, model_of_lock
from tyrian.supply.aibom.packages import packages_of
from tyrian.supply.aibom.parts import DataPart, GuardPart, Inventory, ModelPart, TrainingPart
from tyrian.supply.aibom.services import services_of
from tyrian.supply.aibom.training import training_of
from tyrian.supply.attest.keys import Verifier
from tyrian.supply.attest.places import inside
from tyrian.supply.lock.lock import LockedModel, ModelsLock, read_lock
from tyrian.supply.lock.signature import own_files
from tyrian.supply.lock.walk import walk


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What the command line names."""

    models: tuple[str, ...] = ()
    lock: Path | None = None
    stack: Path | None = None
    is_declared: bool = False
    has_packages: bool = False
    environment: Path | None = None
    data: tuple[str, ...] = ()
    attestations: tuple[Path, ...] = ()
    keys: tuple[Verifier, ...] = ()
    output: Path | None = None
    is_quiet: bool = False

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to tell of."""
        return not (self.models or self.lock or self.stack or self.has_packages or self.data) and (
            not self.attestations
        )


def gather(asked: Asked, *, name: str, version: str, notes: Mapping[str, str]) -> Inventory:
    """All parts; errors of those that cannot be read."""
    if asked.is_empty:
        raise ConfigError(
            "there is nothing to tell of",
            hint="name the directory of a model, --lock, --stack, --packages or --dataset",
        )
    stack = load_stack(asked.stack) if asked.stack else None
    models = {model.ref: model for model in _models(asked)}
    guards, weights = _guards(stack, asked) if stack else ((), ())
    models |= {model.ref: model for model in weights}
    trainings: dict[str, TrainingPart] = {}
    for path in asked.attestations:
        training, made = training_of(path, list(models.values()), asked.keys)
        trainings[training.digest] = training
        if made:
            models[made.ref] = made
    data = tuple(_data(asked))
    return Inventory(
        name=name or _name(asked, [*models.values()], data),
        version=version,
        models=tuple(models.values()),
        data=data,
        packages=packages_of(asked.environment) if asked.has_packages else (),
        services=tuple(services_of(stack)) if stack else (),
        guards=guards,
        trainings=tuple(trainings.values()),
        configurations=tuple(configuration_files(stack, asked.stack)) if stack else (),
        notes=notes,
    )


def _name(asked: Asked, models: list[ModelPart], data: tuple[DataPart, ...]) -> str:
    if asked.stack:
        return asked.stack.resolve().stem
    names = [*(one.name for one in models), *(one.name for one in data)]
    return names[0] if names else (asked.environment or Path.cwd()).resolve().name


def _models(asked: Asked) -> Iterator[ModelPart]:
    """Those whose directories are named, read whole, then the others of the lock as it has them."""
    lock = read_lock(asked.lock) if asked.lock else ModelsLock()
    seen: set[str] = set()
    for text in asked.models:
        title, directory = named(text, "a model's directory")
        if not directory.is_dir():
            raise ConfigError(
                f"{directory} is no directory", hint="name the directory of a model, or NAME=DIR"
            )
        locked = _locked(lock, asked.lock, directory, title)
        seen |= {locked.name} if locked else set()
        left_out = _own(directory, asked)
        total = walk(directory, left_out).size
        with progress(f"reading {directory.name}", total, is_wanted=not asked.is_quiet) as bar:
            yield model_of_directory(
                directory, title, locked=locked, left_out=left_out, advance=bar.advance
            )
    yield from (model_of_lock(one) for one in lock.models if one.name not in seen)


def _locked(lock: ModelsLock, path: Path | None, directory: Path, title: str) -> LockedModel | None:
    """What the lock has of a directory: by its place, else by the name that is given."""
    below = path.resolve().parent if path else Path()
    here = directory.resolve()
    by_place = (
        one for one in lock.models if one.directory and (below / one.directory).resolve() == here
    )
    return next(by_place, None) or (lock.model(title) if title else None)


def _own(directory: Path, asked: Asked) -> frozenset[str]:
    """Files about the model that lie within it, and are none of it."""
    found = own_files(directory, asked.lock) if asked.lock else frozenset[str]()
    for path in (asked.output, *asked.attestations):
        found |= inside(directory, path) if path else frozenset()
    return found


def named(text: str, what: str) -> tuple[str, Path]:
    """NAME=PATH, or a path alone; one that holds `=` and is there is a path."""
    title, equals, place = text.partition("=")
    if not equals or Path(text).exists():
        return "", Path(text)
    if not title or not place:
        raise ConfigError(f"{text!r} does not name {what}", hint="NAME=PATH")
    return title, Path(place)


def _data(asked: Asked) -> Iterator[DataPart]:
    for text in asked.data:
        title, path = named(text, "a dataset")
        total = path.stat().st_size if path.is_file() else None
        with progress(f"reading {path.name}", total, is_wanted=not asked.is_quiet) as bar:
            yield data_of(path, title, bar.advance)


def _guards(stack: Stack, asked: Asked) -> tuple[tuple[GuardPart, ...], tuple[ModelPart, ...]]:
    """The guards as this machine runs them, or as the stack names them."""
    from tyrian.firewall.firewall import Firewall  # the models come with these two
    from tyrian.gateway.guard_weights import weights_of

    if asked.is_declared:
        return guards_of(declared(stack), stack, weights_of)
    built = Firewall.from_stack(stack.model_copy(update={"audit": AuditSpec()}))
    return guards_of(built.infos(), stack, weights_of)
