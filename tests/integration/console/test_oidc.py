"""OpenID Connect against a provider that runs here, and the ways in which its word can be false."""

import base64
import hashlib
import hmac
import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey
from sqlalchemy import delete

from tyrian.errors import ConfigError
from tyrian.gateway.console.options import OidcOptions
from tyrian.gateway.console.sign_in.oidc import checked_options
from tyrian.gateway.console.sign_in.sessions import COOKIE
from tyrian.gateway.store.models.sign_in import SignInFailure

CLIENT = "tyrian-console"


class Provider(ThreadingHTTPServer):
    """A provider that lets everybody in, and says what a test wants it to say."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.key = ECKey.generate_key("P-256", {"kid": "one", "use": "sig", "alg": "ES256"})
        self.codes: dict[str, dict[str, str]] = {}
        self.person = {"sub": "s-1", "email": "grace@corp.example", "email_verified": True}
        self.claims: dict[str, Any] = {}
        self.header: dict[str, Any] = {"alg": "ES256", "kid": "one"}
        self.signer: Any = self.key
        self.metadata: dict[str, Any] = {}
        self.token_requests: list[dict[str, str]] = []
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def issuer(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def discovery(self) -> dict[str, Any]:
        return {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "jwks_uri": f"{self.issuer}/keys",
            **self.metadata,
        }

    def approve(self, address: str) -> str:
        """What a browser would do at the provider's page; where it is sent back to."""
        query = {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}
        code = f"code-{len(self.codes)}"
        self.codes[code] = query
        return f"{query['redirect_uri']}?code={code}&state={query['state']}&iss={self.issuer}"

    def token(self, fields: dict[str, str]) -> tuple[int, dict[str, Any]]:
        self.token_requests.append(fields)
        asked = self.codes.pop(fields.get("code", ""), None)
        if asked is None:
            return 400, {"error": "invalid_grant"}
        digest = hashlib.sha256(fields["code_verifier"].encode()).digest()
        if base64.urlsafe_b64encode(digest).decode().rstrip("=") != asked["code_challenge"]:
            return 400, {"error": "invalid_grant"}
        now = int(time.time())
        claims = {
            "iss": self.issuer,
            "aud": CLIENT,
            "exp": now + 300,
            "iat": now,
            "nonce": asked["nonce"],
            **self.person,
            **self.claims,
        }
        kept = {name: value for name, value in claims.items() if value is not None}
        if self.header["alg"] in ("none", "HS256"):
            head = f"{_coded(self.header)}.{_coded(kept)}"
            secret = self.key.as_pem(private=False)
            mac = (
                b""
                if self.header["alg"] == "none"
                else hmac.digest(secret, head.encode(), "sha256")
            )
            return 200, {"id_token": f"{head}.{_base64(mac)}"}
        algorithms = [self.header["alg"]]
        return 200, {"id_token": jwt.encode(self.header, kept, self.signer, algorithms=algorithms)}


def _coded(value: dict[str, Any]) -> str:
    return _base64(json.dumps(value).encode())


def _base64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


class _Handler(BaseHTTPRequestHandler):
    server: Provider

    def do_GET(self) -> None:
        if self.path == "/.well-known/openid-configuration":
            self._send(200, self.server.discovery())
        elif self.path == "/keys":
            self._send(200, {"keys": [self.server.key.as_dict(private=False)]})
        else:
            self._send(404, {})

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"])).decode()
        self._send(*self.server.token({k: v[0] for k, v in parse_qs(body).items()}))

    def _send(self, status: int, body: dict[str, Any]) -> None:
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture(scope="module")
def provider() -> Iterator[Provider]:
    made = Provider()
    yield made
    made.shutdown()
    made.server_close()


