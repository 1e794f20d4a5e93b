"""Lint finds what opens, disables or repeats, and is silent on a tight policy."""

import json
from pathlib import Path

import pytest

from tyrian.policy.lint import LintFinding, lint
from tyrian.policy.load import policy_and_source

TIGHT = {
    "tools": {
        "read_file": {"path": "fs:read"},
        "get": {"url": "net"},
        "mail": {"to": "email", "body": "opaque"},
        "run": {"command": "shell"},
    },
    "fs": {"read": ["/srv/app/**"], "deny": ["**/.env"]},
    "net": {"hosts": ["api.example.com"]},
    "email": {"domains": ["corp.com"]},
    "shell": {"programs": ["ls"]},
    "flow": [{"if_untrusted_output_from": "get", "then": "ask", "tools": ["mail"]}],
    "rules": [{"id": "r", "when": 'tool.name == "mail" && tool.args.body == "x"'}],
}


def findings(data: dict[str, object], file: str = "p.yaml") -> list[LintFinding]:
    found = policy_and_source(json.dumps(data), file)
    assert isinstance(found, tuple), found
    return lint(*found)


def test_a_tight_policy_has_no_findings() -> None:
    assert findings(TIGHT) == []


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        ({"default": "allow"}, "open-default"),
        ({"unknown_args": "allow"}, "open-arguments"),
        ({"mode": "shadow"}, "shadow-mode"),
        ({"fs": {"read": ["/**"]}}, "wide-glob"),
        ({"fs": {"read": ["/home/**"]}}, "wide-glob"),
        ({"fs": {"read": ["/a/**"], "write": ["/etc/**"]}}, "system-glob"),
        ({"fs": {"read": ["/a/**", "/a/b/**"]}}, "shadowed-glob"),
        ({"fs": {"read": ["/a/**", "/a/**"]}}, "shadowed-glob"),
        ({"fs": {"read": ["/a/.ssh/**"], "deny": ["**/.ssh/**"]}}, "unreachable-glob"),
        ({"fs": {"read": ["/a/**"], "hard_links": "allow"}}, "hard-links"),
        ({"net": {"hosts": ["*"]}}, "wide-host"),
        ({"net": {"hosts": ["*.com"]}}, "wide-host"),
        ({"net": {"hosts": ["intranet"]}}, "host-without-dot"),
        ({"net": {"hosts": ["10.0.0.1"]}}, "unreachable-host"),
        ({"net": {"hosts": ["db.internal"]}}, "inner-host"),
        ({"net": {"hosts": ["*.a.com", "x.a.com"]}}, "shadowed-host"),
        ({"net": {"hosts": ["a.com"], "schemes": ["http"]}}, "plain-scheme"),
        ({"net": {"hosts": ["a.com"], "schemes": ["file"]}}, "odd-scheme"),
        ({"net": {"hosts": ["a.com"], "private_ips": "allow"}}, "private-addresses"),
        ({"net": {"hosts": ["a.com"], "userinfo": "allow"}}, "userinfo"),
        ({"email": {"domains": ["*"]}}, "wide-domain"),
        ({"email": {"domains": ["a.com"], "max_rcpt": 5000}}, "many-recipients"),
        ({"shell": {"programs": ["bash"]}}, "running-program"),
        ({"shell": {"programs": ["env"]}}, "running-program"),
        ({"shell": {"programs": ["ls"], "args_deny": {"git": ["-c"]}}}, "unreachable-option"),
        ({"net": None}, "missing-section"),
        ({"sql": {"tables": ["*"]}}, "wide-table"),
        ({"sql": {"tables": ["a"], "statements": ["delete"]}}, "writing-sql"),
        ({"sql": {"tables": ["a"]}}, "unused-section"),
        ({"kinds": {"k": {"pattern": ".*"}}}, "wide-pattern"),
        ({"kinds": {"k": {"pattern": "a"}}}, "unused-kind"),
        ({"limits": {"calls_per_minute": {"gett": 1}}}, "unknown-tool"),
        ({"limits": {"calls_per_trace": {"get": 0}}}, "zero-limit"),
        ({"flow": [{"if_called": "get", "then_deny": "mial"}]}, "unknown-tool"),
        ({"flow": [{"if_called": "ge", "then_deny": "mail"}] * 2}, "shadowed-flow"),
        ({"rules": [{"id": "r", "when": 'tool.name == "other"'}]}, "dead-rule"),
        ({"rules": [{"id": "r", "when": 'tool.name == "get"'}]}, "constant-rule"),
        (
            {
                "rules": [
                    {"id": "r", "when": 'tool.name == "mail" && tool.args.body == "x"'},
                    {"id": "s", "when": 'tool.name == "mail"  && tool.args.body == "x"'},
                ]
            },
            "shadowed-rule",
        ),
        ({"tools": {"note": {"text": "opaque"}}}, "opaque-tool"),
    ],
)
def test_a_finding_is_named(change: dict[str, object], rule: str) -> None:
    data = {key: value for key, value in {**TIGHT, **change}.items() if value is not None}
    assert rule in {finding.rule for finding in findings(data)}


def test_a_policy_that_its_own_tools_may_write_is_found(tmp_path: Path) -> None:
    file = tmp_path / "policy.yaml"
    data = {**TIGHT, "fs": {"read": ["/a/**"], "write": [f"{tmp_path}/**"]}}
    file.write_text(json.dumps(data))
    assert "own-file" in {finding.rule for finding in findings(data, str(file))}
