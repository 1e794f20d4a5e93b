"""Which declarations of CSS keep a text from people."""

import re

_LENGTH = re.compile(r"(-?\d*\.?\d+)\s*(px|pt|em|rem|%|vw|vh|vmax|cm|in)?$")
_RULE = re.compile(r"([^{}]+)\{([^{}]*)\}")
_COMMENT = re.compile(r"/\*.*?\*/", re.S)
_SIMPLE = re.compile(r"[a-z][a-z0-9]*|[.#][\w-]+|[a-z][a-z0-9]*[.#][\w-]+")
_TINY = {"px": 2.0, "pt": 1.5, "em": 0.15, "rem": 0.15, "%": 15.0, "": 2.0}
_FAR = 900.0
_WHITE = {"white", "#fff", "#ffffff", "rgb(255,255,255)", "rgba(255,255,255,1)"}
_CLEAR = {"transparent", "rgba(0,0,0,0)", "#0000", "#00000000"}
_PLACES = ("left", "top", "right", "bottom", "text-indent", "margin-left", "margin-top")


def declarations(style: str) -> dict[str, str]:
    """Property and value, in lower case, without `!important`."""
    found = {}
    for one in _COMMENT.sub("", style).split(";"):
        name, colon, value = one.partition(":")
        if colon:
            found[name.strip().lower()] = value.replace("!important", "").strip().lower()
    return found


def concealment(style: dict[str, str]) -> tuple[str, bool] | None:
    """How declarations hide a text, and whether that is a trick; None where they do not."""
    if style.get("display") == "none":
        return "display: none", False
    if style.get("visibility") in ("hidden", "collapse"):
        return f"visibility: {style['visibility']}", False
    if (opacity := _number(style.get("opacity", ""))) is not None and opacity[0] <= 0.05:
        return "opacity of nothing", True
    size = _number(style.get("font-size", ""))
    if size is not None and size[0] < _TINY.get(size[1], 0.0):
        return f"letters of {style['font-size']}", True
    for place in _PLACES:
        at = _number(style.get(place, ""))
        if at is not None and abs(at[0]) >= _FAR and at[1] in ("px", "", "em", "%", "pt"):
            return f"outside of the page ({place})", False
    return _colour(style)


def _colour(style: dict[str, str]) -> tuple[str, bool] | None:
    colour = style.get("color", "").replace(" ", "")
    ground = (style.get("background-color") or style.get("background", "")).replace(" ", "")
    if colour in _CLEAR:
        return "letters without a colour", True
    if colour in _WHITE and (not ground or ground in _WHITE):
        return "white on white", True
    if colour and colour == ground:
        return "letters in the colour of the ground", True
    return None


def _number(value: str) -> tuple[float, str] | None:
    found = _LENGTH.match(value)
    return (float(found[1]), found[2] or "") if found else None


def sheet(text: str) -> dict[str, dict[str, str]]:
    """The rules of a style sheet whose selector is one tag, class or id."""
    rules: dict[str, dict[str, str]] = {}
    for found in _RULE.finditer(_COMMENT.sub("", text)):
        for selector in found[1].lower().split(","):
            name = selector.strip()
            if _SIMPLE.fullmatch(name):
                rules.setdefault(name, {}).update(declarations(found[2]))
    return rules
