"""Llama Guard in a local directory: one prefill per window, nothing generated."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tyrian.core.detection import Detection, DetectorInfo, View
from tyrian.core.message import ImagePart
from tyrian.detectors.content_guard.llama_guard import Rules, Sum, windows_of
from tyrian.detectors.content_guard.offer import Offer, labels_of
from tyrian.detectors.content_guard.verdict import SAFE, UNSAFE, Verdict
from tyrian.detectors.content_guard.windows import Window
from tyrian.errors import DetectorError, InputError, ModelError
from tyrian.models.chat.images import decode_image
from tyrian.models.chat.local import LocalChat, Question

if TYPE_CHECKING:
    from PIL.Image import Image

LEAST_MASS = 0.5
"""Least probability that the answer begins with one of the two words; less is no answer."""
_WORTH_NAMING = 0.05
"""Probability of `unsafe` from which a second category is asked for."""
_MOST_NAMED = 6


class Answers:
    """The tokens of the answers that a model may give to an offer."""

    def __init__(self, model: LocalChat, offer: Offer) -> None:
        self.safe = model.ids(SAFE)[0]
        self.unsafe = model.ids(UNSAFE)[0]
        if self.safe == self.unsafe:
            raise ModelError(
                "the tokenizer does not tell 'safe' from 'unsafe'",
                hint="this is not the tokenizer of a Llama Guard",
            )
        whole = {alias: model.ids(f"{UNSAFE}\n{alias}") for alias in labels_of(offer)}
        self.head = _common(list(whole.values()))
        """What every unsafe answer begins with, up to the first category's number."""
        self.codes = {alias: ids[len(self.head) :] for alias, ids in whole.items()}
        two = f"{UNSAFE}\nS1,S1"
        after_one = model.ids(f"{UNSAFE}\nS1")
        joint = model.ids(two)
        self.comma = joint[len(after_one) :][: len(joint) - len(after_one) - 1]
        """Between two categories, up to the second one's number; empty where it cannot be told."""


@dataclass(frozen=True, slots=True)
class LocalLlamaGuard:
    """Scores each category by the probabilities of the first answer token and of the codes."""

    info: DetectorInfo
    model: LocalChat
    rules: Rules
    answers: Answers
    is_bounded: bool = False
    reads_trace: bool = True

    def detect(self, view: View) -> Detection:
        """Judge the last message in its conversation, image groups and windows in turn."""
        total = Sum(view, self.rules)
        images = _Decoded()
        for window in windows_of(view, self.rules):
            total.add(window, self._judge(window, images))
            if total.is_late:
                break
        return total.detection()

    def _judge(self, window: Window, decoded: "_Decoded") -> Verdict:
        prompt = self.rules.prompter.prompt(window.turns)
        try:
            images = [decoded.image(image) for image in window.images]
            return self.verdict(prompt, images)
        except InputError as error:
            raise DetectorError(error.message) from error

    def verdict(self, prompt: str, images: Sequence["Image"] = ()) -> Verdict:
        """The verdict on one prompt; DetectorError where the answer begins with neither word."""
        answers = self.answers
        firsts = {alias: ids[0] for alias, ids in answers.codes.items() if ids}
        words = Question(0, (answers.safe, answers.unsafe))
        numbers = Question(len(answers.head), tuple(firsts.values()))
        places = self.model.read(prompt, [words, numbers], given=answers.head, images=images)
        safe, unsafe = places[0].probabilities
        if not safe + unsafe >= LEAST_MASS:  # so said, it holds of NaN too
            raise DetectorError("the model answers neither 'safe' nor 'unsafe'")
        score = unsafe / (safe + unsafe)
        if not firsts:
            return Verdict(score, None)
        shares = _relative(dict(zip(firsts, places[1].probabilities, strict=True)))
        if score >= _WORTH_NAMING and answers.comma:
            self._name_more(prompt, images, shares)
        return Verdict(score, shares)

    def _name_more(self, prompt: str, images: Sequence["Image"], shares: dict[str, float]) -> None:
        """Raise the shares of the categories that the model would name after the first."""
        answers = self.answers
        given = list(answers.head)
        here = dict(shares)
        named: list[str] = []
        while len(named) < min(_MOST_NAMED, len(answers.codes)):
            top = max(here, key=here.__getitem__)
            if top in named:
                return
            named.append(top)
            shares[top] = 1.0
            given += answers.codes[top]
            after = Question(len(given), (answers.comma[0],))
            longer = [*given, *answers.comma]
            firsts = {alias: ids[0] for alias, ids in answers.codes.items()}
            numbers = Question(len(longer), tuple(firsts.values()))
            places = self.model.read(prompt, [after, numbers], given=longer, images=images)
            if places[0].best != answers.comma[0]:
                return
            given = longer
            here = _relative(dict(zip(firsts, places[1].probabilities, strict=True)))
            for alias, share in here.items():
                shares[alias] = max(share, shares[alias])


class _Decoded:
    """The images of one view, each decoded once."""

    def __init__(self) -> None:
        self._images: dict[str, Image] = {}

    def image(self, part: ImagePart) -> "Image":
        if part.url not in self._images:
            self._images[part.url] = decode_image(part.url)
        return self._images[part.url]


def _relative(probabilities: dict[str, float]) -> dict[str, float]:
    """Each against the greatest."""
    top = max(probabilities.values())
    if top <= 0.0:
        return dict.fromkeys(probabilities, 1.0)
    return {alias: value / top for alias, value in probabilities.items()}


def _common(sequences: list[tuple[int, ...]]) -> tuple[int, ...]:
    """The longest beginning that all share."""
    if len(sequences) == 1:
        return sequences[0][:-1]
    length = 0
    for column in zip(*(ids[:-1] for ids in sequences), strict=False):
        if len(set(column)) > 1:
            break
        length += 1
    return sequences[0][:length]
