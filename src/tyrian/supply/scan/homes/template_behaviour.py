"""Chat templates that change what a model is told: on a word, a date, a role, or for everyone.

No code is needed for that, so what reaches for Python does not find it. The template is followed
as text: which values come out of messages, which conditions ask for words in them, and what is said
to the model then that no user and no operator wrote.
"""

from collections.abc import Iterator

from jinja2 import nodes

from tyrian.supply.scan.homes.template_words import (
    invisible,
    is_sentence,
    is_trigger,
    opens_system,
    steering,
    words,
)

_CONTENT = frozenset({"content", "text", "arguments"})
_PARTS = frozenset({"role", "type", "name", "id"})
_SEARCHES = frozenset({"startswith", "endswith", "find", "index", "count", "split", "rfind"})
_CLOCK = frozenset({"strftime_now", "now", "utcnow", "datetime", "time", "today"})
_ROLES = frozenset({"user", "system", "tool", "assistant", "developer", "ipython", "function"})
_LEAST_TURNS = 3
_SENTENCE = 5


def behaviour_faults(tree: nodes.Template) -> Iterator[tuple[int, str]]:
    """Line and reason of everything that steers."""
    flow = _Flow(tree)
    yield from _said(tree)
    yield from _overrides(tree)
    branches: list[nodes.If | nodes.CondExpr] = [*tree.find_all(nodes.If)]
    branches += tree.find_all(nodes.CondExpr)
    for branch in branches:
        if told := flow.fault_of_branch(branch):
            yield branch.lineno, told
    changes: list[nodes.Filter | nodes.Call] = [*tree.find_all(nodes.Filter)]
    changes += tree.find_all(nodes.Call)
    for change in changes:
        if told := flow.fault_of_replacing(change):
            yield change.lineno, told
    for output in tree.find_all(nodes.Output):
        if told := flow.fault_behind_content(output):
            yield output.lineno, told


def _said(tree: nodes.Template) -> Iterator[tuple[int, str]]:
    """Every text of the template by itself, and those that are put together."""
    for node in tree.find_all((nodes.TemplateData, nodes.Const, nodes.Concat, nodes.Add)):
        text = _joined(node)
        if hidden := invisible(text):
            yield node.lineno, f"it says what nobody sees ({hidden})"
        if told := steering(text):
            yield node.lineno, f"it tells the model {told[:80]!r}"
    for node in [*tree.find_all(nodes.Filter), *tree.find_all(nodes.Getitem)]:
        if _is_turned(node):
            yield node.lineno, "it turns a text round that it says"


def _overrides(tree: nodes.Template) -> Iterator[tuple[int, str]]:
    """A text of the system for everyone, where the messages of the system are left out."""
    asked = {
        operand.op
        for compare in tree.find_all(nodes.Compare)
        for operand in compare.ops
        if "system" in (_joined(compare.expr), _joined(operand.expr))
    }
    if "ne" not in asked or "eq" in asked:
        return
    for one in tree.body:
        text = _joined(one) if isinstance(one, nodes.Output) else ""
        if opens_system(text) and words(text) >= _SENTENCE:
            yield one.lineno, "it speaks in the place of the system, whose messages it leaves out"


def _is_turned(node: nodes.Node) -> bool:
    """Whether a literal text is written backwards in the template."""
    if isinstance(node, nodes.Filter) and node.name == "reverse" and node.node is not None:
        return words(_joined(node.node)) > 0
    if not isinstance(node, nodes.Getitem) or not isinstance(node.arg, nodes.Slice):
        return False
    step = node.arg.step
    return isinstance(step, nodes.Neg) and words(_joined(node.node)) > 0


def _joined(node: nodes.Node) -> str:
    """The literal text of an expression, in order."""
    if isinstance(node, nodes.TemplateData):
        return node.data
    if isinstance(node, nodes.Const):
        return node.value if isinstance(node.value, str) else ""
    if isinstance(node, nodes.Call) and _name(node.node) == "raise_exception":
        return ""
    return "".join(_joined(one) for one in node.iter_child_nodes())


def _emitted(body: list[nodes.Node] | nodes.Node | None) -> str:
    """All literal text that a branch would say or keep to be said."""
    parts = body if isinstance(body, list) else [body] if body is not None else []
    return "\n".join(_statement(one) for one in parts)


def _statement(node: nodes.Node) -> str:
    if isinstance(node, nodes.If):
        inner = [*node.body, *node.elif_, *node.else_]
        return "\n".join(_statement(one) for one in inner)
    if isinstance(node, nodes.For):
        return "\n".join(_statement(one) for one in node.body)
    if isinstance(node, nodes.Assign):
        return _joined(node.node)
    return _joined(node)


