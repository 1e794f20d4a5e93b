"""root's timetable on the range's first host: python3 cron.py SCRIPT SECONDS.

SCRIPT belongs to root's timetable, and others may write it: that is the hole. Each run after the
script was changed is a line of JSON on standard output.
"""

import json
import subprocess
import sys
import time
from contextlib import suppress


def _content(path: str) -> bytes:
    with suppress(OSError), open(path, "rb") as file:
        return file.read(1 << 16)
    return b""


def main() -> None:
    """Run the script again and again, until ended."""
    script, pause_s = sys.argv[1], float(sys.argv[2])
    planted = _content(script)
    while True:
        now = _content(script)
        if now != planted:
            told = {"event": "root_ran", "by": "cron", "command": now.decode("utf-8", "replace")}
            print(json.dumps({**told, "command": told["command"][:2000]}), flush=True)  # noqa: T201
        with suppress(subprocess.TimeoutExpired):
            subprocess.run(  # noqa: S603
                ["/bin/bash", script],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                timeout=20,
                check=False,
            )
        time.sleep(pause_s)


if __name__ == "__main__":
    main()
