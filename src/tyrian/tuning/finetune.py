"""Trains an embedded model further on a user's rows, from its shipped weights.

The weights that a user's texts touch move, and are held to where they were: an L2 penalty on the
difference (Xuhong et al., ICML 2018, "L2-SP"), and a penalty on the logits of texts that the model
knew (Li and Hoiem, ECCV 2016). Nothing else in the model changes: thresholds, slope and second
stage stay, so that scores mean what they meant.
"""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from math import log

import numpy as np

from tyrian.core.detection import View
from tyrian.detectors.prompt_guard.channel import is_users
from tyrian.errors import ModelError
from tyrian.models.artefact import Artefact, FullTable, dump, members, pack, parse
from tyrian.models.embedded import ContentGuard, PromptGuard, blocks_of
from tyrian.models.own import PROMPT_GUARD, content_guard_of, prompt_guard_of
from tyrian.models.windows import F32, SIZES, grid, window_scores
from tyrian.text.normalise import normalise
from tyrian.tuning.examples import LONGEST, Example, around
from tyrian.tuning.heads import Heads, fit_heads
from tyrian.tuning.sparse import B1, F64, I64, Rows, Window, minimise

STRENGTHS = (30.0, 10.0, 3.0, 1.0, 0.3, 0.1, 0.03)
"""How firmly weights are held, from hardly moving to nearly free."""
REHEARSAL = 0.2
"""Weight of a known text's squared change of logit beside a user's row."""
ROUNDS = 40
_PAGE = max(SIZES)
_LARGEST = 30.0

Model = PromptGuard | ContentGuard
Tell = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Prior:
    """The model to start from, and how its first stage becomes its answer."""

    name: str
    data: bytes
    model: Model
    artefact: Artefact

    @classmethod
    def of(cls, name: str, data: bytes) -> "Prior":
        """From the bytes of an artefact; ModelError where they are none."""
        try:
            model, artefact = model_of(name, data), parse(data)
        except (ValueError, KeyError, TypeError) as error:
            raise ModelError(
                f"the weights of the {name} are not of this version of Tyrian",
                hint="train them again, or start from the shipped ones",
            ) from error
        return cls(name, data, model, artefact)

    def narrowed(self, example: Example) -> Example:
        """Of a long text, the stretch around the window where the first stage is strongest."""
        if len(example.text) <= LONGEST:
            return example
        text = normalise(example.text).text
        found = self.model.model.judge(blocks_of(text))
        return replace(example, text=around(text, found.start, found.end))

    def gain(self, example: Example) -> float:
        """Change of the answer's logit for each unit of the first stage's raw score."""
        model = model_for(self.model, example)
        second = model.second if isinstance(model, PromptGuard) else None
        return self.artefact.slope * (second.mix.first if second is not None else 1.0)

    def offset(self, example: Example) -> float:
        """What the second stage adds to the logit of a text.

        An attack that is learnt passes the gate in the end, so the second stage reads it here too.
        """
        blocks = list(blocks_of(example.text))
        model = model_for(self.model, example)
        if example.is_unsafe:
            model = opened(model)
        scores = model.locate_in(blocks).scores
        unsafe = 1.0 - scores["benign"] if "benign" in scores else max(scores.values())
        first = model.model.judge(blocks).logit / self.artefact.slope * self.gain(example)
        return _logit(unsafe) - first


def model_of(name: str, data: bytes) -> Model:
    """The whole model with these weights."""
    return prompt_guard_of(data) if name == PROMPT_GUARD else content_guard_of(data)


def model_for(model: Model, example: Example) -> Model:
    """The model as it judges a row: what users write is weighed by other weights."""
    row = example.row
    if isinstance(model, PromptGuard) and is_users(View.of(row.message, row.stage, row.trace)):
        return model.of_users()
    return model


def opened(model: Model) -> Model:
    """The model with a second stage that reads whatever the first says."""
    if not isinstance(model, PromptGuard) or model.second is None:
        return model
    mix = replace(model.second.mix, gate=-_LARGEST)
    return replace(model, second=replace(model.second, mix=mix))


def _logit(probability: float) -> float:
    if probability <= 0.0 or probability >= 1.0:
        return _LARGEST if probability >= 1.0 else -_LARGEST
    return max(-_LARGEST, min(_LARGEST, log(probability / (1.0 - probability))))


def strongest(examples: Sequence[Example], weights: F32, limits: F64) -> list[list[Window]]:
    """Per text the windows to learn from: of benign ones the worst of every size, of others the
    strongest of all, and the whole of a short text."""
    found = []
    for example in examples:
        grams = example.grams
        windows = grid(grams.length)
        margins = window_scores(grams, FullTable(weights), windows) - limits[windows.sizes]
        if example.is_unsafe:
            chosen = {int(margins.argmax())}
            if grams.length <= _PAGE:
                chosen.add(len(windows.sizes) - 1)
        else:
            sizes = np.unique(windows.sizes)
            chosen = {int(np.where(windows.sizes == s, margins, -np.inf).argmax()) for s in sizes}
        found.append(
            [
                Window(
                    grams, int(windows.starts[at]), int(windows.ends[at]), int(windows.sizes[at])
                )
                for at in sorted(chosen)
            ]
        )
    return found


@dataclass(frozen=True, slots=True)
class Step:
    """What is learnt in one fit: weights by bucket that differ from the prior's."""

    columns: Rows
    change: F64

    def applied(self, weights: F32) -> F32:
        """The weights with the change."""
        new = weights.copy()
        new[self.columns.columns] += self.change.astype(np.float32)
        return new


