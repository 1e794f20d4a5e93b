"""Reading rows as they come, ended by a signal whenever it comes."""

import os
import random
import signal
import subprocess
import sys
import threading
from contextlib import suppress
from types import FrameType

import pytest

from tyrian.cli.source import read

ROUNDS = 300
SOON = 1e-5
"""Seconds to the signal at most: about as long as it takes to begin a read."""
PATIENCE = 3.0
"""Seconds after which a read that goes on has slept through it."""

pytestmark = pytest.mark.skipif(os.name == "nt", reason="there are no alarms")


class AlarmError(Exception):
    """The signal has come."""


def test_a_signal_shortly_before_a_read_ends_it() -> None:
    def ring(_: int, __: FrameType | None) -> None:
        raise AlarmError

    def watch() -> None:
        seen = -1
        while not is_over.wait(PATIENCE) and done != seen:
            seen = done
        sink.close()  # ends the read

    done = 0
    is_over = threading.Event()
    pick = random.Random(1)
    files = os.pipe()
    before = signal.signal(signal.SIGALRM, ring)
    with os.fdopen(files[0], "rb") as stream, os.fdopen(files[1], "wb") as sink:
        watcher = threading.Thread(target=watch)
        watcher.start()
        try:
            while done < ROUNDS and not sink.closed:
                with suppress(AlarmError):
                    signal.setitimer(signal.ITIMER_REAL, pick.uniform(1e-6, SOON))
                    read(stream)
                done += 1
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, before)
            is_over.set()
            watcher.join()
    assert done == ROUNDS


LOSES_AN_INTERRUPT = """
import os, signal, weakref
from tyrian.cli.source import opened, read

class One: pass

with opened("-") as stream:
    assert read(stream) == b"first"
    one = One()
    lost = weakref.ref(one, lambda _: [os.kill(os.getpid(), signal.SIGINT), *range(9)])
    del one
    print("still here", flush=True)
    read(stream)
"""


def test_an_interrupt_that_the_interpreter_lost_ends_the_next_read() -> None:
    command = [sys.executable, "-c", LOSES_AN_INTERRUPT]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe) as started:
        assert started.stdin is not None
        assert started.stdout is not None
        started.stdin.write(b"first")
        started.stdin.flush()
        assert started.stdout.readline() == b"still here\n"
        assert started.wait(60) == -signal.SIGINT
