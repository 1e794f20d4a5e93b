"""The ladder of a patch: it builds, the crash is gone, fuzzing finds none, nothing else changed.

One run in the sandbox climbs all of it. Fuzzing is libFuzzer under AddressSanitizer and
UndefinedBehaviorSanitizer with a fixed seed and number of runs; the differential stage compares
what patched and right program write, over seeds and all that fuzzing both has found.
"""

from dataclasses import dataclass
from enum import StrEnum

from tyrian.evals.execution import Executed, Execution, ExecutionLimits, ExecutionStatus
from tyrian.evals.patching.program import Program

RUNS = 20_000
"""Inputs that fuzzing tries on the patched program."""
_HARNESS = """#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#ifdef __cplusplus
extern "C" {
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
}
#endif
int run(const uint8_t *data, size_t size, FILE *out);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static FILE *out;
    if (out == NULL) out = fopen("/dev/null", "w");
    run(data, size, out);
    return 0;
}
"""
_DRIVER = """#include <stdint.h>
#include <stdio.h>

int run(const uint8_t *data, size_t size, FILE *out);

int main(int count, char **names) {
    static uint8_t data[1 << 16];
    for (int i = 1; i < count; i++) {
        FILE *file = fopen(names[i], "rb");
        if (file == NULL) return 9;
        size_t size = fread(data, 1, sizeof data, file);
        fclose(file);
        printf("> %s\\n", names[i]);
        printf("= %d\\n", run(data, size, stdout));
        fflush(stdout);
    }
    return 0;
}
"""
_SCRIPT = """
ulimit -s 1024
say() {{ echo "stage: $1"; }}
{cc} -g -O1 -w {sanitize},fuzzer patched.{end} harness.{end} -o patched > build.txt 2>&1 || {{
    head -c 4000 build.txt; exit 0; }}
say build
./patched -rss_limit_mb=1024 -timeout=5 crash.bin > crash.txt 2>&1 || {{
    grep -m1 -E "ERROR|runtime error" crash.txt; head -c 4000 crash.txt; exit 0; }}
say crash
mkdir found
./patched -runs={runs} -seed=1 -max_len=48 -rss_limit_mb=1024 -timeout=5 -print_final_stats=0 \\
    found seeds > fuzz.txt 2>&1 || {{ grep -m1 -E "ERROR|runtime error" fuzz.txt; exit 0; }}
say fuzz
{cc} -g -O1 -w {sanitize},fuzzer fixed.{end} harness.{end} -o fixed || exit 7
mkdir right
./fixed -runs={runs} -seed=2 -max_len=48 -rss_limit_mb=1024 right seeds > /dev/null 2>&1 || exit 7
for which in patched fixed; do
    {cc} -O1 -w $which.{end} driver.{end} -o "$which.driver" || exit 7
    ./"$which.driver" crash.bin seeds/* found/* right/* > "$which.out" 2>&1
    echo "exit $?" >> "$which.out"
done
cmp -s patched.out fixed.out && say differential || diff fixed.out patched.out | head -n 6
"""


class Stage(StrEnum):
    """The rungs, from the ground up."""

    BUILD = "build"
    CRASH = "crash"
    FUZZ = "fuzz"
    DIFFERENTIAL = "differential"


@dataclass(frozen=True, slots=True)
class Climb:
    """How far a patch came; `failed` is None at the top."""

    passed: tuple[Stage, ...]
    said: str
    """What the tools said at the rung that failed."""

    @property
    def failed(self) -> Stage | None:
        """The rung that the patch fell from."""
        return next((stage for stage in Stage if stage not in self.passed), None)


def climb_of(program: Program, function: str, *, runs: int = RUNS) -> Execution:
    """The run that tries a patched function on all rungs."""
    end = "c" if program.language == "c" else "cpp"
    script = _SCRIPT.format(
        cc="clang" if end == "c" else "clang++",
        sanitize="-fsanitize=address,undefined -fno-sanitize-recover=all -fsanitize=address",
        end=end,
        runs=runs,
    )
    files = {
        f"patched.{end}": program.source(function).encode(),
        f"fixed.{end}": program.source(program.patches["fixed"]).encode(),
        f"harness.{end}": _HARNESS.encode(),
        f"driver.{end}": _DRIVER.encode(),
        "crash.bin": program.crash,
        **{f"seeds/{number}": seed for number, seed in enumerate(program.seeds)},
    }
    return Execution(
        ("/bin/bash", "-c", script),
        files,
        limits=ExecutionLimits(
            wall_s=240.0, cpu_s=200.0, memory=4 << 30, output=1 << 16, processes=64
        ),
        environment={"ASAN_OPTIONS": "detect_leaks=0:allocator_may_return_null=1"},
    )


def climbed(done: Executed) -> Climb | None:
    """How far the patch came; None where the ladder itself could not be set up."""
    if not done.was_run or (done.status is ExecutionStatus.EXITED and done.code == 7):
        return None
    lines = done.stdout.decode("utf-8", "replace").splitlines()
    passed = tuple(stage for stage in Stage if f"stage: {stage}" in lines)
    said = "\n".join(line for line in lines if not line.startswith("stage: "))
    if done.status is ExecutionStatus.TIMED_OUT:
        said += "\nthe time for all rungs was over"
    return Climb(passed, said[:4000])
