"""Locking, verifying and comparing run nothing of a model, and connect to nothing."""

import subprocess
import sys
from pathlib import Path

import tyrian

ROOT = Path(__file__).resolve().parents[3]
GUARDED = """
import sys, pathlib
sys.path[:0] = sys.argv[1:3]
from tests.corpus.supply.malicious import all_entries
from tyrian.supply.drift.compare import compare
from tyrian.supply.drift.look import look
from tyrian.supply.drift.tree import tree_of_lock
from tyrian.supply.lock.digest import digest_all
from tyrian.supply.lock.lock import LockedFile, LockedModel, ModelsLock, encode, parse
from tyrian.supply.lock.make import known_facts
from tyrian.supply.lock.verify import verify_model
from tyrian.supply.lock.walk import walk
import concurrent.futures.thread, encodings.cp437, encodings.latin_1, encodings.utf_16
folder = pathlib.Path(sys.argv[3])
for number, (_, name, data) in enumerate(all_entries()):
    (folder / str(number)).mkdir()
    (folder / str(number) / pathlib.PurePosixPath(name).name).write_bytes(data)
REFUSED = ("exec", "import", "compile", "subprocess.", "os.system", "os.exec", "os.posix_spawn",
           "os.spawn", "os.fork", "socket.", "pickle.find_class", "marshal.", "ctypes.",
           "urllib.", "os.remove", "os.rename", "shutil.", "code.__new__")
seen = []
def hook(event, args):
    if event.startswith(REFUSED):
        seen.append((event, str(args)[:200]))
before = set(sys.modules)
sys.addaudithook(hook)
walked = walk(folder)
digests = digest_all(walked.files)
files = tuple(LockedFile(path=f.path, size=f.size, sha256=digests.known[f.path].sha256)
              for f in walked.files)
facts = known_facts(walked.files)
LOAD
model = LockedModel(name="x", approver="a", approved_at="t", files=files, facts=facts)
(model,) = parse(encode(ModelsLock(models=(model,)))).models
faults = verify_model(folder, model).faults
changes = compare(tree_of_lock(model), look(folder, model))
loaded = sorted(set(sys.modules) - before)
found = list(seen)
print(len(files), loaded, found, faults, changes)
sys.exit(bool(found or loaded or faults or changes))
"""


def guarded(tmp_path: Path, load: str) -> subprocess.CompletedProcess[str]:
    """The work over the hostile corpus under a hook that notes what must not happen."""
    source = str(Path(tyrian.__file__).parent.parent)
    return subprocess.run(
        [sys.executable, "-c", GUARDED.replace("LOAD", load), source, str(ROOT), str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
    )


def test_locking_the_whole_corpus_runs_and_imports_nothing(tmp_path: Path) -> None:
    done = guarded(tmp_path, "")
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr
    assert int(done.stdout.split()[0]) >= 150


def test_the_guard_of_this_test_sees_what_a_loader_would_do(tmp_path: Path) -> None:
    assert guarded(tmp_path, "exec('1')").returncode == 1
