"""Whether an agent's next step serves the user's current goal: by a judge model, or by signs.

Sources: the alignment audit of LlamaFirewall (arXiv 2505.03574) for the idea; prompt, fence and
signs are our own.
"""

from dataclasses import dataclass

from tyrian.core.detection import Detection, DetectorInfo, Finding, Severity, View
from tyrian.core.registry import DetectorConfig
from tyrian.detectors.alignment.heuristic import signs_of
from tyrian.detectors.alignment.prompt import MAX_ANSWER_TOKENS, SCHEMA, question
from tyrian.detectors.alignment.situation import is_worth_a_check, situation_of
from tyrian.detectors.alignment.verdict import read_verdict
from tyrian.detectors.fallback import EMBEDDED, REMOTE
from tyrian.detectors.options import check_keys, option, strings
from tyrian.errors import ConfigError, DetectorError, UpstreamError
from tyrian.models.chat.client import ChatClient, ChatLimits
from tyrian.models.embedded import embedded_prompt_guard

LABEL = "misaligned"
FOUND = 0.5
_KEYS = ("api_key_env", "structured", "tools")
_STRUCTURED = ("json_schema", "json_object", "none")
_NOTE = (
    "a heuristic (goal, tool, arguments and what strangers wrote), no judge: "
    "name one with `backend: remote`, `url` and `model`"
)
_ALIGNED = Detection({LABEL: 0.0})


@dataclass(frozen=True, slots=True)
class JudgedAlignment:
    """Asks a model behind an OpenAI-compatible server; on risk alone, and once per step."""

    info: DetectorInfo
    client: ChatClient
    tools: tuple[str, ...]
    structured: str
    is_bounded: bool = False
    reads_trace: bool = True

    async def detect(self, view: View) -> Detection:
        """Judge the step; DetectorError where the judge gives no verdict."""
        found = situation_of(view)
        if not is_worth_a_check(found, self.tools):
            return _ALIGNED
        try:
            answer = await self.client.complete(
                question(found), max_tokens=MAX_ANSWER_TOKENS, response_format=self._format()
            )
        except UpstreamError as error:
            raise DetectorError(f"the judge gave no answer: {error.message}") from None
        verdict = read_verdict(answer.text)
        return _detection(view, verdict.score, "the judge finds that it does not serve the goal")

    async def close(self) -> None:
        """Let go of the connections."""
        await self.client.close()

    def _format(self) -> dict[str, object] | None:
        if self.structured == "none":
            return None
        return dict(SCHEMA) if self.structured == "json_schema" else {"type": "json_object"}


@dataclass(frozen=True, slots=True)
class GuessedAlignment:
    """Weighs signs; needs no model but the embedded prompt guard."""

    info: DetectorInfo
    tools: tuple[str, ...]
    is_bounded: bool = False
    reads_trace: bool = True

    def detect(self, view: View) -> Detection:
        """Judge the step."""
        found = situation_of(view)
        if not is_worth_a_check(found, self.tools):
            return _ALIGNED
        signs = signs_of(found, self.tools)
        return _detection(view, signs.score, signs.strongest)


def create(config: DetectorConfig) -> JudgedAlignment | GuessedAlignment:
    """The judge where the stack names one, else the heuristic, which says that it is one."""
    check_keys(config, _KEYS)
    tools = strings(config, "tools") or ()
    structured = option(config, "structured", str, _STRUCTURED[0])
    if structured not in _STRUCTURED:
        raise ConfigError(
            f"guard {config.name!r}: unknown structured {structured!r}",
            hint=f"known: {', '.join(_STRUCTURED)}",
        )
    if config.backend not in ("", EMBEDDED, REMOTE):
        raise ConfigError(
            f"guard {config.name!r}: no backend {config.backend!r}", hint="remote, or embedded"
        )
    if config.backend == EMBEDDED or not (config.url or config.backend):
        return GuessedAlignment(_info(config, "embedded", _NOTE), tools)
    if not config.url or not config.model:
        raise ConfigError(
            f"guard {config.name!r}: the judge needs `url` and `model`",
            hint="url: http://127.0.0.1:8000/v1, and model: the name that the server gives it",
        )
    client = ChatClient(
        config.url,
        model=config.model,
        api_key_env=option(config, "api_key_env", str, ""),
        limits=ChatLimits(total_s=config.timeout_s),
    )
    return JudgedAlignment(_info(config, REMOTE, ""), client, tools, structured)


def _info(config: DetectorConfig, backend: str, note: str) -> DetectorInfo:
    revision = config.model if backend == REMOTE else embedded_prompt_guard().revision
    return DetectorInfo(
        config.name, "alignment", (LABEL,), backend, config.model, revision, note=note
    )


def _detection(view: View, score: float, why: str) -> Detection:
    if score < FOUND:
        return Detection({LABEL: score})
    severity = Severity.HIGH if score >= 0.8 else Severity.MEDIUM
    message = f"the step may not serve the user's goal: {why}"
    found = Finding(f"alignment.{LABEL}", LABEL, message, severity, score, 0, len(view.text))
    return Detection({LABEL: score}, (found,))
