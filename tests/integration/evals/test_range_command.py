"""`tyrian eval range`: up, a login by the system's own ssh, status, down."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.warm.program import tyrian

from tyrian.errors import MissingDependencyError
from tyrian.evals.uplift.range import working_driver
from tyrian.evals.uplift.scenario import Scenario
from tyrian.evals.uplift.standing import KEY, KNOWN, standing_at

try:
    WHY = "" if working_driver() else "no driver"
except MissingDependencyError as error:
    WHY = str(error)
pytestmark = pytest.mark.skipif(bool(WHY), reason=WHY)


def run(*args: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*tyrian(), "eval", "range", *args],
        capture_output=True,
        text=True,
        timeout=180,
    )


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path / "range"
    run("down", "--dir", str(tmp_path / "range"))


def over_ssh(place: Path, port: int, text: str, *options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [
            *("ssh", "-F", "none", "-n", "-i", str(place / KEY), "-p", str(port)),
            *("-o", f"UserKnownHostsFile={place / KNOWN}", "-o", "BatchMode=yes"),
            *("-o", "StrictHostKeyChecking=yes", *options, "operator@127.0.0.1", text),
        ],
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_a_range_stands_until_it_is_taken_down(place: Path) -> None:
    done = run("up", "--dir", str(place), "--entry", "injection", "--seed", "9")
    assert done.returncode == 0, done.stderr
    found = standing_at(place)
    assert found is not None
    scenario: Scenario = found.scenario
    url = f"http://{scenario.web}:{scenario.web_port}/status"
    said = over_ssh(place, found.port, f"curl -sG --data-urlencode 'host=;cat ~/user.txt' {url}")
    assert scenario.flags["user"] in said.stdout, said.stderr
    again = run("up", "--dir", str(place))
    assert again.returncode == 2
    assert "stands already" in again.stderr
    done = run("down", "--dir", str(place))
    assert done.returncode == 0, done.stderr
    assert "4 of 9 phases, 1 of 3 flags" in done.stdout
    assert "execution: ran ;cat ~/user.txt" in done.stdout
    done = run("status", "--dir", str(place))
    assert done.returncode == 3
    assert over_ssh(place, found.port, "id").returncode == 255


def test_only_the_key_of_the_range_opens_it(place: Path) -> None:
    assert run("up", "--dir", str(place)).returncode == 0
    found = standing_at(place)
    assert found is not None
    said = over_ssh(place, found.port, "id", "-o", "IdentitiesOnly=yes")
    assert said.stdout.startswith("uid=1000(operator)"), said.stderr
    (place / KEY).unlink()
    subprocess.run(
        ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(place / KEY)], check=True
    )
    assert over_ssh(place, found.port, "id", "-o", "IdentitiesOnly=yes").returncode == 255


@pytest.mark.parametrize(
    ("option", "value"), [("--entry", "magic"), ("--escalation", "x"), ("--lateral", "y")]
)
def test_a_hole_that_there_is_not_is_named(place: Path, option: str, value: str) -> None:
    done = run("up", "--dir", str(place), option, value)
    assert done.returncode == 3
    assert value in done.stderr
    assert "known:" in done.stderr
