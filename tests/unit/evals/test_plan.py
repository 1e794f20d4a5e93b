"""Plans of evaluations that cannot be carried out, told before anything is run."""

from pathlib import Path

import pytest

from tyrian.errors import ConfigError
from tyrian.evals.benchmark import Options
from tyrian.evals.models.cast import Cast
from tyrian.evals.run.plan import Plan, prepare

MODELS = Cast("scripted", "", "", None).models()


def test_a_variant_that_the_built_in_rows_do_not_have_is_an_error(tmp_path: Path) -> None:
    plan = Plan(("mitre-frr",), tmp_path, is_sample=True, options=Options(variant="multilingual"))
    with pytest.raises(ConfigError, match="no variant 'multilingual'"):
        prepare("mitre-frr", plan, MODELS)


def test_an_output_that_is_a_file_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "runs").write_text("")
    plan = Plan(("mitre-frr",), tmp_path / "runs", is_sample=True)
    with pytest.raises(ConfigError, match="Not a directory"):
        prepare("mitre-frr", plan, MODELS)
