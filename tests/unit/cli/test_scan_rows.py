"""Rows of `tyrian scan`: splitting, reading, writing."""

import itertools
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tyrian.cli.formats import Format, Tally, printable, writer
from tyrian.cli.output import Earlier
from tyrian.cli.result import Result, failed
from tyrian.cli.rows import Line, LineSplitter, RowError, message_of_text, read_row
from tyrian.core.decision import Effect
from tyrian.core.detection import Stage, stage_of
from tyrian.core.message import Origin
from tyrian.errors import InputError


def split(data: bytes, cuts: list[int], limit: int = 1000) -> list[Line]:
    splitter = LineSplitter(limit)
    found: list[Line] = []
    edges = [0, *sorted(cut % (len(data) + 1) for cut in cuts), len(data)]
    for start, end in itertools.pairwise(edges):
        found += splitter.feed(data[start:end])
    return [*found, *splitter.close()]


@given(st.lists(st.binary(max_size=20)), st.lists(st.integers(0, 500)), st.integers(1, 30))
def test_lines_are_the_same_wherever_the_chunks_are_cut(
    pieces: list[bytes], cuts: list[int], limit: int
) -> None:
    data = b"\n".join(pieces)
    assert split(data, cuts, limit) == split(data, [], limit)


@given(st.lists(st.binary(min_size=1, max_size=20).filter(lambda b: not set(b) & {10, 0xEF})))
def test_no_line_is_lost_and_numbers_count_empty_ones(pieces: list[bytes]) -> None:
    found = split(b"\n".join(pieces), [])
    assert [one.data for one in found] == [piece for piece in pieces if piece.strip()]
    assert all(pieces[one.number - 1] == one.data for one in found)


def test_a_byte_order_mark_is_taken_from_the_first_line_alone() -> None:
    mark = b"\xef\xbb\xbf"
    assert split(mark + b"a\n" + mark + b"b", [1]) == [Line(1, b"a"), Line(2, mark + b"b")]
    assert split(mark + b"\nb", []) == [Line(2, b"b")]


def test_a_line_over_the_limit_is_told_and_the_next_one_is_read() -> None:
    found = split(b"x" * 50 + b"\nok\n", [7, 30], limit=10)
    assert found == [Line(1, None), Line(2, b"ok")]


def row(obj: object, stage: Stage | None = None) -> object:
    return read_row(Line(7, json.dumps(obj).encode()), stage)


@pytest.mark.parametrize(
    ("data", "word"),
    [
        (b"not json", "not valid JSON"),
        (b'{"id": 1, "text": NaN}', "not valid JSON"),
        (b"[" * 100_000, "nested|JSON"),
        (b'{"a":' * 100_000, "nested|JSON"),
        (b'{"id": 1, "text": "a", "text": "b"}', "same key twice"),
        (b'{"id": 1, "text": "\xff"}', "not valid JSON"),
        (b"[1]", "object"),
        (b'{"id": 1.5, "text": "a"}', "id"),
        (b'{"id": true, "text": "a"}', "id"),
        (b'{"id": 1}', "either"),
        (b'{"id": 1, "text": "a", "messages": []}', "either"),
        (b'{"id": 1, "text": 3}', "string"),
        (b'{"id": 1, "text": "a", "stage": "outptu"}', "stage: unknown"),
        (b'{"id": 1, "text": "a", "origin": 3}', "origin: unknown"),
        (b'{"id": 1, "messages": []}', "non-empty"),
        (b'{"id": 1, "messages": [{"role": "king", "content": "x"}]}', "role"),
        (b'{"id": 1, "messages": [{"role": "system", "content": "x"}]}', "operator"),
    ],
)
def test_a_row_that_cannot_be_read_says_why(data: bytes, word: str) -> None:
    with pytest.raises(RowError, match=word):
        read_row(Line(1, data), None)


def test_an_unreadable_row_keeps_its_id() -> None:
    with pytest.raises(RowError) as caught:
        row({"id": "mine", "text": 3})
    assert caught.value.row_id == "mine"


def test_a_row_without_an_id_has_the_number_of_its_line() -> None:
    assert read_row(Line(7, b'{"text": "a"}'), None).id == 7


