"""GET /v1/bom: what the running system is made of, as a bill of materials."""

import asyncio
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qs

from tyrian.core.later import Later
from tyrian.gateway.auth import authenticate
from tyrian.gateway.context import Receive, Scope, Send, context_of
from tyrian.gateway.errors import bad_request
from tyrian.gateway.responses import send_body
from tyrian.gateway.settings import Settings
from tyrian.supply.aibom.document import encode
from tyrian.supply.aibom.schema import SPECS

if TYPE_CHECKING:
    from tyrian.gateway.running_bom import running_inventory
    from tyrian.supply.aibom.cyclonedx import as_cyclonedx
    from tyrian.supply.aibom.parts import Inventory
else:
    running_inventory = Later("tyrian.gateway.running_bom:running_inventory")
    as_cyclonedx = Later("tyrian.supply.aibom.cyclonedx:as_cyclonedx")

PERMISSION: Final = "admin.read"


class BomRoute:
    """The document, made when it is first asked for: what runs changes with a restart alone."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._inventory: Inventory | None = None
        self._made: dict[str, bytes] = {}
        self._lock = asyncio.Lock()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        context = context_of(scope)
        context.route = "bom"
        await authenticate(scope, self._settings.keys, context, PERMISSION)
        query = parse_qs(scope.get("query_string", b"").decode("latin-1"), max_num_fields=20)
        spec = query.get("spec", [SPECS[0]])[-1]
        if spec not in SPECS:
            raise bad_request(f"`spec` must be one of {', '.join(SPECS)}.", param="spec")
        async with self._lock:
            if spec not in self._made:
                self._made[spec] = await asyncio.to_thread(self._document, spec)
        kind = f"application/vnd.cyclonedx+json; version={spec}".encode()
        await send_body(send, self._made[spec], content_type=kind)

    def _document(self, spec: str) -> bytes:
        if self._inventory is None:
            self._inventory = running_inventory(self._settings)
        return encode(as_cyclonedx(self._inventory, spec))
