"""What lies around the code: gateways, and where environment variables lead."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from tyrian.supply.gate.python.value import Kind, Value

_LOCAL = frozenset({"localhost", "127.0.0.1", "::1", "0.0.0.0", "host.docker.internal"})  # noqa: S104  names to compare
OWN_PREFIX = "TYRIAN_"
URL_VARIABLES: Mapping[str, tuple[str, ...]] = {
    "openai": ("OPENAI_BASE_URL", "OPENAI_API_BASE"),
    "agents": ("OPENAI_BASE_URL",),
    "langchain": ("OPENAI_BASE_URL", "OPENAI_API_BASE"),
    "langchain_openai": ("OPENAI_BASE_URL", "OPENAI_API_BASE"),
    "llama_index": ("OPENAI_API_BASE", "OPENAI_BASE_URL"),
    "pydantic_ai": ("OPENAI_BASE_URL",),
    "langgraph": ("OPENAI_BASE_URL",),
    "anthropic": ("ANTHROPIC_BASE_URL",),
    "langchain_anthropic": ("ANTHROPIC_BASE_URL", "ANTHROPIC_API_URL"),
    "llama_api_client": ("LLAMA_API_CLIENT_BASE_URL",),
    "litellm": ("OPENAI_BASE_URL", "OPENAI_API_BASE"),
    "ollama": ("OLLAMA_HOST",),
}
"""The variables that a package takes its server's address from where code gives none."""
ALL_URL_VARIABLES = frozenset(name for names in URL_VARIABLES.values() for name in names) | {
    *("OPENAI_API_BASE_URL", "OPENAI_API_BASE_URLS", "LLM_BASE_URL", "MODEL_BASE_URL"),
    *("OPENAI_ENDPOINT", "VLLM_BASE_URL", "LLM_API_BASE", "OLLAMA_BASE_URL"),
}


def is_own(name: str) -> bool:
    """Whether a variable is for the address of a gateway by its name."""
    return name.startswith(OWN_PREFIX) and name.endswith(("URL", "BASE", "GATEWAY"))


def leads_somewhere(name: str) -> bool:
    """Whether a variable holds the address of a model or a gateway."""
    return name in ALL_URL_VARIABLES or is_own(name)


def _is_local(url: str) -> bool:
    return host_of(url).rpartition(":")[0] in _LOCAL


def host_of(url: str) -> str:
    """`host:port` of an address, lower case; of its scheme's port where it names none."""
    try:
        split = urlsplit(url if "//" in url else f"//{url}")
        port = split.port or {"https": 443, "http": 80}.get(split.scheme, 0)
    except ValueError:
        return ""
    return f"{(split.hostname or '').lower()}:{port}"


@dataclass(slots=True)
class Surroundings:
    """What the configuration and the deployment say of addresses."""

    gateways: set[str] = field(default_factory=set)
    """`host:port`, or a host alone for every port."""
    variables: dict[str, set[str]] = field(default_factory=dict)
    """Addresses that manifests give to environment variables."""
    guards: frozenset[str] = frozenset()
    """Functions of the project's own that judge texts, by the ends of their dotted names."""
    is_sdk_guarded: bool = False
    """Whether the Agents SDK was given a guarded client for all agents."""

    def is_gateway(self, url: str) -> bool:
        """Whether an address is one of a gateway."""
        whole = host_of(url)
        host, _, port = whole.rpartition(":")
        if whole in self.gateways or host in self.gateways:
            return bool(host)
        if host in _LOCAL:  # a port that a manifest or the configuration publishes
            return f"localhost:{port}" in self.gateways
        return False

    def leads_to_gateway(self, value: Value) -> bool:
        """Whether what an expression stands for is the address of a gateway."""
        if value.kind is Kind.TEXT:
            return self.is_gateway(value.text)
        if value.kind is Kind.VARIABLE:
            return self.is_guarded_variable(value.text)
        return False

    def is_guarded_variable(self, name: str) -> bool:
        """Whether a variable leads to a gateway wherever it is set."""
        known = self.variables.get(name, set())
        if is_own(name):  # by its name; a manifest may give it the address of this machine, too
            return all(self.is_gateway(url) or _is_local(url) for url in known)
        return bool(known) and all(self.is_gateway(url) for url in known)

    def is_default_guarded(self, dotted: str) -> bool:
        """Whether a client that is given no address finds a gateway in its environment."""
        home = dotted.split(".")[0]
        if home == "agents" and self.is_sdk_guarded:
            return True
        names = URL_VARIABLES.get(home, ())
        return any(self.is_guarded_variable(name) for name in names if name in self.variables)

    def leads_by_name(self, model: str, home: str) -> bool:
        """Whether a model that is named by a text is asked by a client that is guarded."""
        provider = model.partition(":")[0].lower() if ":" in model else "openai"
        if home == "agents":
            return not model or "/" not in model
        return provider.startswith(("openai", "anthropic"))
