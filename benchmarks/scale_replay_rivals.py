"""The same track records by `pandas.merge_asof`, a key at a time, and by DuckDB's ASOF JOIN.

Either prepares its tables and returns what is to be timed. Both follow the definition of
`features.record_rates`: sums at an epoch that fade to the moment, Kish's effective number, and
rates that shrink to the parent's.
"""

from __future__ import annotations

from collections.abc import Callable

import duckdb
import numpy as np
import pandas as pd

from features.record_rates import KEYS, PARTS, RECORD_COLUMNS, Key, RecordSettings

_EPOCH = pd.Timestamp("2020-01-01", tz="UTC")
_SUMS = ["w", "o", "s"]


def pandas_rival(
    decisions: pd.DataFrame, past: pd.DataFrame, settings: RecordSettings, *, as_codes: bool
) -> Callable[[], pd.DataFrame]:
    """Return the replay by `pandas.merge_asof`, once for each key."""
    if as_codes:
        decisions, past = _coded(decisions, past)
    decisions = decisions.sort_values("decided_at", kind="stable").reset_index(drop=True)

    def run() -> pd.DataFrame:
        grown = _grown(past, settings)
        days = (decisions["decided_at"] - _EPOCH) / pd.Timedelta(days=1)
        fade = np.exp2(-days.to_numpy() / settings.half_life_days)
        found: dict[str, np.ndarray] = {}
        rate: dict[str | None, np.ndarray | float] = {None: settings.prior_rate}
        for key in KEYS:
            w, o, s = (values * fade for values in _asof(decisions, grown, key))
            audits = np.divide(w**2, s, out=np.zeros_like(w), where=s > 0)
            wrong = np.divide(audits * o, w, out=np.zeros_like(w), where=w > 0)
            own = (wrong + settings.strength * rate[key.parent]) / (audits + settings.strength)
            rate[key.name] = own
            present = np.ones(len(own), dtype=bool)
            for name in key.columns:
                present &= _present(decisions[name])
            found[f"{key.name}_rate"] = np.where(present, own, np.nan)
            found[f"{key.name}_audits"] = np.where(present, audits, np.nan)
        return pd.DataFrame(found, columns=list(RECORD_COLUMNS))

    return run


