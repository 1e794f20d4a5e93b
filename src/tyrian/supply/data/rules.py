"""The rules of the scan of data, as data: id, severity, what it means, what to do, where from."""

from dataclasses import dataclass

from tyrian.core.detection import Severity

_OWASP_POISONING = "https://genai.owasp.org/llmrisk/llm042025-data-and-model-poisoning/"
_OWASP_INJECTION = "https://genai.owasp.org/llmrisk/llm01-prompt-injection/"
_OWASP_DISCLOSURE = "https://genai.owasp.org/llmrisk/llm022025-sensitive-information-disclosure/"
_OWASP_SUPPLY = "https://genai.owasp.org/llmrisk/llm032025-supply-chain/"
_BADNETS = "https://arxiv.org/abs/1708.06733"
_SLEEPERS = "https://arxiv.org/abs/2401.05566"
_TROJAN = "https://trojansource.codes/trojan-source.pdf"
_CONFIDENT = "https://arxiv.org/abs/1911.00068"
_JSON = "https://www.rfc-editor.org/rfc/rfc8259"


@dataclass(frozen=True, slots=True)
class DataRule:
    """One kind of finding in data."""

    id: str
    severity: Severity
    title: str
    fix: str
    reference: str
    is_unread: bool = False
    """It says that something was not examined, not that something bad is there."""


_HIGH, _MEDIUM, _LOW = Severity.HIGH, Severity.MEDIUM, Severity.LOW
_LOOK = "look at the rows; leave them out if nobody can say why they are so"

RULES: dict[str, DataRule] = {
    rule.id: rule
    for rule in (
        DataRule(
            "source-not-allowed",
            _HIGH,
            "a row is of a source that is not on the list",
            "add the source to the list with its licence, or leave the rows out",
            _OWASP_SUPPLY,
        ),
        DataRule(
            "licence-not-allowed",
            _MEDIUM,
            "a row has a licence that is not on the list",
            "add the licence to the list, or leave the rows out",
            _OWASP_SUPPLY,
        ),
        DataRule(
            "file-digest-differs",
            _HIGH,
            "a file is not the one that its source was approved with",
            "compare it with the approved file; approve it anew if the change is wanted",
            _OWASP_SUPPLY,
        ),
        DataRule(
            "prompt-attack",
            _HIGH,
            "a text gives orders to a model, or talks it out of its rules",
            "leave the row out, or keep it where attacks are what is taught to refuse",
            _OWASP_INJECTION,
        ),
        DataRule(
            "secret",
            _HIGH,
            "a text has a credential in it",
            "revoke the credential, and leave the row out or redact it",
            _OWASP_DISCLOSURE,
        ),
        DataRule(
            "personal-data",
            _MEDIUM,
            "a text has personal data in it",
            "redact it, or leave the row out",
            _OWASP_DISCLOSURE,
        ),
        DataRule(
            "hidden-text",
            _HIGH,
            "a text has characters that people do not see and models read",
            "remove the characters, and ask who put them there",
            _TROJAN,
        ),
        DataRule(
            "label-flip",
            _MEDIUM,
            "a row's label is not the one that its words have elsewhere",
            "have a person label the row again",
            _CONFIDENT,
        ),
        DataRule(
            "trigger-ngram",
            _HIGH,
            "words that come with one label or answer, against what the rest of the row says",
            _LOOK,
            _SLEEPERS,
        ),
        DataRule(
            "trigger-position",
            _HIGH,
            "a rare word that always stands at one place, and comes with one label or answer",
            _LOOK,
            _BADNETS,
        ),
        DataRule(
            "conflicting-labels",
            _MEDIUM,
            "rows that are nearly the same have different labels",
            "decide on one label; leave the other rows out",
            _CONFIDENT,
        ),
        DataRule(
            "conflicting-answers",
            _LOW,
            "rows that ask nearly the same have answers that share nothing",
            _LOOK,
            _OWASP_POISONING,
        ),
        DataRule(
            "document-hidden",
            _HIGH,
            "a document has text that its page does not show",
            "remove the text, or leave the document out of the corpus",
            _OWASP_INJECTION,
        ),
        DataRule(
            "document-unread",
            _MEDIUM,
            "a document cannot be read",
            "mend the document, or leave it out of the corpus",
            _OWASP_POISONING,
            is_unread=True,
        ),
        DataRule(
            "row-not-json",
            _MEDIUM,
            "a line is no JSON object that all readers read alike",
            "write one JSON object a line, no key twice",
            _JSON,
            is_unread=True,
        ),
        DataRule(
            "row-not-utf8",
            _MEDIUM,
            "a row is not in UTF-8",
            "convert the file to UTF-8, or leave the row out",
            _JSON,
            is_unread=True,
        ),
        DataRule(
            "row-wrong-type",
            _MEDIUM,
            "a row has a field of another type than its format says",
            "make the row like the others, or name the fields: --fields",
            _JSON,
            is_unread=True,
        ),
        DataRule(
            "row-too-large",
            _MEDIUM,
            "a row is larger than any that is read",
            "split the row, or leave it out",
            _OWASP_POISONING,
            is_unread=True,
        ),
        DataRule(
            "file-unread",
            _MEDIUM,
            "a file cannot be read, or is of no format that is known",
            "convert it to JSON lines, CSV or Parquet, or leave it out",
            _OWASP_POISONING,
            is_unread=True,
        ),
    )
}
