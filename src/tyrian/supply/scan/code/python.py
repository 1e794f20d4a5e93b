"""Python files: what they would run, open or send, told by their syntax tree; nothing is run."""

import ast
import re
from collections.abc import Iterator

from tyrian.supply.scan.code.folding import text_of
from tyrian.supply.scan.code.places import SENSITIVE
from tyrian.supply.scan.code.sinks import names_in, sink_of

_SECRET = re.compile(r"SECRET|PASSW|CREDENTIAL|AWS_|GITHUB_TOKEN|PRIVATE_KEY", re.IGNORECASE)
_SENDS = re.compile(
    r"(?:requests|httpx|aiohttp|urllib3)\.(?:\w+\.)*(?:get|post|put|patch|request|Session|Client"
    r"|ClientSession|AsyncClient|PoolManager)\b|urllib\.request\.(?:urlopen|Request|urlretrieve)"
    r"|http\.client\.|smtplib\.|ftplib\.|websockets?\."
)
_SPECIAL = frozenset({"__globals__", "__builtins__", "func_globals"})
_PROTECTED = frozenset(
    {"torch.load", "torch.serialization.load", "pickle.load", "pickle.loads", "pickle.Unpickler",
     "safetensors.torch.load_file", "builtins.open", "builtins.eval", "builtins.exec",
     "builtins.__import__", "builtins.print", "os.system", "subprocess.run", "subprocess.Popen"}
)  # fmt: skip

Fault = tuple[int, int, str, str]
"""Line, column, rule and reason."""


def python_faults(text: str) -> Iterator[Fault]:
    """What stands in a program that models have no need of; raises SyntaxError, ValueError."""
    tree = ast.parse(text)
    names = _Names(tree)
    secrets: list[ast.AST] = []
    sends: list[tuple[ast.AST, str]] = []
    seen = {id(one.value) for one in ast.walk(tree) if isinstance(one, ast.Expr)}  # docstrings
    connects = any(
        isinstance(one, ast.Attribute) and one.attr in ("connect", "connect_ex", "sendto")
        for one in ast.walk(tree)
    )
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign | ast.AugAssign):
            yield from _assigned(node, names)
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield from _place(node, node.value) if id(node) not in seen else ()
        elif isinstance(node, ast.BinOp | ast.JoinedStr) and (text_ := text_of(node)):
            yield from _place(node, text_)
        if isinstance(node, ast.ClassDef):
            yield from _reducing(node)
        if isinstance(node, ast.Call):
            yield from _call(node, names)
            if any(isinstance(one, ast.Attribute) and names.of(one) == "os.environ"
                   for one in [*node.args, *(pair.value for pair in node.keywords)]):  # fmt: skip
                secrets.append(node)
        if isinstance(node, ast.Subscript) and names.of(node.value) == "os.environ":
            secrets.extend([node] if _SECRET.search(text_of(node.slice) or "") else [])
        if isinstance(node, ast.Attribute) and _is_special(node):
            yield _at(node, "code-hides", f"it reaches {node.attr}")
        if not isinstance(node, ast.Attribute | ast.Name | ast.Call):
            continue
        if id(node) in seen and not isinstance(node, ast.Call):
            continue
        name = names.of(node)
        if not name:
            continue
        if connects and name == "socket.socket" and isinstance(node, ast.Attribute | ast.Name):
            yield _at(node, "code-connects", "socket.socket opens a connection of its own")
        if (told := sink_of(name)) and not (isinstance(node, ast.Call) and id(node.func) in seen):
            seen.update(id(one) for one in ast.walk(node))
            yield _at(node, *told)
        if _SENDS.match(name):
            sends.append((node, name))
        if _is_secret(node, name):
            secrets.append(node)
    if secrets and sends:
        node, name = sends[0]
        yield _at(node, "code-sends-secrets", f"it reads secrets, and {name} sends what it likes")


def _at(node: ast.AST, rule: str, why: str) -> Fault:
    return getattr(node, "lineno", 1), getattr(node, "col_offset", 0), rule, why


def _is_special(node: ast.Attribute) -> bool:
    """A way around names: from any object to all classes, or to what a function can see."""
    if node.attr in _SPECIAL:
        return True
    if node.attr != "__subclasses__":
        return False
    is_object = isinstance(node.value, ast.Name) and node.value.id == "object"
    return is_object or any(
        isinstance(one, ast.Attribute) and one.attr in ("__mro__", "__base__", "__bases__")
        for one in ast.walk(node.value)
    )


def _place(node: ast.AST, text: str) -> Iterator[Fault]:
    if len(text) < 400 and (found := SENSITIVE.search(text)):
        yield _at(node, "code-touches-secrets", f"it names {found[0][:80]!r}")


def _is_secret(node: ast.AST, name: str) -> bool:
    """All of the environment, or a secret of it."""
    if name in ("os.environ.copy", "os.environ.items"):
        return True
    if isinstance(node, ast.Call) and name in ("os.getenv", "os.environ.get"):
        return bool(_SECRET.search(text_of(node.args[0]) or "")) if node.args else False
    return False


