"""What a system is made of, whatever format tells it: models, guards, data, packages, services."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType


def _nothing() -> Mapping[str, str]:
    return MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class FilePart:
    """One file, by its bytes."""

    path: str
    """Relative to what it belongs to, with forward slashes."""
    sha256: str = ""
    """Hexadecimal; empty for links alone."""
    size: int = -1
    """Bytes; less than 0 where nobody said."""
    link: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """One result that a model card reports."""

    kind: str
    value: str
    slice: str = ""
    """Which data it was measured on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """What a model card says, in its own words."""

    task: str = ""
    library: str = ""
    licence: str = ""
    licence_url: str = ""
    languages: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    datasets: tuple[str, ...] = ()
    base_models: tuple[str, ...] = ()
    metrics: tuple[Metric, ...] = ()
    users: tuple[str, ...] = ()
    uses: tuple[str, ...] = ()
    limitations: tuple[str, ...] = ()
    risks: tuple[tuple[str, str], ...] = ()
    """Title and text of each section."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Architecture:
    """What the configuration says of a network."""

    family: str = ""
    """Such as `llama`."""
    name: str = ""
    """Such as `LlamaForCausalLM`."""
    facts: Mapping[str, str] = field(default_factory=_nothing)
    """Sizes and types by their keys in the configuration."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ancestor:
    """A model that another was made from."""

    name: str
    repository: str = ""
    commit: str = ""
    digest: str = ""
    """`sha256:...`, empty where nobody said."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelPart:
    """A model, by its files."""

    name: str
    repository: str = ""
    commit: str = ""
    licence: str = ""
    digest: str = ""
    """`sha256:...` over the sorted lines `sha256  path`; empty where no byte was read."""
    files: tuple[FilePart, ...] = ()
    card: Card = field(default_factory=Card)
    architecture: Architecture = field(default_factory=Architecture)
    ancestors: tuple[Ancestor, ...] = ()
    notes: Mapping[str, str] = field(default_factory=_nothing)
    """Further facts by name, such as who approved it."""

    @property
    def version(self) -> str:
        """The commit, else the digest."""
        return self.commit or self.digest

    @property
    def ref(self) -> str:
        """Its name in the document."""
        return f"model:{self.name}@{self.version}" if self.version else f"model:{self.name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class DataPart:
    """A dataset, by its bytes or by the manifest of its rows."""

    name: str
    digest: str
    """`sha256:...` of the file, the directory or the manifest that was given."""
    rows: int = -1
    licences: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    files: tuple[FilePart, ...] = ()
    notes: Mapping[str, str] = field(default_factory=_nothing)
    repository: str = ""
    """On the hub, where it is known by that name alone."""

    @property
    def ref(self) -> str:
        """Its name in the document."""
        return f"data:{self.name}@{self.digest}" if self.digest else f"data:{self.name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class PackagePart:
    """An installed Python distribution."""

    name: str
    version: str
    purl: str
    licence: str = ""
    summary: str = ""
    digest: str = ""
    """`sha256:...` over the sorted lines `sha256  path` of its RECORD."""
    needs: tuple[str, ...] = ()
    """Names, as the index has them, of the distributions that it requires here."""
    urls: Mapping[str, str] = field(default_factory=_nothing)

    @property
    def ref(self) -> str:
        """Its name in the document."""
        return self.purl


@dataclass(frozen=True, slots=True, kw_only=True)
class ServicePart:
    """A model server that answers for the system."""

    name: str
    endpoint: str = ""
    model: str = ""
    """The model's name there."""
    revision: str = ""
    licence: str = ""
    is_hosted: bool | None = None
    """Whether it is somebody else's; None where nobody said."""
    has_key: bool | None = None
    data_classes: tuple[str, ...] = ()

    @property
    def ref(self) -> str:
        """Its name in the document."""
        return f"service:{self.name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class GuardPart:
    """A guard at its stage, with what it is pinned to."""

    stage: str
    name: str
    kind: str
    backend: str = ""
    model: str = ""
    revision: str = ""
    """Identity of its rules or weights; pinned."""
    digest: str = ""
    """`sha256:...` of its weights, or of the code of its rules."""
    labels: tuple[str, ...] = ()
    weights: tuple[str, ...] = ()
    """References of the models that it reads."""
    notes: Mapping[str, str] = field(default_factory=_nothing)
    """Its settings: thresholds, effects, what happens when it fails, why it fell back."""

    @property
    def ref(self) -> str:
        """Its name in the document."""
        return f"guard:{self.stage}/{self.name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingPart:
    """A training as it was attested."""

    model: str
    """Reference of the model that came out."""
    name: str
    """Of the attestation's file."""
    digest: str
    """`sha256:...` of the attestation's bytes."""
    keyid: str = ""
    """Who signed it; empty where the signature was not checked."""
    base: Ancestor | None = None
    base_ref: str = ""
    datasets: tuple[DataPart, ...] = ()
    parameters: Mapping[str, str] = field(default_factory=_nothing)
    environment: Mapping[str, str] = field(default_factory=_nothing)
    commit: str = ""
    """Of the training's code."""
    repository: str = ""
    started: str = ""
    finished: str = ""
    evaluations: tuple[FilePart, ...] = ()
    patch: str = ""
    """Which files differ from the base model, a line each; empty where it is not here."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Inventory:
    """All parts of a system."""

    name: str
    version: str = ""
    is_running: bool = False
    """Whether it was asked of a process that serves."""
    models: tuple[ModelPart, ...] = ()
    data: tuple[DataPart, ...] = ()
    packages: tuple[PackagePart, ...] = ()
    services: tuple[ServicePart, ...] = ()
    guards: tuple[GuardPart, ...] = ()
    trainings: tuple[TrainingPart, ...] = ()
    configurations: tuple[FilePart, ...] = ()
    """Stack and policy files."""
    notes: Mapping[str, str] = field(default_factory=_nothing)

    @property
    def ref(self) -> str:
        """The name of the system itself in the document."""
        return f"system:{self.name}"


def all_data(inventory: Inventory) -> list[DataPart]:
    """Datasets that were given, and those that attestations alone know of."""
    found = {one.digest or one.ref: one for one in inventory.data}
    for training in inventory.trainings:
        for one in training.datasets:
            found.setdefault(one.digest or one.ref, one)
    return list(found.values())
