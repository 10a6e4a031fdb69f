"""The ranked file of a backlog: written whole, in either format, with reasons where they belong."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from features.errors import SettingsError
from serving.backlog.output import Reasons, check_ending, write_batches

BATCHES = [
    pa.table({"decision_id": ["a", "b"], "selected": [True, False], "reasons": ['1 "x", y', ""]}),
    pa.table({"decision_id": ["c"], "selected": [False], "reasons": ["ü\n2"]}),
]


@pytest.mark.parametrize("name", ["ranked.parquet", "ranked.csv", "ranked.csv.gz"])
def test_batches_become_one_file(tmp_path: Path, name: str) -> None:
    to = tmp_path / "new" / name
    write_batches(BATCHES, to).replace(to)
    read = pd.read_parquet if name.endswith("parquet") else pd.read_csv
    expected = pa.concat_tables(BATCHES).to_pandas()
    found = read(to)
    assert found.fillna("").to_dict("list") == expected.to_dict("list")


def test_what_stood_there_stays_until_the_new_file_is_whole(tmp_path: Path) -> None:
    to = tmp_path / "ranked.csv"
    to.write_text("old")
    part = write_batches(BATCHES, to)
    assert to.read_text() == "old"
    assert part.parent == to.parent


def test_another_ending_is_refused_at_once() -> None:
    with pytest.raises(SettingsError, match="'ranked.xlsx': saw another ending"):
        check_ending(Path("ranked.xlsx"))


def test_reasons_stand_at_their_rows_alone() -> None:
    reasons = Reasons.joined([(np.array([1, 3]), ("x", "y")), (np.array([7]), ("z",))])
    assert reasons.of(np.array([7, 0, 3, 8, 1])).to_pylist() == ["z", "", "y", "", "x"]
    assert Reasons.joined([]).of(np.array([0, 1])).to_pylist() == ["", ""]
