"""Texts beside a model: chat templates, configurations, tokenizers, cards."""

from tyrian.core.detection import Severity
from tyrian.supply.scan.rules.rule import CWE_22, CWE_94, MADE_ANEW, ScanRule

_REMOTE = "https://huggingface.co/docs/transformers/custom_models"
_TEMPLATE = "https://github.com/advisories/GHSA-56xg-wfcc-g829"

RULES = (
    ScanRule(
        "template-reaches-python",
        Severity.CRITICAL,
        "a chat template reaches for the insides of Python",
        "do not render the template; take that of the model's base",
        _TEMPLATE,
    ),
    ScanRule(
        "template-steers",
        Severity.HIGH,
        "a chat template tells the model what neither user nor operator wrote",
        "take the template of the model's base, or read it line by line before it is used",
        "https://genai.owasp.org/llmrisk/llm03-training/",
    ),
    ScanRule(
        "template-malformed",
        Severity.HIGH,
        "a chat template cannot be parsed",
        "take the template of the model's base",
        "https://huggingface.co/docs/transformers/chat_templating",
    ),
    ScanRule(
        "config-remote-code",
        Severity.HIGH,
        "a configuration has code of its own loaded",
        "read that code, pin its revision, or do without it",
        _REMOTE,
    ),
    ScanRule(
        "config-leads-out",
        Severity.HIGH,
        "a configuration names files outside of the model",
        "replace the path by a file beside the configuration",
        CWE_22,
    ),
    ScanRule(
        "config-runs-code",
        Severity.CRITICAL,
        "a configuration has something called when it is read",
        "do not read it with the library it is for; write it anew without the call",
        CWE_94,
    ),
    ScanRule(
        "tokenizer-collides",
        Severity.HIGH,
        "a tokenizer gives one number to two texts, or two numbers to one",
        "take the tokenizer of the model's base",
        "https://huggingface.co/docs/tokenizers/api/added-tokens",
    ),
    ScanRule(
        "tokenizer-rewrites",
        Severity.HIGH,
        "a tokenizer replaces words by others",
        "take the tokenizer of the model's base",
        "https://huggingface.co/docs/tokenizers/api/normalizers",
    ),
    ScanRule(
        "card-orders",
        Severity.HIGH,
        "a note orders programs about that read it",
        "remove the sentence; do not have programs read the note until then",
        "https://genai.owasp.org/llmrisk/llm01-prompt-injection/",
    ),
    ScanRule(
        "text-secret",
        Severity.HIGH,
        "a secret stands in a file of the model",
        "change the secret, since everyone with the model has it, and remove it",
        "https://cwe.mitre.org/data/definitions/798.html",
    ),
    ScanRule(
        "text-hidden",
        Severity.HIGH,
        "a text has characters that people do not see and models read",
        "remove them",
        "https://cwe.mitre.org/data/definitions/1007.html",
    ),
    ScanRule(
        "text-attack",
        Severity.MEDIUM,
        "a text reads like an attack on the model that reads it",
        "read it before a program does",
        "https://genai.owasp.org/llmrisk/llm01-prompt-injection/",
    ),
    ScanRule(
        "xml-entity",
        Severity.HIGH,
        "an XML file names files or grows without end when it is read",
        "remove its entities",
        "https://cwe.mitre.org/data/definitions/611.html",
    ),
    ScanRule(
        "json-malformed",
        Severity.HIGH,
        "a JSON file cannot be read, or readers disagree on it",
        MADE_ANEW,
        "https://www.rfc-editor.org/rfc/rfc8259#section-4",
    ),
)
