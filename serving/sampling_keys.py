"""Which sampling key draws for which decision: that of its first offer, however often keys change.

To draw anew for a decision that was offered before would give it a second chance that its inclusion
probability does not tell. Where the key of its first offer is gone it is refused by name.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace

from features.columns import AnyTable, texts
from features.errors import BadValue
from features.home import Secrets
from features.store import Store
from models.sampling_key import KeyRing, SamplingKey

_REVIEW = b"second review"


@dataclass(frozen=True, slots=True)
class Earlier:
    """What earlier offers mean for decisions that are offered now.

    Attributes
    ----------
    keys
        Draws for each of them with its own key.
    selected
        Ids of those that an earlier offer selected.
    none_stored
        Whether the store holds none of them, so none was offered either.
    lost
        Rows, by position, that cannot be drawn for: the key of their first offer is not kept.
    """

    keys: KeyRing
    selected: frozenset[str]
    none_stored: bool
    lost: tuple[BadValue, ...]

    @property
    def lost_rows(self) -> list[int]:
        """Positions of the rows that cannot be drawn for."""
        return [bad.row for bad in self.lost]


def key_ring(secrets: Secrets) -> KeyRing:
    """Return the keys of a home."""
    retired = {name: SamplingKey(name, key) for name, key in secrets.retired.items()}
    return KeyRing(SamplingKey(secrets.key_id, secrets.sampling), retired)


def look_back(decisions: AnyTable, *, store: Store, keys: KeyRing) -> Earlier:
    """Ask the store for earlier offers of decisions."""
    ids = texts(decisions, "decision_id").tolist()
    stored = list(store.known_decisions(ids))
    if not stored:
        return Earlier(keys, frozenset(), none_stored=True, lost=())
    offers = store.first_offers(stored)
    first = {name: offer.key_id for name, offer in offers.items()}
    lost = tuple(
        lost_key(row, decision_id, first[decision_id])
        for row, decision_id in enumerate(ids)
        if decision_id in first and not keys.holds(first[decision_id])
    )
    selected = frozenset(name for name, offer in offers.items() if offer.selected)
    return Earlier(replace(keys, first_offered=first), selected, none_stored=False, lost=lost)


def lost_key(row: int, decision_id: str, key_id: str) -> BadValue:
    """Tell of a decision whose first offer was made under a key that is not kept."""
    return BadValue(
        row,
        "decision_id",
        f"{decision_id!r}, first offered under the sampling key {key_id!r}",
        'a key that is kept: put it back into "retired" of secrets.json',
    )


def review_ring(secrets: Secrets, decision_ids: Sequence[str], store: Store) -> KeyRing:
    """Return the keys that draw second reviews: derived from those that drew the audits.

    An audit of a decision that was never offered here goes by the oldest key that is kept, so that
    it too keeps its number when the key changes.
    """
    ring = key_ring(secrets)
    retired = {name: _review_key(key) for name, key in ring.retired.items()}
    oldest = next(iter(retired), ring.current.key_id)
    first = dict.fromkeys(decision_ids, oldest)
    first |= {name: offer.key_id for name, offer in store.first_offers(decision_ids).items()}
    return KeyRing(_review_key(ring.current), retired, first)


def _review_key(key: SamplingKey) -> SamplingKey:
    """Derive the key of second reviews, so that their numbers have nothing to do with audits'."""
    digest = hashlib.blake2b(_REVIEW, key=key.secret, digest_size=32).digest()
    return SamplingKey(key.key_id, digest)