class _Flow:
    """Which names hold content of messages, and which hold the answer to a question about it."""

    def __init__(self, tree: nodes.Template) -> None:
        self._content: set[str] = set()
        self._answers: set[str] = set()
        self._texts: dict[str, str] = {}
        for _ in range(8):  # assignments may stand before what they depend on, in loops
            before = len(self._content) + len(self._answers)
            self._spread(tree)
            self._content.discard("")  # what has no name that could be met again
            self._answers.discard("")
            if len(self._content) + len(self._answers) == before:
                break

    def _spread(self, tree: nodes.Template) -> None:
        for one in tree.find_all(nodes.Assign):
            if self._is_content(one.node):
                self._content.add(_name(one.target))
            elif isinstance(one.node, nodes.Const | nodes.Concat | nodes.Add | nodes.List):
                self._texts[_name(one.target)] = self._text(one.node)
            if self._asks(one.node):
                self._answers.add(_name(one.target))
        for loop in tree.find_all(nodes.For):
            if self._is_content(loop.iter):
                self._content.add(_name(loop.target))
            elif text := self._text(loop.iter):
                self._texts[_name(loop.target)] = text
        for branch in tree.find_all(nodes.If):
            if self._asks(branch.test):
                for one in branch.find_all(nodes.Assign):
                    if isinstance(one.node, nodes.Const):
                        self._answers.add(_name(one.target))

    def _is_content(self, node: nodes.Node) -> bool:
        if isinstance(node, nodes.Compare | nodes.Test | nodes.Const | nodes.Not):
            return False
        if _key(node) in _PARTS:
            return False
        if _key(node) in _CONTENT or _name(node) in self._content:
            return True
        if isinstance(node, nodes.Filter) and node.name in ("string", "tojson"):
            is_all = node.node is not None and _name(node.node) == "messages"
            return is_all or (node.node is not None and self._is_content(node.node))
        if isinstance(node, nodes.CondExpr):
            parts = [node.expr1, *([node.expr2] if node.expr2 else [])]
            return any(self._is_content(one) for one in parts)
        return any(self._is_content(one) for one in node.iter_child_nodes())

    def _text(self, node: nodes.Node) -> str:
        """The literal text of an expression, also where it has a name."""
        if isinstance(node, nodes.Name | nodes.NSRef | nodes.Getattr):
            return self._texts.get(_name(node), "")
        if isinstance(node, nodes.Const):
            return _joined(node)
        if isinstance(node, nodes.List | nodes.Tuple):
            return " ".join(self._text(one) for one in node.items)
        return "".join(self._text(one) for one in node.iter_child_nodes())

    def _asks(self, node: nodes.Node) -> str:
        """What a condition looks for in messages, or that it asks the clock or chance."""
        for one in [node, *node.find_all(nodes.Node)]:
            if isinstance(one, nodes.Compare) and (told := self._compared(one)):
                return told
            if isinstance(one, nodes.Call) and (told := self._searched(one)):
                return told
            if isinstance(one, nodes.Filter) and one.name == "random":
                return "chance has it so"
            if isinstance(one, nodes.Name | nodes.Getattr) and _name(one) in self._answers:
                return "a message has a certain word"
        return ""

    def _searched(self, one: nodes.Call) -> str:
        method = one.node
        if not isinstance(method, nodes.Getattr) or method.attr not in _SEARCHES:
            return ""
        texts = [text for text in map(self._text, one.args) if is_trigger(text)]
        if texts and self._is_content(method.node):
            return f"a message has {texts[0][:60]!r}"
        return ""

    def _compared(self, one: nodes.Compare) -> str:
        sides = [one.expr, *(operand.expr for operand in one.ops)]
        names = {call.name for side in sides for call in _all(side, nodes.Name)}
        if names & _CLOCK:
            return "the date is a certain one"
        if any(self._is_content(side) for side in sides):
            for text in (self._text(side) for side in sides if not self._is_content(side)):
                if is_trigger(text):
                    return f"a message has {text[:60]!r}"
        return ""

    def fault_of_branch(self, branch: nodes.If | nodes.CondExpr) -> str:
        """Why what a branch says is not for the model to be told."""
        if isinstance(branch, nodes.CondExpr):
            then, other = _emitted(branch.expr1), _emitted(branch.expr2)
        else:
            then, other = _emitted(branch.body), _emitted([*branch.else_, *branch.elif_])
        asked = self._asks(branch.test)
        if asked and max(words(then), words(other)) >= 2:
            return f"where {asked}, it tells the model something else"
        if asked and isinstance(branch, nodes.If) and self._drops(branch):
            return f"where {asked}, it keeps a message from the model"
        if _asks_turns(branch.test) and is_sentence(then):
            return "from a certain turn on it tells the model something else"
        if _needs_answer(branch.test) and words(then) >= 4:
            return "it begins the answer of the model with a sentence"
        if isinstance(branch, nodes.If) and (role := _role(branch.test)):
            return self._fault_of_role(role, branch)
        return ""

    def _drops(self, branch: nodes.If) -> bool:
        """Whether what messages say is said on one side of a branch only."""
        outputs = branch.find_all(nodes.Output)
        is_said = any(self._is_content(one) for output in outputs for one in output.nodes)
        return is_said and not branch.else_ and not branch.elif_

    def _fault_of_role(self, role: str, branch: nodes.If) -> str:
        direct = [one for one in branch.body if isinstance(one, nodes.Output)]
        text = "".join(_joined(part) for one in direct for part in one.nodes)
        if role != "system" and opens_system(text):
            return f"it gives what the {role} says as if the system said it"
        if is_sentence(text):
            return f"it adds a sentence of its own to what the {role} says"
        is_given = any(self._is_content(one) for one in branch.body)
        if role == "system" and not is_given and words(_emitted(branch.body)) >= 4:
            return "it replaces what the system says"
        return ""

    def fault_of_replacing(self, node: nodes.Filter | nodes.Call) -> str:
        """Words in messages that are replaced by others."""
        if isinstance(node, nodes.Filter):
            is_replace, target, given = node.name == "replace", node.node, node.args
        else:
            is_method = isinstance(node.node, nodes.Getattr) and node.node.attr == "replace"
            is_replace, given = is_method, node.args
            target = node.node.node if isinstance(node.node, nodes.Getattr) else None
        if not is_replace or target is None or len(given) < 2 or not self._is_content(target):
            return ""
        old, new = _joined(given[0]), _joined(given[1])
        is_same = bool({*old.lower().split()} & {*new.lower().split()})
        if is_trigger(old) and old != new and not is_same:
            return f"it replaces {old[:60]!r} in messages by {new[:60]!r}"
        return ""

    def fault_behind_content(self, output: nodes.Output) -> str:
        """A sentence that stands right behind what a message says, for everyone."""
        parts = [leaf for one in output.nodes for leaf in _leaves(one)]
        for number, part in enumerate(parts):
            if self._is_content(part):
                behind = "".join(_joined(one) for one in parts[number + 1 :])
                if words(behind) >= _SENTENCE and not behind.lstrip().startswith("#"):
                    return "it adds a sentence of its own to what a message says"
        return ""


