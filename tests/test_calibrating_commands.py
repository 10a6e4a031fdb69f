"""The commands of who leads the auditors, on a home of a few decisions."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from commands import calibrating, disputing
from features.contract import DECISIONS, OUTCOMES, check
from features.disputes import disputes_of, every_outcome
from features.errors import EstimateError, HomeError, SettingsError
from features.home import Home
from features.intake import add_decisions, add_outcomes
from features.store import open_store
from models.auditor_skill import measure_skill
from tests.models.skilled import plant

DAY = datetime(2026, 3, 1, tzinfo=UTC)
IDS = [f"d{number:02d}" for number in range(40)]


@pytest.fixture
def judged(home: Home) -> Home:
    """Forty decisions, each audited by ana and reviewed by ben, who agree on all but four."""
    given = {"decision_id": IDS, "decided_at": DAY, "policy": "spam", "action": "keep"}
    add_decisions(home, check(pd.DataFrame(given), DECISIONS).require())
    first = np.where(np.arange(40) % 4 == 0, "under_enforcement", "correct")
    second = np.where(np.arange(40) % 10 == 1, "under_enforcement", first)
    store(home, "a", first, "ana", "audit")
    store(home, "r", second, "ben", "review")
    return home


def store(home: Home, prefix: str, verdicts: np.ndarray, auditor: str, source: str) -> None:
    rows = pd.DataFrame(
        {
            "audit_id": [prefix + each for each in IDS],
            "decision_id": IDS,
            "audited_at": DAY + timedelta(days=1),
            "verdict": verdicts,
            "auditor_id": auditor,
            "source": source,
            "inclusion_probability": 0.5,
        }
    )
    add_outcomes(home, check(rows, OUTCOMES).require())


def test_the_golden_items_are_those_that_both_found_alike(judged: Home, tmp_path: Path) -> None:
    calibrating.golden(tmp_path / "golden.csv", home=judged.path)
    items = pd.read_csv(tmp_path / "golden.csv")
    assert len(items) == 36
    assert set(items["state"]) <= {"in use", "too old"}


def test_a_session_is_told_with_its_alpha_and_where_people_differ(
    judged: Home, capsys: pytest.CaptureFixture[str]
) -> None:
    for person in ("ana", "ben", "cem"):
        said = np.where(np.arange(40) % 3 == 0, "under_enforcement", "correct")
        said[7] = "over_enforcement" if person == "cem" else said[7]
        store(judged, f"s-{person}-", said, person, "calibration")
    calibrating.calibration(home=judged.path)
    told = capsys.readouterr().out
    assert "3 people, 40 decisions, 120 ratings" in told
    assert "Alpha of the verdict 0.9" in told
    assert "d07" in told


def test_a_session_is_drawn_the_same_way_for_the_same_name(judged: Home, tmp_path: Path) -> None:
    for name, file in (("March", "one"), ("March", "again"), ("April", "other")):
        calibrating.calibration(home=judged.path, draw=8, name=name, to=tmp_path / f"{file}.csv")
    one, again, other = (
        pd.read_csv(tmp_path / f"{file}.csv")["decision_id"].tolist()
        for file in ("one", "again", "other")
    )
    assert one == again != other
    assert len(set(one)) == 8


def test_a_session_that_goes_nowhere_is_refused(judged: Home) -> None:
    with pytest.raises(SettingsError, match="--to"):
        calibrating.calibration(home=judged.path, draw=8)


def test_a_session_of_nobody_is_refused(judged: Home) -> None:
    with pytest.raises(EstimateError, match="no decision that two people rated"):
        calibrating.calibration(home=judged.path)


def test_third_looks_are_listed_once(judged: Home, tmp_path: Path) -> None:
    calibrating.third_looks(tmp_path / "one.csv", home=judged.path)
    calibrating.third_looks(tmp_path / "two.csv", home=judged.path)
    one, two = pd.read_csv(tmp_path / "one.csv"), pd.read_csv(tmp_path / "two.csv")
    assert 0 < len(one) < 40
    pd.testing.assert_frame_equal(one, two)


def test_skill_needs_decisions_that_were_ranked(judged: Home) -> None:
    with pytest.raises(HomeError, match="no decision was ranked"):
        calibrating.skill(home=judged.path)


def test_a_person_is_told_their_own_figures_or_how_many_answers_are_missing(
    capsys: pytest.CaptureFixture[str],
) -> None:
    calibrating.tell_own(measure_skill(None, plant(seed=0, golden=100).golden).own("p003"))
    assert "drawn towards all" in capsys.readouterr().out
    calibrating.tell_own(measure_skill(None, plant(seed=0, golden=10).golden).own("p003"))
    assert "needs about 15 more golden items" in capsys.readouterr().out
    calibrating.tell_own(None)
    assert "Nothing is known yet" in capsys.readouterr().out


def test_how_skill_is_spread_is_told_without_a_name(capsys: pytest.CaptureFixture[str]) -> None:
    made = plant(seed=0)
    calibrating.tell_spread(measure_skill(made.audits, made.golden))
    told = capsys.readouterr().out
    assert "sensitivity" in told
    assert "p003" not in told
    calibrating.tell_spread(measure_skill(None, plant(seed=0, people=3).golden))
    assert "too few people" in capsys.readouterr().out


def test_a_dispute_is_opened_settled_and_listed(
    judged: Home, capsys: pytest.CaptureFixture[str]
) -> None:
    disputing.open_one("ad00", "correct", home=judged.path)
    disputing.settle("ad00", "correct", by="cem", home=judged.path)
    disputing.list_them(home=judged.path)
    assert "1 opened, 0 open, 0 upheld, 1 changed" in capsys.readouterr().out
    found = disputes_of(every_outcome(open_store(judged.store_url())))
    assert found["stands"].tolist() == ["correct"]
