"""Text from outside, made harmless for a terminal."""


def plain(text: str) -> str:
    """The text with a blank for each tab and without what could steer a terminal."""
    return "".join(
        " " if c == "\t" else c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text
    )
