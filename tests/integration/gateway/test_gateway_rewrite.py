"""The option `rewrite`: the model is told what is wrong and writes its answer again."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import openai
import pytest
from aiohttp import web

from tyrian.errors import ConfigError
from tyrian.firewall.firewall import Firewall

UNSAFE = 'Do this:\n\n```python\nimport os\nos.system("ping " + host)\n```\n'
SAFE = 'Do this:\n\n```python\nsubprocess.run(["ping", host], check=True)\n```\n'
ALSO_UNSAFE = "Do this:\n\n```python\neval(input())\n```\n"
USAGE_OF_ONE = 7
MESSAGES: Any = [{"role": "user", "content": "how do I ping a host?"}]


def firewall(tmp_path: Path, effect: str = "block", tries: int = 2) -> Firewall:
    file = tmp_path / "stack.yaml"
    file.write_text(
        "agent:\n  postflight_guards:\n"
        f"    - name: code_shield\n      {effect}_classes: ['*']\n"
        f"      options: {{rewrite: {{tries: {tries}}}}}\n"
    )
    return Firewall.from_stack(file)


def in_turn(kit: Any, *answers: str | int) -> None:
    """The model gives these answers, one after another; a number is a failure of that status."""
    left = list(answers)

    async def answer(body: dict[str, Any], request: web.Request) -> web.StreamResponse:
        one = left.pop(0) if len(left) > 1 else left[0]
        if isinstance(one, int):
            return web.Response(status=one)
        found: web.StreamResponse = await kit.reply(body, request, one)
        return found

    kit.upstream.answer = answer


def whole(kit: Any, client: openai.OpenAI, **more: Any) -> Any:
    return client.chat.completions.create(model=kit.model, messages=MESSAGES, **more)


def streamed(kit: Any, client: openai.OpenAI) -> tuple[str, Any]:
    chunks = list(
        client.chat.completions.create(
            model=kit.model,
            messages=MESSAGES,
            stream=True,
            stream_options={"include_usage": True},
        )
    )
    text = "".join(c.choices[0].delta.content or "" for c in chunks if c.choices)
    return text, chunks


def test_the_model_is_told_the_finding_and_its_second_answer_leaves(
    kit: Any, tmp_path: Path
) -> None:
    in_turn(kit, UNSAFE, SAFE)
    raw = kit.client(firewall(tmp_path)).chat.completions.with_raw_response.create(
        model=kit.model, messages=MESSAGES
    )
    answer = raw.parse()
    assert answer.choices[0].message.content == SAFE
    assert answer.choices[0].finish_reason == "stop"
    assert raw.headers["x-tyrian-effect"] == "allow"
    assert answer.usage.total_tokens == 2 * USAGE_OF_ONE
    assert answer.tyrian["rewrites"] == 1
    first, second = kit.upstream.requests
    assert second["messages"][: len(first["messages"])] == first["messages"]
    told = second["messages"][-2:]
    assert told[0] == {"role": "assistant", "content": UNSAFE}
    assert told[1]["role"] == "user"
    assert "CWE-78" in told[1]["content"]
    assert "subprocess.run" in told[1]["content"]


def test_a_stream_waits_for_the_answer_that_leaves(kit: Any, tmp_path: Path) -> None:
    in_turn(kit, UNSAFE, SAFE)
    text, chunks = streamed(kit, kit.client(firewall(tmp_path)))
    assert text == SAFE
    assert chunks[-1].usage.total_tokens == 2 * USAGE_OF_ONE
    assert [bool(request.get("stream")) for request in kit.upstream.requests] == [False, False]
    assert all("stream_options" not in request for request in kit.upstream.requests)


@pytest.mark.parametrize("effect", ["block", "redact"])
@pytest.mark.parametrize("is_stream", [False, True])
def test_the_effect_holds_where_no_try_helps(
    kit: Any, tmp_path: Path, effect: str, is_stream: bool
) -> None:
    in_turn(kit, UNSAFE, ALSO_UNSAFE)
    client = kit.client(firewall(tmp_path, effect, tries=3))
    if is_stream:
        text, chunks = streamed(kit, client)
        finish = [c.choices[0].finish_reason for c in chunks if c.choices][-1]
    else:
        answer = whole(kit, client).choices[0]
        text, finish = answer.message.content or "", answer.finish_reason
    assert len(kit.upstream.requests) == 4
    assert "os.system(" not in text
    assert "eval(input" not in text
    if effect == "redact":
        assert "[REDACTED:CWE-" in text
    else:
        assert (text, finish) == ("", "content_filter")


@pytest.mark.parametrize("later", [500, ""])
def test_a_failure_of_a_later_try_leaves_the_effect_on_the_first(
    kit: Any, tmp_path: Path, later: str | int
) -> None:
    in_turn(kit, UNSAFE, later or 503)
    answer = whole(kit, kit.client(firewall(tmp_path, "redact"))).choices[0]
    assert "[REDACTED:CWE-78 (" in answer.message.content
    assert "os.system(" not in answer.message.content


def test_a_safe_answer_is_asked_for_once(kit: Any, tmp_path: Path) -> None:
    in_turn(kit, SAFE)
    client = kit.client(firewall(tmp_path))
    assert whole(kit, client).choices[0].message.content == SAFE
    assert streamed(kit, client)[0] == SAFE
    assert len(kit.upstream.requests) == 2


def test_several_answers_at_once_are_not_written_again(kit: Any, tmp_path: Path) -> None:
    in_turn(kit, UNSAFE, SAFE)
    answer = whole(kit, kit.client(firewall(tmp_path)), n=2)
    assert [choice.finish_reason for choice in answer.choices] == ["content_filter"] * 2
    assert len(kit.upstream.requests) == 1


@pytest.mark.parametrize("value", ["{tries: 0}", "{tries: 9}", "true", "{}", "{tries: 1, x: 2}"])
def test_a_wrong_option_is_told(tmp_path: Path, value: str) -> None:
    file = tmp_path / "stack.yaml"
    file.write_text(
        "agent:\n  postflight_guards:\n"
        f"    - {{name: code_shield, options: {{rewrite: {value}}}}}\n"
    )
    build: Callable[[Path], Firewall] = Firewall.from_stack
    with pytest.raises(ConfigError, match="rewrite"):
        build(file)
