"""What is known of the room for a write, in C and C++."""

import pytest

from tyrian.detectors.code_shield.engine import Engine
from tyrian.detectors.code_shield.loader import parse

OWN = """
language: c
rules:
  - id: write
    cwe: CWE-120
    severity: high
    profile: block
    message: there may be too little room
    any:
      - call: [strcpy]
        room: {{into: 0, text: 1, is: [{room}]}}
      - call: [sprintf]
        room: {{into: 0, format: 1, is: [{room}]}}
      - call: [fgets]
        room: {{into: 0, count: 1, is: [{room}]}}
      - call: [memcpy]
        room: {{into: 0, count: 2, is: [{room}]}}
      - call: [sscanf]
        room: {{into: 2, scan: 1, is: [{room}]}}
      - call: [strcat]
        room: {{into: 0, append: 1, is: [{room}]}}
    good: []
    bad: []
"""
ENGINES = {
    room: Engine([parse(OWN.format(room=room))], builtin=False)
    for room in ("enough", "unknown", "less")
}


def room_of(code: str) -> str:
    [found] = [room for room, engine in ENGINES.items() if engine.scan(code, "c").findings]
    return found


@pytest.mark.parametrize(
    "code",
    [
        'char b[12]; sprintf(b, "%d", n);',
        'char b[20]; sscanf(s, "%19s", b);',
        'char b[32]; sprintf(b, "%.16g", x);',
        'char a[4], b[12]; sprintf(b, "%d", n);',
        'char b[2][9], c[40]; sprintf(c, "%d-%d", n, m);',
        'char b[16]; sprintf(b, "%.10s", s);',
        'char b[16]; sprintf(b, "%s", "abc");',
        'char b[16]; sprintf(b, "%c%%\\n", c);',
        "char b[64]; fgets(b, 64, f);",
        "#define N 64\nchar b[N + 1]; fgets(b, N, f);",
        'char b[MAXLINE]; sprintf(b, "%d", n);',
        'char b[4]; strcpy(b, "abc");',
        'char b[4]; strcpy(&b[0], "a\\n\\x41");',
        "p = malloc(strlen(s) + 1); strcpy(p, s);",
        'char s[] = "abc"; char b[4]; strcpy(b, s);',
        "char s[8], b[8]; strcpy(b, s);",
        'char s[8], b[16]; sprintf(b, "<%s>", s);',
        'char *p = (char *) xmalloc(strlen(s) + 4); sprintf(p, "%s.gz", s);',
        "size_t n = strlen(s) + 1; p = malloc(n); strcpy(p, s);",
        "p = malloc(16); memcpy(p, s, 16);",
        "uint8_t b[16]; memcpy(b, s, 0x10);",
        "wchar_t b[16]; memcpy(b, s, 64);",
    ],
)
def test_a_write_that_fits_is_known_to_fit(code: str) -> None:
    assert room_of(code) == "enough"


@pytest.mark.parametrize(
    "code",
    [
        'char b[3]; strcpy(b, "abc");',
        'char b[3]; strcat(b, "abc");',
        'char b[20]; sscanf(s, "%20s", b);',
        'char a[9], b[9]; sscanf(s, "%8s %d %*s %12[^,]", a, &n, b);',
        'char b[8]; sprintf(b, "%s", "much longer than that");',
        'char b[8]; sprintf(b, "value of %d", n);',
        "char b[64]; fgets(b, 128, f);",
        "#define N 64\nchar b[N]; memcpy(b, s, 65);",
        'p = malloc(4); strcpy(p, "abcdef");',
    ],
)
def test_a_write_that_cannot_fit_is_known_not_to(code: str) -> None:
    assert room_of(code) == "less"


@pytest.mark.parametrize(
    "code",
    [
        'char b[8]; sprintf(b, "%d", n);',
        "char b[64]; strcpy(b, s);",
        "char s[9], b[8]; strcpy(b, s);",
        'char b[64]; strcat(b, "abc");',
        'char b[9]; sscanf(s, "%d %s", &n, b);',
        'char b[64]; sprintf(b, "%s", s);',
        'char b[64]; sprintf(b, "%f", x);',
        'char b[64]; sprintf(b, "%*d", w, x);',
        "char b[64]; sprintf(b, format, x);",
        f'char b[MAXLINE]; strcpy(b, "{"a long text " * 6}");',
        'sprintf(p->name, "%d", n);',
        'sprintf(names[i], "%d", n);',
        "char b[64]; memcpy(b + 60, s, 32);",
        "char b[64]; memcpy(b, s, n);",
        "p = malloc(n); strcpy(p, s);",
        'void f(void) { char b[64]; }\nvoid g(char *b) { sprintf(b, "%d", n); }',
        "strcpy(b)",
        "fgets(, 3, f); fgets(",
        "char b[99999999999999999999]; fgets(b, 08, f);",
    ],
)
def test_what_the_fragment_does_not_show_is_unknown(code: str) -> None:
    assert room_of(code) == "unknown"


def test_the_width_of_a_number_counts() -> None:
    assert room_of('char b[12]; sprintf(b, "%30d", n);') == "less"
    assert room_of('char b[32]; sprintf(b, "%30d", n);') == "enough"
