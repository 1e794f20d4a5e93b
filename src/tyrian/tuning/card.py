"""The card of a model that was trained further: where it comes from, and before and after."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from tyrian.tuning.figures import THRESHOLD, Figures
from tyrian.tuning.heads import FEWEST
from tyrian.tuning.report import INTERVALS, with_interval

CARD = "CARD.md"


@dataclass(frozen=True, slots=True)
class Compared:
    """One set of texts, judged before and after."""

    title: str
    before: Figures
    after: Figures


@dataclass(frozen=True, slots=True)
class Made:
    """What was trained, and how."""

    name: str
    base: str
    """Revision of the weights that it started from."""
    revision: str
    how: Mapping[str, str]
    use: str
    """Lines for the stack file."""
    compared: Sequence[Compared]
    lost: Sequence[str] = ()
    new_labels: Mapping[str, int] = field(default_factory=dict)
    """Labels that the base does not have, and of how many rows each was learnt."""


def card(made: Made) -> str:
    """The card as Markdown."""
    lines = [
        f"# {made.name}, trained further",
        "",
        f"From `{made.base}`; this is `{made.revision}`.",
        "",
        *(f"- {what}: {value}" for what, value in made.how.items()),
        *([f"- {new_labels(made)}"] if made.new_labels else []),
        "",
        "## Before and after",
        "",
        f"At the threshold {THRESHOLD}. {INTERVALS}.",
        "",
        *table(made.compared),
        "",
        "The rows held out are of the same sources as those learnt from: on text of other sources",
        "expect less. The regression set is small and only shows whether much was forgotten.",
        "",
    ]
    if made.lost:
        lines += ["**It lost on the regression set:** " + "; ".join(made.lost) + ".", ""]
    return "\n".join([*lines, "## Use it", "", "```yaml", made.use, "```", ""])


def new_labels(made: Made) -> str:
    """The labels that are new to the model, in a line."""
    told = (
        f"{label} ({count} rows{'' if count >= FEWEST else ': too few to learn'})"
        for label, count in made.new_labels.items()
    )
    return f"new labels: {', '.join(told)}"


def table(compared: Sequence[Compared]) -> list[str]:
    """Before and after as a Markdown table."""
    head = ["| texts | | AUC | recall | false positives |", "|-|-|-|-|-|"]
    rows = [
        f"| {one.title} | {when} | {_area(figures)} | {with_interval(figures.recall)} "
        f"| {with_interval(figures.false_positives)} |"
        for one in compared
        for when, figures in (("before", one.before), ("after", one.after))
    ]
    return head + rows


def _area(figures: Figures) -> str:
    return "-" if figures.auc is None else f"{figures.auc:.3f}"
