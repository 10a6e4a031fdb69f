"""Promotion and rollback: which version serves, with the plan that was fitted for its bundle.

The instant at which another serves is the one rename that writes ``champion.json``. All before it
leaves the old one as it was, all after it is finished by `training.settling` if need be.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from features.errors import BundleError, HomeError, PromotionError, SecondLookError, SettingsError
from features.home import Home
from features.store import open_store
from models.bundle import Bundle, load_bundle
from models.compiled import compile_bundle, compiled_folder
from models.plan import Plan, fitted_for, plan_for
from models.publication import Published, publish
from training.exclusive import scratch_within
from training.journal import (
    Entry,
    Event,
    Served,
    as_told,
    champion,
    entry_of_champion,
    fresh_id,
    log,
)
from training.learn import Progress
from training.planning import fit_current_plan, make_current
from training.registry import Ruling, Version, download_bundle, find_alias, find_version, tell
from training.settling import finish, settled


@dataclass(frozen=True, slots=True)
class Promoted:
    """The version that serves now, and the plan that it selects by.

    Attributes
    ----------
    entry
        As the journal holds it.
    note
        What whoever asked should know besides; null = nothing.
    """

    published: Published
    plan: Plan
    entry: Entry
    note: str | None = None


def promote(
    home: Home,
    *,
    version: str | None = None,
    compile_trees: bool = False,
    force: bool = False,
    why: str | None = None,
    now: datetime | None = None,
    progress: Progress = lambda _: None,
) -> Promoted:
    """Make a version the one that serves (the challenger, unless named), and fit its plan.

    Parameters
    ----------
    compile_trees
        Whether the service is to predict with compiled trees, see `models.compiled`.
    force
        Whether a version that failed its gates is promoted all the same; needs `why`.
    why
        Kept in the journal and on the version.

    Raises
    ------
    HomeError
        If there is no such version, or no decision to fit the plan on.
    PromotionError
        If the version failed its gates.
    BundleError
        If its bundle does not check out; the one that serves stays.
    SettingsError
        If it is forced without a reason, or trees are to be compiled without the extra
        ``compiled``; the one that serves stays.
    """
    if force and not (why or "").strip():
        raise SettingsError(
            "promote: saw force without a reason; expected one, which is kept: "
            '`--force --why "..."`'
        )
    at = now or datetime.now(UTC)
    with settled(home, progress=progress):
        found = find_version(home, version)
        with _refusals_logged(home, found, at, why), scratch_within(home, "promote") as place:
            _require_passed(found, force=force)
            folder, bundle = download_bundle(home, found.number, found.fingerprint, place)
            progress("fitting the plan")
            plan = fit_current_plan(home, bundle)
            if compile_trees:
                progress("compiling the trees")
                compile_bundle(bundle, compiled_folder(home))
            entry = Entry(
                id=fresh_id(),
                at=at,
                event=Event.PROMOTION,
                model=Served(found.model_version, found.fingerprint, found.number, plan.version),
                previous=_left_behind(home, found),
                verdict=str(found.ruling),
                forced=found.ruling is Ruling.FAILED,
                why=why,
            )
            _put_in_place(home, folder, plan, entry)
        untold = finish(home, entry)
    note = _joined(_note(found), untold)
    return Promoted(Published(bundle, found.model_version), plan, entry, note)


def rollback(
    home: Home,
    *,
    why: str | None = None,
    now: datetime | None = None,
    progress: Progress = lambda _: None,
) -> Promoted:
    """Let the model that served before serve again, with the plan that it had.

    Nothing is fitted: it is the same bundle, and scores what it scored, bit for bit.

    Raises
    ------
    HomeError
        If none served before.
    BundleError
        If its bundle checks out neither where it was published nor in the registry; the one that
        serves stays.
    """
    at = now or datetime.now(UTC)
    with settled(home, progress=progress):
        target, last = _previous(home), entry_of_champion(home)
        with scratch_within(home, "promote") as place:
            folder, bundle = _kept_bundle(home, target, place, progress)
            plan = _kept_plan(home, bundle)
            entry = Entry(
                id=fresh_id(),
                at=at,
                event=Event.ROLLBACK,
                model=msgspec.structs.replace(target, plan=plan.version),
                previous=_serving(home),
                why=why,
            )
            _put_in_place(home, folder, plan, entry)
        untold = finish(home, entry)
    note = _joined(_undone(last), untold)
    return Promoted(Published(bundle, target.model_version), plan, entry, note)


def _require_passed(found: Version, *, force: bool) -> None:
    if found.ruling is Ruling.FAILED and not force:
        raise PromotionError(
            f"promote: version {found.number} failed its gates: {found.reasons or 'not told'}; "
            "expected all passed; train a better one, or promote it all the same with "
            '`--force --why "..."`'
        )


def _put_in_place(home: Home, folder: Path, plan: Plan, entry: Entry) -> None:
    """Store the plan, which only its own bundle selects by, and then name the bundle."""
    make_current(open_store(home.store_url()), plan, entry.at)
    publish(home, folder, entry.model.model_version, as_told(entry))


@contextmanager
def _refusals_logged(home: Home, found: Version, at: datetime, why: str | None) -> Iterator[None]:
    """Keep in the journal and on the version why it was not promoted."""
    try:
        yield
    except SecondLookError as error:
        entry = Entry(
            id=fresh_id(),
            at=at,
            event=Event.REFUSAL,
            model=Served(found.model_version, found.fingerprint, found.number),
            verdict=str(found.ruling),
            why=why,
            refused=str(error),
        )
        tell(home, entry)
        log(home, entry)
        raise


def _left_behind(home: Home, found: Version) -> Served | None:
    """Return who is to be rolled back to once a version serves: who serves, if another."""
    serving = _serving(home)
    if serving is None or serving.model_version != found.model_version:
        return serving
    last = entry_of_champion(home)
    return last.previous if last else None


def _serving(home: Home) -> Served | None:
    """Return the champion with its number in the registry and the plan that it selects by."""
    named = champion(home)
    if named is None:
        return None
    plan = plan_for(open_store(home.store_url()).plan_documents(), named.bundle)
    number = named.version
    if number is None:
        known = find_alias(home, "champion")
        number = known.number if known and known.fingerprint == named.bundle else None
    return Served(named.model_version, named.bundle, number, plan.version if plan else None)


def _previous(home: Home) -> Served:
    """Return who served before; where ``champion.json`` does not tell, by the registry."""
    last = entry_of_champion(home)
    known = None if last else find_alias(home, "previous")
    told = last.previous if last else None
    if known is not None:
        told = Served(known.model_version, known.fingerprint, known.number)
    if told is None:
        raise HomeError(
            f"rollback: no model served before in home {str(home.path)!r}; expected one; "
            "`secondlook promote --version N` promotes any other"
        )
    return told


def _kept_bundle(
    home: Home, target: Served, place: Path, progress: Progress
) -> tuple[Path, Bundle]:
    """Return the bundle where it was published; where that is gone or damaged, the registry's."""
    published = home.bundles / target.bundle
    try:
        return published, load_bundle(published)
    except BundleError as error:
        if target.version is None:
            raise
        progress(f"{error}; taking it from the registry")
        try:
            return download_bundle(home, target.version, target.bundle, place)
        except SecondLookError as lacking:
            raise BundleError(
                f"rollback: {error}; expected it there or in the registry, where {lacking}"
            ) from lacking


def _kept_plan(home: Home, bundle: Bundle) -> Plan:
    """Return the plan that a bundle had; where there is none, it is fitted."""
    plan = plan_for(open_store(home.store_url()).plan_documents(), bundle.fingerprint)
    if plan is None or plan.bundle not in (None, bundle.fingerprint):
        return fit_current_plan(home, bundle)
    return fitted_for(plan, bundle.fingerprint)


def _note(found: Version) -> str | None:
    if found.ruling is Ruling.UNJUDGED:
        return (
            f"Version {found.number} was not judged by gates: it is the first, or was registered "
            "before there were any."
        )
    if found.ruling is Ruling.FAILED:
        return f"Version {found.number} was promoted although it failed: {found.reasons}"
    return None


def _undone(last: Entry | None) -> str | None:
    """Return what to say where a rollback undoes another; null where it does not."""
    if last is None or last.event is not Event.ROLLBACK:
        return None
    because = f" ({last.why})" if last.why else ""
    return f"This undoes the rollback of {last.at:%Y-%m-%d %H:%M} UTC{because}."


def _joined(*notes: str | None) -> str | None:
    return " ".join(filter(None, notes)) or None
