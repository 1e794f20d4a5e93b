"""SQL is judged by a parser, quietly, or not at all."""

import logging

import pytest

from tyrian.core.decision import Effect
from tyrian.errors import PolicyError
from tyrian.policy import sql
from tyrian.policy.call import ProposedCall
from tyrian.policy.tool import policy_of

DATA = {"tools": {"q": {"sql": "sql"}}, "sql": {"dialect": "postgres", "tables": ["orders"]}}


def test_without_the_parser_every_statement_is_denied(monkeypatch: pytest.MonkeyPatch) -> None:
    policy = policy_of(DATA)
    monkeypatch.setattr(sql, "find_spec", lambda name: None)
    decision = policy.decide(ProposedCall("q", {"sql": "SELECT 1"}))
    assert decision.effect is Effect.BLOCK
    assert decision.rule == "sql.missing"
    assert "tyrian[sql]" in decision.verdicts[0].hint


def test_the_parsers_warnings_do_not_quote_the_statement(
    caplog: pytest.LogCaptureFixture,
) -> None:
    pytest.importorskip("sqlglot")
    policy = policy_of(DATA)
    with caplog.at_level(logging.DEBUG):
        policy.decide(ProposedCall("q", {"sql": "SET ROLE topsecretname"}))
    assert "topsecretname" not in caplog.text


def test_an_unknown_dialect_is_an_error_of_the_file() -> None:
    pytest.importorskip("sqlglot")
    with pytest.raises(PolicyError, match="dialect"):
        policy_of({**DATA, "sql": {"dialect": "postgre"}})


def test_the_canonical_statement_has_no_comments() -> None:
    pytest.importorskip("sqlglot")
    decision = policy_of(DATA).decide(ProposedCall("q", {"sql": "select 1 -- x\n from orders"}))
    assert decision.canonical is not None
    assert decision.canonical["args"] == {"sql": "SELECT 1 FROM orders"}
