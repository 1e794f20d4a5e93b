"""Streams: nothing leaves before it is judged, and the end is that of the whole answer."""

import itertools
import json
import re
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tyrian.core.decision import Decision, Effect
from tyrian.core.detection import Detection, DetectorInfo, Finding, Stage, View
from tyrian.core.message import Message, ToolCall
from tyrian.firewall.blocked import GuardedStreamError
from tyrian.firewall.firewall import Firewall
from tyrian.firewall.guard import Guard
from tyrian.firewall.holdback import FIRST_WORDS, StreamLimits
from tyrian.firewall.redact import RedactStyle
from tyrian.firewall.stream import Delta, StreamGuard, ToolCallDelta
from tyrian.policy.guard import GuardPolicy, GuardRule

SECRET = "ghp_" + "a1" * 18
PATTERNS = {
    "secret": r"\bghp_[A-Za-z0-9]{36}\b",
    "armour": r"-----BEGIN KEY-----[^-]*-----END KEY-----",
    "card": r"\b\d{4} \d{4} \d{4} \d{4}\b",
    "attack": r"forbidden words",
}
ARMOUR = "-----BEGIN KEY-----\n" + "a1b2 c3d4\n" * 120 + "-----END KEY-----"
CARD = "4111 1111 1111 1111"


@dataclass
class Finder:
    """Finds the patterns above; bounded or not."""

    name: str = "finder"
    is_bounded: bool = True
    longest: int = 0

    @property
    def info(self) -> DetectorInfo:
        return DetectorInfo(self.name, "finder", tuple(PATTERNS))

    def detect(self, view: View) -> Detection:
        self.longest = max(self.longest, len(view.text))
        return Detection.from_findings(
            tuple(
                Finding("r", label, "", start=match.start(), end=match.end())
                for label, pattern in PATTERNS.items()
                for match in re.finditer(pattern, view.text)
            )
        )


EFFECTS = {
    "secret": Effect.REDACT,
    "armour": Effect.REDACT,
    "card": Effect.REDACT,
    "attack": Effect.BLOCK,
}


def firewall_of(
    *stages: Stage,
    hold_back: int = 128,
    is_bounded: bool = True,
    style: RedactStyle = RedactStyle.LABEL,
    effects: dict[str, Effect] = EFFECTS,
) -> Firewall:
    detector = Finder(is_bounded=is_bounded)
    return Firewall(
        [Guard(detector, stage, redact_with=style) for stage in stages],
        GuardPolicy(GuardRule("finder", stage, effects) for stage in stages),
        stream=StreamLimits(hold_back=hold_back, context=300),
    )


async def stream(guard: StreamGuard, deltas: Sequence[Delta]) -> list[Delta]:
    leaving: list[Delta] = []
    for delta in deltas:
        leaving += await guard.feed(delta)
    return leaving + await guard.close()


def texts(deltas: Sequence[Delta]) -> str:
    return "".join(delta.text for delta in deltas)


def cut(text: str, places: Sequence[int]) -> list[Delta]:
    edges = sorted({0, len(text), *(place % (len(text) + 1) for place in places)})
    return [Delta(text[a:b]) for a, b in itertools.pairwise(edges)]


words = st.sampled_from(
    [
        "the answer is here ",
        "ein Satz mit Umlauten äöü. ",
        "一段没有空格的文字，" * 6,
        "x" * 90,
        "ghp_short ",
        "-----BEGIN KEY----- ",
        SECRET,
        f" {SECRET} ",
        CARD + " ",
        ARMOUR + "\n",
        "\n",
        "lorem ipsum dolor sit amet " * 12,
    ]
)
answers = st.lists(words, max_size=12).map("".join)
attacks = st.tuples(answers, answers).map("forbidden words".join)
places = st.lists(st.integers(0, 10_000), max_size=60)


@given(answers, places, st.sampled_from(RedactStyle), st.booleans())
@settings(max_examples=150)
async def test_what_left_is_the_whole_answer_redacted(
    answer: str, cuts: list[int], style: RedactStyle, is_bounded: bool
) -> None:
    firewall = firewall_of(Stage.OUTPUT, style=style, is_bounded=is_bounded)
    guard = firewall.stream()
    left = texts(await stream(guard, cut(answer, cuts)))
    whole = await firewall.scan(Message.assistant(answer))
    assert guard.decision is not None
    assert left == whole.subject.text
    assert guard.decision.effect is whole.effect
    await firewall.close()


@given(answers | attacks, places)
@settings(max_examples=150)
async def test_streamed_and_whole_have_the_same_effect(answer: str, cuts: list[int]) -> None:
    firewall = firewall_of(Stage.OUTPUT)
    guard = firewall.stream()
    left = texts(await stream(guard, cut(answer, cuts)))
    whole = await firewall.scan(Message.assistant(answer))
    assert guard.decision is not None
    assert guard.decision.effect is whole.effect
    assert guard.is_blocked is not whole.may_pass
    assert "forbidden" not in left