@pytest.fixture(scope="module")
def shared(kit: Any, provider: Provider, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    options = OidcOptions(provider.issuer, CLIENT, "s3cret", "Corp", ("corp.example",))
    running = kit.run(kit.build(tmp_path_factory.mktemp("oidc"), oidc=options))
    yield running
    running.stop()


async def _forget_failures(running: Any) -> None:
    async with running.store.write() as session:
        await session.execute(delete(SignInFailure))


@pytest.fixture
def site(shared: Any, provider: Provider) -> Iterator[Any]:
    yield shared
    shared.once(_forget_failures(shared))
    provider.claims.clear()
    provider.metadata.clear()
    provider.header = {"alg": "ES256", "kid": "one"}
    provider.signer = provider.key
    provider.person = {"sub": "s-1", "email": "grace@corp.example", "email_verified": True}


def path_of(address: str) -> str:
    parts = urlsplit(address)
    return f"{parts.path}?{parts.query}"


def attempt(site: Any, provider: Provider, visit: Any = None) -> Any:
    """Leave for the provider and come back; the answer to that."""
    visit = visit or site.client()
    left = visit.get("/sign-in/oidc", params={"next": "/decisions"})
    assert left.status_code == 303, left.text
    return visit.get(path_of(provider.approve(left.headers["location"])))


def test_a_person_of_the_domain_joins_as_a_viewer_and_comes_back_as_the_same(
    site: Any, provider: Provider
) -> None:
    visit = site.client()
    assert attempt(site, provider, visit).headers["location"] == "/decisions"
    page = visit.get("/account").text
    assert "grace@corp.example" in page
    assert "Viewer" in page
    assert provider.token_requests[-1]["client_secret"] == "s3cret"
    again = site.client()
    assert attempt(site, provider, again).headers["location"] == "/decisions"
    assert again.get("/members").text.count("grace@corp.example") == 1


def test_the_button_is_on_the_page(site: Any) -> None:
    assert "Continue with Corp" in site.client().get("/sign-in").text


@pytest.mark.parametrize(
    "claims",
    [
        {"nonce": "another"},
        {"nonce": None},
        {"aud": "another-client"},
        {"aud": [CLIENT, "another"]},
        {"azp": "another"},
        {"iss": "http://127.0.0.1:1"},
        {"exp": 1},
        {"exp": None},
        {"sub": None},
    ],
)
def test_line_40_a_false_claim_is_refused(site: Any, provider: Provider, claims: Any) -> None:
    provider.claims.update(claims)
    visit = site.client()
    assert attempt(site, provider, visit).status_code == 403
    assert COOKIE not in visit.cookies


def test_line_40_a_token_without_a_signature_is_refused(site: Any, provider: Provider) -> None:
    provider.header = {"alg": "none"}
    assert attempt(site, provider).status_code == 403


def test_line_40_a_token_signed_with_the_public_key_as_a_secret_is_refused(
    site: Any, provider: Provider
) -> None:
    provider.header = {"alg": "HS256", "kid": "one"}
    assert attempt(site, provider).status_code == 403


def test_line_40_a_token_of_another_key_is_refused(site: Any, provider: Provider) -> None:
    provider.signer = ECKey.generate_key("P-256", {"kid": "one"})
    assert attempt(site, provider).status_code == 403


def test_line_40_an_answer_comes_back_once(site: Any, provider: Provider) -> None:
    visit = site.client()
    left = visit.get("/sign-in/oidc")
    back = path_of(provider.approve(left.headers["location"]))
    step = dict(visit.cookies)
    assert visit.get(back).status_code == 303
    replay = site.client()
    replay.cookies.update({k: v for k, v in step.items() if k != COOKIE})
    assert replay.get(back).status_code == 403


def test_line_40_an_answer_for_another_browser_is_refused(site: Any, provider: Provider) -> None:
    attacker, victim = site.client(), site.client()
    left = attacker.get("/sign-in/oidc")
    back = path_of(provider.approve(left.headers["location"]))
    assert victim.get(back).status_code == 403
    victim.get("/sign-in/oidc")
    assert victim.get(back).status_code == 403
    assert COOKIE not in victim.cookies


def test_line_40_an_answer_of_another_provider_is_refused(site: Any, provider: Provider) -> None:
    visit = site.client()
    left = visit.get("/sign-in/oidc")
    back = path_of(provider.approve(left.headers["location"]))
    changed = back.replace(f"iss={provider.issuer}", "iss=https://evil.example")
    assert visit.get(changed).status_code == 403


def test_line_40_an_address_that_nobody_verified_joins_nothing(
    site: Any, provider: Provider
) -> None:
    provider.person = {"sub": "s-2", "email": "eve@corp.example", "email_verified": False}
    assert attempt(site, provider).status_code == 403
    provider.person = {"sub": "s-2", "email": "eve@corp.example", "email_verified": "true"}
    assert attempt(site, provider).status_code == 403


def test_a_stranger_needs_an_invitation(site: Any, provider: Provider) -> None:
    provider.person = {"sub": "s-3", "email": "zoe@other.example", "email_verified": True}
    assert attempt(site, provider).status_code == 403
    owner = site.client().sign_in()
    invited = owner.post("/members/invite", {"email": "zoe@other.example", "role": "analyst"})
    assert "/join#" in invited.text
    visit = site.client()
    assert attempt(site, provider, visit).status_code == 303
    assert "Analyst" in visit.get("/account").text


def test_the_provider_never_opens_an_account_that_exists_already(
    site: Any, provider: Provider
) -> None:
    owner = site.client().sign_in()
    owner.post("/account/profile", {"name": "Owner", "email": "owner@corp.example"})
    provider.person = {"sub": "s-4", "email": "owner@corp.example", "email_verified": True}
    assert attempt(site, provider).status_code == 403


@pytest.mark.parametrize(
    "issuer",
    ["http://id.example", "ftp://id.example", "https://user@id.example", "id.example", "https://"],
)
def test_an_issuer_that_could_be_listened_to_is_refused(issuer: str) -> None:
    with pytest.raises(ConfigError, match="https"):
        checked_options(OidcOptions(issuer, CLIENT))
