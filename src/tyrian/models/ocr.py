"""Reads text in pictures with Tesseract, as a program of its own that a deadline can end."""

import os
import shutil
import subprocess
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache

from tyrian.errors import ConfigError, DetectorError

PROGRAM = "tesseract"
_WORD_LEVEL = "5"
_COLUMNS = 12
_PROBE_S = 10.0
_KEPT_ENVIRONMENT = ("PATH", "TESSDATA_PREFIX", "SYSTEMROOT")


class OcrTimeoutError(DetectorError):
    """The picture could not be read within its time."""


@dataclass(frozen=True, slots=True)
class Word:
    """One word as it was read, with its place in the picture (pixels)."""

    text: str
    confidence: float
    """0 to 100."""
    line: tuple[int, int, int]
    """Block, paragraph and line, in reading order."""
    left: int
    top: int
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class Tesseract:
    """A Tesseract program and the languages that it reads."""

    program: str
    version: str
    languages: tuple[str, ...] = ("eng",)

    def read(self, picture: bytes, timeout_s: float) -> tuple[Word, ...]:
        """The words of a picture in the PNM format, of any confidence.

        OcrTimeoutError after `timeout_s` seconds, DetectorError where the program fails.
        """
        command = [self.program, "stdin", "stdout", "-l", "+".join(self.languages)]
        command += ["--psm", "3", "-c", "tessedit_create_tsv=1"]
        try:
            done = subprocess.run(  # noqa: S603 - no shell, no argument of the picture's making
                command,
                input=picture,
                capture_output=True,
                check=False,
                timeout=timeout_s,
                env=_environment(),
            )
        except subprocess.TimeoutExpired:
            raise OcrTimeoutError(f"text was not read within {timeout_s:.1f} s") from None
        except OSError as error:
            raise DetectorError(f"Tesseract did not start: {type(error).__name__}") from None
        if done.returncode != 0:
            raise DetectorError(f"Tesseract failed with status {done.returncode}")
        return tuple(_words(done.stdout.decode("utf-8", "replace").splitlines()))


def joined(words: Sequence[Word]) -> str:
    """Words as text, line by line."""
    lines: dict[tuple[int, int, int], list[str]] = {}
    for word in words:
        lines.setdefault(word.line, []).append(word.text)
    return "\n".join(" ".join(line) for line in lines.values())


def find_tesseract(languages: tuple[str, ...] = ("eng",)) -> Tesseract | None:
    """Tesseract with these languages, or None where the program is not installed.

    ConfigError where it lacks a language.
    """
    program = shutil.which(PROGRAM)
    if program is None:
        return None
    version, known = _probe(program)
    missing = [name for name in languages if name not in known]
    if missing:
        raise ConfigError(
            f"Tesseract does not read these languages: {', '.join(missing)}",
            hint=f"it reads {', '.join(sorted(known)) or 'none'}; "
            f"apt-get install tesseract-ocr-{missing[0]}",
        )
    return Tesseract(program, version, languages)


@cache
def _probe(program: str) -> tuple[str, frozenset[str]]:
    version = _output(program, "--version").split("\n", 1)[0].removeprefix(PROGRAM).strip()
    lines = _output(program, "--list-langs").splitlines()
    return version, frozenset(line.strip() for line in lines if " " not in line.strip())


def _output(program: str, argument: str) -> str:
    try:
        done = subprocess.run(  # noqa: S603
            [program, argument],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            check=False,
            timeout=_PROBE_S,
            env=_environment(),
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ConfigError(
            f"{program} does not run: {type(error).__name__}",
            hint="install it anew: apt-get install tesseract-ocr",
        ) from None
    return done.stdout.decode("utf-8", "replace")


def _environment() -> dict[str, str]:
    """Little of ours, and one thread: several pictures are read side by side."""
    kept = {key: os.environ[key] for key in _KEPT_ENVIRONMENT if key in os.environ}
    return {**kept, "OMP_THREAD_LIMIT": "1", "LC_ALL": "C"}


def _words(lines: Iterable[str]) -> Iterable[Word]:
    for line in lines:
        cells = line.split("\t")
        if len(cells) != _COLUMNS or cells[0] != _WORD_LEVEL or not cells[11].strip():
            continue
        block, paragraph, row, _, left, top, width, height = map(int, cells[2:10])
        place = (block, paragraph, row)
        yield Word(cells[11].strip(), float(cells[10]), place, left, top, width, height)
