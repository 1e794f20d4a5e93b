"""Code is found in messages: fences, diffs, transcripts, untagged text, tool calls."""

import json

import pytest

from tyrian.core.detection import Detection, View
from tyrian.core.message import Message, ToolCall
from tyrian.core.registry import DetectorConfig, create_detector
from tyrian.detectors.code_shield.fences import blocks_of
from tyrian.detectors.code_shield.guess import guesses
from tyrian.errors import ConfigError

BAD = 'os.system("ping " + host)'


def detect(message: Message | str, **options: object) -> Detection:
    subject = Message.assistant(message) if isinstance(message, str) else message
    config = DetectorConfig("code_shield", options=options)
    found = create_detector("code_shield", config).detect(View.of(subject))
    assert isinstance(found, Detection)
    return found


def places(message: Message | str, **options: object) -> list[str]:
    subject = Message.assistant(message) if isinstance(message, str) else message
    found = detect(subject, **options).findings
    return [subject.text[f.start : f.end] for f in found if f.score >= 0.8]


@pytest.mark.parametrize(
    "text",
    [
        f"Here:\n```python\n{BAD}\n```\nDone.",
        f"```py\n{BAD}",
        f"~~~ python\n{BAD}\n~~~",
        f"1. First\n\n   ```python\n   {BAD}\n   ```\n",
        f"> ```python\n> {BAD}\n> ```\n",
        f"````markdown\n# Doc\n```python\n{BAD}\n```\n````",
        f"```python title=a.py {{1,3}}\n{BAD}\n```",
        f"```{{.python}}\n{BAD}\n```",
        f"```\nimport os\n\n{BAD}\n```",
        f"```diff\n--- a/x.py\n+++ b/x.py\n@@ -1 +1 @@\n-pass\n+{BAD}\n```",
        f"```diff\n+++ b/x.py\n {BAD}\n```",
        f"```python\n>>> {BAD}\n0\n```",
        f"import os\n\ndef ping(host):\n    {BAD}\n    return 1\n",
        f"Use this:\n\nimport os\nhost = input()\n{BAD}\n\nThat is all there is to it.",
        f"#!/usr/bin/env python3\nx = 1\n{BAD}\n",
        f"```python\nprint(1)\n```js\nlet a = 1;\n```\n```python\n{BAD}\n```",
    ],
)
def test_a_finding_stands_where_the_code_is(text: str) -> None:
    assert BAD in places(text)


@pytest.mark.parametrize(
    "text",
    [
        f"Never write `{BAD}` in a program.",
        f"```diff\n+++ b/x.py\n-{BAD}\n+pass\n```",
        f"```text\n{BAD}\n```",
        f"```markdown\n{BAD}\n```",
        f"```python\nx = 1\n```\nDo not use {BAD} here.",
    ],
)
def test_what_is_no_code_of_the_answer_is_left_alone(text: str) -> None:
    assert places(text) == []


def test_ten_thousand_fences_are_read_to_the_end() -> None:
    text = "```\n" * 10_000 + f"```python\n{BAD}\n"
    assert detect(text).coverage == 1.0
    assert len(blocks_of("```python\nx\n```\n" * 5000)) == 5000


@pytest.mark.parametrize(
    "text",
    ["\x00" * 1000, "```python\n\x00\x01\x02\n```", "\ud800 ```python\neval(\ud800)\n```",
     "x" * 300_000, "var a=" + "b+" * 150_000 + "c;", "```", "~~~\n" * 3 + "```"],
)  # fmt: skip
def test_odd_texts_break_nothing(text: str) -> None:
    assert 0.0 <= detect(text).coverage <= 1.0


def test_a_megabyte_on_one_line_is_read_in_part_and_said_so() -> None:
    text = "```javascript\n" + "a=b;" * 250_000 + "\n```"
    assert 0 < detect(text).coverage < 1


