"""Passkeys (WebAuthn): made and proved by the browser, checked here.

The library is loaded when the first passkey is asked for: it takes long, and many have none.
"""

import hashlib
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

from sqlalchemy import delete, select
from starlette.requests import Request

from tyrian.errors import InputError
from tyrian.gateway.accounts.names import checked_name
from tyrian.gateway.console.visitor import Visitor
from tyrian.gateway.store.engine import Store
from tyrian.gateway.store.ids import new_id
from tyrian.gateway.store.models.sign_in import Passkey


@dataclass(frozen=True, slots=True)
class Site:
    """Where the browser says it is: passkeys belong to a name, not to an address."""

    origin: str
    name: str

    @property
    def has_passkeys(self) -> bool:
        """False at a bare address, for which browsers make none."""
        try:
            ip_address(self.name.strip("[]"))
        except ValueError:
            return bool(self.name)
        return False


def site_of(request: Request, configured: str) -> Site:
    """The configured address, else the one that the browser asked for."""
    if configured:
        return Site(configured, urlsplit(configured).hostname or "")
    host = request.headers.get("host", "")
    name = urlsplit(f"//{host}").hostname or ""
    # Browsers make passkeys over TLS, and on this machine alone without it.
    is_here = name in ("localhost", "127.0.0.1", "::1") or name.endswith(".localhost")
    scheme = "http" if is_here else "https"
    return Site(f"{scheme}://{host}", name)


class Passkeys:
    """The passkeys in a store."""

    def __init__(self, store: Store, clock: Callable[[], float] = time.time) -> None:
        self._store = store
        self._clock = clock

    async def of(self, user_id: str) -> list[Passkey]:
        """A person's passkeys, the oldest first."""
        query = select(Passkey).where(Passkey.user_id == user_id).order_by(Passkey.created_at)
        async with self._store.read() as session:
            return list(await session.scalars(query))

    async def options_to_make(self, visitor: Visitor, site: Site) -> tuple[str, str]:
        """What the browser needs to make one, as JSON, and the challenge in it."""
        from webauthn import generate_registration_options, options_to_json
        from webauthn.helpers import bytes_to_base64url
        from webauthn.helpers.structs import (
            AuthenticatorSelectionCriteria,
            PublicKeyCredentialDescriptor,
            ResidentKeyRequirement,
            UserVerificationRequirement,
        )

        options = generate_registration_options(
            rp_id=site.name,
            rp_name="Tyrian",
            user_id=visitor.user_id.encode(),
            user_name=visitor.email,
            user_display_name=visitor.name,
            exclude_credentials=[
                PublicKeyCredentialDescriptor(id=key.credential_id)
                for key in await self.of(visitor.user_id)
            ],
            authenticator_selection=AuthenticatorSelectionCriteria(
                resident_key=ResidentKeyRequirement.REQUIRED,
                user_verification=UserVerificationRequirement.REQUIRED,
            ),
        )
        return options_to_json(options), bytes_to_base64url(options.challenge)

    async def add(
        self, user_id: str, credential: Mapping[str, Any], challenge: str, site: Site, name: str
    ) -> None:
        """Keep what the browser made; InputError where it does not fit the challenge."""
        from webauthn import verify_registration_response
        from webauthn.helpers import base64url_to_bytes
        from webauthn.helpers.exceptions import WebAuthnException

        try:
            made = verify_registration_response(
                credential=json.dumps(credential),
                expected_challenge=base64url_to_bytes(challenge),
                expected_rp_id=site.name,
                expected_origin=site.origin,
                require_user_verification=True,
            )
        except (WebAuthnException, ValueError, KeyError, TypeError):
            raise InputError("the browser's passkey could not be checked") from None
        response = credential.get("response")
        transports = response.get("transports", []) if isinstance(response, dict) else []
        row = Passkey(
            id=new_id("psk"),
            user_id=user_id,
            credential_digest=_digest(made.credential_id),
            credential_id=made.credential_id,
            public_key=made.credential_public_key,
            sign_count=made.sign_count,
            name=checked_name(name or "Passkey", "a passkey's name"),
            transports=[str(t)[:20] for t in transports[:8]],
            created_at=int(self._clock()),
        )
        async with self._store.write() as session:
            known = select(Passkey.id).where(Passkey.credential_digest == row.credential_digest)
            if await session.scalar(known) is not None:
                raise InputError("this passkey is here already")
            session.add(row)

    def options_to_prove(self, site: Site) -> tuple[str, str]:
        """What the browser needs to prove any passkey of this site, and the challenge in it."""
        from webauthn import generate_authentication_options, options_to_json
        from webauthn.helpers import bytes_to_base64url
        from webauthn.helpers.structs import UserVerificationRequirement

        options = generate_authentication_options(
            rp_id=site.name, user_verification=UserVerificationRequirement.REQUIRED
        )
        return options_to_json(options), bytes_to_base64url(options.challenge)

    async def prove(self, credential: Mapping[str, Any], challenge: str, site: Site) -> str | None:
        """Whose passkey it is; None where it is nobody's, or proves nothing."""
        from webauthn import verify_authentication_response
        from webauthn.helpers import base64url_to_bytes
        from webauthn.helpers.exceptions import WebAuthnException

        try:
            credential_id = base64url_to_bytes(str(credential.get("rawId", "")))
        except ValueError:
            return None
        query = select(Passkey).where(Passkey.credential_digest == _digest(credential_id))
        async with self._store.write() as session:
            known = await session.scalar(query)
            if known is None:
                return None
            try:
                proved = verify_authentication_response(
                    credential=json.dumps(credential),
                    expected_challenge=base64url_to_bytes(challenge),
                    expected_rp_id=site.name,
                    expected_origin=site.origin,
                    credential_public_key=known.public_key,
                    credential_current_sign_count=known.sign_count,
                    require_user_verification=True,
                )
            except (WebAuthnException, ValueError, KeyError, TypeError):
                return None
            known.sign_count = proved.new_sign_count
            known.last_used_at = int(self._clock())
            return known.user_id

    async def remove(self, user_id: str, passkey_id: str) -> bool:
        """Forget one of a person's passkeys; False where there is none of that id."""
        change = (
            delete(Passkey)
            .where(Passkey.id == passkey_id, Passkey.user_id == user_id)
            .returning(Passkey.id)
        )
        async with self._store.write() as session:
            return await session.scalar(change) is not None


def _digest(credential_id: bytes) -> bytes:
    return hashlib.sha256(credential_id).digest()
