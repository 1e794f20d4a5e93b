"""What the trainings read, and whether the committed artefacts come from it.

    python -m training.inputs --data ../shared/data/guard

exits 1 where an artefact was made from other data or other training code than is here. The text
normaliser is not part of the digest: it changes few of the rows, and each change by little.
"""

import argparse
import hashlib
import os
from pathlib import Path

import training
from tyrian.models.artefact import load

HERE = Path(training.__file__).parent
ROOT = HERE.parent
_SHARED_CODE = (
    *(f"training/{name}.py" for name in ("corpus", "linear", "mining", "calibrate")),
    *(f"training/prompt_guard/{name}.py" for name in ("train", "generate", "english", "phrases")),
    "src/tyrian/models/features.py",
    "src/tyrian/models/windows.py",
)
CODE = {
    "prompt-guard": _SHARED_CODE,
    "content-guard": (*_SHARED_CODE, "training/content_guard/train.py"),
}
DATA = {
    "prompt-guard": ("injection_train", "injection_dev"),
    "content-guard": ("content_train", "injection_train", "injection_dev"),
}


def given_data() -> Path:
    """Where the given rows lie: below TYRIAN_SHARED, else beside the repository."""
    shared = os.environ.get("TYRIAN_SHARED")
    return (Path(shared) if shared else ROOT.parent / "shared") / "data" / "guard"


def artefact_path(name: str) -> Path:
    """Where the artefact of that name lies in the package."""
    return ROOT / "src" / "tyrian" / "models" / "data" / f"{name}.npz"


def training_digest_of(name: str, data: Path) -> str:
    """One digest over the data and the code that decide what the training makes."""
    files = [data / f"{rows}.jsonl.gz" for rows in DATA[name]] + [
        ROOT / code for code in CODE[name]
    ]
    total = hashlib.sha256()
    for file in files:
        total.update(hashlib.sha256(file.read_bytes()).digest())
    return total.hexdigest()


def stale(data: Path) -> list[str]:
    """Names of the artefacts that were made from something else."""
    return [n for n in CODE if load(n).meta["training_digest"] != training_digest_of(n, data)]


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=given_data())
    names = stale(parser.parse_args().data)
    for name in names:
        print(f"{name}: made from other data or code; train it again")
    raise SystemExit(1 if names else 0)


if __name__ == "__main__":
    main()
