"""Bills of materials: made, checked by schema and meaning, and written; beside the Python library.

    python benchmarks/supply_bom.py [--no-peers]

CPU seconds of one thread, the median of five, after the first document, which reads the schema and
has a row of its own. The components are models with cards, files and hashes, packages and guards in
equal parts. The peer is the strict validator of cyclonedx-python-lib (a development dependency),
which checks the schema alone and is asked once, for documents of at most 104 components: its time
grows by tenths of a second for each component.
"""

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from importlib.util import find_spec
from statistics import median
from types import MappingProxyType

from _table import Cell, table, verdict
from tyrian.supply.aibom.cyclonedx import as_cyclonedx
from tyrian.supply.aibom.document import Json, encode, parse
from tyrian.supply.aibom.parts import (
    Architecture,
    Card,
    FilePart,
    GuardPart,
    Inventory,
    ModelPart,
    PackagePart,
)
from tyrian.supply.aibom.purl import pypi
from tyrian.supply.aibom.validate import faults_of

_RUNS = 5
_SIZES = (4, 104, 404, 2004)
_LIMITS_S = {404: 0.1, 2004: 1.0}
_MOST_OF_PEER = 104
_HEAD = ["components", "MB", "make s", "check s", "write s", "whole s", "read s", "target"]


def system_of(components: int) -> Inventory:
    """A system of about so many components, a third of each kind; files count as none."""
    third = components // 3
    packages = tuple(_package(n, third) for n in range(components - 2 * third))
    return Inventory(
        name="bench",
        models=tuple(_model(n) for n in range(third)),
        guards=tuple(_guard(n) for n in range(third)),
        packages=packages,
    )


def _digest(n: int) -> str:
    return f"{n:064x}"


def _model(n: int) -> ModelPart:
    return ModelPart(
        name=f"owner/model-{n}",
        repository=f"owner/model-{n}",
        commit=f"{n:040x}",
        licence="apache-2.0",
        digest=f"sha256:{_digest(n)}",
        files=tuple(FilePart(path=f"{i}.bin", sha256=_digest(n + i), size=i) for i in range(3)),
        card=Card(task="text-generation", uses=("chat",), limitations=("short texts",)),
        architecture=Architecture(
            family="llama",
            name="LlamaForCausalLM",
            facts=MappingProxyType({"hidden_size": "16", "vocab_size": "64"}),
        ),
    )


def _guard(n: int) -> GuardPart:
    notes = MappingProxyType({"effects": "*=block", "thresholds": "*=0.5", "on-error": "block"})
    return GuardPart(
        stage="input",
        name=f"guard-{n}",
        kind="secrets",
        backend="builtin",
        revision="1",
        digest=f"sha256:{_digest(n)}",
        notes=notes,
    )


def _package(n: int, count: int) -> PackagePart:
    name = f"package-{n}"
    return PackagePart(
        name=name,
        version="1.0",
        purl=pypi(name, "1.0"),
        licence="MIT",
        digest=f"sha256:{_digest(n)}",
        needs=(f"package-{n + 1}",) if n + 1 < count else (),
    )


def _timed(work: Callable[[], object]) -> float:
    """CPU seconds, the median of some runs."""
    runs = []
    for _ in range(_RUNS):
        began = time.process_time()
        work()
        runs.append(time.process_time() - began)
    return median(runs)


def bom_rows() -> Iterator[list[Cell]]:
    """A row for each size, and one for the first document of a process."""
    began = time.process_time()
    faults_of(as_cyclonedx(system_of(4)))
    first = time.process_time() - began
    yield ["4, the first", None, None, None, None, first, None, "-"]
    for size in _SIZES:
        system = system_of(size)
        document = as_cyclonedx(system)
        if found := faults_of(document):
            raise SystemExit(f"the document is not valid: {found[0]}")
        data = encode(document)
        parts = [
            _timed(partial(as_cyclonedx, system)),
            _timed(partial(faults_of, document)),
            _timed(partial(encode, document)),
        ]
        reading = _timed(partial(parse, data))
        limit = _LIMITS_S.get(size)
        told = f"{limit} s: {verdict(sum(parts) < limit)}" if limit else "-"
        shown = [f"{one:.4f}" for one in parts]
        count = len(document["components"])
        row: list[Cell] = [f"{count:,}", len(data) / 1e6, *shown]
        yield [*row, f"{sum(parts):.4f}", f"{reading:.4f}", told]


_PEER = """\
import sys, time
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
validator = JsonStrictValidator(SchemaVersion.V1_7)
text = sys.stdin.read()
began = time.process_time()
assert validator.validate_str(text) is None
print(time.process_time() - began)
"""


def peer_rows() -> Iterator[list[Cell]]:
    """What the Python library takes to check the schema of the same documents."""
    if find_spec("cyclonedx") is None:
        print("cyclonedx-python-lib is not installed: left out", file=sys.stderr)
        return
    for size in (one for one in _SIZES if one <= _MOST_OF_PEER):
        document: Json = as_cyclonedx(system_of(size))
        done = subprocess.run(
            [sys.executable, "-c", _PEER],
            input=json.dumps(document),
            capture_output=True,
            text=True,
            check=True,
        )
        own = _timed(partial(faults_of, document))
        peer = float(done.stdout)
        yield [f"{len(document['components'])}", peer, f"{own:.4f}", f"{peer / own:,.0f} times"]


def main() -> None:
    """Measure and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--no-peers", action="store_true")
    options = parser.parse_args()
    print(table("Bills of materials, CPU seconds", _HEAD, list(bom_rows())))
    if not options.no_peers:
        head = ["components", "cyclonedx-python-lib s", "tyrian s", "ratio"]
        print(table("Checking a document, CPU seconds", head, list(peer_rows())))


if __name__ == "__main__":
    main()
