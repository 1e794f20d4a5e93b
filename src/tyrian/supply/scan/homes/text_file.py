"""Texts of a model directory: configurations and templates; text that nothing runs is clean."""

from collections.abc import Iterator

from tyrian.supply.scan.finding import Collector
from tyrian.supply.scan.homes.keras_config import check_keras
from tyrian.supply.scan.homes.template import check_template
from tyrian.supply.scan.sniff import extension
from tyrian.supply.scan.source import Source
from tyrian.supply.scan.strict_json import JsonError, decode

_MOST = 64 << 20
_ENDINGS = "py pyw sh bash zsh ps1 bat cmd ipynb js rb pl lua c cc cpp cu so"
_CODE = frozenset(_ENDINGS.split())
_REMOTE = {
    "auto_map": "it has classes loaded from Python files",
    "custom_pipelines": "it has pipelines loaded from Python files",
    "_target_": "it names a callable that Hydra calls with arguments from the file",
}


def scan_text(source: Source, report: Collector, name: str) -> None:
    """What a text says that loaders act on."""
    kind = extension(name)
    head = source.read_at(0, 2)
    if kind in _CODE or head == b"#!":
        report.add("not-examined", 0, "it is code, which this scan does not read")
    elif kind in ("json", "jinja"):
        if source.size > _MOST:
            report.add("not-examined", 0, f"it is longer than {_MOST >> 20} MiB")
        elif kind == "jinja":
            check_template(source.read_at(0, source.size).decode("utf-8", "replace"), report)
        else:
            _scan_json(source.read_at(0, source.size), report)


def _scan_json(data: bytes, report: Collector) -> None:
    try:
        value = decode(data)
    except JsonError as error:
        report.add("json-malformed", error.offset, f"it {error}")
        return
    if b'"class_name"' in data:
        check_keras(value, report, _place(data, "class_name"))
    for path, key, found in _walk(value):
        if key in _REMOTE and found:
            report.add("config-remote-code", _place(data, key), f"{path}: {_REMOTE[key]}")
        elif key == "trust_remote_code" and found is True:
            report.add("config-remote-code", _place(data, key), f"{path}: it allows remote code")
        elif "template" in key:
            for text in _templates(found):
                check_template(text, report.inside(path))


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
    """Every key with its path and value, however deep."""
    stack: list[tuple[str, object]] = [("", value)]
    while stack:
        path, one = stack.pop()
        if isinstance(one, dict):
            for key, inner in one.items():
                place = f"{path}.{key}" if path else key
                yield place, key, inner
                if isinstance(inner, dict | list):
                    stack.append((place, inner))
        elif isinstance(one, list):
            stack.extend((f"{path}[]", inner) for inner in one if isinstance(inner, dict | list))


def _place(data: bytes, key: str) -> int:
    return max(0, data.find(f'"{key}"'.encode()))
