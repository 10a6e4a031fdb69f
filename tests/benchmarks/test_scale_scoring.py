"""The figures of the cost of scoring are set against what they say they are."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from benchmarks.scale_scoring import _files, _peak_mb, _ratios


def test_a_ratio_is_the_speed_of_a_score_as_a_share_of_its_trees_alone() -> None:
    runs = [
        {"way": way, "trees": "lightgbm", "threads": 2, "seconds": wall, "processor_s": processor}
        for way, wall, processor in (
            ("risk booster bare", 1.0, 2.0),
            ("both boosters bare", 2.0, 4.0),
            ("score, text", 4.0, 5.0),
        )
    ]
    assert _ratios(runs) == {
        "score, text, lightgbm, 2 threads": {"seconds": 0.5, "processor_s": 0.8}
    }


def test_the_peak_is_what_a_run_takes_on_top() -> None:
    def take() -> None:
        held = [np.ones(2**20) for _ in range(64)]  # 512 MB, filled a piece at a time
        assert sum(each.sum() for each in held) == 2**26

    assert 400 < _peak_mb(take) < 700


def test_files_are_named_by_their_size(tmp_path: Path) -> None:
    assert [path.name for path in _files(tmp_path, 1_000_000)] == [
        "decisions_1M.parquet",
        "outcomes_1M.parquet",
    ]
    assert _files(tmp_path, 60_000)[0].name == "decisions_60k.parquet"
