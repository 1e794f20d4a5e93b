"""What a request demands of its answer's form; an answer that breaks it is an error, not a result.

Structured output (`response_format`), strict functions and `tool_choice` are the model server's to
keep. Not every server does, so the gateway reads the answer again before it says that it is whole.
"""

import re
from collections.abc import Mapping
from typing import Any, Self, cast

import msgspec

from tyrian.errors import InputError
from tyrian.gateway.errors import ApiError, bad_request
from tyrian.gateway.schema_cost import check_cost
from tyrian.gateway.wire import Json

MAX_SCHEMA_BYTES = 256 << 10
_NAME = re.compile(r"[\w-]{1,64}", re.ASCII)
_CHOICES = ("none", "auto", "required")
_NO_RETRY = ((b"x-should-retry", b"false"),)
_CUT = frozenset({"length", "content_filter"})
"""Answers that are not whole need not have the form."""


class Schema:
    """A compiled JSON schema; its patterns run in linear time and nothing is fetched."""

    def __init__(self, schema: object, param: str) -> None:
        if not isinstance(schema, dict | bool):
            raise bad_request(f"`{param}` must be a JSON schema.", param=param)
        if len(msgspec.json.encode(schema)) > MAX_SCHEMA_BYTES:
            message = f"`{param}` is larger than {MAX_SCHEMA_BYTES} bytes."
            raise bad_request(message, param=param, code="schema_too_large")
        import jsonschema_rs  # three megabytes, for requests with a schema alone

        try:
            if isinstance(schema, dict):
                check_cost(schema)
            self._validator = jsonschema_rs.validator_for(
                cast(Any, schema),
                pattern_options=jsonschema_rs.RegexOptions(),
                offline=True,
            )
        except (InputError, ValueError, jsonschema_rs.ReferencingError, RecursionError):
            raise bad_request(
                f"`{param}` is not a valid JSON schema, or refers to another one, or is too complex"
                " to be checked quickly.",
                param=param,
                code="invalid_schema",
            ) from None

    def fault(self, value: object) -> str:
        """Where the value breaks the schema, never quoting it; empty where it does not."""
        import jsonschema_rs

        try:
            self._validator.validate(cast(Any, value))
        except jsonschema_rs.ValidationError as error:
            place = "/".join(str(step) for step in error.schema_path)
            return f"it breaks the schema at `{place[:200]}`"
        return ""


class AnswerForm:
    """The demands of one request, and what its choices have said so far."""

    def __init__(
        self,
        *,
        is_json: bool,
        schema: Schema | None,
        functions: Mapping[str, Schema],
        tool_choice: str,
        named: str = "",
    ) -> None:
        self._is_json = is_json
        self._schema = schema
        self._functions = functions
        self._tool_choice = tool_choice
        self._named = named
        self._said: dict[int, _Said] = {}

    @classmethod
    def of(cls, obj: Json) -> Self | None:
        """The demands of a request, None where it makes none; 400 where they make no sense."""
        is_json, schema = _format(obj.get("response_format"))
        functions = _strict_functions(obj.get("tools"))
        choice, named = _tool_choice(obj.get("tool_choice"), _names(obj.get("tools")))
        if not is_json and not functions and choice == "auto":
            return None
        return cls(
            is_json=is_json, schema=schema, functions=functions, tool_choice=choice, named=named
        )

    def text(self, index: int, text: str) -> None:
        """A choice has said this."""
        self._of(index).text.append(text)

    def call(self, index: int, number: int, name: str, arguments: str) -> None:
        """A choice has called a tool, or has gone on to."""
        call = self._of(index).calls.setdefault(number, ([], []))
        call[0].append(name)
        call[1].append(arguments)

    def finish(self, index: int, reason: str) -> None:
        """A choice has ended; ApiError (502) where it does not have the form."""
        if reason in _CUT:
            return
        said = self._of(index)
        calls = [("".join(name), "".join(args)) for name, args in said.calls.values()]
        fault = self._fault_of_choice(calls) or self._fault_of_calls(calls)
        if not fault and not calls:
            fault = self._fault_of_text("".join(said.text))
        if fault:
            code = "tool_choice_violated" if fault.startswith("tool") else "schema_violated"
            message = f"The model's answer does not have the form that was asked for: {fault}."
            raise ApiError(502, message, code=code, headers=_NO_RETRY)

    def _of(self, index: int) -> "_Said":
        return self._said.setdefault(index, _Said())

    def _fault_of_choice(self, calls: list[tuple[str, str]]) -> str:
        choice = self._tool_choice
        if choice == "auto":
            return ""
        if choice == "none":
            return "tools were called though `tool_choice` is none" if calls else ""
        if not calls:
            return "tools were not called though `tool_choice` asks for it"
        if self._named and any(name != self._named for name, _ in calls):
            return "tools other than the one that `tool_choice` names were called"
        return ""

    def _fault_of_calls(self, calls: list[tuple[str, str]]) -> str:
        for name, arguments in calls:
            schema = self._functions.get(name)
            if schema is None:
                continue
            try:
                value = msgspec.json.decode(arguments)
            except (msgspec.DecodeError, ValueError, RecursionError):
                return "the arguments of a strict function are not valid JSON"
            fault = schema.fault(value)
            if fault:
                return f"the arguments of a strict function: {fault}"
        return ""

    def _fault_of_text(self, text: str) -> str:
        if not self._is_json:
            return ""
        try:
            value = msgspec.json.decode(text)
        except (msgspec.DecodeError, ValueError, RecursionError):
            return "it is not valid JSON"
        if self._schema is None:
            return "" if isinstance(value, dict) else "it is not a JSON object"
        return self._schema.fault(value)


