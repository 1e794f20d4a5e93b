"""The interpreter of pickles: what it follows, and that it never gives up by raising."""

import io
import pickle
import pickletools
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from tyrian.supply.scan.finding import Collector, ScanFinding
from tyrian.supply.scan.pickles.machine import Machine
from tyrian.supply.scan.source import spooled


def followed(data: bytes) -> tuple[int | None, list[ScanFinding]]:
    """Where the first pickle of these bytes ends, and what was found in it."""
    report = Collector("x")
    with spooled([data], 1 << 30) as source:
        end = Machine(source, report).run()
    return end, report.findings


DATA = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(max_size=400),
    lambda inner: (
        st.lists(inner)
        | st.dictionaries(st.text(max_size=9), inner)
        | st.tuples(inner, inner)
        | st.frozensets(st.integers() | st.text(max_size=5))
    ),
    max_leaves=30,
)


@given(DATA, st.integers(0, 5))
@settings(max_examples=300)
def test_data_of_any_protocol_is_clean_and_ends_where_it_ends(value: object, version: int) -> None:
    data = pickle.dumps(value, version)
    assert followed(data) == (len(data), [])
    assert followed(pickletools.optimize(data)) == (len(pickletools.optimize(data)), [])


@given(st.binary(max_size=300))
@settings(max_examples=500)
def test_any_bytes_end_in_an_end_or_a_finding(data: bytes) -> None:
    end, findings = followed(data)
    assert end is not None or findings


@given(DATA, st.integers(2, 5), st.data())
@settings(max_examples=150)
def test_a_pickle_that_breaks_off_anywhere_is_a_finding(
    value: object, version: int, data: st.DataObject
) -> None:
    whole = pickle.dumps(value, version)
    cut = data.draw(st.integers(0, len(whole) - 1))
    end, findings = followed(whole[:cut])
    assert end is None
    assert findings


OPCODES = [ord(one.code) for one in pickletools.opcodes]


@given(st.lists(st.sampled_from(OPCODES) | st.integers(0, 255), max_size=60).map(bytes))
@settings(max_examples=500)
def test_whatever_python_would_load_the_machine_follows_to_the_same_end(data: bytes) -> None:
    """A pickle that names nothing is loaded for comparison: both agree that it can be."""

    class Refusing(pickle._Unpickler):
        """The one in Python, whose memo does not grow to the greatest number that is used."""

        def find_class(self, module: str, name: str) -> object:
            raise pickle.UnpicklingError("names something")

    stream = io.BytesIO(data + b".")
    try:
        Refusing(stream).load()
    except Exception:  # noqa: BLE001  # broken pickles raise nearly anything
        return
    end, findings = followed(data + b".")
    assert findings or end == stream.tell()


def test_strings_across_the_borders_of_what_is_read_at_a_time_are_whole(tmp_path: Path) -> None:
    for padding in range(262_000, 262_200, 7):
        inner = pickle.dumps("x" * 40, 4)
        value = [b"a" * padding, {"os": "system"}, inner]
        data = pickle.dumps(value, 4)
        assert followed(data) == (len(data), [])
        evil = data[:-1] + b"\x8c\x02os\x8c\x06system\x93."
        assert "pickle-dangerous-global" in {one.rule for one in followed(evil)[1]}


def test_names_are_found_after_more_texts_than_are_kept() -> None:
    texts = [f"word{i}" for i in range(40_000)] + [f"Word{i}" for i in range(40_000)]
    data = pickle.dumps(texts, 4)[:-1]
    late = b"\x8c\x02os\x94\x8c\x06system\x940" + b"\x93."
    assert {one.rule for one in followed(data + late)[1]} >= {"pickle-computed-name"} or any(
        one.rule == "pickle-dangerous-global" for one in followed(data + late)[1]
    )


def rows(count: int) -> list[dict[str, object]]:
    """Rows as tokenizers and optimizers keep them: enough to be passed over as a whole."""
    return [
        {f"k{i % 50}": [i, i / 7, f"s{i}"], "t": (i, -i), "n": [None, {}]} for i in range(count)
    ]


def test_containers_that_are_passed_over_leave_the_memo_as_a_loader_has_it() -> None:
    value = [rows(9_000), "os", "system"]
    data = pickle.dumps(value, 4)
    assert followed(data) == (len(data), [])
    places = [at or 0 for op, _, at in pickletools.genops(data) if op.name == "MEMOIZE"]
    texts = {data[at - 2 : at]: n for n, at in enumerate(places)}
    system = next(n for n, at in enumerate(places) if data[:at].endswith(b"\x06system"))
    os = texts[b"os"]
    late = b"".join(b"j" + n.to_bytes(4, "little") for n in (os, system))
    evil = data[:-1] + late + b"\x93)R."
    assert "pickle-dangerous-global" in {one.rule for one in followed(evil)[1]}


def test_names_among_containers_that_are_passed_over_are_found() -> None:
    class Evil:
        def __reduce__(self) -> tuple[object, ...]:
            import os

            return os.system, ("true",)

    for number in (0, 4_000, 8_999):
        value: list[object] = [*rows(9_000)]
        value.insert(number, {"a": [1, [2, {"b": Evil()}]]})
        found = followed(pickle.dumps(value, 4))[1]
        assert [one.rule for one in found] == ["pickle-dangerous-global"]


def test_attributes_that_python_calls_are_found_behind_many_containers() -> None:
    data = b"\x80\x04cbuiltins\nset\n)R" + pickle.dumps(rows(9_000), 4)[11:-1]
    data += b"0}\x8c\x0c__setstate__K\x01sb."
    assert "pickle-special-attribute" in {one.rule for one in followed(data)[1]}
