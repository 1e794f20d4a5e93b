"""A request of the playground as code that people can run: curl, and three clients.

Nothing of the request is ever more than a quoted literal in it, and no key stands in it: all four
read `TYRIAN_API_KEY` from the environment.
"""

import json
import re
import shlex
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

from tyrian.gateway.console.playground.visible import UNSEEN
from tyrian.gateway.wire import Json

KEY_VARIABLE: Final = "TYRIAN_API_KEY"

_LLAMA_KEYS: Final = frozenset(
    {
        "model", "messages", "stream", "max_completion_tokens", "temperature", "top_p", "top_k",
        "repetition_penalty", "response_format", "tools", "tool_choice", "user",
    }
)  # fmt: skip
_LANGCHAIN_OWN: Final = ("temperature", "top_p", "seed", "stop", "n")
_INDENT = "    "


def curl(body: Json, origin: str) -> str:
    """A line for the shell."""
    head = "curl -N" if body.get("stream") else "curl"
    text = UNSEEN.sub(_in_json, json.dumps(body, ensure_ascii=False, indent=2))
    return (
        f"{head} {shlex.quote(origin + '/v1/chat/completions')} \\\n"
        f'  -H "Authorization: Bearer ${KEY_VARIABLE}" \\\n'
        "  -H 'Content-Type: application/json' \\\n"
        f"  -d {shlex.quote(text)}\n"
    )


def openai(body: Json, origin: str) -> str:
    """Python with the package `openai`."""
    known = {key: value for key, value in body.items() if key not in _SELF_HOSTED}
    beyond = {key: value for key, value in body.items() if key in _SELF_HOSTED}
    if beyond:
        known["extra_body"] = beyond
    head = (
        "import os\n\nfrom openai import OpenAI\n\n"
        f"client = OpenAI(\n{_INDENT}base_url={literal(origin + '/v1')},\n"
        f'{_INDENT}api_key=os.environ["{KEY_VARIABLE}"],\n)\n'
    )
    call = f"client.chat.completions.create(\n{_arguments(known)})\n"
    if not body.get("stream"):
        return (
            f"{head}answer = {call}message = answer.choices[0].message\n"
            "print(message.content or message.refusal or message.tool_calls)\n"
        )
    return (
        f"{head}for chunk in {call[:-1]}:\n"
        f"{_INDENT}for choice in chunk.choices:\n"
        f"{_INDENT * 2}text = choice.delta.content or choice.delta.refusal\n"
        f'{_INDENT * 2}print(text or "", end="", flush=True)\n'
        f"{_INDENT * 2}for call in choice.delta.tool_calls or ():\n"
        f'{_INDENT * 3}print(call.function.name or call.function.arguments, end=" ")\n'
        "print()\n"
    )


def llama(body: Json, origin: str) -> str:
    """Python with the package `llama-api-client`."""
    known = {key: value for key, value in body.items() if key in _LLAMA_KEYS}
    if "max_tokens" in body and "max_completion_tokens" not in body:
        known["max_completion_tokens"] = body["max_tokens"]
    known |= _native_format(known.get("response_format"))
    missing = sorted(set(body) - _LLAMA_KEYS - {"max_tokens", "stream_options"})
    note = f"# The Llama API has no {', '.join(missing)}.\n" if missing else ""
    head = (
        "import os\n\nfrom llama_api_client import LlamaAPIClient\n\n"
        f"client = LlamaAPIClient(\n{_INDENT}base_url={literal(origin + '/llama/v1')},\n"
        f'{_INDENT}api_key=os.environ["{KEY_VARIABLE}"],\n)\n{note}'
    )
    call = f"client.chat.completions.create(\n{_arguments(known)})\n"
    if not body.get("stream"):
        return f"{head}answer = {call}print(answer.completion_message)\n"
    return (
        f"{head}for chunk in {call[:-1]}:\n"
        f"{_INDENT}delta = chunk.event.delta\n"
        f'{_INDENT}if delta.type == "text":\n'
        f'{_INDENT * 2}print(delta.text, end="", flush=True)\n'
        f"{_INDENT}else:\n"
        f'{_INDENT * 2}print(delta.function.name or delta.function.arguments, end=" ")\n'
        "print()\n"
    )


