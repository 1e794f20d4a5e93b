"""The gate looks for secrets where one may stand, and imports the detector for nothing else."""

from tyrian.cli.gate_secrets import literals, secret_judge
from tyrian.detectors.secrets.detector import RULES

TOKEN = "ghp_" + "wWPw5k4aXcaT4fNP0UcnZwJUVFk6LO0pINUx"


def test_every_rule_of_the_detector_leads_the_gate_to_it() -> None:
    """A rule that the gate knew nothing of would let secrets pass."""
    assert literals() == {literal for rule in RULES for literal in rule.literals}


def test_a_secret_is_found_whatever_surrounds_it() -> None:
    """The case of what leads to a secret, and letters beyond ASCII, hide none."""
    judge = secret_judge()
    assert [start for start, _ in judge(f"token: {TOKEN}\n")] == [7]
    assert [start for start, _ in judge(f"für wen: {TOKEN}\n")] == [9]
    assert list(judge('API_KEY = "qL7xv2Rt9ZpW4sKd8MnB3cYf"')) == list(
        judge('api_key = "qL7xv2Rt9ZpW4sKd8MnB3cYf"')
    )


def test_a_text_that_nothing_leads_to_holds_no_secret() -> None:
    """Most configurations name no credential at all."""
    assert list(secret_judge()("version: 1\ndefault: deny\n")) == []
