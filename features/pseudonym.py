"""Identities under a keyed hash, so that no person's name comes into the store.

The same person keeps the same pseudonym, which is what a track record needs; without the key nobody
can go back, nor test a list of names.
"""

from __future__ import annotations

import hashlib

import numpy as np
import pandas as pd

from features.columns import AnyTable, Table, labels

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
    hidden = {name: _hidden(table, name, key) for name in PEOPLE if name in table}
    return table.assign(**hidden)


def _hidden(table: AnyTable, name: str, key: bytes) -> np.ndarray | pd.Series:
    place, people = labels(table, name)
    hidden = [*(pseudonym(person, key) for person in people), None]
    if isinstance(table, pd.DataFrame):  # taken as Arrow's, without an object for each row
        return pd.Series(hidden, dtype="str").take(place % len(hidden)).set_axis(table.index)
    return np.asarray(np.array(hidden, dtype=object)[place])
