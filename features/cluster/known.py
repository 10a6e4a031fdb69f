"""What was known of decisions when they were made, worked out on a cluster.

Track records of a part need what audits taught, which is little and goes to every worker. Earlier
looks and a moderator's work need rows of other parts: those of the same item, and of the same
moderator. Their light columns are dealt out by a hash of the one and of the other, so that all that
belongs together meets on one worker, and no machine needs the rows of all parts. The figures are
those of `features.known.known_before`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from distributed import Client, Future

from features.columns import Columns, frame_of
from features.history import (
    LOOK_COLUMNS,
    WORK_COLUMNS,
    History,
    groups_of,
    history_of,
    looks_before,
    work_before,
)
from features.track_record import KEYS, RecordSettings, events, replay

KEY_PARTS = sorted({name for key in KEYS for name in key.columns})
"""Columns that track records are kept by."""
_OF_ITEM = ["item_group", "decided_at", "action", "moderator_id"]
_OF_WORK = ["moderator_id", "decided_at", "language"]
_LIGHT = [*_OF_ITEM, "language"]
_GROUP = {"item_group": "decision_id"}
"""Every row has its group, and so is taken for an item of that name."""


@dataclass(frozen=True, slots=True)
class Taught:
    """What audits taught, as every worker needs it.

    Attributes
    ----------
    past, judged
        See `features.track_record.events` and `features.history.History`.
    """

    past: pd.DataFrame = field(repr=False)
    judged: pd.DataFrame = field(repr=False)
    settings: RecordSettings


@dataclass(frozen=True, slots=True)
class RecordRows:
    """The columns of some decisions that their track records need; no log shows them.

    Attributes
    ----------
    rows
        ``decision_id``, ``decided_at`` and the parts of the keys, these as categories.
    """

    rows: pd.DataFrame = field(repr=False)


@dataclass(frozen=True, slots=True)
class Light:
    """The light columns of some rows.

    Attributes
    ----------
    earlier
        Rows that count for others.
    asked
        Rows that are asked about; null = the same.
    """

    earlier: pd.DataFrame = field(repr=False)
    asked: pd.DataFrame | None = field(default=None, repr=False)

    @property
    def questions(self) -> pd.DataFrame:
        """Return the rows that are asked about."""
        return self.earlier if self.asked is None else self.asked


@dataclass(frozen=True, slots=True)
class _Hand:
    """The rows of one part that were dealt to one worker: by item and by moderator.

    Attributes
    ----------
    places
        Positions among the part's rows that are asked about, by item and by moderator.
    """

    item: Light
    work: Light
    places: tuple[np.ndarray, np.ndarray] = field(repr=False)


@dataclass(frozen=True, slots=True)
class _Told:
    """What was found for the rows that one part had dealt to one worker."""

    looks: pd.DataFrame = field(repr=False)
    work: pd.DataFrame = field(repr=False)
    places: tuple[np.ndarray, np.ndarray] = field(repr=False)


def taught_by(audited: pd.DataFrame, outcomes: pd.DataFrame, settings: RecordSettings) -> Taught:
    """Return what audits taught, from the decisions that they judged."""
    judged = history_of(audited, outcomes).judged
    rows = frame_of(judged) if isinstance(judged, Columns) else judged
    return Taught(events(audited, outcomes), rows, settings)


def record_rows_of(decisions: pd.DataFrame) -> RecordRows:
    """Return the columns that the track records of decisions need."""
    parts = [name for name in KEY_PARTS if name in decisions]
    own = decisions[["decision_id", "decided_at", *parts]]
    return RecordRows(own.astype(dict.fromkeys(parts, "category")))


def light_of(earlier: pd.DataFrame, asked: pd.DataFrame | None = None) -> Light:
    """Return the light columns of rows; null = they are asked about themselves."""
    return Light(_light(earlier), None if asked is None else _light(asked))


def history_on(
    client: Client, lights: Sequence[Future], taught: Future, *, hands: int
) -> list[Future]:
    """Return the looks and the work before the rows of each part that are asked about.

    Parameters
    ----------
    lights
        `Light` of each part.
    taught
        `Taught`, on every worker.
    hands
        How many groups rows are dealt to; parts times hands are the tasks that this makes.

    Returns
    -------
    Of each part a frame of the columns `LOOK_COLUMNS` and `WORK_COLUMNS`, in the order asked.
    """
    told = []
    dealt = [client.submit(_deal, light, hands, pure=False) for light in lights]
    for hand in range(hands):
        own = [client.submit(_pick, part, hand, pure=False) for part in dealt]
        told.append(client.submit(_tell, own, taught, pure=False))
    answers = []
    for place, light in enumerate(lights):
        own = [client.submit(_pick, each, place, pure=False) for each in told]
        answers.append(client.submit(_gathered, light, own, pure=False))
    return answers


def known_of(own: RecordRows, history: pd.DataFrame, taught: Taught) -> pd.DataFrame:
    """Return what was known of a part's decisions, columns as `features.known.known_before`."""
    records = replay(own.rows, taught.past, taught.settings)
    return pd.concat([records, history.set_index(own.rows.index)], axis=1)


