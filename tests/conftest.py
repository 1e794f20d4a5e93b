"""Databases of both kinds, empty and for one test alone."""

import os
import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import create_engine, make_url, text

POSTGRESQL = os.environ.get("TYRIAN_TEST_POSTGRESQL", "")
"""URL of a database on a server where this user may make others; without it those tests skip."""


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of an empty database."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'tyrian.db'}"
        return
    if not POSTGRESQL:
        pytest.skip("TYRIAN_TEST_POSTGRESQL names no database")
    pytest.importorskip("psycopg", reason="the extra tyrian[postgres] is not installed")
    server = make_url(POSTGRESQL)
    name = f"tyrian_test_{secrets.token_hex(6)}"
    engine = create_engine(
        server.set(drivername="postgresql+psycopg"), isolation_level="AUTOCOMMIT"
    )
    with engine.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
    try:
        yield server.set(database=name).render_as_string(hide_password=False)
    finally:
        with engine.connect() as connection:
            connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
        engine.dispose()
