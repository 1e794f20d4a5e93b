"""Containers of AI services, out of compose files and Kubernetes manifests alike."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from tyrian.supply.gate.config.secret import is_secret, secret_named
from tyrian.supply.gate.finding import GateFinding, Place, found
from tyrian.supply.gate.model.reference import COMMIT, REPOSITORY, Reference
from tyrian.supply.gate.surroundings import ALL_URL_VARIABLES, Surroundings, leads_somewhere

_SERVERS = re.compile(
    r"(?i)(?:^|/)(?:vllm[\w-]*|ollama|text-generation-inference|text-embeddings-inference|sglang"
    r"|llama\.?cpp[\w-]*|localai|local-ai|lmdeploy|tritonserver|tabbyapi|aphrodite-engine"
    r"|llama-cpp-python|huggingface-vllm|nim)(?::|@|$|/)"
)
_OTHERS = re.compile(
    r"(?i)(?:^|/)(?:tyrian|litellm|open-webui|librechat|dify-?\w*|flowise|n8n|langflow|anything-?llm"
    r"|langgraph[\w-]*|ragflow)(?::|@|$)"
)
_VARIABLES = re.compile(
    r"^(?:OPENAI|ANTHROPIC|AZURE_OPENAI|LLM|HF|HUGGING_?FACE|GROQ|OLLAMA|VLLM)_"
)
_RUNS = re.compile(r"\bvllm\b|\bollama\b|text-generation-launcher|sglang|llama-server|\btyrian\b")
_TRUE = frozenset({"1", "true", "yes", "on"})
POWERS = frozenset({"ALL", "SYS_ADMIN", "SYS_PTRACE", "SYS_MODULE", "CAP_SYS_ADMIN"})


@dataclass(slots=True)
class Container:
    """One container as a manifest describes it."""

    name: str
    place: Place
    image: str = ""
    words: tuple[str, ...] = ()
    """Command and arguments."""
    variables: Mapping[str, str] = field(default_factory=dict)
    lines: Mapping[str, int] = field(default_factory=dict)
    """Lines of `image`, `words`, and of variables as `env NAME`."""
    is_built: bool = False
    """Built from the code of the repository."""
    powers: tuple[tuple[str, int], ...] = ()
    """What lets it out of its container, in words, with the line."""
    published: tuple[tuple[str, int], ...] = ()
    """Ports that are published on every address of the machine, with the line."""
    hosts: tuple[str, ...] = ()
    """Names by which others reach it."""
    ports: tuple[str, ...] = ()
    """Ports that it listens on, as others see them."""

    def at(self, key: str) -> Place:
        """Where a part of it stands."""
        return Place(self.place.path, self.lines.get(key, self.place.line))

    @property
    def is_gateway(self) -> bool:
        """Whether Tyrian's gateway runs in it."""
        text = " ".join(self.words)
        name = self.image.split("@")[0].rpartition("/")[2].split(":")[0]
        is_ours = name in ("tyrian", "tyrian-gateway")
        return bool(re.search(r"\btyrian\s+serve\b", text)) or (
            is_ours and (not self.words or self.words[0] in ("serve", "--stack"))
        )

    @property
    def is_server(self) -> bool:
        """Whether it serves a model."""
        if self.is_gateway:
            return False
        text = " ".join(self.words)
        serves = r"\bvllm\b.*\bserve\b|vllm\.entrypoints|ollama serve|text-generation-launcher"
        return bool(
            _SERVERS.search(self.image.split("@")[0] or "")
            or re.search(serves + r"|sglang\.launch_server|llama-server", text)
        )

    @property
    def is_ai(self) -> bool:
        """Whether it has to do with models at all."""
        return (
            self.is_server
            or self.is_gateway
            or bool(_OTHERS.search(self.image.split("@")[0]))
            or bool(_RUNS.search(" ".join(self.words)))
            or any(_VARIABLES.match(name) or name in ALL_URL_VARIABLES for name in self.variables)
        )


def take_surroundings(containers: list[Container], around: Surroundings) -> None:
    """Note the gateways that manifests start, and where variables lead."""
    for one in containers:
        if one.is_gateway:
            around.gateways |= set(one.hosts)
            around.gateways |= {f"localhost:{port}" for port in one.ports}
    for one in containers:
        for name in filter(leads_somewhere, one.variables):
            around.variables.setdefault(name, set()).add(one.variables[name])