@pytest.mark.parametrize("secret", [SECRET, CARD, ARMOUR], ids=["token", "card", "armour"])
@pytest.mark.parametrize("before", [0, 5, 700])
async def test_a_secret_that_is_split_anywhere_never_leaves(secret: str, before: int) -> None:
    firewall = firewall_of(Stage.OUTPUT, hold_back=0)
    answer = "some words " * (before // 11) + secret + " and more" * 60
    at = answer.index(secret)
    step = max(1, len(secret) // 40)
    for place in range(at, at + len(secret) + 1, step):
        guard = firewall.stream()
        left = texts(await stream(guard, [Delta(answer[:place]), Delta(answer[place:])]))
        assert left == answer.replace(secret, _label(secret))


@pytest.mark.parametrize("size", [1, 2, 3, 7, 50])
async def test_a_secret_in_small_pieces_never_leaves(size: int) -> None:
    firewall = firewall_of(Stage.OUTPUT)
    answer = f"{'words ' * 80}{SECRET} {ARMOUR} {'words ' * 80}{CARD}"
    deltas = [Delta(answer[i : i + size]) for i in range(0, len(answer), size)]
    left = await stream(firewall.stream(), deltas)
    expected = answer
    for secret in (SECRET, ARMOUR, CARD):
        expected = expected.replace(secret, _label(secret))
    assert texts(left) == expected


def _label(secret: str) -> str:
    names = {SECRET: "secret", CARD: "card", ARMOUR: "armour"}
    return f"[REDACTED:{names[secret]}]"


async def test_no_character_leaves_before_the_window_behind_it_is_full() -> None:
    firewall = firewall_of(Stage.OUTPUT, hold_back=256)
    guard = firewall.stream()
    fed = left = 0
    for _ in range(400):
        fed += 11
        left += len(texts(await guard.feed(Delta("some words "))))
        assert left <= max(0, fed - 256 + FIRST_WORDS)
    assert left >= fed - 256 - 256 - 11
    assert left + len(texts(await guard.close())) == fed


async def test_interim_scans_look_at_a_bounded_piece() -> None:
    detector = Finder()
    guards = [Guard(detector, Stage.OUTPUT)]
    policy = GuardPolicy([GuardRule("finder", Stage.OUTPUT, EFFECTS)])
    guard = Firewall(guards, policy).stream()
    for _ in range(2000):
        await guard.feed(Delta("some more words "))
    assert detector.longest < 2000
    await guard.close()
    assert detector.longest == 32_000


async def test_after_a_block_nothing_leaves() -> None:
    firewall = firewall_of(Stage.OUTPUT)
    guard = firewall.stream()
    before = await guard.feed(Delta("fine words " * 60))
    during = await guard.feed(Delta("forbidden words " + "and on " * 100))
    assert guard.is_blocked
    after = await guard.feed(Delta("fine again " * 100))
    assert texts(before).startswith("fine words")
    assert not during
    assert not after
    assert not await guard.close()


async def test_without_guards_everything_passes_at_once() -> None:
    firewall = firewall_of(Stage.INPUT)
    guard = firewall.stream()
    for delta in (Delta("a"), Delta(call=ToolCallDelta(0, "1", "f", "{")), Delta("b")):
        assert await guard.feed(delta) == [delta]
    assert await guard.close() == []
    assert guard.decision is not None
    assert guard.decision.effect is Effect.ALLOW


async def test_guards_of_tool_calls_alone_do_not_hold_back_text() -> None:
    firewall = firewall_of(Stage.TOOL_CALL)
    guard = firewall.stream()
    call = Delta(call=ToolCallDelta(0, "1", "f", "{}"))
    assert await guard.feed(Delta("a")) == [Delta("a")]
    assert await guard.feed(call) == []
    assert await guard.feed(Delta("b")) == []
    assert await guard.close() == [call, Delta("b")]


def call_deltas(arguments: str, size: int, index: int = 0) -> list[Delta]:
    pieces = [arguments[i : i + size] for i in range(0, len(arguments), size)]
    first = Delta(call=ToolCallDelta(index, f"call_{index}", "send"))
    return [first, *(Delta(call=ToolCallDelta(index, arguments=piece)) for piece in pieces)]


@pytest.mark.parametrize("stage", [Stage.OUTPUT, Stage.TOOL_CALL])
@pytest.mark.parametrize("size", [1, 7, 1000])
async def test_no_part_of_a_blocked_tool_call_leaves(stage: Stage, size: int) -> None:
    firewall = firewall_of(stage)
    arguments = json.dumps({"body": "forbidden words"})
    guard = firewall.stream()
    left = await stream(guard, [Delta("calling "), *call_deltas(arguments, size)])
    assert guard.is_blocked
    assert not [delta for delta in left if delta.call]


@pytest.mark.parametrize("size", [1, 7, 1000])
async def test_clean_tool_calls_leave_as_they_came_and_in_order(size: int) -> None:
    firewall = firewall_of(Stage.OUTPUT, Stage.TOOL_CALL)
    deltas = [
        Delta("first "),
        *call_deltas('{"a": 1}', size),
        Delta("between"),
        *call_deltas('{"b": 2}', size, 1),
    ]
    assert await stream(firewall.stream(), deltas) == deltas


@pytest.mark.parametrize("size", [1, 7, 1000])
async def test_a_redacted_tool_call_leaves_in_one_valid_piece(size: int) -> None:
    firewall = firewall_of(Stage.OUTPUT, Stage.TOOL_CALL)
    clean = call_deltas('{"b": 2}', size, 1)
    deltas = [*call_deltas(json.dumps({"body": SECRET}), size), *clean]
    guard = firewall.stream()
    left = await stream(guard, deltas)
    expected = ToolCallDelta(0, "call_0", "send", '{"body": "[REDACTED:secret]"}')
    assert left == [Delta(call=expected), *clean]
    call = ToolCall("call_0", "send", json.dumps({"body": SECRET}))
    other = ToolCall("call_1", "send", '{"b": 2}')
    whole = await firewall.scan(Message.assistant(calls=[call, other]))
    assert guard.decision is not None
    assert guard.decision.subject == whole.subject


class Whole(Finder):
    """Sees a long answer only as a whole: nothing that a window shows gives it away."""

    def detect(self, view: View) -> Detection:
        found = super().detect(view)
        return found if "THE END" in view.text else Detection()


async def test_what_only_the_whole_answer_shows_stops_the_rest() -> None:
    firewall = Firewall(
        [Guard(Whole(), Stage.OUTPUT)],
        GuardPolicy([GuardRule("finder", Stage.OUTPUT, EFFECTS)]),
    )
    guard = firewall.stream()
    answer = f"{SECRET} {'words ' * 200}THE END"
    left = texts(await stream(guard, [Delta(answer[i : i + 20]) for i in range(0, 1400, 20)]))
    assert guard.decision is not None
    assert guard.decision.effect is Effect.BLOCK
    assert guard.decision.reasons[0].rule == "firewall.redact"
    assert "THE END" not in left


class Nervous(Finder):
    """Blocks what begins in the middle, as a piece of a long answer does."""

    def detect(self, view: View) -> Detection:
        return Detection({"attack": 0.0 if view.text.startswith("START") else 1.0})


@given(places)
@settings(max_examples=20)
@example([])
async def test_a_false_alarm_on_a_piece_does_not_stop_a_clean_answer(cuts: list[int]) -> None:
    firewall = Firewall(
        [Guard(Nervous(), Stage.OUTPUT)],
        GuardPolicy([GuardRule("finder", Stage.OUTPUT, EFFECTS)]),
        stream=StreamLimits(context=128),
    )
    answer = "START " + "words and more " * 200
    guard = firewall.stream()
    assert texts(await stream(guard, cut(answer, cuts))) == answer
    assert not guard.is_blocked


async def pieces(*texts: str) -> AsyncIterator[str]:
    for text in texts:
        yield text


async def test_a_guarded_stream_gives_the_redacted_text() -> None:
    firewall = firewall_of(Stage.OUTPUT)
    left = [text async for text in firewall.guard_stream(pieces("key ", SECRET[:9], SECRET[9:]))]
    assert "".join(left) == "key [REDACTED:secret]"


async def test_a_guarded_stream_raises_with_the_decision_once_it_is_blocked() -> None:
    firewall = firewall_of(Stage.OUTPUT)
    left: list[str] = []

    async def read() -> None:
        async for text in firewall.guard_stream(pieces("fine ", "forbidden ", "words")):
            left.append(text)  # noqa: PERF401 - what left before the error counts

    with pytest.raises(GuardedStreamError, match=r"finder\.attack") as caught:
        await read()
    assert caught.value.decision.effect is Effect.BLOCK
    assert not left


async def test_a_guarded_stream_that_is_left_early_is_still_decided() -> None:
    ended: list[str] = []

    async def source() -> AsyncIterator[str]:
        try:
            while True:
                yield "some words " * 40
        finally:
            ended.append("closed")

    heard: list[Decision] = []
    firewall = firewall_of(Stage.OUTPUT)
    firewall.on_decision = heard.append
    guarded = firewall.guard_stream(source())
    assert (await anext(guarded)).startswith("some words")
    await guarded.aclose()
    assert ended == ["closed"]
    assert [decision.effect for decision in heard] == [Effect.ALLOW]
