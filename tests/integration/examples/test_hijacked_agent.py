"""The agent that obeys every page: bare it leaks, behind Tyrian it never does, and twins work."""

import pytest
from examples.hijacked_agent.pages import PAGES
from examples.hijacked_agent.run import everything, stack_text


@pytest.mark.parametrize("is_policy_only", [False, True])
def test_the_key_leaks_bare_and_never_behind_tyrian(is_policy_only: bool) -> None:
    found = everything(stack_text(is_policy_only=is_policy_only), site_port=0)
    assert len(PAGES) >= 30
    assert [result.page for result in found["bare attack"] if not result.has_leaked] == []
    assert [result.page for result in found["guarded attack"] if result.has_leaked] == []
    for way in ("bare twin", "guarded twin"):
        assert [result.page for result in found[way] if not result.is_done] == []
        assert not any(result.has_leaked for result in found[way])
