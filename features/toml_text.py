"""Settings in TOML, read as a typed structure that refuses what it does not know."""

from __future__ import annotations

import tomllib
from pathlib import Path
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


def read_toml_file(path: Path, kind: type[Kind], *, told: str, mend: str = "") -> Kind:
    """Return a TOML file as a structure; without the file every setting is its default.

    Parameters
    ----------
    told
        What the file is, for messages, which name it.

    Raises
    ------
    SettingsError
        If it cannot be read, is not TOML, or does not fit the structure.
    """
    if not path.is_file():
        return kind()
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (UnicodeDecodeError, OSError) as error:
        raise SettingsError(f"{told} {str(path)!r}: cannot be read: {error}") from error
    return read_toml(text, kind, told=f"{told} {path.name!r}", mend=mend)
