"""Rules in Semgrep's format: any pattern is read or refused, any text is judged in bounded work."""

import json

from hypothesis import given, settings
from hypothesis import strategies as st

from tyrian.detectors.code_shield.budget import Budget
from tyrian.detectors.code_shield.engine import Engine
from tyrian.detectors.code_shield.rule import Profile
from tyrian.detectors.code_shield.rule_file import load_text, verdicts_of
from tyrian.detectors.code_shield.semgrep.fault import RefusedError
from tyrian.detectors.code_shield.semgrep.grammars import GRAMMARS
from tyrian.detectors.code_shield.semgrep.pattern import parse_pattern
from tyrian.detectors.code_shield.verdict import Status
from tyrian.errors import ConfigError

NAMES = st.sampled_from(["alpha", "beta", "gamma", "delta"])
VALUES = st.one_of(
    NAMES, st.integers(0, 999).map(str), st.sampled_from(['"a"', '"b c"', "x.y", "f(1)"])
)
TOKENS = st.sampled_from(
    ["$X", "...", "$...ARGS", "f", "(", ")", "{", "}", "[", "]", ",", ";", "=", "\n", ".", '"',
     "<...", "...>", "if", "def", "class", "return", ":", "+", "$_", " ", "\\", "#", "'"]
)  # fmt: skip
ENGINES = {
    name: Engine(
        [
            load_text(
                "rules:\n"
                f"  - {{id: r, languages: [{name}], severity: ERROR, message: m,\n"
                "     pattern-either: [{pattern: 'alpha($X, ..., $X)'}, {pattern: '$X = $X'},"
                " {pattern: 'beta(<... $Y ...>)'}]}\n"
                f"  - {{id: t, languages: [{name}], severity: ERROR, message: m, mode: taint,\n"
                "     pattern-sources: [{pattern: 'gamma(...)'}],"
                " pattern-sinks: [{pattern: 'delta(...)'}]}\n",
                "r.yaml",
            )
        ],
        builtin=False,
    )
    for name in GRAMMARS
}


@given(st.sampled_from(sorted(GRAMMARS)), st.lists(TOKENS, max_size=12).map(" ".join))
@settings(max_examples=150)
def test_any_pattern_is_read_or_refused(language: str, text: str) -> None:
    try:
        pattern = parse_pattern(text, language)
    except RefusedError:
        return
    assert pattern.parts


@given(NAMES, st.lists(VALUES, max_size=4))
@settings(max_examples=60)
def test_code_without_holes_fits_itself_and_its_arguments_fit_an_ellipsis(
    name: str, values: list[str]
) -> None:
    code = f"{name}({', '.join(values)})"
    other = f"other({', '.join(values)})"
    for pattern in (code, f"{name}(...)", "$F(...)", f"<... {name} ...>"):
        rule = (
            "rules:\n  - id: r\n    languages: [python]\n    severity: ERROR\n    message: m\n"
            f"    pattern: '{pattern}'\n"
        )
        engine = Engine([load_text(rule, "r.yaml")], builtin=False)
        assert engine.scan(code, "python", Profile.AUDIT).findings
        found = engine.scan(other, "python", Profile.AUDIT).findings
        if name not in "".join(values):
            assert bool(found) is (pattern == "$F(...)")


@given(st.sampled_from(sorted(GRAMMARS)), st.text(max_size=400))
@settings(max_examples=100)
def test_any_text_is_judged_and_places_lie_in_it(language: str, text: str) -> None:
    scan = ENGINES[language].scan(text, language, Profile.AUDIT)
    assert 0.0 <= scan.coverage <= 1.0
    for finding in scan.findings:
        assert 0 <= finding.start <= finding.end <= len(text)


@given(st.sampled_from(sorted(GRAMMARS)), st.lists(TOKENS, max_size=200).map("".join))
@settings(max_examples=60)
def test_broken_code_spends_no_more_than_its_budget(language: str, text: str) -> None:
    budget = Budget(work=20_000).start()
    ENGINES[language].scan(text + "\nalpha(a, b, a)\n", language, Profile.AUDIT, budget=budget)
    assert budget.work > -20_000


YAML = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.text(max_size=12)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(
            st.sampled_from(
                ["pattern", "patterns", "pattern-either", "pattern-not", "pattern-inside",
                 "metavariable-regex", "metavariable", "regex", "focus-metavariable",
                 "metavariable-comparison", "comparison", "pattern-regex", "x"]
            ),
            inner,
            max_size=3,
        ),
    ),
    max_leaves=12,
)  # fmt: skip


@given(
    st.dictionaries(
        st.sampled_from(
            ["pattern", "patterns", "pattern-either", "mode", "pattern-sources", "options",
             "pattern-sinks", "metadata", "severity", "languages", "id", "paths"]
        ),
        YAML,
        max_size=6,
    )
)  # fmt: skip
@settings(max_examples=150)
def test_any_rule_is_used_or_refused(entry: dict[str, object]) -> None:
    whole = {"languages": ["python"], "severity": "ERROR", "message": "m", "id": "r", **entry}
    text = json.dumps({"rules": [whole]})
    try:
        verdicts = verdicts_of(text, "r.yaml")
    except ConfigError:
        return
    for verdict in verdicts:
        assert (verdict.status is Status.REFUSED) is (verdict.rule is None)
        assert verdict.status is Status.EXACT or verdict.reasons
