"""What `options:` of a prompt guard may say."""

from dataclasses import dataclass

from tyrian.core.registry import DetectorConfig
from tyrian.detectors.options import check_keys, option, strings
from tyrian.detectors.prompt_guard.tally import EXIT_AT
from tyrian.errors import ConfigError

KEYS = (
    "api_key_env",
    "device",
    "dialect",
    "exit_at",
    "labels",
    "pack",
    "second_stage",
    "self_test",
    "threads",
    "window_tokens",
)
LEAST_WINDOW = 16


@dataclass(frozen=True, slots=True)
class PromptGuardOptions:
    """The options, checked; what only one backend reads has no effect on the others."""

    self_test: bool
    """Refuse at start a head that does not tell known attacks from harmless texts."""
    labels: tuple[str, ...]
    """Names of the model's classes in the order of its logits; empty takes those of its files."""
    window_tokens: int
    """Tokens of a window."""
    threads: int
    """Threads of one call; 0 takes half of the processors."""
    device: str
    """For torch: `cpu`, `cuda`, or `auto`."""
    pack: bool
    """For torch on a CPU: faster, with a third of the weights copied instead of shared."""
    exit_at: float
    """Score from which the rest of a text is not judged any more; above 1 never."""
    dialect: str
    """For remote: `classify`, `predict` or `moderations`; empty looks at the url."""
    second_stage: bool
    """For embedded: read what the first stage leaves open again; costs about 5 ms where it does."""
    api_key_env: str
    """For remote: name of the environment variable that holds the server's key."""


def read_options(config: DetectorConfig) -> PromptGuardOptions:
    """The options of a guard; ConfigError for unknown keys and impossible values."""
    check_keys(config, KEYS)
    window = option(config, "window_tokens", int, 128)
    threads = option(config, "threads", int, 0)
    if window < LEAST_WINDOW or threads < 0:
        raise ConfigError(
            f"guard {config.name!r}: window_tokens {window} or threads {threads} is too small",
            hint=f"window_tokens from {LEAST_WINDOW}, threads from 0",
        )
    exit_at = config.options.get("exit_at", EXIT_AT)
    if isinstance(exit_at, bool) or not isinstance(exit_at, int | float) or not exit_at > 0.5:
        raise ConfigError(
            f"guard {config.name!r}: option 'exit_at' must be a score above 0.5",
            hint="leave it out, or write 2 to judge every text to its end",
        )
    return PromptGuardOptions(
        self_test=option(config, "self_test", bool, True),
        labels=strings(config, "labels") or (),
        window_tokens=window,
        threads=threads,
        device=option(config, "device", str, "auto"),
        pack=option(config, "pack", bool, True),
        exit_at=float(exit_at),
        dialect=option(config, "dialect", str, ""),
        second_stage=option(config, "second_stage", bool, True),
        api_key_env=option(config, "api_key_env", str, ""),
    )
