"""What configurations have imported, called, fetched or read, key by key."""

import re
from collections.abc import Iterator

from tyrian.supply.scan.homes.template_words import invisible, steering

_CALLABLE = re.compile(
    r"(?:torch|torchvision|torchaudio|torchmetrics|transformers|diffusers|peft|accelerate|timm|monai"
    r"|lightning|pytorch_lightning|nemo|omegaconf|sentence_transformers|sklearn|numpy|tokenizers"
    r"|datasets|spacy|mlflow)(?:\.\w+)*\.[A-Z]\w*\Z"
)
_LIBRARIES = re.compile(
    r"(?:transformers|diffusers|peft|sentence_transformers|torch|timm|optimum|flax|onnxruntime"
    r"|openvino|accelerate)(?:\.\w+)*\Z"
)
_PIPELINES = frozenset(
    {"stable_diffusion", "paint_by_example", "latent_diffusion", "wuerstchen", "deepfloyd_if",
     "stable_diffusion_safe", "stable_diffusion_xl", "alt_diffusion", "versatile_diffusion",
     "unidiffuser", "shap_e", "kandinsky", "deprecated", "audioldm2", "stable_cascade",
     "semantic_stable_diffusion", "t2i_adapter", "controlnet", "gligen", "ltx", "flux"}
)  # fmt: skip
_LEAVES = re.compile(r"(?:[^\s\0]*[/\\])?\.\.(?:[/\\][^\s\0]*)?\Z")
_SYSTEM = re.compile(
    r"(?:/(?:etc|proc|sys|dev|root)/|~/|/home/[^/]+/\.|[A-Za-z]:[\\/](?:Windows|Users)[\\/]|\\\\)"
    r"|file://|https?://(?:169\.254\.|metadata\.)"
)
_OF_FILE = re.compile(r"(?:_file|_path|_dir|filename|path|location|file)s?\Z")
_EXPRESSION = re.compile(
    r"\$\s*(?:import\b|from\s+\w+\s+import|.*(?:__import__|\bos\.|\bsubprocess|\bexec\(|\beval\(|\bopen\())"
)
_CALLS = frozenset({"py/reduce", "py/function", "py/type", "py/object", "__reduce__", "py/repr"})
_SKOPS = frozenset(
    {"OperatorFuncNode", "FunctionNode", "MethodNode", "MethodDescriptorNode", "TypeNode",
     "PartialNode"}
)  # fmt: skip
_SKOPS_MODULES = re.compile(
    r"(?:builtins|numpy|scipy|sklearn|xgboost|lightgbm|catboost|collections|functools|quantile_forest"
    r"|sktime|imblearn|_operator|operator|copyreg|random)(?:\.\w+)*\Z"
)
_PLAIN_FUNCTIONS = frozenset({"itemgetter", "attrgetter", "partial"})

ConfigFault = tuple[str, str]
"""Rule and reason."""


def key_faults(key: str, value: object) -> Iterator[ConfigFault]:
    """What one key of a configuration says, wherever it stands."""
    if key in ("_target_", "class_path"):
        if isinstance(value, str) and not _CALLABLE.match(value):
            yield "config-remote-code", f"it has {value[:120]!r} called with what the file says"
    elif key in ("attn_implementation", "_attn_implementation", "experts_implementation"):
        if isinstance(value, str) and "/" in value:
            yield "config-remote-code", f"it has a kernel fetched and loaded from {value[:120]!r}"
    elif key == "auto_mapping" and isinstance(value, dict):
        library = value.get("parent_library")
        if isinstance(library, str) and not _LIBRARIES.match(library):
            yield "config-remote-code", f"it has the module {library[:120]!r} imported"
    elif key in _CALLS:
        yield "config-runs-code", f"jsonpickle makes {str(value)[:80]!r} of it when it is read"
    elif key == "loader_module" and isinstance(value, str):
        if not value.startswith("mlflow."):
            yield "config-remote-code", f"it has the module {value[:120]!r} imported"
    elif key == "mcpServers" and value:
        yield "config-runs-code", "it has tools started by whoever opens the directory"
    elif key in ("preinstall", "postinstall", "prepare", "postCreateCommand", "initializeCommand"):
        if isinstance(value, str | list) and value:
            yield "config-runs-code", f"it runs {str(value)[:100]!r} when it is installed or opened"
    elif key == "runOn" and value == "folderOpen":
        yield "config-runs-code", "it runs a task as soon as the directory is opened"
    if isinstance(value, str):
        yield from _text_faults(key, value)