class _Said:
    __slots__ = ("calls", "text")

    def __init__(self) -> None:
        self.text: list[str] = []
        self.calls: dict[int, tuple[list[str], list[str]]] = {}


def _format(value: object) -> tuple[bool, Schema | None]:
    if value is None:
        return False, None
    kind = value.get("type") if isinstance(value, dict) else None
    if kind == "text":
        return False, None
    if kind == "json_object":
        return True, None
    if not isinstance(value, dict) or kind != "json_schema":
        raise bad_request(
            "`response_format.type` must be text, json_object or json_schema.",
            param="response_format.type" if isinstance(value, dict) else "response_format",
        )
    param = "response_format.json_schema"
    spec = value.get("json_schema")
    if not isinstance(spec, dict):
        raise bad_request(f"`{param}` must be an object.", param=param)
    name = spec.get("name")
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise bad_request(
            f"`{param}.name` must be 1 to 64 letters, digits, `_` or `-`.", param=f"{param}.name"
        )
    if spec.get("schema") is None and not spec.get("strict"):
        return False, None
    schema = Schema(spec.get("schema"), f"{param}.schema")
    # Without `strict` the schema is a wish, and the answer is the client's to check.
    return (True, schema) if spec.get("strict") else (False, None)


def _strict_functions(tools: object) -> dict[str, Schema]:
    found: dict[str, Schema] = {}
    for i, tool in enumerate(tools if isinstance(tools, list) else ()):
        function = tool.get("function") if isinstance(tool, dict) else None
        if not isinstance(function, dict) or function.get("strict") is not True:
            continue
        parameters = function.get("parameters")
        if isinstance(function.get("name"), str) and parameters is not None:
            found[function["name"]] = Schema(parameters, f"tools[{i}].function.parameters")
    return found


def _names(tools: object) -> set[object]:
    functions = (
        [t.get("function") for t in tools if isinstance(t, dict)] if isinstance(tools, list) else []
    )
    return {f.get("name") for f in functions if isinstance(f, dict)}


def _tool_choice(value: object, names: set[object]) -> tuple[str, str]:
    """`auto`, `none` or `required`, and the name of the one function to call, if there is one."""
    if value is None:
        return "auto", ""
    if isinstance(value, str) and value in _CHOICES:
        if value == "required" and not names:
            raise bad_request("`tool_choice` is only allowed with `tools`.", param="tool_choice")
        return value, ""
    fields = value if isinstance(value, dict) else {}
    if fields.get("type") == "allowed_tools":
        raise bad_request(
            "`tool_choice` of type allowed_tools is not known here: name the tools in `tools`.",
            param="tool_choice",
            code="unsupported_parameter",
        )
    function = fields.get("function")
    name = function.get("name") if isinstance(function, dict) else None
    if fields.get("type") != "function" or not isinstance(name, str) or not name:
        raise bad_request(
            "`tool_choice` must be none, auto, required, or name a function.", param="tool_choice"
        )
    if name not in names:
        raise bad_request(
            "`tool_choice` names a function that is not among `tools`.", param="tool_choice"
        )
    return "required", name
