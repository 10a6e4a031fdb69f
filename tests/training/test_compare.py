"""Challenger and champion on the same audits: what each had learned is kept from judging it."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from features.history import groups_of
from features.known import known_before
from features.policies import Policies, Policy
from models.bundle import save_bundle
from models.scoring import score
from tests.learned import Learned, learn_small
from tests.training.judged import row_of
from training.allocation import Capacity
from training.compare import Comparison, compare
from training.footprint import Contender, open_contender, other_versions
from training.gates import Outcome
from training.judge import judge
from training.learn import learn


@pytest.fixture(scope="module")
def small() -> Learned:
    """A bundle with its trial, learned without texts."""
    return learn_small(text=False)


@pytest.fixture(scope="module")
def contender(small: Learned, tmp_path_factory: pytest.TempPathFactory) -> Contender:
    """The bundle as it was saved."""
    folder = tmp_path_factory.mktemp("saved") / "bundle"
    save_bundle(small.bundle, folder)
    return open_contender(folder)


@pytest.fixture(scope="module")
def against_itself(small: Learned, contender: Contender) -> Comparison:
    """The bundle against itself, as if it had learned from the first eleven days alone."""
    return compare(
        small.earlier,
        small.outcomes,
        trial=small.trial,
        challenger=contender,
        champion=_until(contender, small.earlier["decided_at"].min() + pd.Timedelta(days=11)),
    )


def _until(contender: Contender, day: pd.Timestamp) -> Contender:
    bundle = contender.bundle
    card = bundle.card | {"until": day.isoformat()}
    return replace(contender, bundle=replace(bundle, fingerprint="earlier", card=card))


def test_the_challenger_is_judged_by_its_trial(small: Learned, against_itself: Comparison) -> None:
    rows, told = against_itself.rows, small.trial.predictions
    assert rows["challenger"].tolist() == told["overturn_probability"].tolist()
    assert rows["decision_id"].tolist() == told["decision_id"].tolist()
    assert ((rows["harm_found"] > 0) == (rows["overturned"] == 1)).all()
    assert (rows["challenger_harm"] <= rows["challenger"] + 1e-12).all()  # no error costs over 1


def test_the_champion_is_asked_only_of_what_it_did_not_learn_from(
    small: Learned, against_itself: Comparison
) -> None:
    rows, until = against_itself.rows, against_itself.champion_until
    asked = rows["champion"].notna()
    assert 0 < asked.sum() < len(rows)
    assert (rows.loc[asked, "decided_at"] > until).all()
    audited = small.earlier["decision_id"].isin(small.outcomes["decision_id"])
    learned = groups_of(small.earlier)[audited & (small.earlier["decided_at"] <= until)]
    assert not rows.loc[asked, "group"].isin(learned).any()
    assert rows.loc[~asked, ["champion_harm", "champion_inclusion"]].isna().all().all()


def test_the_champion_scores_with_what_was_known_then(
    small: Learned, against_itself: Comparison
) -> None:
    rows = against_itself.rows[against_itself.rows["champion"].notna()]
    asked = small.earlier.set_index("decision_id").loc[rows["decision_id"]].reset_index()
    for place in (0, len(asked) - 1):
        one = asked.iloc[[place]]
        then = one["decided_at"].iloc[0]
        known = small.outcomes[small.outcomes["audited_at"] <= then]
        before = small.earlier[small.earlier["decided_at"] <= then]
        records = known_before(one, before, known, small.bundle.record_settings)
        alone = score(small.bundle, one, records).overturn_probability[0]
        assert rows["champion"].iloc[place] == pytest.approx(alone)


def test_plans_give_every_audit_and_decision_a_chance(against_itself: Comparison) -> None:
    given = against_itself.allocation
    assert given is not None
    assert given.has_champion
    assert given.decisions["challenger"].mean() == pytest.approx(0.05, abs=1e-3)
    chance = against_itself.rows["challenger_inclusion"]
    assert ((chance > 0) & (chance <= 1)).all()


def test_scoring_is_timed_and_the_bundle_weighed(against_itself: Comparison) -> None:
    measured = against_itself.footprint
    assert measured is not None
    assert len(measured.milliseconds) == len(measured.megabytes) == 2
    assert min(measured.milliseconds) > 0
    assert 0.1 < measured.megabytes[0] < 20
    assert measured.other_versions == ()


def test_the_same_model_passes_against_itself(against_itself: Comparison) -> None:
    verdict = judge(against_itself)
    assert verdict.passed, verdict.reasons
    assert verdict.champion == "earlier"
    assert {row.gate for row in verdict.rows} == {
        *("capture", "harm", "lift", "calibration", "calibration error"),
        *("coverage", "burden", "latency", "size", "version"),
    }


def test_a_first_version_of_a_small_programme_passes(small: Learned, contender: Contender) -> None:
    first = compare(
        small.earlier, small.outcomes, trial=small.trial, challenger=contender, champion=None
    )
    verdict = judge(first)
    assert verdict.passed, verdict.reasons
    assert verdict.champion is None


def test_a_champion_that_learned_from_all_of_it_is_not_compared(
    small: Learned, contender: Contender
) -> None:
    of_all = compare(
        small.earlier, small.outcomes, trial=small.trial, challenger=contender, champion=contender
    )
    assert of_all.rows["champion"].isna().all()
    capture = row_of(judge(of_all), "capture")
    assert capture.outcome is Outcome.UNKNOWN
    assert "0 are later than what the champion learned from (until 2026-01-" in capture.reason


def test_minimums_beyond_the_capacity_are_told(small: Learned, contender: Contender) -> None:
    harm = Policies(Policy(minimum_audits=500), {})
    bundle = replace(contender.bundle, policies=harm)
    greedy = compare(
        small.earlier,
        small.outcomes,
        trial=small.trial,
        challenger=replace(contender, bundle=bundle),
        champion=None,
        capacity=Capacity(0.02),
    )
    burden = row_of(judge(greedy), "burden")
    assert burden.outcome is Outcome.UNKNOWN
    assert "The minimums alone need" in burden.reason


def test_a_bundle_made_by_another_version_fails(
    small: Learned, contender: Contender, tmp_path: Path
) -> None:
    folder = tmp_path / "bundle"
    save_bundle(small.bundle, folder)
    _remake_manifest(folder, secondlook="0.0.9", lightgbm="3.3.5")
    old = open_contender(folder)
    told = compare(small.earlier, small.outcomes, trial=small.trial, challenger=old, champion=None)
    version = row_of(judge(told), "version")
    assert version.outcome is Outcome.FAILED
    assert "lightgbm 3.3.5, here" in version.reason
    assert "secondlook 0.0.9, here" in version.reason


def _remake_manifest(folder: Path, **versions: str) -> None:
    """Write a manifest as another version would have, its fingerprint right."""
    path = folder / "manifest.json"
    manifest = json.loads(path.read_text())
    manifest["libraries"] |= versions
    body = {name: manifest[name] for name in ("format", "libraries", "parts")}
    digest = hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()
    path.write_text(json.dumps(manifest | {"fingerprint": digest[:12]}))


def test_a_bundle_that_does_not_say_who_made_it_is_of_another_version(
    contender: Contender,
) -> None:
    made = {name: v for name, v in contender.made_with.items() if name != "secondlook"}
    (told,) = other_versions(made)
    assert told.startswith("secondlook of no known version, here")


@pytest.mark.slow
def test_a_model_of_shuffled_labels_fails_by_its_lift(small: Learned, tmp_path: Path) -> None:
    order = np.random.default_rng(0).permutation(len(small.outcomes))
    shuffled = small.outcomes.assign(verdict=small.outcomes["verdict"].to_numpy()[order])
    bundle, trial = learn(small.earlier, shuffled, policies=Policies())
    save_bundle(bundle, tmp_path / "bundle")
    told = compare(
        small.earlier,
        shuffled,
        trial=trial,
        challenger=open_contender(tmp_path / "bundle"),
        champion=None,
    )
    assert "lift" in {row.gate for row in judge(told).failed}
