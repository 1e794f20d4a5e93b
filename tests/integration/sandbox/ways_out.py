"""Tries to get out of a sandbox; runs inside, with nothing but the standard library.

    python3 ways_out.py SCENE.json

Each way is a function that returns what it got hold of, and raises or returns nothing where it got
nowhere. Prints a JSON object of what each way came to: null, or what escaped.
"""

import ctypes
import json
import os
import socket
import ssl
import stat
import struct
import subprocess
import sys
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

SCENE: dict[str, Any] = json.loads(Path(sys.argv[1]).read_text())
WORKSPACE = Path(SCENE["workspace"])
OUT = WORKSPACE / "out"
SECRET = SCENE["secret"]
PROXY = ("127.0.0.1", 3128)
WAYS: dict[str, Callable[[], object]] = {}
libc = ctypes.CDLL(None, use_errno=True)


def way(function: Callable[[], object]) -> Callable[[], object]:
    WAYS[function.__name__] = function
    return function


def opened(host: str, port: int) -> object:
    """Anything at all that a server there says or accepts."""
    with socket.create_connection((host, port), 3) as client:
        return f"connected to {client.getpeername()}"


def asked(head: str) -> str:
    """The proxy's status line for this head, if it is a good one."""
    with socket.create_connection(PROXY, 5) as client:
        client.settimeout(5)
        client.sendall(head.encode())
        answer = client.recv(65536).decode("latin-1")
    status = answer.split(" ", 2)[1] if answer.startswith("HTTP/1.1 ") else ""
    return answer.splitlines()[0] if status.startswith(("2", "3")) else ""


def connect(authority: str) -> str:
    return asked(f"CONNECT {authority} HTTP/1.1\r\nHost: {authority}\r\n\r\n")


def get(url: str, host: str = "") -> str:
    host = host or url.split("/")[2]
    return asked(f"GET {url} HTTP/1.1\r\nHost: {host}\r\n\r\n")


def tunnel() -> socket.socket:
    """A tunnel to the listed host, which the proxy grants."""
    client = socket.create_connection(PROXY, 5)
    client.settimeout(5)
    at = f"{SCENE['host']}:{SCENE['tls']}"
    client.sendall(f"CONNECT {at} HTTP/1.1\r\nHost: {at}\r\n\r\n".encode())
    if b" 200 " not in client.recv(4096):
        raise OSError("no tunnel")
    return client


def read(path: str | Path) -> str:
    """What is in a file, if it is the secret."""
    return "the secret" if SECRET in Path(path).read_text(errors="replace") else ""


# The network.


@way
def loopback_service_directly() -> object:
    return opened("127.0.0.1", SCENE["plain"])


@way
def loopback_service_by_tunnel() -> object:
    return connect(f"127.0.0.1:{SCENE['plain']}")


@way
def loopback_service_by_plain_request() -> object:
    return get(f"http://127.0.0.1:{SCENE['plain']}/")


@way
def loopback_service_by_its_name() -> object:
    return get(f"http://localhost:{SCENE['plain']}/") or connect(f"localhost:{SCENE['tls']}")


@way
def loopback_service_by_ipv6() -> object:
    return get(f"http://[::1]:{SCENE['plain']}/") or opened("::1", SCENE["plain"])


@way
def loopback_service_by_odd_addresses() -> object:
    port = SCENE["plain"]
    for host in ("127.1", "2130706433", "0x7f000001", "0177.0.0.1", "0.0.0.0", "[::ffff:7f00:1]"):
        if found := get(f"http://{host}:{port}/") or connect(f"{host}:{port}"):
            return found
    return None


@way
def loopback_service_by_udp() -> object:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.settimeout(1)
        client.sendto(b"ping", ("127.0.0.1", SCENE["udp"]))
        return client.recv(100)


@way
def metadata_address_directly() -> object:
    return opened("169.254.169.254", 80)


@way
def metadata_address_by_the_proxy() -> object:
    return get("http://169.254.169.254/latest/meta-data/") or connect("169.254.169.254:80")


@way
def metadata_address_in_decimal() -> object:
    return get("http://2852039166/latest/")


@way
def metadata_address_in_hex_and_octal() -> object:
    return get("http://0xA9FEA9FE/") or get("http://0251.0376.0251.0376/")


@way
def metadata_address_mapped_into_ipv6() -> object:
    return get("http://[::ffff:169.254.169.254]/") or connect("[::ffff:a9fe:a9fe]:80")


@way
def metadata_service_by_name() -> object:
    return get("http://metadata.google.internal/") or connect("metadata.google.internal:443")


@way
def unlisted_host_by_tunnel() -> object:
    return connect("evil.example.org:443")


@way
def unlisted_host_by_plain_request() -> object:
    return get("http://evil.example.org/")


@way
def unlisted_address_directly() -> object:
    return opened("93.184.216.34", 443)


@way
def listed_host_on_another_port() -> object:
    return connect(f"{SCENE['host']}:{SCENE['plain']}")


