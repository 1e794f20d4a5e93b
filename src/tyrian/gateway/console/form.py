"""What people send: forms, and small JSON bodies of the pages' own modules."""

import asyncio
from collections.abc import Iterator, Mapping
from decimal import Decimal, InvalidOperation
from urllib.parse import parse_qsl

from starlette.requests import Request

from tyrian.errors import InputError
from tyrian.gateway.errors import ApiError, bad_request
from tyrian.gateway.strict_json import decode_object

MAX_FORM_BYTES = 256 << 10
MAX_FIELDS = 500
READ_S = 30.0
MAX_DOLLARS = 10**9


class Form(Mapping[str, str]):
    """The fields of a form: the first value of each name, `all` for those given several times."""

    def __init__(self, pairs: list[tuple[str, str]]) -> None:
        self._pairs = pairs
        self._first: dict[str, str] = {}
        for name, value in pairs:
            self._first.setdefault(name, value)

    def __getitem__(self, name: str) -> str:
        return self._first[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._first)

    def __len__(self) -> int:
        return len(self._first)

    def text(self, name: str) -> str:
        """A field without white space around it, empty where it is not there."""
        return self._first.get(name, "").strip()

    def all(self, name: str) -> list[str]:
        """Every value of a name."""
        return [value for key, value in self._pairs if key == name]


def nanos_of(text: str) -> int:
    """An amount of dollars in nano-dollars; InputError for what is none."""
    try:
        amount = Decimal(text.strip().removeprefix("$").replace(",", ""))
        if not amount.is_finite() or abs(amount) > MAX_DOLLARS:
            raise InvalidOperation
    except InvalidOperation:
        raise InputError("this is no amount", hint="write it in dollars, such as 25") from None
    return int(amount * 1_000_000_000)


async def read_form(request: Request) -> Form:
    """The form in the body; ApiError where there is none, or too much of it."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/x-www-form-urlencoded":
        raise ApiError(415, "This is not a form.", code="unsupported_media_type")
    body = await _body(request)
    try:
        pairs = parse_qsl(
            body.decode(),
            keep_blank_values=True,
            strict_parsing=bool(body),
            errors="strict",
            max_num_fields=MAX_FIELDS,
        )
    except ValueError:
        raise bad_request("The form cannot be read.") from None
    return Form([(name, value.replace("\r\n", "\n")) for name, value in pairs])


async def read_object(request: Request) -> dict[str, object]:
    """The JSON object in the body; ApiError where there is none."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":
        raise ApiError(415, "The body must be JSON.", code="unsupported_media_type")
    try:
        return decode_object(await _body(request))
    except InputError as error:
        raise bad_request(f"{error.message}.", code="invalid_json") from None


async def _body(request: Request) -> bytes:
    parts: list[bytes] = []
    size = 0
    try:
        async with asyncio.timeout(READ_S):
            async for part in request.stream():
                size += len(part)
                if size > MAX_FORM_BYTES:
                    message = f"The form is larger than {MAX_FORM_BYTES} bytes."
                    raise ApiError(413, message, code="request_too_large")
                parts.append(part)
    except TimeoutError:
        raise ApiError(408, "The form did not arrive in time.", code="request_timeout") from None
    return b"".join(parts)
