"""What a document is to the scan: the text that it shows, and what it does not show."""

from dataclasses import dataclass, field

from tyrian.errors import InputError

FEW_WORDS = 6
"""From here on text that a page keeps back counts; less is a label for screen readers."""


class DocumentError(InputError):
    """A document cannot be read."""


@dataclass(frozen=True, slots=True)
class Hidden:
    """A text that is there and not shown."""

    text: str
    why: str
    """How it is kept from people."""
    is_trick: bool = False
    """No ordinary page does this."""

    @property
    def is_finding(self) -> bool:
        """Whether it is to be told, and not only to be judged."""
        if self.is_trick:
            return any(char.isalnum() for char in self.text)
        return len(self.text.split()) >= FEW_WORDS


@dataclass(slots=True)
class Page:
    """A document as text."""

    shown: str = ""
    hidden: list[Hidden] = field(default_factory=list)
    metadata: dict[str, str] = field(default_factory=dict)
