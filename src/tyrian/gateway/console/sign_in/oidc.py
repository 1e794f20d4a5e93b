"""Signing in with an identity provider: OpenID Connect's code flow with PKCE and a nonce."""

import base64
import hashlib
import hmac
import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeVar
from urllib.parse import urlencode, urlsplit

import aiohttp
import msgspec

from tyrian.errors import ConfigError, UpstreamError
from tyrian.gateway.console.options import OidcOptions
from tyrian.gateway.errors import ApiError

T = TypeVar("T")
ALGORITHMS: Final = ("RS256", "PS256", "ES256", "ES384", "EdDSA")
"""Signatures that are taken: none without a key, and none with a shared secret."""

TIMEOUT_S: Final = 10.0
MAX_BYTES: Final = 1 << 20
METADATA_S: Final = 600.0
LEEWAY_S: Final = 60
_LOOPBACK: Final = ("localhost", "127.0.0.1", "::1")


class _Metadata(msgspec.Struct, frozen=True):
    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    authorization_response_iss_parameter_supported: bool = False


class _Tokens(msgspec.Struct, frozen=True):
    id_token: str


@dataclass(frozen=True, slots=True)
class Identity:
    """A person as the provider vouches for them."""

    issuer: str
    subject: str
    email: str
    is_email_verified: bool
    name: str


@dataclass(frozen=True, slots=True)
class Begun:
    """Where to send a browser, and what to remember until it comes back."""

    address: str
    state: str
    nonce: str
    verifier: str


def checked_options(options: OidcOptions) -> OidcOptions:
    """The options; ConfigError for a provider that could be listened to."""
    _check_address(options.issuer, options.issuer)
    if not options.client_id:
        hint = "set TYRIAN_OIDC_CLIENT_ID"
        raise ConfigError("the identity provider needs a client id", hint=hint)
    return options


