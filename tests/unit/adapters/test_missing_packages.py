"""Adapters whose framework is not installed say how to get it; Tyrian itself never loads one."""

import subprocess
import sys

import pytest

ADAPTERS = {
    "openai": ("openai", "openai"),
    "anthropic": ("anthropic", "anthropic"),
    "openai_agents": ("agents", "openai-agents"),
    "langchain": ("langchain", "langchain"),
    "pydantic_ai": ("pydantic_ai", "pydantic-ai"),
    "llama_index": ("llama_index", "llama-index"),
}


@pytest.mark.parametrize("adapter", ADAPTERS)
def test_a_missing_package_is_told_with_the_line_that_installs_it(adapter: str) -> None:
    package, extra = ADAPTERS[adapter]
    program = f"import sys; sys.modules[{package!r}] = None; import tyrian.adapters.{adapter}"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 1
    assert "MissingDependencyError" in done.stderr
    assert f"pip install 'tyrian[{extra}]'" in done.stderr


def test_functions_and_conversations_need_no_framework() -> None:
    packages = [package for package, _ in ADAPTERS.values()]
    program = (
        "import sys, tyrian, tyrian.adapters.function, tyrian.adapters.conversation\n"
        f"print([name for name in {packages} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.stdout.strip() == "[]", done.stderr
