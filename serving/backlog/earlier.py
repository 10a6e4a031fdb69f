"""Earlier offers of a backlog's decisions: which key draws for each, and what was selected before.

The same as `serving.sampling_keys.look_back`, for millions: what is known is kept by position, and
an empty store, or one without offers, is asked once.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from features import schema
from features.errors import BadValue
from features.period_history import count_up_to, stored_ids
from features.store import Store
from models.arrays import Flags, Floats, Positions
from models.sampling_key import KeyRing, ReadyNumbers, uniform_numbers
from serving.backlog.light import whole
from serving.sampling_keys import lost_key

_ASKED_AT_ONCE = 100_000


@dataclass(frozen=True, slots=True)
class EarlierOffers:
    """What earlier offers mean for the decisions of a backlog, a row each.

    Attributes
    ----------
    stored
        Whether the store holds the decision.
    selected
        Whether an earlier offer selected it.
    key
        Place in `key_names` of the key that draws for it: 0 is the key of today.
    lost
        Rows, by position, that cannot be drawn for: the key of their first offer is not kept.
    """

    stored: Flags
    selected: Flags
    key: np.ndarray
    key_names: tuple[str, ...]
    lost: tuple[BadValue, ...]

    def numbers(self, ids: pa.Array, current: Floats, keys: KeyRing) -> ReadyNumbers:
        """Return the permanent random numbers, given those under the key of today.

        `current` is changed where another key draws; rows that are lost keep what they have.
        """
        for place, name in enumerate(self.key_names):
            rows = np.flatnonzero(self.key == place)
            if place and keys.holds(name):
                current[rows] = uniform_numbers(ids.take(pa.array(rows)), keys.retired[name])
        return ReadyNumbers(self.key, self.key_names, current)

    def without(self, rows: list[int]) -> EarlierOffers:
        """Return it without some rows."""
        kept = np.delete(np.arange(len(self.key)), rows)
        return EarlierOffers(
            self.stored[kept], self.selected[kept], self.key[kept], self.key_names, ()
        )


def look_back_all(light: pa.Table, *, store: Store, keys: KeyRing) -> EarlierOffers:
    """Ask the store for earlier offers of the decisions of a backlog."""
    ids = whole(light["decision_id"])
    stored = _stored(ids, store)
    selected = np.zeros(len(ids), dtype=np.bool_)
    key, names = np.zeros(len(ids), dtype=np.int16), [keys.current.key_id]
    lost: list[BadValue] = []
    if stored.any() and store.first_offer_at() is not None:
        for rows, texts in _in_parts(ids, np.flatnonzero(stored)):
            offers = store.first_offers(texts)
            for row, text in zip(rows.tolist(), texts, strict=True):
                offer = offers.get(text)
                if offer is None:
                    continue
                selected[row] = offer.selected
                if offer.key_id not in names:
                    names.append(offer.key_id)
                key[row] = names.index(offer.key_id)
                if not keys.holds(offer.key_id):
                    lost.append(lost_key(row, text, offer.key_id))
    return EarlierOffers(stored, selected, key, tuple(names), tuple(lost))


def _stored(ids: pa.Array, store: Store) -> Flags:
    """Return which decisions the store holds: by its ids where it holds few, else by ours."""
    with store.transaction() as connection:
        held = count_up_to(connection, schema.decisions, len(ids) + 1)
        if held <= len(ids):
            theirs = pa.array(stored_ids(connection), pa.large_string()) if held else ids[:0]
            return _are_in(ids, theirs)
    found = np.zeros(len(ids), dtype=np.bool_)
    for rows, texts in _in_parts(ids, np.arange(len(ids))):
        known = pa.array([*store.known_decisions(texts)], pa.large_string())
        found[rows] = _are_in(ids.slice(rows[0], len(rows)), known)
    return found


def _are_in(ids: pa.Array, others: pa.Array) -> Flags:
    return np.asarray(pc.is_in(ids, value_set=others).to_numpy(zero_copy_only=False))


def _in_parts(ids: pa.Array, rows: Positions) -> Iterator[tuple[Positions, list[str]]]:
    for start in range(0, len(rows), _ASKED_AT_ONCE):
        some = rows[start : start + _ASKED_AT_ONCE]
        yield some, ids.take(pa.array(some)).to_pylist()
