"""Migrations start from nothing."""

import pytest


@pytest.fixture
def database_url(empty_database_url: str) -> str:
    """The URL of a database without any schema."""
    return empty_database_url
