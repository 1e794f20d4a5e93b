"""YAML: tags that have objects made, and the keys that configurations share with JSON."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from tyrian.supply.scan.finding import Collector
from tyrian.supply.scan.homes.config_rules import key_faults

if TYPE_CHECKING:
    import yaml

_MOST_NODES = 500_000
_PYTHON = ("tag:yaml.org,2002:python/", "!python/", "!!python/")


def scan_yaml(text: str, report: Collector) -> None:
    """Every tag and key of all documents; nothing is made of them."""
    import yaml

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        for root in yaml.compose_all(text, Loader=loader):
            _scan(root, report)
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        mark = getattr(error, "problem_mark", None)
        place = len(text[: mark.index].encode()) if mark is not None else 0
        told = getattr(error, "problem", None) or type(error).__name__
        report.add("not-examined", place, f"it is no YAML that can be read here: {told}")


def _scan(root: "yaml.Node | None", report: Collector) -> None:
    for path, node in _nodes(root):
        place = node.start_mark.index
        if node.tag.startswith(_PYTHON):
            name = node.tag.removeprefix(_PYTHON[0])
            told = f"{path or 'the document'}: its tag has {name[:120]!r} made or called"
            report.add("config-runs-code", place, told)
        if node.id != "mapping":
            continue
        for key, value in node.value:
            name = str(key.value)
            plain: object = value.value if value.id == "scalar" else {"": ""}
            if name == "trust_remote_code" and str(plain).lower() == "true":
                report.add("config-remote-code", place, f"{path}.{name}: it allows remote code")
            if name == "auto_map" or (name == "code" and path.endswith("python_function")):
                told = f"{path}.{name}: it has classes loaded from Python files"
                report.add("config-remote-code", key.start_mark.index, told)
            for rule, why in key_faults(name, plain):
                report.add(rule, key.start_mark.index, f"{path}.{name}: {why}".lstrip("."))


def _nodes(root: "yaml.Node | None") -> "Iterator[tuple[str, yaml.Node]]":
    stack, seen = [("", root)], set[int]()
    while stack:
        path, node = stack.pop()
        if node is None or id(node) in seen:
            continue
        seen.add(id(node))
        if len(seen) > _MOST_NODES:
            raise ValueError("more values than are read here")
        yield path, node
        if node.id == "sequence":
            stack.extend((f"{path}[]", one) for one in node.value)
        elif node.id == "mapping":
            stack.extend((f"{path}.{key.value}".lstrip("."), one) for key, one in node.value)
