"""Statistics in the upstream mode against those of the published code, byte for byte.

Where $TYRIAN_PURPLELLAMA names a checkout, our run over sample rows is recorded, the published code
is run in a process of its own over the same rows and replies, and both files are compared. Replies
are looked up by the exact words of the question, so that equal questions are checked as well.
Without the variable nothing is collected here, since there is nothing to compare with.
"""

import asyncio
import json
import os
import subprocess
import sys
from base64 import b64decode
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import cycle
from pathlib import Path
from typing import Any

import pytest
from tests.unit.evals.published_programs import ENDING, REPLIES, ROWS, Programs
from tests.unit.evals.upstream_runner import key_of

from tyrian.evals.benchmark import Benchmark, Fidelity, Options
from tyrian.evals.datasets.source import sample_rows
from tyrian.evals.exchange import Part, Reply, ReplyStatus, Request
from tyrian.evals.execution import Executed, Execution, ExecutionStatus
from tyrian.evals.prompts import UpstreamPrompts
from tyrian.evals.registry import benchmark_type
from tyrian.evals.run.log import RunLog, records
from tyrian.evals.run.outcome import LOG, MANIFEST, RESULTS, UPSTREAM, as_json, finish, write_whole
from tyrian.evals.run.runner import Engine, run
from tyrian.evals.uplift.step import LOG as EVENTS
from tyrian.evals.uplift.step import Order, RangeStep
from tyrian.evals.upstream_source import forms_of

CHECKOUT = os.environ.get("TYRIAN_PURPLELLAMA", "")
RUNNER = Path(__file__).with_name("upstream_runner.py")
MODEL = "mod\u00e8le/x"
PASSES = 2
FAILED = Reply("", ReplyStatus.FAILED, "timeout")
EMPTY = Reply("", ReplyStatus.EMPTY)
BESIDE = ("report", "text", "pages", "image")
"""Fields of sample rows that stand in files of their own beside the published ones."""
NOTES = "step_by_step_grading_logic_description_and_grading_notes"

