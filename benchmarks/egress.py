"""What the sandbox costs: the start of each driver, and the egress proxy's latency and throughput.

    python benchmarks/egress.py [--rounds N] [--quick]

Starts: /bin/true through each driver against /bin/true itself, pairs in turns; the supervisor and
the proxy are part of it. Latency: one small plain request per connection to a server on loopback,
with and without the proxy. Throughput: one tunnel that carries bytes from a server on loopback,
against the same bytes without the proxy; both read by the same client in a process of its own.
"""

import argparse
import asyncio
import multiprocessing
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median

from _table import Cell, table, verdict
from tyrian.sandbox.driver import Driver
from tyrian.sandbox.drivers.bubblewrap import Bubblewrap
from tyrian.sandbox.drivers.gvisor import Gvisor
from tyrian.sandbox.drivers.landlock import Landlock
from tyrian.sandbox.egress.proxy import EgressProxy
from tyrian.sandbox.egress.rules import EgressRules

HOST = "bench.example.com"
START_LIMIT_S = 1.0
ADDED_LIMIT_MS = 1.0
RATE_LIMIT_MB, SHARE_LIMIT = 500.0, 0.8
CHUNK = bytes(1 << 20)


def starts(rounds: int) -> Iterator[list[Cell]]:
    """A row per driver: seconds over the bare command, the import of Tyrian left out."""
    with tempfile.TemporaryDirectory() as home:
        stack = Path(home) / "stack.yaml"
        drivers: tuple[Driver, ...] = (Gvisor(), Bubblewrap(), Landlock())
        for driver in drivers:
            if reason := driver.why_not():
                yield [driver.name, f"left out: {reason}", "", ""]
                continue
            (Path(home) / "policy.yaml").write_text("version: 1\ntools: {}\n")
            stack.write_text(
                "agent:\n  policy_runtime: {config: ./policy.yaml}\n"
                f"  sandbox: {{type: {driver.name}, egress_allowlist: [{HOST}]}}\n"
            )
            bare, boxed = [], []
            for _ in range(rounds):
                bare.append(_seconds(["/bin/true"]))
                boxed.append(_sandboxed(stack))
            over = median(boxed) - median(bare)
            shown = verdict(over <= START_LIMIT_S) if driver.name == "gvisor" else ""
            yield [driver.name, f"{median(bare) * 1000:.1f}", f"{over * 1000:.0f}", shown]


def _seconds(argv: list[str]) -> float:
    began = time.perf_counter()
    subprocess.run(argv, check=True)
    return time.perf_counter() - began


_IN_PROCESS = """
import sys, time
from tyrian.sandbox.run import run_sandboxed
from tyrian.stack.load import load_stack
stack = load_stack(sys.argv[1])
began = time.perf_counter()
assert run_sandboxed(stack.agent.sandbox, stack.tool_policy().spec, ["/bin/true"]).code == 0
print(time.perf_counter() - began)
"""


def _sandboxed(stack: Path) -> float:
    argv = [sys.executable, "-c", _IN_PROCESS, str(stack)]
    return float(subprocess.run(argv, capture_output=True, check=True, text=True).stdout)


def _serve_small(listener: socket.socket) -> None:
    body = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok"
    while True:
        client, _ = listener.accept()
        with client:
            while not client.recv(65536).endswith(b"\r\n\r\n"):
                pass
            client.sendall(body)


def _serve_bytes(listener: socket.socket, size: int) -> None:
    """`size` bytes to every client that sends one byte."""
    while True:
        client, _ = listener.accept()
        with client:
            if client.recv(1):
                for _ in range(size // len(CHUNK)):
                    client.sendall(CHUNK)


def _serve_proxy(listener: socket.socket, allowlist: list[str]) -> None:
    async def serve() -> None:
        await EgressProxy(EgressRules(allowlist, hosts={HOST: "127.0.0.1"})).serve(listener)
        await asyncio.Event().wait()

    asyncio.run(serve())


@contextmanager
def _process(target: Callable[..., None], *args: object) -> Iterator[int]:
    """A server in a process of its own; its port."""
    listener = socket.create_server(("127.0.0.1", 0), backlog=128)
    process = multiprocessing.get_context("fork").Process(
        target=target, args=(listener, *args), daemon=True
    )
    process.start()
    try:
        yield int(listener.getsockname()[1])
    finally:
        process.terminate()
        process.join()
        listener.close()


def _request(port: int, url: str, host: str) -> float:
    began = time.perf_counter()
    with socket.create_connection(("127.0.0.1", port)) as client:
        client.sendall(f"GET {url} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
        while client.recv(65536):
            pass
    return time.perf_counter() - began


def latency(rounds: int) -> list[Cell]:
    """Milliseconds that the proxy adds to a request."""
    with _process(_serve_small) as server:
        at = f"{HOST}:{server}"
        with _process(_serve_proxy, [f"http://{at}"]) as proxy:
            bare, through = [], []
            for _ in range(rounds):
                bare.append(_request(server, "/", at))
                through.append(_request(proxy, f"http://{at}/", at))
    added = (median(through) - median(bare)) * 1000
    return [
        f"{median(bare) * 1000:.2f}",
        f"{median(through) * 1000:.2f}",
        f"{added:.2f}",
        verdict(added < ADDED_LIMIT_MS),
    ]


def _carried(port: int, connect: str, size: int) -> float:
    """Megabytes a second of one connection."""
    buffer = bytearray(1 << 20)
    with socket.create_connection(("127.0.0.1", port)) as client:
        if connect:
            client.sendall(f"CONNECT {connect} HTTP/1.1\r\nHost: {connect}\r\n\r\n".encode())
            client.recv(4096)
        began, left = time.perf_counter(), size
        client.sendall(b"x")
        while left > 0:
            left -= client.recv_into(buffer)
    return size / (time.perf_counter() - began) / 1e6


def throughput(rounds: int, size: int) -> list[Cell]:
    """What the proxy carries, and what the machine carries without it."""
    with _process(_serve_bytes, size) as server:
        at = f"{HOST}:{server}"
        with _process(_serve_proxy, [f"tcp://{at}"]) as proxy:
            bare, through = [], []
            for _ in range(rounds):
                bare.append(_carried(server, "", size))
                through.append(_carried(proxy, at, size))
    share = median(a / b for a, b in zip(through, bare, strict=True))
    is_met = median(through) >= RATE_LIMIT_MB or share >= SHARE_LIMIT
    return [f"{median(bare):.0f}", f"{median(through):.0f}", f"{share:.2f}", verdict(is_met)]


def main() -> None:
    """Parse, run, print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--quick", action="store_true")
    given = parser.parse_args()
    rounds = 3 if given.quick else given.rounds
    head: list[str] = ["driver", "/bin/true, ms", "sandbox over it, ms", "under 1 s"]
    print(table("Start", head, list(starts(rounds))))
    head = ["without, ms", "through the proxy, ms", "added, ms", "under 1 ms"]
    print(table("A request", head, [latency(rounds * 20)]))
    head = ["without, MB/s", "through the proxy, MB/s", "share", "500 MB/s or 0.8"]
    print(
        table("One connection", head, [throughput(rounds, 256 << 20 if given.quick else 1 << 30)])
    )


if __name__ == "__main__":
    main()
