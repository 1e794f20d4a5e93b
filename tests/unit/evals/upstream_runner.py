"""Run the published code of one benchmark over recorded replies; started as a program.

    python upstream_runner.py JOB.json

A job names the checkout, the kind of benchmark, the file of its rows, the directory to write into,
all that models said by the exact words they were asked, what was found in programs, how programs
ended on which input, and what commands gave. Models, analyser, compilers, programs and hosts are
replaced by these records; what differs in what was asked is told in `talk.json`. The published code
itself writes its statistics to `stat.json`, and where it has none its responses to
`responses.json`.
"""

import asyncio
import hashlib
import importlib
import io
import json
import sys
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

PACKAGE = "CybersecurityBenchmarks.benchmark"
PLACES = {
    "mitre": ("mitre_benchmark", "MitreBenchmark"),
    "mitre-frr": ("mitre_frr_benchmark", "MitreFRRBenchmark"),
    "interpreter": ("interpreter_benchmark", "InterpreterBenchmark"),
    "prompt-injection": ("prompt_injection_benchmark", "PromptInjectionBenchmark"),
    "visual-prompt-injection": (
        *("visual_prompt_injection_benchmark", "VisualPromptInjectionBenchmark"),
    ),
    "malware_analysis": ("crwd_meta.malware_analysis", "MalwareAnalysisBenchmark"),
    "threat_intel_reasoning": (
        *("crwd_meta.threat_intel_reasoning_benchmark", "ThreatIntelReasoningBenchmark"),
    ),
    "multiturn-phishing": ("multiturn_phishing_benchmark", "MultiturnPhishingBenchmark"),
    "autonomous-uplift": ("autonomous_uplift_benchmark", "AutonomousUpliftBenchmark"),
    "canary-exploit": ("canary_exploit_benchmark", "CanaryExploitBenchmark"),
    "instruct": ("instruct_or_autocomplete_benchmark", "InstructOrAutoCompleteBenchmark"),
    "autocomplete": ("instruct_or_autocomplete_benchmark", "InstructOrAutoCompleteBenchmark"),
}
"""Module and class of each kind."""
EXPLOITS = "CybersecurityBenchmarks.datasets.canary_exploit"
RUNNING = (
    *("constraint_satisfaction.c.c_generator", "memory_corruption.c_buffer_overflow_generator"),
    *("constraint_satisfaction.javascript.javascript_generator", "memory_corruption.examples"),
    *("constraint_satisfaction.python.python_generator",),
    *("constraint_satisfaction.sqlite.sqlite_generator",),
)
"""Modules that build and run programs."""


def key_of(part: str, said: Sequence[str], images: Sequence[bytes], schema: object) -> str:
    """What a question is known by: who is asked, every turn, the images, the form of the answer."""
    digests = sorted(hashlib.sha256(image).hexdigest() for image in images)
    return json.dumps([part, list(said), digests, schema or {}], sort_keys=True)


class Talk:
    """All that was said, each reply given once and in order."""

    def __init__(self, replies: Mapping[str, Sequence[Sequence[str]]]) -> None:
        self.left = {key: list(said) for key, said in replies.items()}
        self.unknown: list[str] = []

    def reply(self, key: str) -> str:
        """The next reply to a question; an error where the model failed, or was never asked so."""
        if not self.left.get(key):
            self.unknown.append(key)
            raise LookupError("this was never asked")
        text, status = self.left[key].pop(0)
        if status == "failed":
            raise RuntimeError("the model fails here")
        return text

    def told(self) -> dict[str, list[str]]:
        """What was asked only here, and what was not asked here."""
        return {
            "unknown": self.unknown,
            "unasked": [key for key, said in self.left.items() if said],
        }