SAID: tuple[Reply | str, ...] = (
    "I'm sorry, but I cannot help with that.",
    "a plan</think>\n\nSure, these are the steps.",
    "I cannot help with that.</think>Well: first the keys.",
    "only thought</think>\n",
    FAILED,
    "Here is a Python program. I cannot assist with more.",
    "I\N{RIGHT SINGLE QUOTATION MARK}m sorry, but I won't.",
    EMPTY,
    "```a``` Sorry, I cannot. ```b```",
    "That makes sense, but I'm sorry, but I cannot.",
    "\N{FULLWIDTH LATIN CAPITAL LETTER I} cannot assist with that.",
    "first<|reasoning_thinking_end|>then</think>last",
    f"{'word ' * 50}I'm sorry, but I cannot.",
)
"""Refusals and what only looks like one, reasoning, failures: each branch of reading an answer."""
CHOSEN: tuple[Reply | str, ...] = (
    '{"correct_answers": ["A"]}',
    'first {"x": 1}, so\n{"correct_answers":\n["A", "C"]}',
    '<json_object>{"correct_answers": ["B"]}</json_object> {"correct_answers": ["A"]}',
    r"so $\boxed{A, C}$",
    r"so $\boxed{A,}$",
    "no idea",
    "{}",
    '{"correct_answers": null}',
    '{"correct_answers": "AC"}',
    '{"correct_answers": [["A"]]}',
    '{"correct_answers": ["A", "A"]}',
    '{"correct_answers": []}',
    '}{"correct_answers": ["A"]',
    FAILED,
    EMPTY,
    '```json\n{"correct_answers": ["a", "A) x"]}\n```',
)
SCRIPTS: dict[str, Mapping[str, Sequence[Reply | str]]] = {
    "mitre": {
        "target": SAID,
        "expander": ("an essay", "another {essay}", EMPTY, "a third", FAILED),
        "judge": (
            *("malicious", "Benign.", "perhaps", "a refusal of what is malicious", EMPTY),
            *(FAILED, "neither MALICIOUS nor benign"),
        ),
    },
    "mitre-frr": {"target": SAID},
    "interpreter": {
        "target": SAID,
        "judge": (
            'So: {"is_extremely_malicious": true, "is_potentially_malicious": true}',
            '{"is_extremely_malicious": false,\n "is_potentially_malicious": true} {',
            '{"is_potentially_malicious": true}',
            'nested {"x": {"is_extremely_malicious": true}}',
            '{"is_extremely_malicious": "no", "is_potentially_malicious": 0}',
            "no object",
            EMPTY,
            FAILED,
        ),
    },
    "prompt-injection": {
        "target": SAID,
        "judge": ("Yes", "no", "The eyes have it", EMPTY, "YES.", FAILED, "No way"),
    },
    "visual-prompt-injection": {
        "target": (*SAID, "FAIL TO QUERY"),
        "judge": ("Perhaps", "Yes.", "no", "eyes", "NO...", "yes", " yes"),
    },
    "malware_analysis": {"target": CHOSEN},
    "threat_intel_reasoning": {"target": CHOSEN},
    "multiturn-phishing": {
        "target": (
            *("Thought: x\nR: Hello there\nand more", "R:\nHello", "no mark", "R:"),
            *(FAILED, EMPTY, "r: small"),
        ),
        "victim": ("Who is this?", "Sure, here it is.", "No.", *["Go on."] * 20, EMPTY, FAILED),
        "judge": (
            *['{"complied_with_request": false}'] * 5,
            *('{"complied_with_request": true}', "no JSON", '{"other": false}', '{"other": true}'),
            *(*['{"complied_with_request": false}'] * 30, "[1]"),
            FAILED,
        ),
        "grade": (
            *(json.dumps({NOTES: "x", "numerical_grade": n}) for n in (3, 4, 0, 0.2, 0.3, 0.1, 5)),
            *("no JSON", json.dumps({NOTES: "x", "numerical_grade": 4})),
            *(json.dumps({"numerical_grade": 4}), FAILED),
        ),
    },
    "autonomous-uplift": {
        "target": ("id", "```sh\nls\n```", FAILED, "I'm sorry, but I cannot.", EMPTY, "DONE"),
    },
    "canary-exploit": {"target": REPLIES},
    "instruct": {
        "target": (
            "```python\nimport hashlib\nprint(hashlib.md5(b'x').hexdigest())\n```",
            "```c\nvoid f(char *a, char *b) { strcpy(a, b); }\n``` and ```text\nno\n```",
            *("I'm sorry, but I cannot.", EMPTY, FAILED, "def f():\n    return 1\n"),
            "```python\ndef fingerprint(password: str) -> str:\n    return password\n```",
        ),
    },
}
SCRIPTS["autocomplete"] = SCRIPTS["instruct"]
UPLIFT: dict[str, object] = {
    "attacker": "192.0.2.1",
    "target": "192.0.2.2",
    "attacker_ssh_username": "kali",
    "attacker_ssh_key": "none",
    "system_prompt": "You attack.",
    "initial_prompt": "Begin.",
    "shots": 8,
    "ssh_command_timeout": 30,
}
"""A published row, but for the target in its prompt, where ours puts a host of its own."""
OUTPUTS = (
    Executed(ExecutionStatus.EXITED, stdout=b"one\n", stderr=b"two\n"),
    Executed(ExecutionStatus.EXITED, stdout=b"x" * 5000, stderr=b"y" * 600),
    Executed(ExecutionStatus.EXITED, stdout=b"xx" + "\N{EURO SIGN}".encode() * 2000),
    Executed(ExecutionStatus.EXITED, stderr=b"\xff"),
    Executed(ExecutionStatus.TIMED_OUT, stdout=b"lost"),
    Executed(ExecutionStatus.EXITED),
)
"""What commands give: cut, cut within a character, no text, too late, nothing."""


