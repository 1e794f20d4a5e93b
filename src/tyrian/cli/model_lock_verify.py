"""`tyrian model verify` with a models.lock: what lies on the disk against what was approved."""

import json
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from tyrian.cli.exit import ExitCode
from tyrian.cli.model_lock_text import Format, fault_lines, fault_rows
from tyrian.cli.progress import progress
from tyrian.cli.standard_output import say, talk
from tyrian.core.home import state_home
from tyrian.errors import ConfigError
from tyrian.supply.attest.keys import read_verifier
from tyrian.supply.lock.fault import Fault
from tyrian.supply.lock.lock import LockedModel, lock_bytes, parse
from tyrian.supply.lock.signature import check_signature, own_files, signature_path
from tyrian.supply.lock.verify import Verified, verify_model

if TYPE_CHECKING:
    from tyrian.supply.lock.cache import Cache

CACHE_NAME = "digests.sqlite"


def verify_lock(
    lock_path: Path, place: str, key: Path | None, output: Format, *, is_cached: bool
) -> ExitCode:
    """Check the lock, its signature where a key is given, and the directories of its models."""
    data = lock_bytes(lock_path)
    lock = parse(data, str(lock_path))
    faults = check_signature(lock_path, data, [read_verifier(key)]) if key else []
    chosen = list(chosen_models(lock.models, lock_path, place))
    found: list[tuple[LockedModel, Verified]] = []
    with ExitStack() as stack:
        cache = stack.enter_context(_cache()) if is_cached else None
        for model, directory in chosen:
            total = sum(file.size for file in model.files)
            with progress(f"checking {model.name}", total, is_wanted=True) as bar:
                verified = verify_model(
                    directory,
                    model,
                    left_out=own_files(directory, lock_path),
                    cache=cache,
                    advance=bar.advance,
                )
            found.append((model, verified))
    if output is Format.JSON:
        say(json.dumps(_as_json(lock_path, faults, found), indent=2))
    else:
        _tell(lock_path, faults, found, is_signed=key is not None)
    if faults or any(one.faults and not one.is_unread for _, one in found):
        return ExitCode.FOUND
    return ExitCode.NOT_CHECKED if any(one.faults for _, one in found) else ExitCode.CLEAN


def _cache() -> "Cache":
    from tyrian.supply.lock.cache import Cache

    return Cache(state_home() / CACHE_NAME)


def chosen_models(
    models: tuple[LockedModel, ...], lock_path: Path, place: str
) -> list[tuple[LockedModel, Path]]:
    """The models that are meant, each with its directory; ConfigError where there is none."""
    below = lock_path.resolve().parent
    if place and Path(place).is_dir():
        wanted = Path(place).resolve()
        fitting = [one for one in models if one.directory and (below / one.directory) == wanted]
        fitting = fitting or [
            one for one in models if one.directory and (below / one.directory).resolve() == wanted
        ]
        if not fitting and len(models) == 1:  # the same model, brought to another place
            fitting = list(models)
        if not fitting:
            raise ConfigError(
                f"{lock_path} has no model in {place}",
                hint=f"its models: {', '.join(one.name for one in models) or 'none'}",
            )
        return [(fitting[0], wanted)]
    named = [one for one in models if not place or one.name == place]
    if not named:
        raise ConfigError(
            f"{lock_path} has no model {place!r}",
            hint=f"its models: {', '.join(one.name for one in models) or 'none'}",
        )
    for model in named:
        if not model.directory:
            raise ConfigError(
                f"{model.name} was locked on the hub, and lies in no directory here",
                hint=f"name its directory: tyrian model verify DIR --lock {lock_path}",
            )
    return [(one, below / one.directory) for one in named]


def _tell(
    lock_path: Path,
    faults: list[Fault],
    found: list[tuple[LockedModel, Verified]],
    *,
    is_signed: bool,
) -> None:
    lines = fault_lines(faults)
    for model, verified in found:
        lines += fault_lines(verified.faults, model.name)
        if not verified.faults:
            remembered = f", {verified.cached} of them not read again" if verified.cached else ""
            lines.append(
                f"{model.name}: {verified.files} files as approved by {model.approver}{remembered}"
            )
    say("\n".join(lines))
    if not is_signed and signature_path(lock_path).exists():
        talk("the lock's signature was not checked: name the public key with --key")


def _as_json(
    lock_path: Path, faults: list[Fault], found: list[tuple[LockedModel, Verified]]
) -> dict[str, object]:
    return {
        "lock": str(lock_path),
        "faults": fault_rows(faults),
        "models": [
            {
                "name": model.name,
                "repository": model.repository,
                "commit": model.commit,
                "digest": model.digest,
                "files": verified.files,
                "cached": verified.cached,
                "faults": fault_rows(verified.faults),
            }
            for model, verified in found
        ],
    }
