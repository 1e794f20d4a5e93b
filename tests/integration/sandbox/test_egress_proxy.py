"""The egress proxy with real clients: what passes, what does not, and what the log says."""

import json
import socket
import ssl
import time
from pathlib import Path
from typing import Any

import pytest
import requests
from tests.integration.sandbox.conftest import HOST, FakeDns, Running, Servers, Start

from tyrian.sandbox.egress.rules import EgressRules

PUBLIC = "93.184.216.34"


def get(proxy: Running, url: str, servers: Servers, **more: object) -> requests.Response:
    with requests.Session() as session:
        session.trust_env = False
        session.proxies = {"http": proxy.url, "https": proxy.url}
        session.headers["Connection"] = "close"
        return session.get(url, verify=str(servers.ca), timeout=10, **more)  # type: ignore[arg-type]


def raw(proxy: Running, data: bytes) -> bytes:
    """What the proxy answers to these bytes."""
    with socket.create_connection(("127.0.0.1", proxy.port), 10) as client:
        client.sendall(data)
        client.shutdown(socket.SHUT_WR)
        answer = b""
        while more := client.recv(65536):
            answer += more
    return answer


def lines(tmp_path: Path, count: int) -> list[dict[str, Any]]:
    """The log, once it has so many lines."""
    for _ in range(200):
        text = (tmp_path / "egress.jsonl").read_text()
        if text.count("\n") >= count:
            break
        time.sleep(0.01)
    return [json.loads(line) for line in text.splitlines()]


def allowing(*entries: str, pin: str = HOST) -> EgressRules:
    return EgressRules(entries, hosts={pin: "127.0.0.1"})


def test_the_listed_host_is_reached_by_tls(
    servers: Servers, start_proxy: Start, tmp_path: Path
) -> None:
    proxy = start_proxy(allowing(f"{HOST}:{servers.tls}"))
    assert get(proxy, f"https://{HOST}:{servers.tls}/a?b=c", servers).json()["path"] == "/a?b=c"
    (line,) = lines(tmp_path, 1)
    assert line["target"] == f"{HOST}:{servers.tls}"
    assert (line["way"], line["outcome"], line["address"]) == ("https", "allowed", "127.0.0.1")
    assert int(line["sent"]) > 300
    assert int(line["received"]) > 300


def test_the_listed_host_is_reached_by_plain_http(servers: Servers, start_proxy: Start) -> None:
    proxy = start_proxy(allowing(f"http://{HOST}:{servers.plain}"))
    answer = get(
        proxy,
        f"http://{HOST}:{servers.plain}/a?b=c",
        servers,
        headers={"Proxy-Authorization": "Basic c2VjcmV0", "X-Mine": "yes"},
    ).json()
    assert answer["path"] == "/a?b=c"
    assert answer["headers"]["host"] == f"{HOST}:{servers.plain}"
    assert answer["headers"]["x-mine"] == "yes"
    assert "proxy-authorization" not in answer["headers"]
    assert answer["headers"]["connection"] == "close"


@pytest.mark.parametrize("is_chunked", [False, True])
def test_a_body_goes_on_whole(servers: Servers, start_proxy: Start, is_chunked: bool) -> None:
    proxy = start_proxy(allowing(f"http://{HOST}:{servers.plain}"))
    body = b"x" * 3_000_000
    given = iter([body[:1_000_000], body[1_000_000:]]) if is_chunked else body
    with requests.Session() as session:
        session.trust_env = False
        url = f"http://{HOST}:{servers.plain}/"
        found = session.post(url, data=given, proxies={"http": proxy.url}, timeout=20)
    assert found.json()["size"] == len(body)


