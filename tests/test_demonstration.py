"""The whole path, from raw tables to the report, through the real service."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.slow

FIGURES = {
    *("decisions", "capacity", "errors_found", "errors_found_uniform", "errors_found_best"),
    *("accuracy", "accuracy_low", "accuracy_high", "model_version", "seconds"),
}


def demo(folder: Path, *words: str | Path) -> dict[str, Any]:
    """Run ``secondlook demo --once`` and return its summary.

    The keys are fixed: with new ones the audits, and with them every figure, are drawn anew.
    """
    (folder / "home").mkdir(exist_ok=True)
    keys = {"key_id": "k-test", "sampling": "5e" * 32, "pseudonyms": "a1" * 32}
    (folder / "home" / "secrets.json").write_text(json.dumps(keys))
    line = [
        *(sys.executable, "-m", "secondlook", "demo", "--once"),
        *("--home", folder / "home", "--summary", folder / "summary.json"),
    ]
    done = subprocess.run(
        [str(word) for word in (*line, *words)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    summary: dict[str, Any] = json.loads((folder / "summary.json").read_text())
    assert set(summary) >= FIGURES
    return summary


def test_the_simulated_month_finds_four_times_the_errors_of_a_uniform_sample(
    tmp_path: Path,
) -> None:
    summary = demo(tmp_path)
    assert summary["capacity"] == round(0.05 * summary["decisions"])
    assert summary["errors_found"] >= 4 * summary["errors_found_uniform"]
    assert summary["errors_found"] <= summary["errors_found_best"] * 1.2
    assert summary["accuracy_low"] <= summary["accuracy_true"] <= summary["accuracy_high"]
    assert not list((tmp_path / "home").rglob("*.pkl"))


def test_a_second_run_in_the_same_home_works(tmp_path: Path) -> None:
    small = ("--days", "10", "--decisions-per-day", "3000")
    demo(tmp_path, *small)
    demo(tmp_path, *small)


def test_the_whole_path_works_on_real_decisions(tmp_path: Path, real_data: Path) -> None:
    folder = real_data / "convabuse"
    summary = demo(
        tmp_path,
        *("--decisions", folder / "decisions.parquet"),
        *("--outcomes", folder / "outcomes.parquet"),
    )
    assert summary["errors_found"] >= 3 * summary["errors_found_uniform"]
    assert summary["errors_found"] <= summary["errors_found_best"]
