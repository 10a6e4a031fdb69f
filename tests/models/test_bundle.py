"""The bundle: saved, checked, opened, published."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from features.errors import BundleError, HomeError
from features.home import Home
from models.bundle import load_bundle, save_bundle
from models.publication import open_champion, publish
from models.scoring import score
from tests.learned import Learned


@pytest.fixture
def folder(learned: Learned, tmp_path: Path) -> Path:
    """A saved bundle."""
    save_bundle(learned.bundle, tmp_path / "bundle")
    return tmp_path / "bundle"


def test_a_bundle_scores_the_same_after_it_was_saved(learned: Learned, folder: Path) -> None:
    before = score(learned.bundle, learned.later, learned.records)
    after = score(load_bundle(folder), learned.later, learned.records)
    assert np.array_equal(after.by_direction, before.by_direction)
    assert np.array_equal(after.expected_harm, before.expected_harm)


def test_saving_twice_gives_the_same_bytes(learned: Learned, folder: Path, tmp_path: Path) -> None:
    save_bundle(learned.bundle, tmp_path / "again")
    for path in folder.iterdir():
        assert path.read_bytes() == (tmp_path / "again" / path.name).read_bytes(), path.name


@pytest.mark.parametrize(
    "name", ["trees.txt", "arrays.npz", "model.json", "card.json", "profile.parquet"]
)
def test_a_changed_part_is_refused_by_name(folder: Path, name: str) -> None:
    content = bytearray((folder / name).read_bytes())
    content[len(content) // 2] ^= 1
    (folder / name).write_bytes(bytes(content))
    with pytest.raises(BundleError, match=f"{name} is not what was saved"):
        load_bundle(folder)


def test_a_truncated_part_is_refused(folder: Path) -> None:
    (folder / "arrays.npz").write_bytes((folder / "arrays.npz").read_bytes()[:100])
    with pytest.raises(BundleError, match="arrays.npz is not what was saved"):
        load_bundle(folder)


def test_a_missing_part_is_refused(folder: Path) -> None:
    (folder / "trees.txt").unlink()
    with pytest.raises(BundleError, match="trees.txt is not what was saved"):
        load_bundle(folder)


def test_another_format_is_refused(folder: Path) -> None:
    manifest = json.loads((folder / "manifest.json").read_text())
    (folder / "manifest.json").write_text(json.dumps(manifest | {"format": 99}))
    with pytest.raises(BundleError, match="saw format 99"):
        load_bundle(folder)


def test_an_empty_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="no manifest.json"):
        load_bundle(tmp_path)


def test_no_words_of_users_are_in_the_bundle(folder: Path) -> None:
    for path in folder.iterdir():
        content = path.read_bytes()
        assert b"hello kind" not in content, path.name
        assert b"curse" not in content, path.name


def test_no_identity_is_in_the_bundle(learned: Learned, folder: Path) -> None:
    someone = learned.earlier["moderator_id"].dropna().iloc[0].encode()
    for path in folder.iterdir():
        assert someone not in path.read_bytes(), path.name


def test_what_was_published_serves(home: Home, folder: Path) -> None:
    publish(home, folder, "1-abc")
    champion = open_champion(home)
    assert champion.model_version == "1-abc"
    assert champion.bundle.fingerprint == load_bundle(folder).fingerprint


def test_a_bad_bundle_is_not_published_and_the_old_one_serves_on(home: Home, folder: Path) -> None:
    publish(home, folder, "1-abc")
    bad = folder.with_name("bad")
    shutil.copytree(folder, bad)
    (bad / "card.json").write_text("{}")
    with pytest.raises(BundleError):
        publish(home, bad, "2-def")
    assert open_champion(home).model_version == "1-abc"


def test_a_home_without_a_champion_says_what_to_do(home: Home) -> None:
    with pytest.raises(HomeError, match="secondlook train"):
        open_champion(home)
