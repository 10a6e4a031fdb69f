"""The people on shift: who they are, how long they work, what they may and do not want to see.

They come as the body of a request, or as a file: TOML and JSON hold the same fields as the body,
CSV a row a person, lists divided by semicolons. Whoever breaks the contract is named by row and
field and left out of the shift; the others are kept.
"""

from __future__ import annotations

import csv
import difflib
import json
import re
import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import msgspec

from features.errors import BadValue, ContractError
from features.pseudonym import pseudonym
from features.wellbeing import Wellbeing

Name = Annotated[str, msgspec.Meta(min_length=1, max_length=500)]
Names = Annotated[list[Name], msgspec.Meta(max_length=1_000)]
DayMinutes = Annotated[float, msgspec.Meta(ge=0, le=1_440)]
DayHours = Annotated[float, msgspec.Meta(ge=0, le=24)]
DayItems = Annotated[int, msgspec.Meta(ge=0, le=10_000)]

_TABLE = "people"
_LISTS = ("languages", "policies", "opted_out")
_NUMBERS = ("minutes", "hours", "most_graphic", "graphic_minutes", "graphic_items")
_AT = re.compile(r" - at `\$\.?([^`\[]*)[^`]*`$")
_LONGEST_SEEN = 60
_KINDS = (".toml", ".json", ".csv")


