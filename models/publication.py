"""Publishing: a bundle is copied to the home's bundles and then named in ``champion.json``.

The one rename that names it is the instant at which another model serves, and with it the plan
that was fitted for it, see `models.plan_record.plan_for`.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from features.errors import BundleError, HomeError
from features.home import Home
from models.bundle import Bundle, is_whole, load_bundle


@dataclass(frozen=True, slots=True)
class Published:
    """The bundle that serves, and the name under which answers report it."""

    bundle: Bundle
    model_version: str


def publish(
    home: Home, folder: Path, model_version: str, told: Mapping[str, object] | None = None
) -> Path:
    """Copy a bundle into the home and make it the one that serves; a crash leaves the old one.

    Parameters
    ----------
    told
        What ``champion.json`` says besides.
    """
    return _name(home, folder, {**(told or {}), "model_version": model_version}, home.champion_file)


def publish_shadow(home: Home, folder: Path, model_version: str) -> Path:
    """Copy a bundle into the home and make it the one that looks on."""
    return _name(home, folder, {"model_version": model_version}, home.shadow_file)


def _name(home: Home, folder: Path, told: Mapping[str, object], file: Path) -> Path:
    """Copy a bundle into the home unless it is there whole, and name it in a file."""
    bundle = load_bundle(folder)
    place = home.bundles / bundle.fingerprint
    if not is_whole(place):
        part = home.bundles / f".{bundle.fingerprint}.part"
        shutil.rmtree(part, ignore_errors=True)
        shutil.copytree(folder, part)
        shutil.rmtree(place, ignore_errors=True)
        part.rename(place)
    part_file = file.with_name(f".{file.name}.part")
    document = {**told, "bundle": bundle.fingerprint}
    part_file.write_text(json.dumps(document, indent=1, sort_keys=True), encoding="utf-8")
    part_file.replace(file)
    return place


def open_champion(home: Home) -> Published:
    """Open the bundle that serves.

    Raises
    ------
    HomeError
        If none was published yet.
    BundleError
        If it does not check out.
    """
    if not home.champion_file.is_file():
        raise HomeError(
            f"home {str(home.path)!r}: no model serves yet; run `secondlook train` and then "
            "`secondlook promote`"
        )
    return _named(home, home.champion_file)


def open_shadow(home: Home) -> Published | None:
    """Open the bundle that looks on; null where none does.

    Raises
    ------
    BundleError
        If it does not check out.
    """
    return _named(home, home.shadow_file) if home.shadow_file.is_file() else None


def _named(home: Home, file: Path) -> Published:
    try:
        named = json.loads(file.read_text(encoding="utf-8"))
        place, model_version = home.bundles / named["bundle"], str(named["model_version"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BundleError(f"home: {file.name} cannot be read; promote again") from error
    return Published(load_bundle(place), model_version)
