"""What tests of several rooms stand on."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest
import sqlalchemy as sa

from features.home import Home, make_home
from features.store import Store, open_store

SHARED_DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
DATABASES = ("sqlite", "postgresql")
POSTGRES_URL = os.environ.get("SECONDLOOK_TEST_POSTGRES_URL")


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """A home folder with an empty store."""
    made = make_home(tmp_path / "home")
    open_store(made.store_url()).initialise()
    return made


@pytest.fixture(params=DATABASES)
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    """An empty store, on each database that is configured."""
    yield from empty_store_on(request.param, tmp_path)


def empty_store_on(database: str, folder: Path) -> Iterator[Store]:
    """Yield an empty store on a database, or skip the test where that is not configured."""
    if database == "sqlite":
        opened = open_store(f"sqlite:///{folder / 'store.db'}")
        opened.initialise()
        yield opened
        opened.engine.dispose()
        return
    if POSTGRES_URL is None:
        pytest.skip("no PostgreSQL: SECONDLOOK_TEST_POSTGRES_URL is not set")
    yield from _postgres_store(POSTGRES_URL)


def _postgres_store(url: str) -> Iterator[Store]:
    """Make a schema of its own for one test, and drop it afterwards."""
    schema = f"test_{uuid4().hex[:12]}"
    admin = sa.create_engine(url)
    with admin.begin() as connection:
        connection.execute(sa.schema.CreateSchema(schema))
    opened = open_store(f"{url}?options=-csearch_path%3D{schema}")
    try:
        opened.initialise()
        yield opened
    finally:
        opened.engine.dispose()
        with admin.begin() as connection:
            connection.execute(sa.schema.DropSchema(schema, cascade=True))
        admin.dispose()


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of the three real datasets."""
    if not SHARED_DATA.is_dir():
        pytest.skip("the real datasets are not beside this checkout")
    return SHARED_DATA
