"""Training reads files and queries as the store reads them: one mapping, one contract."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd
import pytest
import sqlalchemy as sa

from features.errors import ContractError, SettingsError
from features.home import Home
from features.intake import take_decisions, take_outcomes
from tests.conftest import POSTGRES_URL
from tests.made_programme import make_programme
from training.source import Source, query, read_source

NOW = datetime(2027, 1, 1, tzinfo=UTC)
MAPPING = """
[decisions.columns]
decision_id = "case_ref"
[decisions.values.action]
"taken down" = "remove"
"""


@pytest.fixture
def export(tmp_path: Path) -> Path:
    """Return a folder with a team's export: two files, and a mapping."""
    made = make_programme(3)
    folder = tmp_path / "export"
    folder.mkdir()
    words = made.decisions["action"].replace({"remove": "taken down"})
    theirs = made.decisions.assign(action=words).rename(columns={"decision_id": "case_ref"})
    theirs.to_parquet(folder / "decisions.parquet")
    made.outcomes.to_csv(folder / "outcomes.csv", index=False)
    (folder / "mapping.toml").write_text(MAPPING)
    return folder


def of_files(folder: Path, *, skip_bad: bool = False) -> Source:
    files = folder / "decisions.parquet", folder / "outcomes.csv"
    return Source(*files, mapping=folder / "mapping.toml", skip_bad=skip_bad)


def alike(frame: pd.DataFrame, other: pd.DataFrame, key: str) -> None:
    names = sorted({*frame, *other})
    first, second = (
        each.reindex(columns=names).sort_values(key, ignore_index=True) for each in (frame, other)
    )
    pd.testing.assert_frame_equal(first, second, check_dtype=False)


def test_files_give_what_the_store_gives_of_them(home: Home, export: Path) -> None:
    take_decisions(home, export / "decisions.parquet", mapping=export / "mapping.toml")
    take_outcomes(home, export / "outcomes.csv")
    stored = read_source(home, Source(), now=NOW)
    read = read_source(home, of_files(export), now=NOW)
    assert (stored.origin, read.origin) == ("the store", "decisions.parquet and outcomes.csv")
    alike(read.decisions, stored.decisions, "decision_id")
    names = [name for name in read.outcomes if name in stored.outcomes]
    alike(read.outcomes[names], stored.outcomes[names], "audit_id")


def test_people_are_under_pseudonyms_however_they_come(home: Home, export: Path) -> None:
    read = read_source(home, of_files(export), now=NOW).decisions["moderator_id"].dropna()
    theirs = pd.read_parquet(export / "decisions.parquet")["moderator_id"].dropna()
    assert len(read) == len(theirs) > 0
    assert not set(read) & set(theirs)


def test_the_time_until_which_is_read_holds_for_files_too(home: Home, export: Path) -> None:
    times = pd.read_parquet(export / "decisions.parquet")["decided_at"]
    until = times.sort_values().iloc[len(times) // 2].to_pydatetime()
    read = read_source(home, of_files(export), now=NOW, until=until).decisions
    assert len(read) == int((times < until).sum())


def test_a_bad_row_stops_training_or_is_set_aside_beside_the_file(home: Home, export: Path) -> None:
    whole = read_source(home, of_files(export), now=NOW)
    outcomes = pd.read_csv(export / "outcomes.csv")
    outcomes.loc[4, "verdict"] = "fine"
    outcomes.to_csv(export / "outcomes.csv", index=False)
    with pytest.raises(ContractError, match=r"verdict.*'fine'"):
        read_source(home, of_files(export), now=NOW)
    read = read_source(home, of_files(export, skip_bad=True), now=NOW)
    assert len(whole.outcomes) - len(read.outcomes) == 1
    assert len(pd.read_csv(export / "outcomes.rejected.csv")) == 1


def write_warehouse(engine: sa.Engine, export: Path) -> None:
    decisions = pd.read_parquet(export / "decisions.parquet")
    outcomes = pd.read_csv(export / "outcomes.csv")
    outcomes["audited_at"] = pd.to_datetime(outcomes["audited_at"], utc=True)
    with engine.begin() as connection:
        decisions.to_sql("cases", connection, index=False)
        outcomes.to_sql("audits", connection, index=False)


def of_queries(folder: Path, url: str) -> Source:
    (folder / "cases.sql").write_text("SELECT * FROM cases WHERE action LIKE '%'")
    (folder / "audits.sql").write_text("SELECT * FROM audits")
    files = folder / "cases.sql", folder / "audits.sql"
    return Source(*files, database=url, mapping=folder / "mapping.toml")


def test_queries_give_what_files_give(home: Home, export: Path, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'warehouse.db'}"
    write_warehouse(sa.create_engine(url), export)
    queried = read_source(home, of_queries(export, url), now=NOW)
    read = read_source(home, of_files(export), now=NOW)
    alike(queried.decisions, read.decisions, "decision_id")
    alike(queried.outcomes, read.outcomes, "audit_id")


def test_a_warehouse_on_postgresql_is_read_and_never_written(home: Home, export: Path) -> None:
    if not POSTGRES_URL:
        pytest.skip("no PostgreSQL: SECONDLOOK_TEST_POSTGRES_URL is not set")
    engine = sa.create_engine(POSTGRES_URL)
    try:
        write_warehouse(engine, export)
        queried = read_source(home, of_queries(export, POSTGRES_URL), now=NOW)
        read = read_source(home, of_files(export), now=NOW)
        alike(queried.decisions, read.decisions, "decision_id")
        alike(queried.outcomes, read.outcomes, "audit_id")
        with pytest.raises(SettingsError, match="read-only"):
            query(POSTGRES_URL, "DELETE FROM audits RETURNING audit_id")
        numbers = query(POSTGRES_URL, "SELECT 1.5::numeric AS n, '2026-03-01'::date AS d")
        assert numbers.to_dict("records") == [{"n": 1.5, "d": "2026-03-01"}]
    finally:
        with engine.begin() as connection:
            for name in ("cases", "audits"):
                connection.exec_driver_sql(f"DROP TABLE IF EXISTS {name}")
        engine.dispose()


def test_sqlite_is_not_written_either(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'warehouse.db'}"
    with sa.create_engine(url).begin() as connection:
        connection.exec_driver_sql("CREATE TABLE audits (audit_id TEXT)")
    with pytest.raises(SettingsError, match="readonly"):
        query(url, "INSERT INTO audits VALUES ('a') RETURNING audit_id")


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (lambda: Source(Path("d.csv")), "'d.csv' alone"),
        (lambda: Source(Path("d.sql"), Path("o.csv")), "a query without a database"),
        (lambda: Source(mapping=Path("m.toml")), "a mapping or a database without tables"),
        (lambda: query("nonsense", "SELECT 1"), "its URL cannot be used"),
        (lambda: query("oracle://u:secret@h/d", "SELECT 1"), "its driver cannot be used"),
        (lambda: query("sqlite://", "SELECT a FROM nowhere"), "no such table"),
        (lambda: query("sqlite://", "-- no query"), "gives no rows"),
        (lambda: query("postgresql+psycopg://u:secret@127.0.0.1:9/d", "SELECT 1"), "127.0.0.1"),
    ],
)
def test_what_cannot_be_used_is_told_without_secrets(
    source: Callable[[], object], message: str
) -> None:
    with pytest.raises(SettingsError, match=message) as told:
        source()
    assert "secret" not in str(told.value)
    assert told.value.__cause__ is None
