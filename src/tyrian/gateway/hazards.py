"""Hazards of the MLCommons taxonomy and what they are in OpenAI's thirteen categories."""

from collections.abc import Mapping
from types import MappingProxyType

CATEGORIES = (
    "harassment",
    "harassment/threatening",
    "hate",
    "hate/threatening",
    "illicit",
    "illicit/violent",
    "self-harm",
    "self-harm/intent",
    "self-harm/instructions",
    "sexual",
    "sexual/minors",
    "violence",
    "violence/graphic",
)

NAMES: Mapping[str, str] = MappingProxyType(
    {
        "S1": "Violent Crimes",
        "S2": "Non-Violent Crimes",
        "S3": "Sex-Related Crimes",
        "S4": "Child Sexual Exploitation",
        "S5": "Defamation",
        "S6": "Specialized Advice",
        "S7": "Privacy",
        "S8": "Intellectual Property",
        "S9": "Indiscriminate Weapons",
        "S10": "Hate",
        "S11": "Suicide & Self-Harm",
        "S12": "Sexual Content",
        "S13": "Elections",
        "S14": "Code Interpreter Abuse",
        "injection": "Prompt Injection",
        "jailbreak": "Jailbreak",
    }
)

TO_CATEGORIES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "S1": ("violence", "illicit/violent"),
        "S2": ("illicit",),
        "S3": ("sexual", "illicit"),
        "S4": ("sexual/minors", "sexual"),
        "S5": ("harassment",),
        "S9": ("illicit/violent", "illicit"),
        "S10": ("hate",),
        "S11": ("self-harm",),
        "S12": ("sexual",),
        "S14": ("illicit",),
    }
)
"""Hazards without an entry only set `flagged`. What the taxonomy does not tell apart (threats,
gore, intent, instructions) stays false and is measured on no input type."""

MEASURED = frozenset(category for mapped in TO_CATEGORIES.values() for category in mapped)