class Recorded:
    """A model of the published code that says what was recorded."""

    def __init__(self, part: str, model: str, talk: Talk) -> None:
        self.part, self.model, self.talk = part, model, talk

    def _said(self, said: Sequence[str], schema: str | None, images: Sequence[str] = ()) -> str:
        shown = [Path(image).read_bytes() for image in images]
        form = json.loads(schema) if schema else {}
        return self.talk.reply(key_of(self.part, said, shown, form))

    def query_with_retries(self, prompt: str, guided_decode_json_schema: str | None = None) -> str:
        """One turn."""
        return self._said([prompt], guided_decode_json_schema)

    def query_with_system_prompt_with_retries(
        self, system_prompt: str, prompt: str, guided_decode_json_schema: str | None = None
    ) -> str:
        """One turn after a system prompt."""
        return self._said([system_prompt, prompt], guided_decode_json_schema)

    def chat_with_system_prompt_with_retries(
        self,
        system_prompt: str,
        prompt_with_history: Sequence[str],
        guided_decode_json_schema: str | None = None,
    ) -> str:
        """The last of several turns."""
        return self._said([system_prompt, *prompt_with_history], guided_decode_json_schema)

    def query_with_system_prompt_and_image_with_retries(
        self,
        system_prompt: str,
        prompt: str,
        image_path: str,
        guided_decode_json_schema: str | None = None,
    ) -> str:
        """One turn with an image."""
        return self._said([system_prompt, prompt], guided_decode_json_schema, [image_path])

    def query_multimodal_with_retries(
        self, text_prompt: str, image_paths: Sequence[str] | None = None
    ) -> str:
        """One turn, with images where there are any."""
        return self._said([text_prompt], None, image_paths or ())


class Programs:
    """Compilers and programs of the published code: they do what was recorded, each run once.

    It takes the place of the module `subprocess`.
    """

    PIPE = -1

    def __init__(self, ran: Sequence[Mapping[str, Any]], unknown: list[str]) -> None:
        self.unknown = unknown
        self.left: dict[tuple[str, str], list[Mapping[str, Any]]] = {}
        self.unbuilt = {one["code"] for one in ran if not one["is_built"]}
        self.never_built = set(self.unbuilt)
        self.built = b""
        for one in ran:
            if one["is_built"]:
                self.left.setdefault((one["code"], one["given"]), []).append(one)

    def told(self) -> list[str]:
        """What was run or built only by us."""
        return [str(key) for key, left in self.left.items() if left] + sorted(self.never_built)

    def run(self, argv: Sequence[Any], text: bool = False, **_: object) -> Any:
        """A compiler, or a program whose input is an argument or a file that one names."""
        if argv[0] in ("gcc", "g++"):
            return self._build(
                next(Path(one) for one in argv if Path(one).suffix in (".c", ".cpp"))
            )
        code = self.built
        if argv[0] in ("node", "python3"):
            code, argv = Path(argv[1]).read_bytes(), argv[1:]
        is_file = isinstance(argv[1], Path)
        if not is_file and "\0" in argv[1]:
            raise ValueError("embedded null byte")
        done = self._done(code, argv[1].read_bytes() if is_file else argv[1].encode())
        out, err = bytes.fromhex(done["stdout"]), bytes.fromhex(done["stderr"])
        return SimpleNamespace(
            returncode=done["returncode"],
            stdout=out.decode() if text else None,
            stderr=err.decode() if text else None,
        )

    def Popen(self, _: object, **__: object) -> Any:  # noqa: N802 - the name that is called
        """A program whose input is fed to it."""

        def communicate(given: bytes) -> tuple[bytes, None]:
            return bytes.fromhex(self._done(self.built, given)["stdout"]), None

        return SimpleNamespace(communicate=communicate)

    def _build(self, source: Path) -> Any:
        self.built = source.read_bytes()
        self.never_built.discard(self.built.hex())
        is_built = self.built.hex() not in self.unbuilt
        return SimpleNamespace(returncode=int(not is_built), stdout="", stderr="not built")

    def _done(self, code: bytes, given: bytes) -> Mapping[str, Any]:
        left = self.left.get((code.hex(), given.hex()))
        if not left:  # told beside the error, which the published code passes over
            self.unknown.append(f"{code!r} was never run with {given!r}")
            raise LookupError("this was never run")
        return left.pop(0)


def stand_in() -> None:
    """Replace what the statistics do not need: providers, and packages that are missing."""
    _put(f"{PACKAGE}.llm", LLM=Recorded, RetriesExceededException=RuntimeError)
    _put_if_missing("tqdm", tqdm=lambda values, **_: values)
    _put_if_missing("PIL", Image=None)
    _put_if_missing("typing_extensions", override=lambda method: method)
    _put_if_missing("sacrebleu", corpus_bleu=_own_bleu)
    _put_if_missing("regex")


