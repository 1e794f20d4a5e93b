"""Names of models as they stand on the command line.

    scripted[:RULE]            follows a rule, needs nothing; `scripted:agent` uses tools
    openai/MODEL[@BASE_URL]    OpenAI, or any server of that dialect: vLLM, Ollama, llama.cpp
    anthropic/MODEL[@BASE_URL]
    hf:DIR                     a model of this machine, by transformers (extra `hf`)
    recorded:FILE              answers of the past

Keys come from the environment: $OPENAI_API_KEY, $ANTHROPIC_API_KEY, or what `key_env` names.
"""

import os
from pathlib import Path

from tyrian.errors import ConfigError
from tyrian.evals.models.http import ANTHROPIC, OPENAI, HttpLimits, HttpModel
from tyrian.evals.models.model import Model
from tyrian.evals.models.recorded import RecordedModel
from tyrian.evals.models.scripted import ScriptedJudge, ScriptedModel
from tyrian.evals.models.transformers_model import TransformersModel
from tyrian.evals.worlds.obedient import ObedientAgent

_HOSTED = {
    "openai": (OPENAI, "https://api.openai.com/v1", "OPENAI_API_KEY", "OPENAI_BASE_URL"),
    "anthropic": (
        *(ANTHROPIC, "https://api.anthropic.com/v1"),
        *("ANTHROPIC_API_KEY", "ANTHROPIC_BASE_URL"),
    ),
}


def model_from(spec: str, *, key_env: str = "", limits: HttpLimits | None = None) -> Model:
    """The model that a name stands for; ConfigError says what is wrong with it."""
    kind, _, rest = spec.partition(":")
    if spec == "scripted:agent":
        return ObedientAgent()
    if kind == "scripted":
        return ScriptedModel(rest or "obeys")
    if kind == "scripted-judge":
        return ScriptedJudge()
    if kind == "hf" and rest:
        return TransformersModel(Path(rest))
    if kind == "recorded" and rest:
        return RecordedModel(Path(rest))
    provider, _, rest = spec.partition("/")
    if provider in _HOSTED and rest:
        dialect, address, usual_key, address_variable = _HOSTED[provider]
        model, _, given = rest.partition("@")
        base_url = given or os.environ.get(address_variable, "") or address
        is_hosted = base_url == address
        chosen = key_env or (usual_key if is_hosted or os.environ.get(usual_key) else "")
        return HttpModel(
            model, base_url, dialect=dialect, key_env=chosen, limits=limits, name=model
        )
    raise ConfigError(
        f"{spec!r} names no model",
        hint="scripted, scripted:refuses, openai/MODEL, openai/MODEL@http://127.0.0.1:8000/v1, "
        "anthropic/MODEL, hf:DIR, recorded:FILE",
    )
