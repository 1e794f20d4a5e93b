"""The JSON schemas of the API's description: what is checked of requests, what answers hold."""

from collections.abc import Mapping
from typing import Any, Final

from tyrian.gateway.chat_request import KNOWN_PARAMETERS
from tyrian.gateway.hazards import CATEGORIES

Schema = dict[str, Any]

_MAX_TOKENS: Final = (1 << 31) - 1


def ref(name: str) -> Schema:
    """A reference to a named schema."""
    return {"$ref": f"#/components/schemas/{name}"}


def nullable(kind: str, **more: Any) -> Schema:
    """A value of a JSON type, or null."""
    return {"type": [kind, "null"], **more}


def _object(required: list[str], properties: Mapping[str, Schema], **more: Any) -> Schema:
    return {"type": "object", "required": required, "properties": dict(properties), **more}


def _list_of(name: str) -> Schema:
    return _object(
        ["object", "data"],
        {"object": {"const": "list"}, "data": {"type": "array", "items": ref(name)}},
    )


_ERROR = _object(
    ["error"],
    {
        "error": _object(
            ["message", "type", "param", "code"],
            {
                "message": {"type": "string", "description": "For people."},
                "type": {"type": "string"},
                "param": nullable("string", description="Path of the parameter that is wrong."),
                "code": nullable("string", description="For programs; stable."),
            },
        ),
        "tyrian": {"type": "object", "description": "Why, where a guard or a route decided."},
    },
)
_DECISION = _object(
    ["effect", "stage", "decision", "policy", "reasons"],
    {
        "effect": {"enum": ["allow", "flag", "redact", "review", "block"]},
        "stage": {"type": "string"},
        "decision": {"type": "string"},
        "policy": {"type": "string"},
        "review": {"type": "string"},
        "rewrites": {"type": "integer"},
        "reasons": {"type": "array", "items": {"type": "object"}},
    },
)
_USAGE = _object(
    ["prompt_tokens", "completion_tokens", "total_tokens"],
    {
        name: {"type": "integer", "minimum": 0}
        for name in ("prompt_tokens", "completion_tokens", "total_tokens")
    },
)

_TEXT_PART = _object(["type", "text"], {"type": {"const": "text"}, "text": {"type": "string"}})
_MESSAGE = _object(
    ["role"],
    {
        "role": {"enum": ["system", "developer", "user", "assistant", "tool"]},
        "content": {
            "anyOf": [
                {"type": "string"},
                {"type": "array", "items": {"type": "object"}},
                {"type": "null"},
            ],
            "description": "A text, or parts: `text`, and `image_url` with a `data:image/` URL.",
        },
        "name": {"type": "string"},
        "tool_calls": {"type": "array", "items": {"type": "object"}},
        "tool_call_id": {"type": "string"},
    },
)

_CHECKED: Final[Mapping[str, Schema]] = {
    "model": {"type": "string", "minLength": 1, "maxLength": 256},
    "messages": {"type": "array", "minItems": 1, "items": ref("Message")},
    "stream": nullable("boolean"),
    "n": nullable("integer", minimum=1, maximum=16),
    "max_tokens": nullable("integer", minimum=1, maximum=_MAX_TOKENS),
    "max_completion_tokens": nullable("integer", minimum=1, maximum=_MAX_TOKENS),
    "logprobs": nullable("boolean"),
    "top_logprobs": nullable("integer", minimum=0, maximum=20),
    "store": nullable("boolean"),
    "parallel_tool_calls": nullable("boolean"),
    "tools": nullable("array", maxItems=512),
}


def _chat_request() -> Schema:
    properties: dict[str, Schema] = {name: {} for name in sorted(KNOWN_PARAMETERS)}
    return _object(
        ["model", "messages"],
        {**properties, **_CHECKED},
        additionalProperties=False,
        description="A parameter without a schema here goes to the model server as it stands.",
    )


_COMPLETION = _object(
    ["id", "object", "created", "model", "choices"],
    {
        "id": {"type": "string"},
        "object": {"const": "chat.completion"},
        "created": {"type": "integer"},
        "model": {"type": "string"},
        "choices": {
            "type": "array",
            "items": _object(
                ["index", "message", "finish_reason"],
                {
                    "index": {"type": "integer"},
                    "message": {"type": "object"},
                    "logprobs": {},
                    "finish_reason": nullable("string"),
                },
            ),
        },
        "usage": ref("Usage"),
        "tyrian": ref("Decision"),
    },
)

_MODERATION_REQUEST = {
    "type": "object",
    "properties": {
        "model": {"type": "string"},
        "input": {"description": "A text, texts, or text and image parts (OpenAI's shape)."},
        "messages": {"description": "A conversation (Llama's shape); its last turn is judged."},
    },
    "anyOf": [{"required": ["input"]}, {"required": ["messages"]}],
}
_MODERATION = _object(
    ["model", "results"],
    {
        "id": {"type": "string"},
        "model": {"type": "string"},
        "results": {
            "type": "array",
            "items": _object(
                ["flagged"],
                {
                    "flagged": {"type": "boolean"},
                    "flagged_categories": {"type": "array", "items": {"type": "string"}},
                    "categories": _object(list(CATEGORIES), {}),
                    "category_scores": _object(list(CATEGORIES), {}),
                    "category_applied_input_types": _object(list(CATEGORIES), {}),
                    "hazards": {"type": "object"},
                },
            ),
        },
    },
)

_MODEL = _object(
    ["id", "object", "created", "owned_by"],
    {
        "id": {"type": "string"},
        "object": {"const": "model"},
        "created": {"type": "integer"},
        "owned_by": {"type": "string"},
        "context_length": nullable("integer"),
        "modalities": {"type": "array", "items": {"type": "string"}},
        "licence": nullable("string"),
        "revision": nullable("string"),
        "hosted": {"type": "boolean", "description": "Personal data and secrets never go there."},
        "status": {"enum": ["available", "degraded", "unavailable"]},
        "data_classes": nullable("array"),
        "guards": {"type": "array", "items": {"type": "object"}},
    },
)

_REVIEW = _object(
    ["id", "status"],
    {"id": {"type": "string"}, "status": {"type": "string"}},
)
_REVIEW_ANSWER = _object(
    ["decision"],
    {"decision": {"enum": ["approve", "refuse"]}, "note": {"type": "string", "maxLength": 2000}},
)


def schemas() -> dict[str, Schema]:
    """All named schemas."""
    return {
        "Error": _ERROR,
        "Decision": _DECISION,
        "Usage": _USAGE,
        "TextPart": _TEXT_PART,
        "Message": _MESSAGE,
        "ChatRequest": _chat_request(),
        "ChatCompletion": _COMPLETION,
        "ModerationRequest": _MODERATION_REQUEST,
        "Moderation": _MODERATION,
        "Model": _MODEL,
        "ModelList": _list_of("Model"),
        "Review": _REVIEW,
        "ReviewList": _list_of("Review"),
        "ReviewAnswer": _REVIEW_ANSWER,
        "Object": {"type": "object"},
        "FileForm": _object(
            ["file", "purpose"],
            {
                "file": {"type": "string", "contentEncoding": "binary"},
                "purpose": {"type": "string"},
            },
        ),
        "UploadPiece": _object(["data"], {"data": {"type": "string", "contentEncoding": "binary"}}),
    }
