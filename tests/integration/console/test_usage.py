"""Sums and filters of usage and decisions, on each kind of database."""

import re
import time
from typing import Any

from tyrian.gateway.decisions import Wanted
from tyrian.gateway.store.ids import new_id
from tyrian.gateway.store.models.decisions import DecisionRow
from tyrian.gateway.store.models.money import LedgerEntry


def entry(**fields: Any) -> LedgerEntry:
    plain = {
        "id": new_id("led"),
        "request_id": "req_1",
        "organisation_id": "org_default",
        "project_id": "proj_default",
        "key_id": "key_1",
        "route": "chat",
        "model": "small",
        "status": 200,
        "effect": "allow",
        "input_tokens": 1_000,
        "cached_tokens": 0,
        "output_tokens": 500,
        "cost_nanos": 2_000_000_000,
        "is_estimate": False,
        "elapsed_ms": 5,
        "created_at": int(time.time()) - 60,
    }
    return LedgerEntry(**{**plain, **fields})


def decision(number: int, **fields: Any) -> DecisionRow:
    plain = {
        "id": f"dec_{number:04d}",
        "organisation_id": "org_default",
        "project_id": "proj_default",
        "key_id": "key_1",
        "request_id": f"req_{number}",
        "at_ms": (int(time.time()) - 600) * 1000 + number // 3,
        "stage": "input",
        "effect": "allow",
        "role": "user",
        "origin": "user",
        "model": "small",
        "rules": "|",
        "reasons": [],
        "runs": [],
        "policy": "p",
        "length": 1,
        "elapsed_us": 1,
        "is_cached": False,
    }
    return DecisionRow(**{**plain, **fields})


async def write(gateway: Any, rows: list[Any]) -> None:
    async with gateway.store.write() as session:
        session.add_all(rows)


def text_of(page: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page))


def test_usage_is_summed_by_model_and_nothing_foreign_is_counted(gateway: Any) -> None:
    rows = [
        *(entry() for _ in range(3)),
        entry(model="large", cost_nanos=10_000_000_000, effect="block"),
        entry(model="old", created_at=int(time.time()) - 40 * 86_400),
        entry(organisation_id="org_other", model="foreign"),
    ]
    gateway.once(write(gateway, rows))
    visit = gateway.client().sign_in()
    shown = text_of(visit.get("/usage").text)
    assert "large 1 1 1,000 500 $10.00" in shown
    assert "small 3 0 3,000 1,500 $6.00" in shown
    assert "$16.00" in shown
    assert "old" not in shown
    assert "foreign" not in shown
    assert "blocked" in text_of(visit.get("/usage?by=effect&span=day").text)
    assert "old" in text_of(visit.get("/usage?span=quarter").text)
    assert "$16.00" in text_of(visit.get("/").text)
    assert "No requests in this time" in visit.get("/usage?key=key_2").text


def test_decisions_are_paged_without_a_gap_or_a_repetition(gateway: Any) -> None:
    gateway.once(write(gateway, [decision(i) for i in range(130)]))
    visit = gateway.client().sign_in()
    seen: list[str] = []
    path = "/decisions"
    while path:
        page = visit.get(path).text
        seen += re.findall(r'href="/decisions/(dec_\d+)"', page)
        older = re.search(r'href="(/decisions\?[^"]*before=[^"]*)"', page)
        path = older[1].replace("&amp;", "&") if older else ""
    assert seen == sorted(seen, reverse=True)
    assert len(set(seen)) == len(seen) == 130


def test_decisions_are_filtered(gateway: Any) -> None:
    rows = [
        decision(1, effect="block", rules="|prompt_guard.jailbreak|"),
        decision(2, effect="flag", rules="|pii.email|", stage="output"),
        decision(3, rules="|100%_sure|", key_id="key_2"),
        decision(4, at_ms=1_000),
    ]
    gateway.once(write(gateway, rows))
    log = gateway.settings.decisions

    def found(**wanted: Any) -> list[str]:
        rows = gateway.once(log.find("org_default", Wanted(**wanted)))
        return sorted(row.id[-1] for row in rows)

    assert found() == ["1", "2", "3", "4"]
    assert found(effect="noticed") == ["1", "2"]
    assert found(effect="block") == ["1"]
    assert found(stage="output") == ["2"]
    assert found(rule="jailbreak") == ["1"]
    assert found(rule="%_") == ["3"]
    assert found(rule="_") == ["1", "3"]
    assert found(key_id="key_2") == ["3"]
    assert found(id="req_2") == ["2"]
    assert found(id="dec_0003") == ["3"]
    assert found(since=10) == ["1", "2", "3"]
    assert gateway.once(log.count("org_default", Wanted())) == {"allow": 2, "block": 1, "flag": 1}
    assert gateway.once(log.find("org_other", Wanted())) == []


def test_a_broken_cursor_is_the_first_page(gateway: Any) -> None:
    visit = gateway.client().sign_in()
    for cursor in ("x", "====", "AAAA", "%00"):
        assert visit.get(f"/decisions?before={cursor}").status_code == 200
