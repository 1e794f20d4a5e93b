"""Scanning imports nothing that a file names, starts nothing, and connects to nothing."""

import subprocess
import sys
from pathlib import Path

import tyrian

ROOT = Path(__file__).resolve().parents[3]
GUARDED = """
import sys, pathlib
sys.path[:0] = sys.argv[1:3]
from tests.corpus.supply.malicious import all_entries
from tyrian.supply.scan.scanner import scan_file
from tyrian.supply.scan.homes.template import check_template
from tyrian.supply.scan.finding import Collector
import ast, encodings.rot_13, encodings.raw_unicode_escape, encodings.cp437, encodings.latin_1
import encodings.utf_8_sig, encodings.utf_16, encodings.utf_16_le, yaml
from tyrian.supply.scan.homes.tf_operations import known_operations
from tyrian.supply.scan.walk import scan_paths
from tyrian.supply.scan.later import load_all
load_all()
known_operations()
check_template("{% set a = 'b' %}{{ a }}", Collector(""))
entries = list(all_entries())
folder = pathlib.Path(sys.argv[3])
for _, name, data in entries:
    (folder / name).parent.mkdir()
    (folder / name).write_bytes(data)
REFUSED = ("exec", "import", "subprocess.", "os.system", "os.exec", "os.posix_spawn", "os.spawn",
           "os.fork", "socket.", "pickle.find_class", "marshal.", "ctypes.", "urllib.",
           "webbrowser.", "os.remove", "os.rename", "shutil.", "code.__new__")
seen = []
def hook(event, args):
    if event == "os.remove" and str(folder) not in str(args[0]):
        return  # the nameless file that unpacked bytes go to
    if event.startswith(REFUSED):
        seen.append((event, str(args)[:200]))
    if event == "open" and isinstance(args[1], str) and set(args[1]) & set("wax+"):
        if "/tmp" not in str(args[0]):
            seen.append((event, str(args)[:200]))
before = set(sys.modules)
sys.addaudithook(hook)
for _, name, _ in entries:
    scan_file(folder / name)
written = len(list(scan_paths([pathlib.Path(sys.argv[2], "tests/corpus/supply/written")])))
loaded = set(sys.modules) - before
found = list(seen)
print(len(entries), sorted(loaded), found, written)
sys.exit(bool(found or loaded))
"""


def test_scanning_the_whole_corpus_runs_and_imports_nothing(tmp_path: Path) -> None:
    source = str(Path(tyrian.__file__).parent.parent)
    done = subprocess.run(
        [sys.executable, "-c", GUARDED, source, str(ROOT), str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert int(done.stdout.split()[0]) >= 150
    assert int(done.stdout.split()[-1]) >= 100


def test_the_guard_of_this_test_sees_what_a_loader_would_do(tmp_path: Path) -> None:
    """Loading instead of scanning fails under the same hook, so that it can fail."""
    code = GUARDED.replace("scan_file(folder / name)", "__import__('antigravity_not_there')", 1)
    code = code.replace("    scan_file(folder / name)", "    exec('1')")
    source = str(Path(tyrian.__file__).parent.parent)
    done = subprocess.run(
        [sys.executable, "-c", code, source, str(ROOT), str(tmp_path)],
        capture_output=True,
        check=False,
    )
    assert done.returncode != 0
