"""What a scan imports when it first needs it, and all of that at once."""

from typing import ClassVar

from tyrian.core import later


class Later(later.Later):
    """Stands for a function of the scan that may never be needed."""

    __slots__ = ()

    waiting: ClassVar[list["Later"]] = []

    def __init__(self, target: str) -> None:
        """`target` is `module:function`, the module below `tyrian.supply.scan`."""
        super().__init__(f"tyrian.supply.scan.{target}")
        self.waiting.append(self)


def load_all() -> None:
    """Import now whatever a scan may need, also what is only found on the way."""
    for one in Later.waiting:
        one.load()
