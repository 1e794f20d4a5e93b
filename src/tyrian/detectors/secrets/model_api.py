"""Keys of model providers and of what is built around them."""

import re

from tyrian.core.detection import Severity
from tyrian.detectors.secrets.checks import at_least, entropy
from tyrian.detectors.secrets.rule import SecretRule, near, token

_CRITICAL = Severity.CRITICAL
_OPENAI_MARK = "T3BlbkFJ"  # base64 of "OpenAI", inside every key of theirs


_BARE_KEY = re.compile(r"sk-(?:[0-9a-f]{32}|[A-Za-z0-9]{40,64})")


def _is_sk_key(value: str) -> bool:
    """OpenAI's mark, or the plain shapes that compatible servers hand out."""
    if _OPENAI_MARK in value:
        return True
    return bool(_BARE_KEY.fullmatch(value)) and entropy(value) >= 3.3


RULES: tuple[SecretRule, ...] = (
    token(
        "anthropic",
        "Anthropic API key",
        r"sk-ant-(?:api|admin|oat|ort|sid)\d{2}-[A-Za-z0-9_-]{80,120}",
        severity=_CRITICAL,
    ),
    token("openrouter", "OpenRouter API key", r"sk-or-v1-[0-9a-f]{64}", severity=_CRITICAL),
    token("langfuse", "Langfuse secret key", r"sk-lf-[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"),
    token(
        "openai",
        "OpenAI or like API key",
        r"sk-(?:proj-|svcacct-|admin-|None-)?[A-Za-z0-9_-]{32,190}",
        "sk-",
        check=_is_sk_key,
        severity=_CRITICAL,
    ),
    token("hugging-face", "Hugging Face token", r"hf_[A-Za-z0-9]{34,40}"),
    token("hugging-face-org", "Hugging Face organisation token", r"api_org_[A-Za-z]{34}"),
    token("groq", "Groq API key", r"gsk_[A-Za-z0-9]{48,56}"),
    token("xai", "xAI API key", r"xai-[A-Za-z0-9]{70,90}"),
    token("perplexity", "Perplexity API key", r"pplx-[A-Za-z0-9]{40,56}"),
    token("replicate", "Replicate token", r"r8_[A-Za-z0-9]{37}"),
    token("nvidia", "NVIDIA API key", r"nvapi-[A-Za-z0-9_-]{60,80}"),
    token("together", "Together API key", r"tgp_v1_[A-Za-z0-9_-]{40,48}"),
    token(
        "fireworks", "Fireworks API key", r"fw_[A-Za-z0-9]{22,28}", check=at_least(3.5), score=0.8
    ),
    token("cerebras", "Cerebras API key", r"csk-[a-z0-9]{48}"),
    token("llama-api", "Llama API key", r"LLM\|\d{10,20}\|[A-Za-z0-9_-]{20,40}", "llm|"),
    token("langsmith", "LangSmith key", r"lsv2_(?:pt|sk)_[0-9a-f]{32}_[0-9a-f]{10}"),
    token("wandb", "Weights & Biases key", r"wandb_v1_[A-Za-z0-9_-]{40,100}"),
    near(
        "wandb-legacy",
        "Weights & Biases key",
        r"(?i:wandb)[\w .-]{0,16}(?i:key)['\"]?[ \t]{0,4}[=:]"
        r"[ \t]{0,4}['\"]?(?P<secret>[0-9a-f]{40})",
        "wandb",
        check=at_least(3.0),
    ),
    token("pinecone", "Pinecone API key", r"pcsk_[A-Za-z0-9]{4,8}_[A-Za-z0-9]{50,70}"),
    token("elevenlabs", "ElevenLabs API key", r"sk_[0-9a-f]{48}", check=at_least(3.0)),
    token("anyscale", "Anyscale key", r"esecret_[A-Za-z0-9]{26,40}"),
    token("tavily", "Tavily API key", r"tvly-(?:dev-|prod-)?[A-Za-z0-9]{32}"),
    token("jina", "Jina API key", r"jina_[0-9a-f]{32}[A-Za-z0-9_-]{28}"),
    token("voyage", "Voyage AI key", r"pa-[A-Za-z0-9_-]{43}", check=at_least(4.0), score=0.8),
    near(
        "mistral-cohere",
        "model API key",
        r"(?i:mistral|cohere|co_api|deepgram|ai21|assemblyai)[\w .-]{0,16}(?i:key|token)['\"]?"
        r"[ \t]{0,4}[=:][ \t]{0,4}['\"]?(?P<secret>[A-Za-z0-9]{32,40})",
        "mistral",
        "cohere",
        "co_api",
        "deepgram",
        "ai21",
        "assemblyai",
        check=at_least(3.3),
        tail="[=:]",
    ),
)
