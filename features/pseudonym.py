"""Identities under a keyed hash, so that no person's name comes into the store.

The same person keeps the same pseudonym, which is what a track record needs; without the key nobody
can go back, nor test a list of names.
"""

from __future__ import annotations

import hashlib

import numpy as np

from features.columns import Table, codes, like, texts

PEOPLE = ("moderator_id", "auditor_id")
_PREFIX = "psn:"


def pseudonym(identity: str, key: bytes) -> str:
    """Return the pseudonym of a person; a pseudonym is returned as it is.

    Examples
    --------
    >>> one = pseudonym("jane@example.org", b"0" * 32)
    >>> one.startswith("psn:"), pseudonym(one, b"0" * 32) == one
    (True, True)
    """
    if identity.startswith(_PREFIX):
        return identity
    return _PREFIX + hashlib.blake2b(identity.encode(), key=key, digest_size=10).hexdigest()


def pseudonymise(table: Table, key: bytes | None) -> Table:
    """Replace moderators and auditors by their pseudonyms; without a key nothing changes."""
    if key is None:
        return table
    hidden = {name: _hidden(texts(table, name), key) for name in PEOPLE if name in table}
    columns = like(table, hidden)
    return table.assign(**{name: columns[name] for name in hidden})


def _hidden(people: np.ndarray, key: bytes) -> np.ndarray:
    place, names = codes(people)
    hidden = np.array([*(pseudonym(name, key) for name in names), None], dtype=object)
    return np.asarray(hidden[place])