@pytest.mark.parametrize(
    ("url", "rule"),
    [
        ("https://evil.example.org/", "net.host"),
        ("https://api.example.com.evil.example.org/", "net.host"),
        ("https://api.example.com:22/", "net.port"),
        ("http://api.example.com/", "net.port"),
        ("http://169.254.169.254/latest/meta-data/", "net.host"),
        ("http://127.0.0.1/", "net.host"),
        ("https://[::1]/", "net.host"),
    ],
)
def test_what_is_not_listed_is_refused_with_its_reason(
    servers: Servers, start_proxy: Start, tmp_path: Path, url: str, rule: str
) -> None:
    proxy = start_proxy(allowing(f"{HOST}:{servers.tls}"))
    if url.startswith("https"):
        with pytest.raises(requests.exceptions.ProxyError, match="403"):
            get(proxy, url, servers)
    else:
        answer = get(proxy, url, servers)
        assert answer.status_code == 403
        assert "tyrian" in answer.headers["Proxy-Status"]
        assert answer.text.startswith("tyrian egress: the ")
    line = lines(tmp_path, 1)[0]
    assert (line["outcome"], line["rule"]) == ("refused", rule)
    assert line["reason"]


def test_a_redirect_is_judged_like_any_request(servers: Servers, start_proxy: Start) -> None:
    proxy = start_proxy(allowing(f"http://{HOST}:{servers.plain}"))
    base = f"http://{HOST}:{servers.plain}"
    inside = get(proxy, f"{base}/redirect?{base}/there", servers)
    assert inside.json()["path"] == "/there"
    outside = get(proxy, f"{base}/redirect?http://169.254.169.254/latest", servers)
    assert outside.status_code == 403


@pytest.mark.parametrize(
    "answers",
    [
        [["127.0.0.1"]],
        [["10.0.0.1"]],
        [["169.254.169.254"]],
        [[PUBLIC, "127.0.0.1"]],
        [["::ffff:127.0.0.1"]],
        [["::1"]],
    ],
)
def test_a_name_that_leads_inside_is_refused(
    servers: Servers, start_proxy: Start, tmp_path: Path, answers: list[list[str]]
) -> None:
    dns = FakeDns({"rebind.example.com": answers})
    proxy = start_proxy(EgressRules([f"rebind.example.com:{servers.tls}"]), dns)
    with pytest.raises(requests.exceptions.ProxyError, match="403"):
        get(proxy, f"https://rebind.example.com:{servers.tls}/", servers)
    assert lines(tmp_path, 1)[0]["rule"] == "net.private"


def test_a_name_is_looked_up_once_per_connection_and_only_if_it_is_listed(
    servers: Servers, start_proxy: Start
) -> None:
    dns = FakeDns({"rebind.example.com": [["127.0.0.1"], [PUBLIC]]})
    proxy = start_proxy(EgressRules([f"rebind.example.com:{servers.tls}"]), dns)
    with pytest.raises(requests.exceptions.ProxyError):
        get(proxy, f"https://rebind.example.com:{servers.tls}/", servers)
    with pytest.raises(requests.exceptions.ProxyError):
        get(proxy, "https://secret-in-the-name.evil.example.org/", servers)
    assert dns.asked == ["rebind.example.com"]


def connect(proxy: Running, authority: str) -> socket.socket:
    client = socket.create_connection(("127.0.0.1", proxy.port), 10)
    client.sendall(f"CONNECT {authority} HTTP/1.1\r\nHost: {authority}\r\n\r\n".encode())
    assert client.recv(4096).startswith(b"HTTP/1.1 200")
    return client


@pytest.mark.parametrize("name", ["other.example.com", "127.0.0.1"])
def test_a_hello_for_another_server_ends_the_tunnel(
    servers: Servers, start_proxy: Start, tmp_path: Path, name: str
) -> None:
    proxy = start_proxy(allowing(f"{HOST}:{servers.tls}"))
    context = ssl.create_default_context(cafile=str(servers.ca))
    client = connect(proxy, f"{HOST}:{servers.tls}")
    with pytest.raises((ssl.SSLError, ConnectionError, OSError)):
        context.wrap_socket(client, server_hostname=name)
    line = lines(tmp_path, 1)[0]
    assert (line["outcome"], line["rule"]) == ("refused", "net.sni")
    assert line.get("sent", 0) == 0