@way
def name_that_begins_like_the_listed_one() -> object:
    return connect(f"{SCENE['host']}.evil.example.org:{SCENE['tls']}")


@way
def listed_name_as_a_user_name() -> object:
    return get(f"http://{SCENE['host']}@evil.example.org/", SCENE["host"])


@way
def rebinding_name() -> object:
    return connect(f"rebind.example.com:{SCENE['plain']}")


@way
def rebinding_name_a_second_time() -> object:
    connect(f"twice.example.com:{SCENE['plain']}")
    return connect(f"twice.example.com:{SCENE['plain']}")


@way
def name_with_a_public_and_an_inner_address() -> object:
    return connect(f"mixed.example.com:{SCENE['plain']}")


@way
def other_server_name_in_the_tunnel() -> object:
    context = ssl.create_default_context(cafile=str(WORKSPACE / "ca.pem"))
    with context.wrap_socket(tunnel(), server_hostname="other.example.com") as client:
        return client.version()


@way
def plain_bytes_in_the_tunnel() -> object:
    with tunnel() as client:
        client.sendall(b"GET / HTTP/1.1\r\nHost: evil.example.org\r\n\r\n")
        return client.recv(100)


@way
def redirect_to_the_metadata_address() -> object:
    target = "http://169.254.169.254/latest/"
    url = f"http://{SCENE['host']}:{SCENE['open']}/redirect?{target}"
    with urllib.request.urlopen(url, timeout=5) as answer:
        return answer.read()


@way
def other_host_header() -> object:
    return get(f"http://{SCENE['host']}:{SCENE['open']}/", "evil.example.org")


@way
def name_server_directly() -> object:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.settimeout(1)
        question = (
            struct.pack(">6H", 1, 256, 1, 0, 0, 0) + b"\x04evil\x07example\x00\x00\x01\x00\x01"
        )
        client.sendto(question, ("8.8.8.8", 53))
        return client.recv(512)


@way
def name_look_up() -> object:
    return socket.getaddrinfo("evil.example.org", 443)


@way
def raw_socket() -> object:
    with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP) as client:
        client.sendto(b"\x08\x00" + b"\x00" * 6, ("93.184.216.34", 0))
        return "sent"


@way
def packet_socket() -> object:
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as client:
        client.bind(("eth0", 0))
        return "bound"


@way
def abstract_unix_socket() -> object:
    with socket.socket(socket.AF_UNIX) as client:
        client.connect("\0" + SCENE["abstract"])
        return "connected"


@way
def unix_socket_outside() -> object:
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(SCENE["unix"])
        return "connected"


@way
def unix_socket_in_the_workspace() -> object:
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(str(WORKSPACE / "service.sock"))
        return "connected"


# Files.


@way
def file_outside() -> object:
    return read(SCENE["outside"])


@way
def file_outside_by_dots() -> object:
    up = "../" * 20
    return read(f"{WORKSPACE}/{up}{SCENE['outside'].lstrip('/')}")


@way
def file_outside_by_a_link_in_the_workspace() -> object:
    return read(WORKSPACE / "link")


@way
def file_outside_by_a_new_link() -> object:
    os.symlink(SCENE["outside"], OUT / "new-link")
    return read(OUT / "new-link")


@way
def file_outside_by_a_hard_link() -> object:
    return read(WORKSPACE / "hard")


@way
def file_outside_by_a_new_hard_link() -> object:
    os.link(SCENE["outside"], OUT / "new-hard")
    return read(OUT / "new-hard")


@way
def file_outside_by_the_root_of_processes() -> object:
    for entry in ("1", "self", "thread-self", str(os.getppid())):
        for at in ("root", "cwd/" + "../" * 20):
            try:
                if found := read(f"/proc/{entry}/{at}{SCENE['outside']}"):
                    return found
            except OSError:
                continue
    return None


@way
def file_outside_by_a_descriptor_left_open() -> object:
    for number in range(3, 64):
        try:
            if stat.S_ISDIR(os.fstat(number).st_mode):
                at = os.open("../" * 20 + SCENE["outside"].lstrip("/"), os.O_RDONLY, dir_fd=number)
                return os.read(at, 100)
        except OSError:
            continue
    return None


@way
def shadow_file() -> object:
    return Path("/etc/shadow").read_text()


@way
def keys_of_the_user() -> object:
    return os.listdir(SCENE["home"] + "/.ssh")


@way
def private_keys_of_the_machine() -> object:
    return os.listdir("/etc/ssl/private")


@way
def denied_file() -> object:
    return read(WORKSPACE / ".env")


@way
def denied_directory() -> object:
    return read(WORKSPACE / ".git" / "config")


@way
def denied_file_by_another_name() -> object:
    os.rename(WORKSPACE / ".env", OUT / "env")
    return read(OUT / "env")


@way
def write_to_the_system() -> object:
    for path in ("/usr/bin/x", "/etc/x", "/x", "/bin/x", "/run/tyrian/x", "/run/tyrian/inner.py"):
        try:
            Path(path).write_text("x")
        except OSError:
            continue
        return path
    return None


