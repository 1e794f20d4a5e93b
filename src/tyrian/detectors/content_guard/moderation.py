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
    are 1 and 0 unless the server gives them in `hazards`, as Tyrian's own gateway does.
    """
    try:
        answer = msgspec.json.decode(body, type=_Moderation)
    except (msgspec.DecodeError, RecursionError) as error:
        raise DetectorError("the moderation server's answer cannot be read") from error
    if not answer.results:
        raise DetectorError("the moderation server's answer holds no result")
    scores: dict[str, float] = {}
    is_binary = not all(_has_probabilities(result.hazards) for result in answer.results)
    aliases = _aliases(offer)
    for result in answer.results:
        if result.flagged and not result.flagged_categories:
            return Verdict(1.0, None, is_binary=True)
        for name in result.flagged_categories if result.flagged else ():
            alias = aliases.get(name.strip().lower())
            if alias is None and _is_standard(name):
                continue  # the taxonomy left it out, which this endpoint cannot be told
            if alias is None:
                raise DetectorError("the moderation server named a category that is unknown here")
            scores[alias] = _score(result.hazards, name)
    top = max(scores.values(), default=0.0)
    shares = {alias: score / top if top else 0.0 for alias, score in scores.items()}
    return Verdict(top, shares, is_binary)


def _has_probabilities(hazards: Mapping[str, _Hazard] | None) -> bool:
    found = (hazards or {}).values()
    return bool(found) and all(
        hazard.score is not None and hazard.score_type != "binary" for hazard in found
    )


def _is_standard(name: str) -> bool:
    folded = name.strip().lower()
    return any(folded in (h.code.lower(), h.name.lower()) for h in MLCOMMONS.values())


def _score(hazards: Mapping[str, _Hazard] | None, name: str) -> float:
    found = (hazards or {}).get(name)
    score = found.score if found else None
    return score if score is not None and 0.0 <= score <= 1.0 else 1.0


def _aliases(offer: Offer) -> dict[str, str]:
    """By code and by name, in lower case."""
    found = {one.label.lower(): one.alias for one in offer}
    for one in offer:
        standard = MLCOMMONS.get(one.label)
        names = [one.text.partition(".")[0], *([standard.name] if standard else [])]
        for name in names:
            found.setdefault(name.strip().lower(), one.alias)
    return found
