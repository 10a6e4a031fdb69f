from __future__ import annotations

from pathlib import Path

import pandas as pd

from benchmarks.scale_dask import difference, in_parts
from benchmarks.scale_rank import decisions_of


def test_the_parts_of_a_table_hold_all_of_its_rows_in_order(tmp_path: Path) -> None:
    made = pd.DataFrame({"decision_id": [f"d{number}" for number in range(101)]})
    made.to_parquet(decisions_of(tmp_path, 101))
    folder = in_parts(tmp_path, 101, 4, tmp_path / "parts")
    parts = [pd.read_parquet(part) for part in sorted(folder.iterdir())]
    assert len(parts) == 4
    pd.testing.assert_frame_equal(pd.concat(parts, ignore_index=True), made)


def test_tables_alike_in_another_order_are_equal_and_others_are_told_apart() -> None:
    one = pd.DataFrame({"decision_id": ["a", "b"], "risk": [0.25, 0.5]})
    assert difference(one, one.iloc[::-1]) == {"equal": True, "largest_difference": 0.0}
    other = one.assign(risk=[0.25, 0.75])
    assert difference(one, other) == {"equal": False, "largest_difference": 0.25}
