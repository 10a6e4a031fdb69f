"""The permanent random number of a decision: a keyed hash of its id.

The same id under the same key has the same number in every call, batch and process, so a draw can
be repeated and checked, and a decision offered twice is not given a second chance. The secret must
not leak: who knows it can tell which decisions will be audited.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from features.errors import SettingsError
from models.arrays import Floats, Texts

SHORTEST_SECRET_BYTES = 16
LONGEST_SECRET_BYTES = hashlib.blake2b.MAX_KEY_SIZE
LARGEST_NUMBER = float(np.nextafter(1.0, 0.0))


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


def uniform_numbers(decision_ids: Sequence[str] | Texts, key: SamplingKey) -> Floats:
    """Permanent uniform numbers, one a decision, strictly between 0 and 1.

    ``u = (BLAKE2b-64(secret, decision_id) + 1/2) / 2**64``; about 1.2 seconds a million.

    Examples
    --------
    >>> key = SamplingKey("2026-11", bytes(32))
    >>> uniform_numbers(["d-1", "d-2"], key).round(4)
    array([0.2276, 0.6526])
    >>> uniform_numbers(["d-2", "d-1"], key).round(4)
    array([0.6526, 0.2276])
    """
    ids = decision_ids.tolist() if isinstance(decision_ids, np.ndarray) else decision_ids
    fresh_hash = hashlib.blake2b(key=key.secret, digest_size=8).copy
    digests = []
    for decision_id in ids:
        state = fresh_hash()  # copying a keyed state is cheaper than keying it again
        state.update(decision_id.encode())
        digests.append(state.digest())
    whole = np.frombuffer(b"".join(digests), dtype="<u8").astype(np.float64)
    numbers: Floats = np.minimum((whole + 0.5) / 2.0**64, LARGEST_NUMBER)
    return numbers
