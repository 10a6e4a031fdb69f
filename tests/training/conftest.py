"""Homes with registered versions of a model, made once: training them takes seconds."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from features.home import Home
from tests.training.two_versions import TwoVersions, make_two_versions
from training.promotion import promote

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> TwoVersions:
    """A home in which versions 1 and 2 are registered and neither serves; to be copied."""
    return make_two_versions(tmp_path_factory.mktemp("two"))


@pytest.fixture(scope="session")
def served(made: TwoVersions, tmp_path_factory: pytest.TempPathFactory) -> TwoVersions:
    """The same home, where version 1 serves and version 2 is the challenger; to be copied."""
    home = made.copied(tmp_path_factory.mktemp("served") / "home")
    promote(home, version="1", now=NOON)
    return TwoVersions(home, made.decisions)


@pytest.fixture
def serving(served: TwoVersions, tmp_path: Path) -> Home:
    """A copy of it, to change."""
    return served.copied(tmp_path / "serving")
