"""What was judged is what is opened."""

import os
from pathlib import Path

import pytest

from tyrian.policy.beneath import open_beneath
from tyrian.policy.refusal import Refusal


def test_a_plain_file_opens_and_is_made_and_emptied(tmp_path: Path) -> None:
    root = str(tmp_path)
    (tmp_path / "a").mkdir()
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
    descriptor = open_beneath(root, f"{root}/a/f", flags)
    os.write(descriptor, b"long text")
    os.close(descriptor)
    descriptor = open_beneath(root, f"{root}/a/f", flags)
    os.write(descriptor, b"short")
    os.close(descriptor)
    assert (tmp_path / "a/f").read_bytes() == b"short"


def test_a_link_put_in_the_way_is_refused(tmp_path: Path) -> None:
    root = tmp_path / "root"
    root.mkdir()
    (tmp_path / "secret").mkdir()
    (tmp_path / "secret/f").write_text("x")
    (root / "dir").symlink_to(tmp_path / "secret")
    (root / "file").symlink_to(tmp_path / "secret/f")
    os.link(tmp_path / "secret/f", root / "hard")
    os.mkfifo(root / "pipe")
    for name in ("dir/f", "file", "hard", "pipe", "file/x"):
        with pytest.raises(Refusal):
            open_beneath(str(root), f"{root}/{name}", os.O_RDONLY)
    with pytest.raises(Refusal):
        open_beneath(str(root), f"{root}/file", os.O_WRONLY | os.O_TRUNC)
    assert (tmp_path / "secret/f").read_text() == "x"


@pytest.mark.parametrize(
    "path", ["/etc/passwd", "{root}", "{root}/../x", "{root}x/y", "{root}/./x"]
)
def test_a_path_that_is_not_below_is_refused(tmp_path: Path, path: str) -> None:
    with pytest.raises(Refusal):
        open_beneath(str(tmp_path), path.format(root=tmp_path), os.O_RDONLY)
