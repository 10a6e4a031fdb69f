"""Which versions there are, what the gates said of each, and which one serves."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from features.home import Home
from training.journal import Entry, Served, champion, entry_of_champion
from training.registry import Version, versions
from training.settling import settle


@dataclass(frozen=True, slots=True)
class Status:
    """The models of a programme.

    Attributes
    ----------
    champion
        The model that serves; null = none yet.
    entry
        The promotion or rollback by which it serves; null = it was named without one.
    versions
        Of the registry, the latest first.
    at_work
        Whether another command is at work in the home, so that this may be about to change.
    """

    champion: Served | None
    entry: Entry | None
    versions: tuple[Version, ...]
    at_work: bool = False

    @property
    def challenger(self) -> Version | None:
        """The version that `promote` takes unless another is named; null = there is none."""
        return next((each for each in self.versions if "challenger" in each.aliases), None)

    def table(self) -> pd.DataFrame:
        """Return the versions as a table, one row each, the latest first.

        Returns
        -------
        Columns ``version``, ``does`` (its aliases), ``verdict``, ``trained_at``, ``from`` and
        ``until`` (training window), ``fingerprint``, ``promoted_at`` (empty = never), ``forced``
        and ``reasons`` (which gates it failed).
        """
        columns = ["version", "does", "verdict", "trained_at", "from", "until", "fingerprint"]
        columns += ["promoted_at", "forced", "reasons"]
        return pd.DataFrame([_row(each) for each in self.versions], columns=columns)


def status(home: Home) -> Status:
    """Return the models of a home, once what was begun is finished.

    Raises
    ------
    HomeError
        If the registry does not answer.
    """
    held = settle(home, wait=False)
    return Status(champion(home), entry_of_champion(home), versions(home), at_work=not held)


def _row(version: Version) -> dict[str, object]:
    tags = version.tags
    return {
        "version": version.number,
        "does": ", ".join(version.aliases),
        "verdict": str(version.ruling),
        "trained_at": version.made_at,
        "from": tags.get("from", ""),
        "until": tags.get("until", ""),
        "fingerprint": version.fingerprint,
        "promoted_at": tags.get("promoted_at", ""),
        "forced": tags.get("forced") == "true",
        "reasons": version.reasons,
    }
