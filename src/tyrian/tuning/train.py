"""From labelled rows to a model of a user's own, with the figures that its card shows."""

import shutil
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from tyrian.errors import ConfigError
from tyrian.models.own import CONTENT_GUARD
from tyrian.tuning.card import CARD, Compared, Made, card
from tyrian.tuning.examples import Example, examples_of, known_rows, parted
from tyrian.tuning.figures import cost_of, figures, losses, scorer
from tyrian.tuning.finetune import Prior, Tell, by_cost, learn, model_of
from tyrian.tuning.known_texts import measured, rehearsed
from tyrian.tuning.measure import LabelledRow
from tyrian.tuning.write import replace_bytes

LEAST_ROWS = 20
MOST_ROWS = 20_000
HELD_ROWS, KNOWN_TEXTS = "your rows, held out", "regression set"
HELD_OUT = 4
"""Every so many-th row is held out."""


@dataclass(frozen=True, slots=True)
class Trained:
    """A model that is not written yet: its files, or a folder that holds them."""

    made: Made
    files: dict[str, bytes]
    folder: TemporaryDirectory[str] | None = None

    @property
    def lost(self) -> Sequence[str]:
        """What it forgot; empty where it kept what it knew."""
        return self.made.lost

    def write(self, directory: Path) -> None:
        """Write the model and its card."""
        directory.mkdir(parents=True, exist_ok=True)
        if self.folder is not None:
            shutil.copytree(self.folder.name, directory, dirs_exist_ok=True)
        for name, data in self.files.items():
            replace_bytes(directory / name, data)
        replace_bytes(directory / CARD, card(self.made).encode())

    def close(self) -> None:
        """Let go of what was not written."""
        if self.folder is not None:
            self.folder.cleanup()


def usable(name: str, rows: Iterable[LabelledRow]) -> tuple[list[Example], list[Example]]:
    """The rows to learn from and those held out; ConfigError where there are too few."""
    examples = examples_of(name, rows)
    if len(examples) < LEAST_ROWS:
        raise ConfigError(
            f"{len(examples)} different rows say something to the {name}; "
            f"{LEAST_ROWS} are the least",
            hint="label more rows: benign, injection, jailbreak for the prompt guard, "
            "benign, S1 to S14 or your own labels for the content guard",
        )
    if len(examples) > MOST_ROWS:
        examples = examples[:: -(-len(examples) // MOST_ROWS)]
    return parted(examples, HELD_OUT)


@dataclass(frozen=True, slots=True)
class _Tried:
    """A model of one firmness, and what it does to both sets."""

    strength: float
    data: bytes
    compared: tuple[Compared, Compared]

    @property
    def lost(self) -> list[str]:
        """What it forgot of the regression set."""
        return losses(self.compared[1].before, self.compared[1].after)


def train_embedded(
    name: str, data: bytes, rows: Iterable[LabelledRow], tell: Tell = lambda _: None
) -> Trained:
    """Train the embedded model of that name further, from the artefact `data`.

    Of the firmnesses that are tried the one stands that judges unseen rows best among those that
    forget little; where all forget too much, the one that judges them best, to be refused.
    """
    learnt, held = usable(name, rows)
    prior = Prior.of(name, data)
    learnt = [prior.narrowed(one) for one in learnt]
    known = examples_of(name, known_rows(rehearsed(name)))
    kept = examples_of(name, known_rows(measured(name)))
    before = scorer(prior.model)
    befores = figures(before, held), figures(before, kept)
    tried: list[_Tried] = []
    for strength in by_cost(prior, learnt, known, cost_of(name), tell=tell):
        new = learn(prior, learnt, known, strength)
        after = scorer(model_of(name, new))
        compared = (
            Compared(HELD_ROWS, befores[0], figures(after, held)),
            Compared(KNOWN_TEXTS, befores[1], figures(after, kept)),
        )
        tried.append(_Tried(strength, new, compared))
        if not tried[-1].lost:
            break
        tell(f"firmness {strength:g} forgets too much: {'; '.join(tried[-1].lost)}")
    best = tried[0] if tried[-1].lost else tried[-1]
    return _trained(name, prior, best, learnt, held)


def _trained(
    name: str, prior: Prior, best: _Tried, learnt: Sequence[Example], held: Sequence[Example]
) -> Trained:
    how = {
        "learnt from": f"{len(learnt)} of your rows, {sum(e.is_unsafe for e in learnt)} unsafe",
        "held out": f"{len(held)} of your rows, {sum(e.is_unsafe for e in held)} unsafe",
        "firmness": f"{best.strength:g}, the best on unseen rows of those that forget little",
    }
    guard = name.replace("-", "_")
    made = Made(
        name,
        prior.artefact.revision,
        model_of(name, best.data).revision,
        how,
        f"- name: {guard}\n  backend: embedded\n  model: DIRECTORY",
        best.compared,
        best.lost,
        _new_labels(prior, learnt) if name == CONTENT_GUARD else {},
    )
    return Trained(made, {f"{name}.npz": best.data})


def _new_labels(prior: Prior, learnt: Sequence[Example]) -> dict[str, int]:
    counts = Counter(label for one in learnt for label in one.labels)
    return {label: counts[label] for label in sorted(counts) if label not in prior.artefact.labels}
