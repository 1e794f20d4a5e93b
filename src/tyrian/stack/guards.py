"""The section of one guard: its detector, and which labels have which effect."""

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any, Literal

from pydantic import Field, field_validator

from tyrian.core.decision import Effect
from tyrian.core.detection import Stage
from tyrian.stack.part import HttpUrl, NonEmpty, Part, Score, Words

MODES: Mapping[str, Stage] = MappingProxyType(
    {
        "classify_user_input": Stage.INPUT,
        "classify_model_output": Stage.OUTPUT,
        "classify_tool_call": Stage.TOOL_CALL,
        "classify_tool_output": Stage.TOOL_RESULT,
        "classify_document": Stage.DOCUMENT,
    }
)
"""The stage that each word of `mode` names."""


class PatternEntry(Part):
    """One entry of `patterns`: an expression or words, and the label of what they find."""

    id: NonEmpty | None = None
    """Name of the entry in findings: `pattern.<id>`."""
    label: NonEmpty | None = None
    """Label that the classes of the guard name; the id where it is left out."""
    regex: NonEmpty | None = None
    """A regular expression, matched in linear time (RE2: no look-around, no back references)."""
    words: Annotated[Words, Field(min_length=1)] | None = None
    """Words and phrases, however they are disguised."""
    words_file: Path | None = None
    """File with a word or phrase on each line."""
    severity: Literal["low", "medium", "high", "critical"] = "medium"
    """How bad a finding is."""
    score: Annotated[float, Field(gt=0, le=1)] = 1.0
    """Score of a finding."""
    case_sensitive: bool = False
    """Tell capital letters from small ones."""
    whole_word: bool = True
    """Words only: no letter, digit or underscore directly before or behind."""
    message: str | None = None
    """What a finding says, in place of the id."""

    def label_at(self, number: int) -> str:
        """The label of the entry, which is the `number`th of its guard."""
        return self.label or self.id or f"pattern-{number}"

    def plain(self) -> dict[str, object]:
        """The entry as the detector reads it: only what is given."""
        entry = self.model_dump(exclude_unset=True, exclude_none=True)
        if self.words_file:
            entry["words_file"] = str(self.words_file)
        return entry


class CascadeSpec(Part):
    """The embedded model is asked first, the guard's own one only where that is unsure."""

    unsure: tuple[Score, Score] = (0.02, 0.9)
    """Scores of the embedded model, from and up to, that leave the matter open."""
    max_share: Annotated[float, Field(gt=0, le=1)] = 1.0
    """Cost budget: the share of messages (0 to 1) about which the guard's own model is asked."""
    max_wait_s: Annotated[float, Field(gt=0, le=600)] | None = None
    """Latency budget: seconds that its answer may take; `timeout_s` where it is left out."""
    over_budget: Literal["first", "fail"] = "first"
    """Beyond the budget: what the embedded model said stands, or the guard counts as failed."""

    @field_validator("unsure")
    @classmethod
    def _in_order(cls, unsure: tuple[float, float]) -> tuple[float, float]:
        if not unsure[0] < unsure[1]:
            raise ValueError("the first number must be the smaller one, such as [0.02, 0.9]")
        return unsure


class GuardSpec(Part):
    """One guard of a stage: a detector, and which of its labels have which effect."""

    name: NonEmpty
    """The detector: a built-in such as `prompt_guard_2`, or one of an installed package."""
    id: Annotated[str, Field(pattern=r"^[\w.-]{1,64}$")] | None = None
    """Name of this guard in decisions and logs; needed where a stage names one detector twice."""
    mode: (
        Literal[
            "classify_user_input",
            "classify_tool_output",
            "classify_model_output",
            "classify_tool_call",
            "classify_document",
        ]
        | None
    ) = None
    """What the guard reads; must fit the list that it stands in."""
    block_classes: Words | None = None
    """Labels that stop the message. `*` stands for every label not named elsewhere."""
    review_classes: Words | None = None
    """Labels that hold the message until a person has looked."""
    redact_classes: Words | None = None
    """Labels whose places are replaced before the message goes on."""
    flag_classes: Words | None = None
    """Labels that are recorded while the message goes on."""
    threshold: Score | dict[str, Score] | None = None
    """Least score (0 to 1) at which a label counts: one number, or one per label (`*`: others)."""
    on_error: Literal["block", "review", "flag", "allow"] = "block"
    """What happens to a message that the guard could not judge."""
    timeout_s: Annotated[float, Field(gt=0, le=600)] = 2.0
    """Seconds after which the guard counts as failed."""
    backend: Literal["embedded", "torch", "onnx", "remote"] | None = None
    """What runs the model; the detector chooses where it is left out."""
    model: str = ""
    """Name or directory of the weights for the backend."""
    revision: str = ""
    """Pinned revision of the weights."""
    url: HttpUrl | Literal[""] = ""
    """Where the backend `remote` is served."""
    fallback: Literal["embedded", "none"] = "embedded"
    """What runs where the weights are absent; `none` makes their absence an error."""
    cascade: CascadeSpec | None = None
    """Ask the embedded model first, within a budget; no effect where it is the one that runs."""
    taxonomy: Path | None = None
    """JSON file of hazard categories for a content guard; S1 to S14 where it is left out."""
    redact_with: Literal["label", "mask", "pseudonym"] = "label"
    """How a redacted place reads: `[EMAIL]`, `****`, or a pseudonym that the answer turns back."""
    patterns: Annotated[tuple[PatternEntry, ...], Field(min_length=1)] | None = None
    """For `pattern`: what to look for."""
    entities: Words | None = None
    """For `pii`: which kinds to look for; all where it is left out."""
    regions: Words | None = None
    """For `pii`: countries whose phone numbers are read without their prefix, such as `DE`."""
    countries: Words | None = None
    """For `pii`: countries whose national ids are looked for; all where it is left out."""
    ignore: Words | None = None
    """For `secrets`: providers whose keys are not looked for, such as `github`."""
    allowed_hosts: Words | None = None
    """For `exfiltration`: hosts to which links and images may lead."""
    options: dict[str, Any] = Field(default_factory=dict)
    """Further settings that only this detector knows, handed over as they stand."""

    @property
    def kind(self) -> str:
        """The registered name of the detector."""
        return self.name.strip().lower().replace("-", "_")

    @property
    def classes(self) -> Mapping[Effect, Words]:
        """The labels that the file names, by effect; empty where it names none."""
        given = {
            Effect.BLOCK: self.block_classes,
            Effect.REVIEW: self.review_classes,
            Effect.REDACT: self.redact_classes,
            Effect.FLAG: self.flag_classes,
        }
        return {effect: words for effect, words in given.items() if words is not None}

    @property
    def detector_options(self) -> Mapping[str, object]:
        """`options` with the detector-specific keys of the guard beside them."""
        keys = ("entities", "regions", "countries", "ignore", "allowed_hosts")
        direct = {key: getattr(self, key) for key in keys if getattr(self, key) is not None}
        if self.patterns:
            direct["patterns"] = [entry.plain() for entry in self.patterns]
        return MappingProxyType({**self.options, **direct})
