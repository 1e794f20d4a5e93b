"""What the hub's refusals mean, in words that tell people what to do next."""

from collections.abc import Mapping
from types import MappingProxyType

from tyrian.models.hub.endpoint import TOKEN_VARIABLE, Endpoint
from tyrian.models.hub.errors import AccessError, HubError

_MISSING = MappingProxyType(
    {"RevisionNotFound": "has no such revision", "EntryNotFound": "has no such file"}
)
_LONGEST_REMARK = 300


def refusal(
    endpoint: Endpoint, repository: str, status: int, headers: Mapping[str, str], what: str
) -> HubError:
    """The error for an answer that is not the one asked for; `what` was asked for.

    The hub's own `X-Error-Code` and `X-Error-Message` say more where they are there.
    """
    error = _meant(endpoint, repository, status, headers.get("X-Error-Code", ""), what)
    remark = "".join(char for char in headers.get("X-Error-Message", "") if char.isprintable())
    if remark:
        error.message += f" (the hub says: {remark[:_LONGEST_REMARK]})"
    return error


def _meant(endpoint: Endpoint, repository: str, status: int, code: str, what: str) -> HubError:
    if code == "GatedRepo" or status == 403:
        return _gated(endpoint, repository)
    if status == 401:
        return _unknown_user(endpoint, repository)
    if status == 404 and code in _MISSING:
        return HubError(f"{repository} {_MISSING[code]}: {what}")
    if status == 404:
        return HubError(
            f"the hub has no {repository}, or does not show it to you",
            hint=f"look at {endpoint.page_of(repository)}; private ones need {TOKEN_VARIABLE}",
        )
    return HubError(f"the hub answered {status} for {what} of {repository}")


def _gated(endpoint: Endpoint, repository: str) -> AccessError:
    page = endpoint.page_of(repository)
    if endpoint.token:
        return AccessError(
            f"{repository} is gated, and the account of {TOKEN_VARIABLE} has no access to it",
            hint=(
                f"ask for access and accept the terms at {page}; where that is done, wait for the "
                "owner's consent, and see that the token may read gated repositories"
            ),
        )
    return AccessError(
        f"{repository} is gated: the hub gives it only to accounts that accepted its terms",
        hint=(
            f"1. accept the terms at {page}\n"
            f"        2. make a token that may read, at {endpoint.token_page}\n"
            f"        3. export {TOKEN_VARIABLE}=... and run this command again"
        ),
    )


def _unknown_user(endpoint: Endpoint, repository: str) -> AccessError:
    if endpoint.token:
        return AccessError(
            f"the hub does not accept the token in {TOKEN_VARIABLE}",
            hint=f"it may have expired; make another at {endpoint.token_page}",
        )
    return AccessError(
        f"the hub wants to know who asks for {repository}; it may be private, or not exist",
        hint=f"check the name; for a private one set {TOKEN_VARIABLE} to a token that may read it",
    )
