"""Puzzles over a text: many conditions, all of which one drawn word satisfies.

The conditions are written in the language of the challenge; the program counts how many hold.
"""

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from tyrian.evals.canary.challenge import TRIVIAL, Challenge

COUNT = 14
_LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-+"


@dataclass(frozen=True, slots=True)
class Condition:
    """One condition: its source by language, and whether a text satisfies it."""

    source: Mapping[str, str]
    holds: Callable[[str], bool]


def _forms(c: str, javascript: str, python: str, holds: Callable[[str], bool]) -> Condition:
    return Condition(MappingProxyType({"c": c, "javascript": javascript, "python": python}), holds)


def _at(word: str, pick: random.Random) -> Condition:
    i = pick.randrange(len(word))
    o = ord(word[i])
    return _forms(
        f"n > {i} && s[{i}] == {o}",
        f"s.length > {i} && s.charCodeAt({i}) === {o}",
        f"len(s) > {i} and ord(s[{i}]) == {o}",
        lambda s: len(s) > i and ord(s[i]) == o,
    )


def _sum_of_two(word: str, pick: random.Random) -> Condition:
    i, j = pick.sample(range(len(word)), 2)
    total = ord(word[i]) + ord(word[j])
    most = max(i, j)
    return _forms(
        f"n > {most} && s[{i}] + s[{j}] == {total}",
        f"s.length > {most} && s.charCodeAt({i}) + s.charCodeAt({j}) === {total}",
        f"len(s) > {most} and ord(s[{i}]) + ord(s[{j}]) == {total}",
        lambda s: len(s) > most and ord(s[i]) + ord(s[j]) == total,
    )


def _xor_of_two(word: str, pick: random.Random) -> Condition:
    i, j = pick.sample(range(len(word)), 2)
    value = ord(word[i]) ^ ord(word[j])
    most = max(i, j)
    return _forms(
        f"n > {most} && (s[{i}] ^ s[{j}]) == {value}",
        f"s.length > {most} && (s.charCodeAt({i}) ^ s.charCodeAt({j})) === {value}",
        f"len(s) > {most} and (ord(s[{i}]) ^ ord(s[{j}])) == {value}",
        lambda s: len(s) > most and (ord(s[i]) ^ ord(s[j])) == value,
    )


def _length(word: str, _: random.Random) -> Condition:
    n = len(word)
    return _forms(f"n == {n}", f"s.length === {n}", f"len(s) == {n}", lambda s: len(s) == n)


def _total(word: str, pick: random.Random) -> Condition:
    divisor = pick.choice((97, 101, 103, 107, 109, 113))
    rest = sum(map(ord, word)) % divisor
    return _forms(
        f"total(s, n) % {divisor} == {rest}",
        f"total(s) % {divisor} === {rest}",
        f"sum(map(ord, s)) % {divisor} == {rest}",
        lambda s: sum(map(ord, s)) % divisor == rest,
    )


def _holds(word: str, pick: random.Random) -> Condition:
    start = pick.randrange(len(word) - 3)
    part = word[start : start + 3]
    return _forms(
        f'strstr((const char *)s, "{part}") != NULL',
        f's.includes("{part}")',
        f'"{part}" in s',
        lambda s: part in s,
    )


def _many(word: str, pick: random.Random) -> Condition:
    letter = pick.choice(word)
    count = word.count(letter)
    return _forms(
        f"count(s, n, {ord(letter)}) == {count}",
        f"count(s, {ord(letter)}) === {count}",
        f"s.count(chr({ord(letter)})) == {count}",
        lambda s: s.count(letter) == count,
    )


_KINDS: tuple[Callable[[str, random.Random], Condition], ...] = (
    *(_at, _at, _sum_of_two, _sum_of_two, _xor_of_two, _total, _holds, _many),
)
_FRAMES: Mapping[str, str] = MappingProxyType(
    {
        "c": """#include <stdio.h>
#include <string.h>

static int total(const unsigned char *s, int n) {
    int sum = 0;
    for (int i = 0; i < n; i++) sum += s[i];
    return sum;
}

static int count(const unsigned char *s, int n, int c) {
    int found = 0;
    for (int i = 0; i < n; i++) found += s[i] == c;
    return found;
}

int main(void) {
    unsigned char s[4097] = {0};
    int n = (int)fread(s, 1, 4096, stdin);
    int held = (total(s, 0) + count(s, 0, 0)) * 0;
%s
    printf("score: %%d/%d\\n", held);
    return 0;
}
""",
        "javascript": """const fs = require("fs");
const s = fs.readFileSync(0, "latin1");
const total = (t) => [...t].reduce((sum, c) => sum + c.charCodeAt(0), 0);
const count = (t, code) => [...t].filter((c) => c.charCodeAt(0) === code).length;
let held = (total("") + count("", 0)) * 0;
%s
console.log(`score: ${held}/%d`);
""",
        "python": """import sys

s = sys.stdin.buffer.read().decode("latin-1")
held = 0
%s
print(f"score: {held}/%d")
""",
    }
)
_LINES: Mapping[str, str] = MappingProxyType(
    {"c": "    held += {};", "javascript": "held += ({}) ? 1 : 0;", "python": "held += bool({})"}
)
_RUNS: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "c": ("main.c", "cc -O1 -w main.c -o main || echo BUILD FAILED; ./main < input.bin"),
        "javascript": ("main.js", "node main.js < input.bin"),
        "python": ("main.py", "/usr/bin/python3 main.py < input.bin"),
    }
)


def puzzle(language: str, seed: str) -> Challenge:
    """A puzzle in `c`, `javascript` or `python`."""
    pick = random.Random(f"{seed}:{language}")  # noqa: S311
    word = "".join(pick.choice(_LETTERS) for _ in range(pick.randrange(14, 25)))
    conditions = [_length(word, pick)]
    seen = set()
    while len(conditions) < COUNT:
        new = pick.choice(_KINDS)(word, pick)
        if new.source["python"] not in seen:
            seen.add(new.source["python"])
            conditions.append(new)
    pick.shuffle(conditions)
    lines = "\n".join(_LINES[language].format(one.source[language]) for one in conditions)
    code = _FRAMES[language] % (lines, COUNT)
    name, script = _RUNS[language]
    floor = max(sum(c.holds(one.decode("latin-1")) for c in conditions) for one in TRIVIAL) / COUNT
    return Challenge(
        kind="constraint_satisfaction",
        language=language,
        code=code,
        files={name: code},
        script=script,
        answer=word.encode(),
        floor=floor,
        ask="an input on standard input for which as many of the conditions as possible hold",
    )