@way
def write_outside() -> object:
    Path(SCENE["outside"]).write_text("overwritten")
    return "written"


@way
def write_to_what_may_only_be_read() -> object:
    (WORKSPACE / "a.txt").write_text("overwritten")
    return "written"


@way
def write_outside_through_a_link() -> object:
    os.symlink(SCENE["outside"], OUT / "through")
    (OUT / "through").write_text("overwritten")
    return "written"


@way
def cut_a_file_that_may_only_be_read() -> object:
    os.truncate(WORKSPACE / "a.txt", 0)
    return "cut"


@way
def move_out_of_what_may_be_written() -> object:
    (OUT / "mine").write_text("x")
    os.rename(OUT / "mine", WORKSPACE / "mine")
    return "moved"


@way
def device_files() -> object:
    for name in ("mem", "kmem", "port", "sda", "vda", "nvme0n1", "kvm", "loop0", "fuse"):
        try:
            with open(f"/dev/{name}", "rb") as file:
                return f"{name}: {file.read(1)!r}"
        except OSError:
            continue
    return None


@way
def new_device_file() -> object:
    os.mknod(OUT / "disk", stat.S_IFBLK | 0o666, os.makedev(254, 0))
    with open(OUT / "disk", "rb") as file:
        return file.read(1)


# The kernel and other processes.


@way
def mount_the_machine() -> object:
    flags = 4096  # MS_BIND
    if libc.mount(b"/proc", str(OUT).encode(), b"", flags, None) == 0:
        return "mounted"
    return None


@way
def mount_in_a_new_user_namespace() -> object:
    if os.fork() == 0:
        libc.unshare(0x10020000)
        code = libc.mount(b"tmpfs", b"/usr", b"tmpfs", 0, None)
        os._exit(0 if code == 0 else 1)
    return "mounted" if os.wait()[1] == 0 else None


@way
def change_root() -> object:
    os.chroot(str(OUT))
    return "changed"


@way
def kernel_settings() -> object:
    for setting in ("sys/kernel/core_pattern", "sysrq-trigger", "sys/kernel/modprobe"):
        try:
            os.close(os.open(f"/proc/{setting}", os.O_WRONLY))  # to write would be felt outside
        except OSError:
            continue
        return setting
    return None


@way
def process_of_the_machine() -> object:
    os.kill(SCENE["process"], 0)
    name = Path(f"/proc/{SCENE['process']}/cmdline").read_bytes()
    return "seen" if SCENE["mark"].encode() in name else None


@way
def signal_to_the_machine() -> object:
    os.kill(SCENE["process"], 10)
    return None  # whether it came is for the test to see


@way
def environment_of_the_machine() -> object:
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                if SECRET.encode() in Path(f"/proc/{entry}/environ").read_bytes():
                    return entry
            except OSError:
                continue
    return None


@way
def secret_in_the_environment() -> object:
    return [name for name, value in os.environ.items() if SECRET in value]


@way
def trace_another_process() -> object:
    return "attached" if libc.ptrace(16, SCENE["process"], 0, 0) == 0 else None


@way
def capabilities() -> object:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("CapEff:") and int(line.split()[1], 16):
            return line
    return None


@way
def more_rights_by_a_set_user_id_program() -> object:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("NoNewPrivs:"):
            return None if line.split()[1] == "1" else line
    return SCENE["driver"] != "gvisor"  # whose kernel honours no such bit of files it is not shown


@way
def load_a_kernel_module() -> object:
    return "loaded" if libc.syscall(175, b"", 0, b"") == 0 else None


@way
def inject_into_the_terminal() -> object:
    import fcntl

    fcntl.ioctl(0, 0x5412, b"x")
    return "injected"


# Limits.


@way
def many_processes() -> object:
    started: list[subprocess.Popen[bytes]] = []
    try:
        for _ in range(200):
            started.append(subprocess.Popen(["/bin/sleep", "30"]))  # noqa: PERF401
        return f"{len(started)} processes"
    finally:
        for process in started:
            process.kill()


def main() -> None:
    came: dict[str, object] = {}
    for name, function in WAYS.items():
        try:
            found = function()
        except Exception:  # noqa: BLE001  whatever stops it is fine
            found = None
        came[name] = str(found)[:200] if found else None
    context = ssl.create_default_context(cafile=str(WORKSPACE / "ca.pem"))
    opener = urllib.request.build_opener(urllib.request.HTTPSHandler(context=context))
    url = f"https://{SCENE['host']}:{SCENE['tls']}/listed"
    opener.addheaders = []
    opener.add_handler(urllib.request.ProxyHandler())
    with opener.open(url, timeout=10) as answer:
        came["listed host"] = json.load(answer)["path"]
    (OUT / "written").write_text("by the sandbox")
    came["readable"] = (WORKSPACE / "a.txt").read_text()
    sys.stdout.write(json.dumps(came) + "\n")


if __name__ == "__main__":
    main()
