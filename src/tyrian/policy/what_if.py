"""The `world` of a row or a case: plain JSON to a PretendWorld and the trace before the call."""

from collections.abc import Iterable, Mapping

from tyrian.errors import InputError
from tyrian.policy.flow import TraceState
from tyrian.policy.labels import DETECTORS as LABELS
from tyrian.policy.taint.values import texts_in
from tyrian.policy.world import PretendWorld

KEYS = ("symlinks", "nlink", "dns", "dns_sequence", "redirects", "history", "devices")


def world_of(data: object) -> PretendWorld:
    """The pretended world; InputError where the data is not one."""
    if not isinstance(data, Mapping):
        raise InputError("world: must be an object")
    unknown = [str(key) for key in data if key not in KEYS]
    if unknown:
        raise InputError(f"world: unknown key; known: {', '.join(KEYS)}")
    dns = {name: _strings(found, "dns") for name, found in _mapping(data, "dns").items()}
    sequence = {
        name: tuple(_strings(found, "dns_sequence") for found in _list(looks, "dns_sequence"))
        for name, looks in _mapping(data, "dns_sequence").items()
    }
    links = _mapping(data, "symlinks")
    counts = _mapping(data, "nlink")
    if not all(isinstance(target, str) for target in links.values()):
        raise InputError("world.symlinks: targets must be strings")
    if not all(type(count) is int for count in counts.values()):
        raise InputError("world.nlink: counts must be whole numbers")
    return PretendWorld(
        symlinks={path: str(target) for path, target in links.items()},
        nlink={path: count for path, count in counts.items() if isinstance(count, int)},
        dns={name.lower(): found for name, found in dns.items()},
        dns_sequence={name.lower(): found for name, found in sequence.items()},
        redirects_=_strings(data.get("redirects", []), "redirects"),
        history=tuple(_list(data.get("history", []), "history")),
        devices=_strings(data.get("devices", []), "devices"),
    )


def replay(history: object, state: TraceState, trusted: Iterable[str] = ()) -> None:
    """Tell a trace of earlier calls, each of which gave output that was read.

    A call is `{"tool", "args"?, "output"?, "at"?}`. Entries `{"user": text}` and `{"secret": text}`
    (any label) stand for what the user wrote and for a value that a detector found.
    """
    for entry in _list(history, "history"):
        if not isinstance(entry, Mapping):
            raise InputError("world.history: each entry must be an object")
        tool = entry.get("tool")
        if isinstance(tool, str):
            _replay_call(entry, tool, state, is_trusted=tool in trusted)
        elif len(entry) == 1 and isinstance(text := next(iter(entry.values())), str):
            key = str(next(iter(entry)))
            if key == "user":
                state.add_trusted(text)
            elif key in LABELS:
                state.add_labels([(key, text)])
            else:
                known = f"tool, user, {', '.join(LABELS)}"
                raise InputError(f"world.history: unknown entry; known: {known}")
        else:
            raise InputError("world.history: each call must be an object with a tool")


def _replay_call(
    entry: Mapping[object, object], tool: str, state: TraceState, *, is_trusted: bool
) -> None:
    at = entry.get("at")
    is_number = isinstance(at, int | float) and not isinstance(at, bool)
    state.add_call(tool, at=float(at) if is_number else None)  # type: ignore[arg-type]
    output = entry.get("output", "")
    if not isinstance(output, str):
        raise InputError("world.history: an output must be a string")
    carried: frozenset[str] = frozenset()
    if state.memory is not None:
        carried = state.memory.derived(texts_in(entry.get("args"))).sources
    if not is_trusted or carried:
        state.add_output("" if is_trusted else tool, output, carried)
    else:
        state.add_trusted(output)


def _mapping(data: Mapping[str, object], key: str) -> Mapping[str, object]:
    found = data.get(key, {})
    if not isinstance(found, Mapping):
        raise InputError(f"world.{key}: must be an object")
    return found


def _list(found: object, key: str) -> list[object]:
    if not isinstance(found, list | tuple):
        raise InputError(f"world.{key}: must be a list")
    return list(found)


def _strings(found: object, key: str) -> tuple[str, ...]:
    values = _list(found, key)
    if not all(isinstance(value, str) for value in values):
        raise InputError(f"world.{key}: must hold strings")
    return tuple(str(value) for value in values)
