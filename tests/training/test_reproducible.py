"""The same data, seed and version give the same bundle, whatever else differs."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LEARN_AND_SAVE = """
import sys
from pathlib import Path
from models.bundle import save_bundle
from tests.learned import learn_small
print(save_bundle(learn_small().bundle, Path(sys.argv[1])))
"""


def fingerprint_of_a_run(folder: Path, *, hash_seed: int, zone: str) -> str:
    environment = {**os.environ, "PYTHONHASHSEED": str(hash_seed), "TZ": zone}
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", LEARN_AND_SAVE, str(folder)],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()


@pytest.mark.slow
def test_two_processes_learn_the_same_bundle(tmp_path: Path) -> None:
    one = fingerprint_of_a_run(tmp_path / "one", hash_seed=1, zone="UTC")
    two = fingerprint_of_a_run(tmp_path / "two", hash_seed=2, zone="Asia/Tokyo")
    parts = {path.name for path in (tmp_path / "one").iterdir()}
    unlike = [
        name
        for name in sorted(parts)
        if (tmp_path / "one" / name).read_bytes() != (tmp_path / "two" / name).read_bytes()
    ]
    assert unlike == []
    assert one == two
    assert len(one) == 12
