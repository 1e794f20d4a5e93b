"""Chat templates in Jinja: parsed, never rendered; what reaches for Python's insides is found."""

from jinja2 import Environment, TemplateSyntaxError, nodes
from jinja2.ext import Extension
from jinja2.parser import Parser

from tyrian.supply.scan.finding import Collector
from tyrian.supply.scan.homes.template_behaviour import behaviour_faults

_MOST = 1 << 20
_FILES = (nodes.Include, nodes.Import, nodes.FromImport, nodes.Extends)
_NAMES = frozenset({"self", "cycler", "joiner", "lipsum", "request", "config", "url_for", "g"})
_ATTRIBUTES = frozenset(
    {"mro", "func_globals", "gi_frame", "cr_frame", "f_globals", "f_builtins", "tb_frame",
     "func_code", "gi_code", "format_map", "popen", "environ"}
)  # fmt: skip
_BUILDS = (nodes.Concat, nodes.Filter, nodes.Add, nodes.Mod, nodes.Mul)


class _Generation(Extension):
    """`{% generation %}`, by which Transformers marks what the assistant says."""

    tags = {"generation"}  # noqa: RUF012  # the base class's shape

    def parse(self, parser: Parser) -> nodes.Node:
        """The body, as if the tag were not there."""
        line = next(parser.stream).lineno
        body = parser.parse_statements(("name:endgeneration",), drop_needle=True)
        return nodes.Scope(body, lineno=line)


def check_template(text: str, report: Collector) -> None:
    """Find what a template must not reach for."""
    if len(text) > _MOST:
        report.add("not-examined", 0, f"the template is longer than {_MOST} characters")
        return
    environment = Environment(  # noqa: S701  # nothing is rendered
        extensions=[_Generation, "jinja2.ext.loopcontrols"]
    )
    try:
        tree = Parser(environment, text).parse()  # the environment's own would run code on errors
    except TemplateSyntaxError as error:
        report.add("template-malformed", 0, f"line {error.lineno}: {error.message}")
        return
    except RecursionError:
        report.add("template-malformed", 0, "it is nested too deeply")
        return
    stack: list[nodes.Node] = [tree]
    while stack:
        node = stack.pop()
        if told := _fault(node):
            report.add("template-reaches-python", _offset(text, node.lineno), told)
        stack.extend(node.iter_child_nodes())
    for line, told in behaviour_faults(tree):
        report.add("template-steers", _offset(text, line), f"line {line}: {told}")


def _fault(node: nodes.Node) -> str:
    if isinstance(node, _FILES):
        return "it reads another file"
    if isinstance(node, nodes.Getattr):
        return _attribute(node.attr)
    if isinstance(node, nodes.Getitem):
        return _subscript(node.arg)
    if isinstance(node, nodes.Filter) and node.name == "attr":
        return "it takes an attribute by a computed name"
    if isinstance(node, nodes.Keyword) and node.key == "attribute":
        return _subscript(node.value)
    if isinstance(node, nodes.Name) and node.ctx == "load" and node.name in _NAMES:
        return f"it uses {node.name}, from which everything of Python can be reached"
    if isinstance(node, nodes.Const) and isinstance(node.value, str) and "__" in node.value:
        return _attribute(node.value) if node.value.startswith("__") else ""
    return ""


def _attribute(name: str) -> str:
    if name.startswith("__") or name in _ATTRIBUTES:
        return f"it reaches the attribute {name[:60]}"
    parts = name.split(".")
    return f"it reaches the attribute {name[:60]}" if any(p.startswith("__") for p in parts) else ""


def _subscript(argument: nodes.Node) -> str:
    if isinstance(argument, nodes.Const):
        return _attribute(argument.value) if isinstance(argument.value, str) else ""
    texts = [one.value for one in argument.find_all(nodes.Const) if isinstance(one.value, str)]
    if isinstance(argument, _BUILDS) and any("_" in text or len(text) > 1 for text in texts):
        return "it puts the name of an attribute together"
    return ""


def _offset(text: str, line: int) -> int:
    return sum(len(one.encode()) for one in text.splitlines(keepends=True)[: line - 1])
