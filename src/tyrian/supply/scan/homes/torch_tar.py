"""PyTorch's format of 2016: a tar of `sys_info`, `pickle`, `storages` and `tensors`.

Source: `_legacy_load` in torch/serialization.py. `storages` and `tensors` are a pickled count and
then, in turn, a pickle and raw bytes.
"""

from tyrian.supply.scan.finding import Collector
from tyrian.supply.scan.homes.pickle_file import ScanInside, probe_of
from tyrian.supply.scan.homes.tar_file import TarMember
from tyrian.supply.scan.pickles.calls import Probe
from tyrian.supply.scan.pickles.machine import Machine
from tyrian.supply.scan.pickles.value import Ref, Value
from tyrian.supply.scan.source import Source

_NAMES = frozenset({"sys_info", "pickle", "storages", "tensors"})
_SIZES = {
    "Double": 8, "Long": 8, "ComplexFloat": 8, "ComplexDouble": 16, "Float": 4, "Int": 4,
    "Half": 2, "Short": 2, "BFloat16": 2, "Byte": 1, "Char": 1, "Bool": 1,
}  # fmt: skip


def is_torch_tar(names: list[str]) -> bool:
    """Whether an archive's members are those of this format."""
    return "pickle" in names and len(_NAMES & set(names)) >= 3


def scan_torch_tar(
    source: Source,
    members: list[TarMember],
    report: Collector,
    scan_inside: ScanInside,
    depth: int,
) -> None:
    """Every pickle in every member."""
    for member in members:
        inside = report.inside(member.name)
        if member.kind not in ("file", "folder"):
            inside.add("archive-path-escapes", member.data, "it is a link or device")
            continue
        part = source.part(member.data, member.size)
        probe = probe_of(inside, scan_inside, depth)
        if member.name in ("storages", "tensors"):
            _scan_mixed(part, inside, probe, is_storages=member.name == "storages")
        elif member.name in _NAMES:
            machine = Machine(part, inside, probe=probe, persistent=_is_known)
            end = machine.run()
            if end is not None and end < part.size:
                inside.add("pickle-trailing-data", end, f"{part.size - end} bytes follow its end")
        elif member.kind == "file":
            scan_inside(part, inside, depth + 1)


def _is_known(value: Value) -> bool:
    return isinstance(value, bytes | tuple) or not isinstance(value, Ref)


def _scan_mixed(source: Source, report: Collector, probe: Probe, *, is_storages: bool) -> None:
    machine = Machine(source, report, probe=probe, persistent=_is_known)
    at = machine.run()
    while at is not None and at < source.size:
        machine.last_ref = None
        at = machine.run()
        if at is None or at >= source.size:
            return
        if machine.last_ref is None:  # the views after the storages
            break
        end = _behind_storage(source, at, machine.last_ref) if is_storages else _behind(source, at)
        if not at < end <= source.size:
            report.add("pickle-malformed", at, "the raw bytes behind a pickle have no length")
            return
        machine.move_to(end)
        at = end
    if at is not None and at < source.size:
        report.add("pickle-trailing-data", at, f"{source.size - at} bytes follow the last pickle")


def _behind_storage(source: Source, at: int, kind: Ref) -> int:
    count = int.from_bytes(source.read_at(at, 8), "little", signed=True)
    size = _SIZES.get(kind.name.removesuffix("Storage"))
    return -1 if size is None or count < 0 else at + 8 + count * size


def _behind(source: Source, at: int) -> int:
    dimensions = int.from_bytes(source.read_at(at, 4), "little")
    return at + 8 + 16 * dimensions + 8
