"""Sixty ways out of a sandbox, each tried inside each driver; and the listed host, which works."""

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from tests.integration.sandbox.conftest import HOST, Servers

from tyrian.sandbox.driver import Driver
from tyrian.sandbox.drivers.bubblewrap import Bubblewrap
from tyrian.sandbox.drivers.gvisor import Gvisor
from tyrian.sandbox.drivers.landlock import Landlock
from tyrian.sandbox.plan import interpreter

SECRET = "kraken-9d1f"
PUBLIC = "93.184.216.34"
PROGRAM = Path(__file__).with_name("ways_out.py")
START = Path(__file__).with_name("start.py")
DRIVERS: dict[str, Driver] = {
    "gvisor": Gvisor(),
    "bubblewrap": Bubblewrap(),
    "landlock": Landlock(),
}
POLICY = """
version: 1
default: deny
cwd: {workspace}
tools: {{read_file: {{path: fs:read}}}}
fs:
  read: ["{workspace}/**"]
  write: ["{workspace}/out/**"]
  deny: ["**/.git/**", "**/.env"]
"""
STACK = """
agent:
  policy_runtime: {{config: ./policy.yaml}}
  sandbox:
    type: {driver}
    egress_allowlist:
      - {host}:{tls}
      - http://{host}:{open}
      - rebind.example.com:{plain}
      - twice.example.com:{plain}
      - mixed.example.com:{plain}
    hosts: {{{host}: 127.0.0.1}}
    limits: {{processes: 64, disk_mb: 20, time_s: 120}}
"""


def names_of_ways() -> list[str]:
    """The ways, read from the program's text: to import it would run it."""
    text = PROGRAM.read_text().split("@way\ndef ")
    return [part.partition("(")[0] for part in text[1:]]


def service(keep: ExitStack, family: int, kind: int, address: Any) -> Any:
    """A socket of the machine that should not be reached; its address."""
    made = keep.enter_context(socket.socket(family, kind))
    made.bind(address)
    if kind == socket.SOCK_STREAM:
        made.listen()
    else:
        threading.Thread(target=_echo, args=(made,), daemon=True).start()
    return made.getsockname()


def _echo(made: socket.socket) -> None:
    while True:
        try:
            data, sender = made.recvfrom(100)
            made.sendto(data, sender)
        except OSError:
            return


@pytest.fixture(scope="module", params=DRIVERS)
def came(
    request: pytest.FixtureRequest, servers: Servers, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, Any]]:
    """What each way came to inside the driver."""
    driver = request.param
    if reason := DRIVERS[driver].why_not():
        pytest.skip(reason)
    base = tmp_path_factory.mktemp(driver)
    workspace, outside = base / "workspace", base / "outside"
    (workspace / "out").mkdir(parents=True)
    outside.mkdir()
    (outside / "secret.txt").write_text(SECRET)
    (workspace / "a.txt").write_text("readable")
    (workspace / ".env").write_text(SECRET)
    (workspace / ".git").mkdir()
    (workspace / ".git" / "config").write_text(SECRET)
    (workspace / "link").symlink_to(outside / "secret.txt")
    os.link(outside / "secret.txt", workspace / "hard")
    shutil.copyfile(servers.ca, workspace / "ca.pem")
    shutil.copyfile(PROGRAM, workspace / "ways_out.py")
    caught = threading.Event()
    before = signal.signal(signal.SIGUSR1, lambda *_: caught.set())
    with ExitStack() as keep:
        keep.callback(signal.signal, signal.SIGUSR1, before)
        abstract = f"tyrian-{os.getpid()}"
        service(keep, socket.AF_UNIX, socket.SOCK_STREAM, "\0" + abstract)
        with contextlib.chdir(outside):
            service(keep, socket.AF_UNIX, socket.SOCK_STREAM, "s")
        if driver != "gvisor":  # which refuses to start beside one, see test_run.py
            with contextlib.chdir(workspace):  # the path of a Unix socket may not be long
                service(keep, socket.AF_UNIX, socket.SOCK_STREAM, "service.sock")
        scene = {
            "driver": driver,
            "stack": str(base / "stack.yaml"),
            "workspace": str(workspace),
            "outside": str(outside / "secret.txt"),
            "home": str(Path.home()),
            "secret": SECRET,
            "host": HOST,
            "tls": servers.tls,
            "plain": servers.plain,
            "open": servers.plain,
            "udp": service(keep, socket.AF_INET, socket.SOCK_DGRAM, ("127.0.0.1", 0))[1],
            "abstract": abstract,
            "unix": str(outside / "s"),
            "process": os.getpid(),
            "mark": "pytest",
            "dns": {
                "rebind.example.com": [["127.0.0.1"]],
                "twice.example.com": [[PUBLIC], ["127.0.0.1"]],
                "mixed.example.com": [[PUBLIC, "127.0.0.1"]],
            },
        }
        (workspace / "scene.json").write_text(json.dumps(scene))
        (base / "policy.yaml").write_text(POLICY.format(workspace=workspace))
        (base / "stack.yaml").write_text(
            STACK.format(
                driver=driver, host=HOST, tls=servers.tls, plain=servers.plain, open=servers.plain
            )
        )
        done = subprocess.run(
            [
                *(sys.executable, str(START), str(workspace / "scene.json"), "--"),
                *(
                    str(interpreter()),
                    str(workspace / "ways_out.py"),
                    str(workspace / "scene.json"),
                ),
            ],
            capture_output=True,
            text=True,
            timeout=180,
            check=False,
            env={**os.environ, "A_SECRET": SECRET},
            stdin=subprocess.DEVNULL,
        )
        assert done.returncode == 0, done.stderr
        found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
        found["after"] = {
            "outside": (outside / "secret.txt").read_text(),
            "a.txt": (workspace / "a.txt").read_text(),
            "written": (workspace / "out" / "written").read_text(),
            "signal": caught.is_set(),
        }
        yield found


@pytest.mark.parametrize("name", names_of_ways())
def test_a_way_out_leads_nowhere(came: dict[str, Any], name: str) -> None:
    assert came[name] is None


def test_the_listed_host_and_the_policys_paths_work(came: dict[str, Any]) -> None:
    assert came["listed host"] == "/listed"
    assert came["readable"] == "readable"
    assert came["after"] == {
        "outside": SECRET,
        "a.txt": "readable",
        "written": "by the sandbox",
        "signal": False,
    }


def test_there_are_at_least_forty_ways() -> None:
    assert len(names_of_ways()) >= 40
