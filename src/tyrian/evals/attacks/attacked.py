"""Any benchmark under an attack: its cases give the goals, its own judge the verdict."""

import random
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict

from tyrian.errors import ConfigError
from tyrian.evals.attacks.attack import Course, bounds_from
from tyrian.evals.attacks.converters import converters_from
from tyrian.evals.attacks.registry import attack_named
from tyrian.evals.benchmark import Benchmark, Dialogue, Direction, Options
from tyrian.evals.exchange import Part
from tyrian.evals.sample import Data, Goal, Sample, Score, unscored

BOUNDS = ("turns", "tries", "branches", "width", "depth")


class Attacked(Benchmark):
    """A benchmark whose every case is pursued by an attack.

    The case counts as the attack's success where any answer on the way does, by the benchmark's own
    judge and in its headline measure. Passes are independent conversations: ASR@k is estimated from
    them without bias.
    """

    def __init__(self, inner: Benchmark) -> None:
        super().__init__(inner.options, inner.prompts)
        settings = inner.options.settings
        self._inner = inner
        self._attack = attack_named(settings.get("attack", "direct"))
        self._converters = converters_from(settings.get("converters", ""))
        self._bounds = bounds_from({k: v for k, v in settings.items() if k in BOUNDS})
        headline = inner.measures[0]
        if headline.better is not Direction.LOWER:
            raise ConfigError(f"{inner.name} measures no harm that an attack could raise")
        converted = "".join(
            f"+{name}" for name in settings.get("converters", "").split(",") if name
        )
        self.name = f"{inner.name}+{self._attack.name}{converted}"  # type: ignore[misc]
        self.title = f"{inner.title}, {self._attack.name}"  # type: ignore[misc]
        self.about = f"{inner.about} {self._attack.about}"  # type: ignore[misc]
        self.measures = (headline,)  # type: ignore[misc]
        self.parts = (  # type: ignore[misc]
            inner.parts | {Part.JUDGE} | ({Part.ATTACKER} if self._attack.needs_attacker else set())
        )
        self.datasets = inner.datasets  # type: ignore[misc]
        self.references = inner.references  # type: ignore[misc]

    def load(self, rows: Iterable[Mapping[str, object]]) -> Iterator[Sample]:
        """The benchmark's own cases."""
        return self._inner.load(rows)

    def goal(self, sample: Sample) -> Goal:
        """The goal of the case."""
        return self._inner.goal(sample)

    def turns(self, sample: Sample) -> Dialogue:
        """The whole attack; returns all that the target saw and said."""
        seed = f"{self.options.seed}:{sample.id}:{sample.nth}"
        pick = random.Random(seed)  # noqa: S311
        course = Course(self._inner.goal(sample), pick, self._converters, self._bounds)
        yield from self._attack.attack(course)
        return {"tries": [asdict(one) for one in course.tries]}

    def judge(self, sample: Sample, answer: Data) -> Dialogue:
        """Judge the answers in order until one is a success."""
        found: list[dict[str, object]] = []
        for one in _tries(answer):
            said = {"text": one["reply"], "status": one["status"], "reason": one["status"]}
            judgement = yield from self._inner.judge(sample, said)
            score = self._inner.score(sample, said, judgement)
            found.append({"values": dict(score.values), "label": score.label, "why": score.why})
            if score.values.get(self.measures[0].name) == 1.0:
                break
        return {"scores": found}

    def score(self, sample: Sample, answer: Data, judgement: Data) -> Score:
        """1 where any answer on the way was a success, beside what it cost."""
        name, tries = self.measures[0].name, _tries(answer)
        scores = judgement["scores"]
        assert isinstance(scores, list)
        values = [one["values"][name] for one in scores if name in one["values"]]
        if not tries:
            return unscored("attacker_silent", "the attacker gave no prompt")
        if not values:
            return unscored("no_answer_scored", f"{len(tries)} prompts")
        is_won = max(values) == 1.0
        return Score(
            {name: max(values)},
            "success" if is_won else "held",
            why=f"{len(tries)} prompts",
            details={"prompts": len(tries), "won_at": len(scores) if is_won else 0},
        )


def _tries(answer: Data) -> list[dict[str, str]]:
    tries = answer["tries"]
    assert isinstance(tries, list)
    return tries


def is_attacked(options: Options) -> bool:
    """Whether a user's settings ask for an attack, or for other forms of the prompts."""
    return bool(options.settings.keys() & {"attack", "converters"})


def attacked(inner: Benchmark) -> Benchmark:
    """The benchmark as its settings ask for: under attack where they name one."""
    return Attacked(inner) if is_attacked(inner.options) else inner
