"""The stack file's models: every key, its type, its default and its meaning.

Class and field docstrings are the reference: `tyrian stack schema` prints them as JSON Schema.
"""

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Literal

from pydantic import Field, model_validator

from tyrian.core.detection import Stage
from tyrian.policy.tool import ToolPolicy, load_policy
from tyrian.stack.guards import GuardSpec
from tyrian.stack.models import ModelSpec, RouteSpec
from tyrian.stack.part import EnvName, HttpUrl, Part
from tyrian.stack.sandbox import SandboxSpec
from tyrian.stack.stage_guard import StageGuard

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


class PolicyRuntimeSpec(Part):
    """The rules for tool calls."""

    framework: Literal["tyrian", "llamafirewall"] = "tyrian"
    """`llamafirewall` is an alias of `tyrian`: both mean the policy runtime of Tyrian."""
    config: Path | None = None
    """The policy file; it must exist and hold no error."""
    mode: Literal["enforce", "shadow"] | None = None
    """`shadow` decides and records, and lets every call pass; the policy's own where left out."""


class AgentSpec(Part):
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


class AuditSpec(Part):
    """The record that every decision leaves."""

    path: Path | None = None
    """File that records are appended to; the state directory's `audit.jsonl` where left out."""
    include_text: bool = False
    """Keep the text itself. Records then hold what users wrote."""
    fsync: bool = False
    """Wait for the disk at each record, so that even a power cut loses none."""


class StreamSpec(Part):
    """How a streamed answer is held back while it is judged."""

    hold_back: Annotated[int, Field(ge=0, le=65_536)] = 256
    """Characters that stay behind the newest one, so that no secret leaves in halves."""


class ReviewSpec(Part):
    """How a gateway asks a person about what a guard or the policy will not decide alone."""

    expires_s: Annotated[int, Field(gt=0, le=2_592_000)] = 3600
    """Seconds after which a review can no longer be approved."""
    wait_s: Annotated[float, Field(ge=0, le=3600)] = 0.0
    """Seconds that a request is kept open for the answer; 0 tells the client at once."""
    webhook: HttpUrl | None = None
    """Told of each new review, without the call itself."""
    webhook_secret_env: EnvName | Literal[""] = ""
    """Name of the environment variable that holds the secret by which it is signed."""


class MailSpec(Part):
    """The mail server by which a gateway sends e-mail."""

    host: Annotated[str, Field(min_length=1, max_length=253)]
    """Its name or address."""
    port: Annotated[int, Field(ge=1, le=65_535)] = 587
    """Its port."""
    security: Literal["starttls", "tls", "none"] = "starttls"
    """`tls` from the first byte on; `none` sends in the clear, and takes no password."""
    username: str = ""
    """Whom to sign in as, where the server asks for it."""
    password_env: EnvName | Literal[""] = ""
    """Name of the environment variable that holds the password."""
    sender: Annotated[str, Field(pattern=r"^[^\s@<>,]+@[^\s@<>,]+$", max_length=254)]
    """The address that e-mail comes from."""

    @model_validator(mode="after")
    def _check_password(self) -> "MailSpec":
        if self.security == "none" and (self.password_env or self.username):
            raise ValueError("a password is never sent in the clear: use `starttls` or `tls`")
        if bool(self.username) is not bool(self.password_env):
            raise ValueError("`username` and `password_env` go together")
        return self


class SpendAlertSpec(Part):
    """How a gateway tells of spending that reaches an amount, beside its console."""

    webhook: HttpUrl | None = None
    """Told of each alert that fires."""
    webhook_secret_env: EnvName | Literal[""] = ""
    """Name of the environment variable that holds the secret by which it is signed."""
    mail: MailSpec | None = None
    """By which e-mail goes to the addresses of an alert; without it none is sent."""


class ModerationSpec(Part):
    """How a gateway tells what guards found in OpenAI's thirteen categories."""

    unmapped: Literal["flag_only", "illicit"] = "flag_only"
    """Hazards in none of them: `flagged` alone, or `illicit` for clients that read nothing else."""


class CacheSpec(Part):
    """Decisions remembered for texts seen before under the same policy."""

    size: Annotated[int, Field(ge=0, le=10_000_000)] = 4096
    """Entries kept; 0 turns the cache off."""
    ttl_s: Annotated[float, Field(gt=0, le=86_400)] = 300.0
    """Seconds after which an entry is forgotten."""


class Stack(Part):
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
    spend_alerts: SpendAlertSpec = SpendAlertSpec()
    """How a gateway tells of spending that reaches an amount."""
    moderation: ModerationSpec = ModerationSpec()
    """How a gateway tells what guards found."""
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