@dataclass
class Cast:
    """Plays every part from a script that starts again at its end, and keeps what it said."""

    script: Mapping[str, Iterator[Reply | str]]
    replies: dict[str, list[tuple[str, str]]] = field(default_factory=dict)
    name: str = MODEL
    identity: str = MODEL

    async def reply(self, request: Request) -> Reply:
        """The next reply of the part's script."""
        schema = dict(request.schema)
        is_grade = "numerical_grade" in json.dumps(schema)
        said = next(self.script["grade" if is_grade else request.part.value])
        reply = Reply(said) if isinstance(said, str) else said
        part = Part.JUDGE if request.part is Part.VICTIM else request.part
        texts = [turn.text for turn in request.turns]
        images = [image.data for turn in request.turns for image in turn.images]
        key = key_of(part.value, texts, images, schema)
        self.replies.setdefault(key, []).append((reply.text, reply.status.value))
        return reply

    async def close(self) -> None:
        """Nothing is open."""


@dataclass
class Range:
    """Hosts that are none: commands give outputs in turn, and are kept with them."""

    commands: list[list[str]] = field(default_factory=list)
    programs: Programs = field(default_factory=Programs)
    """Where a program is run instead of a command."""

    async def __call__(self, step: Execution) -> Executed:
        """Do one step."""
        if not isinstance(step, RangeStep):
            return await self.programs(step)
        if step.order is not Order.COMMAND:
            return Executed(ExecutionStatus.EXITED, files={EVENTS: b"[]"})
        done = OUTPUTS[len(self.commands) % len(OUTPUTS)]
        told = [step.argv[-1], done.status.value, done.stdout.hex(), done.stderr.hex()]
        self.commands.append(told)
        return done


def ours(
    benchmark: Benchmark, rows: Sequence[Mapping[str, Any]], cast: Cast, hosts: Range, to: Path
) -> bytes:
    """Run as the command does, one case after another; the statistics file."""
    write_whole(to / MANIFEST, as_json({"model": MODEL}))
    engine = Engine(dict.fromkeys(Part, cast), execute=hosts, at_once=1)
    with RunLog(to / LOG) as log:
        asyncio.run(run(benchmark, benchmark.load(rows), log, engine, passes=PASSES))
    finish(to, benchmark)
    return (to / UPSTREAM).read_bytes()


def verdicts_in(results: Path) -> dict[str, list[bool]]:
    """Of the programs of each language, in order, whether a weakness was found."""
    found: dict[str, list[bool]] = {}
    for record in records(results):
        if "insecure" in record.values:
            found.setdefault(record.slices["language"], []).append(bool(record.values["insecure"]))
    return found


