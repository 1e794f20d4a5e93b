"""HDF5: the configuration that Keras keeps in attributes, and what leads out of the file."""

from tyrian.supply.scan.finding import Collector
from tyrian.supply.scan.hdf5.layout import Hdf5Error, UnreadError, opened_hdf5
from tyrian.supply.scan.hdf5.objects import Attribute, Node, node_at
from tyrian.supply.scan.homes.keras_config import check_keras
from tyrian.supply.scan.homes.pickle_file import ScanInside
from tyrian.supply.scan.source import Held, Source
from tyrian.supply.scan.strict_json import JsonError, decode

_MOST_OBJECTS = 1_000_000
_BUILT_IN = range(1, 256)
_REGISTERED = frozenset({32000, 32001, 32004, 32008, 32013, 32015, 32017})
"""LZF, Blosc, LZ4, bitshuffle, ZFP, Zstandard, SZ: filters that data is packed by in practice."""
_CONFIGS = frozenset({"model_config", "training_config", "layer_config", "config"})
_PICKLES = (b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05")


def scan_hdf5(source: Source, report: Collector, scan_inside: ScanInside, depth: int) -> None:
    """Follow every group and dataset from the root on."""
    try:
        file, root = opened_hdf5(source)
        seen, stack = {root}, [("", root)]
        while stack:
            path, address = stack.pop()
            node = node_at(file, address)
            inside = report.inside(path) if path else report
            for attribute in node.attributes:
                _check_attribute(attribute, inside, scan_inside, depth)
            _check_node(node, inside)
            for link in node.links:
                if link.address >= 0 and link.address not in seen:
                    seen.add(link.address)
                    stack.append((f"{path}/{link.name}", link.address))
            if len(seen) > _MOST_OBJECTS:
                raise UnreadError(f"has more than {_MOST_OBJECTS} objects")
    except UnreadError as error:
        report.add("not-examined", error.offset, f"it {error}, which is not read here")
    except Hdf5Error as error:
        report.add("hdf5-malformed", error.offset, f"it {error}")


def _check_node(node: Node, report: Collector) -> None:
    for link in node.links:
        if link.file or link.kind == 64:
            told = f"{link.name[:80]!r} is in the file {link.file[:120]!r}"
            report.add("hdf5-leaves-file", node.place, told)
        elif link.kind > 64:
            told = f"{link.name[:80]!r} is a link that a library of its own resolves"
            report.add("hdf5-leaves-file", node.place, told)
    for file in node.files:
        report.add("hdf5-leaves-file", node.place, f"its data is in the file {file[:120]!r}")
    if node.is_virtual:
        report.add("hdf5-leaves-file", node.place, "its data is put together out of other files")
    for number in node.filters:
        if number not in _BUILT_IN and number not in _REGISTERED:
            told = f"its data is unpacked by the plug-in {number}, which is loaded for that"
            report.add("hdf5-plug-in", node.place, told)


def _check_attribute(
    attribute: Attribute, report: Collector, scan_inside: ScanInside, depth: int
) -> None:
    value = attribute.value
    if value is None:
        return
    if value.startswith(_PICKLES):
        apart = report.inside(f"@{attribute.name}").apart()
        scan_inside(Held(value), apart, depth + 1)
        report.take(one for one in apart.findings if one.rule == "pickle-dangerous-global")
    if attribute.name == "PSEUDOATOM" and value.rstrip(b"\0") == b"object":
        report.add("hdf5-pickled-objects", attribute.place, "PyTables unpickles each of its rows")
    text = value.rstrip(b"\0").strip()
    if attribute.name in _CONFIGS or (text[:1] == b"{" and b'"class_name"' in text):
        _check_config(text, attribute, report)


def _check_config(text: bytes, attribute: Attribute, report: Collector) -> None:
    try:
        check_keras(decode(text), report.inside(f"@{attribute.name}"), attribute.place)
    except JsonError as error:
        if attribute.name != "config":
            report.add("hdf5-malformed", attribute.place, f"its {attribute.name} {error}")
