"""Streams give the same findings as the whole text, each as soon as its line is there."""

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tyrian.detectors.code_shield.carry import carried
from tyrian.detectors.code_shield.engine import CodeFinding, Engine
from tyrian.detectors.code_shield.reading import pieces_of
from tyrian.detectors.code_shield.rule import Profile
from tyrian.detectors.code_shield.stream import CodeStream

ENGINE = Engine()
TEXT = """Look at this:

```python
import os
from subprocess import run as r

def ping(host):
    os.system("ping " + host)
    r("ls " + host, shell=True)
```

Then, in the browser:

~~~js
el.innerHTML = "<b>" + name + "</b>";
~~~

And at last

```python
eval(x)"""


def key(found: CodeFinding) -> tuple[str, int, int]:
    return found.rule.id, found.start, found.end


def whole(text: str) -> set[tuple[str, int, int]]:
    return {
        (found.rule.id, found.start + piece.start, found.end + piece.start)
        for piece in pieces_of(text)
        for found in ENGINE.scan(piece.code, piece.language).findings
    }


@settings(max_examples=30)
@given(cuts=st.lists(st.integers(0, len(TEXT)), max_size=30))
def test_a_stream_finds_what_the_whole_text_holds(cuts: list[int]) -> None:
    stream = CodeStream(ENGINE)
    found: list[CodeFinding] = []
    places = [0, *sorted(cuts), len(TEXT)]
    for start, end in itertools.pairwise(places):
        found += stream.feed(TEXT[start:end])
    found += stream.close()
    assert {key(f) for f in found} == whole(TEXT)
    assert len(found) == len({key(f) for f in found})


def test_a_finding_comes_with_the_end_of_its_line() -> None:
    stream = CodeStream(ENGINE)
    assert stream.feed("```python\nimport os\n") == ()
    assert stream.feed('os.system("ping " ') == ()
    assert stream.feed("+ host)") == ()
    assert next(f.rule.cwe for f in stream.feed("\n")) == "CWE-78"


def test_a_document_in_a_fence_goes_on_around_its_blocks() -> None:
    stream = CodeStream(ENGINE)
    text = "~~~~markdown\n```python\nx = 1\n```\nprose\n~~~~\n```python\neval(y)\n"
    found = [one for line in text.splitlines(keepends=True) for one in stream.feed(line)]
    assert [text[f.start : f.end] for f in found] == ["eval(y)"]


def test_a_long_block_is_read_in_windows() -> None:
    stream = CodeStream(ENGINE, Profile.BLOCK)
    stream.feed("```python\nimport os\n")
    for number in range(1500):
        assert stream.feed(f"value_{number} = {number}\n") == ()
    found = stream.feed('os.system("ping " + host)\n')
    assert [f.rule.cwe for f in found] == ["CWE-78"]
    assert found[0].start > 20_000


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("prose only\n", ""),
        ("```python\nx(1)\n```\nprose\n", ""),
        ("a\n```python\nimport os\nprint(1)\n", "```python\nimport os\n"),
        ("a\n```py\nb = 1\ncall(", "```py\nb = 1\ncall("),
        ("a\n``", "``"),
    ],
)
def test_what_is_carried_is_the_open_fence_with_its_names(text: str, expected: str) -> None:
    assert carried(text) == expected


@given(cut=st.integers(0, len(TEXT)))
def test_carrying_in_steps_is_carrying_at_once(cut: int) -> None:
    assert carried(carried(TEXT[:cut]) + TEXT[cut:]) == carried(TEXT)
