from __future__ import annotations

from monitoring.drift.found import Drift, DriftHistory, FeatureDrift
from monitoring.drift.since import first_drifted, with_since


def drift(span: str, *drifted: str, still: tuple[str, ...] = ()) -> Drift:
    features = [FeatureDrift(name, "number", 0.3, True, limit=0.1) for name in drifted]
    features += [FeatureDrift(name, "number", 0.05, False, limit=0.1) for name in still]
    return Drift(tuple(features), (), 500, 500, span=span)


def history(*days: Drift, lately: Drift | None = None) -> DriftHistory:
    return DriftHistory(drift("period"), (), days, (), {}, lately=lately)


def test_the_first_day_that_drifted_is_told() -> None:
    days = [drift("2026-01-05"), drift("2026-01-06", "views"), drift("2026-01-07", "views")]
    assert first_drifted(days, {}) == {"views": "2026-01-06"}


def test_a_week_that_shows_what_no_day_does_counts_from_its_first_day() -> None:
    days = [drift("2026-01-05"), drift("2026-01-06")]
    week = drift("2026-W02", "views")
    assert first_drifted([*days, week], {"2026-W02": "2026-01-05"}) == {"views": "2026-01-05"}


def test_a_day_within_a_week_that_drifted_is_told_before_the_week() -> None:
    spans = [drift("2026-01-08", "views"), drift("2026-W02", "views")]
    assert first_drifted(spans, {"2026-W02": "2026-01-05"}) == {"views": "2026-01-08"}


def test_an_earlier_week_comes_before_a_later_day() -> None:
    spans = [drift("2026-01-14", "views"), drift("2026-W02", "views")]
    assert first_drifted(spans, {"2026-W02": "2026-01-05"}) == {"views": "2026-01-05"}


def test_only_what_drifted_says_since_when() -> None:
    told = with_since(drift("period", "views", still=("skips",)), {"views": "2026-01-06"})
    assert [(f.feature, f.since) for f in told.features] == [
        ("views", "2026-01-06"),
        ("skips", None),
    ]


def test_what_drifted_once_and_came_back_does_not_stand() -> None:
    past = history(drift("2026-01-05", "views"), drift("2026-01-06", still=("views",)))
    assert past.standing == ()


def test_what_drifts_on_the_last_day_or_lately_stands_once() -> None:
    now = history(drift("2026-01-06", "views", "skips"), lately=drift("last 7 days", "views"))
    assert sorted(f.feature for f in now.standing) == ["skips", "views"]


def test_a_history_of_nothing_has_nothing_standing() -> None:
    assert history().standing == ()
