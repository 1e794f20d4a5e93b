"""Whatever is done to an audit chain afterwards is told."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from tyrian.gateway.accounts.chain import GENESIS, Checker, Checkpoint, Link, hash_of

TEXT = st.text(st.characters(codec="utf-8"), max_size=12)
DETAILS = st.dictionaries(
    TEXT, st.one_of(TEXT, st.integers(-(2**53), 2**53), st.none(), st.booleans()), max_size=4
)


def chain(details: Sequence[Mapping[str, object]], organisation: str = "org_a") -> list[Link]:
    links: list[Link] = []
    for number, detail in enumerate(details, 1):
        previous = links[-1].hash if links else GENESIS
        bare = Link(
            organisation, number, f"audit_{number}", number, "x.done", {"type": "system"}, None,
            detail, previous, b"",
        )  # fmt: skip
        links.append(replace(bare, hash=hash_of(bare)))
    return links


def faults(links: list[Link], checkpoints: list[Checkpoint] | None = None) -> list[str]:
    checker = Checker(checkpoints or [])
    for link in links:
        checker.add(link)
    checker.finish()
    return [fault.message for fault in checker.faults]


def head(links: list[Link]) -> Checkpoint:
    return Checkpoint(links[-1].organisation_id, links[-1].sequence, links[-1].hash)


CHAINS = st.lists(DETAILS, min_size=2, max_size=8).map(lambda details: chain(details))


@given(CHAINS, CHAINS)
def test_whole_chains_are_whole(first: list[Link], second: list[Link]) -> None:
    other = chain([dict(link.details) for link in second], "org_b")
    assert faults([*first, *other], [head(first), head(other), head(first[:1])]) == []


@given(CHAINS, st.data())
def test_an_edit_is_told(links: list[Link], data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(links) - 1))
    edited = data.draw(
        st.sampled_from(
            [
                replace(links[at], at=links[at].at + 1),
                replace(links[at], type="x.undone"),
                replace(links[at], actor={"type": "api_key"}),
                replace(links[at], project_id="proj"),
                replace(links[at], details={**links[at].details, "more": 1}),
                replace(links[at], id="audit_other"),
            ]
        )
    )
    assert faults([*links[:at], edited, *links[at + 1 :]])


@given(CHAINS, st.data())
def test_a_gap_and_another_order_are_told(links: list[Link], data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(links) - 2))
    assert faults([*links[:at], *links[at + 1 :]])
    assert faults([*links[:at], links[at + 1], links[at], *links[at + 2 :]])


@given(CHAINS, st.data())
def test_a_cut_end_is_told_by_a_checkpoint(links: list[Link], data: st.DataObject) -> None:
    kept = data.draw(st.integers(0, len(links) - 1))
    assert faults(links[:kept], [head(links)])


@given(CHAINS, st.data())
def test_a_chain_that_was_made_anew_is_told_by_a_checkpoint(
    links: list[Link], data: st.DataObject
) -> None:
    at = data.draw(st.integers(0, len(links) - 1))
    details = [dict(link.details) for link in links]
    details[at] = {"forged": True}
    forged = chain(details)
    assert faults(forged) == []
    if forged != links:
        assert faults(forged, [head(links)])
