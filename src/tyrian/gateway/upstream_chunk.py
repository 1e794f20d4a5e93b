"""A chunk of a model server's stream, as far as it goes on to the client."""

import msgspec


class FunctionPiece(msgspec.Struct):
    name: str | None = None
    arguments: str | None = None


class CallPiece(msgspec.Struct):
    index: int | None = None
    id: str | None = None
    function: FunctionPiece | None = None


class DeltaPiece(msgspec.Struct):
    content: str | None = None
    reasoning_content: str | None = None
    reasoning: str | None = None
    refusal: str | None = None
    tool_calls: list[CallPiece] | None = None


class ChoicePiece(msgspec.Struct):
    index: int = 0
    delta: DeltaPiece | None = None
    finish_reason: str | None = None
    logprobs: msgspec.Raw = msgspec.Raw()


class Chunk(msgspec.Struct):
    id: str | None = None
    created: int | None = None
    model: str | None = None
    choices: list[ChoicePiece] = []
    usage: msgspec.Raw = msgspec.Raw()
    error: msgspec.Raw = msgspec.Raw()


ABSENT = (b"", b"null")
decoder = msgspec.json.Decoder(Chunk)
