"""Expressions mean what the Common Expression Language says."""

import pytest

from tyrian.policy.expression.compile import compile_condition
from tyrian.policy.expression.operators import truth
from tyrian.policy.expression.scene import EvaluationError, Scene, ToolShape
from tyrian.policy.expression.syntax import ExpressionError, parse

ARGS: dict[str, object] = {
    "s": "héllo", "n": 7, "f": 2.5, "b": True, "l": ["a", "b"], "m": {"k": "v", "o": None}
}  # fmt: skip
SHAPE = ToolShape("t", {"s": "string"}, {}, is_open=True)
SCENE = Scene("t", ARGS, {}, {"x": 2}, {"web"}, 2)


def value(when: str) -> object:
    return compile_condition(parse(when), SHAPE).run(SCENE)


@pytest.mark.parametrize(
    "when",
    [
        "true", "!false", "1 < 2", "1 == 1.0", "'a' < 'b'", "1 + 2 * 3 == 7", "(1 + 2) * 3 == 9",
        "-7 / 2 == -3", "-7 % 2 == -1", "7.0 / 2.0 == 3.5", "1 != 2 && 2 != 3", "false || true",
        "true ? true : false", "'a' in ['a', 'b']", "!('c' in ['a', 'b'])", "1 in [1.0]",
        "true != (1 == 2)", "'ab' + 'c' == 'abc'", "[1] + [2] == [1, 2]",
        "tool.name == 't'", "tool.args.s.startsWith('h')", "tool.args.s.endsWith('o')",
        "tool.args.s.contains('ll')", "size(tool.args.s) == 5", "tool.args.s.size() == 5",
        "tool.args.s.matches('^h.l')", "tool.args.s.matches(r'l+o$')",
        "!tool.args.s.matches('^l')",
        "'ABC'.lowerAscii() == 'abc'", "'abc'.upperAscii() == 'ABC'", "tool.args.n > 6.5",
        "tool.args.b", "tool.args.l.exists(x, x == 'b')", "tool.args.l.all(x, size(x) == 1)",
        "tool.args.l.exists_one(x, x == 'a')", "tool.args.l[1] == 'b'", "tool.args.m.k == 'v'",
        "tool.args.m['k'] == 'v'", "has(tool.args.m.k)", "!has(tool.args.m.z)",
        "'k' in tool.args.m",
        "tool.args.m.o == null", "has(tool.args.s)", "!has(tool.args.zz)", "tool.args['n'] == 7",
        "'x' in trace.called", "'web' in trace.untrusted", "trace.calls == 2", "int('7') == 7",
        "string(7) == '7'", "double('2.5') == tool.args.f", "'\\u00e9\\x41\\n' == 'éA\\n'",
        "0x10 == 16", "[[1], [2]].exists(l, l.exists(x, x == 2))", "tool.args.zz == 1 || true",
        "!(tool.args.zz == 1 && false)", "true || tool.args.zz == 1", "1e3 == 1000.0",
        "tool.args.n == 7 // a comment", "size([1, 2]) == 2", "tool.args.s == 'h\\u00e9llo'",
    ],
)  # fmt: skip
def test_a_true_expression_is_true(when: str) -> None:
    assert value(when) is True


@pytest.mark.parametrize(
    "when",
    [
        "tool.args.zz == 1", "tool.args.m.zz", "tool.args.n", "tool.args.n < 'a'", "1 / 0 == 1",
        "tool.args.l[5] == 'a'", "tool.args.n.exists(x, x)", "tool.args.zz && true",
        "int('x') == 1",
        "9223372036854775807 + 1 > 0", "tool.args.m.startsWith('a')", "'a' in tool.args.n",
        "tool.args.n ? true : false", "false || tool.args.zz", "size(tool.args.n) == 1",
        "5 % 0 == 1",
    ],
)  # fmt: skip
def test_an_expression_without_a_value_is_an_error_and_never_false(when: str) -> None:
    with pytest.raises((EvaluationError, ExpressionError)):
        truth(value(when))


def test_a_long_list_refuses_rather_than_takes_long() -> None:
    scene = Scene("t", {"l": ["a"] * 1001}, {}, {}, set(), 0)
    code = compile_condition(parse("tool.args.l.exists(x, x == 'b')"), SHAPE)
    with pytest.raises(EvaluationError):
        code.run(scene)


def test_a_condition_on_another_tool_folds_to_false() -> None:
    code = compile_condition(parse("tool.name == 'u' && tool.args.s == 'x'"), SHAPE)
    assert code.is_constant
    assert code.value is False
