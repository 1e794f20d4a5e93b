"""The log of decisions: what is noted is found again as it was, on every database."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from tyrian.core.decision import Decision, Effect, Reason
from tyrian.core.detection import Detection, DetectorRun, RunStatus, Stage
from tyrian.core.message import Message
from tyrian.gateway.accounts.keys import Keys
from tyrian.gateway.accounts.record import KeyRecord
from tyrian.gateway.context import RequestContext
from tyrian.gateway.decisions import DecisionLog, Wanted
from tyrian.gateway.store.engine import Store

HARD = 'it\'s "quoted" \\ %s %(id)s :id ? {0} \u00e4 \U0001f600 \n'


@pytest.fixture
async def store(database_url: str) -> AsyncIterator[Store]:
    opened = await asyncio.to_thread(Store.open, database_url)
    yield opened
    await opened.close()


@pytest.fixture
async def key(store: Store) -> KeyRecord:
    keys = Keys(store)
    record, _ = await keys.create("a key")
    await keys.close()
    return record


def context_for(key: KeyRecord) -> RequestContext:
    context = RequestContext()
    context.key, context.key_id, context.model = key, key.id, HARD
    return context


def decision(number: int, message: str, *, is_cached: bool = False) -> Decision:
    reason = Reason(Effect.BLOCK, "a.rule", "a_detector", message, "label", 0.25)
    run = DetectorRun("a_detector", RunStatus.OK, 0.001, Detection(scores={"label": 0.5}))
    return Decision(
        id=f"dec_{number:04}",
        effect=Effect.BLOCK,
        stage=Stage.INPUT,
        reasons=(reason,),
        runs=(run,),
        policy="p" * 64,
        subject=Message.user("twelve chars"),
        elapsed_s=0.002,
        is_cached=is_cached,
    )


@pytest.mark.parametrize("message", [HARD, "half a pair: \ud83d"])
async def test_what_is_noted_is_found_as_it_was(store: Store, key: KeyRecord, message: str) -> None:
    log = DecisionLog(store, clock=lambda: 1_000.5)
    context = context_for(key)
    log.note(context, decision(1, message, is_cached=True))
    await log.close()
    found = await log.get(key.organisation_id, "dec_0001")
    assert found is not None
    assert found.request_id == context.id
    assert (found.key_id, found.project_id) == (key.id, key.project_id)
    assert (found.at_ms, found.elapsed_us, found.length) == (1_000_500, 2_000, 12)
    assert found.model == HARD
    assert found.rules == "|a.rule|"
    assert found.is_cached is True
    assert found.reasons == [
        {
            "effect": "block",
            "rule": "a.rule",
            "detector": "a_detector",
            "label": "label",
            "score": 0.25,
            "message": message,
        }
    ]
    assert [(run["detector"], run["scores"]) for run in found.runs] == [
        ("a_detector", {"label": 0.5})
    ]


async def test_a_burst_is_written_whole(store: Store, key: KeyRecord) -> None:
    log = DecisionLog(store)
    context = context_for(key)
    for number in range(1_200):
        log.note(context, decision(number, "found"))
    await log.flush()
    assert await log.count(key.organisation_id, Wanted()) == {"block": 1_200}
    await log.close()
