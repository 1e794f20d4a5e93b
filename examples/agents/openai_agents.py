"""An agent on the OpenAI Agents SDK, with guardrails of Tyrian.

python -m examples.agents.openai_agents
"""

import asyncio

import openai
from examples.agents.model import MODEL, ModelServer
from examples.agents.world import SYSTEM, TASKS, Outcome, World, firewall

from agents import (
    Agent,
    InputGuardrailTripwireTriggered,
    OpenAIChatCompletionsModel,
    OutputGuardrailTripwireTriggered,
    RunConfig,
    Runner,
    function_tool,
)
from tyrian.adapters.conversation import Conversation
from tyrian.adapters.openai_agents import guarded


async def _run(task: str, base: str) -> Outcome:
    world = World()
    async with openai.AsyncOpenAI(base_url=f"{base}/v1", api_key="none") as client:
        agent = Agent(
            name="guide",
            instructions=SYSTEM,
            model=OpenAIChatCompletionsModel(MODEL, client),
            tools=[
                function_tool(tool) for tool in (world.fetch_page, world.read_file, world.send_mail)
            ],
        )
        talk = Conversation(firewall())
        try:
            result = await Runner.run(
                guarded(agent, talk), task, run_config=RunConfig(tracing_disabled=True)
            )
        except (InputGuardrailTripwireTriggered, OutputGuardrailTripwireTriggered) as tripped:
            info = tripped.guardrail_result.output.output_info
            return Outcome("", world.done, str(info))
        return Outcome(str(result.final_output), world.done)


def run(task: str, base: str) -> Outcome:
    """Carry out a task with the model at an address."""
    return asyncio.run(_run(task, base))


if __name__ == "__main__":
    with ModelServer() as model:
        for name, task in TASKS.items():
            print(f"{name}: {run(task, model.base)}")
