"""The lock of a home, and the scratch of processes that are gone."""

from __future__ import annotations

import os
import signal

import pytest

from features.home import Home
from training.exclusive import exclusively, remove_dead_scratch, scratch, scratch_within


def test_the_lock_is_held_by_one_at_a_time(home: Home) -> None:
    with exclusively(home) as first, exclusively(home, wait=False) as second:
        assert (first, second) == (True, False)
    with exclusively(home, wait=False) as third:
        assert third


def in_a_process_that_is_killed(home: Home, kind: str) -> None:
    """Make scratch and be killed while it is there and the home is locked."""
    pid = os.fork()
    if pid == 0:
        with scratch(home, kind) as folder, exclusively(home):
            (folder / "half").write_text("done", encoding="utf-8")
            os.kill(os.getpid(), signal.SIGKILL)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == -signal.SIGKILL


def test_a_dead_process_holds_no_lock_and_its_scratch_is_removed(home: Home) -> None:
    in_a_process_that_is_killed(home, "train")
    assert len(list(home.path.glob(".train-*"))) == 1
    with exclusively(home, wait=False) as held:
        assert held
        remove_dead_scratch(home)
    assert list(home.path.glob(".train-*")) == []


def test_the_scratch_of_a_living_process_stays(home: Home) -> None:
    with scratch(home, "train") as folder:
        with exclusively(home):
            remove_dead_scratch(home)
        assert folder.is_dir()
    assert not folder.exists()


def test_half_a_copy_of_a_bundle_is_removed_and_a_whole_one_stays(home: Home) -> None:
    for name in (".aa.part", "bb"):
        (home.bundles / name).mkdir(parents=True)
    with exclusively(home):
        remove_dead_scratch(home)
    assert [path.name for path in home.bundles.iterdir()] == ["bb"]


def half_done(home: Home) -> None:
    with scratch_within(home, "promote") as folder:
        assert folder.is_dir()
        raise OSError("no room")


def test_scratch_is_gone_when_what_it_was_for_fails(home: Home) -> None:
    with pytest.raises(OSError, match="no room"):
        half_done(home)
    assert list(home.path.glob(".promote-*")) == []


def test_scratch_of_a_kind_that_nobody_would_remove_is_refused(home: Home) -> None:
    with pytest.raises(ValueError, match="saw 'nonsense'; expected one of train"):
        scratch_within(home, "nonsense").__enter__()
