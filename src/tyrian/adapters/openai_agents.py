"""Guarded agents of the OpenAI Agents SDK, by the SDK's own guardrails.

    talk = Conversation(Firewall.from_stack("stack.yaml"))
    result = await Runner.run(guarded(agent, talk), "What is new?")

Input and final output trip the SDK's wires. A tool call that may not be made, and a result that may
not be read, are told to the model in the refusal's words; other calls are made with canonical
arguments. Guardrails cannot change an input or a final output: where one would have to be redacted,
the wire is tripped. With `run_streamed` pieces of the output leave before it was judged.
"""

import dataclasses
import json
from collections.abc import Awaitable
from typing import Any, TypeVar

from tyrian.adapters.conversation import Conversation, RefusedError
from tyrian.core.message import Message
from tyrian.errors import BlockedError, ConfigError, MissingDependencyError
from tyrian.policy.recorded.openai import read_openai

try:
    from agents.tool_context import ToolContext

    import agents
except ModuleNotFoundError as error:
    raise MissingDependencyError(
        "the adapter for the OpenAI Agents SDK needs the package openai-agents",
        hint="pip install 'tyrian[openai-agents]'",
    ) from error

ContextT = TypeVar("ContextT")

_INPUT = "tyrian_input"


def guarded(agent: agents.Agent[ContextT], talk: Conversation) -> agents.Agent[ContextT]:
    """The agent with its input, output and tools judged, and so are those it hands over to.

    ConfigError for tools that run out of reach: hosted ones, and servers of MCP.
    """
    return _Guard(talk).agent(agent)


class _Guard:
    def __init__(self, talk: Conversation) -> None:
        self.talk = talk
        self._agents: dict[int, agents.Agent[Any]] = {}
        self._canonical: dict[tuple[str, str], str] = {}

    def agent(self, agent: agents.Agent[ContextT]) -> agents.Agent[ContextT]:
        if id(agent) in self._agents:
            return self._agents[id(agent)]
        if agent.mcp_servers:
            raise ConfigError(
                f"the tools of the MCP servers of agent {agent.name!r} cannot be judged in here",
                hint="put Tyrian's MCP proxy in front of them and turn them into function tools",
            )
        twin = agent.clone(
            tools=[self._tool(tool) for tool in agent.tools],
            handoffs=[],
            input_guardrails=[
                agents.InputGuardrail(self._input, name=_INPUT, run_in_parallel=False),
                *agent.input_guardrails,
            ],
            output_guardrails=[
                agents.OutputGuardrail(self._output, name="tyrian_output"),
                *agent.output_guardrails,
            ],
        )
        self._agents[id(agent)] = self._agents[id(twin)] = twin
        twin.handoffs.extend(self._handoff(one) for one in agent.handoffs)
        return twin

    def _handoff(self, target: Any) -> Any:
        if isinstance(target, agents.Agent):
            return self.agent(target)

        async def invoke(context: agents.RunContextWrapper[Any], arguments: str) -> Any:
            return self.agent(await target.on_invoke_handoff(context, arguments))

        return dataclasses.replace(target, on_invoke_handoff=invoke)

    async def _input(
        self, _context: Any, _agent: Any, given: str | list[Any]
    ) -> agents.GuardrailFunctionOutput:
        messages = [Message.user(given)]
        if not isinstance(given, str):
            messages = list(read_openai(given)[0].messages)
        for message in messages:
            tripped = await self._tripped(message.text, self._text_of(message))
            if tripped.tripwire_triggered:
                return tripped
        return agents.GuardrailFunctionOutput(None, tripwire_triggered=False)

    async def _text_of(self, message: Message) -> str:
        return (await self.talk.take(message)).text

    async def _output(
        self, _context: Any, _agent: Any, output: Any
    ) -> agents.GuardrailFunctionOutput:
        text = _text(output)
        return await self._tripped(text, self.talk.answer(text))

    async def _tripped(self, text: str, judged: Awaitable[str]) -> agents.GuardrailFunctionOutput:
        try:
            if await judged == text:
                return agents.GuardrailFunctionOutput(None, tripwire_triggered=False)
            info = "it would have to be redacted, which a guardrail cannot do"
        except RefusedError as refused:
            info = refused.message
        return agents.GuardrailFunctionOutput(info, tripwire_triggered=True)

    def _tool(self, tool: agents.Tool) -> agents.Tool:
        if not isinstance(tool, agents.FunctionTool):
            raise ConfigError(
                f"the calls of {tool.name!r} run out of reach of a guard",
                hint="use function tools",
            )
        inner = getattr(tool, "_agent_instance", None)
        if inner is not None and not _is_guarded(inner):
            raise ConfigError(
                f"{tool.name!r} is an agent that is not guarded itself",
                hint="guard the agent first: guarded(agent, talk).as_tool(...)",
            )
        act = tool.on_invoke_tool

        async def invoke(context: ToolContext[Any], arguments: str) -> Any:
            canonical = self._canonical.get((context.tool_call_id, arguments))
            if canonical is None:
                raise BlockedError(f"the call of {context.tool_name} was not judged")
            # What the SDK prepared for an approval are the arguments as they came.
            context._function_tool_arguments = None
            return await act(context, canonical)

        return dataclasses.replace(
            tool,
            on_invoke_tool=invoke,
            tool_input_guardrails=[
                *(tool.tool_input_guardrails or []),
                agents.ToolInputGuardrail(self._call, name="tyrian_call"),
            ],
            tool_output_guardrails=[
                agents.ToolOutputGuardrail(self._result, name="tyrian_result"),
                *(tool.tool_output_guardrails or []),
            ],
        )

    async def _call(
        self, data: agents.ToolInputGuardrailData
    ) -> agents.ToolGuardrailFunctionOutput:
        context = data.context
        key = (context.tool_call_id, context.tool_arguments)
        try:
            given = await self.talk.call(
                context.tool_name, context.tool_arguments, call_id=context.tool_call_id
            )
        except RefusedError as refused:
            self._canonical.pop(key, None)
            return agents.ToolGuardrailFunctionOutput.reject_content(refused.explanation)
        self._canonical[key] = json.dumps(given)
        return agents.ToolGuardrailFunctionOutput.allow()

    async def _result(
        self, data: agents.ToolOutputGuardrailData
    ) -> agents.ToolGuardrailFunctionOutput:
        context, text = data.context, _text(data.output)
        try:
            judged = await self.talk.result(
                text, name=context.tool_name, call_id=context.tool_call_id
            )
        except RefusedError as refused:
            return agents.ToolGuardrailFunctionOutput.reject_content(refused.explanation)
        if judged != text:
            return agents.ToolGuardrailFunctionOutput.reject_content(judged)
        return agents.ToolGuardrailFunctionOutput.allow()


def _is_guarded(agent: agents.Agent[Any]) -> bool:
    return any(one.name == _INPUT for one in agent.input_guardrails)


def _text(value: Any) -> str:
    """What a model or a person reads of it."""
    if isinstance(value, str):
        return value
    plain = value.model_dump(mode="json") if hasattr(value, "model_dump") else value
    return json.dumps(plain, ensure_ascii=False, default=str)
