"""A least-privilege draft of a policy from recorded traces: what was done is allowed, no more.

Every line says why it is there. The draft is text for a person to read; nothing applies it.
"""

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from tyrian.core.decision import Effect
from tyrian.core.message import Trace
from tyrian.errors import PolicyError
from tyrian.policy.learn.kinds import (
    Guess,
    addresses,
    globs,
    guess,
    places,
    programs,
    recipients,
    words,
)
from tyrian.policy.learn.seen import Seen, SeenTool, look_at
from tyrian.policy.replay import Replayed, replay_trace
from tyrian.policy.tool import ToolPolicy, parse_policy
from tyrian.policy.trace import TraceReader

MAX_ADDRESSES = 10
_SENDS = frozenset(
    [
        "send",
        "post",
        "publish",
        "upload",
        "email",
        "mail",
        "notify",
        "share",
        "reply",
        "forward",
        "tweet",
    ]
)
_DENY = ("**/.git/**", "**/.env", "**/.ssh/**")


@dataclass(frozen=True, slots=True)
class Draft:
    """The text of a policy, and the calls that it refuses all the same."""

    text: str
    refused: tuple[Replayed, ...]
    calls: int


@dataclass(slots=True)
class _Plan:
    seen: Seen
    cwd: str
    guesses: dict[tuple[str, str], Guess] = field(default_factory=dict)
    notes: dict[tuple[str, str], str] = field(default_factory=dict)
    """Why an argument is judged less narrowly than it could be."""

    def of_kind(self, *kinds: str) -> list[object]:
        """All values of arguments of these kinds."""
        found: list[object] = []
        for (tool, argument), one in self.guesses.items():
            if one.kind in kinds:
                for value in self.seen.tools[tool].values[argument]:
                    found += value if isinstance(value, list) else [value]
        return found


def learn(traces: Iterable[Trace], cwd: str) -> Draft:
    """The draft for these traces; relative paths start from `cwd`.

    What the draft itself would refuse of the traces is judged less narrowly, with a note why.
    """
    traces = list(traces)
    plan = _Plan(look_at(traces), cwd)
    for tool in plan.seen.tools.values():
        for argument in tool.values:
            plan.guesses[tool.name, argument] = guess(tool, argument)
    for _ in range(len(plan.guesses) + 1):
        text = "\n".join(_lines(plan)) + "\n"
        try:
            refused = tuple(_refused(parse_policy(text, file="draft"), traces))
        except PolicyError as error:
            if not _widen_section(plan, error.message):
                raise
            continue
        if not refused or not _widen(plan, refused):
            break
    return Draft(text, refused, plan.seen.calls)


def _refused(policy: ToolPolicy, traces: list[Trace]) -> Iterator[Replayed]:
    reader = TraceReader(policy)
    for number, trace in enumerate(traces, 1):
        for found in replay_trace(policy, trace, reader, number):
            if found.decision.effect is not Effect.ALLOW:
                yield found


def _widen(plan: _Plan, refused: tuple[Replayed, ...]) -> bool:
    """Judge as plain text what the narrow kind refuses; False where nothing can be done."""
    is_changed = False
    for found in refused:
        argument, _, why = found.decision.reason.partition(": ")
        key = (found.tool, argument)
        old = plan.guesses.get(key)
        if why and old is not None and old.kind not in ("text", "opaque"):
            plan.guesses[key] = Guess("text", old.is_list, old.values)
            plan.notes[key] = f"not {old.kind}, because of a value seen: {why}"
            is_changed = True
    return is_changed


def _widen_section(plan: _Plan, message: str) -> bool:
    """The same for all arguments of a section that cannot be written at all."""
    for section, kinds in _SECTIONS.items():
        keys = [key for key, one in plan.guesses.items() if one.kind in kinds]
        if f"{section}." in message and keys:
            for key in keys:
                old = plan.guesses[key]
                plan.guesses[key] = Guess("text", old.is_list, old.values)
                plan.notes[key] = f"not {old.kind}: its values cannot be listed"
            return True
    return False


_SECTIONS = {
    "fs": ("fs:read", "fs:write"),
    "net": ("net",),
    "email": ("email",),
    "shell": ("shell",),
    "sql": ("sql",),
}


def _lines(plan: _Plan) -> Iterator[str]:
    seen = plan.seen
    yield f"# Draft from {_count(seen.calls, 'call')} in {_count(seen.traces, 'trace')}."
    yield "# It allows what was seen, and no more. Read it, add cases, then use it."
    if seen.unreadable:
        yield f"# Left out: {_count(seen.unreadable, 'call')} without a plain name or strict JSON."
    yield "version: 1"
    yield "default: deny"
    if plan.of_kind("fs:read", "fs:write"):
        yield f"cwd: {_plain(plan.cwd)}  # where relative paths start"
    kinds: dict[str, str] = {}
    tools = list(_tools(plan, kinds))
    yield "tools:" if tools else "tools: {}"
    yield from tools
    if kinds:
        yield "kinds:"
        yield from (f"  {name}: {spec}" for name, spec in kinds.items())
    yield from _sections(plan)
    if seen.tools:
        yield "limits:"
        yield "  calls_per_trace:  # the most that any trace has"
        yield from (f"    {_plain(t.name)}: {t.most}" for t in seen.tools.values())
    yield from _flow(plan)


