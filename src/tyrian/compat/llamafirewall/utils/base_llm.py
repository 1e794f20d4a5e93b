"""Asks a model behind an OpenAI-compatible server for an answer of a given shape."""

from typing import Generic, TypeVar

from pydantic import BaseModel, ValidationError

from tyrian.errors import UpstreamError
from tyrian.models.chat.client import ChatClient

OutputSchemaT = TypeVar("OutputSchemaT", bound=BaseModel)
_MOST_TOKENS = 1024


class LLMClient(Generic[OutputSchemaT]):
    """One model of one server."""

    def __init__(self, model_name: str, api_base_url: str, api_key_env_var: str) -> None:
        self._client = ChatClient(api_base_url, model=model_name, api_key_env=api_key_env_var)

    async def call(
        self,
        prompt: str,
        system_prompt: str,
        output_schema: type[OutputSchemaT],
        temperature: float = 0.0,
    ) -> OutputSchemaT:
        """The answer; UpstreamError where there is none of that shape."""
        schema = {"name": output_schema.__name__, "schema": output_schema.model_json_schema()}
        answer = await self._client.complete(
            [{"role": "system", "content": system_prompt}, {"role": "user", "content": prompt}],
            max_tokens=_MOST_TOKENS,
            temperature=temperature,
            response_format={"type": "json_schema", "json_schema": schema},
        )
        try:
            return output_schema.model_validate_json(answer.text)
        except ValidationError:
            raise UpstreamError("the model's answer is not of the asked shape") from None
