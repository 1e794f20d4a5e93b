"""Expressions to closures: types checked, constants folded, cost bounded, once for each tool.

A tool's own name and the set of its arguments are known, so that a rule about another tool folds
to `false` and never runs, and an argument that the tool does not have is an error at load.
"""

from collections.abc import Callable
from dataclasses import dataclass
from difflib import get_close_matches

from tyrian.policy.expression import operators as op
from tyrian.policy.expression.scene import (
    BOOL,
    DOUBLE,
    DYN,
    INT,
    MAP,
    PROVENANCE,
    STRING,
    TAINTED,
    EvaluationError,
    Scene,
    ToolShape,
    item_of,
    list_of,
)
from tyrian.policy.expression.syntax import (
    Binary,
    Call,
    Choice,
    ExpressionError,
    Index,
    ListOf,
    Literal,
    Member,
    Name,
    Node,
    Unary,
)

MAX_COST = 100_000
"""Steps that an expression may take at most; a comprehension multiplies."""
MAX_ITEMS = 1_000
"""Items of a list that a comprehension goes through; a longer list refuses the call."""

Run = Callable[[Scene], object]


@dataclass(frozen=True, slots=True)
class Code:
    """A compiled expression."""

    type: str
    run: Run
    cost: int = 1
    is_constant: bool = False

    @property
    def value(self) -> object:
        """The value of a constant."""
        return self.run(_NOWHERE)


_NOWHERE = Scene("", {}, {}, {}, frozenset(), 0)


class MissingArgumentError(ExpressionError):
    """The tool has no such argument."""


def compile_condition(node: Node, shape: ToolShape) -> Code:
    """The closure of a condition for calls of one tool; ExpressionError where it is not one."""
    code = Compiler(shape).code(node)
    if code.type not in (BOOL, DYN):
        message = f"the condition is of type {code.type}, not bool"
        raise ExpressionError(message, 0, "compare it with something")
    if code.cost > MAX_COST:
        message = f"the condition may take {code.cost:,} steps, more than {MAX_COST:,}"
        raise ExpressionError(message, 0, "nest fewer comprehensions")
    return code


def _constant(value: object, kind: str) -> Code:
    return Code(kind, lambda scene: value, 1, True)


