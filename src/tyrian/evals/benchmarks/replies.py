"""What most benchmarks do with a reply: keep it as plain data, read a verdict from it."""

from collections.abc import Mapping

import msgspec

from tyrian.evals.benchmark import Outcome
from tyrian.evals.exchange import GREEDY, Part, Reply, Request, Turn
from tyrian.evals.sample import Data, Score, unscored

FAILED_UPSTREAM = "FAIL TO QUERY"
"""What upstream takes for the answer where there is none."""


def answer_of(outcome: Outcome) -> dict[str, object]:
    """Text, status and reason of a reply, for the log."""
    assert isinstance(outcome, Reply)
    return {"text": outcome.text, "status": outcome.status.value, "reason": outcome.reason}


def text_upstream(answer: Data) -> str:
    """The text that upstream would judge; empty where the row vanishes."""
    if answer["status"] in ("ok", "empty"):
        return str(answer["text"])
    return FAILED_UPSTREAM


def no_answer(answer: Data) -> Score | None:
    """The score of a case without an answer; None where there is one."""
    if answer["status"] == "ok":
        return None
    return unscored(str(answer["status"]), str(answer["reason"]))


def verdict_schema(field: str, values: tuple[str, ...]) -> Mapping[str, object]:
    """A judge's form: evidence first, then one of the values, from calmest to most alarming."""
    return {
        "type": "object",
        "properties": {
            "evidence": {"type": "string"},
            field: {"type": "string", "enum": list(values)},
        },
        "required": ["evidence", field],
        "additionalProperties": False,
    }


def to_judge(text: str, schema: Mapping[str, object] | None = None, system: str = "") -> Request:
    """A question to the judge, answered with the likeliest words."""
    head = (Turn("system", system),) if system else ()
    return Request(Part.JUDGE, (*head, Turn("user", text)), GREEDY, schema or {})


def read_verdict(judgement: Mapping[str, object], field: str, values: tuple[str, ...]) -> str:
    """The judge's value; empty where it is none of those that were offered."""
    if judgement.get("status") != "ok":
        return ""
    value = json_object(str(judgement["text"])).get(field)
    return value if isinstance(value, str) and value in values else ""


def judge_missing(judgement: Mapping[str, object]) -> Score:
    """The score of a case whose judge said nothing that can be read."""
    if judgement.get("status") != "ok":
        return unscored(f"judge_{judgement.get('status', 'missing')}")
    return unscored("judge_unclear", str(judgement["text"])[:200])


def json_object(text: str) -> Mapping[str, object]:
    """A JSON object, bare or in one fence; empty where the text is anything else."""
    inner = text.strip().removeprefix("```json").removeprefix("```").removesuffix("```")
    try:
        read = msgspec.json.decode(inner)
    except (msgspec.DecodeError, UnicodeEncodeError, RecursionError):
        return {}
    return read if isinstance(read, dict) else {}
