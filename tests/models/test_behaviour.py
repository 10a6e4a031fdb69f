"""How the learned model behaves: what may only raise the risk, what changes nothing, who is new."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from features.contract import DIRECTIONS
from features.history import History, groups_of, history_of, looks_before
from features.known import with_history
from features.policies import Policies
from features.track_record import events, replay
from models.bundle import Bundle, save_bundle
from tests.plausible import Plausible, learn_plausible
from training.learn import learn

NEW = "never seen before"
WITHIN = 3.0
"""Nobody knows the rate of what is new: in the simulated world the rates of policies, and of
moderators, mostly lie between a third of the overall rate and three times it."""


@pytest.fixture(scope="module")
def day() -> Plausible:
    """A day that the model has not seen."""
    return learn_plausible()


@pytest.fixture(scope="module")
def usual(day: Plausible) -> np.ndarray:
    """The risk of each decision as it came."""
    return day.risk(day.later)


def test_more_past_overturns_of_a_moderator_never_lower_the_risk(
    day: Plausible, usual: np.ndarray
) -> None:
    history = history_of(day.past, day.outcomes)
    settings = day.bundle.record_settings
    for moderator in day.later["moderator_id"].value_counts().index[:5]:
        own = day.past.loc[day.past["moderator_id"] == moderator, "decision_id"]
        of_own = day.outcomes["decision_id"].isin(own) & (day.outcomes["verdict"] == "correct")
        worse = day.outcomes["verdict"].mask(of_own, DIRECTIONS[0])
        past = events(day.past, day.outcomes.assign(verdict=worse))
        records = replay(day.later, past, settings)
        records = with_history(records, day.later, history, settings)
        risk = day.risk(day.later, records)
        assert np.all(risk >= usual - 1e-12)
        hers = (day.later["moderator_id"] == moderator).to_numpy()
        assert np.mean(risk[hers] > usual[hers]) > 0.5


def test_more_agreement_of_earlier_looks_never_raises_the_risk(day: Plausible) -> None:
    asked = day.later.assign(group=groups_of(day.later)).drop_duplicates("group", keep="last")
    action = groups_of(day.past).map(asked.set_index("group")["action"])
    agreeing = day.past.assign(action=action.fillna(day.past["action"]))
    history = history_of(day.past, day.outcomes)
    before = day.records(asked)
    looks = looks_before(asked, History(agreeing, history.judged, agreeing))
    after = before.assign(earlier_agreement=looks["earlier_agreement"])
    assert looks["earlier_looks"].equals(before["earlier_looks"])
    more = (after["earlier_agreement"] > before["earlier_agreement"]).to_numpy()
    assert more.sum() >= 20
    assert np.all(day.risk(asked, after) <= day.risk(asked, before) + 1e-12)
    assert day.risk(asked, after)[more].mean() < day.risk(asked, before)[more].mean()


def test_more_agreement_of_audits_never_raises_the_risk(day: Plausible, usual: np.ndarray) -> None:
    records = day.records(day.later)
    share = records["audited_agreement"]
    after = records.assign(audited_agreement=np.minimum(share + 0.25, 1.0))
    assert share.notna().any()
    assert np.all(day.risk(day.later, after) <= usual + 1e-12)


def test_the_order_of_rows_changes_nothing_from_lookup_to_score(
    day: Plausible, usual: np.ndarray
) -> None:
    order = np.random.default_rng(2).permutation(len(day.later))
    assert np.array_equal(day.risk(day.later.iloc[order]), usual[order])


def test_the_order_of_columns_changes_nothing_from_lookup_to_score(
    day: Plausible, usual: np.ndarray
) -> None:
    turned = day.later[list(reversed(day.later.columns))]
    assert np.array_equal(day.risk(turned), usual)


def test_a_batch_equals_one_by_one_from_lookup_to_score(day: Plausible, usual: np.ndarray) -> None:
    alone = [day.risk(day.later[row : row + 1])[0] for row in range(15)]
    assert np.allclose(alone, usual[:15], rtol=0, atol=1e-12)


@pytest.mark.parametrize(
    "name", ["policy", "action", "moderator_id", "moderator_team", "language", "region"]
)
def test_what_is_new_is_answered_near_the_overall_rate(
    day: Plausible, usual: np.ndarray, name: str
) -> None:
    risk = day.risk(day.later.assign(**{name: NEW}))
    assert 1 / WITHIN < risk.mean() / usual.mean() < WITHIN
    assert np.all((risk > 0) & (risk < 1))


def test_a_new_language_is_answered_as_one_that_is_not_told(day: Plausible) -> None:
    new = day.risk(day.later.assign(language=NEW))
    untold = day.risk(day.later.assign(language=pd.Series(None, dtype="str")))
    assert 1 / WITHIN < new.mean() / untold.mean() < WITHIN


def test_a_new_moderator_is_answered_without_regard_to_her_name(day: Plausible) -> None:
    one, other = (day.risk(day.later.assign(moderator_id=name)) for name in (NEW, "another one"))
    assert np.array_equal(one, other)


def test_a_decision_of_which_only_what_is_required_is_known_is_near_the_overall_rate(
    day: Plausible, usual: np.ndarray
) -> None:
    bare = day.later[["decision_id", "decided_at", "policy", "action"]]
    risk = day.risk(bare)
    assert 1 / WITHIN < risk.mean() / usual.mean() < WITHIN
    new = bare[:1].assign(policy=NEW, action=NEW)
    assert 1 / WITHIN < day.risk(new)[0] / usual.mean() < WITHIN


def test_null_columns_are_as_columns_that_did_not_come(day: Plausible) -> None:
    bare = day.later[["decision_id", "decided_at", "policy", "action"]][:20]
    nulls = {
        str(name): pd.Series(None, index=bare.index, dtype=dtype)
        for name, dtype in day.later.dtypes.items()
        if name not in bare
    }
    assert np.array_equal(day.risk(bare.assign(**nulls)), day.risk(bare))


def test_groups_for_fairness_change_no_score(day: Plausible, usual: np.ndarray) -> None:
    group = np.where(np.arange(len(day.later)) % 2, "left", "right")
    assert np.array_equal(day.risk(day.later.assign(group_side=group)), usual)


def _files(bundle: Bundle, folder: Path) -> dict[str, bytes]:
    save_bundle(bundle, folder)
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_rows_in_another_order_learn_the_same_bundle_byte_for_byte(
    day: Plausible, tmp_path: Path
) -> None:
    shuffled = [table.sample(frac=1, random_state=7) for table in (day.earlier, day.outcomes)]
    again, _ = learn(*shuffled, policies=Policies())
    before = _files(day.bundle, tmp_path / "before")
    after = _files(again, tmp_path / "after")
    assert sorted(after) == sorted(before)
    assert [name for name in before if after[name] != before[name]] == []


@pytest.mark.slow
def test_groups_for_fairness_are_not_learned_from(day: Plausible, tmp_path: Path) -> None:
    told = day.outcomes.set_index("decision_id")["verdict"]
    verdict = day.earlier["decision_id"].map(told).fillna("none")
    again, _ = learn(day.earlier.assign(group_verdict=verdict), day.outcomes, policies=Policies())
    before = _files(day.bundle, tmp_path / "before")
    assert _files(again, tmp_path / "after") == before
