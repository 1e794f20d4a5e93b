"""The peers we compare with, each in a virtual environment of its own under `.venv-peers/`.

They are pinned, installed on first use and never part of Tyrian's own environment.
"""

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1] / ".venv-peers"
_INSTALL_LIMIT_S = 1800


@dataclass(frozen=True, slots=True)
class Peer:
    """One peer: its folder's name and what to install, step by step."""

    name: str
    steps: tuple[tuple[str, ...], ...]

    @property
    def python(self) -> Path:
        """Its interpreter, whether or not it exists yet."""
        return ROOT / self.name / "bin" / "python"


_TORCH = "torch==2.13.0"
LITELLM = Peer("litellm", (("litellm[proxy]==1.106.2",),))
LLM_GUARD = Peer("llm-guard", ((_TORCH,), ("llm-guard==0.3.16", _TORCH)))
LLAMA_FIREWALL = Peer("llamafirewall", ((_TORCH,), ("llamafirewall==1.0.3", _TORCH)))
CODE_SHIELD = Peer("codeshield", (("codeshield==1.0.1", "semgrep==1.182.0"),))
FOXGUARD = Peer("foxguard", (("foxguard==0.14.1",),))
BANDIT = Peer("bandit", (("bandit==1.9.4",),))
SEMGREP = Peer("semgrep", (("semgrep==1.182.0",),))

INSPECT = Peer("inspect", (("inspect-ai==0.3.285", "openai>=3.0", "httptools"),))
PICKLESCAN = Peer("picklescan", (("picklescan==1.0.5",),))
MODELSCAN = Peer("modelscan", (("modelscan==0.8.8",),))
FICKLING = Peer("fickling", (("fickling==0.1.12", "typing_extensions"),))
MODELAUDIT = Peer("modelaudit", (("modelaudit==0.2.54",),))
MODEL_SIGNING = Peer("model-signing", (("model-signing==1.1.1", "pyOpenSSL"),))
INVARIANT = Peer("invariant", (("invariant-ai==0.3.5",),))
EXPRESSIONS = Peer("expressions", (("cel-python", "common-expression-language", "cedarpy"),))


class PeerUnavailableError(RuntimeError):
    """A peer that cannot be installed here; the benchmark goes on without it."""


def ensure(peer: Peer) -> Path:
    """The peer's interpreter, installed on first use; PeerUnavailableError if it cannot be."""
    done = ROOT / peer.name / ".installed"
    recipe = "\n".join(" ".join(step) for step in peer.steps)
    if done.is_file() and done.read_text() == recipe:
        return peer.python
    print(f"installing {peer.name} into {ROOT.name}/{peer.name} (once)", file=sys.stderr)
    _run([sys.executable, "-m", "venv", str(ROOT / peer.name)], peer)
    for step in peer.steps:
        _run([str(peer.python), "-m", "pip", "install", "--quiet", *step], peer)
    done.write_text(recipe)
    return peer.python


def _run(command: list[str], peer: Peer) -> None:
    try:
        done = subprocess.run(
            command, check=False, capture_output=True, text=True, timeout=_INSTALL_LIMIT_S
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise PeerUnavailableError(f"{peer.name}: {error}") from error
    if done.returncode:
        raise PeerUnavailableError(f"{peer.name}: {done.stderr.strip().splitlines()[-1:]}")
