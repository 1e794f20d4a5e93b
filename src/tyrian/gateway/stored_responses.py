"""Responses that clients asked to have kept, so that the next one can follow them."""

import time
from collections.abc import Callable, Sequence
from typing import Final

import msgspec
from sqlalchemy import delete

from tyrian.gateway.accounts.record import KeyRecord
from tyrian.gateway.errors import ApiError, bad_request
from tyrian.gateway.store.engine import Store
from tyrian.gateway.store.models.dialects import StoredResponse
from tyrian.gateway.wire import Json

KEPT_S: Final = 30 * 86_400
MAX_CONVERSATION_BYTES: Final = 10 << 20


class StoredResponses:
    """The responses. Every look-up names the organisation: nobody sees what is another one's."""

    def __init__(self, store: Store, *, clock: Callable[[], float] = time.time) -> None:
        self._store = store
        self._clock = clock

    async def keep(
        self, key: KeyRecord, response: Json, messages: Sequence[Json], given: Sequence[Json]
    ) -> None:
        """Keep a response with the conversation up to and with it, and the items of its request."""
        if len(msgspec.json.encode(messages)) > MAX_CONVERSATION_BYTES:
            raise bad_request(
                f"A conversation of more than {MAX_CONVERSATION_BYTES} bytes is not kept.",
                param="store",
                code="conversation_too_large",
            )
        now = int(self._clock())
        async with self._store.write() as session:
            await session.execute(delete(StoredResponse).where(StoredResponse.expires_at <= now))
            session.add(
                StoredResponse(
                    id=response["id"],
                    organisation_id=key.organisation_id,
                    project_id=key.project_id,
                    created_by=key.id,
                    response=response,
                    messages=list(messages),
                    input=list(given),
                    created_at=now,
                    expires_at=now + KEPT_S,
                )
            )

    async def get(
        self, response_id: str, key: KeyRecord, param: str = "response_id"
    ) -> StoredResponse:
        """A response; 404 where there is none, or where it is somebody else's."""
        async with self._store.read() as session:
            found = await session.get(StoredResponse, response_id[:64])
        if (
            found is None
            or found.organisation_id != key.organisation_id
            or found.expires_at <= self._clock()
        ):
            raise ApiError(404, "There is no such response.", code="not_found", param=param)
        return found

    async def delete(self, response_id: str, key: KeyRecord) -> None:
        """Take a response away; 404 where there is none."""
        found = await self.get(response_id, key)
        async with self._store.write() as session:
            await session.execute(delete(StoredResponse).where(StoredResponse.id == found.id))
