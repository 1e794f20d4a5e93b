"""Words are those of a POSIX shell, and all else is named."""

import shlex
import shutil
import subprocess

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tyrian.policy.shell import Feature, joined, tokenise


@pytest.mark.parametrize(
    ("text", "feature"),
    [
        ("a; b", Feature.CHAIN), ("a && b", Feature.CHAIN), ("a || b", Feature.CHAIN),
        ("a | b", Feature.PIPE), ("a & b", Feature.BACKGROUND), ("a > b", Feature.REDIRECTION),
        ("a &> b", Feature.REDIRECTION), ("a $(b)", Feature.SUBSTITUTION),
        ("a `b`", Feature.SUBSTITUTION),
        ('a "$(b)"', Feature.SUBSTITUTION), ("a $b", Feature.EXPANSION),
        ('a "$b"', Feature.EXPANSION),
        ("a *", Feature.GLOB), ("a {b,c}", Feature.BRACES), ("a ~", Feature.TILDE),
        ("a $'b'", Feature.ANSI_QUOTE), ("(a)", Feature.GROUP), ("A=b c", Feature.ASSIGNMENT),
        ("a\nb", Feature.NEWLINE), ("a # b", Feature.COMMENT), ("! a", Feature.HISTORY),
        ("if a", Feature.KEYWORD), ("a 'b", Feature.UNCLOSED), ("a \x1b", Feature.CONTROL),
    ],
)  # fmt: skip
def test_a_feature_is_named(text: str, feature: Feature) -> None:
    assert feature in {found.feature for found in tokenise(text).features}


def test_quotes_are_removed_and_remembered() -> None:
    tokens = tokenise("""a 'b c' "d e"f g\\ h ''""")
    assert tokens.argv == ("a", "b c", "d ef", "g h", "")
    assert [word.is_quoted for word in tokens.words] == [False, True, True, True, True]
    assert tokens.features == ()


@settings(max_examples=400)
@given(st.text(alphabet="abc'\"\\ \t-=#~.,:/@%+", max_size=24))
def test_plain_words_are_those_of_shlex(text: str) -> None:
    tokens = tokenise(text)
    if not tokens.features:
        assert list(tokens.argv) == shlex.split(text)
        assert tokenise(joined(tokens.argv)).argv == tokens.argv


@settings(max_examples=60)
@given(st.text(alphabet="ab'\"\\ $`;|&<>(){}[]*?~#!=\n-", max_size=16))
def test_words_without_features_are_what_a_real_shell_makes_of_them(text: str) -> None:
    shell = shutil.which("sh")
    if shell is None:
        pytest.skip("no shell here")
    tokens = tokenise("x " + text)
    if tokens.features:
        return
    command = [shell, "-c", f"printf '%s\\0' {text}"]
    found = subprocess.run(command, capture_output=True, check=True, cwd="/proc/self")
    words = found.stdout.decode().split("\0")[:-1]
    assert words == list(tokens.argv[1:]) or (words == [""] and len(tokens.argv) == 1)
