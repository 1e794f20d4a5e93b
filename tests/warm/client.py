"""Stands for a process of the nursery, which gets its files, signals and environment.

It ends as that one does, and starts in milliseconds since it imports next to nothing.
"""

import _signal  # type: ignore[import-not-found]  # what `signal` wraps in enumerations, slowly
import _socket
import os
import select
import sys

_FORWARDED = (
    *(_signal.SIGTERM, _signal.SIGINT, _signal.SIGHUP, _signal.SIGQUIT),
    *(_signal.SIGUSR1, _signal.SIGUSR2, _signal.SIGALRM),
)


def main() -> None:
    """Ask for the command, then wait for its end."""
    _signal.pthread_sigmask(_signal.SIG_BLOCK, _FORWARDED)
    line = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM)
    line.connect(sys.argv[1])
    for number in _FORWARDED:
        _signal.signal(number, lambda *_: None)
    here = os.open(".", os.O_RDONLY)
    words = [os.fsencode(word) for word in sys.argv[2:]]
    named = [name + b"=" + value for name, value in os.environb.items()]
    text = b"\0".join([b"%d" % len(words), *words, *named])
    files = b"".join(one.to_bytes(4, sys.byteorder) for one in (0, 1, 2, here))
    data = len(text).to_bytes(4, "big") + text
    sent = line.sendmsg([data], [(_socket.SOL_SOCKET, _socket.SCM_RIGHTS, files)])
    if sent < len(data):  # what is empty would be sent too, to who may have ended by now
        line.sendall(data[sent:])
    os.closerange(0, 3)
    line.setblocking(False)
    _signal.set_wakeup_fd(line.fileno())  # sends a signal's number, also just before the wait
    _signal.pthread_sigmask(_signal.SIG_UNBLOCK, _FORWARDED)
    select.select([line], [], [])
    status = line.recv(4)
    if not status:
        os._exit(255)
    code = os.waitstatus_to_exitcode(int.from_bytes(status, "big"))
    if code < 0:
        _signal.signal(-code, _signal.SIG_DFL)
        os.kill(os.getpid(), -code)
    os._exit(code)


main()
