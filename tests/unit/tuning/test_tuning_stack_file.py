"""Thresholds in a stack file: only they change, every comment and byte beside them stays."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tyrian.core.detection import Stage
from tyrian.errors import ConfigError
from tyrian.stack.load import default_text, parse_stack
from tyrian.stack.schema import Stack
from tyrian.tuning.write import Change, number, replace_file, rewritten

BLOCK = """\
# my stack
agent:
  preflight_guards:
    # the first
    - name: prompt_guard   # mine
      mode: classify_user_input

      # classes
      block_classes: ["jailbreak"]
    # the second
    - name: content_guard
  # of tools
  tool_output_guards:
    - {name: prompt_guard_2, block_classes: [injection]}  # braces
    - name: 'content_guard'
      threshold: 0.7  # ours
      block_classes: ["*"]
"""
HERE = Path(__file__).parent


def write(text: str, *changes: Change) -> str:
    return rewritten(text, changes, base=HERE, file="stack.yaml")


def stack(text: str) -> Stack:
    return parse_stack(text, base=HERE, file="stack.yaml")


def threshold(text: str, stage: Stage, name: str) -> object:
    return next(
        one.spec.threshold for one in stack(text).guards() if (one.stage, one.name) == (stage, name)
    )


def test_thresholds_stand_below_the_name_with_their_comments() -> None:
    change = Change(
        "prompt_guard", Stage.INPUT, {"jailbreak": 0.25, "injection": 0.5}, {"jailbreak": "FPR 1 %"}
    )
    tuned = write(BLOCK, change)
    added = [line for line in tuned.splitlines() if line not in BLOCK.splitlines()]
    assert added == [
        "      threshold:",
        "        jailbreak: 0.25  # tuned: FPR 1 %",
        "        injection: 0.5",
    ]
    assert [line for line in tuned.splitlines() if line not in added] == BLOCK.splitlines()


def test_a_guard_in_braces_keeps_them() -> None:
    tuned = write(BLOCK, Change("prompt_guard_2", Stage.TOOL_RESULT, {"injection": 0.4}, {}))
    assert "block_classes: [injection]}  # braces" in tuned
    assert threshold(tuned, Stage.TOOL_RESULT, "prompt_guard_2") == {"injection": 0.4}


def test_a_single_threshold_becomes_that_of_the_other_labels() -> None:
    tuned = write(BLOCK, Change("content_guard", Stage.TOOL_RESULT, {"S1": 0.9}, {"S1": "x"}))
    assert threshold(tuned, Stage.TOOL_RESULT, "content_guard") == {"*": 0.7, "S1": 0.9}
    assert "threshold:  # ours" in tuned


def test_a_second_tuning_replaces_the_first_and_its_comments() -> None:
    first = Change("prompt_guard", Stage.INPUT, {"jailbreak": 0.25}, {"jailbreak": "first"})
    second = Change(
        "prompt_guard",
        Stage.INPUT,
        {"jailbreak": 0.3, "injection": 0.6},
        {"jailbreak": "second", "injection": "new"},
    )
    tuned = write(write(BLOCK, first), second)
    assert "first\n" not in tuned.replace("# the first\n", "")
    assert "jailbreak: 0.3  # tuned: second\n" in tuned
    assert threshold(tuned, Stage.INPUT, "prompt_guard") == {"jailbreak": 0.3, "injection": 0.6}
    assert write(tuned, second) == tuned


def test_a_comment_of_a_person_beside_a_threshold_stays() -> None:
    text = BLOCK.replace(
        "      threshold: 0.7  # ours\n", "      threshold:\n        S1: 0.8  # agreed in May\n"
    )
    tuned = write(text, Change("content_guard", Stage.TOOL_RESULT, {"S1": 0.9}, {"S1": "new"}))
    assert "S1: 0.9  # tuned: new  # agreed in May\n" in tuned
    assert write(tuned, Change("content_guard", Stage.TOOL_RESULT, {"S1": 0.9}, {"S1": "new"})) == (
        tuned
    )


def test_a_flow_mapping_of_thresholds_becomes_lines() -> None:
    text = BLOCK.replace("threshold: 0.7  # ours", 'threshold: {"*": 0.8, S4: 0.9}')
    tuned = write(text, Change("content_guard", Stage.TOOL_RESULT, {"S4": 0.95}, {"S4": "x"}))
    assert threshold(tuned, Stage.TOOL_RESULT, "content_guard") == {"*": 0.8, "S4": 0.95}


def test_a_band_goes_into_the_cascade_and_leaves_its_other_keys() -> None:
    text = BLOCK.replace(
        "mode: classify_user_input", "cascade: {max_wait_s: 0.5, unsure: [0.1, 0.5]}"
    )
    change = Change("prompt_guard", Stage.INPUT, {}, {}, (0.05, 0.8), 0.2, "asks about 10 %")
    tuned = write(text, change)
    spec = stack(tuned).guards()[0].spec
    assert spec.cascade is not None
    assert spec.cascade.unsure == (0.05, 0.8)
    assert (spec.cascade.max_share, spec.cascade.max_wait_s) == (0.2, 0.5)


BAND = Change("prompt_guard", Stage.INPUT, {"injection": 0.3}, {}, (0.05, 0.8), 0.2, "asks")
KEYS = {
    "unsure": (
        "unsure: [0.1, 0.5]",
        "unsure:\n  - 0.1\n  - 0.5",
        "unsure:  # why\n- 0.1  # low\n- 0.5\n# ours\n",
        "unsure: [0.1,  # low\n  0.5]",
    ),
    "over_budget": ("over_budget: fail", "over_budget:\n  fail  # closed"),
    "max_wait_s": ("max_wait_s: 0.5",),
    "max_share": ("max_share: 0.7", "max_share:\n  0.7"),
}
CASCADES = st.permutations(list(KEYS)).flatmap(
    lambda keys: st.tuples(*(st.sampled_from(KEYS[key]) for key in keys))
)
THRESHOLDS = ("", "threshold: 0.6", 'threshold:\n  "*": 0.6\n  injection:\n    0.7\n')


@settings(max_examples=30, deadline=None)
@given(CASCADES, st.sampled_from(THRESHOLDS))
def test_a_band_changes_nothing_else_however_its_cascade_is_written(
    keys: tuple[str, ...], threshold_text: str
) -> None:
    lines = [
        *threshold_text.splitlines(),
        "cascade:",
        *("  " + k for k in "\n".join(keys).split("\n")),
    ]
    inner = "".join(f"      {line}\n" for line in lines)
    text = BLOCK.replace("      mode: classify_user_input\n", inner)
    tuned = write(text, BAND)
    before, after = (stack(one).guards()[0].spec for one in (text, tuned))
    assert before.cascade is not None
    assert after.cascade == before.cascade.model_copy(
        update={"unsure": (0.05, 0.8), "max_share": 0.2}
    )
    others = {"*": 0.6} if threshold_text else {}
    assert after.threshold == {**others, "injection": 0.3}
    assert stack(tuned).guards()[1:] == stack(text).guards()[1:]
    for comment in ("# low", "# why", "# ours", "# closed"):
        assert tuned.count(comment) == text.count(comment)
    assert write(tuned, BAND) == tuned


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_line_ends_and_byte_order_mark_stay(newline: str, mark: str) -> None:
    text = mark + BLOCK.replace("\n", newline)
    tuned = write(text, Change("prompt_guard", Stage.INPUT, {"jailbreak": 0.25}, {}))
    assert tuned.startswith(mark)
    assert tuned.count("\r\n") == (tuned.count("\n") if newline == "\r\n" else 0)


def test_a_file_without_a_last_line_break_is_tuned_as_well() -> None:
    text = "agent:\n  preflight_guards:\n    - name: prompt_guard"
    tuned = write(text, Change("prompt_guard", Stage.INPUT, {"jailbreak": 0.25}, {}))
    assert threshold(tuned, Stage.INPUT, "prompt_guard") == {"jailbreak": 0.25}


def test_a_whole_stack_in_braces_is_tuned_as_well() -> None:
    text = '{"agent": {"preflight_guards": [{"name": "prompt_guard"}]}}\n'
    tuned = write(
        text, Change("prompt_guard", Stage.INPUT, {"jailbreak": 0.25}, {"jailbreak": "c"})
    )
    assert threshold(tuned, Stage.INPUT, "prompt_guard") == {"jailbreak": 0.25}


@settings(max_examples=12)
@given(
    st.dictionaries(st.sampled_from(["S1", "S2", "S13", "S14"]), st.integers(0, 10**6), min_size=1)
)
def test_the_default_stack_takes_any_thresholds(given_scores: dict[str, int]) -> None:
    scores = {label: millionths / 10**6 for label, millionths in given_scores.items()}
    text = default_text()
    for stage in (Stage.INPUT, Stage.OUTPUT):
        text = write(text, Change("content_guard", stage, scores, dict.fromkeys(scores, "c")))
        now = threshold(text, stage, "content_guard")
        assert now == {"*": 0.8, "S4": 0.9, **scores}
    for line in default_text().splitlines():
        comment = line.strip()
        if comment.startswith("#"):
            assert comment in text


@given(st.integers(0, 10**6))
def test_a_number_reads_back_as_it_was(millionths: int) -> None:
    assert float(number(millionths / 10**6)) == millionths / 10**6


def test_a_multi_line_guard_in_braces_is_written_or_refused_but_never_damaged() -> None:
    text = (
        "agent:\n  preflight_guards: [\n    {name: prompt_guard,  # why\n"
        "     threshold: {jailbreak: 0.5,\n  injection: 0.5}}]\n"
    )
    try:
        tuned = write(text, Change("prompt_guard", Stage.INPUT, {"jailbreak": 0.25}, {}))
    except ConfigError:
        return
    assert threshold(tuned, Stage.INPUT, "prompt_guard") == {"jailbreak": 0.25, "injection": 0.5}
    assert "# why" in tuned


def test_a_replaced_file_keeps_its_permissions_and_its_link(tmp_path: Path) -> None:
    real = tmp_path / "real.yaml"
    real.write_text("old")
    real.chmod(0o640)
    link = tmp_path / "link.yaml"
    link.symlink_to(real)
    replace_file(link, "new\n")
    assert real.read_text() == "new\n"
    assert real.stat().st_mode & 0o777 == 0o640
    assert link.is_symlink()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["link.yaml", "real.yaml"]


def test_a_place_that_cannot_be_written_is_a_usage_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError):
        replace_file(tmp_path / "absent" / "stack.yaml", "x")
