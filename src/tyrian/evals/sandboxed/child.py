"""The process that sets one sandbox up, runs one program in it, and notes how that ended.

    python -m tyrian.evals.sandboxed.child ORDER

ORDER is JSON. Standard streams are the program's own; the outcome goes to a file that the sandbox
does not show.
"""

import sys
from pathlib import Path

import msgspec

from tyrian.errors import TyrianError
from tyrian.evals.sandboxed.order import Order, Outcome
from tyrian.policy.schema import PolicySpec
from tyrian.sandbox.run import run_sandboxed
from tyrian.stack.sandbox import SandboxSpec

INSIDE = "/work"
"""Where the program finds its directory."""


def main() -> None:
    """Carry the order out."""
    order = msgspec.json.decode(sys.argv[1], type=Order)
    Path(order.outcome).write_bytes(msgspec.json.encode(_carried_out(order)))


def _carried_out(order: Order) -> Outcome:
    spec = SandboxSpec.model_validate(
        {
            "type": order.driver,
            "mounts": {INSIDE: order.work},
            "limits": {
                "time_s": order.time_s,
                "memory_mb": order.memory_mb,
                "processes": order.processes,
                "disk_mb": 256,
            },
        }
    )
    globs = (INSIDE, f"{INSIDE}/**")
    policy = PolicySpec.model_validate({"cwd": INSIDE, "fs": {"read": globs, "write": globs}})
    argv = list(order.argv)
    if order.environment:
        pairs = [f"{name}={value}" for name, value in order.environment.items()]
        argv = ["/usr/bin/env", *pairs, *argv]
    try:
        result = run_sandboxed(spec, policy, argv)
    except TyrianError as error:
        return Outcome(refused=error.message)
    return Outcome(result.code, result.exceeded)


if __name__ == "__main__":
    main()
