"""What each route does, takes and gives; the description of the API is made of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from tyrian.gateway.routes.openapi.schemas import Schema

JSON: Final = "application/json"
EVENTS: Final = "text/event-stream"


@dataclass(frozen=True, slots=True)
class Operation:
    """One method of one path."""

    summary: str
    answer: str = "Object"
    """Name of the schema of a good answer."""
    takes: str = ""
    """Name of the schema of the request's body; empty where it has none."""
    scope: str = ""
    """Scope that the key needs; empty where any key will do."""
    is_open: bool = False
    """Needs no key."""
    answer_types: tuple[str, ...] = (JSON,)
    body_type: str = JSON
    query: Mapping[str, Schema] = field(default_factory=dict)
    statuses: tuple[int, ...] = (200,)
    """Of good answers."""
    errors: tuple[int, ...] = ()
    """Beside those that any request may meet."""


FORM: Final = "multipart/form-data"
NOT_SERVED: Final[Mapping[str, str]] = {
    "/v1/fine_tuning": "No trainer serves it here: 501.",
    "/v1/evals": "No runner serves it here: 501.",
    "/v1/content_provenance_checks": "No detector serves it here: 501.",
}
"""Routes that only say that nothing serves them."""

_MODEL_ERRORS = (403, 404, 409, 422, 429, 502, 503, 504)
_LIMIT: Mapping[str, Schema] = {"limit": {"type": "integer", "minimum": 1, "maximum": 500}}
_STATUSES = ["pending", "approved", "refused", "used", "expired"]

