"""The journal of promotions, and what ``champion.json`` tells."""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec
import pytest

from features.home import Home
from training.journal import (
    Entry,
    Event,
    Served,
    as_told,
    champion,
    entry_of_champion,
    log,
    log_file,
    logged,
)

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
FIRST = Served("1-aa", "aa", "1", "plan-1")
ENTRY = Entry(
    id="e1", at=NOON, event=Event.PROMOTION, model=Served("2-bb", "bb", "2"), previous=FIRST
)


def named(home: Home, text: str) -> None:
    home.champion_file.write_text(text, encoding="utf-8")


def test_entries_are_read_as_they_were_logged(home: Home) -> None:
    assert list(logged(home)) == []
    refused = Entry(id="e2", at=NOON, event=Event.REFUSAL, model=FIRST, refused="it failed")
    log(home, ENTRY)
    log(home, refused)
    assert list(logged(home)) == [ENTRY, refused]
    assert log_file(home).stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("kept", [1, 40, -2])
def test_a_line_that_was_cut_off_is_passed_over_and_harms_no_other(home: Home, kept: int) -> None:
    log(home, ENTRY)
    line = log_file(home).read_text(encoding="utf-8")
    log_file(home).write_text(line + line[:kept], encoding="utf-8")
    assert list(logged(home)) == [ENTRY]
    log(home, ENTRY)
    assert list(logged(home)) == [ENTRY, ENTRY]


def test_what_serves_is_read_with_the_entry_that_put_it_there(home: Home) -> None:
    written = as_told(ENTRY) | {"bundle": "bb", "model_version": "2-bb"}
    named(home, msgspec.json.encode(written).decode())
    assert entry_of_champion(home) == ENTRY
    assert champion(home) == ENTRY.model


def test_an_entry_of_another_bundle_is_none_of_the_champion(home: Home) -> None:
    """As where a bundle was published by hand over what a promotion wrote."""
    written = as_told(ENTRY) | {"bundle": "cc", "model_version": "by hand"}
    named(home, msgspec.json.encode(written).decode())
    assert entry_of_champion(home) is None
    assert champion(home) == Served("by hand", "cc")


@pytest.mark.parametrize("text", ["", "{", "[]", "3", '{"bundle": 3}', '{"model_version": "x"}'])
def test_a_champion_that_cannot_be_read_is_none(home: Home, text: str) -> None:
    named(home, text)
    assert champion(home) is None
    assert entry_of_champion(home) is None


def test_without_a_champion_there_is_none(home: Home) -> None:
    assert champion(home) is None
