"""Merkle trees over rows, hashed as Certificate Transparency does.

Leaves and inner nodes are hashed with different first bytes, so that no inner node can be passed
off as a row. Source: RFC 6962, section 2.1 (https://www.rfc-editor.org/rfc/rfc6962#section-2.1).
"""

import hashlib
from collections.abc import Iterable, Sequence

Hash = bytes
"""32 bytes of SHA-256."""
_LEAF, _NODE = b"\x00", b"\x01"


def leaf_hash(data: bytes) -> Hash:
    """The hash of one leaf."""
    return hashlib.sha256(_LEAF + data).digest()


def _node_hash(left: Hash, right: Hash) -> Hash:
    return hashlib.sha256(_NODE + left + right).digest()


class Root:
    """The root over leaves that come one by one, in memory of the logarithm of their number."""

    def __init__(self) -> None:
        self.size = 0
        self._peaks: list[Hash] = []

    def add(self, leaf: Hash) -> None:
        """Append the hash of a leaf."""
        rest = self.size
        while rest & 1:
            leaf = _node_hash(self._peaks.pop(), leaf)
            rest >>= 1
        self._peaks.append(leaf)
        self.size += 1

    def value(self) -> Hash:
        """The root of all leaves so far; of none, the hash of nothing."""
        if not self._peaks:
            return hashlib.sha256(b"").digest()
        found = self._peaks[-1]
        for peak in reversed(self._peaks[:-1]):
            found = _node_hash(peak, found)
        return found


def root_of(leaves: Iterable[Hash]) -> Hash:
    """The root over the hashes of leaves."""
    root = Root()
    for leaf in leaves:
        root.add(leaf)
    return root.value()


def inclusion_proof(leaves: Sequence[Hash], index: int) -> list[Hash]:
    """The hashes beside the way from a leaf (counted from 0) up to the root, lowest first."""
    proof: list[Hash] = []
    start, size = 0, len(leaves)
    while size > 1:
        split = 1 << ((size - 1).bit_length() - 1)
        if index < split:
            proof.append(root_of(leaves[start + split : start + size]))
            size = split
        else:
            proof.append(root_of(leaves[start : start + split]))
            start, index, size = start + split, index - split, size - split
    proof.reverse()
    return proof


def is_included(leaf: Hash, index: int, size: int, proof: Sequence[Hash], root: Hash) -> bool:
    """Whether a proof leads from the leaf at `index` of `size` leaves to the root."""
    if not 0 <= index < size:
        return False
    last, found = size - 1, leaf
    for beside in proof:
        if last == 0:
            return False
        if index & 1 or index == last:
            found = _node_hash(beside, found)
            while not index & 1 and index:
                index >>= 1
                last >>= 1
        else:
            found = _node_hash(found, beside)
        index >>= 1
        last >>= 1
    return last == 0 and found == root
