"""How long Tyrian takes to be there: import, help, first answer; and what it weighs."""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from _load import LoadSpec, run_load
from _servers import stub, tyrian

HELP = (str(Path(sys.executable).parent / "tyrian"), "--help")
_BARE = (sys.executable, "-c", "pass")
_IMPORT = (sys.executable, "-c", "import tyrian")


@dataclass(frozen=True, slots=True)
class Startup:
    """The figures of one machine; times in milliseconds beyond bare Python where so said."""

    import_ms: float
    help_ms: float
    first_answer_s: float
    rss_mb: float
    rss_after_load_mb: float


def _once_ms(command: Sequence[str]) -> float:
    with tempfile.TemporaryDirectory(prefix="bench-home-") as home:
        began = time.perf_counter()
        subprocess.run(
            command, check=True, capture_output=True, env={**os.environ, "TYRIAN_HOME": home}
        )
        return (time.perf_counter() - began) * 1000


def beyond_bare(command: Sequence[str], rounds: int) -> float:
    """Median of the paired differences to bare Python, in milliseconds."""
    _once_ms(command)
    return median(_once_ms(command) - _once_ms(_BARE) for _ in range(rounds))


def measure(rounds: int) -> Startup:
    """All figures; the server is asked for chats for two seconds before the last one is taken."""
    import_ms, help_ms = beyond_bare(_IMPORT, rounds), beyond_bare(HELP, rounds)
    with stub() as upstream, tyrian("tyrian", upstream) as server:
        rss = server.rss_mb()
        run_load(LoadSpec(server.port, 16, 2.0, token=server.token))
        return Startup(import_ms, help_ms, server.ready_s, rss, server.rss_mb())
