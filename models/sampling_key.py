"""The permanent random number of a decision: a keyed hash of its id.

The same id under the same key has the same number in every call, batch and process, so a draw can
be repeated and checked, and a decision offered twice is not given a second chance. The secret must
not leak: who knows it can tell which decisions will be audited.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
import pyarrow as pa

from features.errors import SettingsError
from models.arrays import Floats, Texts

SHORTEST_SECRET_BYTES = 16
LONGEST_SECRET_BYTES = hashlib.blake2b.MAX_KEY_SIZE
LARGEST_NUMBER = float(np.nextafter(1.0, 0.0))


class Numbers(Protocol):
    """What gives decisions their permanent random numbers: one key, or a ring of them."""

    def key_ids(self, decision_ids: Sequence[str] | Texts) -> Texts:
        """Return the id of the key that draws for each decision."""

    def numbers(self, decision_ids: Sequence[str] | Texts) -> Floats:
        """Return the permanent random number of each decision."""


@dataclass(frozen=True, slots=True)
class SamplingKey:
    """A secret and the id under which selections made with it are stored.

    Raises
    ------
    SettingsError
        The secret is shorter than 16 or longer than 64 bytes.

    Examples
    --------
    >>> SamplingKey("2026-11", bytes(32))
    SamplingKey(key_id='2026-11')
    >>> SamplingKey("2026-11", b"short")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    ...
    features.errors.SettingsError: The sampling key '2026-11' has a secret of 5 bytes; 16 to 64 ...
    """

    key_id: str
    secret: bytes = field(repr=False)

    def __post_init__(self) -> None:
        if not SHORTEST_SECRET_BYTES <= len(self.secret) <= LONGEST_SECRET_BYTES:
            raise SettingsError(
                f"The sampling key {self.key_id!r} has a secret of {len(self.secret)} bytes; "
                f"{SHORTEST_SECRET_BYTES} to {LONGEST_SECRET_BYTES} are needed. "
                "Make one with secrets.token_bytes(32)."
            )

    def key_ids(self, decision_ids: Sequence[str] | Texts) -> Texts:
        """Return the id of this key for each decision."""
        return np.full(len(decision_ids), self.key_id, dtype=object)

    def numbers(self, decision_ids: Sequence[str] | Texts) -> Floats:
        """Return the permanent random number of each decision; see `uniform_numbers`."""
        return uniform_numbers(decision_ids, self)


def uniform_numbers(decision_ids: Sequence[str] | Texts, key: SamplingKey) -> Floats:
    """Permanent uniform numbers, one a decision, strictly between 0 and 1.

    ``u = (BLAKE2b-64(secret, decision_id) + 1/2) / 2**64``; about 1.2 seconds a million.

    Parameters
    ----------
    decision_ids
        Text, as a list, an array of objects or an Arrow array; none null.

    Examples
    --------
    >>> key = SamplingKey("2026-11", bytes(32))
    >>> uniform_numbers(["d-1", "d-2"], key).round(4)
    array([0.2276, 0.6526])
    >>> uniform_numbers(["d-2", "d-1"], key).round(4)
    array([0.6526, 0.2276])
    """
    whole = _hashes(decision_ids, key.secret).astype(np.float64)
    numbers: Floats = np.minimum((whole + 0.5) / 2.0**64, LARGEST_NUMBER)
    return numbers


def _hashes(decision_ids: Sequence[str] | Texts, secret: bytes) -> np.ndarray:
    ids: Sequence[str] = (
        decision_ids.tolist() if isinstance(decision_ids, (np.ndarray, pa.Array)) else decision_ids
    )
    fresh_hash = hashlib.blake2b(key=secret, digest_size=8).copy
    digests = []
    for decision_id in ids:
        state = fresh_hash()  # copying a keyed state is cheaper than keying it again
        state.update(decision_id.encode())
        digests.append(state.digest())
    return np.frombuffer(b"".join(digests), dtype="<u8")


@dataclass(frozen=True, slots=True)
class KeyRing:
    """The key of today, and the retired ones of decisions that were first offered under them.

    Rotating the key must not draw anew for a decision that was offered before: it would gain a
    second chance that its inclusion probability does not tell.

    Attributes
    ----------
    current
        Draws for decisions that were never offered.
    retired
        Earlier keys, by id.
    first_offered
        Id of the key under which a decision was offered first, by decision id; decisions that are
        not there were never offered, or under the current key.

    Examples
    --------
    >>> old, new = SamplingKey("k1", bytes(32)), SamplingKey("k2", bytes([1] * 32))
    >>> ring = KeyRing(new, {"k1": old}, {"a": "k1"})
    >>> ring.key_ids(["a", "b"]).tolist()
    ['k1', 'k2']
    >>> bool(ring.numbers(["a", "b"])[0] == uniform_numbers(["a"], old)[0])
    True
    """

    current: SamplingKey
    retired: Mapping[str, SamplingKey] = field(default_factory=dict)
    first_offered: Mapping[str, str] = field(default_factory=dict)

    def key_ids(self, decision_ids: Sequence[str] | Texts) -> Texts:
        """Return the id of the key that draws for each decision."""
        if not self.first_offered:
            return self.current.key_ids(decision_ids)
        own = [self.first_offered.get(str(each), self.current.key_id) for each in decision_ids]
        return np.array(own, dtype=object)

    def numbers(self, decision_ids: Sequence[str] | Texts) -> Floats:
        """Return the permanent random number of each decision.

        Raises
        ------
        SettingsError
            A decision was first offered under a key that is not kept.
        """
        numbers = uniform_numbers(decision_ids, self.current)
        if not self.first_offered:
            return numbers
        ids, names = np.asarray(decision_ids, dtype=object), self.key_ids(decision_ids)
        for name in sorted({*map(str, names)} - {self.current.key_id}):
            rows = np.flatnonzero(names == name)
            numbers[rows] = uniform_numbers(ids[rows], self._kept(name))
        return numbers

    def holds(self, key_id: str) -> bool:
        """Whether the key of this id is kept."""
        return key_id == self.current.key_id or key_id in self.retired

    def _kept(self, name: str) -> SamplingKey:
        if name not in self.retired:
            raise SettingsError(
                f"A decision was first offered under the sampling key {name!r}, which is not kept "
                '(secrets.json, "retired"). Put it back: with another key it would be drawn anew.'
            )
        return self.retired[name]


@dataclass(frozen=True, slots=True)
class ReadyNumbers:
    """Permanent random numbers that were worked out before, by whoever had the time.

    Attributes
    ----------
    key
        Place in `key_names` of the key that drew for each decision.
    uniform
        Their numbers, in the order of the decisions that are asked about.
    """

    key: np.ndarray
    key_names: tuple[str, ...]
    uniform: Floats

    def key_ids(self, decision_ids: Sequence[str] | Texts) -> Texts:
        """Return the id of the key that drew for each decision."""
        return np.asarray(np.array(self.key_names, dtype=object)[self.key])

    def numbers(self, decision_ids: Sequence[str] | Texts) -> Floats:
        """Return the numbers."""
        return self.uniform