class Compiler:
    """Compiles the nodes of one expression for one tool."""

    def __init__(self, shape: ToolShape) -> None:
        self.shape = shape
        self.variables: dict[str, str] = {}

    def code(self, node: Node) -> Code:
        """The code of any node."""
        match node:
            case Literal():
                return _constant(node.value, op.type_of(node.value))
            case ListOf():
                return self.literal_list(node)
            case Name():
                return self.name(node)
            case Member():
                return self.member(node)
            case Index():
                return self.index(node)
            case Unary():
                return self.unary(node)
            case Binary(operator="&&" | "||"):
                return self.logic(node)
            case Binary():
                return self.binary(node)
            case Choice():
                return self.choice(node)
            case Call():
                return self.call(node)

    def literal_list(self, node: ListOf) -> Code:
        """A list; of one type if its items are."""
        items = [self.code(item) for item in node.items]
        types = {item.type for item in items}
        kind = list_of(types.pop() if len(types) == 1 else DYN)
        cost = 1 + sum(item.cost for item in items)
        if all(item.is_constant for item in items):
            values = tuple(item.value for item in items)
            return Code(kind, lambda scene: values, cost, True)
        runs = tuple(item.run for item in items)
        return Code(kind, lambda scene: tuple(run(scene) for run in runs), cost)

    def name(self, node: Name) -> Code:
        """A variable of a comprehension; `tool` and `trace` only have members."""
        if node.name in self.variables:
            name = node.name
            return Code(self.variables[name], lambda scene: scene.variables[name])
        if node.name in ("tool", "trace"):
            hint = "tool.name, tool.args.<argument>" if node.name == "tool" else "trace.called"
            raise ExpressionError(f"{node.name} is not a value", node.at, f"use {hint}")
        known = ["tool", "trace", *self.variables]
        raise ExpressionError(f"unknown name {node.name!r}", node.at, _near(node.name, known))

    def member(self, node: Member) -> Code:
        """`tool...`, `trace...`, or a key of a value of unknown shape."""
        path = _path(node)
        if path[:1] == ("tool",):
            return self.of_tool(node, path)
        if path[:1] == ("trace",):
            return _of_trace(node, path)
        value = self.code(node.value)
        if value.type not in (DYN, MAP):
            raise ExpressionError(f"{value.type} has no member {node.name!r}", node.at)
        run, name = value.run, node.name
        return Code(DYN, lambda scene: op.member(run(scene), name), value.cost + 1)

    def of_tool(self, node: Member, path: tuple[str, ...]) -> Code:
        """`tool.name`, `tool.args`, `tool.args.a`, `tool.facts.a.f`, and what lies below."""
        match path[1:]:
            case ("name",):
                name = self.shape.name
                return _constant(name, STRING) if name else Code(STRING, lambda scene: scene.name)
            case ("args",):
                return Code(MAP, lambda scene: scene.args)
            case ("args", argument):
                return self.argument(node, argument)
            case ("args", argument, "tainted"):
                return self.provenance(node, argument, TAINTED)
            case ("facts", argument, fact):
                return self.fact(node, argument, fact)
            case ("facts", argument):
                known = ", ".join((*self.shape.facts.get(argument, {}), *PROVENANCE))
                raise ExpressionError("facts are not a value", node.at, f"known facts: {known}")
            case (first, *_) if first in ("args", "facts"):
                inner = self.code(node.value)
                if inner.type not in (DYN, MAP):
                    raise ExpressionError(f"{inner.type} has no member {node.name!r}", node.at)
                run, key = inner.run, node.name
                return Code(DYN, lambda scene: op.member(run(scene), key), inner.cost + 1)
        hint = _near(path[1], ["name", "args", "facts"])
        raise ExpressionError(f"tool has no member {path[1]!r}", node.at, hint)

    def argument(self, node: Node, argument: str) -> Code:
        """The canonical value of an argument."""
        if argument not in self.shape.args and not self.shape.is_open:
            message = f"the tool {self.shape.name} has no argument {argument!r}"
            hint = _near(argument, self.shape.args)
            guard = f"begin with `tool.name == ...` or `has(tool.args.{argument})`"
            raise MissingArgumentError(message, node.at, f"{hint}; or {guard}")
        return Code(self.shape.args.get(argument, DYN), op.argument(argument))

    def fact(self, node: Node, argument: str, fact: str) -> Code:
        """What is known of an argument."""
        if fact in PROVENANCE:
            return self.provenance(node, argument, fact)
        if self.shape.name:
            self.argument(node, argument)
        facts = self.shape.facts.get(argument)
        if facts is None:
            return Code(DYN, op.fact(argument, fact))
        if fact not in facts:
            message = f"{argument!r} of {self.shape.name} has no fact {fact!r}"
            raise ExpressionError(message, node.at, _near(fact, (*facts, *PROVENANCE)))
        return Code(facts[fact], op.fact(argument, fact))

    def provenance(self, node: Node, argument: str, fact: str) -> Code:
        """Where the value of an argument is from."""
        if self.shape.name:
            self.argument(node, argument)
        if fact == TAINTED:
            return Code(BOOL, lambda scene: bool(scene.provenance.of(argument).sources), 50)
        kind = PROVENANCE[fact]
        if fact == "sources":
            return Code(kind, lambda scene: tuple(scene.provenance.of(argument).sources), 50)
        return Code(kind, lambda scene: tuple(scene.provenance.of(argument).labels), 50)

    def index(self, node: Index) -> Code:
        """`list[0]`, `map["key"]`, `tool.args["key"]`."""
        key = node.index.value if isinstance(node.index, Literal) else None
        if isinstance(key, str) and _path(node.value) == ("tool", "args"):
            return self.argument(node, key)
        value, index = self.code(node.value), self.code(node.index)
        item = item_of(value.type)
        if not item and value.type not in (DYN, MAP):
            raise ExpressionError(f"{value.type} cannot be indexed", node.at)
        run, at = value.run, index.run
        cost = value.cost + index.cost + 1
        return Code(item or DYN, lambda scene: op.index(run(scene), at(scene)), cost)

    def unary(self, node: Unary) -> Code:
        """`!` and `-`."""
        value = self.code(node.value)
        wanted = (BOOL, DYN) if node.operator == "!" else (INT, DOUBLE, DYN)
        if value.type not in wanted:
            raise ExpressionError(f"{node.operator} does not take {value.type}", node.at)
        run = value.run
        made: Run = (
            (lambda scene: op.negated(run(scene)))
            if node.operator == "!"
            else (lambda scene: op.minus(run(scene)))
        )
        return _folded(Code(value.type, made, value.cost + 1), value)

    def logic(self, node: Binary) -> Code:
        """`&&` and `||`: an error on one side counts only if the other does not decide."""
        decisive = node.operator == "||"
        left, missing = self._side(node.left)
        if left is not None and left.is_constant and left.value is decisive:
            return left
        right, missing_right = self._side(node.right)
        if right is not None and right.is_constant and right.value is decisive:
            return right
        if left is None or right is None:
            raise missing or missing_right or AssertionError
        for side in (left, right):
            if side.type not in (BOOL, DYN):
                raise ExpressionError(f"{node.operator} does not take {side.type}", node.at)
        if left.is_constant:
            return right
        if right.is_constant:
            return left
        cost = left.cost + right.cost + 1
        return Code(BOOL, op.logic(left.run, right.run, decisive=decisive), cost)

    def _side(self, node: Node) -> tuple[Code | None, MissingArgumentError | None]:
        try:
            return self.code(node), None
        except MissingArgumentError as error:
            return None, error

    def binary(self, node: Binary) -> Code:
        """Comparison, membership and arithmetic."""
        left, right = self.code(node.left), self.code(node.right)
        kind = op.result_type(node.operator, left.type, right.type)
        if not kind:
            message = f"{node.operator} does not take {left.type} and {right.type}"
            raise ExpressionError(message, node.at)
        apply, one, two = op.BINARY[node.operator], left.run, right.run
        if node.operator == "in" and right.is_constant:
            return _folded(_in_constant(left, right.value), left)
        cost = left.cost + right.cost + 1
        if right.is_constant and node.operator in ("==", "!="):
            made_for = op.equality(one, right.value, is_wanted=node.operator == "==")
            return _folded(Code(kind, made_for, cost), left)
        made = Code(kind, lambda scene: apply(one(scene), two(scene)), cost)
        return _folded(made, left, right)

    def choice(self, node: Choice) -> Code:
        """`a ? b : c`."""
        condition = self.code(node.condition)
        if condition.type not in (BOOL, DYN):
            raise ExpressionError(f"? does not take {condition.type}", node.at)
        if condition.is_constant:
            return self.code(node.yes if condition.value else node.no)
        yes, no = self.code(node.yes), self.code(node.no)
        kind = yes.type if yes.type == no.type else DYN
        test, one, two = condition.run, yes.run, no.run
        cost = condition.cost + max(yes.cost, no.cost) + 1
        return Code(kind, lambda scene: one(scene) if op.truth(test(scene)) else two(scene), cost)

    def call(self, node: Call) -> Code:
        """A macro, a function or a method."""
        if node.value is None and node.name == "has":
            return self.has(node)
        if node.value is not None and node.name in ("exists", "all", "exists_one"):
            return self.comprehension(node, node.value)
        given = ([] if node.value is None else [node.value]) + list(node.args)
        codes = [self.code(part) for part in given]
        if node.name == "matches":
            return self.matches(node, codes)
        found = op.FUNCTIONS.get((node.name, len(codes)))
        if found is None or (found.is_method and node.value is None):
            names = {name for name, _ in op.FUNCTIONS} | {"matches", "has", "exists", "all"}
            if node.name in names:
                raise ExpressionError(f"{node.name}: wrong number of arguments", node.at)
            raise ExpressionError(
                f"unknown function {node.name!r}", node.at, _near(node.name, names)
            )
        for code, wanted in zip(codes, found.takes, strict=True):
            if code.type != DYN and not any(code.type.startswith(kind) for kind in wanted):
                raise ExpressionError(f"{node.name} does not take {code.type}", node.at)
        runs = tuple(code.run for code in codes)
        apply = found.apply
        cost = sum(code.cost for code in codes) + 10
        made: Run
        if len(runs) == 2:
            one, two = runs
            made = lambda scene: apply(one(scene), two(scene))  # noqa: E731
        else:
            made = lambda scene: apply(*(run(scene) for run in runs))  # noqa: E731
        return _folded(Code(found.gives, made, cost), *codes)

    def matches(self, node: Call, codes: list[Code]) -> Code:
        """`text.matches(r'...')`: RE2, the pattern a constant, so that it is compiled at load."""
        if len(codes) != 2:
            raise ExpressionError("matches: wrong number of arguments", node.at)
        text, pattern = codes
        if text.type not in (STRING, DYN):
            raise ExpressionError(f"matches does not take {text.type}", node.at)
        if not pattern.is_constant or not isinstance(pattern.value, str):
            hint = "write the pattern itself, r'...'"
            raise ExpressionError("the pattern must be a constant string", node.at, hint)
        try:
            search = op.searcher(pattern.value)
        except ValueError as error:
            raise ExpressionError(f"not an RE2 pattern: {error}", node.args[-1].at) from None
        run = text.run
        return _folded(Code(BOOL, lambda scene: search(run(scene)), text.cost + 50), text)

    def has(self, node: Call) -> Code:
        """Whether a member is there."""
        if len(node.args) != 1 or not isinstance(node.args[0], Member):
            raise ExpressionError("has takes a member, such as tool.args.to", node.at)
        member = node.args[0]
        path = _path(member)
        if path[:2] == ("tool", "args") and len(path) == 3:
            name = member.name
            if name not in self.shape.args and not self.shape.is_open:
                return _constant(False, BOOL)
            return Code(BOOL, lambda scene: name in scene.args)
        value = self.code(member.value)
        run, key = value.run, member.name
        return Code(BOOL, lambda scene: op.has(run(scene), key), value.cost + 1)

    def comprehension(self, node: Call, value: Node) -> Code:
        """`list.exists(x, condition)` and its kin, over at most `MAX_ITEMS` items."""
        items = self.code(value)
        item = item_of(items.type)
        if not item and items.type != DYN:
            raise ExpressionError(f"{node.name} does not take {items.type}", node.at)
        if len(node.args) != 2 or not isinstance(node.args[0], Name):
            raise ExpressionError(f"{node.name} takes a name and a condition", node.at)
        name = node.args[0].name
        if name in self.variables or name in ("tool", "trace"):
            raise ExpressionError(f"{name!r} is taken", node.args[0].at)
        self.variables[name] = item or DYN
        body = self.code(node.args[1])
        del self.variables[name]
        if body.type not in (BOOL, DYN):
            raise ExpressionError("the condition must be bool", node.args[1].at)
        count = len(items.value) if items.is_constant else MAX_ITEMS  # type: ignore[arg-type]
        run = op.comprehension(node.name, name, items.run, body.run, MAX_ITEMS)
        return Code(BOOL, run, items.cost + count * (body.cost + 1))


