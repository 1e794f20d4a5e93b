"""Code that is imported when it is first called: what is short-lived is mostly start-up."""

from collections.abc import Callable
from importlib import import_module
from typing import Any


class Later:
    """Stands for a function or class of a module that may never be needed."""

    __slots__ = ("_found", "_target")

    def __init__(self, target: str) -> None:
        """`target` is `module:name`."""
        self._target = target
        self._found: Callable[..., Any] | None = None

    def __call__(self, *arguments: Any) -> Any:
        """Call it."""
        return (self._found or self.load())(*arguments)

    def load(self) -> Callable[..., Any]:
        """Import it now."""
        module, _, name = self._target.partition(":")
        found: Callable[..., Any] = getattr(import_module(module), name)
        self._found = found
        return found
