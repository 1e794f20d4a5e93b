"""The obedient model server of the examples, and a firewall with guards and a tool policy."""

from collections.abc import Iterator

import pytest
from examples.agents.model import ModelServer
from examples.agents.world import firewall as firewall_of_examples

from tyrian.firewall.firewall import Firewall


@pytest.fixture
def model() -> Iterator[ModelServer]:
    """A model server on loopback."""
    with ModelServer() as server:
        yield server


@pytest.fixture(scope="session")
def firewall() -> Firewall:
    """Prompt attacks and hidden text blocked, secrets redacted, calls within a policy."""
    return firewall_of_examples()
