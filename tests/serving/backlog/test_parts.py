"""Parts of a backlog on disk: they come back as they were."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from features.contract import DECISIONS, check
from features.simulate import simulate
from serving.backlog.parts import Parts


@pytest.fixture(scope="module")
def decisions() -> pd.DataFrame:
    made = simulate(days=1, decisions_per_day=90, seed=1).decisions
    texts = pd.Series([f"text {number}" for number in made.index], dtype="str")
    vectors = [[0.5, float(number)] for number in range(len(made))]
    return check(
        made.assign(text=texts, embedding=pd.Series(vectors), x_age=1.5), DECISIONS
    ).require()


def written(decisions: pd.DataFrame, folder: Path) -> Parts:
    parts = Parts(folder)
    for start in range(0, len(decisions), 40):
        own = decisions.iloc[start : start + 40]
        parts = parts.with_next(len(own))
        parts.write(len(parts) - 1, own)
    return parts


def as_text(frame: pd.DataFrame) -> pd.DataFrame:
    coded = [name for name in frame if isinstance(frame[name].dtype, pd.CategoricalDtype)]
    vectors = frame["embedding"].map(list)
    return frame.astype(dict.fromkeys(coded, "str")).assign(embedding=vectors)


def test_parts_come_back_as_they_were(decisions: pd.DataFrame, tmp_path: Path) -> None:
    parts = written(decisions, tmp_path)
    assert (len(parts), parts.rows) == (3, len(decisions))
    found = pd.concat(map(as_text, parts), ignore_index=True)
    pd.testing.assert_frame_equal(found, as_text(decisions).reset_index(drop=True))


def test_rows_left_out_are_gone_and_the_others_keep_their_order(
    decisions: pd.DataFrame, tmp_path: Path
) -> None:
    dropped = [0, 41, 42, 89]
    parts = written(decisions, tmp_path).without(dropped)
    kept = decisions["decision_id"].drop(index=decisions.index[dropped])
    found = [part["decision_id"].tolist() for part in parts]
    assert sum(found, []) == kept.tolist()
    assert [parts.span(number).stop for number in range(3)] == [39, 77, 86]
