"""Threat intelligence (CTIBench): weaknesses, severities, techniques and actors from texts.

Four of its five tasks have free answers. Their floor is what the same answer would score if the
right answers were dealt to the cases anew: the mean over all rows of the dataset. So a constant
answer, were it the commonest one, is at 0.

Source: Alam and others (2024), arXiv:2406.07599.
"""

import re
from abc import abstractmethod
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import ClassVar

from tyrian.evals.benchmark import Benchmark, Dataset, Dialogue, Direction, Measure, References
from tyrian.evals.benchmarks.quiz import Item, Quiz, letters_in
from tyrian.evals.benchmarks.replies import answer_of, no_answer
from tyrian.evals.cvss import base_score, last_vector
from tyrian.evals.exchange import ask
from tyrian.evals.prompts import OwnPrompts
from tyrian.evals.reasoning import parts_of
from tyrian.evals.rows import Row, text_of
from tyrian.evals.sample import Data, Sample, Score, unscored

_SOURCE = References(source="https://arxiv.org/abs/2406.07599")
_WEAKNESS = re.compile(r"\bCWE-(\d{1,5})\b", re.IGNORECASE)
_TECHNIQUE = re.compile(r"\bT(\d{4})(?:\.\d{3})?\b")


class CtiChoice(Quiz):
    """2,500 questions with four options."""

    name = "ctibench-mcq"
    title = "CTIBench, questions"
    about = "How much the model knows of attacks and defences as ATT&CK and CWE describe them."
    datasets = (Dataset("ctibench/data/cti-mcq.tsv"),)
    references = _SOURCE

    def item(self, row: Row, number: int) -> Item:
        """Questions made from one page are a cluster."""
        options = tuple(
            f"{letter}. {text_of(row, f'Option {letter}', number)}" for letter in "ABCD"
        )
        right = letters_in(text_of(row, "GT", number))
        return Item(
            text_of(row, "Question", number), options, right, {}, text_of(row, "URL", number)
        )


class CtiText(Benchmark):
    """A task with a free answer in its last line, compared with what the dataset says."""

    references = _SOURCE
    ask_name: ClassVar[str]
    """Which of our texts asks."""
    text_field: ClassVar[str] = "Description"

    def load(self, rows: Iterable[Mapping[str, object]]) -> Iterator[Sample]:
        """Cases; each knows how often every right answer occurs in the dataset."""
        read = [(number, row, text_of(row, "GT", number)) for number, row in enumerate(rows)]
        keys = {number: self.key(right) for number, _, right in read}
        dealt = dict(sorted(Counter(key for key in keys.values() if key).items()))
        for number, row, right in read:
            yield Sample(
                id=f"{number:05d}",
                data={
                    "text": text_of(row, self.text_field, number),
                    "right": keys[number],
                    "dealt": dealt,
                    "platform": str(row.get("Platform", "")) or "Enterprise",
                },
                cluster=str(row.get("URL", ""))[:200],
                invalid="" if keys[number] else f"no_right_answer_in_{right[:40]!r}",
            )

    def turns(self, sample: Sample) -> Dialogue:
        """One turn with the text."""
        form = OwnPrompts().form("cti-bench", self.ask_name)
        asked = form.fill(text=sample.data["text"], platform=sample.data["platform"])
        return answer_of((yield ask(asked)))

    def score(self, sample: Sample, answer: Data, judgement: Data) -> Score:
        """Likeness of the answer and the right one, beside its mean likeness to all."""
        if missing := no_answer(answer):
            return missing
        said = self.said(parts_of(str(answer["text"]))[1])
        if not said:
            return unscored("unreadable", f"no {self.wanted} at the end of the answer")
        right, dealt = str(sample.data["right"]), sample.data["dealt"]
        assert isinstance(dealt, dict)
        cases = sum(dealt.values())
        values = {}
        for measure in self.measures:
            like = {key: self.likeness(measure.name, said, key) for key in dealt}
            values[measure.name] = self.likeness(measure.name, said, right)
            values[measure.floor] = sum(like[key] * n for key, n in dealt.items()) / cases
        is_right = values[self.measures[0].name] == 1.0
        return Score(values, "right" if is_right else "wrong", why=f"said {said}, right {right}")

    wanted: ClassVar[str]
    """What the last line is to hold, for people."""

    @abstractmethod
    def key(self, right: str) -> str:
        """The right answer in one writing; empty where it cannot be read."""

    def said(self, text: str) -> str:
        """The answer in one writing; empty where it cannot be read."""
        return self.key(text)

    def likeness(self, measure: str, said: str, right: str) -> float:
        """1 for the same answer, 0 for one that has nothing to do with it."""
        return float(said == right)


