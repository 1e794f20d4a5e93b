"""Code that is imported when it is first called: a small scan is mostly start-up."""

from collections.abc import Callable
from importlib import import_module
from typing import Any, ClassVar


class Later:
    """Stands for a function of a module that may never be needed."""

    __slots__ = ("_found", "_target")

    waiting: ClassVar["list[Later]"] = []

    def __init__(self, target: str) -> None:
        """`target` is `module:function`, the module below `tyrian.supply.scan`."""
        self._target = target
        self._found: Callable[..., Any] | None = None
        self.waiting.append(self)

    def __call__(self, *arguments: Any) -> Any:
        """Call the function."""
        return (self._found or self.load())(*arguments)

    def load(self) -> Callable[..., Any]:
        """Import the function now."""
        module, _, name = self._target.partition(":")
        found: Callable[..., Any] = getattr(import_module(f"tyrian.supply.scan.{module}"), name)
        self._found = found
        return found


def load_all() -> None:
    """Import now whatever a scan may need, also what is only found on the way."""
    for one in Later.waiting:
        one.load()
