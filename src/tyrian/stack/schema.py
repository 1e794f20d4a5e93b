"""The stack file's models: every key, its type, its default and its meaning.

Class and field docstrings are the reference: `tyrian stack schema` prints them as JSON Schema.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    IPvAnyAddress,
    field_validator,
)

from tyrian.core.decision import Effect
from tyrian.core.detection import Stage
from tyrian.core.registry import DetectorConfig
from tyrian.core.taxonomy import load_taxonomy, thresholds
from tyrian.policy.guard import ANY_LABEL, DEFAULT_THRESHOLD, GuardRule
from tyrian.policy.tool import ToolPolicy, load_policy
from tyrian.stack.effects import default_effects, spelled_out
from tyrian.stack.egress_entry import entry_fault

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

GUARD_LISTS: Mapping[str, Stage] = MappingProxyType(
    {
        "preflight_guards": Stage.INPUT,
        "tool_output_guards": Stage.TOOL_RESULT,
        "document_guards": Stage.DOCUMENT,
        "tool_call_guards": Stage.TOOL_CALL,
        "postflight_guards": Stage.OUTPUT,
    }
)
"""The stage at which the guards of each list run."""

Score = Annotated[float, Field(ge=0, le=1)]
Words = tuple[str, ...]
NonEmpty = Annotated[str, Field(min_length=1, max_length=500)]
HttpUrl = Annotated[str, Field(pattern=r"^https?://[^\s@/]+(/[^\s@]*)?$", max_length=2000)]
EnvName = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,127}$")]


def _egress_entry(text: str) -> str:
    if fault := entry_fault(text):
        raise ValueError(fault)
    return text


class _Part(BaseModel):
    model_config = ConfigDict(
        frozen=True, extra="forbid", allow_inf_nan=False, use_attribute_docstrings=True
    )


class PatternEntry(_Part):
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


class CascadeSpec(_Part):
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


class GuardSpec(_Part):
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


class PolicyRuntimeSpec(_Part):
    """The rules for tool calls."""

    framework: Literal["tyrian", "llamafirewall"] = "tyrian"
    """`llamafirewall` is an alias of `tyrian`: both mean the policy runtime of Tyrian."""
    config: Path | None = None
    """The policy file; it must exist and hold no error."""
    mode: Literal["enforce", "shadow"] | None = None
    """`shadow` decides and records, and lets every call pass; the policy's own where left out."""


class SandboxLimits(_Part):
    """What the sandbox may use; the command is ended where it takes more."""

    time_s: Annotated[float, Field(gt=0)] | None = None
    """Seconds; no limit where it is left out."""
    memory_mb: Annotated[int, Field(ge=64)] = 4096
    """Megabytes of memory, all processes together."""
    processes: Annotated[int, Field(ge=4)] = 256
    """Processes and threads at a time."""
    disk_mb: Annotated[int, Field(ge=1)] = 1024
    """Megabytes that may be written: to one file, to /tmp, and to the policy's paths together."""
    open_files: Annotated[int, Field(ge=16)] = 1024
    """Open files of one process."""


EgressText = Annotated[str, AfterValidator(_egress_entry)]
AbsolutePath = Annotated[str, Field(pattern=r"^/", max_length=4096)]


class SandboxSpec(_Part):
    """Where the agent's code runs. `tyrian run` enforces it; the gateway does not."""

    type: Literal["gvisor", "bubblewrap", "landlock", "container", "none"] = "gvisor"
    """The driver of the sandbox."""
    egress_allowlist: tuple[EgressText, ...] = ()
    """What the sandbox may reach beside the policy's `net` hosts: `host`, `host:port`, or
    `scheme://host:port` with https, http or tcp."""
    hosts: dict[NonEmpty, IPvAnyAddress] = {}
    """Addresses of host names, where no look-up is to be made; they may be of an inner network."""
    mounts: dict[AbsolutePath, Path] = {}
    """Directories of this machine by the path that the policy knows them under."""
    system_paths: tuple[AbsolutePath, ...] = ()
    """Further paths of this machine that programs need; they can be read."""
    env: tuple[EnvName, ...] = ()
    """Environment variables that are passed on; no others are."""
    limits: SandboxLimits = SandboxLimits()
    """What the sandbox may use."""
    image: str = ""
    """For `container`: the image, pinned by digest."""
    engine: Literal["", "docker", "podman"] = ""
    """For `container`: the engine; the one that is there where it is left out."""
    i_accept_no_isolation: bool = False
    """`type: none` runs the command as it is, with every right of its user, and needs this."""


