"""What a name that a pickle loads would do, in words, and how bad that is."""

_RUNS = "runs a command of the system"
_CODE = "runs Python code that the file brings"
_LOADS = "loads or imports whatever its argument names"
_FILES = "opens, writes or removes files"
_NET = "opens a connection"
_CALLS = "calls whatever its arguments name"
_NATIVE = "loads native code, or reaches into memory"
_INSIDE = "loads another pickle, which no scan of this one sees"

_BY_EFFECT: dict[str, str] = {
    _RUNS: "os posix nt subprocess pty commands popen2 _posixsubprocess platform asyncio "
    "multiprocessing concurrent _osx_support _aix_support distutils ensurepip pip venv webbrowser "
    "antigravity sched signal",
    _CODE: "runpy code codeop timeit trace profile cProfile pdb bdb doctest idlelib lib2to3 "
    "_pyrepl _interpreters _xxsubinterpreters test unittest ast dis types",
    _LOADS: "importlib imp pkgutil zipimport pydoc site sys inspect modulefinder",
    _FILES: "shutil io _io tempfile pathlib logging fileinput linecache mmap zipfile tarfile glob "
    "sqlite3 dbm shelve codecs csv configparser",
    _NET: "socket _socket ssl urllib http ftplib smtplib poplib imaplib telnetlib nntplib xmlrpc "
    "socketserver requests httpx aiohttp urllib2 httplib urllib3 wsgiref",
    _CALLS: "operator functools weakref atexit threading _thread queue gc contextlib",
    _NATIVE: "ctypes _ctypes cffi numba",
    _INSIDE: "pickle _pickle cPickle marshal dill cloudpickle joblib",
}
_MODULES = {module: told for told, modules in _BY_EFFECT.items() for module in modules.split()}
_NAMES: dict[tuple[str, str], str] = {
    **{("builtins", name): _CODE for name in ("eval", "exec", "compile", "execfile")},
    **{("builtins", name): _FILES for name in ("open", "file")},
    **{("builtins", name): _LOADS for name in ("__import__", "globals", "vars", "locals")},
    **{
        ("builtins", name): _CALLS
        for name in ("getattr", "setattr", "delattr", "apply", "map", "filter", "type", "super")
    },
    **{("builtins", name): "stops or talks to the program" for name in ("input", "breakpoint")},
    **{("torch", name): _INSIDE for name in ("load", "hub")},
    ("numpy", "load"): _INSIDE,
    ("numpy", "fromfile"): _FILES,
    ("numpy", "save"): _FILES,
    ("numpy", "memmap"): _FILES,
    ("torch.storage", "_load_from_bytes"): _INSIDE,
}


def danger_of(module: str, name: str) -> str:
    """What the name is known to do; empty where only this is known, that models do not need it."""
    if (module, name) in _NAMES:
        return _NAMES[module, name]
    if "." in name:
        return "reaches an attribute through another object, so that its module hides what it is"
    return _MODULES.get(module.partition(".")[0], "")