def _coded(decisions: pd.DataFrame, past: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return both tables with numbers for the parts, alike in both; -1 is null."""
    decisions, past = decisions.copy(), past.copy()
    for name in PARTS:
        codes, _ = pd.factorize(pd.concat([decisions[name], past[name]], ignore_index=True))
        decisions[name], past[name] = codes[: len(decisions)], codes[len(decisions) :]
    return decisions, past


def _present(values: pd.Series) -> np.ndarray:
    codes = values.dtype.kind == "i"
    return (values >= 0).to_numpy() if codes else values.notna().to_numpy(dtype=bool)


def _grown(past: pd.DataFrame, settings: RecordSettings) -> pd.DataFrame:
    weight = np.minimum(settings.typical_inclusion * past["weight"], settings.weight_cap)
    days = (past["known_at"] - _EPOCH) / pd.Timedelta(days=1)
    growth = np.exp2(days / settings.half_life_days)
    sums = {
        "w": weight * growth,
        "o": weight * past["overturned"] * growth,
        "s": weight**2 * growth,
    }
    return past.assign(**sums).sort_values("known_at", kind="stable")


def _asof(decisions: pd.DataFrame, grown: pd.DataFrame, key: Key) -> list[np.ndarray]:
    by = list(key.columns)
    own = grown
    for name in by:
        own = own[_present(own[name])]
    sums = own.groupby(by)[_SUMS].cumsum() if by else own[_SUMS].cumsum()
    right = pd.concat([own[["known_at", *by]], sums], axis=1)
    joined = pd.merge_asof(
        decisions[["decided_at", *by]],
        right,
        left_on="decided_at",
        right_on="known_at",
        by=by or None,
    )
    return [joined[name].fillna(0.0).to_numpy() for name in _SUMS]


def duckdb_rival(
    decisions: pd.DataFrame, past: pd.DataFrame, settings: RecordSettings, *, as_codes: bool
) -> Callable[[], Callable[[], pd.DataFrame]]:
    """Return the replay in DuckDB's SQL on two threads; its answer is fetched when called."""
    database = duckdb.connect(config={"threads": 2, "preserve_insertion_order": False})
    _load(database, decisions, past, as_codes=as_codes)
    statements = [*(_running(key, settings) for key in KEYS), _answer(settings)]

    def run() -> Callable[[], pd.DataFrame]:
        for statement in statements:
            database.execute(statement)
        names = ", ".join(RECORD_COLUMNS)
        return lambda: database.execute(f"SELECT {names} FROM answer ORDER BY n").df()

    return run


def _load(
    database: duckdb.DuckDBPyConnection,
    decisions: pd.DataFrame,
    past: pd.DataFrame,
    *,
    as_codes: bool,
) -> None:
    database.register(
        "given", decisions[["decided_at", *PARTS]].assign(n=np.arange(len(decisions)))
    )
    database.register("given_past", past)
    parts = ", ".join(PARTS)
    if as_codes:
        for name in PARTS:
            both = f"SELECT {name} FROM given UNION SELECT {name} FROM given_past"
            database.execute(
                f"CREATE TYPE t_{name} AS ENUM "
                f"(SELECT {name} FROM ({both}) WHERE {name} IS NOT NULL ORDER BY 1)"
            )
        parts = ", ".join(f"{name}::t_{name} AS {name}" for name in PARTS)
    database.execute(f"CREATE TABLE decisions AS SELECT n, decided_at, {parts} FROM given")
    rest = "known_at, overturned, weight"
    database.execute(f"CREATE TABLE past AS SELECT {rest}, {parts} FROM given_past")
    database.unregister("given")
    database.unregister("given_past")


def _growth(column: str, settings: RecordSettings) -> str:
    days = f"(epoch_us({column}) - epoch_us(TIMESTAMPTZ '{_EPOCH.isoformat()}')) / 86400e6"
    return f"pow(2, {days} / {settings.half_life_days})"


def _running(key: Key, settings: RecordSettings) -> str:
    """Return the statement that makes the running sums of a key; peers in time count together."""
    by = "".join(f"{name}, " for name in key.columns)
    split = f"PARTITION BY {', '.join(key.columns)}" if key.columns else ""
    where = " AND ".join(f"{name} IS NOT NULL" for name in key.columns) or "TRUE"
    weight = f"least({settings.typical_inclusion} * weight, {settings.weight_cap})"
    grown = f"SELECT *, {weight} AS v, {_growth('known_at', settings)} AS g FROM past WHERE {where}"
    return (
        f"CREATE TEMP TABLE r_{key.name} AS SELECT DISTINCT ON ({by}known_at) {by}known_at, "
        f"sum(v * g) OVER k AS w, sum(v * g * overturned) OVER k AS o, sum(v * v * g) OVER k AS s "
        f"FROM ({grown}) WINDOW k AS ({split} ORDER BY known_at RANGE UNBOUNDED PRECEDING)"
    )


def _answer(settings: RecordSettings) -> str:
    """Return the statement that joins all keys and shrinks the rates."""
    joins, audits, rates, last = [], [], [], []
    for key in KEYS:
        r, strength = f"r_{key.name}", settings.strength
        on = "".join(f"d.{name} = {r}.{name} AND " for name in key.columns)
        joins.append(f"ASOF LEFT JOIN {r} ON {on}d.decided_at >= {r}.known_at")
        audits.append(
            f"coalesce({r}.w * {r}.w / {r}.s * fade, 0) AS a_{key.name}, "
            f"coalesce({r}.o / {r}.w, 0) AS p_{key.name}"
        )
        prior = f"q_{key.parent}" if key.parent else str(settings.prior_rate)
        a = f"a_{key.name}"
        rates.append(
            f"({a} * p_{key.name} + {strength} * {prior}) / ({a} + {strength}) AS q_{key.name}"
        )
        absent = " OR ".join(f"{name} IS NULL" for name in key.columns) or "FALSE"
        last.append(
            f"CASE WHEN {absent} THEN NULL ELSE q_{key.name} END AS {key.name}_rate, "
            f"CASE WHEN {absent} THEN NULL ELSE {a} END AS {key.name}_audits"
        )
    made = f"SELECT *, 1 / {_growth('decided_at', settings)} AS fade FROM decisions"
    mine = ", ".join(f"d.{name}" for name in PARTS)
    return (
        f"CREATE TEMP TABLE answer AS SELECT n, {', '.join(last)} FROM ("
        f"SELECT *, {', '.join(rates)} FROM (SELECT d.n, {mine}, {', '.join(audits)} "
        f"FROM ({made}) d {' '.join(joins)}))"
    )
