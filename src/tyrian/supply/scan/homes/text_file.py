"""Texts of a model directory: configurations, templates, code; text that nothing runs is clean."""

import re
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from tyrian.supply.scan.finding import Collector
from tyrian.supply.scan.homes.card import card_faults
from tyrian.supply.scan.homes.code_kind import code_kind
from tyrian.supply.scan.homes.config_rules import file_faults, key_faults
from tyrian.supply.scan.homes.tokenizer_file import is_vocabulary, tokenizer_faults
from tyrian.supply.scan.later import Later
from tyrian.supply.scan.sniff import extension
from tyrian.supply.scan.source import Source
from tyrian.supply.scan.strict_json import JsonError, decode

if TYPE_CHECKING:
    from tyrian.supply.scan.homes.code_file import scan_code
    from tyrian.supply.scan.homes.keras_config import check_keras
    from tyrian.supply.scan.homes.template import check_template
    from tyrian.supply.scan.homes.yaml_file import scan_yaml
else:
    scan_code = Later("homes.code_file:scan_code")
    check_keras = Later("homes.keras_config:check_keras")
    check_template = Later("homes.template:check_template")
    scan_yaml = Later("homes.yaml_file:scan_yaml")

_MOST = 64 << 20
_MOST_CODE = 8 << 20
_NOTES = frozenset({"md", "markdown", "rst", "txt", "html", "htm", ""})
_WORDS = frozenset({"vocab", "tokenizer", "merges", "vocabulary", "added_tokens"})
"""Files of words, in which everything may stand."""
_REMOTE = {
    "auto_map": "it has classes loaded from Python files",
    "custom_pipelines": "it has pipelines loaded from Python files",
}
_ENTITY = re.compile(
    rb"<!ENTITY\s[^>]*(?:SYSTEM|PUBLIC|&\w+;)|<!DOCTYPE[^>\[]*(?:SYSTEM|PUBLIC)[^>]*file:"
)
_SCRIPT = re.compile(rb"<script\b|\son\w+\s*=|javascript:", re.IGNORECASE)


def scan_text(source: Source, report: Collector, name: str) -> None:
    """What a text says that loaders, or programs that read for people, act on."""
    _scan_as(source, report, name)
    if source.size <= _MOST_CODE and PurePosixPath(name).stem.lower() not in _WORDS:
        _judge(_text(source, report, _MOST_CODE), report, extension(name))


def _judge(text: str, report: Collector, kind: str) -> None:
    found: list[tuple[int, str, str]] = []
    if kind in _NOTES:
        found += ((place, "card-orders", why) for place, why in card_faults(text))
    if report.judge is not None:
        found += report.judge(text)
    for place, rule, why in found:
        line = text.count("\n", 0, place) + 1
        report.add(rule, len(text[:place].encode("utf-8", "replace")), f"line {line}: {why}")


def _scan_as(source: Source, report: Collector, name: str) -> None:
    kind = extension(name)
    head = source.read_at(0, 256)
    if code := code_kind(name, head):
        if text := _text(source, report, _MOST_CODE):
            scan_code(code, text, report, name)
    elif kind == "jinja":
        if text := _text(source, report, _MOST):
            check_template(text, report)
    elif kind in ("yaml", "yml") or PurePosixPath(name).name == "MLmodel":
        if text := _text(source, report, _MOST_CODE):
            scan_yaml(text, report)
    elif kind == "json":
        if _text(source, report, _MOST):
            _scan_json(source.read_at(0, source.size), report)
    elif head.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<"):
        _scan_markup(source, report, kind)


def _text(source: Source, report: Collector, most: int) -> str:
    if source.size > most:
        report.add("not-examined", 0, f"it is longer than {most >> 20} MiB")
        return ""
    data = source.read_at(0, source.size)
    codec = "utf-16" if data.startswith((b"\xff\xfe", b"\xfe\xff")) else "utf-8-sig"
    return data.decode(codec, "replace")


def _scan_markup(source: Source, report: Collector, kind: str) -> None:
    at = 0
    for chunk in source.chunks():
        if found := _ENTITY.search(chunk):
            report.add("xml-entity", at + found.start(), f"it declares {found[0][:80]!r}")
        if kind == "svg" and (found := _SCRIPT.search(chunk)):
            report.add("code-runs-code", at + found.start(), "an image brings a script")
        at += len(chunk)


def _scan_json(data: bytes, report: Collector) -> None:
    try:
        value = decode(data)
    except JsonError as error:
        report.add("json-malformed", error.offset, f"it {error}")
        return
    for rule, why in tokenizer_faults(value):
        report.add(rule, 0, why)
    if is_vocabulary(value):
        return
    if b'"class_name"' in data:
        check_keras(value, report, _place(data, "class_name"))
    for rule, why in file_faults(value):
        report.add(rule, 0, why)
    for path, key, found in _walk(value):
        if key in _REMOTE and found:
            report.add("config-remote-code", _place(data, key), f"{path}: {_REMOTE[key]}")
        elif key == "trust_remote_code" and found is True:
            report.add("config-remote-code", _place(data, key), f"{path}: it allows remote code")
        elif "template" in key:
            for text in _templates(found):
                check_template(text, report.inside(path))
        for rule, why in key_faults(key, found):
            report.add(rule, _place(data, key), f"{path}: {why}")


def _templates(found: object) -> Iterator[str]:
    """A template, or several by name."""
    if isinstance(found, str):
        if "{{" in found or "{%" in found:
            yield found
    elif isinstance(found, list):
        for one in found:
            yield from _templates(one.get("template") if isinstance(one, dict) else one)
    elif isinstance(found, dict):
        for one in found.values():
            yield from _templates(one)


def _walk(value: object) -> Iterator[tuple[str, str, object]]:
    """Every key with its path and value, however deep; texts in lists have the key of the list."""
    stack: list[tuple[str, str, object]] = [("", "", value)]
    while stack:
        path, name, one = stack.pop()
        if isinstance(one, dict):
            for key, inner in one.items():
                place = f"{path}.{key}" if path else key
                yield place, key, inner
                if isinstance(inner, dict | list):
                    stack.append((place, key, inner))
        elif isinstance(one, list):
            for inner in one:
                if isinstance(inner, dict | list):
                    stack.append((f"{path}[]", name, inner))
                elif isinstance(inner, str):
                    yield f"{path}[]", name, inner


def _place(data: bytes, key: str) -> int:
    return max(0, data.find(f'"{key}"'.encode()))
