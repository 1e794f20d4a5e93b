"""Crashes of real projects: images of ARVO, one with the bug and one with the fix for each case.

Source: ARVO (2024), arXiv:2408.02153, and AutoPatchBench (Meta, 2025). In an image `arvo` runs the
crashing input `/tmp/poc`, `arvo compile` builds the project below /src. The rungs are those of the
built-in tier. The last compares, input by input, what patched and fixed program write and how they
end, over all that fuzzing has found.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tyrian.evals.execution import ExecutionLimits
from tyrian.evals.patching.c_function import function_at
from tyrian.evals.patching.container import SHARED, ContainerStep

FRAMES, FUNCTIONS = 10, 5
"""Of the stack: how many frames are shown, and how many functions."""
FUZZ_S = 600
_FRAME = re.compile(r"#\d+ 0x[0-9a-f]+ in (.+?) (/src/[^\s:]+):(\d+)")
_BANNER = re.compile(r"INFO: |Running: |Executed |\*\*\*|\S+: Running \d+ inputs")
"""Lines of libFuzzer's own: seeds, counters, times."""
_NOISE = re.compile(r"0x[0-9a-f]+|==\d+==|\b\d+ ms\b")
_LIMITS = {"memory": 8 << 30, "processes": 512, "output": 1 << 23}
_LOOK = "timeout 120 arvo > /tmp/said 2>&1; echo exit $?; head -c 30000 /tmp/said"
_READ = 'n=0; for f in "$@"; do cp "$f" {shared}/file$n; n=$((n+1)); done'
_CLIMB = """
say() {{ echo "stage: $1"; }}
is_crash() {{ grep -qE "ERROR: [A-Za-z]*Sanitizer|runtime error:|WARNING: MemorySanitizer" "$1"; }}
cp {shared}/patched "$1" || exit 7
arvo compile > /tmp/build.txt 2>&1 || {{ tail -c 4000 /tmp/build.txt; exit 0; }}
say build
timeout 120 arvo > /tmp/crash.txt 2>&1
code=$?
if [ $code -ne 0 ] || is_crash /tmp/crash.txt; then head -c 4000 /tmp/crash.txt; exit 0; fi
say crash
target=$(grep -oE '/out/[A-Za-z0-9_.+-]+' "$(command -v arvo)" | head -n 1)
"$target" -help=1 2>&1 | grep -q max_total_time || {{ echo "no libFuzzer target"; exit 7; }}
mkdir -p /tmp/found /tmp/seeds && cp /tmp/poc /tmp/seeds/
"$target" -max_total_time={fuzz_s} -seed=1 -timeout=25 -rss_limit_mb=2560 -print_final_stats=0 \\
    /tmp/found /tmp/seeds > /tmp/fuzz.txt 2>&1 || {{
    grep -m1 -E "ERROR|runtime error" /tmp/fuzz.txt; exit 0; }}
say fuzz
{{ echo /tmp/poc; find /tmp/found -type f | sort | head -n 400; }} > /tmp/names
tar cf {shared}/corpus.tar -T /tmp/names 2>/dev/null
{compare}
"""
_COMPARE = """while read -r name; do
    echo "> $name"
    # Whoever looks for leaks runs an input twice now and then. What is not kept is read all the
    # same: a program that is cut off ends by a signal, or not.
    timeout 30 "$target" -detect_leaks=0 "$name" 2>&1 | {{ head -c 4000; cat > /dev/null; }}
    echo "= ${{PIPESTATUS[0]}}"
done < /tmp/names > {shared}/said.txt"""
_FIXED = """
target=$(grep -oE '/out/[A-Za-z0-9_.+-]+' "$(command -v arvo)" | head -n 1)
tar xf {shared}/corpus.tar -C / && tar tf {shared}/corpus.tar | sed 's|^|/|' > /tmp/names
{compare}
"""


@dataclass(frozen=True, slots=True)
class Frame:
    """A place in the project that the stack of a crash goes through."""

    function: str
    path: str
    line: int


