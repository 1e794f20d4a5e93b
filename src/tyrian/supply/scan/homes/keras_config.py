"""What a Keras configuration would have imported, called or read when its model is made.

Source: keras/src/saving/serialization_lib.py: `module` and `class_name` are imported as they stand;
`Lambda` carries marshalled code; lookup layers read their vocabulary from a path or URL.
"""

import re
from collections.abc import Iterator

from tyrian.supply.scan.finding import Collector

_PARTS = (
    "layers|models|initializers|optimizers|losses|metrics|regularizers|constraints|activations"
    "|dtype_policies|quantizers|random|ops|callbacks|mixed_precision|engine|distribution"
)
_TRUSTED = re.compile(
    rf"(?:keras|tf_keras|tensorflow\.keras|tensorflow\.python\.keras)"
    rf"(?:\.(?:src|api|_legacy|v2|_tf_keras|python))*(?:\.(?:{_PARTS})(?:\.\w+)*)?\Z"
    r"|keras\.src\.backend\.common\.keras_tensor\Z"
    r"|keras_(?:hub|nlp|cv)(?:\.src)?(?:\.(?:models|layers|tokenizers|samplers|metrics)(?:\.\w+)*)?\Z"
)
_OF_FUNCTIONS = re.compile(
    r"(?:^|\.)(?:activations|losses|metrics|ops|initializers|regularizers)\b"
)
_CLASS = re.compile(r"_{0,2}[A-Z]\w*\Z")
_WORD = re.compile(r"[a-z_]\w*\Z", re.IGNORECASE)
_OUTSIDE = {
    "TFSMLayer": "loads a SavedModel from a path",
    "TorchModuleWrapper": "unpickles a PyTorch module",
    "FlaxLayer": "calls a module of Flax that it names",
    "JaxLayer": "calls a function that it names",
}
_LOOKUPS = frozenset({"StringLookup", "IntegerLookup", "TextVectorization", "IndexLookup"})
_BASE_TYPES = frozenset(
    {"__keras_tensor__", "__tensor__", "__numpy__", "__tuple__", "__bytes__", "__ellipsis__",
     "__slice__", "__symbolic_tensor__"}
)  # fmt: skip
_TF_CALLS = re.compile(
    r"(?:io|raw_ops|saved_model|config|compat|data|train|summary|debugging|autograph|distribute"
    r"|experimental|keras|sysconfig|test|tpu|profiler|feature_column)\.|"
    r"(?:py_function|numpy_function|py_func|eager_py_func|load_library|load_op_library|print"
    r"|function|Module)\Z"
)
_TYPE_NAMES = frozenset({"TypeSpec", "__typespec__"})


def check_keras(value: object, report: Collector, offset: int = 0) -> None:
    """Every object that the configuration names, however deep it stands."""
    for path, one in _objects(value):
        for rule, told in _faults(one):
            report.add(rule, offset, f"{path or 'the model'}: {told}")


def _objects(value: object) -> Iterator[tuple[str, dict[str, object]]]:
    stack: list[tuple[str, object]] = [("", value)]
    while stack:
        path, one = stack.pop()
        if isinstance(one, dict):
            if isinstance(one.get("class_name"), str):
                yield path, one
            inner = [(f"{path}.{key}" if path else str(key), part) for key, part in one.items()]
        elif isinstance(one, list):
            inner = [(f"{path}[{number}]", part) for number, part in enumerate(one)]
        else:
            continue
        stack.extend(pair for pair in inner if isinstance(pair[1], dict | list))


def _faults(one: dict[str, object]) -> Iterator[tuple[str, str]]:
    name, config = str(one.get("class_name", "")), one.get("config")
    registered = str(one.get("registered_name") or "").rpartition(">")[2]
    settings = config if isinstance(config, dict) else {}
    if "Lambda" in (name, registered):
        yield from _lambda(settings)
    elif name == "__lambda__":
        yield "keras-runs-code", "it brings the code of a lambda"
    for known in {name, registered} & _OUTSIDE.keys():
        yield "keras-runs-code", f"{known} {_OUTSIDE[known]}"
    if name in _LOOKUPS and isinstance(settings.get("vocabulary"), str):
        told = f"{name} reads its vocabulary from {str(settings['vocabulary'])[:120]!r}"
        yield "keras-reads-outside", told
    if name in ("TFOpLambda", "SlicingOpLambda"):
        function = str(settings.get("function", ""))
        if _TF_CALLS.match(function):
            yield "keras-runs-code", f"it calls tf.{function[:120]}"
    if told := _foreign(one.get("module"), name, config):
        yield "keras-foreign-object", told
    if "." in name and "module" not in one and not name.startswith(("keras.", "Custom>")):
        yield "keras-foreign-object", f"it is an object of the dotted name {name[:120]!r}"


def _lambda(settings: dict[str, object]) -> Iterator[tuple[str, str]]:
    function = settings.get("function")
    if isinstance(function, dict) and function.get("class_name") == "__lambda__":
        return  # the lambda itself is told of
    if isinstance(function, list) or settings.get("function_type") == "lambda":
        yield "keras-runs-code", "a Lambda layer brings marshalled code"
    else:
        yield "keras-runs-code", "a Lambda layer calls a function of any name"


def _foreign(module: object, name: str, config: object) -> str:
    """Why an object is none of Keras; empty where it is, or where its loader must have it."""
    if module is None or name in _BASE_TYPES:
        return ""
    if not isinstance(module, str):
        return "its module is no text"
    function = config if isinstance(config, str) else ""
    named = f"{module[:120]}.{(function if name == 'function' else name)[:120]}"
    if module == "builtins":
        is_known = name == "function" and bool(_WORD.match(function))
        return "" if is_known else f"it names {named}"
    if name in _TYPE_NAMES and module.startswith("tensorflow."):
        return ""
    if not _TRUSTED.match(module):
        return f"Keras would import {named}"
    if name == "function" or not _CLASS.match(name):
        is_known = bool(_OF_FUNCTIONS.search(module) and _WORD.match(function or name))
        return "" if is_known else f"it calls {named}, which models do not need"
    return ""
