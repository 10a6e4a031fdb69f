"""Killed at any instant, what serves is whole, and is the old one or the new one."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from features.home import Home
from features.store import open_store
from tests.training.killing import Forks, forks
from tests.training.two_versions import TwoVersions, aliases_of, serving_pair
from training.journal import champion, entry_of_champion, logged
from training.promotion import promote
from training.registry import download_bundle, find_version, versions
from training.settling import settle

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore::DeprecationWarning:mlflow"),
]
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
STEPS, MOMENTS = 24, 12


@pytest.fixture(scope="module")
def killer() -> Iterator[Forks]:
    with forks() as started:
        yield started


@pytest.fixture(scope="module")
def begun(served: TwoVersions) -> Home:
    """A home where version 1 serves and version 2 is the challenger; to be copied."""
    return served.home


@pytest.fixture(scope="module")
def promoted(begun: Home, tmp_path_factory: pytest.TempPathFactory) -> Home:
    """The same home, where version 2 was promoted to the end."""
    home = TwoVersions(begun).copied(tmp_path_factory.mktemp("promoted") / "home")
    promote(home, version="2", now=NOON)
    return home


def assert_settles(home: Home, allowed: set[tuple[str, str]]) -> tuple[str, str]:
    """Hold what serves against what may, before and after settling; return it."""
    seen = serving_pair(home)
    assert seen in allowed
    assert settle(home)
    assert serving_pair(home) == seen
    served, entry = champion(home), entry_of_champion(home)
    assert served is not None
    assert entry is not None
    assert open_store(home.store_url()).plan_documents().popitem()[0] == seen[1]
    before = entry.previous.version if entry.previous else None
    aliases = aliases_of(home)
    assert (aliases.get("champion"), aliases.get("previous")) == (served.version, before)
    assert [known.id for known in logged(home)].count(entry.id) == 1
    assert scratch_of(home) == []
    return seen


def scratch_of(home: Home) -> list[str]:
    left = [*home.path.glob(".*-*"), *home.path.glob("compiled/*"), *home.bundles.glob(".*")]
    return [str(path) for path in left]


def spread(steps: int, count: int) -> list[int]:
    """Return some of the steps; half of them in the last quarter, where it is put in place."""
    early = np.linspace(0, 0.75 * steps, count // 2, endpoint=False)
    late = np.linspace(0.75 * steps, steps - 1, count - count // 2)
    return [int(step) for step in (*early, *late)]


@pytest.mark.parametrize("command", ["promote", "rollback"])
def test_killed_at_any_step_the_old_or_the_new_one_serves_whole(
    killer: Forks, begun: Home, promoted: Home, command: str, tmp_path: Path
) -> None:
    start = begun if command == "promote" else promoted
    allowed = {serving_pair(begun), serving_pair(promoted)}
    whole = killer.run(command, TwoVersions(start).copied(tmp_path / "whole"))
    assert whole.signal == 0
    seen = set()
    for step in spread(whole.steps, STEPS):
        home = TwoVersions(start).copied(tmp_path / f"killed-{step}")
        assert killer.run(command, home, step=step).signal == 9
        seen.add(assert_settles(home, allowed))
        shutil.rmtree(home.path)
    assert seen == allowed, "the kills did not reach both sides of the instant"


def test_killed_again_and_again_in_one_home_it_settles_and_leaves_no_scratch(
    killer: Forks, begun: Home, promoted: Home, tmp_path: Path
) -> None:
    allowed = {serving_pair(begun), serving_pair(promoted)}
    home = TwoVersions(begun).copied(tmp_path / "home")
    seconds = killer.run("promote", TwoVersions(begun).copied(tmp_path / "whole")).seconds
    moments = np.random.default_rng(0).uniform(0.0, seconds, MOMENTS)
    for number, moment in enumerate(moments):
        command = ("promote", "rollback")[number % 2]
        if command == "rollback" and len(list(logged(home))) < 2:
            continue  # none was promoted yet, so that there is nothing to go back to
        killer.run(command, home, after_s=float(moment))
        assert serving_pair(home) in allowed
    assert_settles(home, allowed)


def test_killed_while_it_trains_the_champion_serves_and_the_registry_is_whole(
    killer: Forks, begun: Home, tmp_path: Path
) -> None:
    allowed = {serving_pair(begun)}
    whole = killer.run("train", TwoVersions(begun).copied(tmp_path / "whole"))
    assert whole.signal == 0
    home = TwoVersions(begun).copied(tmp_path / "home")
    for step in spread(whole.steps, STEPS // 3):
        assert killer.run("train", home, step=step).signal == 9
        assert_settles(home, allowed)
        challenger = find_version(home, None)
        place = tmp_path / f"challenger-{step}"
        assert download_bundle(home, challenger.number, challenger.fingerprint, place)[1]
    assert killer.run("train", home).signal == 0
    assert find_version(home, None).number == versions(home)[0].number


def test_two_processes_that_promote_at_once_leave_one_whole_state(
    killer: Forks, begun: Home, promoted: Home, tmp_path: Path
) -> None:
    home = TwoVersions(begun).copied(tmp_path / "home")
    with forks() as other:
        second = threading.Thread(target=lambda: other.run("promote", home))
        second.start()
        assert killer.run("promote", home).signal == 0
        second.join(120)
    assert assert_settles(home, {serving_pair(promoted)}) == serving_pair(promoted)
    entries = [entry.model.version for entry in logged(home)]
    assert entries == ["1", "2", "2"]
    last = entry_of_champion(home)
    assert last is not None
    assert last.previous is not None
    assert last.previous.version == "1"
