"""Lines 41 to 45 and 60: moderations in both shapes, and moderation beside an answer."""

from typing import Any

import openai
import pytest
from tests.integration.conformance.conftest import STORY, Stage

from tyrian.core.decision import Effect
from tyrian.core.detection import Detection, DetectorInfo, Finding, View
from tyrian.core.detection import Stage as At
from tyrian.firewall.audit import MemoryAudit
from tyrian.firewall.firewall import Firewall
from tyrian.firewall.guard import Guard
from tyrian.gateway.hazards import CATEGORIES, CategoryMap
from tyrian.gateway.settings import Limits
from tyrian.policy.guard import GuardPolicy, GuardRule


class ImageDetector:
    """Finds a picture by its first bytes, and the word KILL."""

    info = DetectorInfo("pictures", "pictures", ("S1",), reads_images=True)
    is_bounded = True
    reads_trace = False

    def detect(self, view: View) -> Detection:
        images = [i for i in view.subject.images if "QkFE" in i.url]
        if not images and "KILL" not in view.text:
            return Detection.from_findings(())
        return Detection.from_findings((Finding("pictures.S1", "S1", "S1"),))


def image_firewall() -> Firewall:
    return Firewall(
        [Guard(ImageDetector(), At.INPUT)],
        GuardPolicy([GuardRule("pictures", At.INPUT, {"S1": Effect.BLOCK})]),
        audit=MemoryAudit(),
    )


