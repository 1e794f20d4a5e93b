"""The report as Markdown, for reviews and chat."""

from tyrian.evals.report.content import Content
from tyrian.evals.report.plot import numbers
from tyrian.evals.report.visible import visible


def as_markdown(content: Content) -> str:
    """One table of all figures; texts of data are kept from being markup."""
    lines = [
        "# Security evaluation",
        "",
        "| benchmark | measure | model | figure [95 %] | scored | not scored |",
        "|-|-|-|-|-|-|",
    ]
    for section in content.sections:
        for result in section.results:
            missing = ", ".join(f"{cell(k)} {v}" for k, v in result.summary.missing.items())
            for reading in result.readings:
                measure = reading.measure
                chance = ", above chance" if reading.is_above_chance else ""
                lines.append(
                    f"| {cell(section.title)} | {measure.title} ({reading.better}{chance}) "
                    f"| {cell(result.model)} "
                    f"| {numbers(reading.shown, percent=measure.highest == 1.0)} "
                    f"| {result.summary.scored} of {result.summary.cases} | {missing or '-'} |"
                )
    for purple in content.purple:
        lines += [
            *("", f"## Behind the firewall: {cell(purple.model)}", ""),
            "| measure | bare | defended | change [95 %] | p (Holm) | cases |",
            "|-|-|-|-|-|-|",
        ]
        for change in purple.changes:
            one = change.compared
            lines.append(
                f"| {cell(change.benchmark)}: {change.measure.title} "
                f"({change.measure.better.value} is better) | {one.base:.1%} | {one.tuned:.1%} "
                f"| {one.difference * 100:+.1f} [{one.low * 100:+.1f}, {one.high * 100:+.1f}] "
                f"| {one.p:.2g} | {one.n} |"
            )
    return "\n".join([*lines, *_judges(content), *_differences(content), ""])


def _judges(content: Content) -> list[str]:
    lines = []
    if content.judged:
        lines += [
            *("", "## Judges against people", ""),
            "| benchmark | model | judge | sensitivity | specificity | labels | seen | corrected |",
            "|-|-|-|-|-|-|-|-|",
        ]
    for one in content.judged:
        quality = one.quality
        lines.append(
            f"| {cell(one.title)} | {cell(one.model)} | {cell(one.judge)} "
            f"| {quality.sensitivity:.1%} | {quality.specificity:.1%} "
            f"| {quality.positives + quality.negatives}, {quality.abstained} without verdict "
            f"| {numbers(one.seen)} | {numbers(one.true) if one.true else 'cannot be said'} |"
        )
    if content.swapped:
        lines += [
            *("", "## Two judges of the same answers", ""),
            "| benchmark | model | judges | agree | kappa | cases |",
            "|-|-|-|-|-|-|",
        ]
    for two in content.swapped:
        lines.append(
            f"| {cell(two.title)} | {cell(two.model)} | {cell(two.first)}, {cell(two.second)} "
            f"| {numbers(two.found.share)} | {two.found.kappa:.2f} | {two.found.n} |"
        )
    return lines


def _differences(content: Content) -> list[str]:
    if not content.differences:
        return []
    return [
        *("", "## Strict and published protocol", ""),
        "| benchmark | model | measure | strict | as published |",
        "|-|-|-|-|-|",
        *(
            f"| {cell(one.benchmark)} | {cell(one.model)} | {one.measure.title} "
            f"| {numbers(one.strict)}, {one.strict.n} cases "
            f"| {numbers(one.upstream)}, {one.upstream.n} cases |"
            for one in content.differences
        ),
    ]


def cell(text: str) -> str:
    """A text that cannot end its cell or become markup."""
    shown = visible(text, 200).replace("\n", " ")
    return "".join("\\" + c if c in "\\`*_{}[]<>#|!" else c for c in shown)
