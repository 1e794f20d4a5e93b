"""Lists of packages: where they would come from, and names that only look like known ones."""

import re
from collections.abc import Iterator

from tyrian.supply.scan.code.patterns import LineFault

_TRUSTED = re.compile(
    r"(?:[\w-]+\.)*(?:py(?:pi|torch|thon|thonhosted)\.org|nvidia\.com|github(?:usercontent)?\.com"
    r"|gitlab\.com|bitbucket\.org|huggingface\.co|googleapis\.com|(?:ana)?conda\.(?:com|org|io))\Z"
)
"""Hosts of the packages' own authors, and of the indexes that everyone takes them from."""
_ADDRESS = re.compile(r"([a-z][a-z0-9+.-]*)://(?:[^\s/@]*@)?([^\s/:?#\]'\"]+)", re.IGNORECASE)
_OPTION = re.compile(
    r"(?:^|\s)(-i|--index-url|--extra-index-url|--find-links|-f|--trusted-host)[ =]"
)
_LEAVES = re.compile(
    r"(?:^|\s)(?:-r|-c|-e|--requirement|--constraint|--editable)[ =]+(?:/|~|\.\./)"
)
_NAME = re.compile(r"[-\s'\"]*([A-Za-z][\w.-]*)\s*(?:\[|[<>=!~;,@'\"]|$)")
_POPULAR = (
    "numpy torch torchvision torchaudio transformers tensorflow keras requests safetensors "
    "tokenizers accelerate datasets diffusers scikit-learn pandas scipy huggingface-hub "
    "sentencepiece urllib3 pillow protobuf onnxruntime matplotlib sentence-transformers "
    "bitsandbytes einops xformers peft triton jax flax fastapi pydantic cryptography tqdm pyyaml "
    "langchain openai anthropic gradio streamlit timm librosa opencv-python"
)
_KNOWN = frozenset(_POPULAR.split())
_REAL = frozenset({"torchx", "dataset", "panda", "openapi", "einop"})
_SAFE = frozenset({"https", "git+https", "git+ssh", "ssh"})


def requirement_faults(text: str) -> Iterator[LineFault]:
    """Packages from places that nobody vouches for."""
    for number, line in enumerate(text.splitlines(), 1):
        line = re.sub(r"(?:^|\s)#.*", "", line).strip()
        if not line:
            continue
        for scheme, host in _ADDRESS.findall(line):
            if scheme.lower() not in _SAFE or not _TRUSTED.match(host.lower()):
                yield number, "dependency-source", f"it takes packages from {scheme}://{host[:80]}"
        if (found := _OPTION.search(line)) and found[1] == "--trusted-host":
            yield number, "dependency-source", "it has a server trusted without a certificate"
        if _LEAVES.search(line):
            yield number, "dependency-source", "it takes packages from outside of the directory"
        if (named := _NAME.match(line)) and (near := _looks_like(named[1])):
            yield number, "dependency-name", f"{named[1][:60]!r} looks like {near!r}"


def _looks_like(name: str) -> str:
    """The known package that a name differs from in one letter; empty where there is none."""
    plain = re.sub(r"[-_.]+", "-", name.lower())
    if plain in _KNOWN or plain in _REAL or len(plain) < 5:
        return ""
    return next((known for known in sorted(_KNOWN) if _is_near(plain, known)), "")


def _is_near(one: str, other: str) -> bool:
    if abs(len(one) - len(other)) > 1 or len(other) < 5:
        return False
    start = 0
    while start < min(len(one), len(other)) and one[start] == other[start]:
        start += 1
    rest, wanted = one[start:], other[start:]
    is_swapped = rest[:2] == wanted[:2][::-1] and rest[2:] == wanted[2:]
    return rest[1:] == wanted[1:] or rest[1:] == wanted or rest == wanted[1:] or is_swapped
