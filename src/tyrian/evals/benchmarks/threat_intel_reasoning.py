"""Questions on reports of threat intelligence (CyberSOCEval): text, page images, or both.

Source: Deason and others (2025), arXiv:2509.20166.
"""

from base64 import b64decode
from binascii import Error as Base64Error
from collections.abc import Iterable, Iterator, Mapping, Sequence
from glob import escape

from tyrian.errors import ConfigError, InputError
from tyrian.evals.benchmark import (
    Benchmark,
    Beside,
    Dataset,
    Dialogue,
    References,
    Scored,
)
from tyrian.evals.benchmarks.choice import (
    LEANING,
    MEASURES,
    Choice,
    right_places,
    score_choice,
    shuffled,
)
from tyrian.evals.benchmarks.choice_upstream import score_upstream, stats_upstream, unboxed
from tyrian.evals.benchmarks.replies import answer_of, text_upstream
from tyrian.evals.exchange import Image, Part, Request, Turn
from tyrian.evals.prompts import OwnPrompts
from tyrian.evals.rows import text_of, texts_of
from tyrian.evals.sample import Data, Sample, Score, unscored

MODALITIES = ("text", "image", "text_and_image")
_FORM = (
    "benchmark/crwd_meta/threat_intel_reasoning_benchmark.py:"
    "ThreatIntelReasoningBenchmark._create_prompt.prompt"
)
_SLICES = {"report": "report", "source": "source"}


class ThreatIntelReasoning(Benchmark):
    """588 questions on 45 reports. Setting `modality`: `text`, `image` or `text_and_image`."""

    name = "threat_intel_reasoning"
    title = "Threat intelligence"
    about = "How well the model reasons about published reports of attacks."
    measures = (*MEASURES, LEANING)
    datasets = (Dataset("crwd_meta/threat_intel_reasoning/report_questions.json"),)
    references = References(source="https://arxiv.org/abs/2509.20166")

    @classmethod
    def beside(cls, row: Mapping[str, object], settings: Mapping[str, str]) -> tuple[Beside, ...]:
        """The report's text and its pages, as the modality needs them."""
        report, modality = escape(str(row.get("report_id"))), _modality(settings)
        text = (Beside("text", f"{report}.txt"),) if "text" in modality else ()
        pages = (Beside("pages", f"{report}__*__.png", is_binary=True),)
        return (*text, *(pages if "image" in modality else ()))

    def load(self, rows: Iterable[Mapping[str, object]]) -> Iterator[Sample]:
        """Cases; questions on one report are a cluster."""
        modality = _modality(self.options.settings)
        for number, row in enumerate(rows):
            options = texts_of(row, "options", number)
            right = texts_of(row, "correct_answer", number)
            data: dict[str, object] = {
                "question": text_of(row, "question_text", number),
                "options": list(options),
                "right": list(right),
            }
            if "text" in modality:
                data["text"] = row.get("text", "")
            if "image" in modality:
                data["pages"] = row.get("pages", [])
            yield Sample(
                id=f"{number:05d}",
                data=data,
                slices={
                    "report": text_of(row, "report_id", number),
                    "source": text_of(row, "source", number),
                },
                cluster=text_of(row, "report_id", number),
                invalid="" if right_places(options, right) else "no_right_option",
            )

    def turns(self, sample: Sample) -> Dialogue:
        """One turn with the report; upstream asks without pages where there are none."""
        pages = _pages(sample)
        lacks_text = "text" in sample.data and not sample.data["text"]
        lacks_pages = "pages" in sample.data and not pages
        if lacks_text or (lacks_pages and not self.is_upstream):
            return {"text": "", "status": "no_document", "reason": "the report is not there"}
        text = self._upstream(sample) if self.is_upstream else self._own(sample)
        answer = answer_of((yield Request(Part.TARGET, (Turn("user", text, images=pages),))))
        return {**answer, "right": sample.data["right"]}

    def _own(self, sample: Sample) -> str:
        text = sample.data.get("text")
        report = (
            f"<report>\n{text}\n</report>" if text else "The report is in the images, page by page."
        )
        form = OwnPrompts().form(self.name, "ask")
        shown = self._choice(sample).shown()
        return form.fill(report=report, question=sample.data["question"], options=shown)

    def _upstream(self, sample: Sample) -> str:
        form = self.prompts.form(self.name, _FORM)
        asked = form.fill(question=sample.data["question"], options=sample.data["options"])
        if "text" not in sample.data:
            return asked
        around = self.prompts.form(self.name, f"{_FORM}#2")
        return around.fill(context=sample.data["text"], prompt=asked)

    def _choice(self, sample: Sample) -> Choice:
        options, right = sample.data["options"], sample.data["right"]
        assert isinstance(options, list)
        assert isinstance(right, list)
        places = right_places(options, right) or frozenset()
        return shuffled(options, places, f"{self.options.seed}:{sample.id}:{sample.nth}")

    def score(self, sample: Sample, answer: Data, judgement: Data) -> Score:
        """Exact agreement and overlap, beside what chance gives."""
        if answer["status"] == "no_document":
            return unscored("no_document", str(answer["reason"]))
        if self.is_upstream:
            right = answer["right"]
            assert isinstance(right, list)
            text = text_upstream(answer)
            return score_upstream(unboxed(text) if text else "", right)
        return score_choice(self._choice(sample), answer)

    def upstream_stats(self, scored: Sequence[Scored], model: str) -> object:
        """Per model, report and source."""
        return stats_upstream(scored, model, _SLICES)


def _modality(settings: Mapping[str, str]) -> str:
    modality = settings.get("modality", "text")
    if modality not in MODALITIES:
        raise ConfigError(
            f"threat_intel_reasoning has no modality {modality!r}",
            hint=f"known: {', '.join(MODALITIES)}",
        )
    return modality


def _pages(sample: Sample) -> tuple[Image, ...]:
    pages = sample.data.get("pages", [])
    if not isinstance(pages, list):
        raise InputError(f"case {sample.id}: 'pages' is not a list of images in Base64")
    try:
        return tuple(Image("image/png", b64decode(page, validate=True)) for page in pages)
    except (Base64Error, TypeError, ValueError) as error:
        raise InputError(f"case {sample.id}: a page is not Base64: {error}") from error
