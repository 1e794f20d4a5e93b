"""Expressions give what a CEL engine of others gives, wherever both give an answer."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tyrian.policy.expression.compile import compile_condition
from tyrian.policy.expression.operators import truth
from tyrian.policy.expression.scene import EvaluationError, Scene, ToolShape
from tyrian.policy.expression.syntax import ExpressionError, parse

cel = pytest.importorskip("cel", reason="needs the package common-expression-language")

ARGS: dict[str, Any] = {
    "s": "Hello", "n": 7, "f": 2.5, "b": True, "l": ["a", "b", "Hello"], "m": {"k": "v"}
}  # fmt: skip
SHAPE = ToolShape("t", {}, {}, is_open=True)

numbers = st.sampled_from(["0", "1", "7", "-3", "tool.args.n", "2", "1000000"])
doubles = st.sampled_from(["0.5", "2.5", "tool.args.f", "-1.0"])
strings = st.sampled_from(
    ['"a"', "'Hello'", "tool.args.s", "tool.name", '""', "r'\\d'", '"h\\x65"']
)
lists = st.sampled_from(["['a', 'b']", "tool.args.l", "['Hello', tool.args.s]"])


@st.composite
def arithmetic(draw: st.DrawFn) -> str:
    operator = draw(st.sampled_from(["+", "-", "*", "/", "%"]))
    return f"({draw(numbers)} {operator} {draw(numbers)})"


@st.composite
def atoms(draw: st.DrawFn) -> str:
    compare = draw(st.sampled_from(["==", "!=", "<", "<=", ">", ">="]))
    method = draw(st.sampled_from(["startsWith", "endsWith", "contains"]))
    macro = draw(st.sampled_from(["exists", "all", "exists_one"]))
    pattern = draw(st.sampled_from(["'^H'", "'l+o$'", "r'[a-b]'", "'(?i)hello'"]))
    return draw(
        st.sampled_from(
            [
                f"{draw(numbers | arithmetic())} {compare} {draw(numbers | arithmetic())}",
                f"{draw(doubles)} {compare} {draw(doubles)}",
                f"{draw(strings)} {compare} {draw(strings)}",
                f"{draw(strings)} in {draw(lists)}",
                f"{draw(strings)}.{method}({draw(strings)})",
                f"{draw(strings)}.matches({pattern})",
                f"{draw(lists)}.{macro}(x, x == {draw(strings)})",
                f"{draw(lists)}.{macro}(x, size(x) > {draw(numbers)})",
                f"size({draw(lists)}) {compare} {draw(numbers)}",
                "tool.args.b", "has(tool.args.s)", "has(tool.args.zz)", "tool.args.m.k == 'v'",
                "'k' in tool.args.m", "tool.args.l[1] == 'b'",
            ]
        )
    )  # fmt: skip


@st.composite
def joined(draw: st.DrawFn, parts: st.SearchStrategy[str]) -> str:
    one, two, three = draw(parts), draw(parts), draw(parts)
    return draw(
        st.sampled_from(
            [f"{one} && {two}", f"{one} || {two}", f"!({one})", f"({one} ? {two} : {three})"]
        )
    )


expressions = st.recursive(atoms(), joined, max_leaves=5)


def ours(text: str) -> bool | None:
    scene = Scene("t", ARGS, {}, {}, set(), 0)
    try:
        return truth(compile_condition(parse(text), SHAPE).run(scene))
    except (EvaluationError, ExpressionError):
        return None


def theirs(text: str) -> bool | None:
    try:
        found = cel.evaluate(text, {"tool": {"name": "t", "args": ARGS}})
    except (ValueError, TypeError, RuntimeError, ArithmeticError):
        return None
    return found if isinstance(found, bool) else None


@settings(max_examples=300)
@given(expressions)
def test_both_engines_agree(text: str) -> None:
    mine, other = ours(text), theirs(text)
    if mine is not None and other is not None:
        assert mine is other


@settings(max_examples=80)
@given(atoms())
def test_what_the_other_engine_evaluates_is_mostly_evaluated_here(text: str) -> None:
    if theirs(text) is not None:
        assert ours(text) is not None
