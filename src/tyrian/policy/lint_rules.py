"""Lint of tools, limits, flow and expression rules: dead, shadowed, or about nothing."""

from collections.abc import Iterable, Iterator
from difflib import get_close_matches

from tyrian.core.message import Origin
from tyrian.policy.entry import Kinds, entries, shape
from tyrian.policy.expression.compile import compile_condition
from tyrian.policy.expression.syntax import parse
from tyrian.policy.flow import ANY_TOOL, effect_and_tools, words
from tyrian.policy.labels import spelled_out
from tyrian.policy.lint_fault import Fault
from tyrian.policy.rules import compiled
from tyrian.policy.schema import FlowSpec, KindSpec, PolicySpec

_SECTIONS = {"fs:read": "fs", "fs:write": "fs", "net": "net"}
_SECTIONS |= {name: name for name in ("email", "shell", "sql")}
_WIDE_PATTERNS = frozenset((".*", ".+", "(?s).*", "(?s).+", "[^\\n]*"))


def tool_faults(spec: PolicySpec) -> Iterator[Fault]:
    """Tools of which nothing is judged, kinds without a section, sections without a tool."""
    kinds = Kinds(spec)
    used: set[str] = set()
    named: set[str] = set()
    for tool, arguments in spec.tools.items():
        bases = set()
        for argument, given in arguments.items():
            word = (given if isinstance(given, str) else given[0]).removesuffix("?")
            named.add(word)
            base = kinds.base(word)
            bases.add(base)
            section = _SECTIONS.get(base, "")
            if section and getattr(spec, section) is None:
                message = f"there is no section {section}, so every call of {tool} is denied"
                path = ("tools", tool, argument)
                yield Fault("missing-section", "error", path, message, f"add `{section}:`")
        if bases == {"opaque"}:
            message = f"no argument of {tool} is judged"
            path_ = ("tools", tool)
            yield Fault("opaque-tool", "warning", path_, message, "give kinds, or add a rule", True)
        used |= {_SECTIONS.get(base, "") for base in bases}
    for section in ("fs", "net", "email", "shell", "sql"):
        if getattr(spec, section) is not None and section not in used:
            message = f"no tool has an argument of the section {section}"
            yield Fault("unused-section", "warning", (section,), message, of_key=True)
    yield from _kind_faults(spec, named)


def _kind_faults(spec: PolicySpec, named: set[str]) -> Iterator[Fault]:
    for own in spec.kinds.values():
        target = own if isinstance(own, str) else own.kind
        named = named | ({target} if target else set())
    for name, own in spec.kinds.items():
        if name not in named:
            message = f"no tool has an argument of the kind {name}"
            yield Fault("unused-kind", "warning", ("kinds", name), message, of_key=True)
        if isinstance(own, KindSpec) and own.pattern in _WIDE_PATTERNS:
            message = f"the pattern of {name} matches everything"
            yield Fault("wide-pattern", "warning", ("kinds", name, "pattern"), message)


def trust_faults(spec: PolicySpec) -> Iterator[Fault]:
    """Tools that are trusted and yet unknown, or that read what anybody may write."""
    for tool in spec.trusted_output:
        path = ("trusted_output",)
        yield from _unknown_tools((tool,), spec, path)
        kinds = {
            word.removesuffix("?")
            for given in spec.tools.get(tool, {}).values()
            for word in ((given,) if isinstance(given, str) else given)
        }
        if "net" in kinds:
            message = f"what {tool} fetches from the network is trusted like the operator's words"
            yield Fault("trusted-network", "error", path, message, "take it out of trusted_output")


def limit_faults(spec: PolicySpec) -> Iterator[Fault]:
    """Limits of tools that there are not, and of none."""
    for key in ("calls_per_minute", "calls_per_trace"):
        for tool, most in getattr(spec.limits, key).items():
            path = ("limits", key, tool)
            yield from _unknown_tools((tool,), spec, path)
            if most == 0:
                message = f"{tool} may never be called"
                yield Fault("zero-limit", "warning", path, message, "take it out of tools")


