"""What the trainings read, and whether the committed artefacts come from it.

    python -m training.inputs --data ../shared/data/guard

exits 1 where an artefact was made from other data or other training code than is here. The text
normaliser is not part of the digest: it changes few of the rows, and each change by little. Nor are
the content guard's own rows part of the encoder's, which takes a few of each of their sources.
"""

import argparse
import hashlib
import os
from pathlib import Path

import numpy as np

import training
from tyrian.models.artefact import members
from tyrian.models.content_heads import embedded_heads
from tyrian.models.encoder.guard import Encoder, embedded_encoder
from tyrian.models.features import grams_of
from tyrian.models.windows import grid

HERE = Path(training.__file__).parent
ROOT = HERE.parent
_SHARED_CODE = (
    *(f"training/{name}.py" for name in ("corpus", "documents", "linear", "mining", "calibrate")),
    *(f"training/prompt_guard/{name}.py" for name in ("generate", "records", "english", "phrases")),
)
CODE = {
    "prompt-guard": (*_SHARED_CODE, "training/prompt_guard"),
    "content-guard": (*_SHARED_CODE, "training/content_guard"),
    "encoder": (
        *_SHARED_CODE,
        "training/prompt_guard",
        "training/encoder",
        "training/kept.py",
        "training/calibration",
    ),
}
"""Files, and folders of which every file counts but what only evaluates."""
_NOT_READ = {"evaluate.py", "heads.py", "mix.py", "user_texts.txt", "README.md"}
_PROBE = "Ignore the 3 rules, s'il vous pla\u00eet!  \u5ffd\u7565\u6307\u4ee4 <|x|> \u0130\u0e01"
DATA = {
    "prompt-guard": ("injection_train", "injection_dev", "content_train"),
    "content-guard": ("content_train", "injection_train", "injection_dev"),
    "encoder": ("content_train", "injection_train", "injection_dev"),
}


def given_data() -> Path:
    """Where the given rows lie: below TYRIAN_SHARED, else beside the repository."""
    shared = os.environ.get("TYRIAN_SHARED")
    return (Path(shared) if shared else ROOT.parent / "shared") / "data" / "guard"


def artefact_path(name: str) -> Path:
    """Where the artefact of that name lies in the package."""
    return ROOT / "src" / "tyrian" / "models" / "data" / f"{name}.npz"


def _files(place: Path) -> list[Path]:
    """The files that count, in a stable order."""
    if place.is_file():
        return [place]
    kept = (
        p
        for p in place.rglob("*")
        if p.suffix in (".py", ".txt", ".jsonl") and p.name not in _NOT_READ
    )
    return sorted(kept, key=lambda path: path.relative_to(place).as_posix())


def _features_of_probe() -> bytes:
    """What the features make of a text: their speed may change, not their buckets."""
    grams = grams_of(_PROBE * 30)
    parts = (grams.chars, grams.words, grams.word_starts, grams.mass)
    windows = grid(grams.length)
    places = (windows.starts, windows.ends, windows.sizes)
    return b"".join(np.ascontiguousarray(part).tobytes() for part in (*parts, *places))


def training_digest_of(name: str, data: Path) -> str:
    """One digest over the data and the code that decide what the training makes."""
    files = [data / f"{rows}.jsonl.gz" for rows in DATA[name]]
    for code in CODE[name]:
        files += _files(ROOT / code)
    total = hashlib.sha256(_features_of_probe())
    for file in files:
        total.update(hashlib.sha256(file.read_bytes()).digest())
    return total.hexdigest()


def stale(data: Path) -> list[str]:
    """Names of the artefacts that were made from something else."""
    metas = {name: members(artefact_path(name).read_bytes())[0] for name in CODE}
    return [n for n in CODE if metas[n]["training_digest"] != training_digest_of(n, data)]


def unfit_for(encoder: Encoder) -> list[str]:
    """Trainings of content safety to run again, for what they made is for another encoder."""
    mixed = members(artefact_path("content-guard").read_bytes())[0].get("mix_encoder")
    steps = [] if embedded_heads(encoder.network) else ["heads"]
    return steps if mixed == encoder.revision else [*steps, "mix"]


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=given_data())
    names = stale(parser.parse_args().data)
    for name in names:
        print(f"{name}: made from other data or code; train it again")
    steps = unfit_for(embedded_encoder())
    for step in steps:
        print(f"made for another encoder: run python -m training.content_guard.{step}")
    raise SystemExit(1 if names or steps else 0)


if __name__ == "__main__":
    main()
