"""People on shift: read from a body or a file, and whoever breaks the contract told by row."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from features.errors import ContractError
from features.pseudonym import pseudonym
from features.shift import Person, read_people, read_shift_file
from features.wellbeing import Wellbeing

KEY = b"k" * 32
ANA = {"auditor_id": "ana", "minutes": 300, "languages": ["de", "en"], "graphic_items": 10}
BEN = {"auditor_id": "ben", "hours": 6.5, "opted_out": ["gore"], "most_graphic": 1, "team": "t1"}


def test_people_are_known_by_the_pseudonyms_that_outcomes_have() -> None:
    shift = read_people([ANA, BEN], Wellbeing(), key=KEY)
    assert [p.auditor_id for p in shift.people] == [pseudonym(n, KEY) for n in ("ana", "ben")]
    assert shift.given == ("ana", "ben")
    assert shift.rows == (0, 1)


def test_hours_are_minutes() -> None:
    shift = read_people([ANA, BEN], Wellbeing(), key=None)
    assert [person.shift_minutes for person in shift.people] == [300, 390]


@pytest.mark.parametrize(
    ("wrong", "column", "seen"),
    [
        ({"minutes": None}, "minutes", "neither"),
        ({"hours": 5}, "minutes", "minutes 300 and hours 5"),
        ({"minutes": -1}, "minutes", "-1"),
        ({"minutes": "long"}, "minutes", "'long'"),
        ({"minutes": float("nan")}, "minutes", "nan"),
        ({"most_graphic": 4}, "most_graphic", "4"),
        ({"languages": "de"}, "languages", "'de'"),
        ({"languages": ["de", 3]}, "languages", "['de', 3]"),
        ({"languges": ["de"]}, "languges", "a field that no person has"),
        ({"auditor_id": ""}, "auditor_id", "''"),
        ({"auditor_id": None}, "auditor_id", "null"),
        ({"graphic_minutes": 121}, "graphic_minutes", "121"),
        ({"graphic_items": 61}, "graphic_items", "61"),
        ({"team": "a\0b"}, "auditor_id", "a null character"),
        ({"auditor_id": "ben"}, "auditor_id", "'ben' again"),
    ],
)
def test_one_bad_person_is_told_and_the_others_are_kept(
    wrong: dict[str, Any], column: str, seen: str
) -> None:
    shift = read_people([BEN, ANA | wrong], Wellbeing(), key=None)
    assert [person.auditor_id for person in shift.people] == ["ben"]
    assert [(b.row, b.column, b.seen) for b in shift.bad] == [(1, column, seen)]
    assert shift.bad[0].expected


def test_a_cap_of_ones_own_may_be_lower_than_the_programmes_and_never_higher() -> None:
    limits = Wellbeing(graphic_items_a_day=9)
    lower = read_people([ANA | {"graphic_items": 9}], limits, key=None)
    assert lower.people[0].graphic_items == 9
    with pytest.raises(ContractError, match="saw 10; expected at most 9, the cap of the programme"):
        read_people([ANA], limits, key=None)


@pytest.mark.parametrize("rows", [[], [{}], ["ana"], [None]])
def test_a_shift_of_nobody_is_refused(rows: list[Any]) -> None:
    with pytest.raises(ContractError, match="people"):
        read_people(rows, Wellbeing(), key=None)


def test_the_kinds_of_file_say_the_same(tmp_path: Path) -> None:
    (tmp_path / "shift.json").write_text(json.dumps({"people": [ANA, BEN]}), encoding="utf-8")
    (tmp_path / "list.json").write_text(json.dumps([ANA, BEN]), encoding="utf-8")
    (tmp_path / "shift.toml").write_text(
        "[[people]]\nauditor_id = 'ana'\nminutes = 300\nlanguages = ['de', 'en']\n"
        "graphic_items = 10\n[[people]]\nauditor_id = 'ben'\nhours = 6.5\n"
        "opted_out = ['gore']\nmost_graphic = 1\nteam = 't1'\n",
        encoding="utf-8",
    )
    (tmp_path / "shift.csv").write_text(
        "auditor_id,minutes,hours,languages,opted_out,most_graphic,team,graphic_items\n"
        "ana,300,,de;en,,,,10\nben,,6.5,,gore,1,t1,\n",
        encoding="utf-8",
    )
    found = [
        read_people(read_shift_file(tmp_path / name)["people"], Wellbeing(), key=None).people
        for name in ("shift.json", "list.json", "shift.toml", "shift.csv")
    ]
    assert [people == found[0] for people in found] == [True] * 4
    assert found[0][1] == Person(
        auditor_id="ben", hours=6.5, opted_out=["gore"], most_graphic=1, team="t1"
    )


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("shift.txt", b""),
        ("shift.json", b"{"),
        ("shift.json", b"3"),
        ("shift.toml", b"[[people"),
        ("shift.csv", b'auditor_id\n"ana'),
        ("shift.json", b"\xff"),
    ],
)
def test_a_file_that_cannot_be_read_is_told(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ContractError, match="people"):
        read_shift_file(tmp_path / name)
    with pytest.raises(ContractError, match="No such file"):
        read_shift_file(tmp_path / "none.csv")
