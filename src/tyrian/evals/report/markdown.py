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
    return "\n".join([*lines, ""])


def cell(text: str) -> str:
    """A text that cannot end its cell or become markup."""
    shown = visible(text, 200).replace("\n", " ")
    return "".join("\\" + c if c in "\\`*_{}[]<>#|!" else c for c in shown)
