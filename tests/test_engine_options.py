from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

from commands import engine_options
from commands.engine_options import Engine, require_dask, training_engine
from features.errors import SettingsError
from training.engine import HERE


def test_without_a_word_training_is_done_here() -> None:
    with training_engine(Engine.LOCAL, "") as engine:
        assert engine is HERE


def test_a_scheduler_that_would_not_be_joined_is_refused() -> None:
    with (
        pytest.raises(SettingsError, match="without --engine dask"),
        training_engine(Engine.LOCAL, "tcp://127.0.0.1:8786"),
    ):
        pass


def test_the_extra_that_is_not_installed_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine_options, "find_spec", lambda _: None)
    with pytest.raises(SettingsError, match=r"secondlook\[dask\]"):
        require_dask()


def test_dask_is_there_in_development() -> None:
    assert importlib.util.find_spec("distributed") is not None


@pytest.mark.slow
def test_train_on_a_cluster_that_may_not_be_joined_ends_before_anything_is_learned(
    tmp_path: Path,
) -> None:
    folder = str(tmp_path / "home")
    run = [sys.executable, "secondlook.py"]
    root = Path(__file__).resolve().parents[1]
    subprocess.run([*run, "init", "--home", folder], check=True, capture_output=True, cwd=root)
    asked = ["train", "--home", folder, "--engine", "dask", "--scheduler", "tcp://10.0.0.7:8786"]
    done = subprocess.run([*run, *asked], capture_output=True, text=True, cwd=root)
    assert done.returncode == 1
    assert "without TLS" in done.stderr