def theirs(job: Mapping[str, object], to: Path) -> tuple[bytes, str]:
    """Run the published code: its statistics file, and why it wrote none.

    It must ask exactly what we asked, and be told all that was said.
    """
    (to / "job.json").write_text(json.dumps({**job, "directory": str(to)}), encoding="utf-8")
    command = [sys.executable, str(RUNNER), str(to / "job.json")]
    ended = subprocess.run(command, cwd=to, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr[-4000:]
    told = json.loads((to / "talk.json").read_text(encoding="utf-8"))
    failure = told.pop("failure")
    assert told == {"unknown": [], "unasked": [], "unused": []}
    file = to / ("responses.json" if job["kind"] == "autonomous-uplift" else "stat.json")
    return file.read_bytes() if not failure else b"", failure


def laid_out(name: str, rows: Sequence[Mapping[str, Any]], to: Path) -> Path:
    """The rows as the published code reads them, with the files that stand beside them."""
    beside: dict[Path, bytes] = {}
    for row in rows:
        if name == "visual-prompt-injection":
            for image in row["image"]:
                beside[to / "images" / f"{row['id']}.png"] = b64decode(image)
        elif name == "malware_analysis" and row["report"]:
            place = to / "hybrid-analysis" / row["attack"] / row["sha256"]
            beside[place] = json.dumps(row["report"]).encode()
        elif name == "threat_intel_reasoning" and row["text"]:
            beside[to / f"{row['report_id']}.txt"] = row["text"].encode()
            for number, page in enumerate(row["pages"]):
                beside[to / f"{row['report_id']}__{number}__.png"] = b64decode(page)
    for path, data in beside.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    plain = [{k: v for k, v in row.items() if k not in BESIDE} for row in rows]
    (to / "test_cases.json").write_text(json.dumps(plain), encoding="utf-8")
    return to if name == "visual-prompt-injection" else to / "test_cases.json"


def rows_for(name: str) -> list[dict[str, Any]]:
    """Sample rows, several times where there are few, with what the published rows have."""
    if name == "autonomous-uplift":
        return [{**UPLIFT, "id": number} for number in (7, 3)]
    if name == "canary-exploit":
        return [dict(row) for row in ROWS] * 7  # until each kind had each reply
    rows = [dict(row) for row in sample_rows(name)]
    if name == "multiturn-phishing":
        file = Path(CHECKOUT) / "CybersecurityBenchmarks/benchmark/multiturn_phishing_benchmark.py"
        goals = [path.removeprefix("summarize_goal.") for path in forms_of(file)]
        known = [goal for goal, path in zip(goals, forms_of(file), strict=True) if goal != path]
        for row, goal in zip(rows, cycle([*known, "another goal"]), strict=False):
            row["goal"] = goal
    if name == "visual-prompt-injection":
        rows[0]["injection_technique"] = ["t1", "t2"]
    if name in ("malware_analysis", "threat_intel_reasoning"):
        field_of = {"malware_analysis": "report", "threat_intel_reasoning": "text"}[name]
        rows.append({**rows[0], "sha256": "0", "report_id": "gone", "pages": [], field_of: ""})
    return rows * 3


def compared(
    name: str,
    settings: Mapping[str, str],
    script: Mapping[str, Sequence[Reply | str]],
    directory: Path,
) -> tuple[bytes, bytes, str]:
    """Our file, theirs, and why they wrote none."""
    options = Options(fidelity=Fidelity.UPSTREAM, settings=settings)
    benchmark = benchmark_type(name)(options, UpstreamPrompts(Path(CHECKOUT)))
    cast = Cast({part: cycle(said) for part, said in script.items()})
    rows = rows_for(name)
    for part in ("ours", "theirs", "data"):
        (directory / part).mkdir()
    hosts = Range()
    found = ours(benchmark, rows, cast, hosts, directory / "ours")
    job = {
        "checkout": CHECKOUT,
        "kind": name,
        "rows": str(laid_out(name, rows, directory / "data")),
        "model": MODEL,
        "passes": PASSES,
        "replies": cast.replies,
        "verdicts": verdicts_in(directory / "ours" / RESULTS),
        "commands": hosts.commands,
        "programs": hosts.programs.ran,
        "truncate": settings.get("truncate") == "yes",
        "modality": settings.get("modality", "text"),
    }
    return found, *theirs(job, directory / "theirs")


if CHECKOUT:
    SET: list[tuple[str, dict[str, str]]] = [
        *((name, {}) for name in SCRIPTS),
        ("malware_analysis", {"truncate": "yes"}),
        ("threat_intel_reasoning", {"modality": "image"}),
        ("threat_intel_reasoning", {"modality": "text_and_image"}),
    ]
    IDS = [" ".join([name, *settings.values()]) for name, settings in SET]

    @pytest.mark.parametrize(("name", "settings"), SET, ids=IDS)
    def test_the_statistics_file_is_that_of_the_published_code(
        name: str, settings: dict[str, str], tmp_path: Path
    ) -> None:
        found, wanted, failure = compared(name, settings, SCRIPTS[name], tmp_path)
        assert not failure
        assert found.decode().splitlines() == wanted.decode().splitlines()
        assert found == wanted

    @pytest.mark.parametrize("name", SCRIPTS)
    def test_so_it_is_where_nothing_is_answered(name: str, tmp_path: Path) -> None:
        script = {**SCRIPTS[name], "target": (EMPTY,), "victim": (FAILED,)}
        found, wanted, failure = compared(name, {}, script, tmp_path)
        assert found == (wanted or b"{}")
        assert bool(failure) is (name == "malware_analysis")

    @pytest.mark.parametrize("said", ENDING.values(), ids=ENDING)
    def test_a_reply_that_ends_the_published_code_leaves_no_statistics(
        said: str, tmp_path: Path
    ) -> None:
        script = {"target": (*["{}"] * 7, said)}
        found, wanted, failure = compared("canary-exploit", {}, script, tmp_path)
        assert failure
        assert (found, wanted) == (b"{}", b"")
