"""Identities under a keyed hash, so that no person's name comes into the store.

The same person keeps the same pseudonym, which is what a track record needs; without the key nobody
can go back, nor test a list of names.
"""

from __future__ import annotations

import hashlib

import pandas as pd

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


def pseudonymise(frame: pd.DataFrame, key: bytes | None) -> pd.DataFrame:
    """Replace moderators and auditors by their pseudonyms; without a key nothing changes."""
    if key is None:
        return frame
    present = [name for name in PEOPLE if name in frame]
    return frame.assign(**{name: _column(frame[name], key) for name in present})


def _column(people: pd.Series, key: bytes) -> pd.Series:
    codes, names = pd.factorize(people)
    hidden = pd.Series([pseudonym(str(name), key) for name in names], dtype="str")
    return pd.Series(hidden.reindex(codes).to_numpy(), index=people.index, dtype="str")