def _tools(plan: _Plan, kinds: dict[str, str]) -> Iterator[str]:
    for tool in plan.seen.tools.values():
        yield f"  # {_count(tool.calls, 'call')} in {_count(tool.traces, 'trace')}"
        yield f"  {_plain(tool.name)}:" if tool.values else f"  {_plain(tool.name)}: {{}}"
        for argument, values in tool.values.items():
            one = plan.guesses[tool.name, argument]
            kind = _kind(one, kinds)
            if len(values) < tool.calls and one.kind != "opaque":
                kind += "?"
            shown = json.dumps([kind] if one.is_list else kind)
            note = plan.notes.get((tool.name, argument), "")
            yield f"    {_plain(argument)}: {shown}" + (f"  # {note}" if note else "")


def _kind(one: Guess, kinds: dict[str, str]) -> str:
    """The name of the kind; own kinds are added to `kinds`."""
    texts = [value for value in one.values if isinstance(value, str)]
    match one.kind:
        case "text":
            longest = max((len(text) for text in texts), default=0)
            bound = 64
            while bound < 2 * longest:
                bound *= 2
            name, spec = f"text-{bound}", f"{{max_length: {bound}}}"
        case "enum":
            options = sorted(set(texts))
            name = f"one-of-{_slug(options)}"
            spec = f"{{enum: {json.dumps(options)}}}"
        case "number":
            numbers = [v for v in one.values if isinstance(v, int | float)]
            low, high = min(numbers, default=0), max(numbers, default=0)
            is_whole = all(isinstance(v, int) for v in numbers)
            name = f"number-{_slug([str(low), str(high)])}"
            kind = "integer" if is_whole else "number"
            spec = f"{{type: {kind}, min: {json.dumps(low)}, max: {json.dumps(high)}}}"
        case "boolean":
            name, spec = "flag", "{type: boolean}"
        case _:
            return one.kind
    name = name[:60].rstrip("-")
    while kinds.get(name, spec) != spec:
        name += "x"
    kinds[name] = spec
    return name


def _slug(texts: Iterable[str]) -> str:
    joined = "-".join(texts).lower().replace(".", "-")
    return "".join(c for c in joined if c.isascii() and (c.isalnum() or c == "-")) or "values"


def _sections(plan: _Plan) -> Iterator[str]:
    reads, writes = plan.of_kind("fs:read"), plan.of_kind("fs:write")
    if reads or writes:
        yield "fs:"
        for key, values in (("read", reads), ("write", writes)):
            if values:
                count = _count(len(set(map(str, values))), "path")
                yield f"  {key}: {json.dumps(globs(values, plan.cwd))}  # {count}"
        yield f"  deny: {json.dumps(_DENY)}  # never meant, whatever else is allowed"
    if urls := plan.of_kind("net"):
        hosts, schemes, ports = places(urls)
        yield "net:"
        yield f"  hosts: {json.dumps(sorted(hosts))}  # {_count(len(urls), 'URL')}"
        yield f"  schemes: {json.dumps(sorted(schemes))}"
        yield f"  ports: {json.dumps(sorted(ports))}"
    if mails := plan.of_kind("email"):
        yield from _email(plan, mails)
    if commands := plan.of_kind("shell"):
        yield "shell:"
        yield f"  programs: {json.dumps(sorted(programs(commands)))}"
    if statements := plan.of_kind("sql"):
        yield from _sql(statements)


def _email(plan: _Plan, mails: list[object]) -> Iterator[str]:
    found = addresses(mails)
    yield "email:"
    if len(found) <= MAX_ADDRESSES:
        yield f"  addresses: {json.dumps(found)}"
    else:
        domains = sorted({address.rpartition("@")[2] for address in found})
        yield f"  domains: {json.dumps(domains)}  # {_count(len(found), 'address', 'es')}"
    most: dict[int, int] = defaultdict(int)
    for (name, argument), one in plan.guesses.items():
        if one.kind == "email":
            most[id(plan.seen.tools[name])] += recipients(plan.seen.tools[name].values[argument])
    yield f"  max_rcpt: {max(most.values())}"


def _sql(statements: list[object]) -> Iterator[str]:
    import sqlglot
    from sqlglot import exp

    kinds: set[str] = set()
    tables: set[str] = set()
    for statement in statements:
        try:
            parsed = [one for one in sqlglot.parse(str(statement)) if one is not None]
        except sqlglot.errors.SqlglotError:
            continue
        kinds |= {one.key for one in parsed}
        names = (table for one in parsed for table in one.find_all(exp.Table))
        tables |= {".".join(part.name for part in table.parts) for table in names}
    yield "sql:"
    yield f"  statements: {json.dumps(sorted(kinds))}"
    yield f"  tables: {json.dumps(sorted(tables))}"


def _flow(plan: _Plan) -> Iterator[str]:
    """A person looks at what sends, where it was never seen after what reads."""
    readers = sorted(name for name, tool in plan.seen.tools.items() if tool.has_output)
    rules = []
    for tool in plan.seen.tools.values():
        never = [name for name in readers if name not in tool.after and name != tool.name]
        if _sends(plan, tool) and never:
            rules.append((never, tool.name))
    if rules:
        yield "flow:"
        yield "  # what sends was never seen after the output of these"
    for never, name in rules:
        sources = json.dumps(never)
        yield f"  - {{if_untrusted_output_from: {sources}, then: ask, tools: [{_plain(name)}]}}"


def _sends(plan: _Plan, tool: SeenTool) -> bool:
    kinds = {one.kind for (name, _), one in plan.guesses.items() if name == tool.name}
    return "email" in kinds or bool(_SENDS & set(words(tool.name)))


def _plain(text: str) -> str:
    return json.dumps(text)


def _count(number: int, noun: str, plural: str = "s") -> str:
    return f"{number} {noun}{plural if number != 1 else ''}"