class CtiWeakness(CtiText):
    """1,000 vulnerabilities and their weakness; older ones in the variant `2021`."""

    name = "ctibench-rcm"
    title = "CTIBench, root causes"
    about = "How well the model names the weakness behind a vulnerability."
    measures = (
        Measure("exact", "Weaknesses named rightly", Direction.HIGHER, floor="exact_floor"),
    )
    datasets = (
        Dataset("ctibench/data/cti-rcm.tsv"),
        Dataset("ctibench/data/cti-rcm-2021.tsv", "2021"),
    )
    ask_name = "weakness"
    wanted = "CWE identifier"

    def key(self, right: str) -> str:
        """`CWE-79` and the like, without leading zeros."""
        found = _WEAKNESS.findall(right)
        return f"CWE-{int(found[-1])}" if found else ""


class CtiSeverity(CtiText):
    """1,000 vulnerabilities and their CVSS 3.1 vector."""

    name = "ctibench-vsp"
    title = "CTIBench, severity"
    about = "How near the model comes to the severity of a vulnerability."
    measures = (
        Measure(
            *("closeness", "Closeness of base scores (1: same)", Direction.HIGHER),
            floor="closeness_floor",
            is_rate=False,
        ),
        Measure("exact", "Base scores that are the same", Direction.HIGHER, floor="exact_floor"),
    )
    datasets = (Dataset("ctibench/data/cti-vsp.tsv"),)
    ask_name = "severity"
    wanted = "whole CVSS 3.1 vector"

    def key(self, right: str) -> str:
        """The base score of the vector."""
        score = base_score(last_vector(right))
        return "" if score is None else f"{score:.1f}"

    def likeness(self, measure: str, said: str, right: str) -> float:
        """Of `closeness` 1 less a tenth of the distance of the scores."""
        if measure == "exact":
            return float(said == right)
        return 1.0 - abs(float(said) - float(right)) / 10.0


class CtiTechniques(CtiText):
    """60 texts and the techniques of ATT&CK in them."""

    name = "ctibench-ate"
    title = "CTIBench, techniques"
    about = "How well the model finds techniques of ATT&CK in texts."
    measures = (
        Measure(
            *("overlap", "Overlap with the right techniques (Jaccard)", Direction.HIGHER),
            floor="overlap_floor",
            is_rate=False,
        ),
    )
    datasets = (Dataset("ctibench/data/cti-ate.tsv"),)
    ask_name = "techniques"
    wanted = "identifier of a technique"

    def key(self, right: str) -> str:
        """Identifiers of main techniques in order, each once."""
        return ", ".join(sorted({f"T{found}" for found in _TECHNIQUE.findall(right)}))

    def said(self, text: str) -> str:
        """Those of the last line that names any."""
        lines = [line for line in text.splitlines() if _TECHNIQUE.search(line)]
        return self.key(lines[-1]) if lines else ""

    def likeness(self, measure: str, said: str, right: str) -> float:
        """What both name, as a share of what either names."""
        first, second = set(said.split(", ")), set(right.split(", "))
        return len(first & second) / len(first | second)


class CtiActor(CtiText):
    """50 reports whose actor is left out.

    Right is any of the names that the dataset gives for the actor, separated by `/`, `,` or `;`.
    The published tables of aliases are pickles, which are never opened; credit for related actors
    is not given.
    """

    name = "ctibench-taa"
    title = "CTIBench, attribution"
    about = "How well the model names the actor behind an attack."
    measures = (Measure("exact", "Actors named rightly", Direction.HIGHER, floor="exact_floor"),)
    datasets = (Dataset("ctibench/data/cti-taa.tsv"),)
    ask_name = "actor"
    text_field = "Text"
    wanted = "name"

    def key(self, right: str) -> str:
        """All names, in lower case, without spaces and marks."""
        names = (_plain(name) for name in re.split(r"[/,;]", right))
        return "/".join(name for name in names if name)

    def said(self, text: str) -> str:
        """The last line with a name in it."""
        lines = [plain for line in text.splitlines() if (plain := _plain(line))]
        return lines[-1] if lines else ""

    def likeness(self, measure: str, said: str, right: str) -> float:
        """1 where the line is one of the names."""
        return float(said in right.split("/"))


def _plain(name: str) -> str:
    return "".join(char for char in name.casefold() if char.isalnum())