def flow_faults(spec: PolicySpec) -> Iterator[Fault]:
    """Rules about tools that there are not, and rules that another one makes needless."""
    for index, rule in enumerate(spec.flow):
        path = ("flow", index)
        _, tools = effect_and_tools(rule)
        yield from _unknown_tools(tools, spec, path)
        events = words(rule.if_called) | words(rule.if_untrusted_output_from)
        events |= words(rule.if_args_from) - {Origin.MEMORY.value, Origin.RETRIEVAL.value}
        yield from _unknown_tools(events, spec, path, is_event=True)
        yield from _unknown_arguments(rule, tools, spec, path)
        for other_at, other in enumerate(spec.flow):
            if other_at != index and _makes_needless(other, rule, is_first=other_at < index):
                message = f"flow.{other_at} says the same or more"
                yield Fault("shadowed-flow", "warning", path, message)
                break


def _makes_needless(other: FlowSpec, rule: FlowSpec, *, is_first: bool) -> bool:
    effect, tools = effect_and_tools(rule)
    other_effect, other_tools = effect_and_tools(other)
    covers_tools = tools <= other_tools or ANY_TOOL in other_tools
    if rule.if_args_from is not None:
        of_other = words(other.if_args_from)
        covers_event = _covers_args(other, rule) and (
            words(rule.if_args_from) <= of_other or ANY_TOOL in of_other
        )
    elif rule.if_args_hold is not None:
        held, of_other = (
            spelled_out(words(rule.if_args_hold)),
            spelled_out(words(other.if_args_hold)),
        )
        covers_event = _covers_args(other, rule) and held <= of_other
    elif rule.if_seen is not None:
        covers_event = spelled_out(words(rule.if_seen)) <= spelled_out(words(other.if_seen))
    elif rule.if_called is not None:
        covers_event = words(rule.if_called) <= words(other.if_called)
    elif rule.if_any_untrusted:
        covers_event = bool(other.if_any_untrusted)
    else:
        events = words(rule.if_untrusted_output_from)
        covers_event = bool(other.if_any_untrusted) or (
            events <= words(other.if_untrusted_output_from)
        )
    is_same = other.model_copy(update={"id": rule.id}) == rule
    return covers_tools and covers_event and other_effect >= effect and (is_first or not is_same)


def _unknown_arguments(
    rule: FlowSpec, tools: frozenset[str], spec: PolicySpec, path: tuple[str | int, ...]
) -> Iterator[Fault]:
    known = {name for tool in tools for name in spec.tools.get(tool, ())}
    if ANY_TOOL in tools or not tools <= spec.tools.keys():
        return
    for name in sorted(words(rule.args) - known):
        message = f"none of the rule's tools has an argument {name!r}"
        yield Fault("unknown-argument", "warning", (*path, "args"), message)


def _covers_args(other: FlowSpec, rule: FlowSpec) -> bool:
    """Whether the other rule looks at all arguments that this one looks at."""
    return other.args is None or (rule.args is not None and words(rule.args) <= words(other.args))


def _unknown_tools(
    names: Iterable[str], spec: PolicySpec, path: tuple[str | int, ...], *, is_event: bool = False
) -> Iterator[Fault]:
    for name in sorted(names):
        if name == ANY_TOOL or name in spec.tools:
            continue
        near = get_close_matches(name, spec.tools, n=1, cutoff=0.8)
        hint = f"did you mean {near[0]!r}?" if near else "name it in tools, or remove it here"
        if is_event and not near:
            continue  # what was read may come from tools that are not judged here
        yield Fault("unknown-tool", "warning", path, f"no tool is named {name!r}", hint)


def rule_faults(spec: PolicySpec) -> Iterator[Fault]:
    """Rules that can never hold, and rules that always do."""
    is_open = spec.unknown_args == "allow"
    shapes = tuple(shape(entry, is_open=is_open) for entry in entries(spec).values())
    seen: dict[str, str] = {}
    for index, rule in enumerate(spec.rules):
        path = ("rules", index, "when")
        tools = [tool for tool in compiled(rule, shapes) if tool]
        if not tools and spec.default == "deny":
            message = f"the rule {rule.id} can hold for no tool of the policy"
            yield Fault("dead-rule", "warning", path, message, "check the tool's name")
        node = parse(rule.when)
        codes = [compile_condition(node, one) for one in shapes if one.name in tools]
        if codes and all(code.is_constant and code.value is True for code in codes):
            message = f"the rule {rule.id} holds for every call of {', '.join(sorted(tools))}"
            yield Fault("constant-rule", "warning", path, message)
        text = " ".join(rule.when.split())
        if text in seen:
            message = f"the rule {seen[text]} has the same condition"
            yield Fault("shadowed-rule", "warning", path, message)
        seen.setdefault(text, rule.id)
