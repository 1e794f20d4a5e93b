"""ONNX: where its tensors lie, which libraries its operators need, and whether its sizes fit.

Source: https://github.com/onnx/onnx/blob/main/onnx/onnx.proto and docs/ExternalData.md beside it.
"""

import math
import re
from collections.abc import Iterator

from tyrian.supply.scan.finding import Collector
from tyrian.supply.scan.protobuf import LENGTH, VARINT, Field, Message

_MOST_DEPTH = 32
_DOMAINS = frozenset(
    {"", "ai.onnx", "ai.onnx.ml", "ai.onnx.training", "ai.onnx.preview.training",
     "ai.onnx.preview", "com.microsoft", "com.microsoft.nchwc", "com.microsoft.experimental",
     "com.ms.internal.nhwc"}
)  # fmt: skip
"""Operators that ONNX and ONNX Runtime have themselves."""
_STANDARD = frozenset({"", "ai.onnx", "ai.onnx.ml"})
_RUNS = {
    "PythonOp": "runs a Python function of the process that loads it",
    "PythonOpGrad": "runs a Python function of the process that loads it",
    "PyOp": "runs Python code",
    "PyCustomOp": "runs Python code",
    "ATen": "runs an operator of PyTorch that it names",
    "TorchScript": "runs TorchScript that it brings",
}
_BITS = {
    1: 32, 2: 8, 3: 8, 4: 16, 5: 16, 6: 32, 7: 64, 9: 8, 10: 16, 11: 64, 12: 32, 13: 64, 14: 64,
    15: 128, 16: 16, 17: 8, 18: 8, 19: 8, 20: 8, 21: 4, 22: 4, 23: 4, 24: 8,
}  # fmt: skip
_STRING, _EXTERNAL = 8, 1
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")


def scan_onnx(model: Message, report: Collector) -> None:
    """Every node and tensor of the graph, its subgraphs, functions and training."""
    local = {(function.text(10), function.text(1)): function.start for function in model.all_of(25)}
    for (domain, name), place in local.items():
        if domain in _STANDARD:
            told = f"its function {name[:80]!r} stands in the place of an operator of ONNX"
            report.add("onnx-operator", place, told)
    scan = _Scan(report, local.keys() | set())
    for one in model:
        if one.number == 7:
            scan.graph(model.inside(one), 0)
        elif one.number == 20:
            for graph in model.inside(one):
                if graph.number in (1, 2):
                    scan.graph(model.inside(one).inside(graph), 0)
        elif one.number == 25:
            for node in model.inside(one).all_of(7):
                scan.node(node, 0)
    for name, end in scan.ends.items():
        report.claim(name, end)


