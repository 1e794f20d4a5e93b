"""What the schema of a policy cannot say: names, globs, patterns and expressions that fit."""

import re
from collections.abc import Callable, Iterable, Iterator

import re2

from tyrian.core.model_faults import near, shown
from tyrian.core.yaml_source import KeyPath
from tyrian.errors import PolicyError
from tyrian.policy.email import EmailRule
from tyrian.policy.entry import KindError, Kinds, entries, shape
from tyrian.policy.expression.syntax import ExpressionError
from tyrian.policy.flow import effect_and_tools, words
from tyrian.policy.host import check_host_pattern
from tyrian.policy.kind import BUILT_IN
from tyrian.policy.labels import NAMES as LABELS
from tyrian.policy.rules import compiled
from tyrian.policy.schema import EmailSpec, KindSpec, PolicySpec
from tyrian.policy.sql import dialect_fault
from tyrian.policy.validate import PolicySource

TOOL_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.:/-]{0,127}\Z")
EVENTS = (
    "if_called",
    "if_untrusted_output_from",
    "if_any_untrusted",
    "if_args_from",
    "if_args_hold",
    "if_seen",
)
_SCHEME = re.compile(r"[a-z][a-z0-9+.-]*\Z")
_BAD_GLOB = re.compile(r"[\\\x00-\x1f\[\]{}]|(?:^|/)\.{1,2}(?:/|$)|[^/]\*\*|\*\*[^/]")


def faults(spec: PolicySpec, source: PolicySource) -> Iterator[PolicyError]:
    """Everything that keeps a policy from being used."""
    if not spec.cwd.startswith("/"):
        yield source.error("cwd: it must be an absolute path", ("cwd",))
    kind_faults = [*_kinds(spec, source), *_tools(spec, source)]
    yield from kind_faults
    section_faults = list(_sections(spec, source))
    yield from section_faults
    yield from _flow(spec, source)
    if not kind_faults and not section_faults:
        yield from _rules(spec, source)


def _kinds(spec: PolicySpec, source: PolicySource) -> Iterator[PolicyError]:
    kinds = [*BUILT_IN, *spec.kinds]
    for name, own in spec.kinds.items():
        path: KeyPath = ("kinds", name)
        if name in BUILT_IN or not re.fullmatch(r"[a-z][a-z0-9_-]{0,63}", name):
            message = f"{shown(name)} cannot be the name of a kind"
            yield source.error(message, path, hint="use a-z, 0-9, '-', '_'", of_key=True)
        if isinstance(own, KindSpec):
            yield from _own_kind(own, path, source)
        target = own if isinstance(own, str) else own.kind
        if target is not None and target not in kinds:
            yield source.error(f"unknown kind {shown(target)}", path, hint=near(target, kinds))


def _own_kind(own: KindSpec, path: KeyPath, source: PolicySource) -> Iterator[PolicyError]:
    given = own.model_fields_set
    if not given:
        yield source.error("the kind says nothing", path, hint="give enum, pattern, min or type")
    if own.kind is not None and len(given) > 1:
        yield source.error("`kind` stands alone", path, hint="remove the other keys")
    if own.pattern is not None:
        try:
            options = re2.Options()
            options.log_errors = False
            re2.compile(own.pattern, options=options)
        except re2.error as error:
            yield source.error(f"not an RE2 pattern: {error}", (*path, "pattern"))
    is_text = own.pattern is not None or own.max_length is not None
    is_number = own.min is not None or own.max is not None
    wanted = ("string",) if is_text else ("integer", "number") if is_number else None
    if (is_text and is_number) or (wanted and own.type and own.type not in wanted):
        yield source.error("the keys of the kind are about different types", path)
    if own.min is not None and own.max is not None and own.min > own.max:
        yield source.error("min is greater than max", (*path, "min"))


def _tools(spec: PolicySpec, source: PolicySource) -> Iterator[PolicyError]:
    try:
        kinds = Kinds(spec.model_copy(update=_NO_SECTIONS))
    except ValueError:
        return
    for tool, arguments in spec.tools.items():
        if not TOOL_NAME.match(tool):
            message = f"{shown(tool)} cannot be the name of a tool"
            hint = "use letters, digits, '_', '-', '.', ':', '/'"
            yield source.error(message, ("tools", tool), hint=hint, of_key=True)
        for name, given in arguments.items():
            path = ("tools", tool, name)
            word = (given if isinstance(given, str) else given[0] if given else "").rstrip("?")
            try:
                kinds.argument(given)
            except KindError as error:
                yield source.error(str(error), path, hint=near(word, kinds.names()))
            except (ValueError, re2.error):
                continue  # told at the kind itself


_NO_SECTIONS = {"fs": None, "net": None, "email": None, "shell": None, "sql": None}


