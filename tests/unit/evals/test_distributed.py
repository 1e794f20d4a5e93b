"""Shards that stay, merges that can be done twice, and one budget for many workers."""

import asyncio
from pathlib import Path

import pytest

from tyrian.errors import ConfigError, InputError
from tyrian.evals.benchmark import Options
from tyrian.evals.distributed.budget import Budget, Lease, LeasedModel, Spent
from tyrian.evals.distributed.shard import (
    logs_of,
    merge,
    note_done,
    segment_of,
    shard_of,
)
from tyrian.evals.distributed.work import Job, Worker, identities_of
from tyrian.evals.exchange import ask
from tyrian.evals.models.cast import Cast
from tyrian.evals.models.defended import DefendedModel
from tyrian.evals.models.http import HttpModel
from tyrian.evals.models.model import account_of
from tyrian.evals.models.scripted import ScriptedModel
from tyrian.evals.run.ledger import BudgetError, Ledger, Price
from tyrian.evals.run.log import Record, RunLog, records
from tyrian.evals.run.plan import Plan, build, samples_of
from tyrian.firewall.firewall import Firewall

CAST = Cast("scripted:refuses")


def test_a_shard_hangs_on_the_case_alone_and_shards_are_of_one_size() -> None:
    cases = [f"{number:05d}" for number in range(6400)]
    shards = [shard_of(case) for case in cases]
    assert shards == [shard_of(case) for case in cases]
    counts = [shards.count(one) for one in range(32)]
    assert min(counts) > 140
    assert max(counts) < 260


def wrote(path: Path, *cases: str, digest: str = "x") -> None:
    with RunLog(path) as log:
        for case in cases:
            log.append(Record(id=case, nth=0, digest=digest))


def test_merging_is_a_union_that_can_be_done_twice(tmp_path: Path) -> None:
    wrote(tmp_path / "log.jsonl", "a", "b")
    first, second = segment_of(tmp_path, 0), segment_of(tmp_path, 1)
    wrote(first, "c", "b", digest="newer")
    wrote(second, "d")
    note_done(first, {"engine": "test"})
    kept = first.read_bytes()
    merge(tmp_path)
    once = (tmp_path / "log.jsonl").read_bytes()
    found = [(one.id, one.digest) for one in records(tmp_path / "log.jsonl")]
    assert found == [("a", "x"), ("b", "newer"), ("c", "newer"), ("d", "x")]
    # A crash after the log was written and before the segments went leaves them for another time.
    first.write_bytes(kept)
    merge(tmp_path)
    assert (tmp_path / "log.jsonl").read_bytes() == once
    assert logs_of(tmp_path) == [tmp_path / "log.jsonl"]


def test_a_segment_that_changed_after_it_was_done_is_refused(tmp_path: Path) -> None:
    segment = segment_of(tmp_path, 3)
    wrote(segment, "a")
    note_done(segment, {"engine": "test"})
    wrote(segment, "forged")
    with pytest.raises(InputError, match="changed after"):
        merge(tmp_path)


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_all_workers_together_keep_the_rate() -> None:
    clock = Clock()
    budget = Budget(Ledger(), clock, rate=10)
    assert [budget.lease(6, Spent()).requests for _ in range(3)] == [6, 4, 0]
    clock.now += 0.5
    assert budget.lease(6, Spent()) == Lease(0, 0.5)
    clock.now += 0.5
    assert budget.lease(64, Spent()).requests == 10


def test_each_key_has_a_rate_of_its_own() -> None:
    clock = Clock()
    budget = Budget(Ledger(), clock, rate=10)
    assert budget.lease(64, Spent(account="a#KEY")).requests == 10
    clock.now += 0.5
    assert budget.lease(64, Spent(account="b#KEY")) == Lease(10, 1.0)
    assert budget.lease(64, Spent(account="a#KEY")) == Lease(0, 0.5)


