"""Every line of the security bar has a test that names it, one known elsewhere, or its reason."""

import re
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

import pytest

TESTS = Path(__file__).resolve().parents[2]
LINES = range(1, 55)
_NAMED = re.compile(r"^\s*(?:async )?def test_line_(\d\d)_", re.MULTILINE)

LATER: Mapping[int, str] = MappingProxyType(
    {
        11: "partner tiers come with issue 40; tests/integration/gateway has the tiers of today",
        12: "invitations to partner tiers come with issue 40",
        13: "partner grants and their approval come with issue 40",
    }
)
"""Lines that nothing holds yet, and the issue that brings what they speak of."""

_ADMIN = "integration/gateway/test_gateway_admin.py"
_KEYS = "integration/gateway/test_gateway_keys.py"
_LIFE = "unit/gateway_store/test_keys_lifecycle.py"
_TILL = "unit/accounts/test_till.py"
_WINDOWS = "unit/accounts/test_windows.py"
_FILES = "integration/conformance/test_conformance_files.py"
_PLAYGROUND = "integration/playground/test_playground_api.py"
_MARKUP = "integration/playground/test_playground_markup.py"

ELSEWHERE: Mapping[int, tuple[tuple[str, str], ...]] = MappingProxyType(
    {
        4: ((_LIFE, "test_a_wrong_checksum_never_reaches_the_database"),),
        5: (
            (_KEYS, "test_a_key_that_is_revoked_elsewhere_is_refused_within_a_second"),
            (_KEYS, "test_every_end_of_a_key_cuts_its_streams"),
            (_LIFE, "test_another_process_sees_the_revocation_within_a_second"),
        ),
        7: (
            (_ADMIN, "test_nothing_of_another_organisation_can_be_seen_or_touched"),
            (_PLAYGROUND, "test_nothing_of_one_organisation_is_there_for_another"),
            (_FILES, "test_line_49_nobody_sees_another_organisation_s_files"),
        ),
        8: (
            (_ADMIN, "test_nothing_of_another_organisation_can_be_seen_or_touched"),
            (_PLAYGROUND, "test_nothing_of_one_organisation_is_there_for_another"),
        ),
        9: (
            (_ADMIN, "test_fields_that_nobody_may_set_are_refused"),
            (_PLAYGROUND, "test_fields_that_decide_who_owns_it_cannot_be_sent"),
        ),
        10: ((_ADMIN, "test_model_keys_cannot_administer_and_admin_keys_cannot_ask_models"),),
        14: (
            (_ADMIN, "test_64_requests_at_a_budgets_edge_spend_not_a_cent_too_much"),
            (_TILL, "test_whatever_happens_the_sum_stays_within_the_budget"),
        ),
        15: ((_TILL, "test_rotating_a_key_or_setting_its_budget_anew_frees_nothing"),),
        16: (
            ("integration/conformance/test_conformance_failures.py", "test_line_36_"),
            ("integration/conformance/test_conformance_failures.py", "test_line_37_"),
        ),
        17: (
            (_WINDOWS, "test_no_stretch_of_a_minute_ever_holds_more_than_the_limit"),
            (_WINDOWS, "test_two_workers_share_one_limit"),
        ),
        34: (
            (_MARKUP, "test_there_are_enough_payloads"),
            (_MARKUP, "test_answers_of_a_model_are_inert"),
            (_MARKUP, "test_prompts_tools_titles_and_names_are_inert"),
        ),
        36: ((_MARKUP, "test_what_the_server_renders_holds_nothing_that_acts"),),
        38: (
            ("integration/playground/test_playground_page.py",
             "test_a_snapshot_opens_in_a_sandbox_until_it_is_taken_back"),
        ),
        46: (
            ("unit/gateway_store/test_store.py",
             "test_a_file_that_others_could_read_is_closed_to_them"),
            ("integration/console/test_oidc.py",
             "test_an_issuer_that_could_be_listened_to_is_refused"),
            ("integration/serve/test_serve_command.py",
             "test_a_missing_key_of_the_upstream_is_named"),
        ),
        48: (
            (_FILES, "test_line_49_content_is_nothing_that_a_browser_shows"),
            (_FILES, "test_line_49_files_are_bounded_and_leave_nothing_behind"),
            (_FILES, "test_line_61_a_wrong_offset_is_told_the_right_one"),
            (_FILES, "test_line_61_an_upload_is_nobody_else_s"),
        ),
    }
)  # fmt: skip
"""Tests that hold a line under a name of their own."""


def named_lines() -> dict[int, list[str]]:
    """Lines by the files whose tests name them; the conformance list numbers its own lines."""
    found: dict[int, list[str]] = {}
    for path in sorted((TESTS / "integration").rglob("test_*.py")):
        if "conformance" in path.parts:
            continue
        for number in set(_NAMED.findall(path.read_text())):
            found.setdefault(int(number), []).append(path.name)
    return found


@pytest.mark.parametrize("line", LINES)
def test_every_line_is_held_by_a_test_or_says_why_not(line: int) -> None:
    is_held = bool(named_lines().get(line)) or line in ELSEWHERE
    assert is_held or line in LATER
    assert not (is_held and line in LATER), "what is held is not still to come"


@pytest.mark.parametrize(("line", "place"), [(n, p) for n, ps in ELSEWHERE.items() for p in ps])
def test_a_test_elsewhere_is_really_there(line: int, place: tuple[str, str]) -> None:
    file, name = place
    path = TESTS / file
    assert path.is_file(), file
    assert re.search(rf"^\s*(?:async )?def {name}", path.read_text(), re.MULTILINE), name


def test_no_line_is_named_that_the_bar_does_not_have() -> None:
    assert set(named_lines()) | set(ELSEWHERE) | set(LATER) <= set(LINES)
