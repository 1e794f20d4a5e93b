"""The section of the sandbox: its driver, what it may reach and what it may use."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, IPvAnyAddress

from tyrian.stack.egress_entry import entry_fault
from tyrian.stack.part import EnvName, NonEmpty, Part


def _egress_entry(text: str) -> str:
    if fault := entry_fault(text):
        raise ValueError(fault)
    return text


EgressText = Annotated[str, AfterValidator(_egress_entry)]
AbsolutePath = Annotated[str, Field(pattern=r"^/", max_length=4096)]


class SandboxLimits(Part):
    """What the sandbox may use; the command is ended where it takes more."""

    time_s: Annotated[float, Field(gt=0)] | None = None
    """Seconds; no limit where it is left out."""
    memory_mb: Annotated[int, Field(ge=64)] = 4096
    """Megabytes of memory, all processes together."""
    processes: Annotated[int, Field(ge=4)] = 256
    """Processes and threads at a time."""
    disk_mb: Annotated[int, Field(ge=1)] = 1024
    """Megabytes that may be written: to one file, to /tmp, and to the policy's paths together."""
    open_files: Annotated[int, Field(ge=16)] = 1024
    """Open files of one process."""


class SandboxSpec(Part):
    """Where the agent's code runs. `tyrian run` enforces it; the gateway does not."""

    type: Literal["gvisor", "bubblewrap", "landlock", "container", "none"] = "gvisor"
    """The driver of the sandbox."""
    egress_allowlist: tuple[EgressText, ...] = ()
    """What the sandbox may reach beside the policy's `net` hosts: `host`, `host:port`, or
    `scheme://host:port` with https, http or tcp."""
    hosts: dict[NonEmpty, IPvAnyAddress] = Field(default_factory=dict)
    """Addresses of host names, where no look-up is to be made; they may be of an inner network."""
    mounts: dict[AbsolutePath, Path] = Field(default_factory=dict)
    """Directories of this machine by the path that the policy knows them under."""
    system_paths: tuple[AbsolutePath, ...] = ()
    """Further paths of this machine that programs need; they can be read."""
    env: tuple[EnvName, ...] = ()
    """Environment variables that are passed on; no others are."""
    limits: SandboxLimits = SandboxLimits()
    """What the sandbox may use."""
    image: str = ""
    """For `container`: the image, pinned by digest."""
    engine: Literal["", "docker", "podman"] = ""
    """For `container`: the engine; the one that is there where it is left out."""
    i_accept_no_isolation: bool = False
    """`type: none` runs the command as it is, with every right of its user, and needs this."""