class AgentSpec(_Part):
    """The application: its model, the guards of each stage, tool policy and sandbox."""

    base_model: str = ""
    """The model that answers when a request or a route names no other."""
    preflight_guards: tuple[GuardSpec, ...] = ()
    """Guards of what users write, before the model sees it."""
    tool_output_guards: tuple[GuardSpec, ...] = ()
    """Guards of what tools return."""
    document_guards: tuple[GuardSpec, ...] = ()
    """Guards of retrieved documents and of memory."""
    tool_call_guards: tuple[GuardSpec, ...] = ()
    """Guards of the tool calls that the model asks for."""
    postflight_guards: tuple[GuardSpec, ...] = ()
    """Guards of what the model answers."""
    policy_runtime: PolicyRuntimeSpec | None = None
    """Rules for tool calls."""
    sandbox: SandboxSpec | None = None
    """Where the agent's code runs."""


class CircuitSpec(_Part):
    """When a model server that keeps failing is left alone."""

    failures: Annotated[int, Field(ge=0, le=1_000)] = 5
    """Failures in a row after which it is not asked for a while; 0 always asks."""
    open_s: Annotated[float, Field(gt=0, le=120)] = 10.0
    """Seconds until one request may try it again; doubled each time that fails, up to 120."""


class HealthSpec(_Part):
    """A GET that tells whether a model server is well."""

    path: Annotated[str, Field(pattern=r"^/[^\s]*$", max_length=500)] = "/health"
    """Path from the root of the server, not from `/v1`."""
    every_s: Annotated[float, Field(ge=0.05, le=3600)] = 10.0
    """Seconds between two checks."""
    timeout_s: Annotated[float, Field(gt=0, le=60)] = 3.0
    """Seconds that an answer may take."""
    unhealthy_after: Annotated[int, Field(ge=1, le=100)] = 2
    """Failed checks in a row after which others are asked first; one good check mends it."""


class PriceSpec(_Part):
    """What a model's tokens cost; budgets count it, and people see it."""

    input_usd: Annotated[float, Field(ge=0, le=100_000)]
    """US dollars for a million tokens that it reads."""
    output_usd: Annotated[float, Field(ge=0, le=100_000)]
    """US dollars for a million tokens that it writes."""


class ModelSpec(_Part):
    """An upstream model server that speaks the OpenAI dialect."""

    base_url: HttpUrl
    """Its address up to and with `/v1`."""
    api_key_env: EnvName | Literal[""] = ""
    """Name of the environment variable that holds its key; the key itself never stands here."""
    model: str = ""
    """The model's name at the upstream; the name in this file where it is left out."""
    modalities: tuple[Literal["text", "image"], ...] = ("text",)
    """What it reads."""
    context_length: Annotated[int, Field(gt=0)] | None = None
    """Tokens it reads at most."""
    licence: str = ""
    """The licence of its weights, for the bill of materials."""
    revision: str = ""
    """Pinned revision of the weights."""
    tier: Literal["public", "developer", "partner", "operator"] = "public"
    """The least tier whose keys may use it."""
    price: PriceSpec | None = None
    """What its tokens cost; budgets take a model without a price for free."""
    data_classes: Words = ()
    """Classes of data that may go there; empty puts no limit."""
    hosted: bool | None = None
    """Somebody else's server, to which no personal data and no secret goes; left out, its address
    decides: all but this machine and private networks is hosted."""
    connect_timeout_s: Annotated[float, Field(gt=0, le=600)] = 5.0
    """Seconds until a connection must stand."""
    first_byte_timeout_s: Annotated[float, Field(gt=0, le=86_400)] | None = None
    """Seconds until an answer must begin; `timeout_s` where it is left out."""
    timeout_s: Annotated[float, Field(gt=0, le=86_400)] = 600.0
    """Seconds an answer may take."""
    circuit: CircuitSpec = CircuitSpec()
    """When the server is left alone because it keeps failing."""
    health: HealthSpec | None = None
    """A check that runs beside the requests; none where it is left out."""


class RouteSpec(_Part):
    """Which model serves which request; the first route that fits decides."""

    match: NonEmpty = "*"
    """The model name that clients ask for; `*` and `?` are wildcards."""
    keys: Words = ()
    """Only requests with these keys or projects, by their ids; all where it is left out."""
    tiers: Words = ()
    """Only requests of keys of these tiers, such as `developer`; all where it is left out."""
    detected: tuple[Literal["pii", "secret"], ...] = ()
    """Only requests in which the `pii` or `secrets` detector found something of these classes."""
    model: NonEmpty | None = None
    """The entry of `models` that serves it."""
    split: dict[NonEmpty, Annotated[int, Field(ge=1, le=1_000)]] | None = None
    """In place of `model`: several entries of `models` by the share that each one serves."""
    fallbacks: Words = ()
    """Entries of `models` that are tried in this order where no answer begins."""
    data_class: str = ""
    """Class of the data on this route; the model's `data_classes` must list it."""

    @property
    def targets(self) -> Mapping[str, int]:
        """The models that serve it, by their share; without the fallbacks."""
        if self.model is not None:
            return {self.model: 1}
        return self.split or {}


class AuditSpec(_Part):
    """The record that every decision leaves."""

    path: Path | None = None
    """File that records are appended to; the state directory's `audit.jsonl` where left out."""
    include_text: bool = False
    """Keep the text itself. Records then hold what users wrote."""
    fsync: bool = False
    """Wait for the disk at each record, so that even a power cut loses none."""