def _light(decisions: pd.DataFrame) -> pd.DataFrame:
    own = decisions.assign(item_group=groups_of(decisions)).reindex(columns=_LIGHT)
    words = [name for name in _LIGHT if name != "decided_at"]  # categories differ by part
    return own.astype(dict.fromkeys(words, "str")).reset_index(drop=True)


def _deal(light: Light, hands: int) -> list[_Hand]:
    """Split the rows of a part by item and by moderator; rows without a moderator have no work."""
    item = _split_by(light, "item_group", _OF_ITEM, hands)
    work = _split_by(light, "moderator_id", _OF_WORK, hands)
    return [
        _Hand(ours, theirs, (places, days))
        for (ours, places), (theirs, days) in zip(item, work, strict=True)
    ]


def _split_by(
    light: Light, name: str, columns: list[str], hands: int
) -> list[tuple[Light, np.ndarray]]:
    """Return the rows of each hand, and the places of those that are asked about."""
    earlier, asked = (
        [np.flatnonzero(_hand_of(rows[name], hands) == hand) for hand in range(hands)]
        for rows in (light.earlier, light.questions)
    )
    found = []
    for rows, places in zip(earlier, asked, strict=True):
        own = light.earlier[columns].take(rows)
        theirs = None if light.asked is None else light.asked[columns].take(places)
        found.append((Light(own, theirs), places))
    return found


def _hand_of(names: pd.Series, hands: int) -> np.ndarray:
    """Return the hand that each name is dealt to, by its hash alone; -1 where it is null."""
    numbers = pd.util.hash_array(names.to_numpy(dtype=object), categorize=True)
    return np.where(names.isna(), -1, (numbers % np.uint64(hands)).astype(np.int64))


def _pick(several: Sequence[object], place: int) -> object:
    return several[place]


def _tell(hands: Sequence[_Hand], taught: Taught) -> list[_Told]:
    """Return what is told of the rows of each part that met here."""
    item = _together([hand.item for hand in hands])
    work = _together([hand.work for hand in hands])
    looks = pd.DataFrame(np.nan, index=item.questions.index, columns=list(LOOK_COLUMNS))
    if taught.settings.earlier_looks:
        earlier, asked = (rows.rename(columns=_GROUP) for rows in (item.earlier, item.questions))
        looks = looks_before(asked, History(earlier, taught.judged, earlier))
    days = work_before(work.questions, work.earlier)
    return [
        _Told(ours, theirs, hand.places)
        for hand, ours, theirs in zip(
            hands,
            _split(looks, [len(hand.item.questions) for hand in hands]),
            _split(days, [len(hand.work.questions) for hand in hands]),
            strict=True,
        )
    ]


def _together(lights: Sequence[Light]) -> Light:
    earlier = pd.concat([light.earlier for light in lights], ignore_index=True)
    if all(light.asked is None for light in lights):
        return Light(earlier)
    return Light(earlier, pd.concat([light.questions for light in lights], ignore_index=True))


def _split(told: pd.DataFrame, lengths: Sequence[int]) -> list[pd.DataFrame]:
    ends = np.cumsum([0, *lengths])
    return [told.iloc[ends[n] : ends[n + 1]] for n in range(len(lengths))]


def _gathered(light: Light, told: Sequence[_Told]) -> pd.DataFrame:
    """Put what was told back into the order of the part's rows."""
    names = [*LOOK_COLUMNS, *WORK_COLUMNS]
    whole = np.full((len(names), len(light.questions)), np.nan)
    for each in told:
        for rows, frame in zip(each.places, (each.looks, each.work), strict=True):
            for name in frame:
                whole[names.index(str(name)), rows] = frame[name].to_numpy()
    return pd.DataFrame(dict(zip(names, whole, strict=True)))