def test_a_tunnel_that_is_no_tls_ends_before_a_byte_goes_out(
    servers: Servers, start_proxy: Start, tmp_path: Path
) -> None:
    proxy = start_proxy(allowing(f"{HOST}:{servers.plain}"))
    with connect(proxy, f"{HOST}:{servers.plain}") as client:
        client.sendall(b"GET /secret HTTP/1.1\r\nHost: evil.example.org\r\n\r\n")
        assert client.recv(100) == b""
    line = lines(tmp_path, 1)[0]
    assert (line["rule"], line.get("sent", 0)) == ("net.sni", 0)


def test_raw_bytes_pass_where_the_list_says_tcp(servers: Servers, start_proxy: Start) -> None:
    proxy = start_proxy(allowing(f"tcp://{HOST}:{servers.plain}"))
    with connect(proxy, f"{HOST}:{servers.plain}") as client:
        client.sendall(b"GET /raw HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        assert client.recv(4096).startswith(b"HTTP/1.1 200")


def test_a_second_request_on_the_same_connection_is_not_sent(
    servers: Servers, start_proxy: Start, tmp_path: Path
) -> None:
    proxy = start_proxy(allowing(f"http://{HOST}:{servers.plain}"))
    one = f"GET http://{HOST}:{servers.plain}/one HTTP/1.1\r\nHost: {HOST}:{servers.plain}\r\n\r\n"
    two = "GET /two HTTP/1.1\r\nHost: inner.example.com\r\n\r\n"
    answer = raw(proxy, (one + two).encode())
    assert answer.count(b"HTTP/1.1 200") == 1
    assert b'"/one"' in answer
    assert b"two" not in answer


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x16\x03\x01\x02\x00\x01\x00",
        b"SSH-2.0-garbage\r\n",
        b"GET / HTTP/1.1\r\nHost: api.example.com\r\n\r\n",
        b"GET http://api.example.com?x HTTP/1.1\r\nHost: api.example.com\r\n\r\n",
        b"GET http://user@api.example.com/ HTTP/1.1\r\nHost: api.example.com\r\n\r\n",
        b"GET http://api.example.com/ HTTP/1.1\r\nHost: evil.example.org\r\n\r\n",
        b"GET ftp://api.example.com/ HTTP/1.1\r\nHost: api.example.com\r\n\r\n",
        b"CONNECT api.example.com HTTP/1.1\r\nHost: x\r\n\r\n",
        b"CONNECT api.example.com:443@evil:443 HTTP/1.1\r\nHost: x\r\n\r\n",
        b"POST http://api.example.com/ HTTP/1.1\r\nHost: api.example.com\r\n"
        b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"GET http://api.example.com/ HTTP/1.1\r\n" + b"X: " + b"y" * 100_000 + b"\r\n\r\n",
        b"\x00" * 100_000,
    ],
)
def test_garbage_is_refused(start_proxy: Start, tmp_path: Path, data: bytes) -> None:
    proxy = start_proxy(allowing("http://api.example.com", HOST))
    answer = raw(proxy, data)
    assert answer == b"" or answer.startswith((b"HTTP/1.1 400", b"HTTP/1.1 403"))
    assert lines(tmp_path, 1)[0]["outcome"] == "refused"


def test_a_server_that_is_not_there_is_told(start_proxy: Start, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as gone:
        port = gone.getsockname()[1]
    proxy = start_proxy(allowing(f"http://{HOST}:{port}"))
    head = f"GET http://{HOST}:{port}/ HTTP/1.1\r\nHost: {HOST}:{port}\r\n\r\n"
    assert raw(proxy, head.encode()).startswith(b"HTTP/1.1 502")
    assert lines(tmp_path, 1)[0]["outcome"] == "failed"


def test_a_hundred_connections_at_once(servers: Servers, start_proxy: Start) -> None:
    proxy = start_proxy(allowing(f"{HOST}:{servers.tls}"))
    clients = [connect(proxy, f"{HOST}:{servers.tls}") for _ in range(100)]
    for client in clients:
        client.close()
    for _ in range(300):
        if proxy.log.connections == 100:
            break
        time.sleep(0.01)
    assert proxy.log.connections == 100
