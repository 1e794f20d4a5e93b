"""Why a value cannot be judged or may not be used: raised by kinds, told by decisions."""


class Refusal(Exception):  # noqa: N818  a verdict, not a fault
    """A value that the policy does not let pass.

    `rule` is a stable id (`fs.outside`), `reason` a sentence that never quotes the value, and
    `hint` what would have to change for it to pass.
    """

    def __init__(self, rule: str, reason: str, hint: str = "") -> None:
        super().__init__(reason)
        self.rule = rule
        self.reason = reason
        self.hint = hint
