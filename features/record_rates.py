"""What a track record is: the keys it is kept of, how it forgets, and how it shrinks to its parent.

Both executions of `features.track_record` come here for the arithmetic, so that there is one
definition of each number.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from features.columns import AnyTable, numbers

_EPOCH_US = 1_577_836_800_000_000  # 2020-01-01 in UTC
_MICROSECONDS_A_DAY = 86_400_000_000
_LEAST = np.finfo(np.float64).tiny
"""Stands under a sum of 0, so that nothing over nothing is 0."""


@dataclass(frozen=True, slots=True)
class Key:
    """What a record is kept of: the columns that name it, and the key it falls back to."""

    name: str
    columns: tuple[str, ...]
    parent: str | None


KEYS = (
    Key("everything", (), None),
    Key("policy", ("policy",), "everything"),
    Key("policy_version", ("policy", "policy_version"), "policy"),
    Key("policy_action", ("policy", "action"), "policy"),
    Key("language_action", ("language", "action"), "everything"),
    Key("team", ("moderator_team",), "everything"),
    Key("moderator", ("moderator_id",), "everything"),
    Key("moderator_action", ("moderator_id", "action"), "policy_action"),
    Key("moderator_policy", ("moderator_id", "policy"), "policy"),
)
"""Parents stand before their children. A moderator's record of an action starts from what that
action comes to under the policy, not from her own rate over all actions, of unlike difficulty.

A new version of a policy so starts from the rate of the versions before it, which counts for as
much as `RecordSettings.strength` audits: a change of policy is a new record, not noise in the old.
"""
PARTS = tuple(sorted({name for key in KEYS for name in key.columns}))
"""The columns that keys are made of."""
RECORD_COLUMNS = tuple(f"{key.name}_{what}" for key in KEYS for what in ("rate", "audits"))
"""Rate (0 to 1, shrunk towards the parent) and effective number of audits of each key."""


@dataclass(frozen=True, slots=True)
class RecordSettings:
    """How records forget and shrink.

    Attributes
    ----------
    half_life_days
        Age at which an audit counts half; at least 7, so that the sums stay in range for decades.
    strength
        Number of audits' worth of the parent's rate that a record starts from.
    typical_inclusion
        Inclusion probability at which an audit weighs 1.
    weight_cap
        Largest weight of one audit. At 1 and a typical inclusion of 1 all weigh alike: records tell
        what audits found, not how often all decisions are wrong, which ranks better (decision 11).
    prior_rate
        Overturn rate assumed before the first audit of all.
    earlier_looks
        Whether earlier decisions and audits of the same item may be read; false where outcomes
        were made from other decisions on the item, as by a majority.
    """

    half_life_days: float = 60.0
    strength: float = 8.0
    typical_inclusion: float = 1.0
    weight_cap: float = 1.0
    prior_rate: float = 0.05
    earlier_looks: bool = True

    @property
    def weighs_by_chance(self) -> bool:
        """Whether audits weigh unlike: under the cap none weighs less than `typical_inclusion`."""
        return self.weight_cap > self.typical_inclusion


def growth(moments: np.ndarray, settings: RecordSettings) -> np.ndarray:
    """Return what an audit weighs at the epoch that counts 1 at its moment, in microseconds."""
    days = (moments - _EPOCH_US) / _MICROSECONDS_A_DAY
    return np.asarray(np.exp2(days / settings.half_life_days))


def event_sums(past: AnyTable, known: np.ndarray, settings: RecordSettings) -> np.ndarray:
    """Return what each event adds to its records, as it comes to at the epoch.

    Parameters
    ----------
    known
        When each event became known, in microseconds.

    Returns
    -------
    Weight, weight if overturned, and squared weight; shape (3, events).
    """
    relative = settings.typical_inclusion * numbers(past, "weight")
    weight = np.minimum(relative, settings.weight_cap)
    sums = np.stack([weight, weight * numbers(past, "overturned"), weight**2])
    return np.asarray(sums * growth(known, settings))


def shrink(
    sums: np.ndarray,
    asked: np.ndarray,
    absent: dict[str, np.ndarray],
    settings: RecordSettings,
) -> np.ndarray:
    """Let each key's sums fade to the moment, and shrink its rate towards its parent's.

    Parameters
    ----------
    sums
        Of each key and decision, as they come to at the epoch; shape (3, keys, decisions). They
        are overwritten.
    asked
        When each decision was made, in microseconds.
    absent
        Where a decision lacks a part of a key, by name of the part.

    Returns
    -------
    Numbers in the order of `RECORD_COLUMNS`; shape (two for each key, decisions).
    """
    sums *= 1 / growth(asked, settings)
    weight, overturned, squared = sums
    share = overturned / np.maximum(weight, _LEAST)
    audits = np.divide(weight**2, np.maximum(squared, _LEAST), out=squared)  # Kish's number
    wrong = np.multiply(audits, share, out=weight)
    found = np.empty((2 * len(KEYS), len(asked)))
    found[1::2] = audits
    rate: dict[str | None, np.ndarray | float] = {None: settings.prior_rate}
    for place, key in enumerate(KEYS):
        prior = settings.strength * rate[key.parent]
        rate[key.name] = found[2 * place]
        np.divide(wrong[place] + prior, audits[place] + settings.strength, out=found[2 * place])
    _blank(found, absent)
    return found


def _blank(found: np.ndarray, absent: dict[str, np.ndarray]) -> None:
    """Make null what is of a key of which a part is absent."""
    some = {name: rows for name, rows in absent.items() if rows.any()}
    for place, key in enumerate(KEYS):
        for name in key.columns:
            if name in some:
                found[2 * place : 2 * place + 2, some[name]] = np.nan
