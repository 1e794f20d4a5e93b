"""One request and the servers that may serve it, without any network."""

import json
from collections import Counter
from collections.abc import Sequence

import pytest

from tyrian.errors import UpstreamError
from tyrian.gateway.context import RequestContext
from tyrian.gateway.errors import ApiError
from tyrian.gateway.routing.attempts import Attempts, Candidate
from tyrian.gateway.routing.breaker import CircuitLimits
from tyrian.gateway.routing.posture import Posture
from tyrian.gateway.routing.server import Server
from tyrian.models.scripted import ScriptedModel, ScriptedReply

BODY = b'{"model":"first","messages":[{"role":"user","content":"hi"}]}'


class Model(ScriptedModel):
    """The scripted model, which at first fails as often as it is told to."""

    def __init__(self, name: str, failures: Sequence[int] = ()) -> None:
        super().__init__(name=name)
        self.failures = list(failures)
        self.asked: list[str] = []
        self.closed = 0

    async def chat(self, body: bytes, *, is_stream: bool, is_last: bool = True) -> ScriptedReply:
        self.asked.append(json.loads(body)["model"])
        status = self.failures.pop(0) if self.failures else 200
        if status == 0:
            raise UpstreamError("it cannot be reached", status=502)
        reply = await super().chat(body, is_stream=is_stream)
        reply.status = status
        return reply


class Counts:
    """Counts what happens."""

    def __init__(self) -> None:
        self.seen: Counter[tuple[str, str]] = Counter()

    def attempt(self, server: str, outcome: str) -> None:
        self.seen[server, outcome] += 1

    def fallback(self, server: str, to: str) -> None:
        self.seen[f"{server}->{to}", ""] += 1


def candidate(model: Model, *, failures: int = 5) -> Candidate:
    posture = Posture(circuit=CircuitLimits(failures, 60))
    return Candidate(model.name, Server(model, posture), model.name)


async def test_what_one_server_said_is_not_told_to_another() -> None:
    first, second = Model("first", [503]), Model("second", [200, 503])
    attempts = Attempts([candidate(first), candidate(second)], Counts())
    await (await attempts.chat(BODY, is_stream=False)).read()
    reply = await attempts.chat(BODY, is_stream=False)
    assert reply.status == 503
    assert (first.asked, second.asked) == (["first"], ["second", "second"])


async def test_every_server_is_asked_for_its_own_model_and_told_apart() -> None:
    first, second, third = Model("first", [0]), Model("second", [429]), Model("third")
    context, counts = RequestContext(), Counts()
    attempts = Attempts([candidate(m) for m in (first, second, third)], counts, context)
    assert (await attempts.chat(BODY, is_stream=False)).status == 200
    assert [m.asked for m in (first, second, third)] == [["first"], ["second"], ["third"]]
    assert dict(context.headers)[b"x-tyrian-model"] == b"third"
    assert len(context.headers) == 1
    assert counts.seen["first", "failed"] == counts.seen["second", "429"] == 1
    assert counts.seen["first->second", ""] == counts.seen["second->third", ""] == 1


async def test_the_last_failure_is_what_counts() -> None:
    ends_so = Attempts([candidate(Model("a", [503])), candidate(Model("b", [0]))], Counts())
    with pytest.raises(UpstreamError):
        await ends_so.chat(BODY, is_stream=False)
    or_so = Attempts([candidate(Model("a", [0])), candidate(Model("b", [500]))], Counts())
    assert (await or_so.chat(BODY, is_stream=False)).status == 500


async def test_where_all_circuits_are_open_nobody_is_asked() -> None:
    models = [Model("a", [0]), Model("b", [0])]
    candidates = [candidate(model, failures=1) for model in models]
    with pytest.raises(UpstreamError):
        await Attempts(candidates, Counts()).chat(BODY, is_stream=False)
    with pytest.raises(ApiError) as caught:
        await Attempts(candidates, Counts()).chat(BODY, is_stream=False)
    assert (caught.value.status, caught.value.code) == (503, "circuit_open")
    assert [len(model.asked) for model in models] == [1, 1]


async def test_an_answer_that_nobody_reads_to_its_end_says_nothing_of_the_server() -> None:
    model = Model("a", [0])
    one = candidate(model, failures=1)
    with pytest.raises(UpstreamError):
        await Attempts([one], Counts()).chat(BODY, is_stream=False)
    one.server.breaker.rested()
    reply = await Attempts([one], Counts()).chat(BODY, is_stream=True)
    assert not one.server.breaker.begin(), "the probe is under way"
    await reply.close()
    assert one.server.breaker.begin(), "the place of the probe is free again"
