"""Archives, and what the files of a model are beside their content: names, kinds, links."""

from tyrian.core.detection import Severity
from tyrian.supply.scan.rules.rule import CWE_22, CWE_436, CWE_506, MADE_ANEW, ScanRule

_CWE_59 = "https://cwe.mitre.org/data/definitions/59.html"
_CWE_409 = "https://cwe.mitre.org/data/definitions/409.html"

RULES = (
    ScanRule("archive-malformed", Severity.HIGH, "an archive cannot be read", MADE_ANEW, CWE_436),
    ScanRule(
        "archive-readers-disagree",
        Severity.HIGH,
        "two ways to read an archive give different members",
        MADE_ANEW,
        CWE_436,
    ),
    ScanRule(
        "archive-path-escapes",
        Severity.CRITICAL,
        "a member of an archive would be written outside of its folder",
        "do not unpack the archive",
        CWE_22,
    ),
    ScanRule(
        "archive-foreign",
        Severity.HIGH,
        "an archive packs its content so that only its own program can look into it",
        "unpack it where nothing can happen, and scan what it held",
        CWE_506,
    ),
    ScanRule(
        "archive-encrypted",
        Severity.HIGH,
        "an archive hides its content behind a password",
        "do not unpack the archive; models have nothing to hide from those who load them",
        CWE_506,
    ),
    ScanRule(
        "archive-bomb",
        Severity.HIGH,
        "an archive grows beyond all measure when it is unpacked",
        "do not unpack the archive",
        _CWE_409,
    ),
    ScanRule(
        "content-mismatch",
        Severity.HIGH,
        "the content of a file is of another kind than its name says",
        "find out why the file is named so; readers that go by content load something else",
        "https://cwe.mitre.org/data/definitions/646.html",
    ),
    ScanRule(
        "executable-file",
        Severity.CRITICAL,
        "a program lies among the files of a model",
        "remove it; models have no need of programs",
        CWE_506,
    ),
    ScanRule(
        "link-leaves-directory",
        Severity.HIGH,
        "a link leads out of the directory",
        "replace the link by the file",
        _CWE_59,
    ),
    ScanRule(
        "control-characters-in-name",
        Severity.HIGH,
        "a file's name has characters that steer a terminal or hide its end",
        "rename the file",
        "https://cwe.mitre.org/data/definitions/150.html",
    ),
    ScanRule(
        "changed-while-read",
        Severity.HIGH,
        "a file changed while it was read",
        "scan again where nobody writes",
        "https://cwe.mitre.org/data/definitions/367.html",
    ),
    ScanRule(
        "file-unreadable",
        Severity.HIGH,
        "a file or directory cannot be read",
        "mend its permissions, or leave it out of the model",
        "",
        is_unread=True,
    ),
    ScanRule(
        "not-examined",
        Severity.MEDIUM,
        "nothing here can read this content, so nothing is said of it",
        "remove what the model does not need, or check it by other means",
        "",
        is_unread=True,
    ),
)