class Oidc:
    """One provider. Its metadata and keys are asked for when they are needed."""

    def __init__(self, options: OidcOptions, clock: Callable[[], float] = time.time) -> None:
        self._options = checked_options(options)
        self._clock = clock
        self._known: tuple[float, _Metadata] | None = None

    async def begin(self, redirect_uri: str) -> Begun:
        """The provider's page, for one attempt to sign in."""
        found = await self._metadata()
        state, nonce = secrets.token_urlsafe(24), secrets.token_urlsafe(24)
        verifier = secrets.token_urlsafe(48)
        challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest())
        query = {
            "response_type": "code",
            "client_id": self._options.client_id,
            "redirect_uri": redirect_uri,
            "scope": "openid email profile",
            "state": state,
            "nonce": nonce,
            "code_challenge": challenge.decode().rstrip("="),
            "code_challenge_method": "S256",
        }
        separator = "&" if urlsplit(found.authorization_endpoint).query else "?"
        address = f"{found.authorization_endpoint}{separator}{urlencode(query)}"
        return Begun(address, state, nonce, verifier)

    async def finish(
        self, query: Mapping[str, str], step: Mapping[str, str], redirect_uri: str
    ) -> Identity:
        """Who came back from the provider; ApiError where it cannot be believed."""
        if not hmac.compare_digest(query.get("state", "").encode(), step["state"].encode()):
            raise _refused("the answer belongs to another attempt")
        found = await self._metadata()
        # A provider that says who it is must be the one that was asked (RFC 9207).
        said = query.get("iss")
        if said is None and found.authorization_response_iss_parameter_supported:
            raise _refused("the answer does not say whose it is")
        if said is not None and said != found.issuer:
            raise _refused("the answer is another provider's")
        if "error" in query or not query.get("code"):
            raise _refused("the provider did not let you in")
        fields = {
            "grant_type": "authorization_code",
            "code": query["code"],
            "redirect_uri": redirect_uri,
            "client_id": self._options.client_id,
            "code_verifier": step["verifier"],
        }
        if self._options.client_secret:
            fields["client_secret"] = self._options.client_secret
        tokens = await self._fetch("POST", found.token_endpoint, _Tokens, fields)
        keys = await self._fetch("GET", found.jwks_uri, dict[str, Any])
        claims = self._claims(tokens.id_token, keys, found.issuer, step["nonce"])
        return Identity(
            found.issuer,
            str(claims["sub"])[:250],
            str(claims.get("email") or "").strip().lower(),
            claims.get("email_verified") is True,
            str(claims.get("name") or "").strip()[:200],
        )

    def _claims(
        self, token: str, keys: Mapping[str, Any], issuer: str, nonce: str
    ) -> Mapping[str, Any]:
        from joserfc import jwt
        from joserfc.errors import JoseError
        from joserfc.jwk import KeySet

        try:
            known = KeySet.import_key_set({"keys": list(keys.get("keys", []))})
            decoded = jwt.decode(token, known, algorithms=list(ALGORITHMS))
            registry = jwt.JWTClaimsRegistry(
                now=lambda: int(self._clock()),
                leeway=LEEWAY_S,
                iss={"essential": True, "value": issuer},
                aud={"essential": True, "value": self._options.client_id},
                sub={"essential": True},
                exp={"essential": True},
                iat={"essential": True},
                nonce={"essential": True, "value": nonce},
            )
            registry.validate(decoded.claims)
        except (JoseError, ValueError, TypeError, KeyError):
            raise _refused("its word cannot be verified") from None
        claims: Mapping[str, Any] = decoded.claims
        audience = claims["aud"]
        is_shared = isinstance(audience, list) and len(audience) > 1
        if claims.get("azp", self._options.client_id) != self._options.client_id or (
            is_shared and "azp" not in claims
        ):
            raise _refused("its word is meant for somebody else")
        return claims

    async def _metadata(self) -> _Metadata:
        if self._known is not None and time.monotonic() - self._known[0] < METADATA_S:
            return self._known[1]
        issuer = self._options.issuer
        address = f"{issuer.rstrip('/')}/.well-known/openid-configuration"
        found = await self._fetch("GET", address, _Metadata)
        if found.issuer != issuer:
            raise _unavailable("it calls itself by another name")
        for endpoint in (found.authorization_endpoint, found.token_endpoint, found.jwks_uri):
            try:
                _check_address(endpoint, issuer)
            except ConfigError:
                raise _unavailable("one of its addresses is not safe") from None
        self._known = (time.monotonic(), found)
        return found

    async def _fetch(
        self, method: str, address: str, kind: type[T], fields: Mapping[str, str] | None = None
    ) -> T:
        timeout = aiohttp.ClientTimeout(total=TIMEOUT_S)
        try:
            async with (
                aiohttp.ClientSession(timeout=timeout, cookie_jar=aiohttp.DummyCookieJar()) as http,
                http.request(
                    method,
                    address,
                    data=fields,
                    headers={"accept": "application/json"},
                    allow_redirects=False,
                ) as response,
            ):
                body = await response.content.read(MAX_BYTES + 1)
                if response.status != 200 or len(body) > MAX_BYTES:
                    raise _unavailable(f"it answered with status {response.status}")
                return msgspec.json.decode(body, type=kind)
        except (aiohttp.ClientError, TimeoutError, OSError, UpstreamError):
            raise _unavailable("it cannot be reached") from None
        except msgspec.DecodeError:
            raise _unavailable("its answer cannot be read") from None


def _check_address(address: str, issuer: str) -> None:
    """TLS everywhere; but for a provider on this machine."""
    try:
        parts, home = urlsplit(address), urlsplit(issuer)
        is_local = parts.hostname in _LOOPBACK and home.hostname in _LOOPBACK
        is_fit = parts.scheme == "https" or (parts.scheme == "http" and is_local)
        is_fit = is_fit and bool(parts.hostname) and not parts.username and not parts.fragment
    except ValueError:
        is_fit = False
    if not is_fit:
        raise ConfigError(
            "the identity provider's address must begin with https://",
            hint="write the issuer as it stands in its discovery document",
        )


def _refused(why: str) -> ApiError:
    return ApiError(
        403,
        f"Signing in with your organisation did not work: {why}. Try again.",
        code="oidc_refused",
    )


def _unavailable(why: str) -> ApiError:
    return ApiError(502, f"The identity provider does not work: {why}.", code="oidc_unavailable")
