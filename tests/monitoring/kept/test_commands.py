from __future__ import annotations

import json
from pathlib import Path

import pytest

from features.home import Home
from features.store import open_store
from secondlook import main
from tests.monitoring.ranked_days import rank_days


def run(home: Home, *words: str) -> None:
    with pytest.raises(SystemExit) as ended:
        main([*words, "--home", str(home.path)])
    assert ended.value.code == 0


def test_retention_tells_what_it_would_do_and_does_it_when_told(
    home: Home, capsys: pytest.CaptureFixture[str]
) -> None:
    store = open_store(home.store_url())
    made = rank_days(store, days=2, decisions_a_day=150)
    unselected = int((~made.offers["selected"]).sum())
    run(home, "retain", "--keep-days", "30")
    assert "would be dropped" in capsys.readouterr().out
    assert len(store.selections()) == 300
    run(home, "retain", "--keep-days", "30", "--apply")
    assert "2026-01-05: 150 decisions" in capsys.readouterr().out
    assert len(store.selections()) == 300 - unselected


def test_accuracy_is_published_from_sums_and_written(home: Home, tmp_path: Path) -> None:
    rank_days(open_store(home.store_url()), days=2, decisions_a_day=150)
    run(home, "accuracy", "--by", "policy", "--to", str(tmp_path / "before.json"))
    run(home, "retain", "--keep-days", "30", "--apply")
    run(home, "accuracy", "--by", "policy", "--to", str(tmp_path / "after.json"))
    before, after = (
        json.loads((tmp_path / f"{when}.json").read_text()) for when in ("before", "after")
    )
    assert [row["policy"] for row in before] == ["hate", "nudity", "spam"]
    for one, other in zip(before, after, strict=True):
        assert one["accuracy_low"] == pytest.approx(other["accuracy_low"], abs=1e-6)
