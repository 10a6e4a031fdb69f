"""The one door for features: declared columns, checked ranges, the same for one row and many."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from features.errors import ContractError
from features.frame import FEATURES, OPINION_FEATURES, Feature, build_frame, extra_features
from features.simulate import Simulation, simulate
from features.track_record import RecordSettings, events, replay


@pytest.fixture(scope="module")
def made() -> Simulation:
    return simulate(days=6, decisions_per_day=400, audit_share=0.2, seed=2)


@pytest.fixture(scope="module")
def records(made: Simulation) -> pd.DataFrame:
    past = events(made.decisions, made.outcomes)
    return replay(made.decisions, past, RecordSettings())


def one(**columns: object) -> pd.DataFrame:
    return pd.DataFrame({"policy": ["p"], "action": ["a"]} | columns)


NO_RECORD = pd.DataFrame(index=[0])


def test_the_columns_are_the_declared_features_in_their_order(
    made: Simulation, records: pd.DataFrame
) -> None:
    assert build_frame(made.decisions, records).columns.tolist() == [f.name for f in FEATURES]


def test_each_feature_is_declared_once_in_words() -> None:
    names = [f.name for f in FEATURES]
    assert len(set(names)) == len(names)
    assert all(f.meaning and f.family for f in FEATURES)


def test_each_column_has_the_type_that_is_declared(made: Simulation, records: pd.DataFrame) -> None:
    frame = build_frame(made.decisions, records)
    expected = {f.name: "float64" if f.kind == "number" else "str" for f in FEATURES}
    assert {name: str(dtype) for name, dtype in frame.dtypes.items()} == expected


def test_a_bare_decision_has_every_column_and_most_are_null() -> None:
    frame = build_frame(one(), NO_RECORD)
    assert frame.columns.tolist() == [f.name for f in FEATURES]
    assert set(frame.columns[frame.notna().iloc[0]]) == {"policy", "action"}
    assert all(frame[f.name].dtype == float for f in FEATURES if f.kind == "number")


def test_one_row_alone_equals_the_row_of_the_batch(made: Simulation, records: pd.DataFrame) -> None:
    batch = build_frame(made.decisions, records)
    for row in range(0, len(batch), 397):
        alone = build_frame(made.decisions.iloc[[row]], records.iloc[[row]])
        pd.testing.assert_frame_equal(alone, batch.iloc[[row]])


def test_the_order_of_columns_changes_nothing(made: Simulation, records: pd.DataFrame) -> None:
    turned = made.decisions[made.decisions.columns[::-1]]
    pd.testing.assert_frame_equal(
        build_frame(turned, records[records.columns[::-1]]), build_frame(made.decisions, records)
    )


def test_the_inputs_are_left_alone(made: Simulation, records: pd.DataFrame) -> None:
    before = made.decisions.copy(), records.copy()
    build_frame(made.decisions, records)
    pd.testing.assert_frame_equal(made.decisions, before[0])
    pd.testing.assert_frame_equal(records, before[1])


def test_groups_are_never_inputs() -> None:
    decisions = one(group_age=["20"], x_risk=[1.0])
    extras = extra_features(decisions)
    assert [f.name for f in extras] == ["x_risk"]
    assert not [
        n for n in map(str, build_frame(decisions, NO_RECORD, extras=extras)) if "group" in n
    ]


def test_no_identity_and_no_content_is_an_input() -> None:
    hidden = {"decision_id", "moderator_id", "item_id", "item_group", "text", "embedding"}
    assert not hidden & {f.name for f in FEATURES}


def test_extra_inputs_follow_the_declared_ones_in_the_order_of_the_model() -> None:
    decisions = one(x_b=["red"], x_a=[2.0])
    extras = extra_features(decisions)
    frame = build_frame(decisions, NO_RECORD, extras=extras[::-1])
    assert frame.columns.tolist()[-2:] == ["x_b", "x_a"]
    assert frame[["x_b", "x_a"]].iloc[0].tolist() == ["red", 2.0]
    assert [f.kind for f in extras] == ["number", "category"]


def test_an_extra_input_that_did_not_come_is_null_and_an_unknown_one_is_left_out() -> None:
    extras = extra_features(one(x_a=[2.0], x_b=["red"]))
    frame = build_frame(one(x_new=[1.0]), NO_RECORD, extras=extras)
    assert frame[["x_a", "x_b"]].isna().to_numpy().all()
    assert "x_new" not in frame
    assert frame["x_a"].dtype == float


def test_an_extra_category_reads_the_same_as_number_and_as_text() -> None:
    extras = extra_features(one(x_code=["1"]))
    for value in ("1", 1, 1.0):
        frame = build_frame(one(x_code=[value]), NO_RECORD, extras=extras)
        assert frame["x_code"].tolist() == ["1"]


def test_an_extra_number_may_come_as_text_and_else_is_refused_by_row() -> None:
    extras = extra_features(one(x_risk=[0.5]))
    assert build_frame(one(x_risk=["0.5"]), NO_RECORD, extras=extras)["x_risk"].tolist() == [0.5]
    two = pd.concat([one(x_risk=["0.5"]), one(x_risk=["high"])], ignore_index=True)
    with pytest.raises(ContractError, match=r"row 1, column 'x_risk': saw 'high'"):
        build_frame(two, pd.DataFrame(index=[0, 1]), extras=extras)


def test_categories_stay_categories_and_say_what_the_text_did(
    made: Simulation, records: pd.DataFrame
) -> None:
    names = [f.name for f in FEATURES if f.kind == "category"]
    coded = made.decisions.astype(dict.fromkeys(names, "category"))
    frame = build_frame(coded, records)
    assert {str(frame[name].dtype) for name in names} == {"category"}
    pd.testing.assert_frame_equal(
        frame.astype(dict.fromkeys(names, "str")), build_frame(made.decisions, records)
    )


@pytest.mark.parametrize("kind", ["str", "category", object])
def test_blanks_around_a_word_do_not_make_it_another(kind: type | str) -> None:
    decisions = one(queue=pd.Series([" appeals "], dtype=kind))
    assert build_frame(decisions, NO_RECORD)["queue"].tolist() == ["appeals"]


@pytest.mark.parametrize("kind", ["str", object])
def test_the_length_of_a_text_is_in_characters_however_it_is_kept(kind: type | str) -> None:
    texts = pd.DataFrame(
        {"text": pd.Series(["\N{PILE OF POO}e\N{COMBINING ACUTE ACCENT}", None, "ab"], dtype=kind)}
    )
    lengths = np.expm1(build_frame(texts, pd.DataFrame(index=range(3)))["log_content_length"])
    assert lengths.round(9).fillna(-1).tolist() == [3, -1, 2]


def test_a_number_out_of_range_is_named_by_its_row_however_far_down_it_stands() -> None:
    score = np.full(20_000, 0.5)
    score[17_001] = 7.0
    with pytest.raises(ContractError, match=r"row 17,?001"):
        build_frame(pd.DataFrame({"automated_score": score}), pd.DataFrame(index=range(20_000)))


def test_an_automated_decision_has_null_rates_of_a_moderator(
    made: Simulation, records: pd.DataFrame
) -> None:
    frame = build_frame(made.decisions, records)
    automated = made.decisions["moderator_id"].isna()
    personal = [n for n in map(str, frame) if "moderator" in n and n != "moderator_team"]
    assert len(personal) == 6
    assert automated.any()
    assert frame.loc[automated, personal].isna().to_numpy().all()
    assert frame.loc[~automated, personal].notna().to_numpy().all()


@pytest.mark.parametrize(
    ("column", "feature"),
    [
        ("handle_seconds", "log_handle_seconds"),
        ("reports", "log_reports"),
        ("views", "log_views"),
        ("moderator_tenure_days", "log_tenure_days"),
    ],
)
def test_counts_and_durations_come_as_logarithms_of_one_more(column: str, feature: str) -> None:
    frame = build_frame(one(**{column: [99.0]}), NO_RECORD)
    assert frame[feature].iloc[0] == pytest.approx(np.log(100))


@pytest.mark.parametrize(
    ("score", "rank", "mismatch"), [(0.9, 0, 0.9), (0.9, 4, 0.1), (0.5, 2, 0.0), (0.2, 9, 0.8)]
)
def test_the_mismatch_sets_the_score_against_the_strictness(
    score: float, rank: float, mismatch: float
) -> None:
    decisions = one(automated_score=[score], action_rank=[rank])
    frame = build_frame(decisions, NO_RECORD, top_rank=4)
    assert frame["score_mismatch"].iloc[0] == pytest.approx(mismatch)


def test_without_a_score_or_a_rank_there_is_no_mismatch() -> None:
    for column in ("automated_score", "action_rank"):
        frame = build_frame(one(**{column: [1.0]}), NO_RECORD)
        assert frame["score_mismatch"].isna().all()


@pytest.mark.parametrize(("value", "name"), [(1.2, "policy_rate"), (-0.1, "policy_rate")])
def test_a_number_out_of_its_declared_range_is_refused(value: float, name: str) -> None:
    with pytest.raises(ContractError, match=f"column '{name}'.*expected 0 to 1"):
        build_frame(one(), pd.DataFrame({name: [value]}))


def test_every_declared_range_is_checked() -> None:
    bounded = [f for f in OPINION_FEATURES if np.isfinite(f.low) and np.isfinite(f.high)]
    assert len(bounded) == len(OPINION_FEATURES)
    for feature in bounded:
        opinion = pd.DataFrame({f.name: [0.5] for f in OPINION_FEATURES})
        opinion[feature.name] = feature.high + 0.01
        with pytest.raises(ContractError, match=feature.name):
            build_frame(one(), NO_RECORD, opinion=opinion)


def test_a_second_opinion_comes_through_whole() -> None:
    opinion = pd.DataFrame({f.name: [0.25] for f in OPINION_FEATURES})
    frame = build_frame(one(), NO_RECORD, opinion=opinion)
    assert frame[[f.name for f in OPINION_FEATURES]].iloc[0].tolist() == [0.25] * len(
        opinion.columns
    )


def test_monotone_features_point_where_policy_says() -> None:
    direction = {f.name: f.monotone for f in FEATURES}
    assert all(direction[n] == 1 for n in direction if n.endswith("_rate"))
    assert direction["opinion_of_action"] == direction["opinion_margin"] == -1
    assert {f.monotone for f in FEATURES if f.kind == "category"} == {0}


def test_a_feature_is_immutable() -> None:
    with pytest.raises(AttributeError):
        Feature("a", "number", "b", "c").low = 3  # type: ignore[misc]
