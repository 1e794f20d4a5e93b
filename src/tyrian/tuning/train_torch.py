"""Trains a Prompt Guard of a model directory further, in torch, on a user's rows.

The whole network but its embeddings learns, with a small step; after each step the weights are
drawn back a little to where they began (L2-SP, Xuhong et al., ICML 2018).
"""

import shutil
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tyrian.detectors.fallback import missing_packages
from tyrian.errors import ConfigError, MissingDependencyError, ModelError
from tyrian.models.hub.shelf import find
from tyrian.models.own import PROMPT_GUARD
from tyrian.models.transformer.backend import padded
from tyrian.models.transformer.classifier import Settings, TransformerClassifier, load_classifier
from tyrian.models.transformer.directory import Directory
from tyrian.models.transformer.labels import BENIGN, INJECTION, JAILBREAK, MALICIOUS, meanings
from tyrian.models.transformer.tokens import Tokenizer
from tyrian.models.transformer.windows import Window
from tyrian.tuning.card import Compared, Made
from tyrian.tuning.examples import Example, examples_of, known_rows
from tyrian.tuning.figures import figures, losses
from tyrian.tuning.finetune import Tell
from tyrian.tuning.known_texts import measured, rehearsed
from tyrian.tuning.measure import LabelledRow
from tyrian.tuning.train import HELD_ROWS, KNOWN_TEXTS, Trained, usable

if TYPE_CHECKING:
    import torch

PACKAGES = ("torch", "transformers", "safetensors", "tokenizers")
BATCH = 16
RATE = 2e-5
HEAD_FACTOR = 25.0
"""How much faster the head learns than what lies below it."""
PULL = 0.01
"""Share of the way back to the start that each step takes."""
SEED = 20260
_WEIGHTS = (".safetensors", ".bin", ".pt", ".onnx", ".lock")

Ids = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Lesson:
    """One window of tokens, and the class that it is of."""

    ids: Ids
    target: int


@dataclass(frozen=True, slots=True)
class Course:
    """How often the lessons are seen, and how large a step each makes."""

    epochs: int
    rate: float


def train_torch(
    model: str,
    rows: Iterable[LabelledRow],
    *,
    epochs: int = 3,
    rate: float = RATE,
    tell: Tell = lambda _: None,
) -> Trained:
    """Train the sequence classifier of a directory (or of a name on the shelf) further.

    ConfigError where there is no such directory, MissingDependencyError without the extra `hf`.
    """
    if missing := missing_packages("hf", PACKAGES):
        raise MissingDependencyError(f"{missing[0].what} is not here", hint=missing[0].get)
    place = find(model) if model else None
    if place is None:
        raise ConfigError(
            f"no model {model!r} to start from",
            hint="name a directory or a pulled model: --model prompt-guard-2-22m",
        )
    learnt, held = usable(PROMPT_GUARD, rows)
    known = examples_of(PROMPT_GUARD, known_rows(rehearsed(PROMPT_GUARD)))
    kept = examples_of(PROMPT_GUARD, known_rows(measured(PROMPT_GUARD)))
    before = load_classifier(place.path, Settings(backend="torch"))
    lessons = _lessons(before, [*learnt, *known])
    compared_before = [_figures(before, some) for some in (held, kept)]
    folder = tempfile.TemporaryDirectory(prefix="tyrian-train-")
    try:
        _fit(place.path, Path(folder.name), lessons, Course(epochs, rate), tell)
        after = load_classifier(Path(folder.name), Settings(backend="torch"))
        compared = [
            Compared(title, old, _figures(after, some))
            for title, old, some in zip(
                (HELD_ROWS, KNOWN_TEXTS), compared_before, (held, kept), strict=True
            )
        ]
    except BaseException:
        folder.cleanup()
        raise
    made = Made(
        place.name,
        before.revision,
        after.revision,
        {
            "learnt from": f"{len(learnt)} of your rows, {sum(e.is_unsafe for e in learnt)} unsafe",
            "held out": f"{len(held)} of your rows",
            "epochs": f"{epochs} at rate {rate:g}, {len(lessons)} windows each; embeddings frozen",
            "licence": f"that of {place.name}: {place.licence or 'see its files'}",
        },
        "- name: prompt_guard\n  backend: torch\n  model: DIRECTORY",
        compared,
        losses(compared[1].before, compared[1].after),
    )
    return Trained(made, {}, folder)


def _figures(model: TransformerClassifier, examples: Sequence[Example]) -> Any:
    return figures(lambda one: 1.0 - model.score(one.row.message.text)[BENIGN], examples)


