"""A service that the compose file leads to the gateway."""

from openai import OpenAI

client = OpenAI()


def summary(text: str) -> str:
    """A summary of a text that somebody sent."""
    return client.responses.create(model="assistant", input=f"Summarise:\n{text}").output_text
