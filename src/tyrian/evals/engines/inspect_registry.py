"""What Inspect AI finds by entry point: benchmarks as `tyrian/NAME`, our models as `tyrian/SPEC`.

    inspect eval tyrian/prompt-injection -T sample=true \\
        --model tyrian/scripted:obeys --model-role judge=tyrian/scripted-judge
"""

from collections.abc import Callable
from typing import Any

from inspect_ai import Task, task
from inspect_ai.model import ChatMessage, GenerateConfig, ModelAPI, ModelOutput, modelapi
from inspect_ai.tool import ToolChoice, ToolInfo

from tyrian.evals.engines.inspect_task import task_of
from tyrian.evals.engines.inspect_wire import output_of, request_of
from tyrian.evals.models.spec import model_from
from tyrian.evals.registry import known_benchmarks


def _registered(name: str) -> Callable[..., Task]:
    def benchmark(
        sample: bool = False,
        data: str = "",
        variant: str = "full",
        upstream: bool = False,
        seed: int = 0,
        limit: int = 0,
        settings: str = "",
    ) -> Task:
        return task_of(
            name,
            sample=sample,
            data=data,
            variant=variant,
            upstream=upstream,
            seed=seed,
            limit=limit,
            settings=settings,
        )

    made: Callable[..., Task] = task(name=name)(benchmark)
    return made


TASKS = {name: _registered(name) for name in known_benchmarks()}
"""By name; being here they are known to Inspect."""


class TyrianModel(ModelAPI):
    """Our models behind Inspect's interface: scripted, recorded, or any of ours."""

    def __init__(
        self,
        model_name: str,
        base_url: str | None = None,
        api_key: str | None = None,
        config: GenerateConfig = GenerateConfig(),  # noqa: B008  Inspect's own form
        **_: Any,
    ) -> None:
        super().__init__(model_name, base_url, api_key, [], config)
        self._model = model_from(model_name)

    async def generate(
        self,
        input: list[ChatMessage],  # noqa: A002
        tools: list[ToolInfo],
        tool_choice: ToolChoice,
        config: GenerateConfig,
    ) -> ModelOutput:
        """The model's reply."""
        reply = await self._model.reply(request_of(input, tools, config))
        return output_of(reply, self._model.name)

    async def aclose(self) -> None:
        """Let connections go."""
        await self._model.close()


@modelapi(name="tyrian")
def tyrian() -> type[ModelAPI]:
    """The provider `tyrian/`."""
    return TyrianModel
