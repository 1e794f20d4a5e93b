"""The shipped secrets guard in a stream: a key that is split anywhere never leaves."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tyrian.core.decision import Effect
from tyrian.core.message import Message
from tyrian.firewall.firewall import Firewall
from tyrian.firewall.stream import Delta
from tyrian.stack.load import parse_stack

STACK = """
agent:
  postflight_guards:
    - {name: secrets, redact_classes: ["*"]}
"""
# Put together here so that no scanner takes this file for a leak.
KEYS = {
    "aws": "AKIA" + "Z7QK2MNB4XWT6RPS",
    "armour": "-----BEGIN RSA PRIVATE "
    + "KEY-----\n"
    + "MIIEowIBAAKCAQEAq1x2Zk9pT4vQ8sLw7Yb3Nd6Rf5Hg0Jc\n" * 30
    + "-----END RSA PRIVATE KEY-----",
}


@pytest.fixture(scope="module")
def firewall() -> Firewall:
    return Firewall.from_stack(parse_stack(STACK, base=Path(), file="stack.yaml"))


async def streamed(firewall: Firewall, pieces: list[str]) -> tuple[str, Effect]:
    guard = firewall.stream()
    deltas = [delta for piece in pieces for delta in await guard.feed(Delta(piece))]
    deltas += await guard.close()
    assert guard.decision is not None
    return "".join(delta.text for delta in deltas), guard.decision.effect


@pytest.mark.parametrize("kind", KEYS)
@pytest.mark.parametrize("before", [0, 900])
async def test_a_key_split_at_any_place_never_leaves(
    firewall: Firewall, kind: str, before: int
) -> None:
    key = KEYS[kind]
    answer = ("The words come before it. " * 60)[:before] + f"\n{key}\nand some go on " * 2
    whole = (await firewall.scan(Message.assistant(answer))).subject.text
    assert key not in whole
    start = answer.index(key)
    for place in range(start, start + len(key) + 1, max(1, len(key) // 40)):
        left, effect = await streamed(firewall, [answer[:place], answer[place:]])
        assert left == whole
        assert effect is Effect.REDACT


@given(st.lists(st.integers(1, 200), min_size=1, max_size=80), st.sampled_from(sorted(KEYS)))
@settings(max_examples=60)
async def test_any_cutting_gives_the_whole_answer_redacted(sizes: list[int], kind: str) -> None:
    firewall = Firewall.from_stack(parse_stack(STACK, base=Path(), file="stack.yaml"))
    answer = "Here it comes, as you asked. " * 20 + KEYS[kind] + " That was it. " * 40
    pieces: list[str] = []
    rest = answer
    for size in sizes:
        piece, rest = rest[:size], rest[size:]
        pieces.append(piece)
    whole = (await firewall.scan(Message.assistant(answer))).subject.text
    assert await streamed(firewall, [*pieces, rest]) == (whole, Effect.REDACT)
