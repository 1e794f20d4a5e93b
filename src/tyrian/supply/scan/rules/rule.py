"""One rule of the scan, and what the rules of several families say alike."""

from dataclasses import dataclass

from tyrian.core.detection import Severity

CWE_502 = "https://cwe.mitre.org/data/definitions/502.html"
CWE_22 = "https://cwe.mitre.org/data/definitions/22.html"
CWE_94 = "https://cwe.mitre.org/data/definitions/94.html"
CWE_506 = "https://cwe.mitre.org/data/definitions/506.html"
CWE_436 = "https://cwe.mitre.org/data/definitions/436.html"
NO_LOAD = "do not load the file; ask its author for safetensors"
MADE_ANEW = "get the file again from its author, or write it anew with the library it is of"


@dataclass(frozen=True, slots=True)
class ScanRule:
    """One kind of finding."""

    id: str
    severity: Severity
    title: str
    """What it means."""
    fix: str
    reference: str
    """Where to read of it; empty where there is nothing to read."""
    is_unread: bool = False
    """It says that something was not examined, not that something bad is there."""
