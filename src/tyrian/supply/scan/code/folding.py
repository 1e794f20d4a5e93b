"""Texts that Python code puts together before it uses them, as far as they can be told."""

import ast
import base64
import binascii
import codecs

_MOST = 1 << 16


def text_of(node: ast.expr | None) -> str | None:
    """The text that an expression gives; None where it is not told by the code alone."""
    found = _value(node, 0) if node is not None else None
    if isinstance(found, bytes):
        found = found.decode("latin-1")
    return found if isinstance(found, str) and len(found) <= _MOST else None


def _value(node: ast.expr, depth: int) -> str | bytes | int | None:
    if depth > 40:
        return None
    if isinstance(node, ast.Constant):
        return node.value if isinstance(node.value, str | bytes | int) else None
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        left, right = _value(node.left, depth + 1), _value(node.right, depth + 1)
        if isinstance(left, str) and isinstance(right, str):
            return left + right
        if isinstance(left, bytes) and isinstance(right, bytes):
            return left + right
        if isinstance(left, int) and isinstance(right, int):
            return left + right
        return None
    if isinstance(node, ast.JoinedStr):
        return _joined(node.values, depth)
    if isinstance(node, ast.FormattedValue):
        return _value(node.value, depth + 1)
    if isinstance(node, ast.Subscript):
        return _turned(node, depth)
    return _called(node, depth) if isinstance(node, ast.Call) else None


def _joined(parts: list[ast.expr], depth: int) -> str | None:
    texts = [_value(one, depth + 1) for one in parts]
    if any(not isinstance(one, str) for one in texts):
        return None
    return "".join(str(one) for one in texts)


def _turned(node: ast.Subscript, depth: int) -> str | bytes | None:
    part, found = node.slice, _value(node.value, depth + 1)
    if not isinstance(part, ast.Slice) or not isinstance(found, str | bytes):
        return None
    is_back = isinstance(part.step, ast.UnaryOp) and isinstance(part.step.op, ast.USub)
    return found[::-1] if is_back and part.lower is None and part.upper is None else None


def _called(node: ast.Call, depth: int) -> str | bytes | None:
    """`chr`, `join`, `decode`, and what takes texts out of base64 or hexadecimal."""
    name = node.func.attr if isinstance(node.func, ast.Attribute) else _plain(node.func)
    if name == "join" and isinstance(node.func, ast.Attribute) and len(node.args) == 1:
        return _join(node, depth)
    given = _value(node.args[0], depth + 1) if node.args else None
    if name == "chr" and isinstance(given, int):
        return chr(given) if 0 <= given < 0x110000 else None
    if name in ("bytes", "str", "bytearray") and isinstance(given, str | bytes):
        return given
    if name in ("decode", "encode") and isinstance(node.func, ast.Attribute):
        return _coded(node.func.value, given, depth)
    try:
        if name in ("b64decode", "urlsafe_b64decode") and isinstance(given, str | bytes):
            return base64.b64decode(given)
        if name in ("fromhex", "unhexlify") and isinstance(given, str | bytes):
            return binascii.unhexlify(given)
    except (ValueError, binascii.Error):
        return None
    return None


def _coded(node: ast.expr, codec: object, depth: int) -> str | bytes | None:
    inner = _value(node, depth + 1)
    if codec == "rot13" and isinstance(inner, str):
        return codecs.encode(inner, "rot13")
    return inner if isinstance(inner, str | bytes) else None


def _join(node: ast.Call, depth: int) -> str | None:
    func, row = node.func, node.args[0]
    between = _value(func.value, depth + 1) if isinstance(func, ast.Attribute) else None
    if not isinstance(between, str):
        return None
    if isinstance(row, ast.List | ast.Tuple):
        texts = [_value(one, depth + 1) for one in row.elts]
        if all(isinstance(one, str) for one in texts):
            return between.join(str(one) for one in texts)
    if isinstance(row, ast.Call) and _plain(row.func) == "map" and len(row.args) == 2:
        return _characters(row.args[0], row.args[1], between)
    if isinstance(row, ast.GeneratorExp | ast.ListComp) and isinstance(row.elt, ast.Call):
        return _characters(row.elt.func, row.generators[0].iter, between)
    return None


def _characters(function: ast.expr, row: ast.expr, between: str) -> str | None:
    if _plain(function) != "chr" or not isinstance(row, ast.List | ast.Tuple):
        return None
    codes = [one.value for one in row.elts if isinstance(one, ast.Constant)]
    if len(codes) != len(row.elts) or any(
        type(code) is not int or not 0 <= code < 0x110000 for code in codes
    ):
        return None
    return between.join(chr(code) for code in codes if isinstance(code, int))


def _plain(node: ast.expr) -> str:
    return node.id if isinstance(node, ast.Name) else ""
