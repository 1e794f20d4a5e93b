"""Files that are pickles: raw ones, several in a stream, PyTorch's oldest format, joblib's."""

from collections.abc import Callable

from tyrian.supply.scan.finding import Collector, ScanFinding
from tyrian.supply.scan.pickles.calls import Probe
from tyrian.supply.scan.pickles.joblib_machine import JoblibMachine
from tyrian.supply.scan.pickles.machine import Machine
from tyrian.supply.scan.pickles.value import Payload, Ref, Value
from tyrian.supply.scan.source import Source, spooled

TORCH_MAGIC = b"\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19."
"""The number that PyTorch's format before 1.6 begins with, pickled by protocol 2."""
_LEGACY_PICKLES = 5
_MOST_TEXT = 16 << 20
"""Bytes of a text inside a pickle that are looked into as Latin-1, as old pickles keep bytes."""
_MOST_DEPTH = 8

ScanInside = Callable[[Source, Collector, int], None]
"""Scans bytes that were found inside of others, at that depth."""


def is_torch_legacy(head: bytes) -> bool:
    """Whether a file begins with PyTorch's magic number as PyTorch writes it."""
    return head[:1] == b"\x80" and head[2:].startswith(TORCH_MAGIC)


def scan_pickle_file(source: Source, report: Collector, scan_inside: ScanInside, depth: int) -> str:
    """All pickles of a file; gives the kind of file that it is."""
    head = source.read_at(0, 64)
    probe = probe_of(report, scan_inside, depth)
    if is_torch_legacy(head):
        _scan_torch_legacy(source, report, probe)
        return "torch-legacy"
    machine = JoblibMachine(source, report, probe=probe)
    position: int | None = 0
    while position is not None and position < source.size:
        position = machine.run()
        if position is None or position >= source.size:
            break
        if not _is_another(source, position):
            report.add(
                "pickle-trailing-data", position, f"{source.size - position} bytes follow its end"
            )
            break
    if not machine.arrays:
        return "pickle"
    _scan_as_others_would(source, report)
    return "joblib"


def _scan_as_others_would(source: Source, report: Collector) -> None:
    """Loaders other than joblib take the bytes of arrays for opcodes, up to where these break."""
    trial = report.apart()
    Machine(source, trial).run()
    report.take(one for one in trial.findings if one.rule == "pickle-dangerous-global")


def _is_another(source: Source, position: int) -> bool:
    """Whether a pickle begins here: told by how far it can be followed."""
    if source.read_at(position, 1) == b"\x80":
        return True
    trial = Collector("")
    machine = Machine(source, trial, start=position)
    return machine.run() is not None or machine.calls > 0 or machine.last_ref is not None


def _scan_torch_legacy(source: Source, report: Collector, probe: Probe) -> None:
    """Magic number, protocol version, system, the object and the keys; then raw storages."""
    machine = Machine(source, report, probe=probe, persistent=is_torch_storage)
    for _ in range(_LEGACY_PICKLES):
        if machine.run() is None:
            return


def is_torch_storage(value: Value) -> bool:
    """Whether a persistent id is one of PyTorch's: ('storage', class, key, device, count)."""
    if not isinstance(value, tuple) or not value or value[0] not in (b"storage", b"module"):
        return False
    return len(value) > 1 and isinstance(value[1], Ref)


def probe_of(report: Collector, scan_inside: ScanInside, depth: int) -> Probe:
    """Looks for pickles and archives in the bytes of a pickle."""

    def probe(source: Source, offset: int, is_text: bool) -> Payload | None:
        head = source.read_at(0, 4)
        if is_text:
            if not head.startswith((b"PK\x03\x04", b"\xc2\x80")) or source.size > _MOST_TEXT:
                return None
            return _text_payload(source, offset)
        is_pickle = head[0] == 0x80 and head[1] in b"\x02\x03\x04\x05"
        if not is_pickle and not head.startswith(b"PK\x03\x04"):
            return None
        return _payload(source, offset)

    def _text_payload(source: Source, offset: int) -> Payload | None:
        try:
            data = source.read_at(0, source.size).decode().encode("latin-1")
        except UnicodeError:
            return None
        with spooled([data], _MOST_TEXT) as inner:
            return _payload(inner, offset)

    def _payload(source: Source, offset: int) -> Payload:
        apart = report.inside(f"bytes@{offset}").apart()
        if depth >= _MOST_DEPTH:
            apart.add("not-examined", offset, f"bytes within bytes, deeper than {_MOST_DEPTH}")
        else:
            scan_inside(source, apart, depth + 1)
        _tell(apart.findings)
        return Payload(tuple(apart.findings))

    def _tell(findings: list[ScanFinding]) -> None:
        """Of bytes that nothing need load, only what is surely an attack counts."""
        report.take(one for one in findings if one.rule == "pickle-dangerous-global")

    return probe
