import numpy as np
import pytest

from features.errors import EstimateError
from models.latent_classes import LatentClasses, fit_latent_classes

VERDICTS = np.array(["correct", "over_enforcement", "under_enforcement"], dtype=object)
SHARES = np.array([0.7, 0.2, 0.1])


def plant(seed: int = 0, *, copied: float = 0.0) -> tuple[LatentClasses, np.ndarray, np.ndarray]:
    """Eight auditors, four of whom judge each of 1,500 decisions; some copy the first of the four.

    Returns
    -------
    What was fitted, the true verdict of each decision, and each auditor's share of right verdicts.
    """
    rng = np.random.default_rng(seed)
    truth = rng.choice(3, 1_500, p=SHARES)
    right = np.linspace(0.7, 0.97, 8)
    who = np.array([rng.permutation(8)[:4] for _ in truth])
    miss = rng.random(who.shape) > right[who]
    given = np.where(miss, (truth[:, None] + rng.integers(1, 3, who.shape)) % 3, truth[:, None])
    given = np.where(rng.random(who.shape) < copied, given[:, :1], given)
    ids = np.char.zfill(np.arange(1_500).astype(str), 4)
    fitted = fit_latent_classes(ids.repeat(4), who.ravel().astype(str), VERDICTS[given.ravel()])
    return fitted, truth, right


def test_the_planted_shares_and_errors_are_found() -> None:
    fitted, _, right = plant()
    assert fitted.converged
    assert fitted.share == pytest.approx(SHARES, abs=0.03)
    own = np.einsum("akk,k->a", fitted.named, fitted.share)
    assert own == pytest.approx(right, abs=0.04)


def test_the_truth_is_found_more_often_than_by_majority() -> None:
    fitted, truth, right = plant()
    assert np.mean(fitted.truth.argmax(axis=1) == truth) > 0.97
    assert right.mean() < 0.9


def test_auditors_who_copy_pass_for_better_than_they_are() -> None:
    fitted, _, right = plant(copied=0.7)
    own = np.einsum("akk,k->a", fitted.named, fitted.share)
    assert own.mean() > right.mean() + 0.03


def test_each_decision_s_chances_add_up_to_one() -> None:
    fitted, _, _ = plant()
    assert fitted.truth.sum(axis=1) == pytest.approx(1.0)
    assert fitted.named.sum(axis=2) == pytest.approx(1.0)


def test_the_order_of_rows_does_not_matter() -> None:
    rng = np.random.default_rng(1)
    ids, who = np.repeat(np.arange(50), 3), np.tile(["a", "b", "c"], 50)
    given = rng.choice(VERDICTS, 150)
    turned = rng.permutation(150)
    first = fit_latent_classes(ids, who, given)
    second = fit_latent_classes(ids[turned], who[turned], given[turned])
    assert np.allclose(first.truth, second.truth)


def test_decisions_judged_once_tell_nothing() -> None:
    with pytest.raises(EstimateError, match="has two verdicts"):
        fit_latent_classes(np.arange(3), np.array(["a", "b", "c"]), np.array(["x", "y", "x"]))
