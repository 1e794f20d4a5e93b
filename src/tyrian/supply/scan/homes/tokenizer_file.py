"""Tokenizers: numbers that stand for two texts, words that are rewritten, tokens that hide.

Source: https://huggingface.co/docs/tokenizers, and tokenization_utils_base.py of Transformers.
"""

import re
from collections.abc import Iterable, Iterator

from tyrian.supply.scan.homes.template_words import invisible, words

_WORD = re.compile(r"[^\W\d_]{3,}(?: [^\W\d_]+)*\Z")
_NAMED = ("bos_token", "eos_token", "unk_token", "pad_token", "sep_token", "cls_token",
          "mask_token")  # fmt: skip
_MOST_TOLD = 20
_LEAST_WORDS = 2
"""Numbers of words are told from other settings that are all numbers by how many there are."""

TokenizerFault = tuple[str, str]
"""Rule and reason."""
_COLLIDES, _REWRITES = "tokenizer-collides", "tokenizer-rewrites"


def is_vocabulary(value: object) -> bool:
    """Whether JSON holds the words of a tokenizer, which are no settings."""
    if not isinstance(value, dict):
        return False
    is_flat = len(value) > 1 and all(type(one) is int for one in value.values())
    return is_flat or _is_tokenizer(value)


def _is_tokenizer(value: dict[str, object]) -> bool:
    model = value.get("model")
    return isinstance(model, dict) and "vocab" in model


def tokenizer_faults(value: object) -> Iterator[TokenizerFault]:
    """What a tokenizer's file says: its words, its settings, or the tokens that it adds."""
    if not isinstance(value, dict):
        return
    if _is_tokenizer(value):
        yield from _tokenizer(value)
    elif is_vocabulary(value) and len(value) > _LEAST_WORDS:
        yield from _twice(value.items())
    else:
        yield from _configured(value)


def _twice(pairs: Iterable[tuple[str, object]]) -> Iterator[TokenizerFault]:
    """Two texts with one number."""
    seen: dict[int, str] = {}
    told = 0
    for text, number in pairs:
        if type(number) is not int:
            continue
        other = seen.setdefault(number, str(text))
        if other != text and told < _MOST_TOLD:
            told += 1
            yield _COLLIDES, f"{number} stands for {other[:40]!r} and for {str(text)[:40]!r}"


def _configured(value: dict[str, object]) -> Iterator[TokenizerFault]:
    yield from _named(value)
    tokens = value.get("added_tokens_decoder")
    if not isinstance(tokens, dict):
        return
    seen: dict[str, str] = {}
    for number, token in tokens.items():
        content = token.get("content") if isinstance(token, dict) else None
        if not isinstance(content, str):
            continue
        other = seen.setdefault(content, str(number))
        if other != str(number):
            yield _COLLIDES, f"{content[:40]!r} has the numbers {other[:20]} and {str(number)[:20]}"
        yield from _content(content)


def _named(value: dict[str, object]) -> Iterator[TokenizerFault]:
    for key in _NAMED:
        token = value.get(key)
        content = token.get("content") if isinstance(token, dict) else token
        if isinstance(content, str) and _WORD.match(content):
            yield _COLLIDES, f"its {key} is the word {content[:40]!r}"


def _content(content: str) -> Iterator[TokenizerFault]:
    if words(content) >= 4 and " " in content.strip():
        yield _REWRITES, f"a whole sentence is one token: {content[:80]!r}"
    elif (hidden := invisible(content)) and any(char.isalpha() for char in content):
        yield _REWRITES, f"the token {ascii(content)[:40]} hides {hidden}"


def _tokenizer(value: dict[str, object]) -> Iterator[TokenizerFault]:
    model = value.get("model")
    numbers = _vocabulary(model.get("vocab") if isinstance(model, dict) else None)
    yield from _twice(numbers.items())
    texts = {number: text for text, number in numbers.items()}
    seen: dict[str, int] = {}
    added = value.get("added_tokens")
    for token in added if isinstance(added, list) else []:
        content = token.get("content") if isinstance(token, dict) else None
        number = token.get("id") if isinstance(token, dict) else None
        if not isinstance(content, str) or type(number) is not int:
            continue
        yield from _added(content, number, numbers, texts, seen)
        yield from _content(content)
        seen[content] = number
        texts.setdefault(number, content)
    for part in ("normalizer", "pre_tokenizer", "decoder"):
        yield from _replacing(part, value.get(part))
    yield from _template(value.get("post_processor"), {**numbers, **seen})


def _added(
    content: str, number: int, numbers: dict[str, int], texts: dict[int, str], seen: dict[str, int]
) -> Iterator[TokenizerFault]:
    if texts.get(number, content) != content:
        told = f"the added token {content[:40]!r} takes {number}, which is {texts[number][:40]!r}"
        yield _COLLIDES, told
    known = seen.get(content, numbers.get(content, number))
    if known != number:
        yield _COLLIDES, f"{content[:40]!r} has the numbers {known} and {number}"


def _vocabulary(vocab: object) -> dict[str, int]:
    if isinstance(vocab, dict):
        return {str(text): one for text, one in vocab.items() if type(one) is int}
    if isinstance(vocab, list):
        rows = [row[0] for row in vocab if isinstance(row, list) and row]
        return {str(text): number for number, text in reversed(list(enumerate(rows)))}
    return {}


def _replacing(part: str, value: object) -> Iterator[TokenizerFault]:
    """Every replacement in a chain of steps."""
    stack = [value]
    while stack:
        one = stack.pop()
        if isinstance(one, list):
            stack.extend(one)
        if not isinstance(one, dict):
            continue
        stack.extend(inner for inner in one.values() if isinstance(inner, dict | list))
        if one.get("type") != "Replace":
            continue
        pattern, content = one.get("pattern"), str(one.get("content", ""))
        literal = str(pattern.get("String", "")) if isinstance(pattern, dict) else ""
        if any(len(found) >= 3 for text in (literal, content) for found in _letters(text)):
            told = f"its {part} turns {str(pattern)[:60]} into {content[:40]!r}"
            yield _REWRITES, told


def _letters(text: str) -> list[str]:
    return re.findall(r"[^\W\d_]+", text)


def _template(value: object, numbers: dict[str, int]) -> Iterator[TokenizerFault]:
    """Tokens that are put around each text, and whether they are the ones they are called."""
    stack = [value]
    while stack:
        one = stack.pop()
        if isinstance(one, list):
            stack.extend(one)
        if not isinstance(one, dict):
            continue
        stack.extend(inner for inner in one.values() if isinstance(inner, dict | list))
        ids, tokens = one.get("ids"), one.get("tokens")
        if not isinstance(ids, list) or not isinstance(tokens, list):
            continue
        for number, token in zip(ids, tokens, strict=False):
            if numbers.get(str(token), number) != number:
                told = f"{str(token)[:40]!r} is put around texts as {number}, not as its own number"
                yield _COLLIDES, told
