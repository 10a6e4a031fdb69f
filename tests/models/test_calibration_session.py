from __future__ import annotations

from itertools import pairwise

import numpy as np
import pandas as pd
import pytest

from features.errors import EstimateError
from models.calibration_session import choose_for_session, measure_session
from models.sampling_key import SamplingKey

DAY = pd.Timestamp("2026-03-01", tz="UTC")


def ratings(*rows: tuple[str, str, str], source: str = "calibration") -> pd.DataFrame:
    """Rows of decision, person and verdict."""
    table = pd.DataFrame(rows, columns=["decision_id", "auditor_id", "verdict"])
    return table.assign(source=source, audited_at=DAY)


def session(seed: int = 0, *, people: int = 8, size: int = 40, slip: float = 0.1) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    rows = []
    for number in range(size):
        truth = "over_enforcement" if number % 3 == 0 else "correct"
        for person in range(people):
            said = "under_enforcement" if rng.random() < slip else truth
            rows.append((f"d{number:02d}", f"p{person}", said))
    return ratings(*rows)


def test_the_session_is_counted_and_agreement_lies_in_its_interval() -> None:
    found = measure_session(session())
    assert (found.people, found.decisions, found.ratings) == (8, 40, 320)
    assert found.finished == 1.0
    assert found.alpha.low < found.alpha.alpha < found.alpha.high < 1


def test_where_people_differ_only_in_the_name_the_overturn_alpha_is_higher() -> None:
    rows = [
        (f"d{number}", f"p{person}", name)
        for number in range(20)
        for person in range(4)
        for name in [
            "correct" if number % 2 else ("wrong_selection" if person % 2 else "over_enforcement")
        ]
    ]
    found = measure_session(ratings(*rows))
    assert found.overturn_alpha.alpha == pytest.approx(1.0)
    assert found.alpha.alpha < 0.8
    assert found.confused[0].share == pytest.approx(0.5 * 4 / 6)


def test_the_decision_on_which_people_differ_most_stands_first() -> None:
    found = measure_session(
        ratings(
            *(("agreed", f"p{n}", "correct") for n in range(4)),
            *(("split", f"p{n}", "correct" if n % 2 else "over_enforcement") for n in range(4)),
            *(("one", f"p{n}", "over_enforcement" if n else "correct") for n in range(4)),
        )
    )
    assert [each.decision_id for each in found.disputed] == ["split", "one"]
    assert found.disputed[1].verdicts == (("over_enforcement", 3), ("correct", 1))


def test_confused_pairs_add_up_to_the_disagreement() -> None:
    found = measure_session(session(slip=0.3))
    assert sum(each.share for each in found.confused) == pytest.approx(1 - found.agreement)
    assert all(one.share >= other.share for one, other in pairwise(found.confused))


def test_of_a_persons_ratings_the_latest_counts_and_other_sources_do_not() -> None:
    first = ratings(("d1", "a", "correct"), ("d1", "b", "correct"), ("d2", "a", "correct"))
    later = ratings(("d1", "a", "over_enforcement")).assign(audited_at=DAY + pd.Timedelta(hours=1))
    audits = ratings(("d2", "b", "correct"), source="audit")
    found = measure_session(pd.concat([first, later, audits], ignore_index=True))
    assert (found.decisions, found.agreement) == (1, 0.0)


def test_a_session_that_nobody_shared_is_refused() -> None:
    with pytest.raises(EstimateError, match="no decision that two people rated"):
        measure_session(ratings(("d1", "a", "correct"), ("d2", "b", "correct")))


def test_a_session_is_the_same_for_the_same_name_and_another_for_another() -> None:
    key = SamplingKey("test", bytes(range(32)))
    ids = np.array([f"d{n}" for n in range(200)], dtype=object)
    policy = np.array(["a"] * 190 + ["b"] * 10, dtype=object)
    march = choose_for_session(ids, policy, size=20, name="March", key=key)
    assert march == choose_for_session(ids, policy, size=20, name="March", key=key)
    assert march != choose_for_session(ids, policy, size=20, name="April", key=key)
    assert sum(int(each[1:]) >= 190 for each in march) == 10
