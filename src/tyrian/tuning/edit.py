"""Puts values and comments into the text of a stack file; every other byte of it stays.

The file is not written anew from its data: the places of the values are looked up in its text, and
only these change. So comments, order, quotes and blank lines of the rest are what they were.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.nodes import MappingNode, ScalarNode, SequenceNode

MARK = "tuned:"
"""Begins the comments that are ours; the next tuning replaces them."""
_OURS = re.compile(rf"\s*# {MARK}[^#\n]*")
_REMARK = re.compile(r"(?<=\s)#[^\n]*\S")
_PLAIN = re.compile(r"[A-Za-z_][\w.-]*\Z")
Path = Sequence[str | int]
Node = Any
"""A node of ruamel, whose attributes have no types."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A value as YAML text, and the comment beside it."""

    value: str
    comment: str = ""

    @property
    def remark(self) -> str:
        """The comment as it stands in the file, empty where there is none."""
        return f"  # {MARK} {self.comment.replace('#', '')}" if self.comment else ""


def put(text: str, path: Path, key: str, entries: Mapping[str, Entry], default: str) -> str:
    """The text with `entries` in the mapping `key` of the mapping at `path`.

    A single number that stands there becomes the entry `default`; other entries stay.
    """
    owner = _at(_root(text), path)
    value = _value(owner, key)
    if owner.flow_style or (value is not None and _spans(text, value)):
        return _put_flow(text, owner, value, key, entries, default)
    if isinstance(value, MappingNode) and not value.flow_style:
        return _put_lines(text, value, entries)
    return _put_block(text, owner, value, key, entries, default)


def _root(text: str) -> Node:
    return YAML(typ="safe", pure=True).compose(text)


def _at(node: Node, path: Path) -> Node:
    for step in path:
        is_list = isinstance(node, SequenceNode)
        node = node.value[step] if is_list else _value(node, str(step))
    return node


def _value(owner: Node, key: str) -> Node:
    return next((value for name, value in owner.value if name.value == key), None)


def _end(node: Node) -> int:
    """The index behind the last character of a value.

    The mark of a block collection lies at the token after it, beyond comments and line breaks.
    """
    if isinstance(node, ScalarNode) or node.flow_style or not node.value:
        return int(node.end_mark.index)
    last = node.value[-1]
    return _end(last[1] if isinstance(node, MappingNode) else last)


def _spans(text: str, value: Node) -> bool:
    """True for a flow collection that takes several lines."""
    is_flow = not isinstance(value, ScalarNode) and bool(value.flow_style)
    return is_flow and "\n" in text[value.start_mark.index : _end(value)]


def _known(text: str, value: Node, default: str) -> dict[str, Entry]:
    """The entries that stand there, as they are written."""
    if value is None:
        return {}
    if isinstance(value, ScalarNode):
        return {default: Entry(_source(text, value))} if value.value else {}
    return {name.value: Entry(_source(text, one)) for name, one in value.value}


def _source(text: str, node: Node) -> str:
    return text[node.start_mark.index : _end(node)].strip()


def _name(label: str) -> str:
    return (
        label
        if _PLAIN.match(label)
        else '"' + label.replace("\\", "\\\\").replace('"', '\\"') + '"'
    )


def _lines(entries: Mapping[str, Entry], indent: str) -> str:
    return "".join(f"{indent}{_name(k)}: {e.value}{e.remark}\n" for k, e in entries.items())


def _line_end(text: str, index: int) -> int:
    end = text.find("\n", index)
    return len(text) if end < 0 else end


def _after_line(text: str, index: int, lines: str) -> str:
    """The text with these lines behind the line in which the index lies."""
    end = _line_end(text, index)
    head = text[:end] + "\n" if end == len(text) else text[: end + 1]
    return head + lines + text[end + 1 :]


def _put_block(
    text: str,
    owner: Node,
    value: Node,
    key: str,
    entries: Mapping[str, Entry],
    default: str,
) -> str:
    """Below `name`, or in the place of a value on one line, a mapping with a line per entry."""
    column = owner.value[0][0].start_mark.column
    inner = " " * (column + 2)
    lines = _lines({**_known(text, value, default), **entries}, inner)
    if value is not None:
        start, end = value.start_mark.index, _end(value)
        head = text[:start].rstrip(" ") if text[start:end].strip() else text[:start]
        rest = text[end:]
        return _after_line(head + rest, len(head) - 1, lines)
    name = _value(owner, "name") or owner.value[0][1]
    return _after_line(text, name.end_mark.index - 1, f"{' ' * column}{key}:\n{lines}")


def _put_lines(text: str, value: Node, entries: Mapping[str, Entry]) -> str:
    """Change the lines of a block mapping, and add the ones that are missing at its end."""
    edits: list[tuple[int, int, str]] = []
    there = {name.value: (name, one) for name, one in value.value}
    last = _end(value)
    column = value.value[0][0].start_mark.column
    new = {label: entry for label, entry in entries.items() if label not in there}
    for label, entry in entries.items():
        if label not in there:
            continue
        name, one = there[label]
        start, end, gap = one.start_mark.index, _end(one), ""
        if not (isinstance(one, ScalarNode) or one.flow_style):
            # The lines of a list may begin in the column of its key, where a value may not.
            start, gap = text.index(":", name.end_mark.index) + 1, " "
        line_end = _line_end(text, end)
        remarks = _REMARK.findall(_OURS.sub("", text[start:end]))
        rest = "  ".join([*remarks, _OURS.sub("", text[end:line_end]).strip()]).strip()
        with_what = gap + entry.value + entry.remark + (f"  {rest}" if rest else "")
        edits.append((start, line_end, with_what))
    if new:
        text = _after_line(text, max(last - 1, 0), _lines(new, " " * column))
    for start, end, with_what in sorted(edits, reverse=True):
        text = text[:start] + with_what + text[end:]
    return text


def _put_flow(
    text: str,
    owner: Node,
    value: Node,
    key: str,
    entries: Mapping[str, Entry],
    default: str,
) -> str:
    """Inside braces: a mapping over several lines, so that each entry has its comment."""
    all_entries = {**_known(text, value, default), **entries}
    at = value.start_mark if value is not None else owner.start_mark
    line = text[text.rfind("\n", 0, at.index) + 1 : at.index]
    base = " " * (len(line) - len(line.lstrip(" ")) + 4)
    rows = [
        f"{base}  {_name(k)}: {e.value}{',' if n < len(all_entries) else ''}{e.remark}\n"
        for n, (k, e) in enumerate(all_entries.items(), 1)
    ]
    block = "{\n" + "".join(rows) + base + "}"
    if value is not None:
        return text[: value.start_mark.index] + block + text[value.end_mark.index :]
    name = _value(owner, "name") or owner.value[0][1]
    place = name.end_mark.index
    return f"{text[:place]}, {key}: {block}{text[place:]}"
