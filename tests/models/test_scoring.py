"""Scores of a decision are the same however it comes to be scored, to the last bit."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pandas as pd
import pytest

from features.columns import columns_of
from models.scoring import Scores, score
from tests.plausible import Plausible, learn_plausible

ROWS = 600


@pytest.fixture(scope="module")
def day() -> Plausible:
    return learn_plausible()


@pytest.fixture(scope="module")
def decisions(day: Plausible) -> pd.DataFrame:
    """Decisions with texts, some of them by nobody and some under a policy never met."""
    odd = day.later[:ROWS].copy()
    odd.loc[::50, "policy"] = "never met"
    odd.loc[::70, ["queue", "language"]] = None
    return odd


@pytest.fixture(scope="module")
def records(day: Plausible, decisions: pd.DataFrame) -> pd.DataFrame:
    return day.records(decisions)


@pytest.fixture(scope="module")
def whole(day: Plausible, decisions: pd.DataFrame, records: pd.DataFrame) -> Scores[pd.DataFrame]:
    return score(day.bundle, decisions, records)


def test_a_row_alone_scores_as_in_any_batch(
    day: Plausible,
    decisions: pd.DataFrame,
    records: pd.DataFrame,
    whole: Scores[pd.DataFrame],
) -> None:
    columns, known = columns_of(decisions), columns_of(records)
    for row in range(0, ROWS, 5):
        alone = score(day.bundle, columns.take([row]), known.take([row]))
        assert alone.by_direction[0].tolist() == whole.by_direction[row].tolist()
        assert alone.expected_harm[0] == whole.expected_harm[row]
    for few in (slice(7, 9), slice(100, 163), slice(200, 265)):
        part = score(day.bundle, decisions[few], records[few])
        assert np.array_equal(part.by_direction, whole.by_direction[few])


def as_categories(decisions: pd.DataFrame) -> pd.DataFrame:
    """Return text as categories, in an order of their own and some of them in no row."""
    texts = [
        name for name in map(str, decisions) if decisions[name].dtype == "str" and name != "text"
    ]
    coded = decisions.astype(dict.fromkeys(texts, "category"))
    own = coded["policy"].cat
    turned = own.reorder_categories(own.categories[::-1]).cat.add_categories("in no row")
    return coded.assign(policy=turned)


def as_objects(decisions: pd.DataFrame) -> pd.DataFrame:
    """Return text as Python objects."""
    texts = [name for name in map(str, decisions) if decisions[name].dtype == "str"]
    return decisions.assign(
        **{n: decisions[n].astype(object).where(decisions[n].notna(), None) for n in texts}
    )


@pytest.mark.parametrize("kind", [as_categories, as_objects])
def test_text_scores_the_same_however_it_is_kept(
    day: Plausible,
    decisions: pd.DataFrame,
    records: pd.DataFrame,
    whole: Scores[pd.DataFrame],
    kind: Callable[[pd.DataFrame], pd.DataFrame],
) -> None:
    other = score(day.bundle, kind(decisions), records)
    assert np.array_equal(other.by_direction, whole.by_direction)
    assert np.array_equal(other.expected_harm, whole.expected_harm)


def test_plain_columns_score_as_the_frame_does(
    day: Plausible,
    decisions: pd.DataFrame,
    records: pd.DataFrame,
    whole: Scores[pd.DataFrame],
) -> None:
    plain = score(day.bundle, columns_of(decisions), columns_of(records))
    assert np.array_equal(plain.by_direction, whole.by_direction)
    assert np.array_equal(plain.expected_harm, whole.expected_harm)


def test_parts_scored_side_by_side_are_those_of_the_whole(
    day: Plausible,
    decisions: pd.DataFrame,
    records: pd.DataFrame,
    whole: Scores[pd.DataFrame],
) -> None:
    spans = [slice(start, start + 50) for start in range(0, ROWS, 50)]
    with ThreadPoolExecutor(2) as threads:
        parts = threads.map(lambda rows: score(day.bundle, decisions[rows], records[rows]), spans)
    assert np.array_equal(np.vstack([each.by_direction for each in parts]), whole.by_direction)


def test_no_decisions_have_no_scores(
    day: Plausible, decisions: pd.DataFrame, records: pd.DataFrame
) -> None:
    nothing = score(day.bundle, decisions[:0], records[:0])
    assert nothing.by_direction.shape == (0, 3)
    assert nothing.expected_harm.shape == (0,)