def _sections(spec: PolicySpec, source: PolicySource) -> Iterator[PolicyError]:
    if spec.fs:
        for key in ("read", "write", "deny"):
            yield from _each(
                getattr(spec.fs, key), ("fs", key), source, _glob(is_deny=key == "deny")
            )
    if spec.net:
        yield from _each(spec.net.hosts, ("net", "hosts"), source, check_host_pattern)
        yield from _each(spec.net.schemes, ("net", "schemes"), source, _scheme)
        yield from _each(spec.net.paths, ("net", "paths"), source, _glob(is_deny=False))
    if spec.email:
        yield from _each(spec.email.domains, ("email", "domains"), source, check_host_pattern)
        yield from _each(spec.email.addresses, ("email", "addresses"), source, _address)
    if spec.shell:
        yield from _each(spec.shell.programs, ("shell", "programs"), source, _program)
        for program, options in spec.shell.args_deny.items():
            path = ("shell", "args_deny", program)
            yield from _each(options, path, source, _option)
    if spec.sql:
        yield from _each(spec.sql.tables, ("sql", "tables"), source, _table)
        yield from _each((spec.sql.dialect,), ("sql", "dialect"), source, dialect_fault)


def _each(
    values: Iterable[str], path: KeyPath, source: PolicySource, check: Callable[[str], str]
) -> Iterator[PolicyError]:
    for index, value in enumerate(values):
        if fault := check(value):
            yield source.error(f"{shown(value)}: {fault}", (*path, index))


def _glob(*, is_deny: bool) -> Callable[[str], str]:
    def check(glob: str) -> str:
        if not glob or _BAD_GLOB.search(glob):
            return "it must be a glob of '*', '?' and '**' segments, without '.' and '..'"
        if not is_deny and not glob.startswith("/"):
            return "it must begin with a slash"
        return ""

    return check


def _scheme(scheme: str) -> str:
    return "" if _SCHEME.match(scheme) else "it must be a scheme such as https, without a colon"


def _address(address: str) -> str:
    try:
        EmailRule(EmailSpec.model_validate({"addresses": (address,)}))
    except ValueError as error:
        return str(error)
    return ""


def _program(program: str) -> str:
    good = program and not re.search(r"[\s'\"\\$`|&;<>()*?\[\]{}~!#=]", program)
    return "" if good else "it must be one plain word"


def _option(option: str) -> str:
    return "" if option and not re.search(r"\s", option) else "it must be one plain word"


def _table(table: str) -> str:
    good = re.fullmatch(r"[\w$*-]+(?:\.[\w$*-]+){0,2}", table)
    return "" if good else "it must be table, schema.table or catalog.schema.table, '*' for any"


def _flow(spec: PolicySpec, source: PolicySource) -> Iterator[PolicyError]:
    for index, rule in enumerate(spec.flow):
        path: KeyPath = ("flow", index)
        if sum(getattr(rule, event) is not None for event in EVENTS) != 1:
            yield source.error(f"give one of {', '.join(EVENTS)}", path)
        for key in ("if_args_hold", "if_seen"):
            for label in words(getattr(rule, key)):
                if label not in LABELS:
                    message = f"unknown label {shown(label)}"
                    yield source.error(message, (*path, key), hint=near(label, LABELS))
        if rule.args is not None and rule.if_args_from is None and rule.if_args_hold is None:
            message = "`args` goes with if_args_from and if_args_hold"
            yield source.error(message, (*path, "args"))
        try:
            effect_and_tools(rule)
        except ValueError as error:
            yield source.error(str(error), path)


def _rules(spec: PolicySpec, source: PolicySource) -> Iterator[PolicyError]:
    is_open = spec.unknown_args == "allow"
    shapes = tuple(shape(entry, is_open=is_open) for entry in entries(spec).values())
    seen: set[str] = set()
    for index, rule in enumerate(spec.rules):
        if rule.id in seen:
            message = f"a second rule with the id {rule.id!r}"
            yield source.error(message, ("rules", index, "id"), hint="give each its own")
        seen.add(rule.id)
        try:
            compiled(rule, shapes)
        except ExpressionError as error:
            yield _at_expression(error, rule.when, ("rules", index, "when"), source)


def _at_expression(
    error: ExpressionError, text: str, path: KeyPath, source: PolicySource
) -> PolicyError:
    line = text.count("\n", 0, error.at)
    start = text.rfind("\n", 0, error.at) + 1
    shown_line = text[start:].split("\n", 1)[0]
    caret = f"    {shown_line}\n    {' ' * (error.at - start)}^"
    message = f"{error.message}\n{caret}"
    found = source.error(message, path, hint=error.hint)
    if "\n" not in text:
        place = source.place(path)
        return PolicyError(
            message,
            file=source.file,
            line=place.line + line,
            column=place.column + error.at,
            hint=error.hint,
        )
    return found
