"""What the first request would load is loaded when the gateway starts."""

import subprocess
import sys
from pathlib import Path

CODE = """
import asyncio, sys
from pathlib import Path
from tyrian.core.message import Message
from tyrian.firewall.firewall import Firewall
from tyrian.gateway.warm import warm_up

firewall = Firewall.from_stack(Path(sys.argv[1]))
opened = []
sys.addaudithook(lambda event, args: opened.append(str(args[0])) if event == "open" else None)

async def main():
    await warm_up(firewall)
    loaded = [name for name in opened if name.endswith(".yaml")]
    opened.clear()
    for tag, line in (("python", "eval(x)"), ("go", "exec.Command(x)"), ("c", "gets(b);")):
        await firewall.scan(Message.assistant(f"```{tag}\\n{line}\\n```\\n"))
    print(len(loaded), [name for name in opened if name.endswith(".yaml")])

asyncio.run(main())
"""


def test_rules_of_every_language_are_loaded_before_the_first_request(tmp_path: Path) -> None:
    stack = tmp_path / "stack.yaml"
    stack.write_text("agent:\n  postflight_guards:\n    - name: code_shield\n")
    done = subprocess.run(
        [sys.executable, "-c", CODE, str(stack)], check=True, capture_output=True, text=True
    )
    count, later = done.stdout.split(maxsplit=1)
    assert int(count) >= 18
    assert later.strip() == "[]"
