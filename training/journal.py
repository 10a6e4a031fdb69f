"""The journal: which model serves, since when and why, and which served before it.

What serves is told by ``champion.json``, written whole or not at all: the bundle, and beside it the
entry of the promotion or rollback that put it there. An entry is finished when it stands in
``promotions.jsonl`` too, one line each, as do refusals; `training.settling` finishes what is not.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Any

import msgspec

from features.home import Home


class Event(StrEnum):
    """What an entry tells of."""

    PROMOTION = "promotion"
    ROLLBACK = "rollback"
    REFUSAL = "refusal"


class Served(msgspec.Struct, frozen=True):
    """A model that serves, served, or was to.

    Attributes
    ----------
    model_version
        How answers name it.
    bundle
        Fingerprint of its bundle.
    version
        Its number in the registry; null = it did not come from there.
    plan
        Version of the plan that it selects by; null = not told, or none.
    """

    model_version: str
    bundle: str
    version: str | None = None
    plan: str | None = None


class Entry(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A promotion, a rollback or a refusal.

    Attributes
    ----------
    model
        The one that was put in place, or refused.
    previous
        The one to roll back to; null = there is none.
    verdict
        What the gates said of the model.
    forced
        Whether it was promoted although they said no.
    why
        In the words of whoever asked.
    refused
        Why it was not done; null = it was.
    """

    id: str
    at: datetime
    event: Event
    model: Served
    previous: Served | None = None
    verdict: str | None = None
    forced: bool = False
    why: str | None = None
    refused: str | None = None


def fresh_id() -> str:
    """Return an id for an entry."""
    return secrets.token_hex(8)


def champion(home: Home) -> Served | None:
    """Return the model that ``champion.json`` names; null where it names none that can be read."""
    document = _champion_document(home)
    try:
        entry = entry_of_champion(home)
        return entry.model if entry else msgspec.convert(document, Served)
    except msgspec.ValidationError:
        return None


def entry_of_champion(home: Home) -> Entry | None:
    """Return the entry by which the champion serves; null where it was named without one."""
    document = _champion_document(home)
    try:
        entry = msgspec.convert(document.get("entry"), Entry, strict=False)
    except msgspec.ValidationError:
        return None
    return entry if entry.model.bundle == document.get("bundle") else None


def as_told(entry: Entry) -> dict[str, Any]:
    """Return an entry as ``champion.json`` holds it."""
    return {"entry": msgspec.to_builtins(entry)}


def log(home: Home, entry: Entry) -> None:
    """Append an entry to ``promotions.jsonl``; needs the lock of the home."""
    place = log_file(home)
    line = msgspec.json.encode(entry) + b"\n"
    if not _ends_whole(place):
        line = b"\n" + line
    descriptor = os.open(place, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        os.write(descriptor, line)
    finally:
        os.close(descriptor)


def logged(home: Home) -> Iterator[Entry]:
    """Yield the entries of ``promotions.jsonl``, oldest first; a line that was cut off is none."""
    place = log_file(home)
    for line in place.read_bytes().splitlines() if place.is_file() else []:
        try:
            yield msgspec.json.decode(line, type=Entry)
        except (msgspec.DecodeError, UnicodeDecodeError):
            continue


def log_file(home: Home) -> Path:
    """Return where the journal is."""
    return home.path / "promotions.jsonl"


def _champion_document(home: Home) -> dict[str, Any]:
    try:
        document = msgspec.json.decode(home.champion_file.read_bytes())
    except (OSError, msgspec.DecodeError):
        return {}
    return document if isinstance(document, dict) else {}


def _ends_whole(place: Path) -> bool:
    """Whether the last line of a file is ended; so it is where there is none."""
    if not place.is_file() or not place.stat().st_size:
        return True
    with place.open("rb") as file:
        file.seek(-1, os.SEEK_END)
        return file.read(1) == b"\n"
