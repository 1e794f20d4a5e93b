"""What a person may approve of a server, and what became of what was approved before."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from tyrian.adapters.mcp.catalogue import Catalogue, Hidden, Unapproved
from tyrian.adapters.mcp.content import content_of
from tyrian.adapters.mcp.definition import LISTINGS, digest
from tyrian.adapters.mcp.judge import Judge
from tyrian.adapters.mcp.lock import Approved, Lock
from tyrian.adapters.mcp.survey import Offer
from tyrian.firewall.firewall import Firewall


class Standing(StrEnum):
    """How a definition stands to what was approved."""

    SAME = "same"
    NEW = "new"
    CHANGED = "changed"
    GONE = "gone"


@dataclass(frozen=True, slots=True)
class Item:
    """A tool, a prompt or the instructions of a server."""

    noun: str
    name: str
    mark: str
    """Digest of the definition; empty where it is gone."""
    standing: Standing
    text: str = ""
    """All that a model may read in it."""
    warning: Hidden | None = None
    """Why it should not be approved."""
    before: str = ""
    """Digest of what was approved before; empty where nothing was."""


async def items_of(server: str, offer: Offer, lock: Lock, firewall: Firewall) -> list[Item]:
    """What there is to approve, each with what speaks against it."""
    approved = lock.servers.get(server, Approved())
    # As if nothing of this server had been approved: what was is looked at anew, too.
    others = lock.with_server(server, Approved())
    catalogue = Catalogue(server, others, Unapproved.SHOW)
    judge = Judge(firewall)
    items: list[Item] = []
    if offer.instructions or approved.instructions:
        kept = await catalogue.instructions(offer.instructions, judge)
        warning = None if kept == offer.instructions else _ODD_INSTRUCTIONS
        mark = digest(offer.instructions) if offer.instructions else ""
        before = approved.instructions
        items.append(
            Item(
                "instructions",
                "",
                mark,
                _standing(before, mark),
                offer.instructions,
                warning if mark else None,
                before,
            )
        )
    for method, entries in offer.entries.items():
        listing = LISTINGS[method]
        await catalogue.listed(listing, {listing.member: list(entries)}, judge)
        digests = approved.of(listing.noun)
        for entry in entries:
            name, mark = str(entry[listing.name]), digest(entry)
            items.append(
                Item(
                    listing.noun,
                    name,
                    mark,
                    _standing(digests.get(name, ""), mark),
                    "\n".join(content_of(entry).slots),
                    catalogue.reason(listing.noun, name),
                    digests.get(name, ""),
                )
            )
        offered = {str(entry[listing.name]) for entry in entries}
        items += [
            Item(listing.noun, name, "", Standing.GONE) for name in digests if name not in offered
        ]
    return items


def approved_of(items: Iterable[Item]) -> Approved:
    """The approvals that these items make."""
    found = [item for item in items if item.mark]
    told = next((item.mark for item in found if item.noun == "instructions"), "")
    return Approved(
        told,
        {item.name: item.mark for item in found if item.noun == "tool"},
        {item.name: item.mark for item in found if item.noun == "prompt"},
    )


_ODD_INSTRUCTIONS = Hidden("instructions", "they say what the firewall or its signs refuse")


def _standing(before: str, now: str) -> Standing:
    if not before:
        return Standing.NEW
    if not now:
        return Standing.GONE
    return Standing.SAME if before == now else Standing.CHANGED
