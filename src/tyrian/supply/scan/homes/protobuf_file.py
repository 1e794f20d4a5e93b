"""Which message of Protocol Buffers a file is, told by its fields, for none of them has a mark."""

from collections import Counter
from collections.abc import Callable

from tyrian.supply.scan.finding import Collector
from tyrian.supply.scan.homes.onnx_file import scan_onnx
from tyrian.supply.scan.homes.tf_graph import check_graph
from tyrian.supply.scan.homes.tf_model import (
    scan_keras_metadata,
    scan_meta_graph,
    scan_saved_model,
)
from tyrian.supply.scan.protobuf import Message, ProtobufError, whole
from tyrian.supply.scan.source import Source

_MALFORMED = {"onnx": "onnx-malformed", "sentencepiece": "sentencepiece-malformed"}
_ONNX = frozenset({1, 2, 3, 4, 5, 6, 7, 8, 14, 20, 25, 26})
_MOST_FIELDS = 3_000_000
_FEW = 4096

_Shape = Counter[tuple[int, int]]
"""How often each number stands with each wire type."""


def protobuf_kind(source: Source) -> str:
    """The kind of message that a file is; empty where it is none that is known."""
    head = source.read_at(0, 1)
    if head not in (b"\x08", b"\x0a", b"\x12", b"\x1a", b"\x3a", b"\x42"):
        return ""
    try:
        return _kind(whole(source))
    except ProtobufError:
        return ""


def scan_protobuf(kind: str, source: Source, report: Collector) -> None:
    """Scan a file as the message that it is, or is said to be."""
    message = whole(source)
    try:
        if kind == "onnx":
            if not _shape(message)[7, 2]:
                report.add("onnx-malformed", 0, "it has no graph")
            scan_onnx(message, report)
        elif kind == "saved-model":
            scan_saved_model(message, report)
        elif kind == "tf-graph":
            check_graph(message, report)
        elif kind == "tf-meta-graph":
            scan_meta_graph(message, report)
        elif kind == "keras-metadata":
            scan_keras_metadata(message, report)
        else:
            _shape(message)
    except ProtobufError as error:
        report.add(_MALFORMED.get(kind, "tf-malformed"), error.offset, f"it {error}")


def _shape(message: Message) -> _Shape:
    found: _Shape = Counter()
    for number, one in enumerate(message):
        found[one.number, one.wire] += 1
        if number > _MOST_FIELDS:
            raise ProtobufError("has more fields than can be followed", one.start)
    return found


def _kind(message: Message) -> str:
    shape = _shape(message)
    numbers = {number for number, _ in shape}
    if shape[7, 2] and shape[1, 0] and numbers <= _ONNX and _holds(message, 7, _is_onnx_graph):
        return "onnx"
    if set(shape) == {(1, 0), (2, 2)} and _holds(message, 2, _is_meta_graph):
        return "saved-model"
    if not shape[1, 2]:
        return _of_numbers(message, shape)
    if numbers <= {1, 2, 3, 4, 5} and _holds(message, 1, _is_piece):
        return "sentencepiece"
    if shape[1, 2] == 1 and _is_meta_graph(shape) and _has_graph(message):
        return "tf-meta-graph"
    if numbers <= {1, 2, 3, 4} and _holds(message, 1, _is_node):
        return "tf-graph"
    if set(shape) == {(1, 2)} and _holds(message, 1, _is_keras_object):
        return "keras-metadata"
    return ""


def _of_numbers(message: Message, shape: _Shape) -> str:
    numbers = {number for number, _ in shape}
    is_small = message.end - message.start < _FEW and numbers <= set(range(1, 8))
    return "tf-fingerprint" if is_small and shape[1, 0] and shape[4, 0] and shape[6, 2] else ""


def _holds(message: Message, number: int, check: Callable[[_Shape], bool]) -> bool:
    """Whether the first field of that number holds such a message."""
    try:
        return next((check(_shape(one)) for one in message.all_of(number)), False)
    except ProtobufError:
        return False


def _is_onnx_graph(shape: _Shape) -> bool:
    known = {1, 2, 5, 10, 11, 12, 13, 14, 15, 16}
    return {number for number, _ in shape} <= known and all(wire == 2 for _, wire in shape)


def _is_meta_graph(shape: _Shape) -> bool:
    return {number for number, _ in shape} <= set(range(1, 8)) and shape[2, 2] > 0


def _has_graph(message: Message) -> bool:
    """Whether the second field holds nodes; in a graph itself it holds functions."""
    return any(_holds(graph, 1, _is_node) for graph in message.all_of(2))


def _is_node(shape: _Shape) -> bool:
    return {number for number, _ in shape} <= set(range(1, 9)) and shape[2, 2] == 1


def _is_piece(shape: _Shape) -> bool:
    return set(shape) <= {(1, 2), (2, 5), (3, 0)} and shape[1, 2] == 1 and shape[2, 5] == 1


def _is_keras_object(shape: _Shape) -> bool:
    return {number for number, _ in shape} <= {2, 3, 4, 5, 6} and shape[5, 2] == 1
