"""Whose turn it is among the servers of a route, and which requests take it."""

from collections import Counter
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tyrian.gateway.accounts.record import KeyRecord
from tyrian.gateway.routing.attempts import Candidate
from tyrian.gateway.routing.posture import Posture
from tyrian.gateway.routing.routes import Lead, Route
from tyrian.gateway.routing.server import Server
from tyrian.gateway.tokens import KeyKind
from tyrian.models.scripted import ScriptedModel
from tyrian.stack.hosted import is_hosted

NO_DATA: frozenset[str] = frozenset()
PII = frozenset({"pii"})


def candidate(name: str, **posture: object) -> Candidate:
    given_posture = Posture(**posture)  # type: ignore[arg-type]
    return Candidate(name, Server(ScriptedModel(name=name), given_posture), name)


def lead(shares: Mapping[str, int], *fallbacks: str, **route: object) -> Lead:
    members = {candidate(name): share for name, share in shares.items()}
    made = Route("*", split=dict(shares), **route)  # type: ignore[arg-type]
    return Lead(made, members, [candidate(name) for name in fallbacks])


def key(tier: str = "operator", name: str = "key_1", project: str = "proj_1") -> KeyRecord:
    return KeyRecord(name, "k", KeyKind.LIVE, frozenset(), 0, tier=tier, project_id=project)


@given(st.lists(st.integers(1, 9), min_size=1, max_size=5), st.integers(1, 4))
def test_over_whole_turns_each_server_gets_exactly_its_share(shares: list[int], turns: int) -> None:
    named = {f"m{i}": share for i, share in enumerate(shares)}
    route = lead(named)
    seen = Counter(route.order(NO_DATA)[0].id for _ in range(sum(shares) * turns))
    assert seen == {name: share * turns for name, share in named.items()}


def test_the_others_of_the_split_and_then_the_fallbacks_come_behind() -> None:
    route = lead({"a": 1, "b": 3, "c": 2}, "d", "a")
    order = [c.id for c in route.order(NO_DATA)]
    assert order[0] == "b"
    assert order[1:] == ["c", "a", "d", "a"]  # another server may have the same name here


def test_an_unwell_server_comes_last_and_takes_no_turn() -> None:
    route = lead({"a": 1, "b": 1}, "c")
    sick = route.candidates[0]
    sick.server.is_healthy = False
    for _ in range(4):
        assert [c.id for c in route.order(NO_DATA)] == ["b", "c", "a"]


def test_personal_data_and_secrets_never_go_to_a_hosted_server() -> None:
    members = {
        candidate("inside"): 1,
        candidate("hosted", is_hosted=True): 5,
        candidate("allowing", is_hosted=True, data_classes=frozenset({"pii", "secret"})): 5,
    }
    route = Lead(Route("*"), members)
    for data in (PII, frozenset({"secret"}), frozenset({"pii", "public"})):
        assert {c.id for c in route.order(data)} == {"inside"}
    assert len(route.order(NO_DATA)) == 3


def test_data_classes_limit_a_server_inside_too() -> None:
    server = candidate("inside", data_classes=frozenset({"public"})).server
    assert server.fault(PII) == "pii"
    assert server.fault(frozenset({"public"})) == ""


def test_a_route_may_ask_for_keys_projects_and_tiers() -> None:
    by_key = lead({"a": 1}, keys=frozenset({"key_1", "proj_2"}))
    assert by_key.fits("m", key())
    assert by_key.fits("m", key(name="key_9", project="proj_2"))
    assert not by_key.fits("m", key(name="key_9"))
    assert not by_key.fits("m", None)
    by_tier = lead({"a": 1}, tiers=frozenset({"developer"}))
    assert by_tier.fits("m", key("developer"))
    assert not by_tier.fits("m", key("public"))


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("http://127.0.0.1:8000/v1", False),
        ("http://localhost/v1", False),
        ("http://LOCALHOST./v1", False),
        ("http://[::1]:1/v1", False),
        ("http://10.1.2.3/v1", False),
        ("http://192.168.0.5/v1", False),
        ("http://[fd00::1]/v1", False),
        ("http://[::ffff:10.0.0.1]/v1", False),
        ("http://vllm:8000/v1", False),
        ("http://gpu.lab.internal/v1", False),
        ("http://vllm.models.svc/v1", False),
        ("http://vllm.models.svc.cluster.local/v1", False),
        ("https://api.example.com/v1", True),
        ("https://8.8.8.8/v1", True),
        ("https://[2001:4860:4860::8888]/v1", True),
        ("https://[::ffff:8.8.8.8]/v1", True),
        ("https://134744072/v1", True),
        ("https://0x08080808/v1", True),
        ("https://localhost.example.com/v1", True),
        ("https://internal.example.com/v1", True),
        ("https://[broken/v1", True),
        ("", True),
    ],
)
def test_only_this_machine_and_private_networks_are_inside(url: str, expected: bool) -> None:
    assert is_hosted(url) is expected
