"""What the gate knows of clients, models and agent frameworks, by the names they are imported by.

Names are told by the package and the last part: `langchain.chat_models.base.init_chat_model` and
`langchain.chat_models.init_chat_model` are the same.
"""

from collections.abc import Mapping
from types import MappingProxyType

_Names = Mapping[str, frozenset[str]]


def _table(**rows: str) -> _Names:
    return MappingProxyType({key: frozenset(names.split()) for key, names in rows.items()})


CLIENTS = _table(
    openai="OpenAI AsyncOpenAI AzureOpenAI AsyncAzureOpenAI Client AsyncClient",
    anthropic=(
        "Anthropic AsyncAnthropic AnthropicBedrock AsyncAnthropicBedrock AnthropicVertex "
        "AsyncAnthropicVertex Client AsyncClient"
    ),
    llama_api_client="LlamaAPIClient AsyncLlamaAPIClient",
    groq="Groq AsyncGroq",
    mistralai="Mistral",
    cohere="Client ClientV2 AsyncClient AsyncClientV2",
    together="Together AsyncTogether",
    ollama="Client AsyncClient",
    huggingface_hub="InferenceClient AsyncInferenceClient",
    google="Client GenerativeModel",
)
"""Clients of model servers."""

FUNCTIONS = _table(
    litellm="completion acompletion responses aresponses text_completion atext_completion",
    openai="create parse stream",
    ollama="chat generate",
    aisuite="create",
)
"""Functions of a module that ask a model."""

AGENTS = _table(
    agents="Agent SandboxAgent",
    langchain=(
        "create_agent create_react_agent create_tool_calling_agent create_openai_tools_agent "
        "create_openai_functions_agent create_structured_chat_agent initialize_agent AgentExecutor"
    ),
    langchain_classic=(
        "create_react_agent create_tool_calling_agent create_openai_tools_agent initialize_agent "
        "create_openai_functions_agent AgentExecutor"
    ),
    langgraph="create_react_agent",
    langgraph_supervisor="create_supervisor",
    llama_index=(
        "FunctionAgent ReActAgent CodeActAgent AgentWorkflow OpenAIAgent FunctionCallingAgent "
        "AgentRunner from_tools from_tools_or_functions"
    ),
    pydantic_ai="Agent",
    crewai="Agent",
    autogen_agentchat="AssistantAgent CodeExecutorAgent",
    autogen="AssistantAgent ConversableAgent",
    smolagents="CodeAgent ToolCallingAgent",
    google="Agent LlmAgent",
    haystack="Agent",
    strands="Agent",
    agno="Agent",
)
"""What makes an agent."""

TOOL_KEYS = ("tools", "functions", "toolsets", "mcp_servers", "builtin_tools", "handoffs", "tool")
"""Arguments that hand tools to an agent or a model."""

CONTAINERS = frozenset({"AgentExecutor", "AgentWorkflow", "AgentRunner", "create_supervisor"})
"""Agents that are made of agents: guarded where all of these are."""

CHAT_METHODS = frozenset(
    {
        *("invoke", "ainvoke", "stream", "astream", "batch", "abatch", "predict", "apredict"),
        *("generate", "agenerate", "complete", "acomplete", "stream_complete"),
        *("astream_complete", "chat", "achat", "stream_chat", "astream_chat"),
        *("predict_and_call", "structured_predict", "request"),
    }
)
"""Methods of a model object of a framework that ask it."""

RUN_METHODS = frozenset(
    {
        *("run", "arun", "run_sync", "run_stream", "run_streamed", "run_stream_events"),
        *("iter", "invoke", "ainvoke", "stream", "astream", "astream_events", "chat"),
        *("achat", "stream_chat", "astream_chat", "query"),
    }
)
"""Methods that run an agent."""

KEPT_METHODS = frozenset(
    {
        *("bind", "bind_tools", "with_structured_output", "with_options", "copy"),
        *("with_config", "with_retry", "with_fallbacks", "pipe", "with_raw_response", "beta"),
        *("configurable_fields", "as_structured_llm", "with_streaming_response"),
        *("as_query_engine", "as_chat_engine", "compile"),
    }
)
"""Methods that give the same model or agent, set up otherwise."""

_ASKING = frozenset(
    {
        *("create", "parse", "stream", "acreate", "complete", "complete_async"),
        *("stream_async", "generate", "chat", "generate_content", "generate_content_stream"),
        *("chat_completion", "text_generation", "chat_stream", "send_message"),
    }
)
_SPEAKING = frozenset(
    {
        *("completions", "responses", "messages", "chat", "models", "generate"),
        *("generate_content", "chat_completion", "text_generation", "chat_stream", "chats"),
        *("interactions",),
    }
)


def is_asking(path: tuple[str, ...]) -> bool:
    """Whether attributes of a client lead to a method that asks a model."""
    return bool(path) and path[-1] in _ASKING and not _SPEAKING.isdisjoint(path)