def picture(data: str) -> Any:
    return {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{data}"}}


def test_line_41_strings_lists_and_parts_have_all_categories(guarded: Stage) -> None:
    client = guarded.client
    assert len(client.moderations.create(input="hello").results) == 1
    results = client.moderations.create(input=["hello", "KILL", "VOTE"]).results
    assert [result.flagged for result in results] == [False, True, True]
    for result in results:
        for shape in (
            result.categories, result.category_scores, result.category_applied_input_types
        ):  # fmt: skip
            values = shape.model_dump(by_alias=True)
            assert set(values) == set(CATEGORIES)
            assert None not in values.values()
    assert results[1].category_applied_input_types.violence == ["text"]


def test_line_41_pictures_are_judged_and_told_apart(guarded: Stage) -> None:
    guarded.start(firewall=image_firewall())

    def types(*parts: Any) -> tuple[bool, list[str]]:
        result = guarded.client.moderations.create(input=list(parts)).results[0]
        return result.flagged, list(result.category_applied_input_types.violence)

    words = {"type": "text", "text": "look"}
    assert types(words, picture("QkFE")) == (True, ["image"])
    assert types({"type": "text", "text": "KILL"}, picture("R09PRA==")) == (True, ["text", "image"])
    assert types(words, picture("R09PRA==")) == (False, ["text", "image"])
    with pytest.raises(openai.BadRequestError) as caught:
        types({"type": "image_url", "image_url": {"url": "http://127.0.0.1/a.png"}})
    assert caught.value.code == "invalid_image_url"


def test_line_42_a_hazard_without_a_category_is_flagged_too(guarded: Stage) -> None:
    result = guarded.client.moderations.create(input="VOTE").results[0]
    assert result.flagged
    assert not any(result.categories.model_dump().values())
    assert result.model_extra is not None
    assert result.model_extra["flagged_categories"] == ["S13"]


def test_line_42_the_operator_may_count_such_a_hazard_as_illicit(guarded: Stage) -> None:
    guarded.start(categories_by=CategoryMap("illicit"))
    flagged, clean = guarded.client.moderations.create(input=["VOTE", "hello"]).results
    assert [name for name, on in flagged.categories if on] == ["illicit"]
    assert flagged.category_scores.illicit > clean.category_scores.illicit
    assert not any(on for _, on in clean.categories)
    taxonomy = guarded.http.get("/v1/moderations/taxonomy").json()
    assert taxonomy["unmapped"] == "illicit"
    codes = {hazard["id"]: hazard["categories"] for hazard in taxonomy["hazards"]}
    assert codes["S13"] == ["illicit"]
    assert codes["S10"] == ["hate"]


class YesOrNo:
    """Says S10 of the word KILL, and gives no probability."""

    info = DetectorInfo("yes-or-no", "yes-or-no", ("S10",))
    is_bounded = True
    reads_trace = False

    def detect(self, view: View) -> Detection:
        return Detection({"S10": float("KILL" in view.text)}, is_binary=True)


def test_scores_of_a_guard_that_says_yes_or_no_are_told_as_such(guarded: Stage) -> None:
    def score_type() -> str:
        result = guarded.client.moderations.create(input="KILL").results[0]
        assert result.model_extra is not None
        return str(next(iter(result.model_extra["hazards"].values()))["score_type"])

    assert score_type() == "probability"
    policy = GuardPolicy([GuardRule("yes-or-no", At.INPUT, {"S10": Effect.BLOCK})])
    guard = Guard(YesOrNo(), At.INPUT)
    guarded.start(firewall=Firewall([guard], policy, audit=MemoryAudit()))
    assert score_type() == "binary"


def test_line_43_empty_large_and_many_inputs_are_bounded(guarded: Stage) -> None:
    guarded.start(limits=Limits(max_body_bytes=1 << 20))
    moderations = guarded.client.moderations
    for empty in ("", [], [""]):
        with pytest.raises(openai.BadRequestError) as caught:
            moderations.create(input=empty)
        assert str(caught.value.param).startswith("input")
    with pytest.raises(openai.BadRequestError):
        moderations.create(input=["x"] * 1000)
    with pytest.raises(openai.APIStatusError) as large:
        moderations.create(input="x" * (1 << 20))
    assert large.value.status_code == 413
    assert moderations.create(input="x" * 900_000).results


def asked(**policy: str) -> dict[str, Any]:
    sides = {side: {"mode": mode} for side, mode in policy.items()}
    return {"moderation": {"model": "omni-moderation-latest", "policy": sides}}


def test_line_44_scores_stand_beside_the_answer(guarded: Stage) -> None:
    # ODD is flagged by the guards of the test, and passes.
    answer = guarded.ask("say an ODD thing", **asked(input="score", output="score"))
    assert answer.choices[0].message.content == "an ODD thing"
    found = answer.moderation
    assert found.input.type == found.output.type == "moderation_results"
    assert [result.flagged for result in found.input.results] == [True]
    assert [result.flagged for result in found.output.results] == [True]
    assert set(found.input.results[0].categories) == set(CATEGORIES)
    assert "moderation" not in guarded.kit.upstream.requests[-1]
    chunks = guarded.stream("say an ODD thing", **asked(output="score"))
    told = [chunk for chunk in chunks if chunk.moderation]
    assert [chunk.choices for chunk in told] == [[]]
    assert told[0].moderation.output.results[0].flagged
    assert not guarded.ask("tell").moderation


def test_line_44_a_guard_that_fails_is_an_error_and_never_a_clean_score(
    guarded: Stage, kit: Any
) -> None:
    guarded.start(firewall=_lenient_firewall())
    answer = guarded.ask("say BREAKDOWN", **asked(input="score", output="score"))
    assert answer.choices[0].message.content == "BREAKDOWN"
    for side in (answer.moderation.input, answer.moderation.output):
        assert (side.type, side.code) == ("error", "guard_unavailable")
    for side in ("input", "output"):
        with pytest.raises(openai.InternalServerError) as caught:
            guarded.ask("say BREAKDOWN", **asked(**{side: "block"}))
        assert caught.value.code == "guard_unavailable"


def _lenient_firewall() -> Firewall:
    """Lets messages pass that its guards could not judge, because somebody has said so."""
    from tests.integration.gateway.conftest import WordDetector

    stages = (At.INPUT, At.OUTPUT)
    return Firewall(
        [Guard(WordDetector(), stage) for stage in stages],
        GuardPolicy([
            GuardRule("words", stage, {"odd": Effect.FLAG}, on_error=Effect.ALLOW)
            for stage in stages
        ]),
        audit=MemoryAudit(),
    )  # fmt: skip


def test_line_44_without_guards_it_says_so(kit: Any) -> None:
    stage = Stage(kit, guarded=False)
    answer = stage.ask("tell", **asked(input="score"))
    assert answer.moderation.input.code == "guard_unavailable"
    with pytest.raises(openai.InternalServerError):
        stage.ask("tell", **asked(input="block"))
    stage.close()


def test_line_45_a_blocked_input_reaches_no_model(guarded: Stage) -> None:
    choice = guarded.ask("say an ODD thing", **asked(input="block")).choices[0]
    assert choice.finish_reason == "content_filter"
    chunks = guarded.stream("say an ODD thing", **asked(input="block"))
    assert chunks[-2].choices[0].finish_reason == "content_filter"
    assert chunks[-1].moderation.input.results[0].flagged
    assert not guarded.kit.upstream.requests
    # The operator's own policy holds whatever the client asks for.
    blocked = guarded.ask("an ATTACK", **asked(input="score"))
    assert blocked.choices[0].finish_reason == "content_filter"
    assert blocked.moderation.input.results[0].flagged
    assert blocked.moderation.output.code == "not_moderated"
    assert not guarded.kit.upstream.requests


def test_line_45_nothing_of_a_blocked_output_leaves(guarded: Stage) -> None:
    guarded.kit.upstream.say("It began well, and then came an ODD thing.")
    choice = guarded.ask("tell", **asked(output="block")).choices[0]
    assert (choice.finish_reason, choice.message.content) == ("content_filter", None)
    with guarded.http.stream(
        "POST", "/v1/chat/completions",
        json={"model": guarded.model, "stream": True, **asked(output="block"),
              "messages": [{"role": "user", "content": "tell"}]},
    ) as reply:  # fmt: skip
        raw = reply.read()
    assert b"began" not in raw
    assert b"content_filter" in raw
    guarded.kit.upstream.say(STORY)
    chunks = guarded.stream("tell", **asked(output="block"))
    assert "".join(c.choices[0].delta.content or "" for c in chunks if c.choices) == STORY


@pytest.mark.parametrize(
    ("moderation", "param"),
    [
        ({"policy": {}}, "moderation.model"),
        ({"model": "x", "policy": {"input": {"mode": "maybe"}}}, "moderation.policy.input.mode"),
        ({"model": "x", "policy": {"both": {}}}, "moderation.policy"),
        ("yes", "moderation"),
    ],
)
def test_line_45_a_policy_that_makes_no_sense_is_refused(
    guarded: Stage, moderation: Any, param: str
) -> None:
    with pytest.raises(openai.BadRequestError) as caught:
        guarded.ask("tell", extra_body={"moderation": moderation})
    assert caught.value.param == param


def test_line_60_the_last_turn_is_judged_in_context(guarded: Stage) -> None:
    client = guarded.llama("/v1")

    def verdict(*messages: Any) -> tuple[bool, list[str]]:
        answer = client.moderations.create(messages=list(messages))
        assert answer.model
        assert len(answer.results) == 1
        return answer.results[0].flagged, answer.results[0].flagged_categories

    user = {"role": "user", "content": "KILL"}
    assert verdict(user) == (True, ["S1"])
    assert verdict({"role": "user", "content": "hello"}) == (False, [])
    # What was said before is context, and not judged again.
    assert verdict(user, {"role": "assistant", "content": {"type": "text", "text": "no"}}) == (
        False, [],
    )  # fmt: skip
    said = {"role": "assistant", "content": "VOTE", "stop_reason": "stop"}
    assert verdict({"role": "user", "content": "hello"}, said) == (True, ["S13"])
    guarded.start(firewall=image_firewall())
    client = guarded.llama("/llama/v1")
    assert verdict({"role": "user", "content": [picture("QkFE")]}) == (True, ["S1"])


def test_the_taxonomy_is_told_and_covers_every_category(guarded: Stage) -> None:
    taxonomy = guarded.http.get("/v1/moderations/taxonomy").json()
    assert taxonomy["version"]
    assert [category["id"] for category in taxonomy["categories"]] == list(CATEGORIES)
    codes = {hazard["id"]: hazard["categories"] for hazard in taxonomy["hazards"]}
    assert codes["S2"] == ["illicit"]
    assert codes["S6"] == []
    assert all(codes[code] for item in taxonomy["categories"] for code in item["hazards"])