class Person(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """One person on shift.

    Attributes
    ----------
    auditor_id
        As outcomes name them; where moderators audit too, the same id.
    minutes, hours
        Of the shift, for audits and breaks; one of the two.
    languages, policies
        That they may audit; null = all.
    opted_out
        Policies that they do not want to see.
    most_graphic
        Highest graphic level that they audit.
    team, site
        Theirs; null where it is not known.
    graphic_minutes, graphic_items
        Caps of a day of their own, at most those of the programme; null = the programme's.
    """

    auditor_id: Name
    minutes: DayMinutes | None = None
    hours: DayHours | None = None
    languages: Names | None = None
    policies: Names | None = None
    opted_out: Names = []
    most_graphic: Annotated[int, msgspec.Meta(ge=0, le=3)] = 3
    team: Name | None = None
    site: Name | None = None
    graphic_minutes: DayMinutes | None = None
    graphic_items: DayItems | None = None

    @property
    def shift_minutes(self) -> float:
        """Return the length of the shift in minutes."""
        return self.minutes if self.minutes is not None else 60 * (self.hours or 0.0)


@dataclass(frozen=True, slots=True)
class OnShift:
    """People who keep the contract, and what was wrong with the others.

    Attributes
    ----------
    people
        Their `Person.auditor_id` is the pseudonym where there is a key.
    given
        The ids of the people as they came, in the same order.
    rows
        Where they stood, 0-based.
    bad
        Values of people who are left out.
    """

    people: tuple[Person, ...]
    given: tuple[str, ...]
    rows: tuple[int, ...]
    bad: tuple[BadValue, ...] = ()


def read_people(rows: Sequence[Any], limits: Wellbeing, *, key: bytes | None) -> OnShift:
    """Return the people on shift.

    Parameters
    ----------
    rows
        A mapping each, with the fields of `Person`.
    key
        Of the pseudonyms; null where plain ids are kept.

    Raises
    ------
    ContractError
        If nobody is left.

    Examples
    --------
    >>> rows = [{"auditor_id": "ana", "hours": 6, "languages": ["de"]}, {"auditor_id": "ben"}]
    >>> shift = read_people(rows, Wellbeing(), key=None)
    >>> [person.shift_minutes for person in shift.people]
    [360.0]
    >>> print(shift.bad[0])
    row 1, column 'minutes': saw neither; expected minutes or hours, one of the two
    """
    people: dict[str, tuple[int, Person]] = {}
    bad: list[BadValue] = []
    for row, values in enumerate(rows):
        person, wrong = _read(row, values, limits)
        if person is not None:
            hidden = person.auditor_id if key is None else pseudonym(person.auditor_id, key)
            if hidden in people:
                seen = f"{_shown(person.auditor_id)} again"
                wrong = [BadValue(row, "auditor_id", seen, "each person once")]
            else:
                people[hidden] = row, person
        bad += wrong
    if not people:
        raise ContractError(_TABLE, bad or [BadValue(-1, _TABLE, "nobody", "at least one person")])
    kept = list(people.values())
    hidden_people = [
        msgspec.structs.replace(person, auditor_id=hidden) for hidden, (_, person) in people.items()
    ]
    return OnShift(
        people=tuple(hidden_people),
        given=tuple(person.auditor_id for _, person in kept),
        rows=tuple(row for row, _ in kept),
        bad=tuple(bad),
    )


def read_shift_file(path: Path) -> dict[str, Any]:
    """Return what a file says of a shift, as the body of a request says it.

    Raises
    ------
    ContractError
        If it cannot be read, or is not TOML, JSON or CSV.
    """
    if path.suffix.lower() not in _KINDS:
        expected = "a file that ends in .toml, .json or .csv"
        raise ContractError.of(_TABLE, -1, "file", seen=repr(path.name), expected=expected)
    try:
        text = path.read_text(encoding="utf-8-sig")
        found = _READERS[path.suffix.lower()](text)
    except (OSError, ValueError, csv.Error) as error:
        raise ContractError.of(
            _TABLE, -1, "file", seen=f"{str(path)!r}: {error}", expected="a file that can be read"
        ) from error
    if isinstance(found, list):
        return {"people": found}
    if not isinstance(found, dict):
        seen = f"a {type(found).__name__}"
        raise ContractError.of(_TABLE, -1, _TABLE, seen=seen, expected="a list of people")
    return found


def _read(row: int, values: Any, limits: Wellbeing) -> tuple[Person | None, list[BadValue]]:
    """Return a person, or null and what is wrong with the row."""
    if not isinstance(values, Mapping):
        seen = f"a {type(values).__name__}"
        return None, [BadValue(row, _TABLE, seen, "an object with the fields of a person")]
    try:
        person = msgspec.convert(values, Person)
    except msgspec.ValidationError as error:
        return None, [_invalid(row, values, str(error))]
    bad = list(_broken(row, person, limits))
    return (None, bad) if bad else (person, [])


def _broken(row: int, person: Person, limits: Wellbeing) -> Iterator[BadValue]:
    """Yield what is wrong with a person beyond the kinds of the values."""
    if person.minutes is None and person.hours is None:
        yield BadValue(row, "minutes", "neither", "minutes or hours, one of the two")
    if person.minutes is not None and person.hours is not None:
        seen = f"minutes {person.minutes:g} and hours {person.hours:g}"
        yield BadValue(row, "minutes", seen, "minutes or hours, one of the two")
    if any("\0" in text for text in _texts(person)):
        yield BadValue(row, "auditor_id", "a null character", "texts without it")
    caps = (
        ("graphic_minutes", person.graphic_minutes, limits.graphic_minutes_a_day),
        ("graphic_items", person.graphic_items, limits.graphic_items_a_day),
    )
    for name, own, most in caps:
        if own is not None and own > most:
            expected = f"at most {most:g}, the cap of the programme; lower it, or leave it out"
            yield BadValue(row, name, f"{own:g}", expected)


def _texts(person: Person) -> Iterator[str]:
    yield from (each for each in (person.auditor_id, person.team, person.site) if each)
    for names in (person.languages, person.policies, person.opted_out):
        yield from names or ()


def _invalid(row: int, values: Mapping[Any, Any], told: str) -> BadValue:
    """Return what msgspec says of a row as a bad value."""
    named = re.search(r"(unknown|required) field `([^`]*)`", told)
    if named is not None and named[1] == "required":
        return BadValue(row, named[2], "null", "a text that is not empty")
    if named is not None:
        near = difflib.get_close_matches(named[2], Person.__struct_fields__, n=1)
        expected = f"did you mean {near[0]!r}? Otherwise drop it" if near else "drop it"
        return BadValue(row, named[2], "a field that no person has", expected)
    place = _AT.search(told)
    name = place[1].split(".")[0] if place is not None else ""
    expected = _AT.sub("", told).removeprefix("Expected ").split(", got ")[0].replace("`", "")
    return BadValue(row, name or _TABLE, _shown(values.get(name)), expected)


def _shown(value: object) -> str:
    return "null" if value is None else repr(value)[:_LONGEST_SEEN]


def _people_of_csv(text: str) -> list[dict[str, Any]]:
    """Return the rows of a table; an empty cell says nothing, and lists are divided by ``;``."""
    reader = csv.DictReader(text.splitlines(), restkey="more cells than columns", strict=True)
    return [{name: _cell(name, value) for name, value in row.items() if value} for row in reader]


def _cell(name: str, value: Any) -> Any:
    if not isinstance(value, str):
        return value
    if name in _LISTS:
        return [part.strip() for part in value.split(";") if part.strip()]
    if name in _NUMBERS:
        try:
            number = float(value)
        except ValueError:
            return value
        return int(number) if number.is_integer() else number
    return value


_READERS: dict[str, Callable[[str], Any]] = {
    ".toml": tomllib.loads,
    ".json": json.loads,
    ".csv": _people_of_csv,
}
