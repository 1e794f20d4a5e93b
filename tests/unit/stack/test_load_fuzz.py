"""Whatever a stack file holds, it loads or gives a StackError at a place in it."""

from pathlib import Path

from hypothesis import example, given
from hypothesis import strategies as st

from tyrian.stack.load import default_text, stack_faults
from tyrian.stack.schema import Stack

BASE = Path("/nonexistent")
LINES = default_text().splitlines()

yaml_like = st.lists(
    st.sampled_from(
        [*"[]{}:,-#&*!|>'\"%@`\\\n \t", "agent", "name", "~", ".nan", "1e999", "\\ud800", "---"]
    ),
    max_size=30,
).map("".join)


def check(text: str) -> None:
    found = stack_faults(text, base=BASE, file="s.yaml")
    if not isinstance(found, Stack):
        assert found
        assert all(fault.line >= 1 and fault.column >= 1 for fault in found)


@given(st.text(max_size=200))
@example('agent: "\\ud800"')
@example('agent: {preflight_guards: [{name: "\\ud800"}]}')
@example("? [a]\n: b")
@example("agent: {? }")
@example("agent: 99999999999999999999999999")
@example("agent: {preflight_guards: [{name: pii, timeout_s: 99999999999999999999999999}]}")
@example("agent: {preflight_guards: [{name: pii, options: {a: {b: [1, {c: null}]}}}]}")
@example("agent: {preflight_guards: [{name: pii, threshold: {email: yes}}]}")
def test_any_text_loads_or_gives_faults(text: str) -> None:
    check(text)


@given(yaml_like)
def test_anything_like_yaml_loads_or_gives_faults(text: str) -> None:
    check(text)


@given(st.integers(0, len(LINES) - 1), yaml_like)
def test_a_damaged_default_stack_loads_or_gives_faults(number: int, damage: str) -> None:
    check("\n".join([*LINES[:number], LINES[number] + damage, *LINES[number + 1 :]]))
