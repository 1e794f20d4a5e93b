"""Findings of the gate as JUnit XML: a test case for each rule that something broke."""

import re
from xml.sax.saxutils import escape, quoteattr

from tyrian.supply.gate.report import GateReport
from tyrian.supply.gate.rules import NOT_EXAMINED, RULES

_NO_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def junit_of(report: GateReport) -> bytes:
    """One suite; rules that nothing broke are cases that passed."""
    rows = []
    broken = {rule: [one for one in report.findings if one.rule == rule] for rule in RULES}
    for rule, found in broken.items():
        name = f'classname="tyrian.gate" name={quoteattr(rule)}'
        if not found:
            rows.append(f"  <testcase {name}/>")
            continue
        told = "\n".join(f"{one.path}:{one.line}: {one.why}" for one in found)
        kind = "error" if rule == NOT_EXAMINED else "failure"
        message = quoteattr(RULES[rule].title)
        rows.append(f"  <testcase {name}>")
        rows.append(f"    <{kind} message={message}>{escape(_NO_XML.sub('?', told))}</{kind}>")
        rows.append("  </testcase>")
    failed = sum(1 for rule, found in broken.items() if found and rule != NOT_EXAMINED)
    head = f'tests="{len(RULES)}" failures="{failed}" errors="{int(bool(broken[NOT_EXAMINED]))}"'
    text = f'<?xml version="1.0" encoding="UTF-8"?>\n<testsuite name="tyrian gate" {head}>\n'
    return (text + "\n".join(rows) + "\n</testsuite>\n").encode()
