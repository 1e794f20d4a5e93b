"""What the playground keeps, in the store itself: its bounds, its time, and what it never keeps."""

import asyncio
import json
import urllib.error
import urllib.request
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.integration.gateway.conftest import ServerThread

from tyrian.core.decision import Effect
from tyrian.core.detection import Detection, DetectorInfo, Finding, Stage, View
from tyrian.errors import InputError
from tyrian.firewall.firewall import Firewall
from tyrian.firewall.guard import Guard
from tyrian.gateway.accounts.keys import Keys
from tyrian.gateway.app import create_app
from tyrian.gateway.console.playground.keep import DAY_S, Place, Playground
from tyrian.gateway.console.playground.recording import Record
from tyrian.gateway.settings import Settings
from tyrian.gateway.store.engine import Store
from tyrian.gateway.store.models.organisations import Organisation, Project
from tyrian.models.scripted import ScriptedModel
from tyrian.policy.guard import GuardPolicy, GuardRule

MINE = Place("org_default", "proj_default", "key_1")
THEIRS = Place("org_2", "proj_2", "key_2")
RECORD = Record("req_1", "model", "digest", ())
PAYLOAD: dict[str, Any] = {"columns": [{"model": "m"}]}


@pytest.fixture
async def store(database_url: str) -> AsyncIterator[Store]:
    """A store with two organisations."""
    opened = await asyncio.to_thread(Store.open, database_url)
    async with opened.write() as session:
        session.add(Organisation(id="org_2", name="Other", created_at=0))
        await session.flush()
        session.add(Project(id="proj_2", organisation_id="org_2", name="Other", created_at=0))
    yield opened
    await opened.close()


class Clock:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.now = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


async def test_a_record_is_kept_for_a_day_and_for_its_organisation(store: Store) -> None:
    clock = Clock()
    kept = Playground(store, clock=clock)
    await kept.keep_record(MINE, RECORD)
    assert await kept.record(MINE, "req_1") == RECORD
    assert await kept.record(THEIRS, "req_1") is None
    clock.now += DAY_S
    assert await kept.record(MINE, "req_1") is None
    # The next one clears away those whose day is over.
    clock.now += 1
    await kept.keep_record(MINE, RECORD)
    assert await kept.record(MINE, "req_1") == RECORD


async def test_a_snapshot_goes_when_it_expires_and_when_it_is_revoked(store: Store) -> None:
    clock = Clock()
    kept = Playground(store, clock=clock)
    first = await kept.share(MINE, "a", PAYLOAD, DAY_S)
    second = await kept.share(MINE, "b", PAYLOAD, 2 * DAY_S)
    assert await kept.snapshot("org_2", first.id) is None
    assert await kept.snapshot("org_default", first.id) is not None
    assert not await kept.revoke_snapshot(THEIRS, second.id)
    clock.now += DAY_S
    assert await kept.snapshot("org_default", first.id) is None
    assert [one.id for one in await kept.snapshots(MINE)] == [second.id]
    assert await kept.revoke_snapshot(MINE, second.id)
    assert await kept.snapshot("org_default", second.id) is None


async def test_of_several_who_revoke_at_once_one_does(store: Store) -> None:
    kept = Playground(store)
    shared = await kept.share(MINE, "a", PAYLOAD, DAY_S)
    done = await asyncio.gather(*(kept.revoke_snapshot(MINE, shared.id) for _ in range(4)))
    assert await kept.snapshot("org_default", shared.id) is None
    assert any(done)


async def test_setups_are_bounded_and_stay_in_their_project(store: Store) -> None:
    kept = Playground(store, max_setups=2)
    first = await kept.save_setup(THEIRS, "a", PAYLOAD)
    await kept.save_setup(THEIRS, "b", PAYLOAD)
    with pytest.raises(InputError, match="saved setups already"):
        await kept.save_setup(THEIRS, "c", PAYLOAD)
    with pytest.raises(InputError, match="no such setup"):
        await kept.save_setup(MINE, "d", PAYLOAD, first.id)
    assert not await kept.delete_setup(MINE, first.id)
    changed = await kept.save_setup(THEIRS, "e", PAYLOAD, first.id)
    assert (changed.id, changed.name) == (first.id, "e")
    assert len(await kept.setups(THEIRS)) == 2


class Worst:
    """Takes one word for the hazard that is never kept."""

    info = DetectorInfo("content_guard", "content_guard", ("S4",))
    is_bounded = True
    reads_trace = False

    def detect(self, view: View) -> Detection:
        if "UNSPEAKABLE" not in view.text:
            return Detection({"S4": 0.0})
        return Detection.from_findings((Finding("content_guard.S4", "S4", "found"),))


@pytest.fixture
def base(tmp_path: Path) -> Iterator[tuple[str, str]]:
    """A gateway whose guard knows the worst; its address, and a key."""
    opened = Store.open(f"sqlite:///{tmp_path}/keys.db")
    _, key = asyncio.run(Keys(opened).create("k"))
    asyncio.run(opened.close())
    firewall = Firewall(
        [Guard(Worst(), Stage.INPUT)],
        GuardPolicy([GuardRule("content_guard", Stage.INPUT, {"S4": Effect.BLOCK})]),
    )
    keys = Keys(opened)
    running = ServerThread(create_app(Settings(firewall, [ScriptedModel()], keys, store=opened)))
    yield f"http://127.0.0.1:{running.port}/v1/playground", key
    running.stop()
    asyncio.run(opened.close())


def _post(base: tuple[str, str], path: str, body: Any) -> tuple[int, str]:
    headers = {"authorization": f"Bearer {base[1]}", "content-type": "application/json"}
    request = urllib.request.Request(base[0] + path, json.dumps(body).encode(), headers)
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


@pytest.mark.parametrize("text", ["so UNSPEAKABLE", "harmless"])
def test_what_must_not_be_written_down_is_neither_shared_nor_saved(
    base: tuple[str, str], text: str
) -> None:
    expected = 400 if "UNSPEAKABLE" in text else 201
    turns = [{"role": "assistant", "text": text}]
    shared = {"title": "a", "conversation": {"columns": [{"model": "m", "turns": turns}]}}
    saved = {"name": "a", "setup": {"columns": [{}], "prompt": text}}
    system = {"name": "a", "setup": {"columns": [{"system": text}]}}
    for path, body in (("/snapshots", shared), ("/setups", saved), ("/setups", system)):
        status, told = _post(base, path, body)
        assert status == expected, told
        assert "UNSPEAKABLE" not in told
