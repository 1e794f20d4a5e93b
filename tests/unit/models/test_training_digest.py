"""The committed artefacts come from the committed training code and the given data."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
SHARED = Path(os.environ.get("TYRIAN_SHARED", ROOT.parent / "shared"))
DATA = SHARED / "data" / "guard"


@pytest.mark.skipif(not DATA.is_dir(), reason="the training data is not here")
def test_the_committed_artefacts_are_what_the_training_makes() -> None:
    command = [sys.executable, "-m", "training.inputs", "--data", str(DATA)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