def _of_trace(node: Member, path: tuple[str, ...]) -> Code:
    match path[1:]:
        case ("called",):
            return Code(list_of(STRING), lambda scene: tuple(scene.called))
        case ("untrusted",):
            return Code(list_of(STRING), lambda scene: tuple(scene.untrusted))
        case ("calls",):
            return Code(INT, lambda scene: scene.total)
        case ("labels",):
            return Code(list_of(STRING), lambda scene: tuple(scene.provenance.labels_seen))
    hint = _near(node.name, ["called", "untrusted", "calls", "labels"])
    raise ExpressionError(f"trace has no member {node.name!r}", node.at, hint)


def _in_constant(left: Code, values: object) -> Code:
    run = left.run
    known = op.hashed(values)
    if known is None:
        return Code(BOOL, lambda scene: op.is_in(run(scene), values), left.cost + 1)
    return Code(BOOL, lambda scene: op.key(run(scene)) in known, left.cost + 1)


def _folded(code: Code, *parts: Code) -> Code:
    """The code as a constant where all its parts are; errors stay for the run."""
    if not all(part.is_constant for part in parts):
        return code
    try:
        return _constant(code.value, code.type)
    except EvaluationError:
        return code


def _path(node: Node) -> tuple[str, ...]:
    """The names of `a.b.c`; () where it does not begin with a name."""
    if isinstance(node, Name):
        return (node.name,)
    if isinstance(node, Member):
        above = _path(node.value)
        return (*above, node.name) if above else ()
    return ()


def _near(word: str, known: object) -> str:
    names = sorted(str(name) for name in known)  # type: ignore[attr-defined]
    found = get_close_matches(word, names, n=1, cutoff=0.55)
    return f"did you mean {found[0]!r}?" if found else f"known: {', '.join(names) or 'none'}"
