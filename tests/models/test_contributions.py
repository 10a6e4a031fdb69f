"""The parts of the log-odds, and the reasons made of them."""

from __future__ import annotations

import numpy as np
from scipy.special import logit

from models.reasons import explain
from models.scoring import score
from tests.learned import Learned


def test_parts_add_up_to_the_calibrated_log_odds(learned: Learned) -> None:
    scores = score(learned.bundle, learned.later, learned.records)
    parts, base = learned.bundle.contributions.of(learned.bundle.risk, scores.frame)
    assert np.allclose(parts.sum(axis=1) + base, logit(scores.overturn_probability), atol=1e-6)


def test_tree_parts_agree_with_shapley_values_on_the_sign_of_the_strongest(
    learned: Learned,
) -> None:
    scores = score(learned.bundle, learned.later, learned.records)
    model = learned.bundle.risk
    riskiest = np.argsort(-scores.overturn_probability)[:50]
    matrix = model.encoder.tree_matrix(scores.frame.iloc[riskiest])
    shapley = model.booster.predict(matrix, pred_contrib=True)[:, :-1]
    ours = learned.bundle.contributions._of_trees(model, scores.frame.iloc[riskiest])
    strongest = shapley.argmax(axis=1)
    rows = np.arange(len(riskiest))
    assert np.mean(ours[rows, strongest] > 0) >= 0.95


def test_reasons_are_of_the_rows_asked_for_strongest_first(learned: Learned) -> None:
    scores = score(learned.bundle, learned.later, learned.records)
    rows = np.argsort(-scores.overturn_probability)[:20]
    told = explain(learned.bundle, scores, rows, most=3)
    assert len(told) == 20
    for reasons in told:
        assert 1 <= len(reasons) <= 3
        shares = [reason.share for reason in reasons]
        assert shares == sorted(shares, reverse=True)
        assert 0 < sum(shares) <= 1 + 1e-9
        assert all(reason.log_odds > 0 and ": " in reason.text for reason in reasons)


def test_no_rows_have_no_reasons(learned: Learned) -> None:
    scores = score(learned.bundle, learned.later, learned.records)
    assert explain(learned.bundle, scores, np.array([], dtype=int)) == []
