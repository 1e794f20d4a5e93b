"""PyTorch's zip format and TorchScript's: which member is a pickle, code, or a raw tensor.

Source: torch/serialization.py and torch/csrc/jit/serialization of PyTorch.
"""

import re
from pathlib import PurePosixPath

from tyrian.supply.scan.finding import Collector
from tyrian.supply.scan.homes.pickle_file import ScanInside, is_torch_storage, probe_of
from tyrian.supply.scan.pickles.machine import Machine
from tyrian.supply.scan.pickles.value import Value
from tyrian.supply.scan.source import Source

_MOST_CODE = 64 << 20
_MARKS = ("version", ".data/serialization_id", "byteorder", ".format_version")
_RAW = re.compile(r"(?:data|constants|tensors|xl_model_weights|weights)/[^/]+\Z")
_TEXTS = frozenset({"version", "byteorder", ".format_version", ".storage_alignment"})
_REACHES = re.compile(
    r"\b(?:torch\.(?:from_file|save|load|ops|classes)|ops\.(?!prim\b|aten\b|quantized\b|"
    r"torchvision\b|torchaudio\b|higher_order\b|prepacked\b|_caffe2\b|inductor\b|mkldnn\w*\b)\w+"
    r"|aten\.(?:from_file|save|load)|os\.|subprocess|__import__|\^\w+\()"
)


def torch_root(names: list[str]) -> str | None:
    """The folder that PyTorch keeps its records in; None where the archive is not PyTorch's."""
    for name in names:
        folder, _, last = name.rpartition("/")
        if last == "data.pkl" and "/" not in folder:
            root = f"{folder}/" if folder else ""
            if any(f"{root}{mark}" in names for mark in _MARKS):
                return root
    return None


def scan_torch_member(
    source: Source, report: Collector, name: str, root: str, scan_inside: ScanInside, depth: int
) -> bool:
    """Scan a record that PyTorch gives a meaning; false where it gives none."""
    inner = name.removeprefix(root)
    suffix = PurePosixPath(inner).suffix
    if suffix in (".pkl", ".debug_pkl"):
        _scan_pickle(source, report, scan_inside, depth)
    elif inner.startswith("code/") and suffix == ".py":
        _scan_code(source, report)
    elif inner in _TEXTS or inner == ".data/serialization_id":
        if source.size > 4096:
            report.add("not-examined", 0, "it is longer than such a record can be")
    elif _RAW.match(inner):
        _scan_raw(source, report, scan_inside, depth)
    else:
        return False
    return True


def _scan_pickle(source: Source, report: Collector, scan_inside: ScanInside, depth: int) -> None:
    machine = Machine(
        source,
        report,
        probe=probe_of(report, scan_inside, depth),
        persistent=_is_known_id,
        is_torch_script=True,
    )
    end = machine.run()
    if end is not None and end < source.size:
        report.add("pickle-trailing-data", end, f"{source.size - end} bytes follow its end")


def _is_known_id(value: Value) -> bool:
    return is_torch_storage(value) or isinstance(value, bytes | tuple)


def _scan_code(source: Source, report: Collector) -> None:
    if source.size > _MOST_CODE:
        report.add("not-examined", 0, f"its code is longer than {_MOST_CODE >> 20} MiB")
        return
    text = source.read_at(0, source.size).decode("utf-8", "replace")
    for found in _REACHES.finditer(text):
        offset = len(text[: found.start()].encode())
        report.add("torchscript-reaches-out", offset, f"its code names {found[0][:80]}")


def _scan_raw(source: Source, report: Collector, scan_inside: ScanInside, depth: int) -> None:
    """A tensor is only data; a pickle or program in its place is there to be loaded otherwise."""
    head = source.read_at(0, 4)
    is_pickle = head[:1] == b"\x80" and head[1:2] in (b"\x02", b"\x03", b"\x04", b"\x05")
    if is_pickle or head.startswith((b"PK\x03\x04", b"\x7fELF")):
        apart = report.apart()
        scan_inside(source, apart, depth)
        surely = ("pickle-dangerous-global", "executable-file")
        report.take(one for one in apart.findings if one.rule in surely)
