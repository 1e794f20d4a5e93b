"""An agent of LlamaIndex, with a guarded model and guarded tools.

python -m examples.agents.llama_index_agent
"""

import asyncio

from examples.agents.llama_index_model import ServedModel
from examples.agents.model import ModelServer
from examples.agents.world import SYSTEM, TASKS, Outcome, World
from examples.agents.world import firewall as firewall_of_examples
from llama_index.core.agent.workflow import FunctionAgent
from llama_index.core.tools import FunctionTool

from tyrian.adapters.conversation import Conversation, RefusedError
from tyrian.adapters.llama_index import guarded_llm, guarded_tool


async def _run(task: str, base: str) -> Outcome:
    world = World()
    firewall = firewall_of_examples()
    talk = Conversation(firewall)
    agent = FunctionAgent(
        tools=[
            guarded_tool(FunctionTool.from_defaults(tool), talk)
            for tool in (world.fetch_page, world.read_file, world.send_mail)
        ],
        llm=guarded_llm(ServedModel(base=base), firewall),
        system_prompt=SYSTEM,
        streaming=False,
    )
    try:
        answer = await agent.run(task)
    except RefusedError as refused:
        return Outcome("", world.done, refused.message)
    return Outcome(str(answer), world.done)


def run(task: str, base: str) -> Outcome:
    """Carry out a task with the model at an address."""
    return asyncio.run(_run(task, base))


if __name__ == "__main__":
    with ModelServer() as model:
        for name, task in TASKS.items():
            print(f"{name}: {run(task, model.base)}")
