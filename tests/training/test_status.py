"""Which versions there are, and what each does."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from features.home import Home, make_home
from features.store import open_store
from tests.training.two_versions import mark_verdict
from training.registry import find_alias
from training.status import status

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:mlflow")
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


@pytest.fixture
def home(serving: Home) -> Home:
    return serving


def test_the_status_names_who_does_what(home: Home) -> None:
    mark_verdict(home, "2", "failed", "capture at 5 %")
    found = status(home)
    assert found.champion is not None
    assert found.champion.version == "1"
    assert found.challenger is not None
    assert found.challenger.number == "2"
    second, first = found.table().to_dict("records")
    assert (second["version"], first["version"]) == ("2", "1")
    assert (second["does"], first["does"]) == ("challenger", "champion")
    assert (second["verdict"], second["reasons"]) == ("failed", "capture at 5 %")
    assert (second["promoted_at"], first["promoted_at"]) == ("", NOON.isoformat())


def test_the_status_of_a_home_without_any_version_is_empty(tmp_path: Path) -> None:
    home = make_home(tmp_path / "bare")
    open_store(home.store_url()).initialise()
    found = status(home)
    assert (found.champion, found.challenger, len(found.table())) == (None, None, 0)
    assert find_alias(home, "champion") is None
