"""A chat completion whose decisions are kept, so that the playground can show them."""

import contextlib

from tyrian.core.detection import Stage
from tyrian.errors import StoreError
from tyrian.firewall.firewall import Firewall
from tyrian.firewall.guard import Guard
from tyrian.gateway.console.playground.keep import Playground
from tyrian.gateway.console.playground.recording import Recorder
from tyrian.gateway.context import (
    Endpoint,
    Receive,
    ReceiveEvent,
    RequestContext,
    Scope,
    Send,
    context_of,
)


class RecordedChat:
    """The chat endpoint, with a record of its decisions.

    The record is there before the last byte of the answer leaves, so that whoever has read the
    answer finds it under the id in `x-request-id`.
    """

    def __init__(self, chat: Endpoint, playground: Playground, firewall: Firewall | None) -> None:
        self._chat = chat
        self._playground = playground
        self._firewall = firewall
        self._guards = guards_of(firewall) if firewall else {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        firewall = self._firewall
        if firewall is None:
            await self._chat(scope, receive, send)
            return
        context = context_of(scope)
        recorder = Recorder(firewall.policy, self._guards)
        context.on_decision = recorder
        is_kept = False

        async def send_kept(event: ReceiveEvent) -> None:
            nonlocal is_kept
            if event["type"] == "http.response.body" and not event.get("more_body", False):
                is_kept = True
                await self._keep(recorder, context)
            await send(event)

        try:
            await self._chat(scope, receive, send_kept)
        finally:
            if not is_kept:
                await self._keep(recorder, context)

    async def _keep(self, recorder: Recorder, context: RequestContext) -> None:
        """An answer is worth more than the record of it: a store that is gone does not stop it."""
        with contextlib.suppress(StoreError):
            place = await self._playground.place_of_key(context.key_id) if context.key_id else None
            if place is not None:
                record = recorder.record(context.id, context.model)
                await self._playground.keep_record(place, record)


def guards_of(firewall: Firewall) -> dict[Stage, dict[str, Guard]]:
    """The guards of a firewall by stage and name."""
    found: dict[Stage, dict[str, Guard]] = {}
    for guard in firewall.guards:
        found.setdefault(guard.stage, {})[guard.name] = guard
    return found
