from dataclasses import replace

import numpy as np
import pytest

from features.errors import EstimateError
from models.auditor_evidence import GoldenAnswers, JudgedAudits, gather_evidence
from tests.models.skilled import plant


def test_golden_items_add_to_what_reviews_tell() -> None:
    made = plant(seed=1)
    alone = gather_evidence(made.audits, None)
    both = gather_evidence(made.audits, made.golden)
    assert np.allclose(both.errors - alone.errors, 10)
    assert np.allclose(both.right - alone.right, 10)


def test_where_everything_was_reviewed_the_share_is_the_plain_one_and_so_is_its_worth() -> None:
    rng = np.random.default_rng(0)
    wrong = rng.random(3_000) < 0.3
    found = wrong ^ (rng.random(3_000) < 0.1)
    ones, who = np.ones(3_000), np.full(3_000, "ana", dtype=object)
    audits = JudgedAudits(who, found.astype(float), wrong.astype(float), ones, ones)
    evidence = gather_evidence(audits, None)
    assert evidence.caught[0] / evidence.errors[0] == pytest.approx(found[wrong].mean(), abs=0.01)
    assert evidence.upheld[0] / evidence.right[0] == pytest.approx(
        1 - found[~wrong].mean(), abs=0.01
    )
    assert wrong.sum() / 4 < evidence.errors[0] <= wrong.sum()


def test_people_with_many_reviews_have_more_evidence_than_people_with_few() -> None:
    few, many = (
        gather_evidence(plant(seed=4, audits=audits).audits, None) for audits in (200, 2_000)
    )
    assert np.all(many.right > 3 * few.right.max())
    assert many.errors.mean() > 5 * few.errors.mean()


def test_one_who_was_never_reviewed_has_evidence_from_golden_items_alone() -> None:
    made = plant(seed=3)
    theirs = made.audits.auditor == "p000"
    unseen = replace(made.audits, gold=np.where(theirs, np.nan, made.audits.gold))
    evidence = gather_evidence(unseen, made.golden)
    assert (evidence.auditors[0], evidence.reviews[0]) == ("p000", 0)
    assert evidence.errors[0] == pytest.approx(10)


def test_the_order_of_rows_does_not_matter() -> None:
    made = plant(seed=5)
    turned = JudgedAudits(
        **{name: getattr(made.audits, name)[::-1] for name in JudgedAudits.__slots__}
    )
    answers = GoldenAnswers(
        **{name: getattr(made.golden, name)[::-1] for name in GoldenAnswers.__slots__}
    )
    one, other = gather_evidence(made.audits, made.golden), gather_evidence(turned, answers)
    assert np.allclose(one.errors, other.errors)
    assert np.allclose(one.caught, other.caught)


def test_without_reviews_and_golden_answers_the_mend_is_told() -> None:
    nobody = np.array([], dtype=object)
    nothing = np.array([])
    audits = JudgedAudits(nobody, nothing, nothing, nothing, nothing)
    with pytest.raises(EstimateError, match="secondlook reviews"):
        gather_evidence(audits, None)