@pytest.mark.parametrize("stage", Stage)
def test_a_text_of_a_stage_is_a_message_that_belongs_there(stage: Stage) -> None:
    message = message_of_text("x", None, stage)
    assert stage_of(message) is stage
    assert message.text == "x"


@pytest.mark.parametrize("origin", Origin)
def test_a_text_keeps_the_origin_that_its_row_names(origin: Origin) -> None:
    assert message_of_text("x", origin, None).origin is origin


def test_each_message_is_judged_after_those_before_it() -> None:
    made = read_row(
        Line(
            1,
            json.dumps(
                {
                    "id": 1,
                    "messages": [
                        {"role": "system", "content": "s"},
                        {"role": "user", "content": "u"},
                        {"role": "assistant", "content": "a"},
                    ],
                }
            ).encode(),
        ),
        None,
    )
    assert [(s.index, s.message.text, len(s.trace)) for s in made.subjects] == [
        (1, "u", 1),
        (2, "a", 2),
    ]


def test_the_row_wins_over_the_option_for_the_stage() -> None:
    read = read_row(Line(1, b'{"text": "a", "stage": "document"}'), Stage.OUTPUT)
    assert read.subjects[0].stage is Stage.DOCUMENT
    assert read_row(Line(1, b'{"text": "a"}'), Stage.OUTPUT).subjects[0].stage is Stage.OUTPUT


RESULTS = [
    Result(1, {"id": "a", "effect": "allow", "reasons": [], "runs": [], "elapsed_s": 0.0}),
    failed(2, None, "the row is not valid JSON"),
    Result(
        3,
        {
            "id": "c\x1b[2J",
            "effect": "block",
            "reasons": [{"effect": "block", "rule": "g.x", "score": 1.0, "message": "m"}],
            "runs": [],
            "elapsed_s": 0.0,
        },
        Effect.BLOCK,
    ),
]


def written(kind: Format, results: list[Result]) -> str:
    form = writer(kind, "rows.jsonl")
    parts = [form.begin(), *(form.rows([one]) for one in results), form.end()]
    return b"".join(parts).decode()


@pytest.mark.parametrize("count", [0, 1, 3])
def test_json_is_one_array_of_all_rows(count: int) -> None:
    rows = json.loads(written(Format.JSON, RESULTS[:count]))
    assert rows == [result.row for result in RESULTS[:count]]


def test_jsonl_is_one_line_a_row() -> None:
    lines = written(Format.JSONL, RESULTS).splitlines()
    assert [json.loads(line)["id"] for line in lines] == ["a", None, "c\x1b[2J"]


@pytest.mark.parametrize("count", [0, 3])
def test_sarif_names_rules_places_and_what_failed(count: int) -> None:
    run = json.loads(written(Format.SARIF, RESULTS[:count]))["runs"][0]
    assert run["tool"]["driver"]["name"] == "Tyrian"
    assert run["invocations"][0]["executionSuccessful"] is (count == 0)
    if count:
        (result,) = run["results"]
        assert result["level"] == "error"
        assert run["tool"]["driver"]["rules"][result["ruleIndex"]]["id"] == "g.x"
        region = result["locations"][0]["physicalLocation"]["region"]
        assert region == {"startLine": 3}


def test_text_cannot_write_to_the_terminal() -> None:
    assert "\x1b" not in written(Format.TEXT, RESULTS)
    assert len(printable("x" * 1000)) == 200


def test_a_half_written_row_is_no_earlier_result(tmp_path: Path) -> None:
    path = tmp_path / "out.jsonl"
    whole = written(Format.JSONL, RESULTS)
    path.write_text(whole + '{"id": "d", "eff')
    tally = Tally()
    earlier = Earlier(path, tally)
    assert (earlier.rows, earlier.size) == (3, len(whole.encode()))
    assert tally.errors == 1
    assert tally.has_found


def test_a_file_of_something_else_is_not_resumed(tmp_path: Path) -> None:
    path = tmp_path / "out.jsonl"
    path.write_text('{"something": "else"}\n')
    with pytest.raises(InputError, match="no earlier result"):
        Earlier(path, Tally())
