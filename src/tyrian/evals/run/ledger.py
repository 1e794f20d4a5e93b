"""Tokens and money that a run has spent, and the line that it must not cross."""

from dataclasses import dataclass, field

from tyrian.errors import TyrianError
from tyrian.evals.exchange import Usage


class BudgetError(TyrianError):
    """The run reached its budget; what is done is kept, and `--resume` goes on."""


@dataclass(frozen=True, slots=True)
class Price:
    """Money per million tokens."""

    prompt: float = 0.0
    completion: float = 0.0

    def of(self, usage: Usage) -> float:
        """The cost of one answer."""
        return (usage.prompt * self.prompt + usage.completion * self.completion) / 1e6


@dataclass(slots=True)
class Ledger:
    """Counts what answers cost; refuses the next request once the budget is reached.

    Requests under way when the budget is reached are paid and kept, so that a run may spend up to
    one answer per place at the endpoint more than `most`.
    """

    prices: dict[str, Price] = field(default_factory=dict)
    most: float | None = None
    most_tokens: int | None = None
    spent: float = 0.0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    answers: int = 0

    def admit(self) -> None:
        """BudgetError where nothing more may be spent."""
        if self.most is not None and self.spent >= self.most:
            raise BudgetError(
                f"the budget of {self.most:g} is spent ({self.spent:.4f})",
                hint="raise --max-cost and run again: what is done is not asked again",
            )
        tokens = self.prompt_tokens + self.completion_tokens
        if self.most_tokens is not None and tokens >= self.most_tokens:
            raise BudgetError(
                f"the budget of {self.most_tokens} tokens is spent ({tokens})",
                hint="raise --max-tokens-total and run again: what is done is not asked again",
            )

    def record(self, model: str, usage: Usage) -> None:
        """Count one answer."""
        self.answers += 1
        self.prompt_tokens += usage.prompt
        self.completion_tokens += usage.completion
        self.spent += self.price(model, usage.prompt, usage.completion)

    def price(self, model: str, prompt: int, completion: int) -> float:
        """What so many tokens of a model cost."""
        return self.prices.get(model, Price()).of(Usage(prompt, completion))