def fit(
    prior: Prior, examples: Sequence[Example], known: Sequence[Example], strength: float
) -> F32:
    """The main weights after learning; looks twice where the model is strongest."""
    weights = prior.artefact.main.weights
    offsets = np.array([prior.offset(one) for one in examples])
    texts = [*examples, *known]
    gains = np.array([prior.gain(one) for one in texts])
    windows: list[list[Window]] = [[] for _ in texts]
    for _ in range(2):
        for mine, more in zip(
            windows, strongest(texts, weights, prior.artefact.thresholds), strict=True
        ):
            places = {(w.start, w.end) for w in mine}
            mine += [w for w in more if (w.start, w.end) not in places]
        weights = _fit_once(prior, examples, windows, offsets, gains, strength).applied(
            prior.artefact.main.weights
        )
    return weights


def _fit_once(
    prior: Prior,
    examples: Sequence[Example],
    windows: Sequence[Sequence[Window]],
    offsets: F64,
    gains: F64,
    strength: float,
) -> Step:
    owner = np.array([n for n, some in enumerate(windows) for _ in some], dtype=np.int64)
    flat = [window for some in windows for window in some]
    rows = Rows.of(flat)
    mine = owner < len(examples)
    base = rows.dot(prior.artefact.main.weights[rows.columns])
    limits = prior.artefact.thresholds[[window.size for window in flat]]
    gain = gains[owner]
    start = gain * (base - limits)
    start[mine] += offsets[owner[mine]]
    unsafe = np.array([one.is_unsafe for one in examples])
    signs = np.where(unsafe[owner[mine]], 1.0, -1.0)
    weight = _importance(owner, mine, unsafe)
    rare = rarity(rows, owner)

    def loss(point: F64) -> tuple[float, F64]:
        moved = gain * rows.dot(point * rare)
        margins = signs * (start[mine] + moved[mine])
        cost = float(weight[mine] @ np.logaddexp(0.0, -margins))
        cost += 0.5 * float(weight[~mine] @ moved[~mine] ** 2)
        slope = np.empty(len(flat))
        slope[mine] = -weight[mine] * signs / (1.0 + np.exp(np.clip(margins, -60.0, 60.0)))
        slope[~mine] = weight[~mine] * moved[~mine]
        cost += 0.5 * strength * float(point @ point)
        return cost, rows.back(gain * slope) * rare + strength * point

    found = minimise(loss, np.zeros(len(rows.columns)), rounds=ROUNDS)
    return Step(rows, found * rare)


def _importance(owner: I64, mine: B1, unsafe: B1) -> F64:
    """Each text counts once, however many windows it has; both sides of the user's count alike."""
    weight: F64 = 1.0 / np.bincount(owner)[owner]
    sides = unsafe[owner[mine]]
    inside = weight[mine]
    half = inside.sum() / 2.0
    if sides.any() and not sides.all():
        for side in (sides, ~sides):
            inside[side] *= half / inside[side].sum()
    weight[mine] = inside
    weight[~mine] *= REHEARSAL
    return weight


def rarity(rows: Rows, owner: I64) -> F64:
    """Inverse document frequency per column, 0..1; 0 for what only one text has."""
    seen = rows.spread(owner)
    texts = int(owner.max()) + 1
    inverse: F64 = np.log((1.0 + texts) / (1.0 + seen))
    return np.where(seen < 2, 0.0, inverse / max(log((1.0 + texts) / 3.0), 1e-9))


def learn(
    prior: Prior, examples: Sequence[Example], known: Sequence[Example], strength: float
) -> bytes:
    """The artefact after learning from these examples."""
    weights = fit(prior, examples, known, strength)
    windows = strongest(examples, weights, prior.artefact.thresholds)
    heads = fit_heads(prior.name, prior.artefact, examples, windows, known)
    return packed(prior, weights, heads, len(examples))


def packed(prior: Prior, weights: F32, heads: Heads, rows: int) -> bytes:
    """An artefact with new weights and heads; everything else in it as it was."""
    meta, arrays = members(prior.data)
    codes, scale = pack(weights)
    fine = [pack(row) for row in heads.weights]
    arrays |= {
        "main": codes,
        "main_scale": np.asarray(np.float64(scale)),
        "fine": np.stack([one for one, _ in fine]),
        "fine_scale": np.array([one for _, one in fine]),
        "fine_bias": heads.bias.astype(np.float32),
    }
    digest = hashlib.sha256(
        b"".join(np.ascontiguousarray(arrays[k]).tobytes() for k in sorted(arrays))
    )
    for key in ("dev", "ordinary_rate", "recall_in_training", "training_digest"):
        meta.pop(key, None)
    meta |= {
        "labels": list(heads.labels),
        "revision": f"{prior.name}-own-{digest.hexdigest()[:12]}",
        "base": prior.artefact.revision,
        "own_rows": rows,
    }
    return dump(arrays, meta)


Cost = Callable[[bytes, Sequence[Example]], float]


def by_cost(
    prior: Prior,
    examples: Sequence[Example],
    known: Sequence[Example],
    cost: Cost,
    *,
    every: int = 5,
    tell: Tell = lambda _: None,
) -> list[float]:
    """The strengths, best first, by how their models judge examples that they have not seen."""
    kept, out = list(examples), list(examples)
    if len(examples) >= 2 * every:
        kept = [one for number, one in enumerate(examples) if number % every]
        out = list(examples[::every])
    costs: dict[float, float] = {}
    for strength in STRENGTHS:
        costs[strength] = cost(learn(prior, kept, known, strength), out)
        tell(f"firmness {strength:g}: loss {costs[strength]:.4f} on rows not learnt from")
    return sorted(costs, key=lambda strength: (costs[strength], -strength))
