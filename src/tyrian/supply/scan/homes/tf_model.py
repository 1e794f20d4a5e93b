"""TensorFlow's models: SavedModel, frozen graphs, the graphs of checkpoints, Keras' notes in them.

Source: tensorflow/core/protobuf/{saved_model,meta_graph,saved_object_graph}.proto.
"""

from collections.abc import Iterator

from tyrian.supply.scan.finding import Collector
from tyrian.supply.scan.homes.keras_config import check_keras
from tyrian.supply.scan.homes.tf_graph import check_graph
from tyrian.supply.scan.protobuf import LENGTH, Message
from tyrian.supply.scan.strict_json import JsonError, decode

_MOST_METADATA = 64 << 20


def scan_saved_model(model: Message, report: Collector) -> None:
    """`saved_model.pb`: every graph with its functions, assets and objects."""
    for graph in model.all_of(2):
        assets = {name for asset in _assets(graph) for name in _asset(asset, report)}
        _scan_graphs(graph, report, assets)


def scan_meta_graph(graph: Message, report: Collector) -> None:
    """The `.meta` file of a checkpoint, whose assets lie where they lay when it was trained."""
    assets: set[str] = set()
    for collection in _collections(graph, "asset_filepaths"):
        for names in collection.all_of(1):
            assets.update(names.text_of(one).partition(":")[0] for one in names if one.number == 1)
    _scan_graphs(graph, report, assets)


def _scan_graphs(graph: Message, report: Collector, assets: set[str]) -> None:
    for one in graph.all_of(2):
        check_graph(one, report, frozenset(assets))
    for objects in graph.all_of(7):
        for one in objects.all_of(1):
            for user in one.all_of(4):
                _check_metadata(user, 3, report)


def _assets(graph: Message) -> Iterator[Message]:
    """The files that a loader finds for constants, as TensorFlow 2 and 1 note them."""
    yield from graph.all_of(6)
    for collection in _collections(graph, "saved_model_assets"):
        for packed in collection.all_of(5):
            for one in packed.all_of(1):
                yield from one.all_of(2)


def _collections(graph: Message, wanted: str) -> Iterator[Message]:
    for entry in graph.all_of(4):
        if entry.text(1) == wanted:
            yield from entry.all_of(2)


def _asset(asset: Message, report: Collector) -> Iterator[str]:
    """The constants that a loader sets to the path of an asset."""
    name = asset.text(2)
    if name.startswith(("/", "\\")) or ".." in name.replace("\\", "/").split("/"):
        told = f"its asset {name[:160]!r} lies outside of the model"
        report.add("tf-operation", asset.start, told)
    yield from (info.text(1).partition(":")[0] for info in asset.all_of(1))


def scan_keras_metadata(message: Message, report: Collector) -> None:
    """`keras_metadata.pb`: the configuration of each layer as JSON."""
    for node in message.all_of(1):
        _check_metadata(node, 5, report)


def _check_metadata(message: Message, number: int, report: Collector) -> None:
    for field in message:
        if field.number != number or field.wire != LENGTH:
            continue
        if field.value > _MOST_METADATA:
            report.add("not-examined", field.start, "its metadata is longer than is read here")
            continue
        text = message.source.read_at(field.start, field.value)
        if not text.lstrip().startswith(b"{"):
            continue
        try:
            check_keras(decode(text), report, field.start)
        except JsonError as error:
            report.add("tf-malformed", field.start, f"its metadata {error}")
