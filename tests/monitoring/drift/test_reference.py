from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
import pytest

from features.errors import EstimateError
from monitoring.drift.found import ALL
from monitoring.drift.reference import NOT_KNOWN, OTHER, bins_of, grows, reference_of
from tests.monitoring.drift.days import profile


def counted(values: Sequence[object], *, by: Sequence[object] | None = None) -> dict[str, int]:
    bins = bins_of("x_input", pd.Series(by or values))
    table = bins.count(pd.Series(values), np.zeros(len(values), dtype=np.int64), 1)
    return {label: int(n) for label, n in zip(bins.labels, table[0], strict=True) if n}


def test_every_value_falls_into_one_bin() -> None:
    made = profile()
    reference = reference_of(made)
    for name, counts in reference.counts[ALL].items():
        assert counts.sum() == len(made), name


def test_policies_add_up_to_all_decisions() -> None:
    reference = reference_of(profile())
    assert reference.rows["spam"] + reference.rows["hate"] == reference.rows[ALL]
    for name, counts in reference.counts[ALL].items():
        there = reference.counts["spam"][name] + reference.counts["hate"][name]
        assert (there == counts).all()


def test_a_number_of_few_values_has_a_bin_for_each() -> None:
    assert counted([0.0, 1.0, 1.0, 2.0]) == {"0": 1, "1": 2, "2": 1}


def test_numbers_beyond_the_profile_are_told_apart_from_its_ends() -> None:
    assert counted([-5.0, 0.0, 9.0], by=[0.0, 1.0, 2.0]) == {"below 0": 1, "0": 1, "above 2": 1}


def test_what_is_not_known_has_a_bin_of_its_own() -> None:
    assert counted([1.0, None, None]) == {"1": 1, NOT_KNOWN: 2}
    assert counted(["en", None]) == {"en": 1, NOT_KNOWN: 1}


def test_new_and_rare_categories_are_counted_as_one() -> None:
    common = ["en"] * 500 + ["da"]
    assert counted(["en", "da", "xx"], by=common) == {"en": 1, OTHER: 2}


def test_bins_of_a_narrow_number_are_still_told_apart() -> None:
    labels = bins_of("x_input", pd.Series(1 + np.arange(1000) / 1e7)).labels
    assert len(set(labels)) == len(labels)


def test_rows_that_repeat_make_the_profile_less_sure() -> None:
    once = profile(1_000)
    thrice = pd.concat([once] * 3)
    assert reference_of(once).repeats[ALL] == pytest.approx(1.0)
    assert reference_of(thrice).repeats[ALL] == pytest.approx(3.0)


def test_ids_are_never_counted() -> None:
    named = profile().assign(moderator_id="m-1", decision_id="d-1", auditor_id="a-1")
    assert not {b.feature for b in reference_of(named).bins} & {
        *("moderator_id", "decision_id", "auditor_id")
    }


def test_another_profile_has_another_fingerprint() -> None:
    one, two = profile(seed=1), profile(seed=2)
    assert reference_of(one).fingerprint == reference_of(one.copy()).fingerprint
    assert reference_of(one).fingerprint != reference_of(two).fingerprint


def test_too_small_a_profile_is_refused() -> None:
    with pytest.raises(EstimateError, match="holds 5 decisions; expected at least 30"):
        reference_of(profile(5))


def test_track_records_and_time_in_the_job_change_by_nature() -> None:
    growing = ("log_team_audits", "moderator_rate", "log_tenure_days", "policy_version")
    assert all(grows(name) for name in growing)
    assert not any(grows(name) for name in ("automated_score", "policy", "overturn_probability"))
