"""What a tuning found: as data, as text, as comments for the stack file, as charts."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from tyrian.tuning.answers import GuardRows, scores_of
from tyrian.tuning.band import Band, frontier, least_asked
from tyrian.tuning.chart import Chart, Line
from tyrian.tuning.choose import roc
from tyrian.tuning.labels import split
from tyrian.tuning.rates import Rate
from tyrian.tuning.tune import GuardTuning, LabelTuning
from tyrian.tuning.write import Change, number

Json = dict[str, object]
INTERVALS = "95 % intervals of Clopper and Pearson"


@dataclass(frozen=True, slots=True)
class Outcome:
    """One guard at one stage: its rows, its thresholds, and its cascade where it has one."""

    rows: GuardRows
    tuning: GuardTuning
    bands: tuple[Band, ...] = ()
    chosen: Band | None = None
    """The band for the budget that was asked for."""
    max_share: float | None = None

    @property
    def stands(self) -> GuardTuning:
        """The thresholds that stand: those of the chosen band, where one was chosen."""
        return self.chosen.tuning if self.chosen else self.tuning

    def change(self) -> Change | None:
        """What is to be written; None where nothing is."""
        tuning = self.stands
        comments = {one.label: comment_of(one) for one in tuning.labels if one.chosen}
        if not comments and self.chosen is None:
            return None
        band = (self.chosen.low, self.chosen.high) if self.chosen else None
        return Change(
            tuning.guard,
            tuning.stage,
            tuning.thresholds,
            comments,
            band,
            self.max_share if self.chosen else None,
            band_comment(self.chosen) if self.chosen else "",
        )


def percent(value: float) -> str:
    """A share in percent, three digits at most."""
    return f"{value * 100:.3g}"


def with_interval(rate: Rate) -> str:
    """A share with its interval, such as `1.2 % (0.6 to 2.1)`."""
    if not rate.rows:
        return "no rows"
    low, high = rate.interval()
    return f"{percent(rate.value)} % ({percent(low)} to {percent(high)})"


def comment_of(one: LabelTuning) -> str:
    """The comment beside a threshold."""
    if one.chosen is None:
        return ""
    return (
        f"expected FPR {with_interval(one.chosen.false_positives)} of {one.rows_without}, "
        f"recall {with_interval(one.chosen.recall)} of {one.rows_with}"
    )


def band_comment(band: Band) -> str:
    """The comment beside the band of a cascade."""
    return (
        f"asks about {with_interval(band.asked)}; recall {with_interval(band.recall)}, "
        f"{band.cpu_s * 1000:.3g} ms CPU a message"
    )


def _rate(rate: Rate) -> Json:
    low, high = rate.interval()
    return {
        "rate": round(rate.value, 6),
        "low": round(low, 6),
        "high": round(high, 6),
        "hits": rate.hits,
        "rows": rate.rows,
    }


def _label(one: LabelTuning) -> Json:
    found: Json = {
        "label": one.label,
        "threshold_before": one.before,
        "rows_with": one.rows_with,
        "rows_without": one.rows_without,
        "auc": None if one.auc is None else round(one.auc, 6),
    }
    if one.chosen is None:
        return found | {"threshold": None, "refused": one.refusal}
    rates = {"fpr": _rate(one.chosen.false_positives), "recall": _rate(one.chosen.recall)}
    return found | {"threshold": one.chosen.threshold} | rates


def band_json(band: Band) -> Json:
    """One band as data."""
    return {
        "low": band.low,
        "high": band.high,
        "asked": _rate(band.asked),
        "asked_unsafe": _rate(band.asked_unsafe),
        "recall": _rate(band.recall),
        "fpr": _rate(band.false_positives),
        "cpu_s": round(band.cpu_s, 6),
        "elapsed_s": round(band.elapsed_s, 6),
    }


def as_json(outcome: Outcome) -> Json:
    """One guard as data."""
    tuning = outcome.stands
    return {
        "guard": tuning.guard,
        "kind": tuning.kind,
        "stage": tuning.stage.value,
        "backend": tuning.backend,
        "rows": len(outcome.rows.truths),
        "failed": tuning.failed,
        "failures": dict(tuning.reasons),
        "labels": [_label(one) for one in tuning.labels],
        "labels_without_rows": list(tuning.silent),
        "any_label": {"fpr": _rate(tuning.any_false_positives), "recall": _rate(tuning.any_recall)},
        "cascade": {
            "bands": [band_json(band) for band in frontier(outcome.bands)],
            "chosen": band_json(outcome.chosen) if outcome.chosen else None,
            "least_asked": round(least_asked(outcome.bands), 6),
        }
        if outcome.bands
        else None,
    }


def as_text(outcomes: Iterable[Outcome]) -> str:
    """The whole report for people."""
    parts = [_text(outcome) for outcome in outcomes]
    note = (
        f"FPR: rows without any label of the guard that reach the threshold. {INTERVALS}; they\n"
        "count rows as independent: of rows that come from few sources expect wider ones."
    )
    return "\n\n".join([*parts, note])


def _text(outcome: Outcome) -> str:
    tuning = outcome.stands
    lines = [
        f"{tuning.guard} at {tuning.stage.value} ({tuning.backend}), "
        f"{len(outcome.rows.truths)} rows"
    ]
    for one in tuning.labels:
        if one.chosen is None:
            lines.append(f"  {one.label}: left at {number(one.before)}: {one.refusal}")
            continue
        lines.append(
            f"  {one.label}: {number(one.before)} -> {number(one.chosen.threshold)}  "
            f"FPR {with_interval(one.chosen.false_positives)} of {one.rows_without}, "
            f"recall {with_interval(one.chosen.recall)} of {one.rows_with}, AUC {one.auc or 0:.3f}"
        )
    if len(tuning.labels) > 1:
        lines.append(
            f"  any of its labels: FPR {with_interval(tuning.any_false_positives)}, "
            f"recall {with_interval(tuning.any_recall)}"
        )
    if tuning.silent:
        lines.append(f"  no row has {', '.join(tuning.silent)}: left as they are")
    if not tuning.labels:
        lines.append("  no row has any label of this guard: nothing to tune")
    for reason, count in tuning.reasons.items():
        lines.append(f"  {count} rows not judged: {reason}")
    return "\n".join([*lines, *_curve(outcome)])


def _curve(outcome: Outcome) -> list[str]:
    if not outcome.bands:
        return []
    head = ("unsure from", "up to", "asked %", "of attacks %", "recall %", "FPR %", "CPU ms", "ms")
    table = [head, *(_cells(band) for band in frontier(outcome.bands))]
    widths = [max(len(row[i]) for row in table) for i in range(len(head))]
    lines = ["  cascade: embedded model first, this guard's own where that is unsure"]
    for row in table:
        cells = (cell.rjust(width) for cell, width in zip(row, widths, strict=True))
        lines.append("    " + "  ".join(cells))
    if outcome.chosen:
        band = outcome.chosen
        lines.append(f"  chosen for the budget: [{number(band.low)}, {number(band.high)}]")
    elif outcome.max_share is not None:
        lines.append("  no band that asks at all fits the budget")
    if (least := least_asked(outcome.bands)) > 0.0:
        lines.append(
            f"  at least {percent(least)} % are asked about whatever the band: "
            "the embedded model does not judge all of these rows"
        )
    return lines


def _cells(band: Band) -> tuple[str, ...]:
    return (
        number(band.low) if band.low < band.high else "never",
        number(band.high) if band.low < band.high else "",
        percent(band.asked.value),
        percent(band.asked_unsafe.value),
        percent(band.recall.value),
        percent(band.false_positives.value),
        f"{band.cpu_s * 1000:.3g}",
        f"{band.elapsed_s * 1000:.3g}",
    )


def charts(outcomes: Sequence[Outcome], max_fpr: float) -> list[Chart]:
    """The trade-off of every cascade, and how recall grows with false positives elsewhere."""
    found: list[Chart] = []
    for outcome in outcomes:
        place = f"{outcome.tuning.guard} at {outcome.tuning.stage.value}"
        if outcome.bands:
            found.append(_trade_off(place, outcome))
        if lines := _roc_lines(outcome):
            most = min(1.0, max_fpr * 10)
            found.append(Chart(place, "false-positive rate", "recall", lines, most))
    return found


def _trade_off(place: str, outcome: Outcome) -> Chart:
    best = frontier(outcome.bands)
    words = [
        f"unsure from {number(b.low)} to {number(b.high)}: asked {percent(b.asked.value)} %, "
        f"recall {percent(b.recall.value)} %, {b.cpu_s * 1000:.3g} ms CPU"
        for b in best
    ]
    points = [(band.asked.value, band.recall.value) for band in best]
    line = Line("recall within the limit", points, words, has_marks=True)
    slowest = max((band.cpu_s for band in best), default=0.0) or 1.0
    cost = Line(
        f"CPU a message (top: {slowest * 1000:.3g} ms)",
        [(band.asked.value, band.cpu_s / slowest) for band in best],
        [f"{band.cpu_s * 1000:.3g} ms" for band in best],
        has_marks=True,
    )
    return Chart(f"Cascade of {place}", "share of messages asked about", "recall", (line, cost))


def _roc_lines(outcome: Outcome) -> list[Line]:
    rows = outcome.rows
    truths = rows.counted()
    lines = []
    for one in outcome.tuning.labels:
        with_label, without = split(truths, one.label)
        if not with_label or not without:
            continue
        scores = scores_of(rows.own, one.label)
        fpr, tpr = roc(scores[with_label], scores[without])
        lines.append(Line(one.label, list(zip(fpr.tolist(), tpr.tolist(), strict=True))))
    return lines