def judge_container(
    one: Container, around: Surroundings, *, is_code_guarded: bool, has_ai_code: bool
) -> Iterator[GateFinding | Reference]:
    """Findings of a container, and the models that it serves at a fixed commit.

    `is_code_guarded`: all code of the repository that asks a model is guarded by itself.
    """
    for name, value in one.variables.items():
        if is_secret(name, value):
            yield secret_named(one.at(f"env {name}"), name)
    if not (one.is_ai or (one.is_built and has_ai_code)):
        return
    for why, line in one.powers:
        place = Place(one.place.path, line)
        yield found(place, "container-privileged", one.name, f"{one.name} has {why}")
    if one.image and "@sha256:" not in one.image and not one.is_built:
        why = f"{one.name} runs {one.image[:100]}"
        yield found(one.at("image"), "image-floating", one.name, why)
    yield from _addresses(one, around, is_code_guarded=is_code_guarded)
    if one.is_server:
        for port, line in one.published:
            why = f"{one.name} publishes port {port} on every address"
            yield found(Place(one.place.path, line), "model-server-exposed", one.name, why)
    yield from _model(one)


def _addresses(
    one: Container, around: Surroundings, *, is_code_guarded: bool
) -> Iterator[GateFinding]:
    if one.is_gateway or (one.is_built and is_code_guarded):
        return  # a gateway leads to the model; guarded code may, too
    for name in sorted(ALL_URL_VARIABLES & one.variables.keys()):
        for url in one.variables[name].split(";"):
            if url and not url.startswith("$") and not around.is_gateway(url):
                why = f"{one.name} gets {name}={url[:80]}, which is no gateway"
                yield found(one.at(f"env {name}"), "base-url-unguarded", one.name, why)


def option(words: tuple[str, ...], *names: str) -> str | None:
    """The value of a command line's option; empty for one without a value; None without it."""
    for number, word in enumerate(words):
        name, equals, value = word.partition("=")
        if name.replace("_", "-") in names:
            if equals:
                return value
            rest = words[number + 1 : number + 2]
            return rest[0] if rest and not rest[0].startswith("--") else ""
    return None


def _model(one: Container) -> Iterator[GateFinding | Reference]:
    words, told = one.words, one.variables
    place = one.at("words") if words else one.place
    remote = option(words, "--trust-remote-code")
    if remote is not None and remote.lower() not in ("false", "0"):
        yield found(
            place, "remote-code", one.name, f"{one.name} is started with --trust-remote-code"
        )
    for name in ("TRUST_REMOTE_CODE", "VLLM_TRUST_REMOTE_CODE", "HF_TRUST_REMOTE_CODE"):
        if told.get(name, "").lower() in _TRUE:
            why = f"{one.name} gets {name}={told[name]}"
            yield found(one.at(f"env {name}"), "remote-code", one.name, why)
    repository = option(words, "--model", "--model-id", "--model-path", "--hf-repo", "-hf") or ""
    if not repository and "serve" in words:
        after = words[words.index("serve") + 1 :]
        repository = after[0] if after and not after[0].startswith("-") else ""
    if not repository and told.get("MODEL_ID"):
        repository, place = told["MODEL_ID"], one.at("env MODEL_ID")
    if REPOSITORY.fullmatch(repository.split(":")[0]) and not repository.startswith(("/", ".")):
        revision = option(words, "--revision") or told.get("REVISION", "")
        if COMMIT.fullmatch(revision):
            yield Reference(place, repository, revision)
        else:
            at = f"at {revision!r}, which can be moved" if revision else "and no revision"
            why = f"{one.name} serves {repository} {at}"
            yield found(place, "model-floating", repository, why)
    pulled = re.search(r"\bollama\s+(?:pull|run)\s+([\w./:-]+)", " ".join(words))
    if pulled and "@sha256" not in pulled[1]:
        why = f"{one.name} pulls {pulled[1]} by its tag, which can be moved"
        yield found(place, "model-floating", pulled[1], why)