def test_a_rate_below_one_is_kept_over_more_than_a_second() -> None:
    clock = Clock()
    budget = Budget(Ledger(), clock, rate=0.25)
    assert budget.lease(64, Spent()) == Lease(1, 4.0)
    clock.now += 3.0
    assert budget.lease(64, Spent()) == Lease(0, 1.0)
    clock.now += 1.0
    assert budget.lease(64, Spent()).requests == 1


def test_no_rate_is_rounded_to_nothing() -> None:
    for rate in (thousandths / 1000 for thousandths in range(100, 1000)):
        assert Budget(Ledger(), Clock(), rate=rate).lease(1, Spent()).requests == 1, rate


def test_models_of_one_server_and_key_share_an_account(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ONE", "sk-one")
    monkeypatch.setenv("OTHER", "sk-other")
    address = "http://127.0.0.1:9/v1"
    target, judge, other = (
        HttpModel(model, address, key_env=key)
        for model, key in (("a", "ONE"), ("b", "ONE"), ("a", "OTHER"))
    )
    assert account_of(target) == account_of(judge) != account_of(other)
    assert account_of(DefendedModel(other, Firewall.default())) == account_of(other)
    assert "sk-" not in account_of(other)


def test_what_workers_spent_ends_the_budget_for_all() -> None:
    ledger = Ledger({"m": Price(1.0, 2.0)}, most=3.0)
    budget = Budget(ledger, Clock())
    assert budget.lease(64, Spent("m", answers=1, prompt_tokens=1_000_000)).requests == 64
    assert not budget.lease(1, Spent()).spent
    assert "budget" in budget.lease(1, Spent("m", answers=1, completion_tokens=1_000_000)).spent
    assert ledger.spent == 3.0
    assert ledger.answers == 2


async def test_a_model_asks_only_with_a_lease_and_tells_all_that_it_spent() -> None:
    budget, clock = Budget(Ledger(most_tokens=400), Clock()), Clock()

    async def purse(wanted: int, spent: Spent) -> Lease:
        await asyncio.sleep(0)
        return budget.lease(min(wanted, 3), spent)

    model = LeasedModel(ScriptedModel("refuses"), purse, clock)
    request = ask("word " * 20)
    answers, ended = 0, 0

    async def one() -> None:
        nonlocal answers, ended
        try:
            await model.reply(request)
            answers += 1
        except BudgetError:
            ended += 1

    await asyncio.gather(*(one() for _ in range(40)))
    assert answers + ended == 40
    # 28 tokens an answer: 400 are reached with the fifteenth, told with the lease after it.
    assert 15 <= answers <= 18
    await model.close()
    assert budget.ledger.answers == answers


def job(tmp_path: Path, cast: Cast = CAST) -> Job:
    plan = Plan(("mitre-frr",), tmp_path, is_sample=True, options=Options())
    return Job(plan, cast, 4, identities_of(CAST))


async def free(_: int, __: Spent) -> Lease:
    return Lease(64, 60.0)


async def test_a_worker_gives_a_line_for_every_case(tmp_path: Path) -> None:
    one = job(tmp_path)
    samples = samples_of("mitre-frr", build("mitre-frr", one.plan), one.plan)
    worker = Worker(one, free)
    lines = [part async for part in worker.work("mitre-frr", [(case, 0) for case in samples])]
    await worker.close()
    (tmp_path / "log").write_bytes(b"".join(lines))
    found = list(records(tmp_path / "log"))
    assert sorted(one.id for one in found) == [case.id for case in samples]
    assert {one.label for one in found} == {"refusal"}


async def test_a_machine_with_other_models_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="not those"):
        Worker(job(tmp_path, Cast("scripted:obeys")), free)


async def test_what_ends_the_work_of_a_worker_is_told(tmp_path: Path) -> None:
    async def spent(_: int, __: Spent) -> Lease:
        return Lease(0, 1.0, "nothing left")

    one = job(tmp_path)
    samples = samples_of("mitre-frr", build("mitre-frr", one.plan), one.plan)
    with pytest.raises(BudgetError, match="nothing left"):
        async for _ in Worker(one, spent).work("mitre-frr", [(samples[0], 0)]):
            pass
