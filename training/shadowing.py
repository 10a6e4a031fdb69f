"""Letting a challenger look on beside the champion, and ending that."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from features.home import Home
from models.publication import publish_shadow
from training.registry import download_bundle, find_version


def let_look_on(home: Home, *, version: str | None = None) -> str:
    """Let a version look on (the challenger, unless named); return how it is named.

    Raises
    ------
    HomeError
        If there is no such version.
    BundleError
        If its bundle does not check out; who looked on before still does.
    """
    registered = find_version(home, version)
    name = f"{registered.version}-{registered.fingerprint}"
    scratch = Path(tempfile.mkdtemp(prefix=".shadow-", dir=home.path))
    try:
        publish_shadow(home, download_bundle(home, registered, scratch), name)
    finally:
        shutil.rmtree(scratch)
    return name


def end_look_on(home: Home) -> bool:
    """Let nobody look on from now; false where nobody did."""
    was_there = home.shadow_file.exists()
    home.shadow_file.unlink(missing_ok=True)
    return was_there
