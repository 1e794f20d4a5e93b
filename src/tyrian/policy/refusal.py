"""Why a value cannot be judged or may not be used: raised by kinds, told by decisions."""


class Refusal(Exception):  # noqa: N818  a verdict, not a fault
    """A value that the policy does not let pass.

    `rule` is a stable id (`fs.outside`), `reason` a sentence that never quotes the value, `hint`
    what would have to change for it to pass, and `value` the canonical form that was judged, where
    there was one: for the person who asks, never for a log.
    """

    def __init__(self, rule: str, reason: str, hint: str = "", value: str = "") -> None:
        super().__init__(reason)
        self.rule = rule
        self.reason = reason
        self.hint = hint
        self.value = value
