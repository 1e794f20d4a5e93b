"""Every example of an agent: four tasks, and what was really done in each."""

from importlib import import_module

import pytest
from examples.agents.model import KEY, ModelServer
from examples.agents.world import TASKS, Outcome

EXAMPLES = (
    "openai_client",
    "openai_agents",
    "langchain_agent",
    "plain_functions",
    "pydantic_ai_agent",
    "anthropic_client",
    # LlamaIndex's workflows look at every attribute of an agent, deprecated ones among them.
    pytest.param(
        "llama_index_agent",
        marks=pytest.mark.filterwarnings("ignore::pydantic.warnings.PydanticDeprecationWarning"),
    ),
)


def outcome_of(example: str, task: str, base: str) -> Outcome:
    module = import_module(f"examples.agents.{example}")
    outcome = module.run(TASKS[task], base)
    assert isinstance(outcome, Outcome)
    return outcome


@pytest.mark.parametrize("example", EXAMPLES)
def test_an_agent_is_stopped_where_it_would_do_harm_and_nowhere_else(example: str) -> None:
    with ModelServer() as model:
        injected, benign, canonical, refused = (
            outcome_of(example, task, model.base) for task in TASKS
        )
    assert injected.done == [("fetch_page", "hostile")]
    assert KEY not in injected.answer
    assert "prompt_guard" in injected.stopped + injected.answer
    assert benign == Outcome("It opens at ten.", [("fetch_page", "harmless")])
    assert canonical == Outcome("It opens at noon.", [("read_file", "/workspace/notes/today.txt")])
    assert refused.done == []
    assert "policy.fs.outside" in refused.stopped + refused.answer