class _Scan:
    def __init__(self, report: Collector, local: set[tuple[str, str]]) -> None:
        self._report = report
        self._local = local
        self._told: set[str] = set()
        self.ends: dict[str, int] = {}
        """Files with tensors, and up to where they hold them."""

    def graph(self, graph: Message, depth: int) -> None:
        if depth > _MOST_DEPTH:
            self._report.add("onnx-malformed", graph.start, "its graphs are nested too deeply")
            return
        for one in graph:
            if one.number == 1:
                self.node(graph.inside(one), depth)
            elif one.number == 5:
                self.tensor(graph.inside(one))
            elif one.number == 15:
                self._sparse(graph.inside(one))

    def node(self, node: Message, depth: int) -> None:
        name, domain = "", ""
        for one in node:
            if one.number == 4:
                name = node.text_of(one)
            elif one.number == 7:
                domain = node.text_of(one)
            elif one.number == 5:
                self._attribute(node.inside(one), depth)
        if (domain, name) in self._local:
            return
        named = f"{domain[:80]}.{name[:80]}" if domain else name[:80]
        if named in self._told:
            return
        if name in _RUNS and domain:
            self._report.add("onnx-operator", node.start, f"{named} {_RUNS[name]}")
        elif domain not in _DOMAINS:
            told = f"{named} is an operator of a library that must be loaded for it"
            self._report.add("onnx-operator", node.start, told)
        else:
            return
        self._told.add(named)

    def _attribute(self, attribute: Message, depth: int) -> None:
        for one in attribute:
            if one.number in (5, 10):
                self.tensor(attribute.inside(one))
            elif one.number in (6, 11):
                self.graph(attribute.inside(one), depth + 1)
            elif one.number in (22, 23):
                self._sparse(attribute.inside(one))

    def _sparse(self, sparse: Message) -> None:
        for one in sparse:
            if one.number in (1, 2):
                self.tensor(sparse.inside(one))

    def tensor(self, tensor: Message) -> None:
        dimensions: list[int] = []
        kind = location = 0
        raw, external, name = -1, list[tuple[str, str]](), ""
        for one in tensor:
            if one.number == 1:
                dimensions.extend(_numbers(tensor, one))
            elif one.number == 2:
                kind = one.value
            elif one.number == 8:
                name = tensor.text_of(one)
            elif one.number == 9 and one.wire == LENGTH:
                raw = one.value
            elif one.number == 13:
                entry = tensor.inside(one)
                external.append((entry.text(1), entry.text(2)))
            elif one.number == 14:
                location = one.value
        if any(size >= 1 << 63 for size in dimensions):
            self._fault(tensor, name, "has a dimension below zero")
            return
        wanted = -(-math.prod(dimensions) * _BITS.get(kind, 0) // 8)
        if external or location == _EXTERNAL:
            self._external(tensor, name, external, wanted)
            if raw > 0:
                self._fault(tensor, name, "has its numbers in the file and outside of it")
        elif raw >= 0 and kind in _BITS and raw != wanted:
            self._fault(tensor, name, f"has {raw} bytes where its shape needs {wanted}")

    def _fault(self, tensor: Message, name: str, told: str) -> None:
        self._report.add("onnx-malformed", tensor.start, f"tensor {name[:80]!r} {told}")

    def _external(
        self, tensor: Message, name: str, entries: list[tuple[str, str]], wanted: int
    ) -> None:
        told = dict(entries)
        if len(told) != len(entries):
            self._fault(tensor, name, "tells twice where its numbers lie")
        location = told.get("location", "")
        if why := _leaves(location):
            named = f"tensor {name[:80]!r} lies in {location[:160]!r}, {why}"
            self._report.add("onnx-external-data", tensor.start, named)
            return
        offset, length = _count(told.get("offset", "0")), _count(told.get("length", str(wanted)))
        if offset is None or length is None:
            self._fault(tensor, name, "has a place outside of the file that is no number")
            return
        if wanted and length != wanted:
            self._fault(tensor, name, f"has {length} bytes outside where its shape needs {wanted}")
        self.ends[location] = max(self.ends.get(location, 0), offset + length)


def _leaves(location: str) -> str:
    """Why a location leads out of the directory; empty where it does not."""
    plain = location.replace("\\", "/")
    if not location:
        return "which is no place"
    if plain.startswith(("/", "~")) or _SCHEME.match(location):
        return "which is an absolute path or an address"
    if ".." in plain.split("/"):
        return "which leads out of its directory"
    if "\\" in location or any(ord(char) < 32 for char in location):
        return "which systems read differently"
    return ""


def _count(text: str) -> int | None:
    is_number = text.isascii() and text.isdigit() and len(text) < 19
    return int(text) if is_number else None


def _numbers(tensor: Message, one: Field) -> Iterator[int]:
    """Numbers that stand alone, or packed in one field."""
    if one.wire == VARINT:
        yield one.value
        return
    value = shift = 0
    for byte in tensor.source.read_at(one.start, min(one.value, 4096)):
        value |= (byte & 127) << shift
        shift += 7
        if byte < 128:
            yield value
            value = shift = 0
