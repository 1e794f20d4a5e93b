"""The `world` of a row or a case: plain JSON to a PretendWorld and the trace before the call."""

from collections.abc import Mapping

from tyrian.errors import InputError
from tyrian.policy.flow import TraceState
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


def replay(history: object, state: TraceState) -> None:
    """Tell a trace of earlier calls, each of which gave output that was read."""
    for call in _list(history, "history"):
        tool = call.get("tool") if isinstance(call, Mapping) else None
        if not isinstance(tool, str):
            raise InputError("world.history: each call must be an object with a tool")
        at = call.get("at") if isinstance(call, Mapping) else None
        is_number = isinstance(at, int | float) and not isinstance(at, bool)
        state.add_call(tool, at=float(at) if is_number else None)  # type: ignore[arg-type]
        state.add_output(tool)


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
