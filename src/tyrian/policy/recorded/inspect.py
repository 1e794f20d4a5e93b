"""Samples of Inspect's evaluation logs, as JSON or as the archive that it writes by default."""

import io
import json
import re
import struct
import zipfile
import zlib
from collections.abc import Iterator, Mapping

from tyrian.core.message import Message, Role, ToolCall, Trace
from tyrian.errors import InputError
from tyrian.policy.recorded.parts import (
    Json,
    call,
    content_text,
    mapping,
    message_of,
    optional,
    placed,
    role,
    sequence,
)

MAX_SAMPLE_BYTES = 256 * 1024 * 1024
_ZSTANDARD = 93
_HEADER, _NAME_AT = 30, 26
"""Of the local header of an entry: its size, and where the sizes of its name and extras stand."""
_ATTACHED = re.compile(r"attachment://([0-9a-f]{32})")
_HINT = "write it as JSON first: inspect log convert FILE --to json --output-dir DIR"


def read_inspect(data: object) -> list[Trace]:
    """The samples of a log, or one sample."""
    fields = mapping(data, "log")
    if "messages" in fields:
        return [_sample(fields, "sample")]
    samples = sequence(fields.get("samples") or [], "samples")
    return [_sample(sample, at) for at, sample in placed(samples, "samples")]


def read_inspect_archive(data: bytes) -> list[Trace]:
    """The samples in an `.eval` archive."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            entries = [i for i in archive.infolist() if i.filename.startswith("samples/")]
            return [trace for entry in entries for trace in _entry(archive, entry)]
    except (zipfile.BadZipFile, zlib.error, struct.error, EOFError, OSError, RuntimeError):
        raise InputError("the archive cannot be read", hint=_HINT) from None


def _entry(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> list[Trace]:
    if entry.file_size > MAX_SAMPLE_BYTES:
        raise InputError(f"a sample is larger than {MAX_SAMPLE_BYTES:,} bytes")
    try:
        return read_inspect(json.loads(_unpacked(archive, entry)))
    except (ValueError, RecursionError):
        raise InputError("a sample in the archive is not JSON") from None


def _unpacked(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> bytes:
    """The bytes of an entry; newer logs are packed by Zstandard, which Python 3.11 cannot read."""
    if entry.compress_type != _ZSTANDARD:
        return archive.read(entry)
    try:
        import zstandard
    except ModuleNotFoundError:
        message = "the archive is packed by Zstandard, which needs the package `zstandard`"
        raise InputError(message, hint=f"install it, or {_HINT}") from None
    stream = archive.fp
    if stream is None:
        raise zipfile.BadZipFile("closed")
    stream.seek(entry.header_offset + _NAME_AT)
    name, extra = struct.unpack("<HH", stream.read(4))
    stream.seek(entry.header_offset + _HEADER + name + extra)
    packed = stream.read(entry.compress_size)
    try:
        with zstandard.ZstdDecompressor().stream_reader(packed) as unpacked:
            data: bytes = unpacked.read(MAX_SAMPLE_BYTES + 1)
    except zstandard.ZstdError:
        raise zipfile.BadZipFile("damaged") from None
    if len(data) > MAX_SAMPLE_BYTES:
        raise InputError(f"a sample is larger than {MAX_SAMPLE_BYTES:,} bytes")
    return data


def _sample(sample: Json, at: str) -> Trace:
    attached = sample.get("attachments")
    texts = attached if isinstance(attached, Mapping) else {}
    found = tuple(_messages(sequence(sample.get("messages") or [], at), f"{at}.messages", texts))
    name = f"{sample.get('id', '')}" + (f"-{epoch}" if (epoch := sample.get("epoch")) else "")
    return Trace(found, name)


def _messages(items: list[object], place: str, texts: Mapping[str, object]) -> Iterator[Message]:
    for at, item in placed(items, place):
        seat = role(item.get("role"), f"{at}.role")
        text = _whole(content_text(item.get("content"), f"{at}.content", ("text", "result")), texts)
        calls = list(_calls(item, at, texts)) if seat is Role.ASSISTANT else []
        yield message_of(
            seat,
            text,
            calls,
            call_id=optional(item.get("tool_call_id"), f"{at}.tool_call_id"),
            name=optional(item.get("function"), f"{at}.function"),
        )


def _calls(item: Json, at: str, texts: Mapping[str, object]) -> Iterator[ToolCall]:
    for place, given in placed(sequence(item.get("tool_calls") or [], at), f"{at}.tool_calls"):
        made = call(given.get("id"), given.get("function"), given.get("arguments"), place)
        yield ToolCall(made.id, made.name, _whole(made.arguments, texts, in_json=True))


def _whole(text: str, texts: Mapping[str, object], *, in_json: bool = False) -> str:
    """The text with what the log keeps elsewhere put back in."""

    def attached(match: re.Match[str]) -> str:
        found = texts.get(match[1])
        if not isinstance(found, str):
            return match[0]
        return json.dumps(found)[1:-1] if in_json else found

    return _ATTACHED.sub(attached, text)
