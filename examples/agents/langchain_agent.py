"""An agent of LangChain, with Tyrian's middleware.

python -m examples.agents.langchain_agent
"""

from examples.agents.model import MODEL, ModelServer
from examples.agents.world import SYSTEM, TASKS, Outcome, World, firewall
from langchain.agents import create_agent
from langchain_openai import ChatOpenAI
from pydantic import SecretStr

from tyrian.adapters.conversation import RefusedError
from tyrian.adapters.langchain import TyrianMiddleware


def run(task: str, base: str) -> Outcome:
    """Carry out a task with the model at an address."""
    world = World()
    agent = create_agent(
        ChatOpenAI(model=MODEL, base_url=f"{base}/v1", api_key=SecretStr("none")),
        [world.fetch_page, world.read_file, world.send_mail],
        system_prompt=SYSTEM,
        middleware=[TyrianMiddleware(firewall())],
    )
    try:
        state = agent.invoke({"messages": [{"role": "user", "content": task}]})
    except RefusedError as refused:
        return Outcome("", world.done, refused.message)
    return Outcome(state["messages"][-1].text, world.done)


if __name__ == "__main__":
    with ModelServer() as model:
        for name, task in TASKS.items():
            print(f"{name}: {run(task, model.base)}")
