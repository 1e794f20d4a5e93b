"""Logs: one JSON line per event on standard error, without secrets and without prompts."""

import json
import logging
import re
import sys
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Final, Literal, TextIO

import structlog
from structlog.typing import EventDict, WrappedLogger

from tyrian.gateway.context import RequestContext
from tyrian.gateway.tokens import TOKEN_PATTERN

LogFormat = Literal["json", "console"]

HIDDEN: Final = "[hidden]"

_SECRETS: Final = (
    TOKEN_PATTERN,
    # A token of ours that was cut, doubled or mistyped is still nobody else's to read.
    re.compile(r"tyr_(?:live|test|svc|adm)_[0-9A-Za-z]{8,}"),
    re.compile(r"(?i)\b(?:bearer|basic)\s+[^\s\"',;]{6,}"),
    re.compile(r"\b(?:sk|pk|rk)[-_][A-Za-z0-9_-]{12,}"),
    re.compile(r"\bLLM\|[0-9]+\|[A-Za-z0-9_-]+"),
    re.compile(r"\b(?:gh[pousr]_|github_pat_|hf_|glpat-|gsk_|xai-|npm_|AIza)[A-Za-z0-9_-]{10,}"),
    re.compile(r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b"),
    re.compile(r"\bxox[abeprs]-[A-Za-z0-9-]{10,}"),
    re.compile(r"\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}(?:\.[A-Za-z0-9_-]*)?"),
    re.compile(r"-----BEGIN [A-Z ]{0,30}PRIVATE KEY-----.*", re.DOTALL),
)
_USERINFO = re.compile(r"(?<=://)[^\s/@]+(?=@)")

_LIBRARIES: Final = ("uvicorn", "uvicorn.error", "uvicorn.access", "aiohttp", "asyncio", "alembic")
"""Heard from only when something is wrong."""

_MAX_LENGTH: Final = 4_096
_MAX_DEPTH: Final = 6

# Line breaks, terminal escapes, bidi and invisible characters: none may reach a reader's screen.
_UNSAFE = re.compile(
    "[\x00-\x08\x0a-\x1f\x7f-\x9f\u00ad\u061c\u200b-\u200f\u2028-\u202f\u2060-\u206f\ufeff\ud800-\udfff"
    "\U000e0000-\U000e0fff]"
)


def hide_secrets(text: str) -> str:
    """The text with everything that looks like a credential taken out."""
    for pattern in _SECRETS:
        text = pattern.sub(HIDDEN, text)
    return _USERINFO.sub(HIDDEN, text)


def redact(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Processor: hides secrets in every key and value, however deep."""
    return {hide_secrets(str(key)): _redacted(value, 0) for key, value in event.items()}


def _redacted(value: object, depth: int) -> object:
    if value is None or isinstance(value, bool | int | float):
        return value
    if depth < _MAX_DEPTH and isinstance(value, Mapping):
        return {hide_secrets(str(k)): _redacted(v, depth + 1) for k, v in value.items()}
    if depth < _MAX_DEPTH and isinstance(value, list | tuple | set | frozenset):
        return [_redacted(item, depth + 1) for item in value]
    text = hide_secrets(value if isinstance(value, str) else str(value))
    return text if len(text) <= _MAX_LENGTH else text[:_MAX_LENGTH] + "…"


def escape(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Processor for the console: shows unsafe characters as escapes, so one event is one line."""
    return {
        key: _UNSAFE.sub(_as_escape, value) if isinstance(value, str) else value
        for key, value in event.items()
    }


def _as_escape(found: re.Match[str]) -> str:
    return found.group().encode("unicode_escape", "backslashreplace").decode("ascii")


def _drop_traceback(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Processor: of an exception only its type is kept; its text could quote a request."""
    info = event.pop("exc_info", None)
    error = info[1] if isinstance(info, tuple) else info
    if isinstance(error, BaseException):
        event["error"] = type(error).__name__
    event.pop("stack_info", None)
    return event


def configure(
    log_format: LogFormat = "json", *, level: int = logging.INFO, stream: TextIO | None = None
) -> None:
    """Send structlog's and the standard library's events through the same processors."""
    out = stream or sys.stderr
    shared: list[structlog.typing.Processor] = [
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _drop_traceback,
        redact,
    ]
    renderer: list[structlog.typing.Processor] = (
        [structlog.processors.JSONRenderer(ensure_ascii=True)]
        if log_format == "json"
        else [escape, structlog.dev.ConsoleRenderer(colors=out.isatty())]
    )
    handler = logging.StreamHandler(out)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[structlog.stdlib.add_logger_name, *shared],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *renderer],
            use_get_message=True,
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for name in _LIBRARIES:
        logger = logging.getLogger(name)
        logger.handlers[:] = []
        logger.propagate = True
        logger.setLevel(logging.WARNING)
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )


def access_log(
    log_format: LogFormat = "json", *, stream: TextIO | None = None
) -> Callable[[RequestContext], None]:
    """What writes one line for each finished request: what and how long, never what it said.

    JSON lines are written without the processors, whose work would cost more than all else that
    the gateway does for a small request.
    """
    out = stream or sys.stderr
    if log_format == "console":
        return lambda context: structlog.get_logger("tyrian.access").info(
            "request", **_request_fields(context)
        )

    def write(context: RequestContext) -> None:
        now = datetime.now(UTC).isoformat().replace("+00:00", "Z")
        head = {"event": "request", "level": "info", "logger": "tyrian.access", "timestamp": now}
        out.write(json.dumps(head | _request_fields(context)) + "\n")

    return write


def _request_fields(context: RequestContext) -> dict[str, str | int | float]:
    fields: dict[str, str | int | float] = {
        "request_id": context.id,
        "route": context.route,
        "status": context.status,
        "elapsed_ms": round(context.elapsed_s * 1000, 2),
    }
    if context.key_id:
        fields["key_id"] = context.key_id
    if context.model:
        # The only field that a client writes.
        fields["model"] = hide_secrets(context.model)
    if context.effect:
        fields["effect"] = context.effect
    if context.upstream_s:
        fields["upstream_ms"] = round(context.upstream_s * 1000, 2)
    return fields
