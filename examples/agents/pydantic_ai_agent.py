"""An agent of Pydantic AI, with Tyrian's capability.

python -m examples.agents.pydantic_ai_agent
"""

import asyncio

import openai
from examples.agents.model import MODEL, ModelServer
from examples.agents.world import SYSTEM, TASKS, Outcome, World, firewall
from pydantic_ai import Agent
from pydantic_ai.models.openai import OpenAIChatModel
from pydantic_ai.providers.openai import OpenAIProvider

from tyrian.adapters.conversation import RefusedError
from tyrian.adapters.pydantic_ai import TyrianCapability


async def _run(task: str, base: str) -> Outcome:
    world = World()
    async with openai.AsyncOpenAI(base_url=f"{base}/v1", api_key="none") as client:
        agent = Agent(
            OpenAIChatModel(MODEL, provider=OpenAIProvider(openai_client=client)),
            system_prompt=SYSTEM,
            tools=[world.fetch_page, world.read_file, world.send_mail],
            capabilities=[TyrianCapability(firewall())],
        )
        try:
            result = await agent.run(task)
        except RefusedError as refused:
            return Outcome("", world.done, refused.message)
        return Outcome(result.output, world.done)


def run(task: str, base: str) -> Outcome:
    """Carry out a task with the model at an address."""
    return asyncio.run(_run(task, base))


if __name__ == "__main__":
    with ModelServer() as model:
        for name, task in TASKS.items():
            print(f"{name}: {run(task, model.base)}")
