"""Look at a directory once: its tree, and what those files mean that are not as approved."""

from pathlib import Path

from tyrian.supply.drift.tree import Tree, tree_of_disk
from tyrian.supply.lock.cache import Cache
from tyrian.supply.lock.digest import Advance, digest_all
from tyrian.supply.lock.lock import LockedModel
from tyrian.supply.lock.make import known_facts
from tyrian.supply.lock.walk import walk


def look(
    directory: Path,
    model: LockedModel,
    *,
    left_out: frozenset[str] = frozenset(),
    cache: Cache | None = None,
    advance: Advance = lambda _: None,
) -> Tree:
    """The tree of a directory; facts of changed files alone, which costs little where few are."""
    walked = walk(directory, left_out)
    digests = digest_all(walked.files, advance, cache)
    approved = {file.path: file.sha256 for file in model.files}
    changed = [
        file
        for file in walked.files
        if file.path in digests.known
        and file.path in model.facts
        and digests.known[file.path].sha256 != approved.get(file.path)
    ]
    tree = tree_of_disk(walked.files, digests, walked.faults)
    return Tree(tree.leaves, "", tree.faults, known_facts(changed))
