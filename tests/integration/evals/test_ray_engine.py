"""Two nodes of Ray give the files that one process gives."""

import os
import secrets
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

SUITES = ("cybermetric", "mitre-frr")
FILES = ("manifest.json", "results.jsonl", "summary.json")


@pytest.fixture
def short() -> Iterator[Path]:
    """A directory with a short name: Ray's sockets stand in it, and a socket's path is limited."""
    with tempfile.TemporaryDirectory(prefix="ray", ignore_cleanup_errors=True) as folder:
        yield Path(folder)


def environment(tmp_path: Path, short: Path) -> dict[str, str]:
    """For Ray's processes: no statistics, a token of their own, patience, and quick imports."""
    shim = tmp_path / "shim"
    shim.mkdir()
    # A checker of JSON Schema formats that Ray imports takes seconds in each of its processes.
    (shim / "rfc3987_syntax.py").write_text("raise ImportError('not here')\n", encoding="utf-8")
    return {
        **os.environ,
        "PYTHONPATH": str(shim),
        "RAY_USAGE_STATS_ENABLED": "0",
        "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",
        "RAY_AUTH_MODE": "token",
        "RAY_AUTH_TOKEN": secrets.token_hex(16),
        "RAY_TMPDIR": str(short),
        "RAY_agent_register_timeout_ms": "200000",
        "RAY_raylet_start_wait_time_s": "120",
        "TYRIAN_HOME": str(tmp_path / "home"),
    }


def test_two_nodes_give_the_same_files_as_one_process(tmp_path: Path, short: Path) -> None:
    pytest.importorskip("ray", reason="the extra tyrian[ray] is not installed")
    tyrian = str(Path(sys.executable).with_name("tyrian"))
    env = environment(tmp_path, short)
    command = [tyrian, "eval", "run", *SUITES, "--sample", "--passes", "3"]
    alone = [*command, "--output", str(tmp_path / "alone")]
    subprocess.run(alone, check=True, capture_output=True, env=env)
    cluster = str(Path(__file__).with_name("ray_cluster.py"))
    shared = [*command, "--engine", "ray", "--output", str(tmp_path / "shared")]
    process = subprocess.Popen(
        [sys.executable, cluster, *shared],
        env=env,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
        text=True,
    )
    try:
        said, _ = process.communicate(timeout=400)
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
    assert process.returncode == 0, said[-3000:]
    compared = 0
    for one in (tmp_path / "alone").rglob("*"):
        if one.name in FILES:
            other = tmp_path / "shared" / one.relative_to(tmp_path / "alone")
            assert other.read_bytes() == one.read_bytes()
            compared += 1
    assert compared == len(FILES) * len(SUITES)
    notes = list((tmp_path / "shared").rglob("segments/*.done.json"))
    assert len(notes) > 8
    assert not list((tmp_path / "shared").rglob("segments/*.jsonl"))
