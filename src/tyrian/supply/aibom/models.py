"""Models as parts: from their directories, every byte read, and from locks."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

from tyrian.errors import InputError
from tyrian.supply.aibom.architecture import read_architecture
from tyrian.supply.aibom.card import LONGEST_CARD, read_card
from tyrian.supply.aibom.parts import Ancestor, Architecture, Card, FilePart, ModelPart
from tyrian.supply.lock.digest import Advance, unheard
from tyrian.supply.lock.lock import LockedModel
from tyrian.supply.lock.read import in_words, read_directory, tree_digest

_LONGEST_CONFIG = 1 << 24
_BASE = "base_model_name_or_path"


def files_below(
    directory: Path, left_out: frozenset[str] = frozenset(), advance: Advance = unheard
) -> tuple[FilePart, ...]:
    """Every file of a directory with its digest; InputError where one cannot be vouched for."""
    read = read_directory(directory, left_out, advance)
    if read.faults:
        more = f"; and {len(read.faults) - 5} more" if len(read.faults) > 5 else ""
        raise InputError(
            f"{directory} cannot be told of: {in_words(read.faults, 5)}{more}",
            hint="remove or mend them; what cannot be read has no place in a bill of materials",
        )
    if not read.files:
        raise InputError(f"{directory} has no files", hint="name the directory of a model")
    return tuple(
        FilePart(path=one.path, sha256=one.sha256, size=one.size, link=one.link)
        for one in read.files
    )


def tree_digest_of(files: Sequence[FilePart]) -> str:
    """The digest that a lock has of the same files, `sha256:...`."""
    return tree_digest(files)


def model_of_directory(
    directory: Path,
    name: str = "",
    *,
    locked: LockedModel | None = None,
    left_out: frozenset[str] = frozenset(),
    advance: Advance = unheard,
) -> ModelPart:
    """The model of a directory; `locked` is what a lock has of it, whose approval it gets."""
    files = files_below(directory, left_out, advance)
    digest = tree_digest_of(files)
    root = directory.resolve()
    card = read_card(_read(root, files, "README.md", LONGEST_CARD).decode("utf-8", "replace"))
    config = _read(root, files, "config.json", _LONGEST_CONFIG)
    adapter = _read(root, files, "adapter_config.json", _LONGEST_CONFIG)
    is_same = locked is not None and locked.digest == digest
    return ModelPart(
        name=name or (locked.name if locked else "") or root.name,
        repository=locked.repository if locked and is_same else "",
        commit=locked.commit if locked and is_same else "",
        licence=(locked.licence if locked and is_same else "") or card.licence,
        digest=digest,
        files=files,
        card=card,
        architecture=_architecture(config, adapter),
        ancestors=_ancestors(card, locked if is_same else None),
        notes=_approval(locked, is_same=is_same) if locked else MappingProxyType({}),
    )


def model_of_lock(model: LockedModel) -> ModelPart:
    """A model as a lock has it, where its files are not here or not to be read."""
    card = Card(licence=model.licence)
    config = model.facts.get("config.json", {})
    return ModelPart(
        name=model.name,
        repository=model.repository,
        commit=model.commit,
        licence=model.licence,
        digest=model.digest,
        files=tuple(
            FilePart(path=file.path, sha256=file.sha256, size=file.size, link=file.link)
            for file in model.files
        ),
        card=card,
        architecture=Architecture(
            family=config.get("model_type", "").strip('"'),
            name=config.get("architectures[0]", "").strip('"'),
        ),
        ancestors=_ancestors(card, model),
        notes=_approval(model, is_same=True),
    )


def _architecture(config: bytes, adapter: bytes) -> Architecture:
    found = read_architecture(config)
    return found if found.family or found.name else read_architecture(adapter)


def _approval(locked: LockedModel, *, is_same: bool) -> Mapping[str, str]:
    """Who approved it, and which code of other repositories a loader of it fetches."""
    if not is_same:
        return MappingProxyType({"approval": "differs from the lock: it is not what was approved"})
    told = {
        f"code {one.file} {one.key}": f"{one.repository}@{one.commit}"
        for one in locked.references
        if one.key != _BASE
    }
    told |= {
        "approver": locked.approver,
        "approved-at": locked.approved_at,
        "approval-expires": locked.expires,
    }
    return MappingProxyType({key: value for key, value in told.items() if value})


def _ancestors(card: Card, locked: LockedModel | None) -> tuple[Ancestor, ...]:
    """The base models that its card and its configuration name, with the commits of the lock."""
    known = locked.references if locked else ()
    pins = {one.repository: one.commit for one in known if one.key == _BASE}
    names = dict.fromkeys((*card.base_models, *pins))
    return tuple(Ancestor(name=name, repository=name, commit=pins.get(name, "")) for name in names)


def _read(root: Path, files: Sequence[FilePart], path: str, most: int) -> bytes:
    """A small file of the model; empty where it is not there."""
    found = next((one for one in files if one.path == path and not one.link), None)
    if found is None or found.size > most:
        return b""
    try:
        return (root / path).read_bytes()
    except OSError as error:
        raise InputError(f"{root / path}: {error.strerror}") from None
