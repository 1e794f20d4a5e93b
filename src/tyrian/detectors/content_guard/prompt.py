"""From a conversation to the prompt: the model's own template where it does, else ours."""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from tyrian.core.taxonomy import MLCOMMONS, Taxonomy
from tyrian.detectors.content_guard.conversation import AGENT, USER, Turn
from tyrian.detectors.content_guard.families import Family
from tyrian.detectors.content_guard.offer import (
    Offer,
    is_customised,
    make_offer,
    offer_in,
    same,
    texts,
)

if TYPE_CHECKING:
    from jinja2 import Template

log = logging.getLogger(__name__)

Make = Callable[[Sequence[Turn]], str]
Render = Callable[..., str]
"""`render(messages, **variables) -> prompt`, as a model's own template does it."""

IMAGE = "<|image|>"
_HEADER_ENDS = ("<|end_header_id|>", "<|header_end|>")
_CONVERSATION, _CONVERSATION_END = "<BEGIN CONVERSATION>", "<END CONVERSATION>"
_PROBE = (
    Turn(USER, "first probe of the template"),
    Turn(AGENT, "second probe of the template"),
    Turn(USER, "third probe of the template"),
)


@dataclass(frozen=True, slots=True)
class Prompter:
    """Makes prompts that offer the same categories each time."""

    offer: Offer
    make: Make
    source: str
    """`model` where the model's own template makes them, `tyrian` where ours does."""

    def prompt(self, turns: Sequence[Turn]) -> str:
        """The whole prompt, up to where the answer begins."""
        return _closed(self.make(turns))


def our_prompter(taxonomy: Taxonomy, family: Family) -> Prompter:
    """Prompts by our own template of the family."""
    offer = make_offer(taxonomy, family)
    template = _template(family)
    categories = texts(offer)

    def make(turns: Sequence[Turn]) -> str:
        plain = [
            {"role": turn.role, "text": turn.text, "images": len(turn.images)} for turn in turns
        ]
        return template.render(messages=plain, categories=categories)

    return Prompter(offer, make, "tyrian")


def own_prompter(
    render: Render, taxonomy: Taxonomy, family: Family, *, images: bool
) -> Prompter | None:
    """Prompts by the model's own template; None where it cannot be brought to say what it must.

    A template that takes no categories, or reads messages in another shape, leaves things out
    without a word. So each way of calling it is tried on a conversation whose words have to come
    out again, and the categories that it lists are read back.
    """
    wanted = make_offer(taxonomy, family)
    excluded = [alias for alias in family.own_codes if alias not in texts(wanted)]
    calls: list[dict[str, object]] = [
        {},
        {"excluded_category_keys": excluded},
        {"categories": texts(wanted), "excluded_category_keys": []},
    ]
    for variables in calls if taxonomy is MLCOMMONS else calls[1:]:
        for as_parts in (True, False):
            if images and not as_parts:
                continue
            found = _tried(render, variables, as_parts, images)
            if found and _carries(*found, wanted, taxonomy):
                offer = offer_in(found[1]) if taxonomy is MLCOMMONS else wanted
                return Prompter(offer, found[0], "model")
    log.info("%s: the model's own template cannot carry these categories", family.title)
    return None


def _carries(_: Make, prompt: str, wanted: Offer, taxonomy: Taxonomy) -> bool:
    """True where the prompt lists the categories of the taxonomy, and no others."""
    found = offer_in(prompt)
    if taxonomy is MLCOMMONS:
        return bool(found) and all(one.label in MLCOMMONS for one in found)
    if not is_customised(taxonomy) and same(found, wanted):
        return True
    lines = {f"{alias}: {text}" for alias, text in texts(wanted).items()}
    aliases = [one.alias for one in found]
    return sorted(aliases) == sorted(texts(wanted)) and all(line in prompt for line in lines)


def _tried(
    render: Render, variables: Mapping[str, object], as_parts: bool, images: bool
) -> tuple[Make, str] | None:
    """A way of calling the template, and what it made of the probe."""

    def make(turns: Sequence[Turn]) -> str:
        return render([_message(turn, as_parts) for turn in turns], **variables)

    try:
        prompt = make(_PROBE)
    except Exception as error:  # noqa: BLE001 - a template is a program; it may raise anything
        log.debug("the model's own template raised %s", type(error).__name__)
        return None
    if not _says(prompt, [turn.text for turn in _PROBE]) or (IMAGE in prompt and not images):
        return None
    return make, prompt


def _says(prompt: str, words: Sequence[str]) -> bool:
    """True where each of the words is a turn of the conversation, in their order.

    Of messages in the wrong shape some templates print the source text, or nothing.
    """
    _, _, rest = prompt.partition(_CONVERSATION)
    said, end, _ = rest.partition(_CONVERSATION_END)
    turns = [f": {word}\n" for word in words]
    places = [said.find(turn) for turn in turns]
    once = all(said.count(turn) == 1 for turn in turns)
    return bool(end) and once and places == sorted(places)


def _message(turn: Turn, as_parts: bool) -> dict[str, object]:
    if not as_parts:
        return {"role": turn.role, "content": turn.text}
    parts = [{"type": "image"} for _ in turn.images]
    return {"role": turn.role, "content": [*parts, {"type": "text", "text": turn.text}]}


def _closed(prompt: str) -> str:
    """The prompt up to where `safe` or `unsafe` stands: some templates leave the gap to the model.

    Llama Guard 3 1B, for one, answers with two line feeds first.
    """
    bare = prompt.rstrip()
    return f"{bare}\n\n" if bare.endswith(_HEADER_ENDS) else prompt


@lru_cache(maxsize=8)
def _template(family: Family) -> "Template":
    from jinja2 import StrictUndefined
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    environment = ImmutableSandboxedEnvironment(undefined=StrictUndefined, autoescape=False)
    return environment.from_string(family.read_template())
