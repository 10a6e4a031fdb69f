"""Settings in TOML text, read as a typed structure that refuses what it does not know."""

from __future__ import annotations

import tomllib
from typing import TypeVar

import msgspec

from features.errors import SettingsError

Kind = TypeVar("Kind")


def read_toml(text: str, kind: type[Kind], *, told: str, mend: str = "") -> Kind:
    """Return TOML text as a structure.

    Parameters
    ----------
    told
        What the text is, for messages.
    mend
        What the message ends with.

    Raises
    ------
    SettingsError
        If it is not TOML, or does not fit the structure.

    Examples
    --------
    >>> read_toml("audits = 3", dict[str, int], told="capacity.toml")
    {'audits': 3}
    >>> read_toml("audits = 'all'", dict[str, int], told="capacity.toml")
    Traceback (most recent call last):
    features.errors.SettingsError: capacity.toml: Expected `int`, got `str` - at `$[...]`
    """
    try:
        return msgspec.convert(tomllib.loads(text), kind)
    except (tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
        raise SettingsError(f"{told}: {error}{mend}") from error
