"""Which hosts a gateway answers for, and which proxies it believes, as the command line says."""

import http.client
import subprocess
from pathlib import Path
from urllib.parse import urlsplit

from tests.integration.serve.conftest import Served, Start, environment
from tests.warm.program import tyrian


def status(served: Served, host: str) -> int:
    address = urlsplit(served.url)
    connection = http.client.HTTPConnection("127.0.0.1", address.port, timeout=30)
    connection.request("GET", "/v1/models", headers={"host": host})
    found = connection.getresponse().status
    connection.close()
    return found


def test_a_gateway_of_this_machine_answers_for_its_own_names_and_those_it_is_given(
    start: Start,
) -> None:
    served = start("--allowed-host", "Gateway.Example")
    for host in ("localhost", "127.0.0.1:80", "[::1]", "gateway.example:443"):
        assert status(served, host) == 401, host
    for host in ("evil.example", "localhost.evil.example", "169.254.169.254"):
        assert status(served, host) == 400, host


def test_a_proxy_that_is_no_address_is_refused_before_anything_listens(tmp_path: Path) -> None:
    done = subprocess.run(
        [*tyrian(), "serve", "--port", "0", "--trusted-proxy", "proxy.example"],
        check=False, capture_output=True, text=True, timeout=120, env=environment(tmp_path),
    )  # fmt: skip
    assert done.returncode == 2
    assert "neither an address nor a network" in done.stdout + done.stderr
