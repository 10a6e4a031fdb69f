from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from models.sampling_key import SamplingKey
from models.third_look_list import draw_third_looks, third_looks_of

KEY = SamplingKey("test", bytes(range(32)))


def reviewed(pairs: int = 2_000) -> pd.DataFrame:
    """Audits by x, half of which y, who reviews, found otherwise."""
    ids = [f"{number:04d}" for number in range(pairs)]
    changed = np.where(np.arange(pairs) % 2, "correct", "over_enforcement")
    audits = {"audit_id": [f"a{i}" for i in ids], "decision_id": ids, "verdict": "correct"}
    reviews = {"audit_id": [f"r{i}" for i in ids], "decision_id": ids, "verdict": changed}
    return pd.concat(
        [
            pd.DataFrame(audits).assign(auditor_id="x", source=None, inclusion_probability=0.2),
            pd.DataFrame(reviews).assign(
                auditor_id="y", source="review", inclusion_probability=0.06
            ),
        ],
        ignore_index=True,
    )


def looked(outcomes: pd.DataFrame, *, by: str | None = "z") -> pd.DataFrame:
    """What the store holds once the looks of a list came back; all hold the audit to be right."""
    listed = draw_third_looks(outcomes, KEY)
    looks = listed.assign(verdict="correct", auditor_id=by, source="review")
    return pd.concat([outcomes, looks], ignore_index=True)


def test_half_of_what_a_review_changed_and_a_fifth_of_the_rest_is_looked_at() -> None:
    listed = draw_third_looks(reviewed(), KEY)
    changed = listed["decision_id"].astype(int) % 2 == 0
    assert changed.sum() == pytest.approx(500, abs=4 * np.sqrt(250))
    assert (~changed).sum() == pytest.approx(200, abs=4 * np.sqrt(160))


def test_the_list_tells_no_verdict_and_names_the_same_when_asked_again() -> None:
    listed = draw_third_looks(reviewed(), KEY)
    assert set(listed) == {"decision_id", "audit_id", "supersedes", "inclusion_probability"}
    turned = draw_third_looks(reviewed()[::-1], KEY)
    assert set(turned["audit_id"]) == set(listed["audit_id"])


def test_a_look_that_came_back_is_listed_no_more() -> None:
    every = looked(reviewed())
    standing = every[~every["audit_id"].isin(every["supersedes"].dropna())]
    assert draw_third_looks(standing, KEY).empty


def test_looks_stand_beside_what_they_looked_at() -> None:
    found = third_looks_of(looked(reviewed()))
    assert set(found["third"]) == {"correct"}
    chance = found.groupby("second")["look_probability"].unique()
    assert chance["correct"].tolist() == [0.2]
    assert chance["over_enforcement"].tolist() == [0.5]
    assert set(found["inclusion_probability"]) == {0.06}


@pytest.mark.parametrize("person", ["x", "y"])
def test_who_audited_or_reviewed_does_not_grade_the_review(person: str) -> None:
    assert third_looks_of(looked(reviewed(), by=person)).empty


def test_without_reviews_there_is_nothing_to_look_at() -> None:
    audits = reviewed()[:10].assign(source="audit")
    assert draw_third_looks(audits, KEY).empty
    assert third_looks_of(audits).empty
