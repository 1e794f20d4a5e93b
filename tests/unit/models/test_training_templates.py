"""The grammar that makes rows to train on: what a template may say, and what comes of it."""

import random
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]


@pytest.fixture(autouse=True)
def _training(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(ROOT))


def test_a_group_is_one_of_its_options_and_a_slot_one_of_its_lines() -> None:
    from training.prompt_guard.grammar import expand, parse

    slots = parse("## who\nAnna\nTom\n## greeting kind 5\n[Hi|Hello] {who}, \\[ok\\]\\nbye\n")
    assert slots["greeting"].rows == 5
    texts = {expand(slots["greeting"].lines[0], slots, random.Random(seed)) for seed in range(40)}
    assert texts == {f"{hi} {who}, [ok]\nbye" for hi in ("Hi", "Hello") for who in ("Anna", "Tom")}


def test_signs_of_the_grammar_stay_text_where_they_are_no_grammar() -> None:
    from training.prompt_guard.grammar import expand, literal

    texts = ["{'a': [1, 2]}", "x[0] | y", "{unknown}", "<|im_start|>system"]
    for text in texts:
        assert expand(literal(text), {}, random.Random(1)) == text


def test_every_language_has_attacks_and_benign_twins() -> None:
    from training.prompt_guard.compose import LANGUAGES
    from training.prompt_guard.grammar import sections_of

    folder = ROOT / "training" / "prompt_guard" / "templates" / "languages"
    assert sorted(path.stem for path in folder.glob("*.txt")) == sorted(LANGUAGES)
    for language in LANGUAGES:
        sections = sections_of(f"languages/{language}.txt")
        needed = {"attack", "inject", "do", "goal", "harm", "benign", "cyber", "note"}
        assert needed <= set(sections)
        assert all(sections[name].lines for name in needed)


def test_the_same_seed_gives_the_same_rows_and_no_slot_is_left_open() -> None:
    from training.prompt_guard.compose import ALL, composed, foreign

    rows = composed(7, ALL, 0.02) + foreign(7, ALL, 0.05)
    assert rows == composed(7, ALL, 0.02) + foreign(7, ALL, 0.05)
    names = ("{harm}", "{task}", "{x}", "{name}", "{topic}", "{do}", "{goal}", "{agentdo}")
    texts = [row.text.replace("\\textbf{x}", "") for row in rows]
    assert not [text for text in texts for name in names if name in text]
    attacks = sum(bool(row.labels) for row in rows)
    assert 0.3 < attacks / len(rows) < 0.7


def test_the_two_sides_of_the_split_share_no_template() -> None:
    from training.prompt_guard.compose import SEEN, UNSEEN, sections

    seen, unseen = sections(SEEN), sections(UNSEEN)
    for name, section in seen.items():
        if section.rows and set(section.lines) != set(unseen[name].lines):
            assert not set(section.lines) & set(unseen[name].lines)


def test_twins_that_stand_in_the_same_order_are_on_one_side_of_the_split() -> None:
    from training.prompt_guard.compose import PAIRED, SEEN, UNSEEN, sections

    seen, unseen = sections(SEEN), sections(UNSEEN)
    for name in sorted(PAIRED):
        every = len(seen[name].lines) + len(unseen[name].lines)
        assert len(unseen[name].lines) == (every + 3) // 4


def test_a_frame_stands_around_harmful_and_around_harmless_goals() -> None:
    from training.prompt_guard.compose import composed

    rows = [row for row in composed(3, share=0.05) if row.source.startswith("gen_frame_")]
    sides = {row.source: {bool(row.labels)} for row in rows}
    assert sides == {"gen_frame_harm": {True}, "gen_frame_plain": {False}}
    assert not [row for row in rows if "{aq}" in row.text or "{ag}" in row.text]
