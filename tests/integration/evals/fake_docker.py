"""Speaks the part of docker's command line that Tyrian uses; containers are bubblewrap's.

    docker info | image inspect IMAGE | pull IMAGE | run OPTIONS IMAGE ARGS | kill NAME

$FAKE_DOCKER names a directory with one folder per image (slashes and colons as `_`), holding `src`,
`out`, `bin` and `poc`. An image is there once it was pulled.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

HOME = Path(os.environ.get("FAKE_DOCKER", ""))
VALUED = (
    *("--name", "--network", "--platform", "--cap-drop", "--cap-add", "--security-opt"),
    *("--memory", "--pids-limit", "--volume", "--entrypoint"),
)


def folder_of(image: str) -> Path:
    return HOME / image.replace("/", "_").replace(":", "_")


def run(words: list[str]) -> int:
    options: dict[str, str] = {}
    assert words.pop(0) == "--rm"
    while words[0].startswith("--"):
        name = words.pop(0)
        assert name in VALUED, name
        options[name] = words.pop(0)
    image, *arguments = words
    assert options["--network"] == "none"
    assert (folder_of(image) / "pulled").exists()
    host, inside, mode = options["--volume"].split(":")
    assert mode == "rw"
    with tempfile.TemporaryDirectory() as fresh:  # each container has its own copy
        root = Path(fresh) / "root"
        shutil.copytree(folder_of(image), root)
        argv = ["bwrap", "--unshare-all", "--die-with-parent", "--ro-bind", "/usr", "/usr"]
        for link in ("bin", "lib", "lib64", "sbin"):
            if os.path.islink(f"/{link}"):
                argv += ["--symlink", os.readlink(f"/{link}"), f"/{link}"]
        argv += ["--ro-bind", "/etc/alternatives", "/etc/alternatives", "--proc", "/proc"]
        argv += ["--dev", "/dev", "--tmpfs", "/tmp", "--bind", host, inside]
        argv += ["--bind", str(root / "src"), "/src", "--bind", str(root / "out"), "/out"]
        argv += ["--ro-bind", str(root / "bin"), "/image", "--ro-bind", str(root / "poc"), "/poc"]
        argv += ["--setenv", "PATH", "/image:/usr/bin:/bin"]
        argv += ["--", "/bin/sh", "-c", 'cp /poc /tmp/poc; exec "$@"', "sh"]
        return subprocess.run([*argv, options["--entrypoint"], *arguments]).returncode


def main() -> int:
    words = sys.argv[1:]
    with (HOME / "calls.txt").open("a") as file:
        file.write(" ".join(words[:3])[:100].replace("\n", " ") + "\n")
    if words[0] == "info":
        return 0
    if words[:2] == ["image", "inspect"]:
        return 0 if (folder_of(words[2]) / "pulled").exists() else 1
    if words[0] == "pull":
        folder = folder_of(words[-1])
        if not folder.exists():
            sys.stderr.write(f"Error: manifest for {words[-1]} not found\n")
            return 1
        (folder / "pulled").touch()
        return 0
    if words[0] == "run":
        return run(words[1:])
    return 0


if __name__ == "__main__":
    sys.exit(main())
