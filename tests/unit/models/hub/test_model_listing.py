"""What the hub and lock files say is read strictly, whatever they say."""

import contextlib
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tyrian.errors import TyrianError
from tyrian.models.hub.errors import HubError, RefusedError
from tyrian.models.hub.listing import RemoteFile, digest_of_tag, parse_listing
from tyrian.models.hub.lock import is_plain_path, parse_lock
from tyrian.models.hub.safetensors import is_safetensors
from tyrian.models.hub.selection import select

SHA = "a" * 40
json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


def listing(*siblings: object, **more: object) -> bytes:
    return json.dumps({"sha": SHA, "siblings": siblings, **more}).encode()


@given(st.binary() | json_values.map(lambda value: json.dumps(value).encode()))
def test_any_bytes_are_a_listing_or_an_error_of_ours(body: bytes) -> None:
    with contextlib.suppress(HubError):
        parse_listing("a/b", body)


@given(st.binary() | json_values.map(lambda value: json.dumps(value).encode()))
def test_any_bytes_are_a_lock_or_an_error_of_ours(body: bytes) -> None:
    with contextlib.suppress(TyrianError):
        parse_lock(body)


@given(json_values)
def test_no_metadata_of_a_card_breaks_a_line(card: object) -> None:
    found = parse_listing("a/b", listing(cardData={"license": card, "license_link": card}))
    assert found.licence.isprintable()
    assert found.licence_url == "" or found.licence_url.startswith(("http://", "https://"))


@given(st.text())
def test_a_plain_path_stays_below_its_directory(path: str) -> None:
    if is_plain_path(path):
        root = Path("/models/here")
        joined = root / path
        assert joined.is_relative_to(root)
        assert ".." not in joined.parts


@pytest.mark.parametrize(
    "path",
    [
        *("", "/", "/etc/passwd", "..", "../x", "a/../b", "a//b", "./a", "a/", "C:\\x", "c:x"),
        *("a\\b", "a\nb", "a\0b", "x" * 300, "a/" * 300 + "b", "\x1b[2Jx", "\u202ex"),
    ],
)
def test_a_path_that_leaves_its_directory_refuses_the_whole_listing(path: str) -> None:
    with pytest.raises(RefusedError):
        parse_listing("a/b", listing({"rfilename": path}))


def test_a_file_named_twice_refuses_the_whole_listing() -> None:
    with pytest.raises(RefusedError):
        parse_listing("a/b", listing({"rfilename": "a"}, {"rfilename": "a"}))


def test_the_digest_of_a_large_file_is_not_that_of_its_pointer() -> None:
    lfs = {"sha256": "b" * 64, "size": 9, "pointerSize": 134}
    body = listing({"rfilename": "w", "size": 134, "blobId": SHA, "lfs": lfs})
    assert parse_listing("a/b", body).files == (RemoteFile("w", 9, f"sha256:{'b' * 64}"),)


def test_a_large_file_without_a_digest_has_none() -> None:
    body = listing({"rfilename": "w", "blobId": SHA, "lfs": {}, "size": -5})
    assert parse_listing("a/b", body).files == (RemoteFile("w"),)


@pytest.mark.parametrize(
    ("tag", "digest"),
    [
        (f'"{"a" * 64}"', f"sha256:{'a' * 64}"),
        (f"sha256:{'A' * 64}", f"sha256:{'a' * 64}"),
        (f'W/"{SHA}"', f"git-sha1:{SHA}"),
        ('"d41d8cd98f00b204e9800998ecf8427e"', ""),
        ("", ""),
        ('"abc"', ""),
    ],
)
def test_a_digest_is_read_from_a_tag(tag: str, digest: str) -> None:
    assert digest_of_tag(tag) == digest


def names(*paths: str) -> list[RemoteFile]:
    return [RemoteFile(path) for path in ("config.json", *paths)]


def test_what_can_run_code_or_is_not_needed_stays_on_the_hub() -> None:
    found = select(
        names(
            *("model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"),
            *("model.safetensors.index.json", "tokenizer.json", "chat_template.jinja", "LICENSE"),
            *("pytorch_model.bin", "training_args.bin", "modeling.py", "original/params.json"),
            *("model.fp16.safetensors", "tf_model.h5", "tyrian-model.json", ".gitattributes"),
            *(
                "additional_chat_templates/tools.jinja",
                "USE_POLICY.md",
                "additional_chat_templates",
            ),
        )
    )
    assert not found.has_pickle
    assert set(found.left_out) == {
        *("pytorch_model.bin", "training_args.bin", "modeling.py", "original/params.json"),
        *("model.fp16.safetensors", "tf_model.h5", "tyrian-model.json", ".gitattributes"),
        "additional_chat_templates",
    }


@pytest.mark.parametrize("is_allowed", [True, False])
def test_pickles_do_not_come_beside_safetensors(is_allowed: bool) -> None:
    files = names("model.safetensors", "pytorch_model.bin")
    found = select(files, is_pickle_allowed=is_allowed)
    assert found.left_out == ("pytorch_model.bin",)


def test_missing_parts_of_the_weights_are_told() -> None:
    with pytest.raises(HubError, match="1 of 2 files"):
        select(names("model-00002-of-00002.safetensors"))


@pytest.mark.parametrize("paths", [("model.gguf",), ("tokenizer.json",), ("training_args.bin",)])
def test_a_repository_without_weights_is_told(paths: tuple[str, ...]) -> None:
    with pytest.raises(HubError, match="no weights"):
        select(names(*paths))


def test_a_repository_without_a_configuration_is_no_model() -> None:
    with pytest.raises(HubError, match=r"no config\.json"):
        select([RemoteFile("model.safetensors")])


@given(st.binary(max_size=64))
def test_few_bytes_are_safetensors_only_in_their_form(
    tmp_path_factory: pytest.TempPathFactory, data: bytes
) -> None:
    file = tmp_path_factory.getbasetemp() / "few.safetensors"
    file.write_bytes(data)
    length = int.from_bytes(data[:8], "little")
    assert is_safetensors(file) == (len(data) > 8 and data[8:9] == b"{" and length <= len(data) - 8)
