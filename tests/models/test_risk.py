"""The risk model, as learned on a small simulated programme."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.special import logit

from features.errors import TrainingError
from features.frame import FEATURES
from features.track_record import RecordSettings, TrackRecord
from models.risk import fit_risk
from models.scoring import score
from tests.learned import Learned, learn_small


def test_probabilities_by_direction_sum_to_the_overturn_probability(learned: Learned) -> None:
    scores = score(learned.bundle, learned.later, learned.records)
    assert np.all(scores.by_direction >= 0)
    assert np.all((scores.overturn_probability > 0) & (scores.overturn_probability < 1))
    assert np.allclose(scores.by_direction.sum(axis=1), scores.overturn_probability)


def test_the_ranking_finds_more_errors_than_chance(learned: Learned) -> None:
    scores = score(learned.bundle, learned.later, learned.records)
    truth = learned.simulation.truth.set_index("decision_id")["overturned"]
    wrong = truth.loc[learned.later["decision_id"]].to_numpy()
    riskiest = np.argsort(-scores.overturn_probability)[: len(wrong) // 5]
    assert wrong[riskiest].mean() > 2 * wrong.mean()


def test_the_order_of_rows_changes_nothing(learned: Learned) -> None:
    order = np.random.default_rng(1).permutation(len(learned.later))
    straight = score(learned.bundle, learned.later, learned.records)
    shuffled = score(learned.bundle, learned.later.iloc[order], learned.records.iloc[order])
    assert np.array_equal(shuffled.by_direction, straight.by_direction[order])


def test_the_order_of_columns_changes_nothing(learned: Learned) -> None:
    columns = list(reversed(learned.later.columns))
    straight = score(learned.bundle, learned.later, learned.records)
    turned = score(learned.bundle, learned.later[columns], learned.records)
    assert np.array_equal(turned.by_direction, straight.by_direction)


def test_a_batch_equals_one_by_one(learned: Learned) -> None:
    batch = score(learned.bundle, learned.later[:50], learned.records[:50])
    for row in range(50):
        one = slice(row, row + 1)
        alone = score(learned.bundle, learned.later[one], learned.records[one])
        assert np.array_equal(alone.by_direction[0], batch.by_direction[row])


def test_scoring_leaves_its_input_alone(learned: Learned) -> None:
    before = learned.later.copy(deep=True), learned.records.copy(deep=True)
    score(learned.bundle, learned.later, learned.records)
    pd.testing.assert_frame_equal(learned.later, before[0])
    pd.testing.assert_frame_equal(learned.records, before[1])


def test_raising_past_overturns_never_lowers_risk(learned: Learned) -> None:
    low = score(learned.bundle, learned.later, learned.records).overturn_probability
    for name in (n for n in map(str, learned.records) if n.endswith("_rate")):
        worse = learned.records.assign(**{name: np.minimum(learned.records[name] + 0.1, 1.0)})
        high = score(learned.bundle, learned.later, worse).overturn_probability
        assert np.all(high >= low - 1e-12), name


def test_an_unknown_everything_is_answered_near_the_overall_rate(learned: Learned) -> None:
    stranger = pd.DataFrame(
        {
            "decision_id": ["new"],
            "decided_at": [learned.later["decided_at"].max()],
            "policy": ["never seen"],
            "action": ["never seen either"],
            "language": ["tlh"],
            "moderator_id": ["newcomer"],
        }
    )
    records = TrackRecord(learned.bundle.record_settings).look_up(stranger)
    risk = score(learned.bundle, stranger, records).overturn_probability[0]
    overall = score(learned.bundle, learned.later, learned.records).overturn_probability.mean()
    assert abs(logit(risk) - logit(overall)) < np.log(4)


def test_a_row_of_nulls_gets_an_answer(learned: Learned) -> None:
    bare = learned.later[["decision_id", "decided_at", "policy", "action"]][:1]
    records = TrackRecord(RecordSettings()).look_up(bare)
    assert 0 < score(learned.bundle, bare, records).overturn_probability[0] < 1


def test_the_same_seed_learns_the_same_model(learned: Learned) -> None:
    again = learn_small()
    assert (
        again.bundle.risk.booster.model_to_string() == learned.bundle.risk.booster.model_to_string()
    )
    assert np.array_equal(again.bundle.risk.coefficients, learned.bundle.risk.coefficients)


def test_too_few_overturns_are_refused_with_the_mend() -> None:
    frame = pd.DataFrame({f.name: [0.5] * 30 for f in FEATURES})
    with pytest.raises(TrainingError, match="saw 0 overturns in 30 audits.*load more outcomes"):
        fit_risk(frame, pd.Series(["correct"] * 30))


def test_directions_that_an_action_cannot_have_are_rare(learned: Learned) -> None:
    scores = score(learned.bundle, learned.later, learned.records)
    kept = (learned.later["action_rank"] == 0).to_numpy()
    over_share = scores.by_direction[kept, 0] / scores.overturn_probability[kept]
    assert over_share.max() < 0.1
