"""The drivers by the word that a stack names them with."""

from tyrian.sandbox.driver import Driver
from tyrian.sandbox.drivers.bubblewrap import Bubblewrap
from tyrian.sandbox.drivers.container import Container
from tyrian.sandbox.drivers.gvisor import Gvisor
from tyrian.sandbox.drivers.landlock import Landlock
from tyrian.stack.sandbox import SandboxSpec


def driver_of(spec: SandboxSpec) -> Driver | None:
    """The driver that a stack asks for; None for `none`."""
    match spec.type:
        case "gvisor":
            return Gvisor()
        case "bubblewrap":
            return Bubblewrap()
        case "landlock":
            return Landlock()
        case "container":
            return Container(spec.image, spec.engine)
        case "none":
            return None