CODE_RUNNERS = _table(
    langchain="PythonREPLTool ShellTool PythonAstREPLTool BashTool",
    langchain_experimental="PythonREPLTool PythonAstREPLTool PythonREPL",
    langchain_community="ShellTool BashProcess",
    llama_index="CodeInterpreterToolSpec",
    autogen="LocalCommandLineCodeExecutor",
    autogen_ext="LocalCommandLineCodeExecutor",
    smolagents="LocalPythonExecutor PythonInterpreterTool",
    agents="LocalShellTool",
    agno="PythonTools ShellTools",
)
"""Tools that run what the model writes on the machine itself."""

LOADERS: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "from_pretrained": ("pretrained_model_name_or_path", "revision"),
        "snapshot_download": ("repo_id", "revision"),
        "hf_hub_download": ("repo_id", "revision"),
        "pipeline": ("model", "revision"),
        "SentenceTransformer": ("model_name_or_path", "revision"),
        "CrossEncoder": ("model_name", "revision"),
        "HuggingFaceEmbedding": ("model_name", "revision"),
        "HuggingFaceEmbeddings": ("model_name", "revision"),
        "HuggingFaceLLM": ("model_name", "revision"),
        "LLM": ("model", "revision"),
        "AsyncEngineArgs": ("model", "revision"),
        "EngineArgs": ("model", "revision"),
        "load_dataset": ("path", "revision"),
        "from_model_id": ("model_id", "revision"),
    }
)
"""What fetches from the hub, by its last name: the arguments that name repository and revision."""

LOADER_HOMES = frozenset(
    {
        *("transformers", "huggingface_hub", "sentence_transformers", "llama_index"),
        *("langchain_huggingface", "langchain_community", "vllm", "datasets", "peft"),
        *("diffusers", "optimum", "auto_gptq", "awq", "unsloth", "tokenizers", "setfit"),
        *("timm", "open_clip", "sglang", "ctransformers", "adapters", "trl"),
    }
)
"""Packages whose loaders these are."""

TYRIAN_CLIENTS = frozenset({"guarded", "guarded_llm"})
"""Functions of `tyrian.adapters` that give a guarded client, agent or model."""
TYRIAN_TOOLS = frozenset({"guarded_tool", "guarded_function"})
TYRIAN_PARTS = frozenset({"TyrianMiddleware", "TyrianCapability"})
"""What guards an agent that it is handed to."""
SCANS = frozenset({"scan", "scan_sync", "scan_batch", "scan_async", "scan_replay", "guard_stream"})
"""Methods of a firewall that judge a text."""
FIREWALLS = frozenset({"Firewall", "LlamaFirewall"})


def known_in(table: _Names, dotted: str) -> bool:
    """Whether a name, with the dots of its home, stands in a table."""
    home, last = dotted.split(".")[0], dotted.rpartition(".")[2]
    # langchain_openai, langchain_anthropic and the like are LangChain's too.
    return last in table.get(home, ()) or (
        home.startswith("langchain_") and last in table.get("langchain", ())
    )


def is_model(dotted: str) -> bool:
    """Whether a name is a model object of a framework."""
    parts = dotted.split(".")
    home, last = parts[0], parts[-1]
    if home.startswith("langchain"):
        is_chat = last.startswith("Chat") and not last.endswith(("Template", "History", "Message"))
        return last in _LANGCHAIN or (is_chat and last not in _NO_CHAT)
    if home == "llama_index":
        return "llms" in parts[1:-1] and last[:1].isupper() and last not in _NO_LLM
    if home == "pydantic_ai":
        return "models" in parts[1:-1] and last.endswith("Model")
    if home == "agents":
        return last in {"OpenAIChatCompletionsModel", "OpenAIResponsesModel", "LitellmModel"}
    return home in {"autogen_ext", "smolagents", "crewai"} and last.endswith(
        ("ChatCompletionClient", "Model", "LLM")
    )


_LANGCHAIN = frozenset(
    {
        *("init_chat_model", "OpenAI", "AzureOpenAI", "HuggingFacePipeline"),
        *("HuggingFaceEndpoint", "VLLM", "VLLMOpenAI", "Ollama", "OllamaLLM", "AnthropicLLM"),
        *("LlamaCpp", "Bedrock"),
    }
)
_NO_CHAT = frozenset({"ChatGeneration", "ChatResult", "ChatPromptValue", "ChatMessageHistory"})
_NO_LLM = frozenset(
    {"ChatMessage", "MessageRole", "LLM", "CompletionResponse", "ChatResponse", "TextBlock"}
)

HOMES = frozenset({*CLIENTS, *FUNCTIONS, *AGENTS, *CODE_RUNNERS, *LOADER_HOMES, "tyrian", "torch"})
"""Packages whose names a file has where it matters here."""
