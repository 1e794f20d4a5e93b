"""The policy file as data: every key that there is, with what it means."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field


class _Spec(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


class FsSpec(_Spec):
    """Which paths may be read and written."""

    read: tuple[str, ...] = Field((), description="Globs of what `fs:read` arguments may name.")
    write: tuple[str, ...] = Field((), description="Globs of what `fs:write` arguments may name.")
    deny: tuple[str, ...] = Field(
        (), description="Globs of what none may name, whatever the case of its letters."
    )
    hard_links: Literal["deny", "read", "allow"] = Field(
        "deny", description="Whether a file with a second name elsewhere may be used."
    )


class NetSpec(_Spec):
    """Which URLs may be fetched."""

    schemes: tuple[str, ...] = Field(("https",), description="Schemes, without the colon.")
    hosts: tuple[str, ...] = Field(
        (), description="Host names; `*.example.com` stands for all names below, not for itself."
    )
    ports: tuple[Annotated[int, Field(ge=1, le=65535)], ...] = Field(
        (443,), description="Ports; a URL without one has its scheme's."
    )
    paths: tuple[str, ...] = Field(("/**",), description="Globs of the URL's path.")
    private_ips: Literal["deny", "allow"] = Field(
        "deny", description="Whether addresses that are not public may be reached."
    )
    userinfo: Literal["deny", "allow"] = Field(
        "deny", description="Whether `user:password@` may stand before the host."
    )
    max_redirects: int = Field(10, ge=0, le=50, description="How many redirects are followed.")


class EmailSpec(_Spec):
    """Who may be written to."""

    domains: tuple[str, ...] = Field(
        (), description="Domains; `*.corp.com` stands for all below it, not for itself."
    )
    addresses: tuple[str, ...] = Field((), description="Single addresses beside the domains.")
    max_rcpt: int = Field(10, ge=1, le=10_000, description="Most recipients of one call.")


class ShellSpec(_Spec):
    """Which programs may be run."""

    programs: tuple[str, ...] = Field((), description="Programs, by the word that names them.")
    args_deny: dict[str, tuple[str, ...]] = Field(
        default_factory=dict, description="Options that a program may not be given."
    )
    options_that_run_programs: Literal["deny", "allow"] = Field(
        "deny", description="Whether options known to run other programs are let through."
    )


class SqlSpec(_Spec):
    """Which statements may be run; needs the extra `sql`."""

    dialect: str = Field("", description="Dialect of the parser (postgres, mysql, sqlite ...).")
    statements: tuple[str, ...] = Field(
        ("select",), description="Kinds of statement: select, insert, update, delete ..."
    )
    tables: tuple[str, ...] = Field((), description="Tables; `*` within a part stands for any.")
    functions_deny: tuple[str, ...] = Field((), description="Functions that none may call.")
    max_statements: int = Field(1, ge=1, le=100, description="Most statements of one call.")


class KindSpec(_Spec):
    """A kind of argument of your own; all that is given must hold."""

    kind: str | None = Field(None, description="Another kind that this one stands for.")
    type: Literal["string", "integer", "number", "boolean"] | None = Field(
        None, description="JSON type; follows from the other keys where it is left out."
    )
    pattern: str | None = Field(None, description="RE2 pattern that the whole string matches.")
    enum: tuple[str | int | float | bool, ...] | None = Field(
        None, min_length=1, description="The values that there are."
    )
    min: float | None = Field(None, description="Least number.")
    max: float | None = Field(None, description="Greatest number.")
    max_length: int | None = Field(None, ge=0, description="Most characters.")


class LimitsSpec(_Spec):
    """How often tools may be called."""

    calls_per_minute: dict[str, Annotated[int, Field(ge=0)]] = Field(
        default_factory=dict, description="Most calls of a tool within 60 seconds; `*` for all."
    )
    calls_per_trace: dict[str, Annotated[int, Field(ge=0)]] = Field(
        default_factory=dict, description="Most calls of a tool in one trace; `*` for all."
    )


Words = str | tuple[str, ...]


class FlowSpec(_Spec):
    """What may follow what."""

    id: str | None = Field(None, description="Name of the rule in decisions.")
    if_called: Words | None = Field(None, description="Tools, any of which was called before.")
    if_untrusted_output_from: Words | None = Field(
        None, description="Tools whose output, read before, is not to be trusted."
    )
    if_any_untrusted: Literal[True] | None = Field(
        None, description="Any content of untrusted origin was read before."
    )
    if_args_from: Words | None = Field(
        None,
        description="Sources that the call's arguments quote: tools, `retrieval`, `memory`, or `*` "
        "for anything untrusted.",
    )
    if_args_hold: Words | None = Field(
        None, description="Labels of values seen before that the call's arguments hold."
    )
    if_seen: Words | None = Field(
        None, description="Labels of values, any of which the trace has read: `secret`, `pii` ..."
    )
    args: Words | None = Field(
        None, description="Arguments that `if_args_from` and `if_args_hold` are about; all if none."
    )
    then: Literal["deny", "ask", "flag"] | None = Field(None, description="What happens.")
    then_deny: Words | None = Field(None, description="Short for `then: deny` with these tools.")
    then_ask: Words | None = Field(None, description="Short for `then: ask` with these tools.")
    then_flag: Words | None = Field(None, description="Short for `then: flag` with these tools.")
    tools: Words | None = Field(None, description="Tools that `then` is about; `*` for all.")
    reason: str = Field("", description="What people are told.")


class RuleSpec(_Spec):
    """An expression and what follows where it holds."""

    id: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$")] = Field(
        description="Name of the rule in decisions."
    )
    when: str = Field(description="Expression in the subset of CEL that the reference tells.")
    effect: Literal["block", "deny", "review", "ask", "flag"] = Field(
        "block", description="What happens; the greatest effect of all rules stands."
    )
    reason: str = Field("", description="What people are told.")


class CaseSpec(_Spec):
    """A call and what the policy must say to it."""

    id: str | None = None
    tool: Any = Field(description="The tool's name.")
    args: Any = Field(None, description="The arguments.")
    raw_args: str | None = Field(None, description="The arguments as JSON text.")
    world: dict[str, Any] | None = Field(None, description="What stands for the machine.")
    expect: Literal["allow", "flag", "ask", "deny"] = Field(description="What must come out.")
    rule: str | None = Field(None, description="The rule that must have decided.")
    why: str = Field("", description="Why that is right.")


class PolicySpec(_Spec):
    """What an agent's tools may be called with."""

    version: Literal[1] = Field(1, description="Version of this format.")
    default: Literal["deny", "ask", "allow"] = Field(
        "deny", description="Effect for a tool that `tools` does not name."
    )
    mode: Literal["enforce", "shadow"] = Field(
        "enforce", description="`shadow` decides and records, and lets every call pass."
    )
    cwd: str = Field("/", description="Directory that relative paths start from; absolute.")
    unknown_args: Literal["deny", "allow"] = Field(
        "deny", description="Effect of an argument that the tool's entry does not name."
    )
    tools: dict[str, dict[str, str | tuple[str, ...]]] = Field(
        default_factory=dict,
        description="Each tool, and for each argument its kind; `kind?` may be left out, "
        "`[kind]` is a list.",
    )
    trusted_output: tuple[str, ...] = Field(
        (), description="Tools whose output is trusted like the operator's own words."
    )
    kinds: dict[str, KindSpec | str] = Field(default_factory=dict, description="Kinds of your own.")
    fs: FsSpec | None = None
    net: NetSpec | None = None
    email: EmailSpec | None = None
    shell: ShellSpec | None = None
    sql: SqlSpec | None = None
    limits: LimitsSpec = Field(default_factory=LimitsSpec)
    flow: tuple[FlowSpec, ...] = ()
    rules: tuple[RuleSpec, ...] = ()
    cases: tuple[CaseSpec, ...] = Field((), description="Cases for `tyrian policy test`.")


class CasesSpec(_Spec):
    """A file of cases that stands beside a policy."""

    cases: tuple[CaseSpec, ...] = Field(description="Cases for `tyrian policy test`.")
