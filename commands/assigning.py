"""The commands of auditors' days: who audits what, and how much graphic material people had."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any
from uuid import uuid4

import typer
from rich.markup import escape
from rich.table import Table

from commands.keys import who
from commands.options import DEFAULT_HOME, HomeOption, errors, out, utc
from features.home import open_home

if TYPE_CHECKING:
    from features.store import Store
    from serving.shift_payload import AssignAnswer, DaysExposure, PersonsDay, PersonsExposure

_SHOWN = 10
_LIST_ENDINGS = ".json, .csv or .parquet"

_ON_SCREEN = {
    "auditor": "auditor",
    "new": "new",
    "open": "open",
    "minutes": "minutes",
    "late": "late",
    "day": "day",
    "people": "people",
    "graphic_people": "graphic",
    "graphic_minutes": "minutes",
    "graphic_items": "items",
    "items": "items",
    "over_minutes": "over",
    "over_items": "over items",
    "left_minutes": "left",
    "left_items": "left items",
    "median_minutes": "median",
    "highest_minutes": "highest",
    "looked_at": "looked at (UTC)",
    "by": "by",
    "since": "since",
    "until": "until",
}
"""Columns that fit a screen, and their heads there; a file holds them all."""

DayOption = Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"])]


def assign(
    shift: Annotated[
        Path, typer.Option("--shift", help="People on shift: a TOML, JSON or CSV file.")
    ],
    to: Annotated[
        Path | None,
        typer.Option("--to", help=f"Where the assignments go, {_LIST_ENDINGS}; JSON holds all."),
    ] = None,
    starts_at: Annotated[
        datetime | None, typer.Option(help="Start of the shift, UTC; default: the file's, or now.")
    ] = None,
    gone: Annotated[
        list[str] | None,
        typer.Option(help="An auditor whose open assignments go back; may come again."),
    ] = None,
    time_limit: Annotated[
        float | None, typer.Option(help="Seconds to look for a better assignment (10).")
    ] = None,
    home: HomeOption = DEFAULT_HOME,
) -> None:
    """Assign the audits that wait, and reviews that are due, to the people on shift.

    The limits of wellbeing.toml hold over all calls, here and of the service. A call again gives
    only what is not assigned yet.
    """
    from features.shift import read_shift_file
    from serving.assign import assign_audits, read_request
    from serving.workplace import Workplace

    given: dict[str, Any] = {"starts_at": utc(starts_at), "time_limit_s": time_limit, "gone": gone}
    told = {name: value for name, value in given.items() if value}
    request = read_request(read_shift_file(shift) | told)
    now, workplace = datetime.now(UTC), Workplace.at(open_home(home))
    answer = assign_audits(request, workplace, request_id=uuid4().hex, now=now)
    if to is not None:
        _write_assignments(answer, to)
    _tell_assigned(answer, to)
    for row in answer.rejected:
        place = f"person {row.index}, {row.field}: saw {row.seen}; expected {row.expected}"
        errors.print(escape(place), highlight=False, soft_wrap=True)
    if answer.rejected:
        raise typer.Exit(1)


def exposure(
    since: DayOption = None,
    until: DayOption = None,
    auditor: Annotated[
        str | None, typer.Option(help="One person, as outcomes name them; the look is kept.")
    ] = None,
    people: Annotated[
        bool, typer.Option("--people", help="Individuals; the look is kept.")
    ] = False,
    looks: Annotated[
        bool, typer.Option("--looks", help="Instead: who looked at individuals, and when.")
    ] = False,
    to: Annotated[
        Path | None, typer.Option("--to", help=f"Where the table goes, {_LIST_ENDINGS}.")
    ] = None,
    home: HomeOption = DEFAULT_HOME,
) -> None:
    """Show how graphic material was spread over people, day by day (today unless told).

    Without a name, unless --people or --auditor asks for it; who asked is kept in the store.
    """
    from serving.exposure import individuals, keep_look, looked_for, spreads
    from serving.workplace import Workplace

    now, workplace = datetime.now(UTC), Workplace.at(open_home(home))
    days = {"since": since, "until": until}
    query = {name: f"{day:%Y-%m-%d}" for name, day in days.items() if day is not None}
    query |= {"auditor": auditor} if auditor else {}
    looked = looked_for(query, now=now, key=workplace.pseudonym_key)
    if looks:
        rows = _rows_of_looks(workplace.store)
    elif people or auditor:
        keep_look(looked, workplace, by=who(), now=now)
        rows = _rows_of_people(individuals(looked, workplace, now=now))
    else:
        rows = [_row_of_day(day) for day in spreads(looked, workplace, now=now)]
    if to is not None:
        _write(rows, to)
    _print([{name: row[name] for name in row if name in _ON_SCREEN} for row in rows])


def _tell_assigned(answer: AssignAnswer, to: Path | None) -> None:
    rows = [
        {
            "auditor": person.auditor_id,
            "new": sum(audit.new for audit in person.assignments),
            "open": len(person.assignments),
            "minutes": sum(audit.minutes for audit in person.assignments),
            "late": sum(audit.late for audit in person.assignments),
        }
        for person in answer.people
    ]
    _print(rows)
    where = f": {to}" if to is not None else ""
    out.print(
        f"{answer.assigned:,} assigned, {answer.returned:,} went back before, "
        f"{answer.share_of_bound:.1%} of what could be reached{where}",
        soft_wrap=True,
        highlight=False,
    )
    stopped = ", ".join(f"{count:,} {name}" for name, count in answer.waiting_by.items())
    if stopped:
        told = f"{answer.waiting:,} wait ({answer.overdue:,} overdue): {stopped}"
        out.print(told, soft_wrap=True, highlight=False)
    for row in answer.unplaced[:_SHOWN]:
        told = f"  {row.decision_id}: {row.constraint}; {row.freed_by}"
        out.print(escape(told), soft_wrap=True, highlight=False)


def _write_assignments(answer: AssignAnswer, to: Path) -> None:
    import msgspec

    if to.suffix == ".json":
        to.parent.mkdir(parents=True, exist_ok=True)
        to.write_bytes(msgspec.json.format(msgspec.json.encode(answer)))
        return
    rows = [
        {"auditor_id": person.auditor_id} | msgspec.to_builtins(audit)
        for person in answer.people
        for audit in person.assignments
    ]
    _write(rows, to)


def _rows_of_people(people: list[PersonsExposure]) -> list[dict[str, Any]]:
    return [_row_of_person(each.auditor_id, day) for each in people for day in each.days]


def _rows_of_looks(store: Store) -> list[dict[str, Any]]:
    from features.exposure import read_lookups

    return [
        {
            "looked_at": f"{row['at']:%Y-%m-%d %H:%M}",
            "by": row["by"],
            "auditor": row["auditor_id"] or "everybody",
            "since": row["since"],
            "until": row["until"],
        }
        for row in read_lookups(store).to_dict("records")
    ]


def _row_of_person(auditor_id: str, day: PersonsDay) -> dict[str, Any]:
    by_level = {f"level_{level}_minutes": minutes for level, minutes in enumerate(day.minutes)}
    return {
        "auditor": auditor_id,
        "day": day.day,
        "graphic_minutes": day.graphic_minutes,
        "graphic_items": day.graphic_items,
        "left_minutes": day.left_minutes,
        "left_items": day.left_items,
        "open_minutes": day.open_minutes,
        **by_level,
    }


def _row_of_day(day: DaysExposure) -> dict[str, Any]:
    minutes, items = day.minutes_of_people, day.items_of_people
    return {
        "day": day.day,
        "people": day.people,
        "graphic_people": day.graphic_people,
        "minutes": day.minutes,
        "items": day.items,
        "over_minutes": day.over_minutes,
        "over_items": day.over_items,
        "median_minutes": minutes.median if minutes else None,
        "highest_minutes": minutes.highest if minutes else None,
        "median_items": items.median if items else None,
        "highest_items": items.highest if items else None,
    }


def _write(rows: list[dict[str, Any]], to: Path) -> None:
    import pandas as pd

    from features.files import write_table

    if to.suffix == ".json":
        import msgspec

        to.parent.mkdir(parents=True, exist_ok=True)
        to.write_bytes(msgspec.json.format(msgspec.json.encode(rows)))
        return
    write_table(pd.DataFrame(rows), to)


def _print(rows: list[dict[str, Any]]) -> None:
    """Print rows without lines, which a script can read too."""
    if not rows:
        out.print("There is nothing to show.")
        return
    table = Table(box=None, padding=(0, 2, 0, 0))
    for name in rows[0]:
        table.add_column(_ON_SCREEN[name], no_wrap=True)
    for row in rows:
        table.add_row(*map(_cell, row.values()))
    out.print(table, width=200)


def _cell(value: object) -> str:
    if value is None:
        return "too few"
    if isinstance(value, float):
        return f"{value:.1f}"
    return str(value) if isinstance(value, date | int) else escape(str(value))