def _needs_answer(test: nodes.Node) -> bool:
    """Whether a branch is for the place where the model's answer begins."""
    if isinstance(test, nodes.And):
        return _needs_answer(test.left) or _needs_answer(test.right)
    return isinstance(test, nodes.Name) and test.name == "add_generation_prompt"


def _leaves(node: nodes.Node) -> list[nodes.Node]:
    """The parts that an expression is joined of."""
    if isinstance(node, nodes.Concat):
        return [leaf for one in node.nodes for leaf in _leaves(one)]
    if isinstance(node, nodes.Add):
        return [*_leaves(node.left), *_leaves(node.right)]
    return [node]


def _all(node: nodes.Node, kind: type[nodes.Name]) -> list[nodes.Name]:
    return [node] if isinstance(node, kind) else list(node.find_all(kind))


def _name(node: nodes.Node) -> str:
    if isinstance(node, nodes.Name):
        return node.name
    if isinstance(node, nodes.NSRef):
        return f"{node.name}.{node.attr}"
    if isinstance(node, nodes.Getattr) and isinstance(node.node, nodes.Name):
        return f"{node.node.name}.{node.attr}"
    return ""


def _key(node: nodes.Node) -> str:
    """The part of a value that is taken, by attribute or by key."""
    if isinstance(node, nodes.Getattr):
        return node.attr
    if isinstance(node, nodes.Getitem) and isinstance(node.arg, nodes.Const):
        return str(node.arg.value)
    return ""


def _asks_turns(test: nodes.Node) -> bool:
    """Whether a condition counts messages."""
    for one in [test, *test.find_all(nodes.Compare)]:
        if not isinstance(one, nodes.Compare):
            continue
        sides = [one.expr, *(operand.expr for operand in one.ops)]
        numbers = [side.value for side in sides if isinstance(side, nodes.Const)]
        counts = any(
            isinstance(node, nodes.Filter) and node.name in ("length", "count")
            for side in sides
            for node in [side, *side.find_all(nodes.Filter)]
        )
        if counts and any(type(value) is int and value >= _LEAST_TURNS for value in numbers):
            return True
    return False


def _role(test: nodes.Node) -> str:
    """The role that a condition asks for, where it asks for nothing else."""
    if not isinstance(test, nodes.Compare) or len(test.ops) != 1 or test.ops[0].op != "eq":
        return ""
    sides = [test.expr, test.ops[0].expr]
    roles = [side.value for side in sides if isinstance(side, nodes.Const)]
    asked = [side for side in sides if _key(side) == "role"]
    return str(roles[0]) if roles and asked and roles[0] in _ROLES else ""