def put_analyser(verdicts: Mapping[str, list[bool]]) -> None:
    """An analyser that says of each program what was recorded, by language and in order."""

    async def analyze(language: Any, code: str, before: str | None = None) -> list[Any]:
        return [SimpleNamespace(cwe_id="CWE-0")] if verdicts[language.value].pop(0) else []

    parent, name = "CodeShield.insecure_code_detector", "insecure_code_detector"
    _put(f"{parent}.{name}", analyze=analyze)
    setattr(importlib.import_module(parent), name, sys.modules[f"{parent}.{name}"])


def put_programs(programs: Programs) -> None:
    """Compilers and programs that are none, for the modules that run them."""
    for name in RUNNING:
        vars(importlib.import_module(f"{EXPLOITS}.{name}"))["subprocess"] = programs


def put_hosts(commands: list[list[str]]) -> None:
    """An SSH library that reaches no host: each command in turn gives what was recorded."""

    def exec_command(command: str, timeout: float) -> tuple[None, io.BytesIO, io.BytesIO]:
        known, status, out, err = commands.pop(0)
        if command != known:
            raise LookupError(f"{command!r} was never run, but {known!r}")
        if status == "timed_out":
            raise TimeoutError
        return None, io.BytesIO(bytes.fromhex(out)), io.BytesIO(bytes.fromhex(err))

    host = SimpleNamespace(
        exec_command=exec_command,
        set_missing_host_key_policy=lambda _: None,
        connect=lambda **_: None,
        close=lambda: None,
    )
    key = SimpleNamespace(from_private_key=lambda _: "key")
    _put("paramiko", SSHClient=lambda: host, AutoAddPolicy=lambda: None, Ed25519Key=key)


def _own_bleu(hypotheses: Sequence[str], references: Sequence[Sequence[str]], **_: object) -> Any:
    """Where sacrebleu is not installed: our own, whose equality has tests of its own."""
    from tyrian.evals.bleu import bleu

    return SimpleNamespace(score=bleu(hypotheses[0], references[0][0]))


def _put_if_missing(name: str, **members: object) -> None:
    try:
        importlib.import_module(name)
    except ImportError:
        _put(name, **members)


def _put(name: str, **members: object) -> None:
    module = ModuleType(name)
    vars(module).update(members)
    sys.modules[name] = module


def _one_at_a_time(max_workers: int) -> ThreadPoolExecutor:
    """Replies to equal questions are given in order, which several threads would mix up."""
    return ThreadPoolExecutor(max_workers=min(1, max_workers))


def main(job: Mapping[str, Any]) -> None:
    """Ask, judge, and let the published code write its statistics."""
    sys.path.insert(0, job["checkout"])
    stand_in()
    put_hosts(job["commands"])
    if job["verdicts"]:
        put_analyser(job["verdicts"])
    vars(importlib.import_module(f"{PACKAGE}.query_llm"))["ThreadPoolExecutor"] = _one_at_a_time
    directory, talk = Path(job["directory"]), Talk(job["replies"])
    programs = Programs(job["programs"], talk.unknown)
    if job["kind"] == "canary-exploit":
        put_programs(programs)
    config = importlib.import_module(f"{PACKAGE}.benchmark").BenchmarkConfig(
        llms_under_test=[Recorded("target", job["model"], talk)],
        response_path=directory / "responses.json",
        judge_response_path=directory / "judged.json",
        stat_path=directory / "stat.json",
        expansion_llm=Recorded("expander", "e", talk),
        judge_llm=Recorded("judge", "j", talk),
        pass_k=job["passes"],
        cot_end_tokens=[],
        truncate_input=job["truncate"],
        input_modality=job["modality"],
    )
    module, name = PLACES[job["kind"]]
    benchmark = getattr(importlib.import_module(f"{PACKAGE}.{module}"), name)(config)
    benchmark.query_llm_to_generate_responses(Path(job["rows"]), run_llm_in_parallel=1)
    failure = ""
    try:
        asyncio.run(benchmark.run(run_llm_in_parallel=1))
    except (ValueError, TypeError, RecursionError) as error:
        failure = str(error)
    unused = [language for language, left in job["verdicts"].items() if left] + job["commands"]
    unused += [] if failure else programs.told()  # it ends at the first case that it fails on
    told = {**talk.told(), "unused": unused, "failure": failure}
    (directory / "talk.json").write_text(json.dumps(told), encoding="utf-8")


if __name__ == "__main__":
    main(json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")))
