"""`tyrian run` as a user runs it: exit codes, limits, signals, streams, and what is refused."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import chdir
from pathlib import Path
from typing import Any

import pytest
from tests.integration.sandbox.conftest import HOST, Servers
from tests.warm.program import tyrian

from tyrian.sandbox.cgroup import ControlGroup
from tyrian.sandbox.drivers.bubblewrap import Bubblewrap
from tyrian.sandbox.drivers.gvisor import Gvisor
from tyrian.sandbox.drivers.landlock import Landlock
from tyrian.sandbox.plan import interpreter
from tyrian.sandbox.run import run_sandboxed
from tyrian.stack.load import load_stack

POLICY = """
version: 1
default: deny
cwd: {workspace}
tools: {{read_file: {{path: fs:read}}}}
fs: {{read: ["{workspace}/**", "{workspace}-missing"], write: ["{workspace}/out/**"]}}
"""
DRIVERS = {driver.name: driver for driver in (Gvisor(), Bubblewrap(), Landlock())}
REASONS = {name: driver.why_not() for name, driver in DRIVERS.items()}
each = pytest.mark.parametrize(
    "driver",
    [
        pytest.param(name, marks=pytest.mark.skipif(bool(reason), reason=reason or "works"))
        for name, reason in REASONS.items()
    ],
)
needs_bubblewrap = pytest.mark.skipif(
    bool(REASONS["bubblewrap"]), reason=REASONS["bubblewrap"] or "works"
)

Done = subprocess.CompletedProcess[str]
Run = Callable[..., Done]


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    found = tmp_path / "workspace"
    (found / "out").mkdir(parents=True)
    (found / "a.txt").write_text("readable\n")
    return found


def write_stack(workspace: Path, driver: str, **keys: object) -> Path:
    base = workspace.parent
    (base / "policy.yaml").write_text(POLICY.format(workspace=workspace))
    sandbox = {"type": driver, **keys}
    stack = {"agent": {"policy_runtime": {"config": "./policy.yaml"}, "sandbox": sandbox}}
    (base / "stack.yaml").write_text(json.dumps(stack))
    return base / "stack.yaml"


def command(stack: Path, *argv: str, options: tuple[str, ...] = ()) -> list[str]:
    return [*tyrian(), "run", "--stack", str(stack), *options, "--", *argv]


def run(stack: Path, *argv: str, options: tuple[str, ...] = (), **more: Any) -> Done:
    return subprocess.run(
        command(stack, *argv, options=options),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        **more,
    )


@each
def test_streams_exit_code_and_directory_are_the_commands(workspace: Path, driver: str) -> None:
    stack = write_stack(workspace, driver)
    done = run(
        stack, "/bin/sh", "-c", "read x; echo got $x; pwd; echo bad >&2; exit 7", input="in\n"
    )
    assert done.returncode == 7
    assert done.stdout == f"got in\n{workspace}\n"
    assert "bad\n" in done.stderr
    assert "missing is not there" in done.stderr


@each
def test_output_into_one_file_keeps_its_order(workspace: Path, driver: str) -> None:
    stack = write_stack(workspace, driver)
    script = "for i in 1 2 3; do echo out $i; echo err $i >&2; done"
    with (workspace.parent / "log").open("w") as log:
        argv = command(stack, "/bin/sh", "-c", script, options=("--quiet",))
        subprocess.run(argv, stdout=log, stderr=log, timeout=60, check=True)
    lines = (workspace.parent / "log").read_text().splitlines()
    assert lines == [f"{kind} {i}" for i in (1, 2, 3) for kind in ("out", "err")]


@each
def test_nothing_is_left_behind(workspace: Path, driver: str) -> None:
    def left() -> set[Path]:
        groups = Path("/sys/fs/cgroup").glob("**/tyrian-run-*")
        return {*Path("/tmp").glob("tyrian-run-*"), *groups}

    before = left()
    stack = write_stack(workspace, driver)
    assert run(stack, "/bin/sh", "-c", "echo x > out/x; sleep 100 &").returncode == 0
    # Sandboxes of tests beside this one go by themselves; what was left behind would stay.
    found, end = left() - before, time.monotonic() + 300
    while found and time.monotonic() < end:
        time.sleep(0.2)
        found &= left()
    assert found == set()
    assert (workspace / "out" / "x").read_text() == "x\n"


@each
def test_a_signal_reaches_the_command(workspace: Path, driver: str) -> None:
    stack = write_stack(workspace, driver)
    script = "trap 'echo told; exit 3' TERM; echo ready; while :; do sleep 0.1; done"
    process = subprocess.Popen(
        command(stack, "/bin/sh", "-c", script), stdout=subprocess.PIPE, text=True
    )
    assert process.stdout
    assert process.stdout.readline() == "ready\n"
    process.send_signal(signal.SIGTERM)
    assert process.stdout.read() == "told\n"
    assert process.wait(30) == 3
    process.stdout.close()


@each
def test_the_end_by_a_signal_is_told_as_shells_do(workspace: Path, driver: str) -> None:
    stack = write_stack(workspace, driver)
    assert run(stack, "/bin/sh", "-c", "kill -KILL $$").returncode == 128 + 9


@each
def test_time_is_limited(workspace: Path, driver: str) -> None:
    stack = write_stack(workspace, driver, limits={"time_s": 2})
    began = time.monotonic()
    done = run(stack, "/bin/sh", "-c", "trap '' TERM; sleep 60; sleep 60")
    assert done.returncode == 137
    assert "time_s: 2" in done.stderr
    assert time.monotonic() - began < 40


@each
def test_memory_is_limited(workspace: Path, driver: str) -> None:
    stack = write_stack(workspace, driver, limits={"memory_mb": 256})
    script = "b = [bytearray(40_000_000) for _ in range(30)]; print('held')"
    done = run(stack, str(interpreter()), "-c", script)
    assert done.returncode != 0
    assert "held" not in done.stdout


@each
def test_without_control_groups_each_process_is_limited_and_that_is_told(
    workspace: Path, driver: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ControlGroup, "make", lambda *_: None)
    stack = load_stack(write_stack(workspace, driver, limits={"memory_mb": 256}))
    assert stack.agent.sandbox
    policy = stack.tool_policy()
    assert policy
    script = f"b = bytearray(400_000_000); open('{workspace}/out/held', 'w')"
    argv = [str(interpreter()), "-c", script]
    result = run_sandboxed(stack.agent.sandbox, policy.spec, argv)
    assert result.code == 1
    assert not (workspace / "out" / "held").exists()
    assert any("no control group" in note for note in result.notes)


@each
def test_what_is_written_is_limited_in_one_file_and_in_all(workspace: Path, driver: str) -> None:
    stack = write_stack(workspace, driver, limits={"disk_mb": 8})
    one = run(stack, "/bin/sh", "-c", "head -c 20000000 /dev/zero > out/one")
    assert one.returncode != 0
    assert (workspace / "out" / "one").stat().st_size <= 8 << 20
    (workspace / "out" / "one").unlink()
    script = "for i in 1 2 3 4; do head -c 6000000 /dev/zero > out/$i; done; sleep 60"
    every = run(stack, "/bin/sh", "-c", script)
    assert every.returncode == 137
    assert "disk_mb: 8" in every.stderr


@each
def test_only_named_variables_are_passed_on(workspace: Path, driver: str) -> None:
    stack = write_stack(workspace, driver, env=["MY_KEY"])
    env = {**os.environ, "MY_KEY": "mine", "OTHER": "not mine"}
    done = run(stack, "/bin/sh", "-c", "echo $MY_KEY$OTHER", env=env)
    assert done.stdout == "mine\n"
    missing = run(stack, "/bin/true")
    assert missing.returncode == 2
    assert "MY_KEY" in missing.stderr


@each
def test_refusals_of_the_proxy_are_told_and_logged(
    workspace: Path, driver: str, servers: Servers
) -> None:
    stack = write_stack(
        workspace,
        driver,
        egress_allowlist=[f"http://{HOST}:{servers.plain}"],
        hosts={HOST: "127.0.0.1"},
    )
    script = (
        "import urllib.request as u\n"
        f"print(u.urlopen('http://{HOST}:{servers.plain}/x').status)\n"
        "try: u.urlopen('http://evil.example.org/')\n"
        "except Exception as e: print(e)\n"
    )
    log = workspace.parent / "egress.jsonl"
    done = run(stack, str(interpreter()), "-c", script, options=("--egress-log", str(log)))
    assert done.stdout == "200\nHTTP Error 403: Forbidden\n"
    assert "refused evil.example.org:80: the host is not allowed" in done.stderr
    # A connection that was allowed is written down when it ends.
    outcomes = [json.loads(line)["outcome"] for line in log.read_text().splitlines()]
    assert sorted(outcomes) == ["allowed", "refused"]


@each
def test_without_any_host_there_is_no_way_out_at_all(workspace: Path, driver: str) -> None:
    stack = write_stack(workspace, driver)
    script = "import socket; socket.create_connection(('127.0.0.1', 3128), 3)"
    done = run(stack, str(interpreter()), "-c", script)
    assert done.returncode == 1
    assert "Connection refused" in done.stderr


@needs_bubblewrap
def test_a_directory_is_shown_under_the_policys_name(workspace: Path) -> None:
    (workspace.parent / "policy.yaml").write_text(POLICY.format(workspace="/workspace"))
    text = (
        "agent:\n  policy_runtime: {config: ./policy.yaml}\n"
        "  sandbox: {type: bubblewrap, mounts: {/workspace: ./workspace}}\n"
    )
    (workspace.parent / "stack.yaml").write_text(text)
    done = run(workspace.parent / "stack.yaml", "/bin/sh", "-c", "pwd; cat a.txt; echo y > out/y")
    assert done.stdout == "/workspace\nreadable\n"
    assert (workspace / "out" / "y").exists()


@pytest.mark.skipif(bool(REASONS["gvisor"]), reason=REASONS["gvisor"] or "works")
def test_gvisor_does_not_start_beside_a_unix_socket(workspace: Path) -> None:
    stack = write_stack(workspace, "gvisor")
    with socket.socket(socket.AF_UNIX) as made, chdir(workspace):
        made.bind("docker.sock")
    done = run(stack, "/bin/true")
    assert done.returncode == 2
    assert "docker.sock" in done.stderr


@needs_bubblewrap
def test_a_program_that_is_not_shown_is_told_with_the_way_to_show_it(
    workspace: Path, tmp_path: Path
) -> None:
    stack = write_stack(workspace, "bubblewrap")
    tool = tmp_path / "tools" / "bin" / "tool"
    tool.parent.mkdir(parents=True)
    tool.write_text("#!/bin/sh\necho ran\n")
    tool.chmod(0o755)
    hidden = run(stack, str(tool))
    assert hidden.returncode == 2
    assert f"system_paths: [{tool.parent.parent}]" in hidden.stderr
    shown = write_stack(workspace, "bubblewrap", system_paths=[str(tool.parent.parent)])
    assert run(shown, str(tool)).stdout == "ran\n"


def test_a_driver_that_is_missing_stops_the_command(workspace: Path, tmp_path: Path) -> None:
    stack = write_stack(workspace, "gvisor")
    ran = workspace / "out" / "ran"
    empty = tmp_path / "empty"
    empty.mkdir()
    done = run(stack, "/bin/sh", "-c", f"touch {ran}", env={**os.environ, "PATH": str(empty)})
    assert done.returncode == 3
    assert "apt-get install runsc" in done.stderr
    assert not ran.exists()


def test_a_driver_that_fails_is_told_and_the_command_not_started(
    workspace: Path, tmp_path: Path
) -> None:
    stack = write_stack(workspace, "gvisor")
    programs = tmp_path / "programs"
    programs.mkdir()
    (programs / "runsc").write_text("#!/bin/sh\necho no such platform >&2\nexit 128\n")
    (programs / "runsc").chmod(0o755)
    env = {**os.environ, "PATH": f"{programs}:{os.environ['PATH']}"}
    done = run(stack, "/bin/sh", "-c", "echo ran", env=env)
    assert done.returncode == 3
    assert (
        "the sandbox gvisor does not work here: runsc fails here: no such platform" in done.stderr
    )
    assert "ran" not in done.stdout


def test_none_needs_to_be_accepted(workspace: Path) -> None:
    refused = run(write_stack(workspace, "none"), "/bin/true")
    assert refused.returncode == 2
    assert "i_accept_no_isolation" in refused.stderr
    accepted = write_stack(workspace, "none", i_accept_no_isolation=True)
    assert run(accepted, "/bin/sh", "-c", "exit 5").returncode == 5


@pytest.mark.parametrize(
    ("text", "code", "told"),
    [
        ("agent: {preflight_guards: [{name: pii}]}", 2, "no sandbox"),
        ("agent: {sandbox: {type: gvisr}, preflight_guards: [{name: pii}]}", 2, "gvisor"),
        ("agent: {policy_runtime: {config: nowhere.yaml}, sandbox: {}}", 2, "policy file"),
    ],
)
def test_a_faulty_stack_starts_nothing(tmp_path: Path, text: str, code: int, told: str) -> None:
    (tmp_path / "stack.yaml").write_text(text)
    done = run(tmp_path / "stack.yaml", "/bin/sh", "-c", "echo ran")
    assert done.returncode == code
    assert told in done.stderr
    assert "ran" not in done.stdout


def test_a_policy_that_would_show_the_whole_machine_is_refused(workspace: Path) -> None:
    stack = write_stack(workspace, "landlock")
    policy = workspace.parent / "policy.yaml"
    policy.write_text("version: 1\ntools: {r: {path: fs:read}}\nfs: {read: ['/**']}\n")
    done = run(stack, "/bin/true")
    assert done.returncode == 2
    assert "whole machine" in done.stderr


ENGINE = """#!{python}
import json, socket, sys
from pathlib import Path
if sys.argv[1] == "info":
    print('{{"io.containerd.runc.v2":{{}},"runsc":{{}}}}')
