"""A request that is sent again gets the answer of the first time, and reaches no model twice.

Only clients that ask for it (`Idempotency-Key`) have their answers kept: for an hour, sealed by the
secret of their key, so that the database alone shows none of them.
"""

import asyncio
import hashlib
import time
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Final

from sqlalchemy import delete, select, update
from sqlalchemy.exc import IntegrityError

from tyrian.errors import StoreError
from tyrian.gateway.auth import bearer_token
from tyrian.gateway.body import header
from tyrian.gateway.context import ReceiveEvent, RequestContext, Scope, Send
from tyrian.gateway.dialect.negotiate import is_llama
from tyrian.gateway.errors import ApiError, bad_request
from tyrian.gateway.responses import send_body
from tyrian.gateway.store.models.dialects import IdempotentAnswer

if TYPE_CHECKING:
    from tyrian.gateway.store.engine import Store

KEPT_S: Final = 3_600
SERVED_S: Final = 900
"""After which a request that never ended no longer stands in the way of another one."""
WAIT_S: Final = 30.0
"""Longest wait for the first request to end."""
MAX_KEY: Final = 255
MAX_ANSWER_BYTES: Final = 1 << 20

Work = Callable[[Send], Awaitable[None]]


class IdempotentAnswers:
    """Replays answers."""

    def __init__(
        self, store: "Store", *, clock: Callable[[], float] = time.time, wait_s: float = WAIT_S
    ) -> None:
        self._store = store
        self._clock = clock
        self._wait_s = wait_s

    async def serve(
        self, scope: Scope, context: RequestContext, body: bytes, send: Send, work: Work
    ) -> None:
        """Do the work, or give the answer of the first time where the work was done before.

        ApiError (409) where the same name came with another request.
        """
        name = header(scope, b"idempotency-key")
        if not name:
            await work(send)
            return
        if len(name) > MAX_KEY or not all(0x21 <= byte <= 0x7E for byte in name):
            raise bad_request(
                f"`Idempotency-Key` must be 1 to {MAX_KEY} visible characters.",
                param="idempotency-key",
            )
        # The dialect shapes the answer: what was said in one is no answer in the other.
        dialect = b"llama" if is_llama(scope) else b""
        parts = (context.key_id.encode(), scope["path"].encode(), dialect, name)
        row_id = hashlib.sha256(b"\0".join(parts)).digest()
        request = hashlib.sha256(body).digest()
        seal = _seal(bearer_token(scope), row_id)
        replay = await self._begin(row_id, request, context.id, seal)
        if replay is not None:
            headers = ((b"idempotent-replayed", b"true"),)
            await send_body(send, replay, headers=headers)
            return
        await self._first(row_id, context.id, seal, send, work)

    async def _first(
        self, row_id: bytes, request_id: str, seal: "Seal", send: Send, work: Work
    ) -> None:
        recorder = _Recorder(send)
        try:
            await work(recorder.send)
        except BaseException:
            # What failed may be tried again, also where the client did not wait for the end.
            await asyncio.shield(self._forget(row_id, request_id))
            raise
        answer = recorder.answer
        if answer is None:
            await self._forget(row_id, request_id)
            return
        await self._keep(row_id, request_id, seal.close(answer))

    async def _begin(
        self, row_id: bytes, request: bytes, request_id: str, seal: "Seal"
    ) -> bytes | None:
        """None where this request is the first one; else its answer, once it is there."""
        ends_at = asyncio.get_running_loop().time() + self._wait_s
        pause_s = 0.05
        while not await self._claim(row_id, request, request_id):
            async with self._store.read() as session:
                found = await session.get(IdempotentAnswer, row_id)
            if found is None:
                continue
            if found.request_digest != request:
                raise ApiError(
                    409,
                    "This `Idempotency-Key` was used for another request.",
                    code="idempotency_key_reused",
                    headers=((b"x-should-retry", b"false"),),
                )
            if found.sealed is not None:
                return seal.open(found.sealed)
            if asyncio.get_running_loop().time() >= ends_at:
                raise ApiError(
                    409,
                    "The first request with this `Idempotency-Key` is still being served.",
                    code="idempotency_in_progress",
                    headers=((b"retry-after", b"5"),),
                )
            await asyncio.sleep(pause_s)
            pause_s = min(pause_s * 2, 1.0)
        return None

    async def _claim(self, row_id: bytes, request: bytes, request_id: str) -> bool:
        now = int(self._clock())
        row = IdempotentAnswer(
            id=row_id,
            request_digest=request,
            sealed=None,
            request_id=request_id,
            created_at=now,
            expires_at=now + SERVED_S,
        )
        try:
            async with self._store.write() as session:
                await session.execute(
                    delete(IdempotentAnswer).where(IdempotentAnswer.expires_at <= now)
                )
                taken = select(IdempotentAnswer.id).where(IdempotentAnswer.id == row_id)
                if await session.scalar(taken) is not None:
                    return False
                session.add(row)
        except StoreError as error:
            if isinstance(error.__cause__, IntegrityError):
                return False  # another worker was faster
            raise
        return True

    async def _keep(self, row_id: bytes, request_id: str, sealed: bytes) -> None:
        async with self._store.write() as session:
            await session.execute(
                update(IdempotentAnswer)
                .where(IdempotentAnswer.id == row_id, IdempotentAnswer.request_id == request_id)
                .values(sealed=sealed, expires_at=int(self._clock()) + KEPT_S)
            )

    async def _forget(self, row_id: bytes, request_id: str) -> None:
        async with self._store.write() as session:
            await session.execute(
                delete(IdempotentAnswer).where(
                    IdempotentAnswer.id == row_id, IdempotentAnswer.request_id == request_id
                )
            )


class _Recorder:
    """Keeps the body of an answer while it is sent."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self._parts: list[bytes] = []
        self._size = 0
        self._is_good = False
        self._is_whole = False

    async def send(self, event: ReceiveEvent) -> None:
        """Pass an event on."""
        if event["type"] == "http.response.start":
            self._is_good = event["status"] == 200
        else:
            self._size += len(event.get("body", b""))
            if self._size <= MAX_ANSWER_BYTES:
                self._parts.append(event.get("body", b""))
            self._is_whole = not event.get("more_body", False)
        await self._send(event)

    @property
    def answer(self) -> bytes | None:
        """The whole body of a good answer; None where it is not to be replayed."""
        is_kept = self._is_good and self._is_whole and self._size <= MAX_ANSWER_BYTES
        return b"".join(self._parts) if is_kept else None


class Seal:
    """Encrypts one answer; each seal has a key of its own, so a fixed nonce is no repetition."""

    def __init__(self, key: bytes) -> None:
        # Some six megabytes that most gateways never need.
        from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

        self._cipher = ChaCha20Poly1305(key)

    def close(self, answer: bytes) -> bytes:
        """The answer, sealed."""
        nonce = hashlib.sha256(answer).digest()[:12]
        return nonce + self._cipher.encrypt(nonce, answer, None)

    def open(self, sealed: bytes) -> bytes:
        """The answer; ApiError (409) where another secret of the key has sealed it."""
        from cryptography.exceptions import InvalidTag

        try:
            return self._cipher.decrypt(sealed[:12], sealed[12:], None)
        except InvalidTag:
            raise ApiError(
                409,
                "The answer was given to another secret of this key, which alone can open it.",
                code="idempotency_key_reused",
            ) from None


def _seal(token: str, row_id: bytes) -> Seal:
    key = hashlib.blake2b(row_id, key=hashlib.sha256(token.encode()).digest(), digest_size=32)
    return Seal(key.digest())
