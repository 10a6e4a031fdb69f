import numpy as np
import pytest

from features.errors import EstimateError
from models.agreement import cohens_kappa, krippendorff_alpha


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
