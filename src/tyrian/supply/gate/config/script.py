"""JavaScript and TypeScript, read as text: clients of models, and where they lead.

No parser is needed for what is asked here: which packages a file imports, what its constructors are
given, and whether a model is asked. Comments are left out first, and the ends of brackets counted.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from tyrian.supply.gate.finding import GateFinding, Place, found
from tyrian.supply.gate.python.value import Kind, Value
from tyrian.supply.gate.surroundings import Surroundings

ENDINGS = (".js", ".mjs", ".cjs", ".jsx", ".ts", ".mts", ".cts", ".tsx")
_SKIP = re.compile(
    r"""("(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'|`(?:[^`\\]|\\.)*`)|//[^\n]*|/\*.*?\*/""", re.DOTALL
)
_PACKAGES = re.compile(
    r"""(?:from\s*|import\s*\(\s*|require\s*\(\s*|import\s+)["']"""
    r"""(openai|@anthropic-ai/sdk|@openai/agents|@langchain/[\w-]+|langchain(?:/[\w/-]+)?|ai"""
    r"""|@ai-sdk/[\w-]+|groq-sdk|@mistralai/mistralai|ollama|llama-api-client|llamaindex"""
    r"""|@llamaindex/[\w-]+|@mastra/[\w-]+)["']"""
)
_MADE = re.compile(
    r"\b(?:new\s+(OpenAI|AzureOpenAI|Anthropic|Groq|Mistral|Ollama|LlamaAPIClient|Chat\w+|Agent)"
    r"|(createOpenAI|createAnthropic|createOpenAICompatible|createReactAgent|createAgent))\s*\("
)
_ASKS = re.compile(
    r"\.(?:chat\.completions|responses|messages|completions|beta\.\w+(?:\.\w+)?)\s*"
    r"\.(?:create|stream|parse)\s*\(|\b(?:generateText|streamText|generateObject|streamObject)\s*\("
    r"|\.(?:invoke|stream|batch|generate|chat)\s*\(|\brun\s*\("
)
_URL = re.compile(
    r"\b(?:baseURL|baseUrl|basePath|openAIApiBase|azureOpenAIEndpoint|serverURL|host|apiUrl)\s*:\s*"
)
_TOOLS = re.compile(
    r"\b(?:tools|functions|mcpServers)\s*(?::(?!\s*(?:\[\s*\]|undefined|null))|,|\}|=(?!\s*\[\s*\]))"
)
_VARIABLE = re.compile(
    r"process\.env(?:\.(\w+)|\[\s*[\"'](\w+)[\"']\s*\])|import\.meta\.env\.(\w+)"
)
_TEXT = re.compile(r"""["'`]([^"'`$]*)["'`]""")
_NAMED = re.compile(r"(\w+)\s*(?=[,}\n;)]|$)")
_MODELS = {"createOpenAI", "createAnthropic", "createOpenAICompatible"}


@dataclass(frozen=True, slots=True)
class _Made:
    name: str
    line: int
    given: str


def judge_script(path: str, text: str, around: Surroundings) -> tuple[list[GateFinding], int]:
    """Findings of a file, and how many clients and agents it has."""
    code = _SKIP.sub(_without, text)
    packages = set(_PACKAGES.findall(code))
    if not packages:
        return [], 0
    made = list(_constructors(code))
    return list(_findings(path, code, made, packages, around)), len(made)


def _without(matched: re.Match[str]) -> str:
    return matched[1] or re.sub(r"[^\n]", " ", matched[0])


def _constructors(code: str) -> Iterator[_Made]:
    for matched in _MADE.finditer(code):
        given = _bracketed(code, matched.end() - 1)
        yield _Made(matched[1] or matched[2], code.count("\n", 0, matched.start()) + 1, given)


def _bracketed(code: str, start: int) -> str:
    depth = 0
    for at in range(start, min(len(code), start + 20_000)):
        if code[at] in "([{":
            depth += 1
        elif code[at] in ")]}":
            depth -= 1
            if not depth:
                return code[start + 1 : at]
    return code[start + 1 : start + 20_000]


def _findings(
    path: str, code: str, made: list[_Made], packages: set[str], around: Surroundings
) -> Iterator[GateFinding]:
    clients = [one for one in made if one.name not in ("Agent", "createReactAgent", "createAgent")]
    agents = [one for one in made if one not in clients]
    guarded = [_leads(one, code, around) for one in clients]
    bare = [one for one, is_safe in zip(clients, guarded, strict=True) if not is_safe]
    asks = [code.count("\n", 0, one.start()) + 1 for one in _ASKS.finditer(code)]
    by_default = not clients and packages & {"ai", "@openai/agents"} and asks
    if by_default and not (around.is_default_guarded("openai") or _sets_client(code, around)):
        bare = [_Made("the model", asks[0], "")]
    for one in bare:
        if "dangerouslyAllowBrowser" in one.given and re.search(
            r"dangerouslyAllowBrowser\s*:\s*true", one.given
        ):
            why = f"{one.name} is made with dangerouslyAllowBrowser: true"
            yield found(Place(path, one.line), "key-in-browser", one.name, why)
    if not bare or not (asks or agents):
        return
    first = bare[0]
    why = f"{first.name} leads to no gateway, and is asked on line {(asks or [first.line])[0]}"
    yield found(Place(path, first.line), "input-unguarded", first.name, why)
    if tools := _TOOLS.search(code):
        line = code.count("\n", 0, tools.start()) + 1
        why = f"tools are offered on line {line}, and {first.name} leads to no gateway"
        yield found(Place(path, line), "tool-output-unguarded", first.name, why)


def _sets_client(code: str, around: Surroundings) -> bool:
    matched = re.search(r"setDefaultOpenAIClient\s*\(", code)
    given = _bracketed(code, matched.end() - 1) if matched else ""
    return bool(given) and _leads(_Made("", 0, given), code, around)


def _leads(made: _Made, code: str, around: Surroundings) -> bool:
    """Whether a client is given the address of a gateway."""
    url = _URL.search(made.given)
    if not url:
        if re.search(r"\bbaseURL\b|\bbaseUrl\b", made.given):  # shorthand: { baseURL }
            return _is_gateway("baseURL", code, around)
        homes = {"Anthropic": "anthropic", "ChatAnthropic": "anthropic", "Ollama": "ollama"}
        return around.is_default_guarded(homes.get(made.name, "openai"))
    return _is_gateway(made.given[url.end() :], code, around)


def _is_gateway(expression: str, code: str, around: Surroundings, depth: int = 0) -> bool:
    start = expression.lstrip()
    if variable := _VARIABLE.match(start):
        name = next(part for part in variable.groups() if part)
        return around.leads_to_gateway(Value(Kind.VARIABLE, name))
    if start.startswith("`${") and depth < 2:
        return _is_gateway(start[3:], code, around, depth + 1)
    if text := _TEXT.match(start):
        return around.is_gateway(text[1])
    if (named := _NAMED.match(start)) and depth < 2:
        where = re.search(rf"\b(?:const|let|var)\s+{re.escape(named[1])}\b[^=\n]*=\s*", code)
        if where:
            return _is_gateway(code[where.end() :], code, around, depth + 1)
    return False
