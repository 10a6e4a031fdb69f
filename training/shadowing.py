"""Letting a challenger look on beside the champion, and ending that."""

from __future__ import annotations

from features.home import Home
from models.publication import publish_shadow
from training.exclusive import scratch_within
from training.registry import download_bundle, find_version
from training.settling import settled


def let_look_on(home: Home, *, version: str | None = None) -> str:
    """Let a version look on (the challenger, unless named); return how it is named.

    Raises
    ------
    HomeError
        If there is no such version.
    BundleError
        If its bundle does not check out; who looked on before still does.
    """
    with settled(home), scratch_within(home, "shadow") as place:
        found = find_version(home, version)
        folder, _ = download_bundle(home, found.number, found.fingerprint, place)
        publish_shadow(home, folder, found.model_version)
    return found.model_version


def end_look_on(home: Home) -> bool:
    """Let nobody look on from now; false where nobody did."""
    was_there = home.shadow_file.exists()
    home.shadow_file.unlink(missing_ok=True)
    return was_there
