"""A model card as it is written: front matter and sections, in the author's own words.

Source: https://huggingface.co/docs/hub/model-cards and the template of `huggingface_hub`.
"""

import re
from collections.abc import Iterator, Mapping

import yaml

from tyrian.supply.aibom.parts import Card, Metric

LONGEST_CARD = 1 << 20
_LONGEST_FRONT = 1 << 18
_LONGEST_TEXT = 1500
"""Characters of a section that are kept."""
_MOST = 200
"""Entries of a list that are kept."""
_HEADING = re.compile(r"^#{1,6}[ \t]+(.+?)[ \t#]*$", re.MULTILINE)
_PLACEHOLDER = re.compile(r"\[?more information needed\]?|<!--.*?-->", re.IGNORECASE | re.DOTALL)
_FENCE = re.compile(r"^(```|~~~).*?^\1[ \t]*$", re.MULTILINE | re.DOTALL)
_LIMITATIONS = ("limitation", "out-of-scope", "out of scope", "known issues")
_RISKS = ("bias", "risk", "ethic", "safety", "misuse")
_USES = ("intended use", "direct use", "downstream use", "use case", "uses")
_USERS = ("intended users", "users", "audience")


def read_card(text: str) -> Card:
    """The card of a README; empty where the text has neither front matter nor known sections."""
    front, body = _parted(text)
    told = _front(front)
    licence = _text(told.get("license"))
    if licence.lower() in ("", "other"):
        licence = _text(told.get("license_name")) or licence
    users, uses, limitations, risks = _considerations(body)
    return Card(
        task=_text(told.get("pipeline_tag")),
        library=_text(told.get("library_name")),
        licence=licence,
        licence_url=_address(_text(told.get("license_link"))),
        languages=_texts(told.get("language")),
        tags=_texts(told.get("tags")),
        datasets=_texts(told.get("datasets")),
        base_models=_texts(told.get("base_model")),
        metrics=tuple(_metrics(told.get("model-index")))[:_MOST],
        users=users,
        uses=uses,
        limitations=limitations,
        risks=risks,
    )


def _parted(text: str) -> tuple[str, str]:
    text = text.removeprefix("\ufeff").replace("\r\n", "\n")
    if not text.startswith("---\n"):
        return "", text
    front, mark, body = text[4:].partition("\n---")
    return (front, body.partition("\n")[2]) if mark else ("", text)


def _front(front: str) -> Mapping[str, object]:
    """The front matter; nothing where it is no YAML, or has aliases that make much of little."""
    if not front or len(front) > _LONGEST_FRONT:
        return {}
    try:
        if any(isinstance(token, yaml.AliasToken) for token in yaml.scan(front)):
            return {}
        told = yaml.safe_load(front)
    except (yaml.YAMLError, ValueError, TypeError, LookupError, AttributeError, RecursionError):
        return {}
    return {str(key): value for key, value in told.items()} if isinstance(told, dict) else {}


def _text(value: object) -> str:
    plain = value if isinstance(value, str | int | float) and not isinstance(value, bool) else ""
    return " ".join(str(plain).split())[:_LONGEST_TEXT]


def _texts(value: object) -> tuple[str, ...]:
    rows = value if isinstance(value, list) else [value]
    return tuple(dict.fromkeys(text for one in rows[:_MOST] if (text := _text(one))))


def _address(text: str) -> str:
    return text if re.fullmatch(r"https?://[^\s<>\"{}|\\^`]+", text) else ""


def _metrics(index: object) -> Iterator[Metric]:
    """The results of `model-index`, each with the data that it was measured on."""
    for model in index if isinstance(index, list) else ():
        results = model.get("results") if isinstance(model, dict) else None
        for result in results if isinstance(results, list) else ():
            if not isinstance(result, dict):
                continue
            found = result.get("metrics")
            for metric in found if isinstance(found, list) else ():
                if isinstance(metric, dict) and (kind := _text(metric.get("type"))):
                    value = _text(metric.get("value"))
                    yield Metric(kind=kind, value=value, slice=_slice(result.get("dataset")))


def _slice(dataset: object) -> str:
    if not isinstance(dataset, dict):
        return ""
    name = _text(dataset.get("name")) or _text(dataset.get("type"))
    parts = [_text(dataset.get(key)) for key in ("config", "split")]
    told = ", ".join(part for part in parts if part)
    return f"{name} ({told})" if told and name else name or told


Texts = tuple[str, ...]


def _considerations(body: str) -> tuple[Texts, Texts, Texts, tuple[tuple[str, str], ...]]:
    users, uses, limitations = list[str](), list[str](), list[str]()
    risks: list[tuple[str, str]] = []
    for title, text in _sections(body):
        small = title.lower()
        is_limit = any(word in small for word in _LIMITATIONS)
        if any(word in small for word in _RISKS):
            risks.append((title, text))
        elif any(small.startswith(word) or small == word for word in _USERS):
            users.append(text)
        elif any(word in small for word in _USES) and "out" not in small:
            uses.append(text)
        if is_limit:
            limitations.append(text)
    return tuple(users), tuple(uses), tuple(limitations), tuple(risks)


def _sections(body: str) -> Iterator[tuple[str, str]]:
    """Title and text of each section that says something; code blocks are left out."""
    plain = _FENCE.sub("", body)
    marks = [*_HEADING.finditer(plain)]
    ends = [*(mark.start() for mark in marks[1:]), len(plain)]
    for mark, end in zip(marks, ends, strict=False):  # without a heading there is one end too many
        text = " ".join(_PLACEHOLDER.sub("", plain[mark.end() : end]).split())
        if text:
            yield mark[1].strip("*_` ")[:200], _cut(text)


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST_TEXT else text[: _LONGEST_TEXT - 2].rstrip() + " …"
