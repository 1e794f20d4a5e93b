"""The JSON object in what a model wrote."""

from collections.abc import Mapping
from typing import Any

import msgspec


def read_object(said: str) -> Mapping[str, Any]:
    """The JSON object in what a model wrote, fenced or not; empty where there is none."""
    start, end = said.find("{"), said.rfind("}")
    if start < 0 or end < start:
        return {}
    try:
        read = msgspec.json.decode(said[start : end + 1])
    except (msgspec.DecodeError, UnicodeEncodeError, RecursionError):
        return {}
    return read if isinstance(read, dict) else {}