def langchain(body: Json, origin: str) -> str:
    """Python with the package `langchain-openai`."""
    own: Json = {key: body[key] for key in _LANGCHAIN_OWN if key in body}
    limit = body.get("max_completion_tokens", body.get("max_tokens"))
    if limit is not None:
        own["max_completion_tokens"] = limit
    handled = {*own, "model", "messages", "stream", "stream_options", "max_tokens", *_SELF_HOSTED}
    bound = {key: value for key, value in body.items() if key not in handled}
    beyond = {key: value for key, value in body.items() if key in _SELF_HOSTED}
    if beyond:
        own["extra_body"] = beyond
    head = (
        "import os\n\nfrom langchain_openai import ChatOpenAI\n\n"
        f"model = ChatOpenAI(\n{_INDENT}model={literal(body.get('model'))},\n"
        f"{_INDENT}base_url={literal(origin + '/v1')},\n"
        f'{_INDENT}api_key=os.environ["{KEY_VARIABLE}"],\n{_arguments(own)})'
    )
    bind = f".bind(\n{_arguments(bound)})" if bound else ""
    messages = f"messages = {literal(body.get('messages'))}\n"
    if not body.get("stream"):
        return f"{head}{bind}\n{messages}print(model.invoke(messages).content)\n"
    return (
        f"{head}{bind}\n{messages}for chunk in model.stream(messages):\n"
        f'{_INDENT}print(chunk.text, end="", flush=True)\nprint()\n'
    )


LANGUAGES: Final[Mapping[str, Callable[[Json, str], str]]] = MappingProxyType(
    {"curl": curl, "openai": openai, "llama": llama, "langchain": langchain}
)
_SELF_HOSTED: Final = ("top_k", "min_p", "repetition_penalty", "min_tokens", "chat_template_kwargs")
"""What self-hosted servers add to the dialect, which its client takes only as `extra_body`."""


def literal(value: object, depth: int = 0) -> str:
    """A JSON value as Python writes it."""
    inner, outer = _INDENT * (depth + 1), _INDENT * depth
    if isinstance(value, dict) and value:
        rows = (f"{inner}{_text(k)}: {literal(v, depth + 1)},\n" for k, v in value.items())
        return "{\n" + "".join(rows) + outer + "}"
    if isinstance(value, list) and value:
        if all(not isinstance(item, dict | list) for item in value):
            return "[" + ", ".join(literal(item) for item in value) + "]"
        return "[\n" + "".join(f"{inner}{literal(v, depth + 1)},\n" for v in value) + outer + "]"
    return _text(value) if isinstance(value, str) else repr(value)


def _text(value: object) -> str:
    """A string in double quotes; what JSON escapes, Python reads the same way."""
    if not isinstance(value, str):
        return repr(value)
    return UNSEEN.sub(_in_python, json.dumps(value, ensure_ascii=False))


def _in_json(found: re.Match[str]) -> str:
    return json.dumps(found[0])[1:-1]


def _in_python(found: re.Match[str]) -> str:
    number = ord(found[0])
    return f"\\u{number:04x}" if number < 1 << 16 else f"\\U{number:08x}"


def _arguments(values: Mapping[str, object]) -> str:
    return "".join(f"{_INDENT}{key}={literal(value, 1)},\n" for key, value in values.items())


def _native_format(value: object) -> Json:
    """`response_format` as the Llama API takes it: without `strict`, and never `json_object`."""
    if not isinstance(value, dict):
        return {}
    schema = value.get("json_schema")
    if value.get("type") != "json_schema" or not isinstance(schema, dict):
        return {"response_format": {"type": "text"}}
    kept = {key: schema[key] for key in ("name", "schema") if key in schema}
    return {"response_format": {"type": "json_schema", "json_schema": kept}}
