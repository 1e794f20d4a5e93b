"""`tyrian serve --workers N`: several processes behind one socket."""

import http.client
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import urlopen

import psutil
from tests.integration.serve.conftest import Served, Start, environment
from tests.warm.program import PROGRAM, tyrian


def in_time(is_so: Callable[[], bool], limit_s: float = 60.0) -> bool:
    deadline = time.monotonic() + limit_s
    while not is_so():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


def status(served: Served) -> int:
    address = urlsplit(served.url)
    key = served.curl.split("Bearer ")[1].split('"')[0].split("'")[0]
    connection = http.client.HTTPConnection(address.hostname or "", address.port, timeout=30)
    connection.request("GET", "/v1/models", headers={"authorization": f"Bearer {key}"})
    found = connection.getresponse().status
    connection.close()
    return found


def answered(served: Served) -> set[float]:
    """Requests for models that were answered well, as several looks at the metrics tell it."""
    found = set()
    for _ in range(6):
        with urlopen(f"{served.url}/metrics", timeout=30) as page:
            text = page.read().decode()
        wanted = 'tyrian_requests_total{route="models",status="200"} '
        found |= {float(line.split()[-1]) for line in text.splitlines() if line.startswith(wanted)}
    return found


def test_workers_share_a_socket_and_a_first_key_and_a_dead_one_is_replaced(start: Start) -> None:
    served = start("--workers", "2", program=[PROGRAM])
    crew = psutil.Process(served.process.pid)
    assert in_time(lambda: len(crew.children()) == 2)
    assert sum("Tyrian guards" in line for line in served.output) == 1
    assert all(status(served) == 200 for _ in range(8))
    # All that any worker has answered, whichever of them is asked.
    assert in_time(lambda: answered(served) == {8.0})
    first = crew.children()[0]
    assert in_time(lambda: time.time() - first.create_time() > 6)  # old enough to be replaced
    os.kill(first.pid, signal.SIGKILL)
    assert in_time(lambda: len([p for p in crew.children() if p.pid != first.pid]) == 2)
    assert all(status(served) == 200 for _ in range(4))
    children = crew.children()
    assert served.stop() == 0
    assert not any(child.is_running() for child in children)


def test_a_fault_of_the_command_is_told_once_and_ends_all(tmp_path: Path) -> None:
    done = subprocess.run(
        [*tyrian(), "serve", "--workers", "3", "--port", "0", "--stack", "/no/such/stack.yaml"],
        check=False, capture_output=True, text=True, timeout=120, env=environment(tmp_path),
    )  # fmt: skip
    assert done.returncode == 2
    assert (done.stdout + done.stderr).count("no such file") == 1


SLOW_TO_FAIL = """
import sys, time
from tyrian.cli import workers
workers.LEAST_LIFE_S = 0.1
crew = workers.fork_workers(3)
if isinstance(crew, int):
    sys.exit(crew)
time.sleep(0.5)
print("failed")
sys.exit(2)
"""


def test_who_never_took_requests_is_not_replaced_however_long_it_lived() -> None:
    done = subprocess.run(
        [sys.executable, "-c", SLOW_TO_FAIL], check=False, capture_output=True, text=True,
        timeout=120,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (2, "failed\n")


def test_workers_end_when_the_one_that_looks_after_them_is_killed(start: Start) -> None:
    served = start("--workers", "2", program=[PROGRAM])
    crew = psutil.Process(served.process.pid)
    assert in_time(lambda: len(crew.children()) == 2)
    children = crew.children()
    served.process.kill()
    served.process.wait()
    assert in_time(lambda: not any(child.is_running() for child in children))
