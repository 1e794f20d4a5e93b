"""`training` is no part of the package; it is imported from the repository's root."""

import importlib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import pytest


@pytest.fixture(scope="package", autouse=True)
def beside_the_repository() -> Iterator[None]:
    root = str(Path(__file__).parents[3])
    sys.path.insert(0, root)
    yield
    sys.path.remove(root)


@pytest.fixture
def training() -> Callable[[str], ModuleType]:
    """Imports a module of `training` by the rest of its name."""
    return lambda name: importlib.import_module(f"training.{name}")
