import numpy as np
import pytest

from features.errors import EstimateError
from models.agreement import alpha_interval, cohens_kappa, krippendorff_alpha


def test_perfect_agreement_is_one_and_chance_is_nothing() -> None:
    verdicts = np.random.default_rng(0).choice(["correct", "over", "under"], 3_000)
    assert cohens_kappa(verdicts, verdicts).kappa == pytest.approx(1.0)
    other = np.random.default_rng(1).choice(["correct", "over", "under"], 3_000)
    assert abs(cohens_kappa(verdicts, other).kappa) < 0.06
    ids = np.repeat(np.arange(3_000), 2)
    assert abs(krippendorff_alpha(ids, np.column_stack([verdicts, other]).ravel())) < 0.06
    assert krippendorff_alpha(ids, np.repeat(verdicts, 2)) == pytest.approx(1.0)


def test_alpha_of_the_published_nominal_example() -> None:
    """Krippendorff (2011), section C: four observers, twelve units, missing values; 0.743."""
    table = [
        "1 2 3 3 2 1 4 1 2 . . .",
        "1 2 3 3 2 2 4 1 2 5 . 3",
        ". 3 3 3 2 3 4 2 2 5 1 .",
        "1 2 3 3 2 4 4 1 2 5 1 .",
    ]
    cells = [(unit, v) for row in table for unit, v in enumerate(row.split()) if v != "."]
    ids, verdicts = (np.array(column) for column in zip(*cells, strict=True))
    assert krippendorff_alpha(ids, verdicts) == pytest.approx(0.743, abs=5e-4)


def test_weights_undo_a_choice_of_the_hard_cases() -> None:
    first = np.array(["a"] * 8 + ["b"] * 2)
    second = np.array(["a"] * 6 + ["b"] * 4)
    counted = cohens_kappa(np.repeat(first, 3), np.repeat(second, 3))
    weighed = cohens_kappa(first, second, weight=np.full(10, 3.0))
    assert weighed.kappa == pytest.approx(counted.kappa)


def test_one_verdict_ever_given_says_nothing_about_agreement() -> None:
    same = np.array(["correct"] * 5)
    assert np.isnan(cohens_kappa(same, same).kappa)
    assert np.isnan(krippendorff_alpha(np.array([1, 1, 2, 2, 2]), same))
    assert np.isnan(krippendorff_alpha(np.arange(5), same))


def test_unpaired_verdicts_are_refused() -> None:
    with pytest.raises(EstimateError, match="2 first and 1 second"):
        cohens_kappa(np.array(["a", "b"]), np.array(["a"]))


def picked_by_risk(rng: np.random.Generator, pairs: int) -> tuple[np.ndarray, np.ndarray]:
    """Two verdicts a decision; a fifth of decisions is hard, and there auditors agree less."""
    hard = rng.random(pairs) < 0.2
    wrong = rng.random(pairs) < np.where(hard, 0.5, 0.1)
    slip = np.where(hard, 0.3, 0.02)[:, None]
    seen = wrong[:, None] ^ (rng.random((pairs, 2)) < slip)
    return hard, np.where(seen, "over_enforcement", "correct")


def test_weighted_alpha_is_of_all_decisions_where_the_hard_ones_were_picked_more() -> None:
    rng = np.random.default_rng(3)
    hard, verdicts = picked_by_risk(rng, 60_000)
    chance = np.where(hard, 0.5, 0.06)
    picked = rng.random(len(hard)) < chance
    ids = np.repeat(np.arange(len(hard)), 2)
    whole = krippendorff_alpha(ids, verdicts.ravel())
    rows = np.repeat(picked, 2)
    weight = np.repeat(1 / chance, 2)[rows]
    weighted = krippendorff_alpha(ids[rows], verdicts.ravel()[rows], weight=weight)
    plain = krippendorff_alpha(ids[rows], verdicts.ravel()[rows])
    assert weighted == pytest.approx(whole, abs=0.03)
    assert abs(plain - whole) > 0.1


def test_equal_weights_change_nothing() -> None:
    ids, verdicts = np.array([1, 1, 2, 2, 2, 3]), np.array(["a", "b", "a", "a", "c", "b"])
    weighted = krippendorff_alpha(ids, verdicts, weight=np.full(6, 7.0))
    assert weighted == pytest.approx(krippendorff_alpha(ids, verdicts))


def test_the_interval_of_alpha_holds_the_truth_as_often_as_it_says() -> None:
    rng = np.random.default_rng(5)
    _, many = picked_by_risk(rng, 200_000)
    truth = krippendorff_alpha(np.repeat(np.arange(200_000), 2), many.ravel())
    held = []
    for seed in range(300):
        _, verdicts = picked_by_risk(rng, 150)
        found = alpha_interval(np.repeat(np.arange(150), 2), verdicts.ravel(), draws=400, seed=seed)
        held.append(found.low <= truth <= found.high)
    assert 0.91 <= np.mean(held) <= 0.985


def test_the_same_seed_gives_the_same_interval() -> None:
    _, verdicts = picked_by_risk(np.random.default_rng(0), 60)
    ids = np.repeat(np.arange(60), 2)
    first = alpha_interval(ids, verdicts.ravel(), seed=1)
    assert alpha_interval(ids, verdicts.ravel(), seed=1) == first
    assert alpha_interval(ids, verdicts.ravel(), seed=2).low != first.low


def test_without_a_decision_judged_twice_the_interval_is_null() -> None:
    found = alpha_interval(np.arange(4), np.array(["a", "b", "a", "b"]))
    assert (found.decisions, found.verdicts) == (0, 0)
    assert np.isnan([found.alpha, found.low, found.high]).all()


def test_verdicts_without_their_decisions_are_refused() -> None:
    with pytest.raises(EstimateError, match="expected one and the same number"):
        krippendorff_alpha(np.arange(2), np.array(["a"]))