OPERATIONS: Final[Mapping[tuple[str, str], Operation]] = {
    ("/healthz", "GET"): Operation("Alive as long as the process lives.", is_open=True),
    ("/readyz", "GET"): Operation(
        "Ready between start and shutdown, with its database there.", is_open=True, errors=(503,)
    ),
    ("/metrics", "GET"): Operation(
        "Prometheus text.", is_open=True, answer="", answer_types=("text/plain",)
    ),
    ("/openapi.json", "GET"): Operation("This document.", is_open=True),
    ("/v1/bom", "GET"): Operation(
        "What the running system is made of, in CycloneDX.",
        scope="admin.read",
        answer_types=("application/vnd.cyclonedx+json",),
        query={"spec": {"type": "string", "enum": ["1.7", "1.6"]}},
    ),
    ("/v1/chat/completions", "POST"): Operation(
        "A guarded completion, whole or as an event stream.",
        "ChatCompletion",
        "ChatRequest",
        "chat",
        answer_types=(JSON, EVENTS),
        errors=_MODEL_ERRORS,
    ),
    ("/v1/responses", "POST"): Operation(
        "The same by OpenAI's Responses API.",
        "Object",
        "Object",
        "responses",
        answer_types=(JSON, EVENTS),
        errors=_MODEL_ERRORS,
    ),
    ("/v1/responses/{response}", "GET"): Operation(
        "A response that was kept.", scope="responses", errors=(404,)
    ),
    ("/v1/responses/{response}", "DELETE"): Operation(
        "Delete a response that was kept.", scope="responses", errors=(404,)
    ),
    ("/v1/responses/{response}/input_items", "GET"): Operation(
        "The input of a response that was kept.", scope="responses", errors=(404,)
    ),
    ("/v1/moderations", "POST"): Operation(
        "What the guards find, in OpenAI's or in Llama's shape.",
        "Moderation",
        "ModerationRequest",
        "moderations",
        errors=(429, 503),
    ),
    ("/v1/moderations/taxonomy", "GET"): Operation(
        "Which hazards are which of OpenAI's categories.", scope="moderations"
    ),
    ("/v1/models", "GET"): Operation("All models.", "ModelList", scope="models.read"),
    ("/v1/models/{model}", "GET"): Operation(
        "One model; its id may hold slashes.", "Model", scope="models.read", errors=(404,)
    ),
    ("/v1/files", "GET"): Operation("The files of the key's organisation.", scope="files"),
    ("/v1/files", "POST"): Operation(
        "Keep a file.", takes="FileForm", scope="files", body_type=FORM, errors=(409,)
    ),
    ("/v1/files/{file}", "GET"): Operation("What is known of a file.", scope="files"),
    ("/v1/files/{file}", "DELETE"): Operation("Delete a file.", scope="files"),
    ("/v1/files/{file}/content", "GET"): Operation(
        "The bytes of a file.",
        "",
        scope="files",
        answer_types=("application/octet-stream",),
    ),
    ("/v1/uploads", "POST"): Operation("Begin an upload in parts.", takes="Object", scope="files"),
    ("/v1/uploads/{upload}", "GET"): Operation("How far an upload is.", scope="files"),
    ("/v1/uploads/{upload}", "POST"): Operation(
        "The next piece, from `X-Upload-Offset` on.",
        takes="UploadPiece",
        scope="files",
        body_type=FORM,
        errors=(409,),
    ),
    ("/v1/uploads/{upload}/parts", "POST"): Operation(
        "A part of an upload.", takes="UploadPiece", scope="files", body_type=FORM, errors=(409,)
    ),
    ("/v1/uploads/{upload}/complete", "POST"): Operation(
        "Make a file of its parts.", takes="Object", scope="files", errors=(409,)
    ),
    ("/v1/uploads/{upload}/cancel", "POST"): Operation(
        "Give an upload up.", scope="files", errors=(409,)
    ),
    ("/v1/reviews", "GET"): Operation(
        "What waits for a person, or did.",
        "ReviewList",
        scope="admin",
        query={**_LIMIT, "status": {"enum": _STATUSES}},
    ),
    ("/v1/reviews/{review}", "GET"): Operation("One review.", "Review", errors=(404,)),
    ("/v1/reviews/{review}", "POST"): Operation(
        "A person's answer.", "Review", "ReviewAnswer", "admin", errors=(404, 409)
    ),
    ("/v1/reviews/{review}/resume", "POST"): Operation(
        "The completion that was approved, once.", "ChatCompletion", errors=(404, 409)
    ),
    ("/v1/playground/chat/completions", "POST"): Operation(
        "A guarded completion whose decisions are recorded.",
        "ChatCompletion",
        "ChatRequest",
        "chat",
        answer_types=(JSON, EVENTS),
        errors=_MODEL_ERRORS,
    ),
    ("/v1/playground/models", "GET"): Operation("A card for each model.", scope="models.read"),
    ("/v1/playground/render", "POST"): Operation(
        "Markdown as HTML that can do nothing.", "", "Object", "chat", answer_types=("text/html",)
    ),
    ("/v1/playground/code", "POST"): Operation(
        "A request as code, by language.", "Object", "Object", "chat"
    ),
    ("/v1/playground/records/{record}", "GET"): Operation(
        "What the guards made of a request.", scope="chat"
    ),
    ("/v1/playground/records/{record}/what-if", "POST"): Operation(
        "The same decided anew under another policy.", "Object", "Object", "chat"
    ),
    ("/v1/playground/setups", "GET"): Operation("Saved setups of the project.", scope="chat"),
    ("/v1/playground/setups", "POST"): Operation(
        "Save a setup.", "Object", "Object", "chat", statuses=(201,)
    ),
    ("/v1/playground/setups/{setup}", "POST"): Operation(
        "Save over a setup.", "Object", "Object", "chat"
    ),
    ("/v1/playground/setups/{setup}", "DELETE"): Operation("Delete a setup.", scope="chat"),
    ("/v1/playground/snapshots", "GET"): Operation("Open snapshots.", scope="chat"),
    ("/v1/playground/snapshots", "POST"): Operation(
        "Share a snapshot.", "Object", "Object", "chat", statuses=(201,)
    ),
    ("/v1/playground/snapshots/{snapshot}", "GET"): Operation("One snapshot.", scope="chat"),
    ("/v1/playground/snapshots/{snapshot}", "DELETE"): Operation(
        "Take a snapshot back.", scope="chat"
    ),
}
