"""Exposure against the caps, and overdue audits: counted by hand, told without a name."""

from __future__ import annotations

import json
import re
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pandas as pd
import pytest

from features.exposure import FEWEST_PEOPLE
from features.policies import Policies, Policy
from features.store import Store
from features.wellbeing import Wellbeing
from monitoring.auditor_day_chart import exposure_by_day, exposure_in_words
from monitoring.auditor_day_tables import write_auditor_day_tables
from monitoring.auditor_days import AuditorDays, Overdue, measure_auditor_days
from monitoring.pages import Book
from monitoring.period import Period
from tests.features.assigned import DAY, START, add_decisions, assign, assigned, finish, select

POLICIES = Policies(by_name={"gore": Policy(graphic_level=3)})
LIMITS = Wellbeing(graphic_minutes_a_day=41.0, graphic_items_a_day=2)
NOW = START + timedelta(days=1)
NAMES = tuple(f"person-{number}" for number in range(FEWEST_PEOPLE + 1))


def measure(store: Store, *, days: int = 1, limits: Wellbeing = LIMITS) -> AuditorDays:
    until = START + timedelta(days=days - 1)
    return measure_auditor_days(
        store, limits=limits, policies=POLICIES, since=START, until=until, now=NOW
    )


def give(store: Store, *people: str, day: int = 0, minutes: float = 10.0) -> None:
    """Assign one graphic audit to each, of as many times the minutes as its place, from nought."""
    made = [f"{name} on {day}" for name in people]
    add_decisions(store, *made)
    assign(
        store,
        *(
            assigned(one, name, graphic_level=2, minutes=minutes * at, shift_day=shift(day))
            for at, (one, name) in enumerate(zip(made, people, strict=True))
        ),
    )


def shift(day: int) -> date:
    return DAY + timedelta(days=day)


def write(found: AuditorDays, folder: Path) -> str:
    """Write the part of the page and return it."""
    book = Book(folder, period=Period("a", NOW, NOW, NOW, NOW), now=NOW)
    path = book.write(
        "auditor_days.html",
        days=found,
        fewest_people=FEWEST_PEOPLE,
        exposure_spec=exposure_by_day(found) if found.told else None,
        exposure_words=exposure_in_words(found),
    )
    return path.read_text(encoding="utf-8")


def words_of(page: str) -> str:
    plain = re.sub(r"<script.*?</script>", " ", page, flags=re.S)
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", plain))


def test_the_largest_of_a_person_and_day_is_found_over_all_days(store: Store) -> None:
    give(store, *NAMES)
    give(store, *NAMES, day=1, minutes=7.0)
    found = measure(store, days=2)
    assert (found.largest_minutes, found.largest_items) == (50.0, 1.0)
    assert found.person_days == 2 * len(NAMES)
    assert found.days[0].minutes_of_people == pytest.approx(
        {"median": 25.0, "ninth_decile": 45.0, "highest": 50.0}
    )


def test_a_day_after_the_last_is_not_counted(store: Store) -> None:
    give(store, *NAMES)
    give(store, *NAMES, day=1)
    assert measure(store).person_days == len(NAMES)


def test_who_is_over_a_cap_is_counted_in_minutes_and_in_items(store: Store) -> None:
    give(store, *NAMES)  # 50 minutes of the last are over the cap of 41
    for number in range(3):
        one = f"d{number}"
        add_decisions(store, one, policy="gore")
        finish(store, one, auditor_id="beside", minutes=1.0)
    found = measure(store)
    assert (found.over_minutes, found.over_items) == (1, 1)


def test_with_few_people_a_breach_is_told_and_a_spread_is_not(store: Store, tmp_path: Path) -> None:
    give(store, "ana", "ben", minutes=60.0)
    found = measure(store)
    assert (found.over_minutes, found.largest_minutes, found.largest_items) == (1, None, None)
    page = write(found, tmp_path)
    assert "60" not in words_of(page)
    assert "1 person-day in minutes" in words_of(page)
    assert f"fewer than {FEWEST_PEOPLE} people" in words_of(page)
    exposure, _ = write_auditor_day_tables(found, tmp_path)
    table = pd.read_csv(exposure)
    assert table["over_minutes"].tolist() == [1]
    assert table.loc[0, "minutes":"items_highest"].isna().all()


def test_untimed_audits_count_the_mean_of_those_that_were_timed(store: Store) -> None:
    add_decisions(store, "timed", "untimed", policy="gore")
    finish(store, "timed", auditor_id="ana", minutes=8.0)
    finish(store, "untimed", auditor_id="ben")
    assert [day.minutes for day in measure(store).days] == [16.0]


