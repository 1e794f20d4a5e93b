"""TensorFlow's graphs: every operation is looked at, and the paths that constants give to some.

Source: tensorflow/core/framework/{graph,node_def,function,attr_value,tensor}.proto.
"""

import re
from collections.abc import Iterator, Set
from dataclasses import dataclass, field

from tyrian.supply.scan.finding import Collector
from tyrian.supply.scan.homes.tf_operations import DANGEROUS, TAKES_PATH, known_operations
from tyrian.supply.scan.protobuf import Message

_OUTSIDE = re.compile(r"[/\\~]|[A-Za-z]:[/\\]|[a-z0-9+.-]+://|(?:.*[/\\])?\.\.(?:[/\\]|\Z)")
_MOST_HOPS = 8
_MOST_TEXT = 4096
_STANDARD_STREAMS = frozenset({"", "stdout", "stderr", "log(info)", "log(warning)", "log(error)"})


@dataclass(slots=True)
class _Node:
    name: str
    operation: str
    place: int
    inputs: list[str] = field(default_factory=list)
    attributes: dict[str, Message] = field(default_factory=dict)


def check_graph(graph: Message, report: Collector, assets: frozenset[str] = frozenset()) -> None:
    """All nodes of a GraphDef and of its functions; `assets` are constants that a loader sets."""
    made = [one for library in graph.all_of(2) for one in library.all_of(1)]
    functions = {_name_of(function): function for function in made}
    known = known_operations() | functions.keys()  # old graphs call functions like operations
    _check_nodes([_node(one) for one in graph.all_of(1)], report, assets, known)
    for function in made:
        nodes = [_node(one) for one in function.all_of(3)]
        inside = report.inside(f"function {_name_of(function)[:120]}")
        _check_nodes(nodes, inside, assets, known)


def _name_of(function: Message) -> str:
    return "".join(signature.text(1) for signature in function.all_of(1))


def _node(message: Message) -> _Node:
    made = _Node("", "", message.start)
    for one in message:
        if one.number == 1:
            made.name = message.text_of(one)
        elif one.number == 2:
            made.operation = message.text_of(one)
        elif one.number == 3:
            made.inputs.append(message.text_of(one))
        elif one.number == 5:
            entry = message.inside(one)
            for value in entry.all_of(2):
                made.attributes[entry.text(1)] = value
    return made


def _check_nodes(
    nodes: list[_Node], report: Collector, assets: frozenset[str], known: Set[str]
) -> None:
    by_name = {node.name: node for node in nodes}
    for node in nodes:
        if told := DANGEROUS.get(node.operation):
            report.add("tf-operation", node.place, f"{_named(node)} {told}")
        elif node.operation in TAKES_PATH:
            for path in _paths(node, by_name, assets):
                if _OUTSIDE.match(path):
                    told = f"{_named(node)} touches the file {path[:160]!r}"
                    report.add("tf-operation", node.place, told)
        elif node.operation not in known:
            told = f"{_named(node)} is no operation of TensorFlow: a library of its own has it"
            report.add("tf-unknown-operation", node.place, told)
        for told in _attribute_faults(node):
            report.add("tf-operation", node.place, f"{_named(node)} {told}")


def _named(node: _Node) -> str:
    return f"{node.operation[:80]} ({node.name[:120]})"


def _attribute_faults(node: _Node) -> Iterator[str]:
    for name, value in node.attributes.items():
        if name == "output_stream":
            stream = value.text(2)
            if stream not in _STANDARD_STREAMS:
                yield f"writes to {stream[:160]!r}"
        elif name == "debug_urls":
            for url in _texts_of_list(value):
                yield f"sends its tensors to {url[:160]!r}"
        elif name == "descriptor_source":
            text = value.text(2)
            if text and not text.startswith(("local://", "bytes://")):
                yield f"reads the file {text[:160]!r}"
        elif name == "dump_root" and value.text(2):
            yield f"writes to {value.text(2)[:160]!r}"


def _texts_of_list(value: Message) -> Iterator[str]:
    for listed in value.all_of(1):
        yield from (listed.text_of(one) for one in listed if one.number == 2)


def _paths(node: _Node, by_name: dict[str, _Node], assets: frozenset[str]) -> Iterator[str]:
    """The texts of constants that reach a node, however they are joined on their way."""
    seen: set[str] = set()
    row = list(node.inputs)
    for _ in range(_MOST_HOPS):
        row, inputs = [], row
        for given in inputs:
            name = given.lstrip("^").split(":")[0]
            if name in seen or name in assets or name not in by_name:
                continue
            seen.add(name)
            found = by_name[name]
            if found.operation == "Const":
                yield from _constants(found)
            row.extend(found.inputs)


def _constants(node: _Node) -> Iterator[str]:
    value = node.attributes.get("value")
    if value is None:
        return
    for tensor in value.all_of(8):
        yield from (
            tensor.text_of(one)
            for one in tensor
            if one.number == 8 and one.wire == 2 and one.value <= _MOST_TEXT
        )
