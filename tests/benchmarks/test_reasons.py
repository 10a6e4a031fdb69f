"""The benchmark of reasons: TreeSHAP's parts add up as ours do, and are set against ours fairly."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from benchmarks.reasons import agreement, main, medians, strongest, tree_shap
from tests.plausible import learn_plausible


def test_tree_shaps_parts_add_up_to_what_ours_add_up_to() -> None:
    day = learn_plausible()
    frame = day.scores(day.later).frame
    ours, _ = day.bundle.contributions.of(day.bundle.risk, frame)
    theirs = tree_shap(day.bundle.risk, frame)
    assert np.allclose(theirs.sum(axis=1), ours.sum(axis=1), rtol=0, atol=1e-6)


def test_agreement_is_told_with_how_often_one_reason_leads() -> None:
    day = learn_plausible()
    found = agreement(day.bundle, day.scores(day.later).frame[:200])
    assert found["high_risk_rows"] == 200
    assert all(0 < found[name] <= 1 for name in ("agreement", "top_3", "commonest"))


def test_the_strongest_are_the_three_largest_parts() -> None:
    assert strongest(np.array([[0.1, -9.0, 3.0, 2.0, 1.0]])) == [{2, 3, 4}]


def test_the_first_call_only_warms_up() -> None:
    calls: list[int] = []
    found = medians({"x_ms": lambda: calls.append(1)}, repeats=4)
    assert len(calls) == 5
    assert found["x_ms"] >= 0


@pytest.mark.slow
def test_the_benchmark_writes_its_figures(tmp_path: Path) -> None:
    out = tmp_path / "reasons.json"
    assert main(["--out", str(out), "--rows", "6000", "--repeats", "3"]) == 0
    found = json.loads(out.read_text())["simulator"]
    assert found["agreement"] >= 0.8
    assert found["explained_rows"] == 100
    assert found["explain_ms"] < found["tree_shap_ms"]
