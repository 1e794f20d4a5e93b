"""Lines 39 and 40: what models there are, for whom, and what is known of them."""

from dataclasses import replace
from typing import Any

import openai
import pytest
from tests.integration.conformance.conftest import MODEL, Stage
from tests.integration.gateway.conftest import KEY

from tyrian.gateway.accounts.record import KeyRecord
from tyrian.gateway.accounts.scopes import MODEL_SCOPES
from tyrian.gateway.catalogue import ServedModel
from tyrian.gateway.tokens import KeyKind


class OneModel:
    """Knows one key, which may use the models of one team."""

    async def verify(self, token: str) -> KeyRecord | None:
        if token != KEY:
            return None
        scopes = frozenset(MODEL_SCOPES)
        return KeyRecord("key_1", "x", KeyKind.TEST, scopes, 0, models=("team/*",))


CARD = ServedModel(
    "team/chat", "fake", upstream_model=MODEL, context_length=8192, modalities=("text", "image"),
    licence="apache-2.0", revision="0" * 40,
)  # fmt: skip


def test_line_39_only_what_a_key_may_use_is_listed(stage: Stage) -> None:
    stage.start(models=[CARD], keys=OneModel())
    assert [model.id for model in stage.client.models.list()] == ["team/chat"]
    assert stage.client.models.retrieve("team/chat").id == "team/chat"
    for other in (MODEL, "nobody"):
        with pytest.raises(openai.NotFoundError) as caught:
            stage.client.models.retrieve(other)
        assert caught.value.code == "model_not_found"


def test_line_27_a_model_that_a_key_may_not_use_is_refused(stage: Stage) -> None:
    stage.start(models=[CARD], keys=OneModel())
    messages: Any = [{"role": "user", "content": "tell"}]
    assert stage.client.chat.completions.create(model="team/chat", messages=messages).choices
    before = len(stage.kit.upstream.requests)
    with pytest.raises(openai.PermissionDeniedError) as caught:
        stage.client.chat.completions.create(model=MODEL, messages=messages)
    assert caught.value.code == "model_not_allowed"
    with pytest.raises(openai.PermissionDeniedError):
        stage.client.responses.create(model=MODEL, input="tell")
    assert len(stage.kit.upstream.requests) == before


def test_line_27_a_model_above_the_tier_of_a_key_is_refused(stage: Stage) -> None:
    class Developers(OneModel):
        async def verify(self, token: str) -> KeyRecord | None:
            record = await super().verify(token)
            return None if record is None else replace(record, tier="developer", models=None)

    stage.start(models=[CARD, replace(CARD, id="red/team", tier="partner")], keys=Developers())
    messages: Any = [{"role": "user", "content": "tell"}]
    with pytest.raises(openai.PermissionDeniedError) as caught:
        stage.client.chat.completions.create(model="red/team", messages=messages)
    assert caught.value.code == "access_program_required"
    assert stage.client.models.retrieve("red/team").model_extra is not None
    assert stage.client.chat.completions.create(model="team/chat", messages=messages).choices


def test_line_40_what_is_known_of_a_model_survives_as_extra_fields(guarded: Stage) -> None:
    guarded.start(models=[CARD])
    model = guarded.client.models.retrieve("team/chat")
    assert (model.object, model.owned_by) == ("model", "tyrian")
    assert isinstance(model.created, int)
    extras = model.model_extra
    assert extras is not None
    assert extras["context_length"] == 8192
    assert extras["modalities"] == ["text", "image"]
    assert (extras["licence"], extras["revision"]) == ("apache-2.0", "0" * 40)
    assert {guard["name"] for guard in extras["guards"]} == {"words"}
    assert extras["tier"] == "public"
