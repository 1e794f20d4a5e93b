"""Databases of both kinds, each for one test alone; and what all tests share."""

import gc
import os
import secrets
import shutil
import signal
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from pathlib import Path

import hypothesis
import pytest
from sqlalchemy import Engine, create_engine, make_url, text

from tyrian.gateway.store.engine import Store

POSTGRESQL = os.environ.get("TYRIAN_TEST_POSTGRESQL", "")
"""URL of a database on a server where this user may make others; without it those tests skip."""


def pytest_configure() -> None:
    """Trust one authority, which signs nothing, here and in every program that tests start.

    No test speaks to the internet, and reading the 150 authorities that it is vouched for by takes
    0.04 s for every client that is made. Ray keeps to loopback, whichever test imports it first.
    No example of a property is timed: what fails there is the machine. Interrupts are heard by the
    programs that tests start, even where they were to be ignored.
    """
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # as for what a script runs in background
        signal.signal(signal.SIGINT, signal.default_int_handler)
    hypothesis.settings.register_profile("untimed", deadline=None)
    hypothesis.settings.load_profile("untimed")
    os.environ["SSL_CERT_FILE"] = str(Path(__file__).with_name("authority.pem"))
    os.environ["RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"] = "0"


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Keep the collector of garbage from what is imported, and stays: a third of the collecting."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.collect()
        gc.freeze()
        gc.enable()


@pytest.fixture(scope="session")
def current_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An SQLite database with the newest schema and nothing in it; copy it."""
    path = tmp_path_factory.mktemp("current") / "tyrian.db"
    Store.open(path)
    return path


@pytest.fixture(scope="session")
def current_database() -> Iterator[str]:
    """The name of the like on PostgreSQL, to be used as a template."""
    with _postgresql() as server, _database(server) as name:
        Store.open(_url(name))
        yield name


@pytest.fixture
def new_file(current_file: Path) -> Callable[[Path], Path]:
    """Puts a database with the newest schema at a path, and gives the path back."""

    def put(path: Path) -> Path:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        shutil.copy(current_file, path)
        return path

    return put


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of a database with the newest schema and nothing in it."""
    if request.param == "sqlite":
        put: Callable[[Path], Path] = request.getfixturevalue("new_file")
        yield f"sqlite:///{put(tmp_path / 'tyrian.db')}"
        return
    template = request.getfixturevalue("current_database")
    with _postgresql() as server, _database(server, template) as name:
        yield _url(name)


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of a database without any schema."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'tyrian.db'}"
        return
    with _postgresql() as server, _database(server) as name:
        yield _url(name)


@contextmanager
def _postgresql() -> Iterator[Engine]:
    if not POSTGRESQL:
        pytest.skip("TYRIAN_TEST_POSTGRESQL names no database")
    pytest.importorskip("psycopg", reason="the extra tyrian[postgres] is not installed")
    url = make_url(POSTGRESQL).set(drivername="postgresql+psycopg")
    engine = create_engine(url, isolation_level="AUTOCOMMIT")
    yield engine
    engine.dispose()


@contextmanager
def _database(server: Engine, template: str = "template1") -> Iterator[str]:
    name = f"tyrian_test_{secrets.token_hex(6)}"
    with server.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name} TEMPLATE {template}"))
    try:
        yield name
    finally:
        with server.connect() as connection:
            connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))


def _url(name: str) -> str:
    return make_url(POSTGRESQL).set(database=name).render_as_string(hide_password=False)
