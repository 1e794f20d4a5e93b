"""Builds the prompt guard that a stack asks for: with weights, by a server, or embedded."""

from dataclasses import replace
from functools import partial

from tyrian.core.detection import Detector, DetectorInfo
from tyrian.core.registry import DetectorConfig
from tyrian.detectors.fallback import (
    EMBEDDED,
    REMOTE,
    check_backend,
    run_embedded_instead,
    wants_embedded,
)
from tyrian.detectors.prompt_guard.channel import LABELS
from tyrian.detectors.prompt_guard.embedded import PromptGuardDetector
from tyrian.detectors.prompt_guard.options import PromptGuardOptions, read_options
from tyrian.detectors.prompt_guard.readings import warm_up
from tyrian.detectors.prompt_guard.remote import RemoteDetector
from tyrian.detectors.prompt_guard.transformer import TransformerDetector
from tyrian.detectors.prompt_guard.weights import TITLES, Runnable, choose
from tyrian.errors import ConfigError
from tyrian.models.embedded import embedded_prompt_guard
from tyrian.models.own import own_prompt_guard
from tyrian.models.selftest import check_head
from tyrian.models.transformer.classifier import Settings, TransformerClassifier, load_classifier
from tyrian.models.transformer.labels import BENIGN
from tyrian.models.transformer.remote import RemoteClassifier
from tyrian.models.transformer.remote_wire import dialect_of

_THREE_CLASSES = ("BENIGN", "INJECTION", "JAILBREAK")


def create(config: DetectorConfig) -> Detector:
    """The detector for `prompt_guard`, or for the Prompt Guard that the guard's name says."""
    return _create(config, next((kind for kind in TITLES if config.name.startswith(kind)), ""))


def create_prompt_guard_1(config: DetectorConfig) -> Detector:
    """The detector for `prompt_guard_1` (three labels), whatever the guard is called."""
    return _create(config, "prompt_guard_1")


def create_prompt_guard_2(config: DetectorConfig) -> Detector:
    """The detector for `prompt_guard_2` (two labels), whatever the guard is called."""
    return _create(config, "prompt_guard_2")


def _create(config: DetectorConfig, asked: str) -> Detector:
    """The backend that the stack names, else the best that is here.

    Raises ModelError where the weights are here and cannot be used: the embedded model takes the
    place of what is missing, never of what is broken.
    """
    check_backend(config)
    options = read_options(config)
    warm_up()
    if config.backend == REMOTE or (config.url and not config.backend):
        return _remote(config, asked, options)
    if wants_embedded(config, title=TITLES.get(asked, "")):
        return _embedded(config, asked, options, fallback="")
    chosen = choose(config, asked)
    if isinstance(chosen, Runnable):
        return _transformer(config, asked, chosen, options)
    return _embedded(config, asked, options, fallback=run_embedded_instead(config, chosen))


def _info(
    config: DetectorConfig, asked: str, *, backend: str, model: str, revision: str, fallback: str
) -> DetectorInfo:
    return DetectorInfo(
        name=config.name,
        kind=asked or "prompt_guard",
        labels=LABELS,
        backend=backend,
        model=model,
        revision=revision,
        fallback=fallback,
    )


def _embedded(
    config: DetectorConfig, asked: str, options: PromptGuardOptions, *, fallback: str
) -> PromptGuardDetector:
    is_own = config.backend == EMBEDDED and bool(config.model)
    model = own_prompt_guard(config.model) if is_own else embedded_prompt_guard()
    if not options.second_stage:
        model = replace(model, second=None)
    info = _info(
        config,
        asked,
        backend=EMBEDDED,
        model="prompt-guard-embedded",
        revision=model.revision,
        fallback=fallback,
    )
    return PromptGuardDetector(
        info, model, model.of_users(), has_two_labels=asked == "prompt_guard_2"
    )


def _transformer(
    config: DetectorConfig, asked: str, chosen: Runnable, options: PromptGuardOptions
) -> TransformerDetector:
    settings = Settings(
        backend=chosen.backend,
        window_tokens=options.window_tokens,
        threads=options.threads,
        device=options.device,
        pack=options.pack,
        labels=options.labels,
    )
    model = load_classifier(chosen.path, settings)
    if options.self_test:
        check_head(partial(_attack, model))
    else:
        model.score("warm up")
    info = _info(
        config,
        asked,
        backend=chosen.backend,
        model=chosen.name,
        revision=model.revision,
        fallback="",
    )
    return TransformerDetector(info, model, config.timeout_s, options.exit_at)


def _attack(model: TransformerClassifier, text: str) -> float:
    return 1.0 - model.score(text)[BENIGN]


def _remote(config: DetectorConfig, asked: str, options: PromptGuardOptions) -> RemoteDetector:
    if not config.url:
        raise ConfigError(
            f"guard {config.name!r}: backend 'remote' needs the address of a server",
            hint="write url: http://HOST:PORT/classify (vLLM), /predict (TEI) or /moderations",
        )
    labels = options.labels or (_THREE_CLASSES if asked == "prompt_guard_1" else ())
    dialect = dialect_of(config.url, name=options.dialect, model=config.model, labels=labels)
    model = RemoteClassifier(
        config.url, dialect, api_key_env=options.api_key_env, timeout_s=config.timeout_s
    )
    info = _info(
        config,
        asked,
        backend=REMOTE,
        model=config.model or TITLES.get(asked, "prompt guard"),
        revision=f"{config.url} {config.revision}".strip(),
        fallback="",
    )
    return RemoteDetector(info, model, config.timeout_s, options.exit_at)
