"""From a stack to a Firewall."""

from pathlib import Path

import pytest

from tyrian.core.decision import Effect
from tyrian.core.detection import Stage
from tyrian.core.message import Message
from tyrian.errors import StackError
from tyrian.firewall.firewall import Firewall
from tyrian.firewall.redact import RedactStyle
from tyrian.stack.load import parse_stack
from tyrian.stack.schema import Stack

# Put together here so that no scanner takes this file for a leak.
KEY = "AKIA" + "Z7QK2MNB4XWT6RPS"
PLAIN = """
agent:
  preflight_guards:
    - {name: secrets, id: keys, block_classes: [secret]}
  postflight_guards:
    - {name: secrets, id: keys, redact_classes: [secret], redact_with: mask, timeout_s: 1.5}
  tool_output_guards:
    - {name: secrets, id: keys, flag_classes: [secret]}
    - {name: secrets, id: other, flag_classes: [secret]}
stream: {hold_back: 300}
cache: {size: 7, ttl_s: 9}
audit: {path: audit.jsonl, include_text: true}
"""


def stack_of(text: str, base: Path) -> Stack:
    return parse_stack(text, base=base, file="stack.yaml")


async def test_a_stack_becomes_guards_policy_and_limits(tmp_path: Path) -> None:
    firewall = Firewall.from_stack(stack_of(PLAIN, tmp_path))
    output = firewall.guards_at(Stage.OUTPUT)[0]
    assert (output.name, output.timeout_s, output.redact_with) == ("keys", 1.5, RedactStyle.MASK)
    assert firewall.stream_limits.hold_back == 300
    assert (firewall.cache.size, firewall.cache.ttl_s) == (7, 9)
    assert [(stage, info.name) for stage, info in firewall.infos()] == [
        (Stage.INPUT, "keys"),
        (Stage.TOOL_RESULT, "keys"),
        (Stage.TOOL_RESULT, "other"),
        (Stage.OUTPUT, "keys"),
    ]
    await firewall.close()


async def test_a_stack_decides_as_it_says(tmp_path: Path) -> None:
    firewall = Firewall.from_stack(stack_of(PLAIN, tmp_path))
    assert (await firewall.scan(Message.user(f"key {KEY}"))).effect is Effect.BLOCK
    assert (await firewall.scan(Message.tool(f"key {KEY}"))).effect is Effect.FLAG
    answer = await firewall.scan(Message.assistant(f"key {KEY}"))
    assert answer.subject.text == "key ****"
    await firewall.close()
    assert len((tmp_path / "audit.jsonl").read_text("utf-8").splitlines()) == 3


async def test_guards_that_one_detector_can_serve_share_it(tmp_path: Path) -> None:
    text = PLAIN.replace("timeout_s: 1.5", "timeout_s: 2")
    firewall = Firewall.from_stack(stack_of(text, tmp_path))
    by_name = {guard.name: set[int]() for guard in firewall.guards}
    for guard in firewall.guards:
        by_name[guard.name].add(id(guard.detector))
    assert {name: len(detectors) for name, detectors in by_name.items()} == {"keys": 1, "other": 1}
    assert by_name["keys"] != by_name["other"]
    await firewall.close()


def test_a_file_that_is_not_there_is_a_clear_error(tmp_path: Path) -> None:
    with pytest.raises(StackError):
        Firewall.from_stack(tmp_path / "absent.yaml")
