"""Judges code inside one environment, ours or a peer's; talks JSON lines.

Run as `python _code_shield_worker.py tyrian | codeshield | codeshield-installed | foxguard |
bandit`. A request is `{"rows": [{"language", "code"}, ...], "profile"}`, where a row without a
language is a message; the answer `{"found": [...], "cpu_us": [...]}`: whether anything was found
(null where the tool does not read that language) and the CPU microseconds that it took, those of
programs which it started included. It must run in the peers' environments, so it needs nothing but
the standard library and the package that it asks.
"""

import asyncio
import json
import logging
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

Judge = Callable[[str | None, str, str], bool | None]
"""From language, code and profile to whether anything was found."""

_ENDINGS = {
    "c": ".c", "cpp": ".cpp", "csharp": ".cs", "go": ".go", "java": ".java", "javascript": ".js",
    "kotlin": ".kt", "kubernetes": ".yaml", "php": ".php", "python": ".py", "ruby": ".rb",
    "rust": ".rs", "shell": ".sh", "sql": ".sql", "swift": ".swift", "terraform": ".tf",
    "typescript": ".ts", "dockerfile": "",
}  # fmt: skip


def _tyrian() -> Judge:
    from tyrian.core.detection import View
    from tyrian.core.message import Message
    from tyrian.core.registry import DetectorConfig, create_detector
    from tyrian.detectors.code_shield.engine import Engine
    from tyrian.detectors.code_shield.rule import Profile

    engine = Engine()
    detectors = {
        profile: create_detector(
            "code_shield", DetectorConfig("code_shield", options={"profile": profile})
        )
        for profile in ("block", "warn", "audit")
    }

    def judge(language: str | None, code: str, profile: str) -> bool:
        if language is None:
            found: Any = detectors[profile].detect(View.of(Message.assistant(code)))
            return bool(found.findings)
        return bool(engine.scan(code, language, Profile(profile)).findings)

    return judge


def _codeshield(*, is_repaired: bool) -> Judge:
    from codeshield.cs import CodeShield
    from codeshield.insecure_code_detector import insecure_code_detector as detector
    from codeshield.insecure_code_detector.languages import Language

    run = detector._run_command

    async def without_root(command: list[str]) -> str:
        # With this option newer versions of semgrep scan nothing and say that all is well.
        at = command.index("--project-root")
        text: str = await run(command[:at] + command[at + 2 :])
        return text

    if is_repaired:
        detector._run_command = without_root
    known = {each.value: each for each in Language} | {"typescript": Language.JAVASCRIPT}

    def judge(language: str | None, code: str, profile: str) -> bool | None:
        if language is not None and language not in known:
            return None
        chosen = None if language is None else known[language]
        result = asyncio.run(CodeShield.scan_code(code, chosen))
        return bool(result.is_insecure)

    return judge


def _foxguard() -> Judge:
    program = str(Path(sys.executable).parent / "foxguard")
    unknown = ("cpp", "sql")  # by the table of languages in its documentation

    def judge(language: str | None, code: str, profile: str) -> bool | None:
        if language is None or language in unknown:
            return None
        name = "Dockerfile" if language == "dockerfile" else "snippet" + _ENDINGS[language]
        with tempfile.TemporaryDirectory() as folder:
            (Path(folder) / name).write_text(code, encoding="utf-8")
            done = subprocess.run(
                [program, "--format", "json", folder], capture_output=True, text=True, check=False
            )
        return bool(json.loads(done.stdout)["findings"])

    return judge


def _bandit() -> Judge:
    from bandit.core.config import BanditConfig
    from bandit.core.manager import BanditManager

    config = BanditConfig()

    def judge(language: str | None, code: str, profile: str) -> bool | None:
        if language != "python":
            return None
        with tempfile.NamedTemporaryFile("w", suffix=".py", encoding="utf-8") as file:
            file.write(code)
            file.flush()
            manager = BanditManager(config, "file", quiet=True)
            manager.discover_files([file.name])
            manager.run_tests()
        return bool(manager.results)

    return judge


def _cpu_s() -> float:
    programs = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + programs.ru_utime + programs.ru_stime


def _answer(judge: Judge) -> None:
    for line in sys.stdin:
        request = json.loads(line)
        found: list[bool | None] = []
        cpu_us: list[float] = []
        for row in request["rows"]:
            began = _cpu_s()
            found.append(judge(row["language"], row["code"], request["profile"]))
            cpu_us.append((_cpu_s() - began) * 1e6)
        sys.__stdout__.write(json.dumps({"found": found, "cpu_us": cpu_us}) + "\n")  # type: ignore[union-attr]
        sys.__stdout__.flush()  # type: ignore[union-attr]


MAKERS: dict[str, Callable[[], Judge]] = {
    "tyrian": _tyrian,
    "codeshield": lambda: _codeshield(is_repaired=True),
    "codeshield-installed": lambda: _codeshield(is_repaired=False),
    "foxguard": _foxguard,
    "bandit": _bandit,
}

if __name__ == "__main__":
    os.environ.setdefault("SEMGREP_SEND_METRICS", "off")
    sys.stdout = sys.stderr
    logging.disable(logging.CRITICAL)
    _answer(MAKERS[sys.argv[1]]())
