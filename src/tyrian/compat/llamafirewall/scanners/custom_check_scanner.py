"""A scanner of one's own that asks a model a question with a schema for the answer."""

from abc import abstractmethod
from typing import Generic, TypeVar

from pydantic import BaseModel

from tyrian.compat.llamafirewall.llamafirewall_data_types import Message, ScanResult, Trace
from tyrian.compat.llamafirewall.scanners.base_scanner import Scanner
from tyrian.compat.llamafirewall.utils.base_llm import LLMClient
from tyrian.errors import TyrianError

OutputSchemaT = TypeVar("OutputSchemaT", bound=BaseModel)


class CustomCheckScanner(Scanner, Generic[OutputSchemaT]):
    """Derive from it, and say what an answer means."""

    def __init__(
        self,
        scanner_name: str,
        system_prompt: str,
        output_schema: type[OutputSchemaT],
        model_name: str = "meta-llama/Llama-4-Maverick-17B-128E-Instruct-FP8",
        api_base_url: str = "https://api.together.xyz/v1",
        api_key_env_var: str = "TOGETHER_API_KEY",
        temperature: float = 0.0,
        block_threshold: float = 0.0,
    ) -> None:
        super().__init__(scanner_name, block_threshold)
        self.system_prompt = system_prompt
        self.output_schema = output_schema
        self.temperature = temperature
        self.llm: LLMClient[OutputSchemaT] = LLMClient(model_name, api_base_url, api_key_env_var)

    async def _evaluate_with_llm(self, text: str) -> OutputSchemaT:
        """The model's answer; the default one where there is none."""
        try:
            return await self.llm.call(
                text, self.system_prompt, self.output_schema, self.temperature
            )
        except TyrianError:
            return self._get_default_error_response()

    @abstractmethod
    def _get_default_error_response(self) -> OutputSchemaT:
        """The answer that stands for none; let it be one that blocks."""

    @abstractmethod
    async def _convert_llm_response_to_score(self, response: OutputSchemaT) -> float:
        """What an answer means, 0..1."""

    @abstractmethod
    async def scan(self, message: Message, past_trace: Trace | None = None) -> ScanResult:
        """The result for a message."""
