"""Insecure code in streamed answers: it never reaches the client."""

from pathlib import Path
from typing import Any

import openai
import pytest

from tyrian.firewall.firewall import Firewall

LINE = 'os.system("ping " + host)'
PROSE = "Here is how it can be done, step by step, with a word on each of the steps. " * 3
ANSWER = f"""{PROSE}

```bash
python3 -m venv .venv && . .venv/bin/activate
```

{PROSE}

```python
def greet(name):
    print("hello " + name)
```

{PROSE}

```python
import os


def ping(host):
    {LINE}
    return host
```

{PROSE}
"""
LONG_BODY = "".join(f"    print('step {n} of the long function')\n" for n in range(60))
LONG = f"""{PROSE}

```python
from os import system as run


def ping(host):
{LONG_BODY}
    run("ping " + host)
    return host
```

{PROSE}
"""


def firewall(tmp_path: Path, *, effect: str, options: str = "{}") -> Firewall:
    file = tmp_path / "stack.yaml"
    file.write_text(
        "agent:\n  postflight_guards:\n"
        f"    - name: code_shield\n      {effect}_classes: ['*']\n      options: {options}\n"
    )
    return Firewall.from_stack(file)


def pieces(kit: Any, client: openai.OpenAI) -> list[Any]:
    messages: Any = [{"role": "user", "content": "how do I ping a host?"}]
    return list(client.chat.completions.create(model=kit.model, messages=messages, stream=True))


def text_of(chunks: list[Any]) -> str:
    return "".join(c.choices[0].delta.content or "" for c in chunks if c.choices)


@pytest.mark.parametrize("size", [1, 3, 17, 400])
def test_the_third_block_of_a_streamed_answer_is_redacted(
    kit: Any, tmp_path: Path, size: int
) -> None:
    kit.upstream.say(ANSWER, size=size)
    chunks = pieces(kit, kit.client(firewall(tmp_path, effect="redact")))
    text = text_of(chunks)
    assert LINE not in text
    assert 'os.system("ping' not in text
    assert "[REDACTED:CWE-78 (" in text
    assert "import os" in text
    assert text.endswith(PROSE + "\n")
    assert chunks[-1].choices[0].finish_reason == "stop"


@pytest.mark.parametrize("size", [3, 40])
def test_the_third_block_of_a_streamed_answer_ends_the_stream(
    kit: Any, tmp_path: Path, size: int
) -> None:
    kit.upstream.say(ANSWER, size=size)
    chunks = pieces(kit, kit.client(firewall(tmp_path, effect="block")))
    text = text_of(chunks)
    assert "os.system" not in text
    assert text.startswith(PROSE)
    assert chunks[-1].choices[0].finish_reason == "content_filter"


def test_a_block_longer_than_the_window_is_still_known_as_python(kit: Any, tmp_path: Path) -> None:
    kit.upstream.say(LONG, size=5)
    text = text_of(pieces(kit, kit.client(firewall(tmp_path, effect="redact"))))
    assert 'run("ping' not in text
    assert "step 59" in text
    assert "[REDACTED:CWE-78 (" in text
    assert text.endswith(PROSE + "\n")


def test_a_safe_answer_streams_as_it_came(kit: Any, tmp_path: Path) -> None:
    safe = ANSWER.replace(LINE, 'subprocess.run(["ping", host], check=True)')
    kit.upstream.say(safe, size=7)
    assert text_of(pieces(kit, kit.client(firewall(tmp_path, effect="block")))) == safe


def test_a_whole_block_gives_way_to_an_explanation(kit: Any, tmp_path: Path) -> None:
    kit.upstream.say(ANSWER)
    client = kit.client(firewall(tmp_path, effect="redact", options="{span: block}"))
    messages: Any = [{"role": "user", "content": "how do I ping a host?"}]
    answer = client.chat.completions.create(model=kit.model, messages=messages)
    text = answer.choices[0].message.content
    assert "def ping" not in text
    assert "def greet" in text
    assert "[REDACTED:CWE-78 (" in text