def test_while_none_was_timed_the_minutes_are_those_of_the_settings(store: Store) -> None:
    add_decisions(store, "untimed", policy="gore")
    finish(store, "untimed", auditor_id="ben")
    assert [day.minutes for day in measure(store, limits=Wellbeing(untimed_minutes=3.5)).days] == [
        3.5
    ]


def test_overdue_audits_are_told_by_policy_with_their_due_time(store: Store) -> None:
    for policy, count in (("spam", 2), ("gore", 3), ("hate", 1)):
        made = [f"{policy} {number}" for number in range(count)]
        add_decisions(store, *made, policy=policy)
        select(store, *made)
    finish(store, "gore 0")
    limits = Wellbeing(due_hours={"default": 12.0, "gore": 6.0, "hate": 200.0})
    found = measure(store, limits=limits)
    assert found.overdue == (Overdue("gore", 2, 6.0), Overdue("spam", 2, 12.0))
    assert found.overdue_audits == 4


def test_the_page_says_what_was_measured_with_its_numbers(store: Store, tmp_path: Path) -> None:
    give(store, *NAMES)
    select(store, "person-0 on 0")
    page = write(measure(store, limits=Wellbeing(due_hours={"default": 1.0})), tmp_path)
    text = words_of(page)
    assert "50 graphic minutes (cap 120) and 1 graphic item (cap 60), of 1 day" in text
    assert "Over a cap none of 6 person-days" in text
    assert "n = 6 person-days on 1 day" in text
    assert "n = 1 audit, as of 3 March 2026, 08:00 UTC" in text


def test_breaches_are_marked(store: Store, tmp_path: Path) -> None:
    give(store, *NAMES)
    page = write(measure(store), tmp_path)
    assert "▲ 1 person-day in minutes, 0 in items , of 6 person-days" in words_of(page)


def test_nobody_and_no_decision_is_named_on_the_page_or_in_a_table(
    store: Store, tmp_path: Path
) -> None:
    give(store, *NAMES)
    select(store, *(f"{name} on 0" for name in NAMES))
    found = measure(store, limits=Wellbeing(due_hours={"default": 1.0}))
    tables = write_auditor_day_tables(found, tmp_path)
    told = [write(found, tmp_path), *(path.read_text(encoding="utf-8") for path in tables)]
    assert not [text for text in told if "person-" in text.replace("person-day", "")]


def test_the_tables_hold_what_the_page_shows_unrounded(store: Store, tmp_path: Path) -> None:
    give(store, *NAMES, minutes=3.3)
    found = measure(store)
    exposure, overdue = write_auditor_day_tables(found, tmp_path)
    [row] = pd.read_csv(exposure).to_dict("records")
    assert (row["day"], row["people"], row["graphic_people"]) == (str(DAY), 6, 6)
    assert row["minutes_median"] == pytest.approx(8.25)
    assert row["minutes_ninth_decile"] == pytest.approx(14.85)
    assert row["items"] == 6
    assert list(pd.read_csv(overdue)) == ["policy", "audits", "due_hours"]


def test_where_nothing_is_to_be_told_the_page_says_so(store: Store, tmp_path: Path) -> None:
    text = words_of(write(measure(store), tmp_path))
    assert "Nobody audited anything on the days of the ranking (2 March 2026)" in text
    assert "everything that was selected within the last 28 days is finished" in text
    tables = write_auditor_day_tables(measure(store), tmp_path)
    assert [len(pd.read_csv(path)) for path in tables] == [0, 0]


def test_a_day_without_enough_people_is_left_open_in_the_chart(store: Store) -> None:
    give(store, *NAMES)
    give(store, *NAMES[:2], day=1)
    give(store, *NAMES, day=3)
    spec = exposure_by_day(measure(store, days=4))
    highest = [row for row in spec["data"]["values"] if row["of"] == "most of a person"]
    assert [row["minutes"] for row in highest] == [50.0, None, None, 50.0]
    assert [row["people"] for row in highest] == [6, 2, 0, 6]
    assert json.dumps(spec)


def test_the_days_are_those_of_utc(store: Store) -> None:
    east = START.replace(hour=2).astimezone(UTC)
    given = datetime.fromisoformat("2026-03-02T01:00:00+05:00")  # the first of March in UTC
    found = measure_auditor_days(
        store, limits=LIMITS, policies=POLICIES, since=given, until=east, now=NOW
    )
    assert (str(found.since), str(found.until)) == ("2026-03-01", "2026-03-02")
