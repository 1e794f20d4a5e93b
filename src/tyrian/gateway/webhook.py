"""Tells another server of events: signed, tried again, never in the way of a request.

Only the operator names that server, in the stack file; where it redirects to is not followed.
"""

import asyncio
import hashlib
import hmac
import logging
import time

import aiohttp
import msgspec

from tyrian.gateway.reviews import ReviewRecord

SIGNATURE = "x-tyrian-signature"
TIMEOUT_S = 10.0
PAUSES_S = (0.0, 1.0, 5.0)
"""Before each try."""

_log = logging.getLogger("tyrian.gateway")


def signature(secret: str, time_s: int, body: bytes) -> str:
    """`t=SECONDS,v1=HEX`: HMAC-SHA256 over the time, a dot, and the body."""
    signed = hmac.new(secret.encode(), b"%d." % time_s + body, hashlib.sha256).hexdigest()
    return f"t={time_s},v1={signed}"


class Webhook:
    """Posts events. Of a review the call itself is not in them: it is behind the API."""

    def __init__(self, url: str, secret: str = "", pauses_s: tuple[float, ...] = PAUSES_S) -> None:
        self._url = url
        self._secret = secret
        self._pauses_s = pauses_s
        self._tasks: set[asyncio.Task[None]] = set()

    async def notify(self, review: ReviewRecord) -> None:
        """Begin to tell of a review; returns at once."""
        body = msgspec.json.encode(
            {
                "type": "review.created",
                "review": {
                    "id": review.id,
                    "stage": review.stage,
                    "request_id": review.request_id,
                    "created_at": review.created_at,
                    "expires_at": review.expires_at,
                    "rules": [reason["rule"] for reason in review.reasons],
                    "sources": sorted({s for call in review.calls for s in _sources(call)}),
                },
            }
        )
        task = asyncio.create_task(self._tell(review.id, body))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def close(self) -> None:
        """End what is still being tried."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _tell(self, review_id: str, body: bytes) -> None:
        if not await self.send(body):
            _log.warning("review %s: the webhook could not be told", review_id)

    async def send(self, body: bytes) -> bool:
        """Post an event, trying a few times; whether the server took it."""
        for pause_s in self._pauses_s:
            await asyncio.sleep(pause_s)
            headers = {"content-type": "application/json"}
            if self._secret:
                headers[SIGNATURE] = signature(self._secret, int(time.time()), body)
            try:
                timeout = aiohttp.ClientTimeout(total=TIMEOUT_S)
                async with (
                    aiohttp.ClientSession(timeout=timeout) as session,
                    session.post(
                        self._url, data=body, headers=headers, allow_redirects=False
                    ) as reply,
                ):
                    if reply.status < 300:
                        return True
            except (aiohttp.ClientError, TimeoutError, OSError):
                pass
        return False


def _sources(call: dict[str, object]) -> list[str]:
    sources = call.get("sources")
    return [str(source) for source in sources] if isinstance(sources, list) else []