class StreamSpec(_Part):
    """How a streamed answer is held back while it is judged."""

    hold_back: Annotated[int, Field(ge=0, le=65_536)] = 256
    """Characters that stay behind the newest one, so that no secret leaves in halves."""


class ReviewSpec(_Part):
    """How a gateway asks a person about what a guard or the policy will not decide alone."""

    expires_s: Annotated[int, Field(gt=0, le=2_592_000)] = 3600
    """Seconds after which a review can no longer be approved."""
    wait_s: Annotated[float, Field(ge=0, le=3600)] = 0.0
    """Seconds that a request is kept open for the answer; 0 tells the client at once."""
    webhook: HttpUrl | None = None
    """Told of each new review, without the call itself."""
    webhook_secret_env: EnvName | Literal[""] = ""
    """Name of the environment variable that holds the secret by which it is signed."""


class CacheSpec(_Part):
    """Decisions remembered for texts seen before under the same policy."""

    size: Annotated[int, Field(ge=0, le=10_000_000)] = 4096
    """Entries kept; 0 turns the cache off."""
    ttl_s: Annotated[float, Field(gt=0, le=86_400)] = 300.0
    """Seconds after which an entry is forgotten."""


@dataclass(frozen=True, slots=True)
class StageGuard:
    """A guard at its stage: what the firewall builds a detector and a rule from."""

    stage: Stage
    spec: GuardSpec

    @property
    def kind(self) -> str:
        """The registered name of the detector."""
        return self.spec.kind

    @property
    def name(self) -> str:
        """The guard's name, unique within its stage."""
        return self.spec.id or self.spec.name

    def config(self) -> DetectorConfig:
        """What the detector's factory receives."""
        spec = self.spec
        return DetectorConfig(
            name=self.name,
            backend=spec.backend or "",
            model=spec.model,
            revision=spec.revision,
            url=spec.url,
            fallback=spec.fallback,
            taxonomy=spec.taxonomy,
            timeout_s=spec.timeout_s,
            stages=frozenset({self.stage}),
            options=spec.detector_options,
        )

    def rule(self) -> GuardRule:
        """What follows from the guard's scores; reads the taxonomy for its thresholds."""
        return GuardRule(
            guard=self.name,
            stage=self.stage,
            effects=MappingProxyType(dict(self._effects())),
            thresholds=MappingProxyType(self._thresholds()),
            on_error=Effect.parse(self.spec.on_error),
        )

    def _effects(self) -> Mapping[str, Effect]:
        if not self.spec.classes:
            return default_effects(self.kind, self.stage)
        effects: dict[str, Effect] = {}
        for effect, words in self.spec.classes.items():
            for word in words:
                for label in spelled_out(self.kind, word):
                    effects[label] = max(effect, effects.get(label, Effect.ALLOW))
        return effects

    def _thresholds(self) -> dict[str, float]:
        spec = self.spec
        least = {ANY_LABEL: DEFAULT_THRESHOLD}
        if spec.taxonomy:
            least |= thresholds(load_taxonomy(spec.taxonomy))
        if isinstance(spec.threshold, dict):
            for word, score in spec.threshold.items():
                least |= dict.fromkeys(spelled_out(self.kind, word), score)
        elif spec.threshold is not None:
            least[ANY_LABEL] = spec.threshold
        return least


class Stack(_Part):
    """A stack file: the guards, policy and models of one application."""

    agent: AgentSpec
    """The application that is protected."""
    models: dict[str, ModelSpec] = Field(default_factory=dict)
    """Upstream models by the name that clients ask for."""
    routes: tuple[RouteSpec, ...] = ()
    """Which model serves which request."""
    audit: AuditSpec = AuditSpec()
    """What every decision leaves behind."""
    stream: StreamSpec = StreamSpec()
    """How a streamed answer is held back."""
    review: ReviewSpec = ReviewSpec()
    """How a gateway asks a person."""
    cache: CacheSpec = CacheSpec()
    """Decisions remembered for texts seen before."""

    @property
    def base_model(self) -> str:
        """The model that answers when a request or a route names no other."""
        return self.agent.base_model

    def tool_policy(self) -> ToolPolicy | None:
        """The policy of tool calls, read now; PolicyError where the file is faulty."""
        runtime = self.agent.policy_runtime
        if runtime is None or runtime.config is None:
            return None
        policy = load_policy(runtime.config)
        if runtime.mode is None or runtime.mode == policy.spec.mode:
            return policy
        return ToolPolicy(policy.spec.model_copy(update={"mode": runtime.mode}))

    def guards(self) -> tuple[StageGuard, ...]:
        """Every guard at its stage, in the order of the stages and of the file."""
        return tuple(
            StageGuard(stage, spec)
            for key, stage in GUARD_LISTS.items()
            for spec in getattr(self.agent, key)
        )
