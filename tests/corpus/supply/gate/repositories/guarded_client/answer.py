"""Answers questions of customers."""

from openai import OpenAI

from tyrian import Firewall
from tyrian.adapters.openai import guarded

client = guarded(OpenAI(), Firewall.from_stack("stack.yaml"))


def answer(question: str) -> str:
    """The model's answer; RefusedError where a guard refuses the question or the answer."""
    reply = client.chat.completions.create(
        model="gpt-5", messages=[{"role": "user", "content": question}]
    )
    return reply.choices[0].message.content or ""
