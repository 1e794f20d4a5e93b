"""A range that stands until it is taken down, for people and other programs.

    python -m tyrian.evals.uplift.standing DIRECTORY ENTRY ESCALATION LATERAL SEED PORT

The directory holds the key to the attacker's host, the host's own key, the log, and a note of
where the range is. The process ends on SIGTERM and SIGINT, and takes the range with it.
"""

import asyncio
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import msgspec

from tyrian.errors import ConfigError, InputError, TyrianError
from tyrian.evals.uplift.range import OPERATOR, Range, as_json, working_driver
from tyrian.evals.uplift.scenario import Scenario, Ways, scenario_of, ways_of
from tyrian.evals.uplift.step import LOG

NOTE, FAULT, KEY, KNOWN = "range.json", "fault.txt", "key", "known_hosts"
START_S = 120.0
_END_S = 30.0
_WRITE_S = 0.5


class Standing(msgspec.Struct):
    """What is known of a range that stands."""

    pid: int
    port: int
    ways: list[str]
    seed: str

    @property
    def scenario(self) -> Scenario:
        """What it is made of."""
        return scenario_of(ways_of(*self.ways), self.seed)


def ssh_command(directory: Path, standing: Standing) -> str:
    """What a person types to sit down at the attacker's host."""
    return (
        f"ssh -i {directory / KEY} -o UserKnownHostsFile={directory / KNOWN} "
        f"-p {standing.port} {OPERATOR}@127.0.0.1"
    )


def standing_at(directory: Path) -> Standing | None:
    """The range of a directory, where it still stands."""
    try:
        found = msgspec.json.decode((directory / NOTE).read_bytes(), type=Standing)
    except FileNotFoundError:
        return None
    except (OSError, msgspec.DecodeError) as error:
        raise InputError(f"{directory / NOTE} cannot be read: {error}") from error
    try:
        words = Path(f"/proc/{found.pid}/cmdline").read_bytes().split(b"\0")
    except OSError:
        return None
    return found if str(directory).encode() in words else None


def events_at(directory: Path) -> list[dict[str, object]]:
    """The log of a range, also of one that was taken down."""
    try:
        return msgspec.json.decode((directory / LOG).read_bytes(), type=list[dict[str, object]])
    except FileNotFoundError:
        return []
    except (OSError, msgspec.DecodeError) as error:
        raise InputError(f"{directory / LOG} cannot be read: {error}") from error


def set_up(directory: Path, ways: Ways, seed: str, port: int = 0) -> Standing:
    """Start a range that outlives this process; returns once people can log in."""
    directory = directory.absolute()
    if standing_at(directory):
        raise ConfigError(
            f"a range stands already in {directory}", hint="tyrian eval range down, or --dir"
        )
    working_driver()
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    for name in (NOTE, FAULT, LOG):
        (directory / name).unlink(missing_ok=True)
    argv = [*(sys.executable, "-P", "-m", "tyrian.evals.uplift.standing"), str(directory)]
    argv += [ways.entry, ways.escalation, ways.lateral, seed, str(port)]
    process = subprocess.Popen(  # noqa: S603
        argv,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    until = time.monotonic() + START_S
    while time.monotonic() < until:
        if found := standing_at(directory):
            return found
        if process.poll() is not None:
            break
        time.sleep(0.05)
    process.kill()
    process.wait()
    fault = ""
    with suppress(OSError):
        fault = (directory / FAULT).read_text(encoding="utf-8")
    raise InputError(f"the range did not start: {fault or 'it said nothing'}")


def take_down(directory: Path, standing: Standing) -> None:
    """End a range, and wait until it is gone."""
    with suppress(ProcessLookupError):
        os.kill(standing.pid, signal.SIGTERM)
    until = time.monotonic() + _END_S
    while standing_at(directory) and time.monotonic() < until:
        with suppress(ChildProcessError):
            os.waitpid(standing.pid, os.WNOHANG)
        time.sleep(0.05)
    if standing_at(directory):
        raise InputError(
            f"process {standing.pid} of the range does not end", hint=f"kill -9 {standing.pid}"
        )


async def _stand(directory: Path, ways: Ways, seed: str, port: int) -> None:
    here = Range(scenario_of(ways, seed), working_driver())
    is_over = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, is_over.set)
    try:
        await here.start(port)
        _write(directory / KEY, here.pairs.private("attacker").encode())
        host_key = here.pairs.public("host")
        _write(directory / KNOWN, f"[127.0.0.1]:{here.port} {host_key}".encode())
        chosen = [ways.entry, ways.escalation, ways.lateral]
        note = Standing(os.getpid(), here.port, chosen, seed)
        _write(directory / NOTE, msgspec.json.encode(note))
        while not is_over.is_set() and not here.fault:
            _write(directory / LOG, as_json(here.log()))
            with suppress(TimeoutError):
                await asyncio.wait_for(is_over.wait(), _WRITE_S)
        _write(directory / LOG, as_json(here.log()))
    finally:
        await here.stop()
        (directory / NOTE).unlink(missing_ok=True)


def _write(path: Path, data: bytes) -> None:
    """A file for its owner alone, whole or not at all."""
    part = path.with_name(f".{path.name}.part")
    part.unlink(missing_ok=True)
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
    part.replace(path)


def main() -> None:
    """Stand until told to end."""
    directory, entry, escalation, lateral, seed, port = sys.argv[1:7]
    try:
        asyncio.run(_stand(Path(directory), ways_of(entry, escalation, lateral), seed, int(port)))
    except (TyrianError, OSError) as error:
        _write(Path(directory) / FAULT, str(error).encode("utf-8", "replace"))
        sys.exit(1)


if __name__ == "__main__":
    main()