def _lessons(model: TransformerClassifier, examples: Sequence[Example]) -> list[Lesson]:
    """The window of each text that looks most like an attack, and the first of a benign one."""
    found: list[Lesson] = []
    for example in examples:
        seen: list[tuple[float, Ids]] = []

        def visit(
            window: Window, scores: Mapping[str, float], into: list[tuple[float, Ids]] = seen
        ) -> None:
            into.append((1.0 - scores[BENIGN], window.ids))

        model.read(example.row.message.text, visit)
        if not seen:
            continue
        chosen = {max(seen)[1]}
        if not example.is_unsafe:
            chosen.add(seen[0][1])
        target = _class_of(example, model.labels)
        found += [Lesson(ids, target) for ids in sorted(chosen)]
    return found


def _class_of(example: Example, labels: Sequence[str]) -> int:
    if not example.is_unsafe:
        return labels.index(BENIGN)
    if MALICIOUS in labels:
        return labels.index(MALICIOUS)
    is_injection = example.labels == {INJECTION}
    return labels.index(INJECTION if is_injection else JAILBREAK)


def _fit(source: Path, target: Path, lessons: list[Lesson], course: Course, tell: Tell) -> None:
    """Learn the lessons and save the model, with the tokenizer of its source."""
    import torch
    from transformers import AutoModelForSequenceClassification
    from transformers.utils import logging as progress

    progress.disable_progress_bar()  # type: ignore[no-untyped-call]
    directory = Directory.open(source)
    meanings(directory.label_names)
    pad_id = Tokenizer(directory.tokenizer).pad_id
    torch.manual_seed(SEED)
    directory.weights()
    try:
        network = AutoModelForSequenceClassification.from_pretrained(
            source, local_files_only=True, use_safetensors=True
        ).float()
    except Exception as error:  # noqa: BLE001 - whatever a damaged directory makes it raise
        raise ModelError(
            f"transformers cannot load {source.name} ({type(error).__name__})",
            hint="is it the directory of a sequence classifier?",
        ) from None
    network.get_input_embeddings().requires_grad_(False)
    network.train(mode=False)  # no dropout: few rows, small steps
    groups = _groups(network, course.rate)
    start = [[p.detach().clone() for p in group["params"]] for group in groups]
    steps = torch.optim.AdamW(groups, weight_decay=0.0)
    for epoch in range(course.epochs):
        order = torch.randperm(len(lessons)).tolist()
        total = 0.0
        for at in range(0, len(lessons), BATCH):
            total += _step(network, steps, [lessons[n] for n in order[at : at + BATCH]], pad_id)
            _draw_back(groups, start)
        tell(f"epoch {epoch + 1} of {course.epochs}: loss {total / max(len(lessons), 1):.4f}")
    network.save_pretrained(target)
    for file in sorted(source.iterdir()):
        if file.is_file() and not (target / file.name).exists() and _is_plain(file):
            shutil.copy2(file, target / file.name)


def _is_plain(file: Path) -> bool:
    is_index = file.name.endswith(".index.json")
    return not is_index and file.suffix not in _WEIGHTS and not file.name.startswith(".")


def _groups(network: "torch.nn.Module", rate: float) -> list[dict[str, Any]]:
    """The head learns faster than what lies below it."""
    named = [(name, p) for name, p in network.named_parameters() if p.requires_grad]
    heads = [p for name, p in named if name.startswith(("classifier", "score", "pooler"))]
    below = [p for name, p in named if not name.startswith(("classifier", "score", "pooler"))]
    return [{"params": heads, "lr": HEAD_FACTOR * rate}, {"params": below, "lr": rate}]


def _step(
    network: "torch.nn.Module", steps: "torch.optim.Optimizer", lessons: Sequence[Lesson], pad: int
) -> float:
    import torch

    ids, mask = padded([lesson.ids for lesson in lessons], pad)
    logits = network(input_ids=torch.from_numpy(ids), attention_mask=torch.from_numpy(mask)).logits
    targets = torch.tensor([lesson.target for lesson in lessons])
    loss = torch.nn.functional.cross_entropy(logits, targets, reduction="sum")
    steps.zero_grad()
    (loss / len(lessons)).backward()  # type: ignore[no-untyped-call]
    steps.step()
    return float(loss.detach())


def _draw_back(groups: Sequence[dict[str, Any]], start: Sequence[Sequence[Any]]) -> None:
    import torch

    with torch.no_grad():
        for group, first in zip(groups, start, strict=True):
            for parameter, begun in zip(group["params"], first, strict=True):
                parameter.lerp_(begun, PULL)
