"""Compiled trees say what LightGBM says, and are only used where they were made."""

from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from features.errors import SettingsError
from models import compiled
from models.compiled import CompiledTrees, compile_bundle, with_compiled
from models.reasons import explain
from models.scoring import score
from tests.plausible import learn_plausible

ROUNDING = 1e-12

pytestmark = pytest.mark.slow  # compiling takes seconds


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("home") / "compiled"
    compile_bundle(learn_plausible().bundle, place)
    return place


def test_compiled_trees_predict_what_lightgbm_does(folder: Path) -> None:
    day = learn_plausible()
    fast = with_compiled(day.bundle, folder)
    assert isinstance(fast.risk.booster, CompiledTrees)
    ours, theirs = day.scores(day.later), score(fast, day.later, day.records(day.later))
    assert np.abs(ours.by_direction - theirs.by_direction).max() < ROUNDING
    assert fast.usual is not None
    assert isinstance(fast.usual.booster, CompiledTrees)


def test_nulls_and_categories_never_met_go_the_way_that_lightgbm_sends_them(folder: Path) -> None:
    bundle = learn_plausible().bundle
    trees, fast = bundle.risk.booster, with_compiled(bundle, folder).risk.booster
    rng = np.random.default_rng(0)
    matrix = rng.normal(size=(20_000, trees.num_feature())) * 3
    categories = bundle.risk.encoder.categories
    matrix[:, categories] = rng.integers(0, 90, size=(20_000, len(categories)))
    matrix[rng.random(matrix.shape) < 0.2] = np.nan
    asked = {"raw_score": True, "num_threads": 1}
    assert np.abs(trees.predict(matrix, **asked) - fast.predict(matrix, **asked)).max() < ROUNDING
    assert len(fast.predict(matrix[:0], **asked)) == 0


def test_a_row_alone_is_predicted_as_in_a_batch_however_that_lies_in_memory(folder: Path) -> None:
    fast = with_compiled(learn_plausible().bundle, folder).risk.booster
    matrix = np.asfortranarray(np.random.default_rng(1).random((20_000, fast.num_feature())))
    batch = fast.predict(matrix, raw_score=True)
    assert np.array_equal(fast.predict(np.ascontiguousarray(matrix), raw_score=True), batch)
    for row in (0, 8_191, 8_192, 19_999):
        assert fast.predict(matrix[[row]], raw_score=True)[0] == batch[row]


def test_reasons_stay_the_same(folder: Path) -> None:
    day = learn_plausible()
    scores, rows = day.scores(day.later), np.arange(20)
    assert explain(with_compiled(day.bundle, folder), scores, rows) == explain(
        day.bundle, scores, rows
    )


def test_only_the_owner_may_enter_the_folder_and_nothing_is_compiled_twice(folder: Path) -> None:
    assert folder.stat().st_mode & 0o077 == 0
    before = {file: file.stat().st_mtime_ns for file in folder.iterdir()}
    assert len(before) == 2
    assert all(file.stat().st_mode & 0o077 == 0 for file in before)
    compile_bundle(learn_plausible().bundle, folder)
    assert {file: file.stat().st_mtime_ns for file in folder.iterdir()} == before


def test_other_trees_than_those_compiled_are_served_by_lightgbm_and_the_log_says_so(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    bundle = learn_plausible().bundle
    assert bundle.usual is not None
    other = replace(bundle, risk=replace(bundle.risk, booster=bundle.usual.booster))
    with caplog.at_level(logging.WARNING, logger="secondlook.compiled"):
        assert with_compiled(other, folder) is other
    assert "LightGBM serves: its trees are not compiled" in caplog.text


def test_without_the_extra_lightgbm_serves_and_compiling_is_refused(
    folder: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(compiled, "can_compile", lambda: False)
    bundle = learn_plausible().bundle
    with caplog.at_level(logging.WARNING, logger="secondlook.compiled"):
        assert with_compiled(bundle, folder) is bundle
    assert "the extra `compiled` is not installed" in caplog.text
    with pytest.raises(SettingsError, match="not installed"):
        compile_bundle(bundle, folder)


def test_nothing_is_said_where_nobody_asked_for_compiled_trees(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    bundle = learn_plausible().bundle
    assert with_compiled(bundle, tmp_path / "compiled") is bundle
    assert not caplog.text
