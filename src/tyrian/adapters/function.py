"""A decorator for plain functions that an agent may call.

    @guarded_function(firewall)
    def read_file(path: str) -> str: ...

The function is called with canonical arguments, and what it returns is judged before its caller
sees it. RefusedError for a call that may not be made, and for a result that may not be read.
"""

import inspect
import json
from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar, cast

from tyrian.adapters.conversation import Conversation
from tyrian.errors import BlockedError, ConfigError
from tyrian.firewall.firewall import Firewall
from tyrian.firewall.sync import BACKGROUND

FunctionT = TypeVar("FunctionT", bound=Callable[..., Any])


def guarded_function(
    guard: Firewall | Conversation, *, name: str = ""
) -> Callable[[FunctionT], FunctionT]:
    """Judge the calls of a function, plain or async, under its own name or another.

    With a Firewall each call is judged by itself; with a Conversation in the light of what was said
    and read in it. Arguments that are left out take the function's own defaults, unjudged. The
    `self` of a method is no argument.
    """

    def decorate(function: FunctionT) -> FunctionT:
        tool = name or function.__name__
        guarded = _Function(function, tool, guard)
        if inspect.iscoroutinefunction(function):

            @wraps(function)
            async def awaited(*args: Any, **kwargs: Any) -> Any:
                talk, bound = await guarded.call(args, kwargs)
                return await guarded.result(talk, await function(*bound.args, **bound.kwargs))

            return cast(FunctionT, awaited)

        @wraps(function)
        def plain(*args: Any, **kwargs: Any) -> Any:
            talk, bound = BACKGROUND.run(guarded.call(args, kwargs))
            return BACKGROUND.run(guarded.result(talk, function(*bound.args, **bound.kwargs)))

        return cast(FunctionT, plain)

    return decorate


class _Function:
    """One function's signature, with what judges its calls."""

    def __init__(
        self, function: Callable[..., Any], name: str, guard: Firewall | Conversation
    ) -> None:
        if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
            raise ConfigError(
                f"{name} gives its result piece by piece, which cannot be judged",
                hint="guard a function that returns the whole",
            )
        self._signature = inspect.signature(function)
        parameters = self._signature.parameters.values()
        if any(one.kind is one.VAR_POSITIONAL for one in parameters):
            raise ConfigError(
                f"{name} takes arguments without a name, which no policy can judge",
                hint="give its parameters names",
            )
        self._self = next((one.name for one in parameters if one.name in ("self", "cls")), "")
        self._rest = next((one.name for one in parameters if one.kind is one.VAR_KEYWORD), "")
        self._name = name
        self._guard = guard

    async def call(
        self, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> tuple[Conversation, inspect.BoundArguments]:
        """The conversation, and the arguments in the form with which the call may be made."""
        guard = self._guard
        talk = guard if isinstance(guard, Conversation) else Conversation(guard)
        bound = self._signature.bind(*args, **kwargs)
        rest = bound.arguments.get(self._rest, {})
        given = {**bound.arguments, **rest}
        for left_out in (self._self, self._rest):
            given.pop(left_out, None)
        try:
            plain = {key: json.loads(json.dumps(value)) for key, value in given.items()}
        except (TypeError, ValueError) as error:
            raise BlockedError(
                f"an argument of {self._name} is no JSON, so the call cannot be judged"
            ) from error
        for key, value in (await talk.call(self._name, plain)).items():
            if key in plain and plain[key] == value:
                continue  # the value as it came: tuples stay tuples
            place = bound.arguments if key in self._signature.parameters else rest
            place[key] = value
        return talk, bound

    async def result(self, talk: Conversation, found: Any) -> Any:
        """What the caller may see: redacted, if it is a text."""
        text = found if isinstance(found, str) else json.dumps(found, default=str)
        judged = await talk.result(text, name=self._name)
        if judged == text:
            return found
        if isinstance(found, str):
            return judged
        raise BlockedError(
            f"what {self._name} gave would have to be redacted, and it is no text",
            hint="let the function return a string",
        )
