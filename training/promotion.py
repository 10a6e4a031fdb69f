"""Promotion: a version of the registry becomes the one that serves, with a plan of its own."""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from features.home import Home
from features.store import open_store
from models.bundle import load_bundle
from models.compiled import compile_bundle, compiled_folder
from models.plan import Plan
from models.publication import Published, publish
from training.learn import Progress
from training.planning import fit_current_plan, make_current
from training.registry import download_bundle, find_version, set_champion


@dataclass(frozen=True, slots=True)
class Promoted:
    """The version that serves now, and the plan that it selects by."""

    published: Published
    plan: Plan


def promote(
    home: Home,
    *,
    version: str | None = None,
    compile_trees: bool = False,
    now: datetime | None = None,
    progress: Progress = lambda _: None,
) -> Promoted:
    """Make a version the one that serves (the challenger, unless named), and fit its plan.

    Parameters
    ----------
    compile_trees
        Whether the service is to predict with compiled trees, see `models.compiled`.

    Raises
    ------
    HomeError
        If there is no such version, or no decision to fit the plan on.
    BundleError
        If its bundle does not check out; the one that serves stays.
    SettingsError
        If trees are to be compiled without the extra ``compiled``; the one that serves stays.
    """
    registered = find_version(home, version)
    scratch = Path(tempfile.mkdtemp(prefix=".promote-", dir=home.path))
    try:
        folder = download_bundle(home, registered, scratch)
        bundle = load_bundle(folder)
        progress("fitting the plan")
        plan = fit_current_plan(home, bundle)
        if compile_trees:
            progress("compiling the trees")
            compile_bundle(bundle, compiled_folder(home))
        publish(home, folder, f"{registered.version}-{registered.fingerprint}")
    finally:
        shutil.rmtree(scratch)
    make_current(open_store(home.store_url()), plan, now or datetime.now(UTC))
    set_champion(home, registered)
    return Promoted(Published(bundle, f"{registered.version}-{registered.fingerprint}"), plan)