def _text_faults(key: str, value: str) -> Iterator[ConfigFault]:
    leads_up = len(value) < 1000 and value != ".." and _LEAVES.match(value)
    if leads_up or (_OF_FILE.search(key) and _SYSTEM.match(value)):
        yield "config-leads-out", f"{key!r} leads to {value[:120]!r}"
    if value.startswith("$") and _EXPRESSION.match(value):
        yield "config-runs-code", f"{key!r} is evaluated as Python: {value[:80]!r}"
    if "prompt" in key or "instruction" in key:
        if told := steering(value):
            yield "template-steers", f"{key!r} tells the model {told[:80]!r}"
        if hidden := invisible(value):
            yield "template-steers", f"{key!r} says what nobody sees ({hidden})"


def file_faults(value: object) -> Iterator[ConfigFault]:
    """What a file as a whole says, in the forms that loaders know."""
    if isinstance(value, list):
        for one in value:
            kind = one.get("type") if isinstance(one, dict) and "path" in one else None
            if isinstance(kind, str) and not kind.startswith("sentence_transformers."):
                yield "config-remote-code", f"it has {kind[:120]!r} imported and made"
    elif isinstance(value, dict):
        if "weight_map" in value:
            yield from _index(value["weight_map"])
        if "_class_name" in value:
            yield from _pipeline(value)
        if "__loader__" in value:
            yield from _skops(value)


def _index(weights: object) -> Iterator[ConfigFault]:
    """The files of an index; one that names both kinds has pickles loaded among safe tensors."""
    if not isinstance(weights, dict):
        return
    is_safe = any(str(one).endswith(".safetensors") for one in weights.values())
    for file in sorted({str(one) for one in weights.values()}):
        plain = file.replace("\\", "/")
        if "/" in plain or ":" in plain or plain.startswith("~") or not plain:
            yield "config-leads-out", f"its weights lie in {file[:120]!r}"
        elif is_safe and not plain.endswith(".safetensors"):
            told = f"it says safetensors, and its weights lie in {file[:120]!r}"
            yield "config-leads-out", told


def _pipeline(value: dict[str, object]) -> Iterator[ConfigFault]:
    """The parts of a pipeline of Diffusers: a library, or a file of the model, and a class."""
    for key, one in value.items():
        if key.startswith("_"):
            if key == "_class_name" and isinstance(one, list):
                yield "config-remote-code", f"its pipeline is code of its own ({str(one)[:80]})"
            continue
        if not isinstance(one, list) or len(one) != 2 or not isinstance(one[0], str):
            continue
        if not _LIBRARIES.match(one[0]) and one[0] not in _PIPELINES:
            yield "config-remote-code", f"{key!r} is made by the module {one[0][:120]!r}"


def _skops(value: dict[str, object]) -> Iterator[ConfigFault]:
    """skops: every node names a module, a class and the loader that makes it."""
    stack: list[object] = [value]
    while stack:
        one = stack.pop()
        if isinstance(one, list):
            stack.extend(one)
        if not isinstance(one, dict):
            continue
        stack.extend(one.values())
        module, name = one.get("__module__"), str(one.get("__class__", ""))
        if not isinstance(module, str):
            continue
        loader = str(one.get("__loader__", ""))
        if not _SKOPS_MODULES.match(module) or (
            loader in _SKOPS and module.split(".")[0] in ("builtins", "operator", "_operator")
            and name not in _PLAIN_FUNCTIONS and not _is_type(name)
        ):  # fmt: skip
            yield "config-remote-code", f"it has {module[:80]}.{name[:80]} made by {loader[:40]}"


def _is_type(name: str) -> bool:
    return name in ("int", "float", "str", "bool", "dict", "list", "tuple", "set", "bytes", "type")
