"""An agent that reads mail and writes answers."""

from langchain.agents import create_agent
from langchain_openai import ChatOpenAI

from tyrian import Firewall
from tyrian.adapters.langchain import TyrianMiddleware


def read_mail(number: int) -> str:
    """The text of a mail."""
    raise NotImplementedError(number)


def draft_answer(number: int, text: str) -> str:
    """Put an answer among the drafts."""
    raise NotImplementedError(number, text)


agent = create_agent(
    ChatOpenAI(model="gpt-5"),
    [read_mail, draft_answer],
    middleware=[TyrianMiddleware(Firewall.from_stack("stack.yaml"))],
)
