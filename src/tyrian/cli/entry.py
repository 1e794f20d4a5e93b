"""The door of the command: calls that need no parser go past it, all others through it."""

import sys

from tyrian.cli.quick import quick_call


def main() -> None:
    """Run the command line and exit."""
    if call := quick_call(sys.argv[1:]):
        from tyrian.cli.ending import ending

        sys.exit(ending(lambda: sys.exit(call())))
    from tyrian.cli.main import main as run_all

    run_all()
