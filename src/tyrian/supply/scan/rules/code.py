"""Code and lists of packages beside a model."""

from tyrian.core.detection import Severity
from tyrian.supply.scan.rules.rule import CWE_94, CWE_502, CWE_506, ScanRule

_READ_CODE = "read the code before anything runs it, or remove it"

RULES = (
    ScanRule(
        "code-runs-code",
        Severity.CRITICAL,
        "code beside a model runs what it is given or fetches",
        _READ_CODE,
        CWE_94,
    ),
    ScanRule(
        "code-runs-programs",
        Severity.HIGH,
        "code beside a model starts programs",
        _READ_CODE,
        "https://cwe.mitre.org/data/definitions/78.html",
    ),
    ScanRule(
        "code-loads-objects",
        Severity.HIGH,
        "code beside a model loads objects that can run anything",
        _READ_CODE,
        CWE_502,
    ),
    ScanRule(
        "code-loads",
        Severity.HIGH,
        "code beside a model loads native or foreign code",
        _READ_CODE,
        CWE_94,
    ),
    ScanRule(
        "code-connects",
        Severity.HIGH,
        "code beside a model opens connections of its own",
        _READ_CODE,
        CWE_506,
    ),
    ScanRule(
        "code-sends-secrets",
        Severity.CRITICAL,
        "code beside a model reads secrets and sends",
        "do not run it; change the secrets where it has run",
        "https://cwe.mitre.org/data/definitions/200.html",
    ),
    ScanRule(
        "code-touches-secrets",
        Severity.HIGH,
        "code beside a model names files of credentials, or that a system runs by itself",
        _READ_CODE,
        CWE_506,
    ),
    ScanRule(
        "code-hides",
        Severity.HIGH,
        "code beside a model hides what it does",
        _READ_CODE,
        "https://attack.mitre.org/techniques/T1027/",
    ),
    ScanRule(
        "code-patches",
        Severity.HIGH,
        "code beside a model changes what other code does",
        _READ_CODE,
        CWE_506,
    ),
    ScanRule(
        "code-runs-by-itself",
        Severity.HIGH,
        "code beside a model has itself or something else run without being asked",
        _READ_CODE,
        "https://attack.mitre.org/tactics/TA0003/",
    ),
    ScanRule(
        "code-destroys",
        Severity.CRITICAL,
        "code beside a model destroys what is not its own",
        _READ_CODE,
        CWE_506,
    ),
    ScanRule(
        "dependency-source",
        Severity.HIGH,
        "packages come from a place that nobody vouches for",
        "take them from the index that you trust, each with its hash",
        "https://cwe.mitre.org/data/definitions/829.html",
    ),
    ScanRule(
        "dependency-name",
        Severity.HIGH,
        "a package has nearly the name of a known one",
        "see which of the two is meant",
        "https://cwe.mitre.org/data/definitions/1357.html",
    ),
)
