"""What functions of Python's libraries do that a model's code has no need of."""

import re

_RUNS = "code-runs-programs"
_SINKS: dict[str, tuple[str, str]] = {}


def _note(rule: str, told: str, names: str) -> None:
    for name in names.split():
        _SINKS[name] = (rule, told)


_note(_RUNS, "runs a program", "os.system os.popen os.startfile pty.spawn commands.getoutput "
      "commands.getstatusoutput platform.popen asyncio.create_subprocess_exec "
      "asyncio.create_subprocess_shell popen2.popen2 posix.system nt.system "
      "_posixsubprocess.fork_exec multiprocessing.util.spawnv_passfds os.fork")  # fmt: skip
_note("code-runs-code", "runs code that it is given", "runpy.run_path runpy.run_module "
      "code.interact code.InteractiveInterpreter builtins.breakpoint")  # fmt: skip
_note("code-loads-objects", "loads objects that can run anything", "pickle.loads _pickle.loads "
      "marshal.loads marshal.load dill.loads cloudpickle.loads jsonpickle.decode yaml.unsafe_load "
      "yaml.full_load_all")  # fmt: skip
_note("code-loads", "loads native code or builds it", "ctypes.CDLL ctypes.cdll ctypes.PyDLL "
      "ctypes.WinDLL ctypes.windll ctypes.pythonapi ctypes.memmove _ctypes.dlopen cffi.FFI "
      "imp.load_source imp.load_dynamic importlib.machinery.ExtensionFileLoader "
      "zipimport.zipimporter torch.utils.cpp_extension.load_inline torch.ops.load_library "
      "torch.classes.load_library tensorflow.load_op_library tensorflow.load_library")  # fmt: skip
_note("code-connects", "opens a connection of its own", "socket.create_connection "
      "smtplib.SMTP smtplib.SMTP_SSL ftplib.FTP telnetlib.Telnet paramiko.SSHClient "
      "xmlrpc.client.ServerProxy socketserver.TCPServer dns.resolver.resolve")  # fmt: skip
_note("code-runs-by-itself", "installs packages while it runs", "pip.main pip._internal.main "
      "ensurepip.bootstrap")  # fmt: skip
_note("code-patches", "follows or changes how everything else runs", "sys.settrace sys.setprofile "
      "sys.addaudithook")  # fmt: skip

_FAMILIES = re.compile(
    r"os\.(?:exec[lv]p?e?|spawn[lv]p?e?|posix_spawnp?)\Z"
    r"|subprocess\.(?:run|call|check_call|check_output|Popen|getoutput|getstatusoutput)\Z"
)
_OS = ["execv", "execl", "execvp", "execve", "spawnv", "spawnl", "posix_spawn"]
_SUBPROCESS = ["run", "call", "check_call", "check_output", "Popen", "getoutput"]


def sink_of(name: str) -> tuple[str, str] | None:
    """The rule and what the function does; None where it is none of these."""
    if name in _SINKS:
        rule, told = _SINKS[name]
        return rule, f"{name} {told}"
    return (_RUNS, f"{name} runs a program") if _FAMILIES.match(name) else None


def names_in(module: str) -> list[str]:
    """The functions of a module that do something of this kind, for `import *`."""
    start = f"{module}."
    found = [name[len(start) :] for name in _SINKS if name.startswith(start)]
    return found + {"os": _OS, "subprocess": _SUBPROCESS}.get(module, [])
