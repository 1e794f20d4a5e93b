"""What the Llama API's `/moderations` answers: `results` with the categories that they flag."""

from collections.abc import Mapping

import msgspec

from tyrian.core.taxonomy import MLCOMMONS
from tyrian.detectors.content_guard.offer import Offer
from tyrian.detectors.content_guard.verdict import Verdict
from tyrian.errors import DetectorError


class _Hazard(msgspec.Struct):
    score: float | None = None
    score_type: str = "probability"


class _Result(msgspec.Struct):
    flagged: bool
    flagged_categories: list[str] = []
    hazards: dict[str, _Hazard] | None = None


class _Moderation(msgspec.Struct):
    results: list[_Result]


def read_moderation(body: bytes, offer: Offer) -> Verdict:
    """The verdict of a moderation answer; DetectorError for anything that is none.

    Categories come as codes or as names. A flag without a category could be any of them. Scores
    are the probabilities that the server gives in `hazards`, flagged or not, as Tyrian's own
    gateway does; where it gives none, 1 for what it flags and 0 for the rest.
    """
    try:
        answer = msgspec.json.decode(body, type=_Moderation)
    except (msgspec.DecodeError, RecursionError) as error:
        raise DetectorError("the moderation server's answer cannot be read") from error
    if not answer.results:
        raise DetectorError("the moderation server's answer holds no result")
    scores: dict[str, float] = {}
    is_binary = False
    aliases = _aliases(offer)
    for result in answer.results:
        if result.flagged and not result.flagged_categories:
            return Verdict(1.0, None, is_binary=True)
        given = _probabilities(result.hazards or {}, aliases)
        unscored = _flagged(result, aliases) - given.keys()
        is_binary = is_binary or not given or bool(unscored)
        for alias, score in {**given, **dict.fromkeys(unscored, 1.0)}.items():
            scores[alias] = max(score, scores.get(alias, 0.0))
    top = max(scores.values(), default=0.0)
    shares = {alias: score / top if top else 0.0 for alias, score in scores.items()}
    return Verdict(top, shares, is_binary)


def _probabilities(hazards: Mapping[str, _Hazard], aliases: Mapping[str, str]) -> dict[str, float]:
    """By alias, of the categories that were offered; a number outside 0..1 is none."""
    found: dict[str, float] = {}
    for name, hazard in hazards.items():
        alias, score = aliases.get(name.strip().lower()), hazard.score
        if alias is None or score is None or hazard.score_type == "binary":
            continue
        if 0.0 <= score <= 1.0:
            found[alias] = max(score, found.get(alias, 0.0))
    return found


def _flagged(result: _Result, aliases: Mapping[str, str]) -> set[str]:
    """The aliases of what the server flags; DetectorError for a category that nobody knows."""
    found: set[str] = set()
    for name in result.flagged_categories if result.flagged else ():
        alias = aliases.get(name.strip().lower())
        if alias is not None:
            found.add(alias)
        elif not _is_standard(name):  # one that the taxonomy left out is flagged nonetheless
            raise DetectorError("the moderation server named a category that is unknown here")
    return found


def _is_standard(name: str) -> bool:
    folded = name.strip().lower()
    return any(folded in (h.code.lower(), h.name.lower()) for h in MLCOMMONS.values())


def _aliases(offer: Offer) -> dict[str, str]:
    """By code and by name, in lower case."""
    found = {one.label.lower(): one.alias for one in offer}
    for one in offer:
        standard = MLCOMMONS.get(one.label)
        names = [one.text.partition(".")[0], *([standard.name] if standard else [])]
        for name in names:
            found.setdefault(name.strip().lower(), one.alias)
    return found
