"""Hazards of the MLCommons taxonomy and what they are in OpenAI's thirteen categories."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

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
"""What the taxonomy does not tell apart (threats, gore, intent, instructions) stays false and is
measured on no input type."""

MEASURED = frozenset(category for mapped in TO_CATEGORIES.values() for category in mapped)

FROM_CATEGORIES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "harassment": ("S5", "S10"),
        "harassment/threatening": ("S5", "S10"),
        "hate": ("S10",),
        "hate/threatening": ("S10",),
        "illicit": ("S2", "S9", "S14"),
        "illicit/violent": ("S1", "S9"),
        "self-harm": ("S11",),
        "self-harm/intent": ("S11",),
        "self-harm/instructions": ("S11",),
        "sexual": ("S3", "S12"),
        "sexual/minors": ("S4",),
        "violence": ("S1",),
        "violence/graphic": ("S1",),
    }
)
"""Which hazards a policy about a category has to look at."""

TAXONOMY_VERSION = "1"

Unmapped = Literal["flag_only", "illicit"]


@dataclass(frozen=True, slots=True)
class CategoryMap:
    """Which categories each hazard counts for."""

    unmapped: Unmapped = "flag_only"
    """Of a hazard that is in no category: `flagged` alone, or `illicit`.

    With the latter whoever reads categories alone sees whatever was flagged.
    """

    def categories_of(self, label: str) -> tuple[str, ...]:
        """The categories of a hazard or of what else a guard looks for."""
        rest = ("illicit",) if self.unmapped == "illicit" else ()
        return TO_CATEGORIES.get(label, rest)

    def document(self) -> dict[str, object]:
        """The map as clients read it."""
        return {
            "object": "moderation.taxonomy",
            "version": TAXONOMY_VERSION,
            "hazards": [
                {"id": code, "name": name, "categories": list(self.categories_of(code))}
                for code, name in NAMES.items()
            ],
            "categories": [
                {"id": category, "hazards": list(FROM_CATEGORIES[category])}
                for category in CATEGORIES
            ],
            "unmapped": self.unmapped,
        }