else:
    with Path("{log}").open("a") as log:
        log.write(json.dumps(sys.argv[1:]) + chr(10))
    for at, word in enumerate(sys.argv):
        if word.endswith(":/run/tyrian:ro"):  # what the supervisor would do in the container
            socket.socket(socket.AF_UNIX).connect(word.partition(":")[0] + "/control.sock")
    print("from the container")
sys.exit(4 if sys.argv[1] == "run" else 0)
"""


def test_a_container_engine_is_told_the_same_limits(workspace: Path, tmp_path: Path) -> None:
    log, programs = tmp_path / "engine.jsonl", tmp_path / "programs"
    programs.mkdir()
    (programs / "docker").write_text(ENGINE.format(python=sys.executable, log=log))
    (programs / "docker").chmod(0o755)
    image = "registry.example.com/agent@sha256:" + "0" * 64
    stack = write_stack(
        workspace, "container", image=image, limits={"memory_mb": 512, "processes": 20}
    )
    env = {**os.environ, "PATH": f"{programs}:{os.environ['PATH']}"}
    done = run(stack, "agent", "--flag", env=env)
    assert (done.returncode, done.stdout) == (4, "from the container\n")
    started, removed = (json.loads(line) for line in log.read_text().splitlines())
    text = " ".join(started)
    for part in (
        *("--runtime runsc", "--network none", "--read-only", "--cap-drop ALL", "--memory 512m"),
        *("--pids-limit 20", f"{workspace}:{workspace}:ro", f"{workspace}/out:{workspace}/out:rw"),
        *("no-new-privileges", "--entrypoint python3"),
    ):
        assert part in text
    assert started[-5:] == [image, "-I", "-S", "/run/tyrian/inner.py", "/run/tyrian/plan.json"]
    assert removed[0] == "rm"
