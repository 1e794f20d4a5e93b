"""GET /v1/models and /v1/models/{id}: what is served, and which guards stand before it."""

from collections.abc import Sequence
from urllib.parse import unquote

import msgspec

from tyrian.core.detection import DetectorInfo, Stage
from tyrian.gateway.auth import authenticate
from tyrian.gateway.catalogue import Catalogue, ServedModel
from tyrian.gateway.context import Receive, Scope, Send, context_of
from tyrian.gateway.errors import model_not_found
from tyrian.gateway.responses import send_body
from tyrian.gateway.settings import Settings
from tyrian.gateway.wire import Json


class Models:
    """Both routes; the path decides which."""

    def __init__(self, settings: Settings, catalogue: Catalogue, prefix: str) -> None:
        self._settings = settings
        self._catalogue = catalogue
        self._prefix = prefix + "/"
        infos = settings.firewall.infos() if settings.firewall else ()
        self._guards = guards_of(infos)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        context = context_of(scope)
        context.route = "models"
        key = await authenticate(scope, self._settings.keys, context, "models.read")
        every = await self._catalogue.models()
        models = {name: model for name, model in every.items() if key.allows_model(name)}
        path: str = scope["path"]
        if not path.startswith(self._prefix):
            listing = {"object": "list", "data": [self._plain(m) for m in models.values()]}
            await send_body(send, msgspec.json.encode(listing))
            return
        model_id = path[len(self._prefix) :]
        model = models.get(model_id) or models.get(unquote(model_id))
        if model is None:
            raise model_not_found(model_id[:256])
        await send_body(send, msgspec.json.encode(self._plain(model)))

    def _plain(self, model: ServedModel) -> Json:
        return {
            "id": model.id,
            "object": "model",
            "created": self._catalogue.started_at,
            "owned_by": model.owned_by,
            "context_length": model.context_length,
            "modalities": list(model.modalities),
            "licence": model.licence or None,
            "revision": model.revision or None,
            "tier": model.tier,
            **self._catalogue.state(model),
            "guards": self._guards,
        }


def guards_of(infos: Sequence[tuple[Stage, DetectorInfo]]) -> list[Json]:
    """The guards as clients see them.

    `fallback` says why another backend runs than asked for, `note` what to know of this one.
    """
    return [
        {
            "stage": stage.value,
            "name": info.name,
            "kind": info.kind,
            "backend": info.backend,
            "model": info.model or None,
            "revision": info.revision or None,
            "labels": list(info.labels),
            "fallback": info.fallback or None,
            "note": info.note or None,
        }
        for stage, info in infos
    ]
