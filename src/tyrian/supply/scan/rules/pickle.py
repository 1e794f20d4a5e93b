"""What pickles do to those who load them."""

from tyrian.core.detection import Severity
from tyrian.supply.scan.rules.rule import CWE_436, CWE_502, MADE_ANEW, NO_LOAD, ScanRule

_PICKLE = "https://docs.python.org/3/library/pickle.html#restricting-globals"

RULES = (
    ScanRule(
        "pickle-dangerous-global",
        Severity.CRITICAL,
        "a pickle names a function that runs code or reaches out",
        NO_LOAD,
        CWE_502,
    ),
    ScanRule(
        "pickle-unknown-global",
        Severity.HIGH,
        "a pickle names something outside of what models need",
        "see what the name does; load the file only where its module is trusted",
        _PICKLE,
    ),
    ScanRule(
        "pickle-computed-name",
        Severity.CRITICAL,
        "a pickle puts the name of what it loads together while it loads",
        NO_LOAD,
        CWE_502,
    ),
    ScanRule(
        "pickle-computed-call",
        Severity.CRITICAL,
        "a pickle calls something that it has made itself",
        NO_LOAD,
        CWE_502,
    ),
    ScanRule(
        "pickle-patches-import",
        Severity.CRITICAL,
        "a pickle changes a module, class or function",
        NO_LOAD,
        CWE_502,
    ),
    ScanRule(
        "pickle-special-attribute",
        Severity.HIGH,
        "a pickle sets an attribute that Python calls by itself",
        NO_LOAD,
        CWE_502,
    ),
    ScanRule(
        "pickle-extension-code",
        Severity.HIGH,
        "a pickle takes an object out of the extension registry by number",
        NO_LOAD,
        "https://docs.python.org/3/library/copyreg.html",
    ),
    ScanRule(
        "pickle-persistent-id",
        Severity.MEDIUM,
        "a pickle asks its loader for objects outside of the file",
        "load it only with the program that it is for",
        "https://docs.python.org/3/library/pickle.html#persistence-of-external-objects",
    ),
    ScanRule(
        "pickle-malformed",
        Severity.HIGH,
        "a pickle breaks off or cannot be followed",
        MADE_ANEW,
        _PICKLE,
    ),
    ScanRule(
        "pickle-frame-lies",
        Severity.HIGH,
        "the frames of a pickle do not fit its opcodes, so that readers disagree",
        MADE_ANEW,
        CWE_436,
    ),
    ScanRule(
        "pickle-trailing-data",
        Severity.HIGH,
        "bytes follow after the end of a pickle",
        MADE_ANEW,
        CWE_436,
    ),
)
