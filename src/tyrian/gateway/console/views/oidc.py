"""Signing in with an identity provider: there, and back again."""

import time

from sqlalchemy import select
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from tyrian.gateway.accounts import audit
from tyrian.gateway.accounts.audit import Actor
from tyrian.gateway.console.headers import FOR_PAGES
from tyrian.gateway.console.options import OidcOptions
from tyrian.gateway.console.pages import Console, safe_next
from tyrian.gateway.console.sign_in.oidc import Identity, Oidc
from tyrian.gateway.console.sign_in.passkeys import site_of
from tyrian.gateway.console.sign_in.steps import set_step
from tyrian.gateway.console.views.sign_in import begin
from tyrian.gateway.console.visitor import Role
from tyrian.gateway.errors import ApiError
from tyrian.gateway.store.ids import new_id
from tyrian.gateway.store.models.organisations import (
    DEFAULT_ORGANISATION,
    Invitation,
    Membership,
    User,
)
from tyrian.gateway.store.models.sign_in import OidcIdentity

BACK = "/sign-in/oidc/back"


def routes(console: Console) -> list[Route]:
    """`/sign-in/oidc` and the way back, where a provider is configured"""
    options = console.settings.console.oidc
    if options is None:
        return []
    provider = Oidc(options)

    def way_back(request: Request) -> str:
        return site_of(request, console.settings.console.origin).origin + BACK

    async def leave(request: Request) -> Response:
        """To the provider. Only a cookie and a row change, so following a link may do this."""
        begun = await provider.begin(way_back(request))
        payload = {
            "state": begun.state,
            "nonce": begun.nonce,
            "verifier": begun.verifier,
            "next": safe_next(request.query_params.get("next", "/")),
        }
        response = RedirectResponse(begun.address, 303, headers=FOR_PAGES)
        set_step(response, await console.steps.put("oidc", payload))
        return response

    async def come_back(request: Request) -> Response:
        """From the provider; each attempt comes back once."""
        address = request.client.host if request.client else ""
        await console.throttle.admit("", address)
        step = await console.steps.take(request, "oidc")
        if step is None:
            raise ApiError(403, "This attempt to sign in is over. Try again.")
        identity = await provider.finish(request.query_params, step, way_back(request))
        user_id = await person(console, options, identity)
        await console.throttle.succeeded("", address)
        return await begin(console, request, user_id, "oidc", step["next"])

    return [console.public("/sign-in/oidc", leave), console.public(BACK, come_back)]


async def person(console: Console, options: OidcOptions, identity: Identity) -> str:
    """The person behind an identity: known, invited, or of a domain that may join.

    An address counts only where the provider has verified it; and it never opens an account that
    exists already, but for one that was invited and has no other way in.
    """
    now = int(time.time())
    async with console.store.write() as session:
        known = await session.scalar(
            select(OidcIdentity.user_id)
            .join(User, User.id == OidcIdentity.user_id)
            .where(
                OidcIdentity.issuer == identity.issuer,
                OidcIdentity.subject == identity.subject,
            )
        )
        if known is not None:
            return known
        if not identity.email or not identity.is_email_verified:
            raise ApiError(403, "Your provider has not verified your e-mail address.")
        taken = select(User.id).where(User.email == identity.email)
        if await session.scalar(taken) is not None:
            raise ApiError(403, "An account with your address exists. Sign in the way you did.")
        invitation = await session.scalar(
            select(Invitation)
            .where(
                Invitation.email == identity.email,
                Invitation.accepted_at.is_(None),
                Invitation.revoked_at.is_(None),
                Invitation.expires_at > now,
            )
            .with_for_update()
        )
        domain = identity.email.rpartition("@")[2]
        if invitation is None and domain not in options.domains:
            raise ApiError(403, "You are not invited. Ask an administrator for an invitation.")
        user = User(
            id=new_id("user"),
            email=identity.email,
            email_verified_at=now,
            name=_name(identity),
            created_at=now,
        )
        session.add(user)
        await session.flush()
        organisation_id = invitation.organisation_id if invitation else DEFAULT_ORGANISATION
        role = invitation.role if invitation else Role.VIEWER.id
        if invitation is not None:
            invitation.accepted_at, invitation.accepted_by = now, user.id
        session.add(
            Membership(
                id=new_id("mem"),
                organisation_id=organisation_id,
                user_id=user.id,
                role=role,
                created_at=now,
            )
        )
        session.add(
            OidcIdentity(
                id=new_id("oid"),
                user_id=user.id,
                issuer=identity.issuer,
                subject=identity.subject,
                created_at=now,
            )
        )
        actor = Actor("session", user.id, user.email)
        details = {"id": user.id, "role": role, "by": "oidc"}
        await audit.append(session, organisation_id, "user.added", actor, details)
        return user.id


def _name(identity: Identity) -> str:
    name = "".join(c for c in identity.name if c.isprintable()).strip()
    return name or identity.email.partition("@")[0]
