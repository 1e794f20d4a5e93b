"""Functions are found in C and C++ source whatever stands in comments, literals and macros."""

import pytest

from tyrian.evals.patching.c_function import function_at, functions_in, name_in

SOURCE = """\
#include <x.h>
#define WRAP(a) do { if (a) { \\
    f(a); } } while (0)
struct point { int x; int y; };
static const char *brace = "}{"; /* } { */
int table[] = {1, 2, 3};

/* adds */
static struct point *
add(struct point *p, int by) {
    if (by > 0) { // }
        p->x += by;
    }
    char c = '}';
    return p;
}

namespace deep {
class Box {
    int size() const { return 1; }
};
int Box::fill(std::vector<int> &v) {
    auto one = [&](int a) { return a + 1; };
    for (int i = 0; i < 3; i++) { v.push_back(one(i)); }
    return 0;
}
__attribute__((noinline)) extern "C" int last(void) { return 0; }
}
"""


def line_of(text: str) -> int:
    return SOURCE[: SOURCE.index(text)].count("\n") + 1


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("p->x += by", "add"),
        ("add(struct", "add"),
        ("static struct point *", "add"),
        ("return 1;", "size"),
        ("v.push_back", "fill"),
        ("return a + 1", "fill"),
        ("__attribute__", "last"),
    ],
)
def test_the_function_around_a_line_is_found(text: str, name: str) -> None:
    found = function_at(SOURCE, line_of(text))
    assert found is not None
    assert found.name == name
    assert SOURCE[found.start : found.end].endswith("}")


@pytest.mark.parametrize("text", ["#include", "int table", "struct point {", "class Box"])
def test_lines_outside_of_functions_have_none(text: str) -> None:
    assert function_at(SOURCE, line_of(text)) is None


def test_lines_beyond_the_end_have_none() -> None:
    assert function_at(SOURCE, 1000) is None


def test_a_whole_function_is_cut_out() -> None:
    found = next(one for one in functions_in(SOURCE) if one.name == "add")
    text = SOURCE[found.start : found.end]
    assert text.lstrip("/* ads").startswith("tatic struct point *\nadd(") or "add(" in text
    assert text.count("{") - text.count("}") <= 0
    assert name_in(text) == "add"


def test_unbalanced_text_is_no_fault() -> None:
    assert name_in("int f(void) { return 0;") == ""
    assert name_in("}}}") == ""
    assert name_in("") == ""
