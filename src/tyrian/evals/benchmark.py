"""What a benchmark is: pure and synchronous, so that any engine can run it.

A benchmark never reads a clock, a file or a socket. Where it needs a model or a program it yields a
`Request` or an `Execution` and receives a `Reply` or an `Executed`; engines (the local runner,
Inspect AI, Ray) do what is asked. The same generators serve single questions, dialogues, and
attacks that adapt.
"""

from abc import ABC, abstractmethod
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import ClassVar

from tyrian.errors import ConfigError
from tyrian.evals.exchange import Part, Reply, Request
from tyrian.evals.execution import Executed, Execution
from tyrian.evals.prompts import Prompts
from tyrian.evals.sample import Data, Goal, Sample, Score

Step = Request | Execution
Outcome = Reply | Executed
Dialogue = Generator[Step, Outcome, Data]
"""Yields steps, receives their outcomes, returns plain JSON data for the log."""


class Fidelity(StrEnum):
    """How close to the published protocol: with its quirks, or mended."""

    STRICT = "strict"
    UPSTREAM = "upstream"


class Direction(StrEnum):
    """Which way a measure is better."""

    LOWER = "lower"
    HIGHER = "higher"


@dataclass(frozen=True, slots=True)
class Measure:
    """A number that a benchmark gives for each case, averaged over cases."""

    name: str
    title: str
    better: Direction
    floor: str = ""
    """Name of the value of a score that holds what chance alone would give; empty for none."""
    is_rate: bool = True
    """Whether each case gives 0 or 1; otherwise a number from 0 to `highest`."""
    highest: float = 1.0


@dataclass(frozen=True, slots=True)
class Dataset:
    """A published file that a benchmark reads: its name in the lock of datasets."""

    name: str
    variant: str = "full"
    is_pinned: bool = True
    """Whether its bytes are in the lock; otherwise it is read from `--data` alone, as it is."""


@dataclass(frozen=True, slots=True)
class Beside:
    """Files that a row needs and that stand beside its dataset: which, and the field they go to.

    A text comes as the text of the one file, binary ones as a list of Base64 in the order of their
    names. Where there is none the row has no such field.
    """

    field: str
    pattern: str
    """A glob relative to the directory of the dataset, of parts that are escaped where they must
    be taken as they are."""
    is_binary: bool = False


@dataclass(frozen=True, slots=True)
class Scored:
    """A case with its score, and with what was said on the way, as the log holds it."""

    sample: Sample
    score: Score
    answer: Data
    judgement: Data
    replies: Sequence[Reply] = ()
    passed: int = 0
    """Which of several passes over the same case, from 0."""


@dataclass(frozen=True, slots=True)
class References:
    """Where a reader can place a benchmark: identifiers of public catalogues."""

    owasp_llm: tuple[str, ...] = ()
    atlas: tuple[str, ...] = ()
    attack: tuple[str, ...] = ()
    cwe: tuple[str, ...] = ()
    source: str = ""
    """Paper or page that describes the protocol."""


@dataclass(frozen=True, slots=True)
class Options:
    """What a user may set of a benchmark."""

    fidelity: Fidelity = Fidelity.STRICT
    variant: str = "full"
    """Which of the benchmark's datasets, such as `multilingual`."""
    seed: int = 0
    settings: Mapping[str, str] = field(default_factory=dict)
    """Options of this benchmark alone (`-o key=value`)."""


class Benchmark(ABC):
    """One benchmark, built for one run: its options are fixed."""

    name: ClassVar[str]
    title: ClassVar[str]
    about: ClassVar[str]
    """One sentence: what it measures."""
    measures: ClassVar[tuple[Measure, ...]]
    """The first is the headline."""
    parts: ClassVar[frozenset[Part]] = frozenset({Part.TARGET})
    """Which models it asks."""
    datasets: ClassVar[tuple[Dataset, ...]] = ()
    needs_sandbox: ClassVar[bool] = False
    references: ClassVar[References] = References()

    def __init__(self, options: Options, prompts: Prompts) -> None:
        self.options = options
        self.prompts = prompts

    @property
    def is_upstream(self) -> bool:
        """Whether the published quirks are kept."""
        return self.options.fidelity is Fidelity.UPSTREAM

    @classmethod
    def beside(cls, row: Mapping[str, object], settings: Mapping[str, str]) -> tuple[Beside, ...]:
        """Files beside the dataset that this row needs; built-in rows have them in themselves."""
        return ()

    @abstractmethod
    def load(self, rows: Iterable[Mapping[str, object]]) -> Iterator[Sample]:
        """Cases from the rows of the dataset; InputError names row and field at fault."""

    @abstractmethod
    def turns(self, sample: Sample) -> Dialogue:
        """Ask the model under test; returns the answer that is judged."""

    def judge(self, sample: Sample, answer: Data) -> Dialogue:
        """Ask judges about the answer; by default nobody is asked."""
        yield from ()
        return {}

    @abstractmethod
    def score(self, sample: Sample, answer: Data, judgement: Data) -> Score:
        """The score of one case, or the reason why there is none."""

    @classmethod
    def drawn(cls) -> Sequence[Mapping[str, object]]:
        """The rows of a whole run, where programs of our own draw the cases; else empty."""
        return ()

    def goal(self, sample: Sample) -> Goal:
        """What an attacker would want of this case; ConfigError where there is no such thing."""
        raise ConfigError(
            f"{self.name} has no goals that an attack could pursue",
            hint="attack goals, mitre, interpreter or prompt-injection",
        )

    def upstream_stats(self, scored: Sequence[Scored], model: str) -> object:
        """The statistics file as upstream writes it (JSON values in upstream's order of keys)."""
        raise NotImplementedError(f"{self.name} has no statistics file upstream")
