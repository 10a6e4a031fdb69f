"""The benchmark of learning compares like with like."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmarks.training import parse, read_tables, run_step


def test_bare_trees_learn_from_the_features_of_every_audit(tmp_path: Path) -> None:
    assert run_step("tables", tmp_path, 2_000) == {}
    assert run_step("matrix", tmp_path, 2_000) == {}
    decisions, outcomes = read_tables(tmp_path)
    assert len(outcomes) == pytest.approx(2_000, rel=0.05)
    assert len(decisions) > 2 * len(outcomes)
    with np.load(tmp_path / "matrix.npz") as held:
        assert len(held["matrix"]) == len(held["label"]) == len(outcomes)
        assert 0 < held["label"].mean() < 0.2
    for system in ("bare", "alike"):
        found = run_step(system, tmp_path, 2_000)
        assert found["audits"] == len(outcomes)
        assert found["peak_mb"] >= found["loaded_mb"] > 0


def test_a_place_for_the_figures_must_be_named(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        parse(["--rows", "10"])
    assert "--out is missing" in capsys.readouterr().err
