"""Answers questions of customers."""

from openai import OpenAI

client = OpenAI()


def answer(question: str) -> str:
    """The model's answer."""
    reply = client.chat.completions.create(
        model="gpt-5", messages=[{"role": "user", "content": question}]
    )
    return reply.choices[0].message.content or ""
