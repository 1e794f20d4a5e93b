"""Line 45: whoever changes the record of what was done is found out, without the database."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tyrian.gateway.accounts.chain import GENESIS, Checker, Checkpoint, Link, hash_of

Chain = list[Link]


def chain(
    count: int,
    organisation: str = "org_1",
    start: bytes = GENESIS,
    first: int = 1,
    happened: str = "api_key.created",
) -> Chain:
    links: Chain = []
    previous = start
    for sequence in range(first, first + count):
        link = Link(organisation, sequence, f"evt_{sequence}", 1_000 + sequence, happened,
                    {"id": "user_1"}, None, {"n": sequence}, previous, b"")  # fmt: skip
        link = replace(link, hash=hash_of(link))
        links.append(link)
        previous = link.hash
    return links


def faults(links: Chain, *points: Checkpoint) -> int:
    checker = Checker(points)
    for link in links:
        checker.add(link)
    checker.finish()
    return len(checker.faults)


def head(links: Chain) -> Checkpoint:
    return Checkpoint(links[-1].organisation_id, links[-1].sequence, links[-1].hash)


def edited(links: Chain) -> Chain:
    return [*links[:4], replace(links[4], details={"n": 999}), *links[5:]]


def edited_with_its_hash(links: Chain) -> Chain:
    changed = replace(links[4], actor={"id": "somebody else"})
    return [*links[:4], replace(changed, hash=hash_of(changed)), *links[5:]]


def forked(links: Chain) -> Chain:
    """Everything from the fifth event on made anew, hashes and all."""
    others = chain(len(links) - 4, start=links[3].hash, first=5, happened="other.things")
    return [*links[:4], *others]


def rewritten(links: Chain) -> Chain:
    made: Chain = []
    previous = GENESIS
    for link in links:
        changed = replace(link, type="nothing.happened", previous_hash=previous)
        changed = replace(changed, hash=hash_of(changed))
        made.append(changed)
        previous = changed.hash
    return made


@pytest.mark.parametrize(
    "change",
    [
        edited,
        edited_with_its_hash,
        lambda links: links[:4] + links[5:],
        lambda links: links[1:],
        lambda links: [*links[:4], links[5], links[4], *links[6:]],
        lambda links: [*links[:5], links[4], *links[5:]],
        lambda links: links[:-1],
        lambda links: links[:-3],
        forked,
        rewritten,
    ],
    ids=["edit", "edit-with-hash", "delete", "delete-first", "reorder", "repeat", "truncate",
         "truncate-more", "fork", "rewrite"],
)  # fmt: skip
def test_line_45_every_change_of_the_chain_is_found(change: Callable[[Chain], Chain]) -> None:
    links = chain(10)
    assert faults(links, head(links)) == 0
    assert faults(change(links), head(links)) > 0


@given(st.integers(2, 12), st.data())
def test_line_45_no_event_can_be_taken_out_or_changed_unnoticed(
    count: int, data: st.DataObject
) -> None:
    links = chain(count)
    at = data.draw(st.integers(0, count - 1))
    assert faults([*links[:at], *links[at + 1 :]], head(links)) > 0
    one = links[at]
    others = (replace(one, at=1), replace(one, type="x"), replace(one, project_id="p"),
              replace(one, id="e"), replace(one, actor={}))  # fmt: skip
    assert faults([*links[:at], data.draw(st.sampled_from(others)), *links[at + 1 :]]) > 0


def test_line_45_an_event_of_another_organisation_does_not_fit_in() -> None:
    links, others = chain(5), chain(5, "org_2")
    assert faults([*links, *others], head(links), head(others)) == 0
    moved = replace(others[2], organisation_id="org_1")
    assert faults([*links[:2], moved, *links[3:]], head(links)) > 0
