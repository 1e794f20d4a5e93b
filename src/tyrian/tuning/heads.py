"""The finer heads of an embedded model: which kind an attack, or a hazard, is of."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tyrian.models.artefact import Artefact
from tyrian.models.own import PROMPT_GUARD
from tyrian.models.windows import F32
from tyrian.tuning.examples import Example
from tyrian.tuning.sparse import F64, Rows, Window, minimise

FEWEST = 3
"""Texts of a kind from which something is learnt about it."""
STRENGTH = 1.0
ROUNDS = 30


@dataclass(frozen=True, slots=True)
class Heads:
    """One row of weights [labels, buckets] and a bias per label."""

    labels: tuple[str, ...]
    weights: F32
    bias: F32


def fit_heads(
    name: str,
    artefact: Artefact,
    examples: Sequence[Example],
    windows: Sequence[Sequence[Window]],
    known: Sequence[Example],
) -> Heads:
    """The heads after learning the kinds of the user's unsafe texts; new labels get new heads."""
    pairs = [(one, some[0]) for one, some in zip(examples, windows, strict=True) if one.is_unsafe]
    pairs += [(one, _whole(one)) for one in known if one.is_unsafe]
    labels = list(artefact.labels)
    weights, bias = artefact.fine, artefact.fine_bias
    if not pairs:
        return Heads(tuple(labels), weights, bias)
    wanted = _wanted(name, [one.labels for one in examples], labels)
    rows = Rows.of([window for _, window in pairs], fold=weights.shape[1])
    for label in wanted:
        if label not in labels:
            labels.append(label)
            weights = np.concatenate((weights, np.zeros((1, weights.shape[1]), np.float32)))
            bias = np.append(bias, np.float32(-2.0))
        at = labels.index(label)
        targets = np.array([_target(name, label, one.labels) for one, _ in pairs])
        weights, bias = _fitted(rows, targets, weights.copy(), bias.copy(), at)
    return Heads(tuple(labels), weights, bias)


def _whole(example: Example) -> Window:
    return Window(example.grams, 0, min(example.grams.length, 1000), 0)


def _wanted(name: str, said: Sequence[frozenset[str]], known: Sequence[str]) -> list[str]:
    """The labels with enough texts for and against them."""
    if name == PROMPT_GUARD:
        sides = [_target(name, known[0], labels) for labels in said if labels]
        is_both = min(sides.count(1.0), sides.count(0.0)) >= FEWEST
        return [known[0]] if is_both else []
    counts = {label: sum(label in labels for labels in said) for labels in said for label in labels}
    return sorted(label for label, count in counts.items() if count >= FEWEST)


def _target(name: str, label: str, labels: frozenset[str]) -> float:
    """1 for it, 0 against it, and not a number where the row does not say."""
    if name == PROMPT_GUARD and len(labels) != 1:
        return float("nan")
    return float(label in labels)


def _fitted(rows: Rows, targets: F64, weights: F32, bias: F32, at: int) -> tuple[F32, F32]:
    """Logistic regression from where the head stands, held there by an L2 penalty."""
    told = ~np.isnan(targets)
    signs = np.where(targets[told] == 1.0, 1.0, -1.0)
    start = rows.dot(weights[at][rows.columns])[told] + float(bias[at])
    size = len(rows.columns)

    def loss(point: F64) -> tuple[float, F64]:
        margins = signs * (start + rows.dot(point[:size])[told] + point[size])
        pull = np.zeros(len(targets))
        pull[told] = -signs / (1.0 + np.exp(np.clip(margins, -60.0, 60.0)))
        cost = float(np.logaddexp(0.0, -margins).sum()) + 0.5 * STRENGTH * float(point @ point)
        gradient = np.append(rows.back(pull), pull.sum()) + STRENGTH * point
        return cost, gradient

    found = minimise(loss, np.zeros(size + 1), rounds=ROUNDS)
    weights[at][rows.columns] += found[:size].astype(np.float32)
    bias[at] += np.float32(found[size])
    return weights, bias
