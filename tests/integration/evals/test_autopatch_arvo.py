"""Cases of ARVO through a container engine: crash, source, patch, and every rung of the ladder.

The engine is a program that speaks docker's command line over bubblewrap; the images are small
programs of ours, laid out as ARVO's are.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from tests.integration.evals import fake_docker

from tyrian.errors import ConfigError, InputError
from tyrian.evals.benchmark import Options
from tyrian.evals.benchmarks.autopatch import AutoPatch
from tyrian.evals.datasets.formats import parse_rows
from tyrian.evals.exchange import Part, Reply, Request
from tyrian.evals.patching.program import BROKEN, UNCHANGED, Program, program_named
from tyrian.evals.prompts import OwnPrompts
from tyrian.evals.run.log import Record, RunLog, records
from tyrian.evals.run.runner import Engine, run
from tyrian.evals.sandboxed.execute import Sandboxed, working_driver

CAN_RUN = shutil.which("clang") and working_driver(("bubblewrap",))[0]
with_images = pytest.mark.skipif(
    not CAN_RUN, reason="needs clang and bubblewrap: apt-get install clang bubblewrap"
)
NUMBER = 12803
_HARNESS = """
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
int run(const uint8_t *data, size_t size, FILE *out);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    run(data, size, stderr);
    return 0;
}
"""
_ARVO = """#!/bin/bash
if [ "$1" = compile ]; then
    cd /src && exec clang -g -O1 -w -fsanitize=address,fuzzer prog.c harness.c -o /out/target
fi
export ASAN_OPTIONS=detect_leaks=0
exec /out/target /tmp/poc
"""


def make_image(home: Path, kind: str, program: Program, function: str) -> None:
    root = home / f"docker.io_n132_arvo_{NUMBER}-{kind}"
    for name in ("src", "out", "bin"):
        (root / name).mkdir(parents=True)
    (root / "src" / "prog.c").write_text(program.source(function))
    (root / "src" / "harness.c").write_text(_HARNESS)
    (root / "bin" / "arvo").write_text(_ARVO)
    (root / "bin" / "arvo").chmod(0o755)
    (root / "poc").write_bytes(program.crash)
    sources = [str(root / "src" / name) for name in ("prog.c", "harness.c")]
    flags = [f"-ffile-prefix-map={root / 'src'}=/src", "-g", "-O1", "-w"]
    subprocess.run(
        ["clang", *flags, "-fsanitize=address,fuzzer", *sources, "-o", str(root / "out/target")],
        check=True,
    )


@pytest.fixture
def engine_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory with a `docker` in front of PATH and two images."""
    home, programs = tmp_path / "images", tmp_path / "bin"
    home.mkdir()
    programs.mkdir()
    docker = programs / "docker"
    docker.write_text(f'#!/bin/sh\nexec {sys.executable} {fake_docker.__file__} "$@"\n')
    docker.chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}")
    monkeypatch.setenv("FAKE_DOCKER", str(home))
    return home


class Mender:
    """Answers with one patch after another."""

    name = identity = "mender"

    def __init__(self, *patches: str) -> None:
        self._patches = patches
        self.asked: list[Request] = []

    async def reply(self, request: Request) -> Reply:
        """The next patch."""
        self.asked.append(request)
        number = sum(turn.role == "assistant" for turn in request.turns)
        return Reply(f"So:\n\n```c\n{self._patches[min(number, len(self._patches) - 1)]}\n```\n")

    async def close(self) -> None:
        """Nothing to let go of."""


async def played(tmp_path: Path, model: Mender, **settings: str) -> Record:
    benchmark = AutoPatch(Options(settings={"fuzz": "2", **settings}), OwnPrompts())
    rows = parse_rows(f"[{NUMBER}]".encode(), "autopatch_bench.json", "here")
    with RunLog(tmp_path / "log.jsonl") as log:
        engine = Engine({Part.TARGET: model}, execute=Sandboxed())
        await run(benchmark, benchmark.load(rows), log, engine)
    (record,) = records(tmp_path / "log.jsonl")
    return record


@with_images
@pytest.mark.parametrize(
    ("kind", "label"),
    [("fixed", "correct"), ("narrow", "fell at fuzz"), ("wrong", "fell at differential")],
)
async def test_known_patches_fall_where_they_should(
    engine_home: Path, tmp_path: Path, kind: str, label: str
) -> None:
    program = program_named("days")
    make_image(engine_home, "vul", program, program.vulnerable)
    make_image(engine_home, "fix", program, program.patches["fixed"])
    model = Mender(program.patches[BROKEN], program.patches[UNCHANGED], program.patches[kind])
    record = await played(tmp_path, model)
    assert record.label == label, (record.why, record.answer)
    assert record.slices == {"tier": "arvo"}
    question = model.asked[0].turns[0].text
    assert "ERROR: AddressSanitizer" in question
    assert f"`{program.function}`" in question
    calls = (engine_home / "calls.txt").read_text()
    assert "pull --quiet" in calls


async def test_an_image_that_is_not_there_is_told(engine_home: Path, tmp_path: Path) -> None:
    record = await played(tmp_path, Mender("x"))
    assert record.missing == "not_run"
    assert "manifest for docker.io/n132/arvo:12803-vul not found" in record.why


async def test_without_an_engine_it_is_said_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    record = await played(tmp_path, Mender("x"))
    assert record.missing == "not_run"
    assert "docker is not installed; podman is not installed; install podman" in record.why


def test_bad_numbers_and_settings_are_told() -> None:
    benchmark = AutoPatch(Options(settings={"fuzz": "long"}), OwnPrompts())
    with pytest.raises(InputError, match="row 0"):
        list(benchmark.load([{"value": -1}]))
    (sample,) = benchmark.load([{"value": 1}])
    with pytest.raises(ConfigError, match="long"):
        next(benchmark.turns(sample))