@pytest.mark.parametrize(
    ("name", "arguments", "expected"),
    [
        ("python", {"code": f"import os\n{BAD}"}, BAD),
        ("run", {"code": f"```python\n{BAD}\n```"}, BAD),
        ("write_file", {"path": "src/a.py", "content": f"import os\n{BAD}\n"}, BAD),
        ("edit", {"file": "a.js", "new_str": "eval(x + y)"}, "eval(x + y)"),
        ("run_sql", {"query": "EXEC('SELECT ' + @x)"}, None),
        ("weather", {"city": BAD}, None),
    ],
)
def test_code_in_tool_calls_is_found_in_their_json(
    name: str, arguments: dict[str, str], expected: str | None
) -> None:
    call = ToolCall("1", name, json.dumps(arguments))
    message = Message.assistant("I will run it.", calls=[call])
    found = places(message)
    if expected is None:
        assert BAD not in found
    else:
        assert json.dumps(expected)[1:-1] in found


@pytest.mark.parametrize(
    "page",
    [
        "<p>it's</p><?php $a = 1; ?>\n<script>\neval(location.hash)\n</script>",
        "$a = '<p>';\n?>\n<script>var b = <?= $c ?>; eval(location.hash)</script>\n<?php $d = 2;",
    ],
)
def test_pages_of_php_are_read_for_their_scripts(page: str) -> None:
    assert "eval(location.hash)" in places(f"```php\n{page}\n```")


def test_a_script_in_a_text_of_php_is_text() -> None:
    assert places("```php\n<?php $a = '<script>eval(location.hash)</script>';\n```") == []


def test_html_pages_are_read_for_their_scripts() -> None:
    text = "```html\n<p>eval(x)</p>\n<script>\neval(location.hash)\n</script>\n```"
    assert places(text) == ["eval(location.hash)"]


def test_a_guess_counts_for_less_than_a_tag() -> None:
    tagged = detect(f"```python\nimport os\n{BAD}\n```").score
    guessed = detect(f"```\nimport os\n{BAD}\n```").score
    assert 0.5 <= guessed < tagged


@pytest.mark.parametrize(
    ("code", "language"),
    [
        ("#!/bin/bash\necho hi", "shell"),
        ("#include <stdio.h>\nint main() { return 0; }", "c"),
        ("#include <iostream>\nstd::cout << x;", "cpp"),
        ("<?php echo $x;", "php"),
        ("package main\nfunc main() {\n\tfmt.Println(x)\n}", "go"),
        ("fn main() {\n    let mut x = 1;\n    println!(\"{}\", x);\n}", "rust"),
        ("public class A {\n  public static void main(String[] args) {}\n}", "java"),
        ("using System;\nConsole.WriteLine($\"{x}\");", "csharp"),
        ("const x = require('fs');\nx.readFile(a, (e) => {});", "javascript"),
        ("interface A { a: string }\nlet b: number = 1;", "typescript"),
        ("def a\n  puts \"#{b}\"\nend", "ruby"),
        ("fun main() {\n  val x = 1\n  println(x)\n}", "kotlin"),
        ("import Foundation\nlet x = 1\nguard let y = z else { return }", "swift"),
        ("SELECT a FROM b WHERE c = 1;", "sql"),
        ("FROM alpine:3\nRUN apk add curl\n", "dockerfile"),
        ('resource "aws_s3_bucket" "b" {\n  acl = "private"\n}', "terraform"),
        ("apiVersion: v1\nkind: Pod\nspec:\n  containers:\n", "kubernetes"),
    ],
)  # fmt: skip
def test_the_language_of_untagged_code_is_guessed(code: str, language: str) -> None:
    assert language in {guess.language for guess in guesses(code)}


def test_prose_is_taken_for_no_language() -> None:
    assert guesses("The weather is fine today, and tomorrow it will rain a little.") == []


def test_the_options_of_the_guard_are_checked() -> None:
    for options in (
        {"profile": "strict"},
        {"span": "page"},
        {"languages": ["cobol"]},
        {"profil": "block"},
    ):
        with pytest.raises(ConfigError):
            detect("x", **options)
    assert detect("```python\nos.system(x)\n```", profile="block").findings == ()
    assert detect(f"```python\n{BAD}\n```", languages=["go"]).findings == ()
    ignored = ["code.python.os-command-built", "code.python.os-command-dynamic"]
    assert detect(f"```python\n{BAD}\n```", ignore=ignored).findings == ()


def test_a_finding_can_mark_its_whole_block() -> None:
    text = f"Look:\n```python\nimport os\n{BAD}\n```\nDone."
    assert places(text, span="block")[0] == f"```python\nimport os\n{BAD}\n"