def _call(node: ast.Call, names: "_Names") -> Iterator[Fault]:
    name = names.of(node.func)
    if name in ("builtins.eval", "builtins.exec", "builtins.compile"):
        yield _at(node, "code-runs-code", f"{name.rpartition('.')[2]} runs what it is given")
    elif name == "builtins.__import__" and text_of(next(iter(node.args), None)) is None:
        yield _at(node, "code-hides", "it imports what it has put together")
    elif name == "builtins.getattr" and len(node.args) >= 2 and text_of(node.args[1]) is None:
        base = names.of(node.args[0])
        if base.split(".")[0] in ("os", "subprocess", "builtins", "sys", "importlib"):
            yield _at(node, "code-hides", f"it takes something of {base} by a computed name")
    elif name.rpartition(".")[2] == "setup" and name.startswith(("setuptools", "distutils")):
        for _ in (one for one in node.keywords if one.arg == "cmdclass"):
            yield _at(node, "code-runs-by-itself", "its installation runs code of its own")
    is_made = bool(node.args) and isinstance(node.args[0], ast.JoinedStr | ast.BinOp)
    if name in ("socket.gethostbyname", "socket.getaddrinfo") and is_made:
        yield _at(node, "code-connects", f"{name} asks for a name that it puts together")
    if name.endswith(".load") and name.startswith(("torch.hub", "torch.utils.cpp_extension")):
        yield _at(node, "code-loads", f"{name} loads or builds what it names")


def _assigned(node: ast.Assign | ast.AugAssign, names: "_Names") -> Iterator[Fault]:
    for target in node.targets if isinstance(node, ast.Assign) else [node.target]:
        name = names.of(target)
        if name in _PROTECTED or name.startswith(("sys.meta_path", "sys.path_hooks")):
            yield _at(node, "code-patches", f"it puts something of its own in the place of {name}")


def _reducing(node: ast.ClassDef) -> Iterator[Fault]:
    """A class whose pickles call something by themselves."""
    for one in node.body:
        if not isinstance(one, ast.FunctionDef) or one.name not in ("__reduce__", "__reduce_ex__"):
            continue
        for inner in ast.walk(one):
            if isinstance(inner, ast.Return) and isinstance(inner.value, ast.Tuple):
                first = inner.value.elts[0] if inner.value.elts else None
                is_builtin = isinstance(first, ast.Name) and first.id in ("eval", "exec", "getattr")
                if is_builtin:
                    yield _at(inner, "code-runs-code", "its pickles run code when they are loaded")


class _Names:
    """What each name of a program stands for, in full."""

    def __init__(self, tree: ast.Module) -> None:
        self._known: dict[str, str] = {}
        self._own = {
            node.name
            for node in ast.walk(tree)
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
        }
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                for one in node.names:
                    first = one.name.split(".")[0]
                    self._known[one.asname or first] = one.name if one.asname else first
            elif isinstance(node, ast.ImportFrom) and not node.level:
                for one in node.names:
                    self._known[one.asname or one.name] = f"{node.module}.{one.name}"
                    if one.name == "*":
                        every = names_in(str(node.module))
                        self._known.update((name, f"{node.module}.{name}") for name in every)
        for node in ast.walk(tree):  # after all imports: `run = os.system`
            if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
                name = self.of(node.value)
                if name and len(node.targets) == 1 and not isinstance(node.value, ast.Call):
                    self._known.setdefault(node.targets[0].id, name)
                elif isinstance(node.value, ast.Call) and self._imported(node.value):
                    self._known.setdefault(node.targets[0].id, self._imported(node.value))

    def of(self, node: ast.AST) -> str:
        """The dotted name; empty where it cannot be told."""
        if isinstance(node, ast.Name):
            if node.id in self._known:
                return self._known[node.id]
            return "" if node.id in self._own else _BUILTINS.get(node.id, "")
        if isinstance(node, ast.Attribute):
            base = self.of(node.value)
            return f"{base}.{node.attr}" if base else ""
        if isinstance(node, ast.Subscript):
            return self._taken(node)
        if isinstance(node, ast.Call):
            return self._imported(node) or self._attribute(node) or self.of(node.func)
        return ""

    def _imported(self, node: ast.Call) -> str:
        function = self.of(node.func) if not isinstance(node.func, ast.Call) else ""
        if function in ("builtins.__import__", "importlib.import_module") and node.args:
            return text_of(node.args[0]) or ""
        return ""

    def _attribute(self, node: ast.Call) -> str:
        if isinstance(node.func, ast.Name) and node.func.id == "getattr" and len(node.args) >= 2:
            base, name = self.of(node.args[0]), text_of(node.args[1])
            return f"{base}.{name}" if base and name else ""
        return ""

    def _taken(self, node: ast.Subscript) -> str:
        """`sys.modules['os']`, `__builtins__['eval']`, `globals()['x']`."""
        base, key = self.of(node.value), text_of(node.slice)
        if not key:
            return ""
        if base == "sys.modules":
            return key
        if base in ("builtins.__builtins__", "builtins.__dict__", "builtins.vars"):
            return f"builtins.{key}"
        inner = node.value
        if isinstance(inner, ast.Attribute) and inner.attr == "__dict__":
            return f"{self.of(inner.value)}.{key}"
        return ""


_BUILTINS = {
    name: f"builtins.{name}"
    for name in (
        "eval", "exec", "compile", "open", "__import__", "getattr", "globals", "vars", "dict",
        "str", "print", "__builtins__", "breakpoint",
    )
}  # fmt: skip
