"""Llama Guard behind a server that speaks the OpenAI dialect: vLLM, llama.cpp, Ollama and others.

Three ways to ask. `chat`: the server applies the model's own template to the conversation.
`completions`: the prompt is made here, which any taxonomy needs that is not the model's own.
`moderations`: the Llama API's own endpoint, which gives labels without prompts.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import islice

from tyrian.core.detection import Detection, DetectorInfo, View
from tyrian.core.taxonomy import MLCOMMONS
from tyrian.detectors.content_guard.conversation import Turn
from tyrian.detectors.content_guard.llama_guard import Rules, Sum, windows_of
from tyrian.detectors.content_guard.moderation import read_moderation
from tyrian.detectors.content_guard.offer import Offer, labels_of, texts
from tyrian.detectors.content_guard.verdict import UNSAFE, Verdict, verdict_of
from tyrian.detectors.content_guard.windows import Window
from tyrian.errors import DetectorError, UpstreamError
from tyrian.models.chat.client import ChatClient
from tyrian.models.chat.completion import Completion, Token
from tyrian.models.chat.images import is_data_url

AT_ONCE = 4
_INLINE_LIMIT = 20_000
_INLINE_TURNS = 16
"""Characters and turns up to which windows are cut on the event loop itself."""
_WORTH_NAMING = 0.05


class Api(StrEnum):
    """Which endpoint is asked."""

    CHAT = "chat"
    COMPLETIONS = "completions"
    MODERATIONS = "moderations"


@dataclass(frozen=True, slots=True)
class Asking:
    """How the server is asked."""

    api: Api
    top_logprobs: int = 20
    """Alternatives per token; 0 asks for none, and scores are then 1 or 0."""
    passes_image_addresses: bool = False
    """Whether http(s) addresses of images go to the server, which then fetches them."""


@dataclass(frozen=True, slots=True)
class RemoteLlamaGuard:
    """Scores each category by the log-probabilities of a short greedy answer."""

    info: DetectorInfo
    client: ChatClient
    rules: Rules
    asking: Asking
    is_bounded: bool = False
    reads_trace: bool = True

    async def detect(self, view: View) -> Detection:
        """Judge the last message in its conversation, a few windows at once."""
        total = Sum(view, self.rules)
        windows = windows_of(view, self.rules)
        is_long = len(view.text) > _INLINE_LIMIT or len(view.trace) > _INLINE_TURNS
        while not total.is_late:
            work = islice(windows, AT_ONCE)
            some = await asyncio.to_thread(list, work) if is_long else list(work)
            if not some:
                break
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(self._judged(window)) for window in some]
            for window, task in zip(some, tasks, strict=True):
                found = task.result()
                if isinstance(found, DetectorError):
                    raise found
                total.add(window, found)
        return total.detection()

    async def close(self) -> None:
        """Let go of the connections."""
        await self.client.close()

    async def _judged(self, window: Window) -> Verdict | DetectorError:
        try:
            self._check_images(window)
            match self.asking.api:
                case Api.CHAT:
                    return await self._chat(window)
                case Api.COMPLETIONS:
                    return await self._completions(window)
                case Api.MODERATIONS:
                    body = {"model": self.client.model, "messages": _wire(window.turns)}
                    answer = await self.client.post("/moderations", body)
                    return read_moderation(answer, self.rules.offer)
        except DetectorError as error:
            return error
        except UpstreamError as error:
            return DetectorError(error.message, hint=error.hint)

    async def _chat(self, window: Window) -> Verdict:
        answer = await self.client.complete(
            _wire(window.turns),
            max_tokens=most_tokens(self.rules.offer),
            logprobs=self.asking.top_logprobs > 0,
            top_logprobs=self.asking.top_logprobs,
            extra=self._template_variables(),
        )
        return verdict_of(_whole(answer), self.rules.offer)

    def _template_variables(self) -> Mapping[str, object]:
        """The categories, where they are not those that the template lists by itself."""
        if self.rules.taxonomy is MLCOMMONS:
            return {}
        wanted = texts(self.rules.offer)
        excluded = [alias for alias in self.rules.family.own_codes if alias not in wanted]
        kwargs = {"categories": wanted, "excluded_category_keys": excluded}
        return {"chat_template_kwargs": kwargs}

    async def _completions(self, window: Window) -> Verdict:
        prompt = self.rules.prompter.prompt(window.turns)
        verdict = verdict_of(await self._continued(prompt), self.rules.offer)
        if verdict.shares is not None or verdict.unsafe < _WORTH_NAMING:
            return verdict
        # The answer is `safe`, but not surely: which category would it have been?
        forced = await self._continued(f"{prompt}{UNSAFE}\n")
        begun = (Token(f"{UNSAFE}\n", 0.0), *forced.tokens)
        named = replace(forced, text=f"{UNSAFE}\n{forced.text.strip()}", tokens=begun)
        return Verdict(verdict.unsafe, verdict_of(named, self.rules.offer).shares)

    async def _continued(self, prompt: str) -> Completion:
        answer = await self.client.complete_text(
            prompt,
            max_tokens=most_tokens(self.rules.offer),
            top_logprobs=self.asking.top_logprobs,
        )
        return _whole(answer)

    def _check_images(self, window: Window) -> None:
        if self.asking.passes_image_addresses:
            return
        if not all(is_data_url(image.url) for image in window.images):
            raise DetectorError("an image is given by its address, which is not passed on")


def most_tokens(offer: Offer) -> int:
    """Room for an answer that names every category, in a tokenizer of single characters."""
    return len(f"\n\n{UNSAFE}\n{','.join(labels_of(offer))}") + 1


def _whole(answer: Completion) -> Completion:
    """The answer; DetectorError where it was cut, because the rest could name more categories."""
    if answer.finish_reason == "length":
        raise DetectorError("the model's answer was cut off before its end")
    return answer


def _wire(turns: Sequence[Turn]) -> list[dict[str, object]]:
    return [{"role": turn.role, "content": _content(turn)} for turn in turns]


def _content(turn: Turn) -> str | list[dict[str, object]]:
    if not turn.images:
        return turn.text
    images: list[dict[str, object]] = [
        {"type": "image_url", "image_url": {"url": image.url}} for image in turn.images
    ]
    return [*images, {"type": "text", "text": turn.text}]
