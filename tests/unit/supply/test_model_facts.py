"""What files mean is told of every file, however broken, and always fits into a lock."""

from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.corpus.supply.malicious import all_entries

from tyrian.supply.lock.facts import facts_of, is_meaningful
from tyrian.supply.lock.lock import LockedModel, ModelsLock, encode, parse


def fits(facts: dict[str, str]) -> bool:
    """Whether a lock with these facts can be written and read."""
    model = LockedModel(name="x", approver="a", approved_at="t", files=(), facts={"f": facts})
    return parse(encode(ModelsLock(models=(model,)))).models[0].facts == {"f": facts}


def test_facts_of_every_hostile_file_fit_into_a_lock(tmp_path: Path) -> None:
    count = 0
    for number, (_, name, data) in enumerate(all_entries()):
        path = tmp_path / str(number)
        path.write_bytes(data)
        for suffix in ("", ".json", ".safetensors", ".yaml", ".jinja"):
            if is_meaningful(name + suffix):
                assert fits(facts_of(str(path), name + suffix))
                count += 1
    assert count > 500


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.binary(max_size=200), suffix=st.sampled_from([".json", ".yaml", ".safetensors"]))
def test_facts_of_any_bytes_fit_into_a_lock(tmp_path: Path, data: bytes, suffix: str) -> None:
    path = tmp_path / "file"
    path.write_bytes(data)
    assert fits(facts_of(str(path), "x" + suffix))


def told(tmp_path: Path, name: str, data: bytes) -> dict[str, str]:
    path = tmp_path / "file"
    path.write_bytes(data)
    return facts_of(str(path), name)


def test_names_that_are_no_text_are_told_apart(tmp_path: Path) -> None:
    facts = told(tmp_path, "x.json", rb'{"\ud800": 1, "\ud801": 2, "a\u0000": 3}')
    assert sorted(facts.values()) == ["1", "2", "3"]
    assert fits(facts)
    header = rb'{"\ud800": {"dtype": "\udfff", "shape": [0], "data_offsets": [0, 0]}}'
    facts = told(tmp_path, "x.safetensors", len(header).to_bytes(8, "little") + header)
    assert len(facts) == 1
    assert fits(facts)


def test_keys_of_two_types_are_two(tmp_path: Path) -> None:
    assert sorted(told(tmp_path, "x.yaml", b'1: a\n"1": b\n').values()) == ['"a"', '"b"']


def test_values_that_are_not_of_their_tag_are_told(tmp_path: Path) -> None:
    for text in (
        b"!!timestamp x",
        b"!!int x",
        b"!!float x",
        b"!!binary 5",
        b"? {}\n: 1",
        b"[1",
        b"&a [*a]",
    ):
        assert "unreadable" in told(tmp_path, "x.yaml", text), text