@dataclass(frozen=True, slots=True)
class Shown:
    """A function that the model is shown: where it is, and its text."""

    path: str
    name: str
    start: int
    end: int
    text: str


def images_of(number: int) -> tuple[str, str]:
    """The image with the bug, and that with the fix."""
    return f"docker.io/n132/arvo:{number}-vul", f"docker.io/n132/arvo:{number}-fix"


def look(image: str) -> ContainerStep:
    """Let the known input crash the program."""
    return _step(image, _LOOK, 300.0)


def frames_of(said: str) -> tuple[Frame, ...]:
    """The frames of the first stack that lie in the project, the innermost first."""
    found: dict[tuple[str, int], Frame] = {}
    for line in said.splitlines():
        if match := _FRAME.search(line):
            frame = Frame(match[1].partition("(")[0], match[2], int(match[3]))
            found.setdefault((frame.path, frame.line), frame)
        elif found and not line.strip():
            break
    return tuple(found.values())[:FRAMES]


def read(image: str, paths: Sequence[str]) -> ContainerStep:
    """Bring these files of an image."""
    names = tuple(f"file{number}" for number in range(len(paths)))
    return _step(image, _READ.format(shared=SHARED), 120.0, *paths, keep=names)


def shown_of(frames: Sequence[Frame], sources: Mapping[str, str]) -> tuple[Shown, ...]:
    """The functions that the frames lie in, each once."""
    found: dict[tuple[str, int], Shown] = {}
    for frame in frames:
        source = sources.get(frame.path, "")
        function = function_at(source, frame.line)
        if function is not None:
            text = source[function.start : function.end]
            one = Shown(frame.path, function.name, function.start, function.end, text)
            found.setdefault((frame.path, function.start), one)
    return tuple(found.values())[:FUNCTIONS]


def climb(image: str, path: str, source: str, fuzz_s: int = FUZZ_S) -> ContainerStep:
    """Build with a patched file, and try it on the rungs up to fuzzing."""
    script = _CLIMB.format(shared=SHARED, fuzz_s=fuzz_s, compare=_COMPARE.format(shared=SHARED))
    files = {"patched": source.encode("utf-8", "surrogateescape")}
    keep = ("corpus.tar", "said.txt")
    return _step(image, script, fuzz_s + 3600.0, path, files=files, keep=keep)


def fixed(image: str, corpus: bytes) -> ContainerStep:
    """What the fixed program says to the same inputs."""
    script = _FIXED.format(shared=SHARED, compare=_COMPARE.format(shared=SHARED))
    return _step(image, script, 3600.0, files={"corpus.tar": corpus}, keep=("said.txt",))


def difference(patched: bytes, right: bytes) -> str:
    """Where the patched program says something else than the fixed one; empty for nowhere.

    Inputs that the fixed program itself crashes on say nothing.
    """
    ours, theirs = _by_input(patched), _by_input(right)
    for name, said in theirs.items():
        is_sound = said.endswith("= 0")
        if is_sound and ours.get(name) != said:
            return f"{name}:\nfixed: {said[-300:]}\npatched: {ours.get(name, 'nothing')[-300:]}"
    return "" if theirs else "the fixed program said nothing"


def _by_input(said: bytes) -> dict[str, str]:
    found: dict[str, str] = {}
    for part in ("\n" + said.decode("utf-8", "replace")).split("\n> ")[1:]:
        name, _, rest = part.partition("\n")
        lines = [line for line in rest.splitlines() if not _BANNER.match(line)]
        found[name] = _NOISE.sub("?", "\n".join(lines)).strip()
    return found


def _step(
    image: str,
    script: str,
    wall_s: float,
    *arguments: str,
    files: Mapping[str, bytes] | None = None,
    keep: tuple[str, ...] = (),
) -> ContainerStep:
    return ContainerStep(
        ("/bin/bash", "-c", script, "arvo", *arguments),
        files or {},
        limits=ExecutionLimits(wall_s=wall_s, cpu_s=wall_s, **_LIMITS),
        keep=keep,
        image=image,
    )
