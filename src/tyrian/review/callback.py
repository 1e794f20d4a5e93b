"""A function of the program itself as the way to a person."""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from inspect import isawaitable

from tyrian.review.request import ReviewAnswer, ReviewRequest

Callback = Callable[[ReviewRequest], "bool | ReviewAnswer | Awaitable[bool | ReviewAnswer]"]
"""Gets the request; True or an answer that approves lets the message pass."""

_REMEMBERED = 1024


class CallbackReviewer:
    """Asks a function, plain or async; what takes longer than `timeout_s` is refused."""

    def __init__(self, callback: Callback, *, timeout_s: float | None = None) -> None:
        self._callback = callback
        self._timeout_s = timeout_s
        self._answers: OrderedDict[bytes, ReviewAnswer] = OrderedDict()

    async def ask(self, request: ReviewRequest) -> ReviewAnswer:
        """The function's answer; anything but a plain yes is a refusal."""
        async with asyncio.timeout(self._timeout_s):
            given = self._callback(request)
            said = await given if isawaitable(given) else given
        answer = said if isinstance(said, ReviewAnswer) else ReviewAnswer(said is True)
        self._answers[request.digest] = answer
        while len(self._answers) > _REMEMBERED:
            self._answers.popitem(last=False)
        return answer

    async def recall(self, request: ReviewRequest) -> ReviewAnswer | None:
        """What the function said to the same before."""
        return self._answers.get(request.digest)
