"""The data contract: one description of decisions and outcomes, checked at every border.

Files, the store and the API share these tables. A value that breaks the contract is reported with
its row, column, what was seen and what was expected; the good rows beside it are kept apart, so
that the caller decides whether to go on without the bad ones.
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
import pandera.pandas as pa

from features.errors import BadValue, ContractError
from features.once import Once
from features.values import READERS, Kind, as_vector

VERDICTS = (
    "correct",
    "over_enforcement",
    "under_enforcement",
    "wrong_selection",
    "technical_error",
)
DIRECTIONS = ("over_enforcement", "under_enforcement", "wrong_selection")
"""Verdicts that overturn the decision. A technical error is not the moderator's and is none."""

OUTCOME_SOURCES = ("audit", "review", "appeal", "golden", "calibration")
"""A review is a second, blind audit of a decision that was audited; it corrects the figure."""


@dataclass(frozen=True, slots=True)
class Column:
    """One column of the contract.

    Attributes
    ----------
    name
        As it stands in files, the store and the API.
    kind
        ``text``, ``number`` (64-bit float), ``time`` (UTC, microseconds) or ``vector``.
    meaning
        What the value says, and what null means.
    required
        Whether the column must be there and never null.
    unique
        Whether no two rows may share a value.
    low, high
        Closed range of a number, in its unit.
    allowed
        The vocabulary of a text, where it is closed.
    """

    name: str
    kind: Kind
    meaning: str
    required: bool = False
    unique: bool = False
    low: float | None = None
    high: float | None = None
    allowed: tuple[str, ...] | None = None

    @property
    def expected(self) -> str:
        """What a value must be, in words."""
        if self.allowed is not None:
            return "one of " + ", ".join(self.allowed)
        words = {
            "text": "a text",
            "number": "a finite number",
            "time": "a UTC date and time such as 2026-03-01T09:30:00Z, from 1990 to 2099",
            "vector": "a list of finite numbers, as long as in the other rows",
        }[self.kind]
        if self.kind == "text" and self.required:
            words = "a text that is not empty"
        if self.low is not None and self.high is not None:
            words += f" from {self.low:g} to {self.high:g}"
        elif self.low is not None:
            words += f" of at least {self.low:g}"
        return words


@dataclass(frozen=True, slots=True)
class Table:
    """One table of the contract: its columns, and the prefixes under which more may come."""

    name: str
    columns: tuple[Column, ...]
    prefixes: tuple[str, ...] = ()
    by_name: dict[str, Column] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "by_name", {column.name: column for column in self.columns})

    def admits(self, name: str) -> bool:
        """Whether a column of this name may stand in the table."""
        return name in self.by_name or name.startswith(self.prefixes or ("\0",))


DECISIONS = Table(
    "decisions",
    (
        Column("decision_id", "text", "names the decision; never reused", True, True),
        Column("decided_at", "time", "when the decision was made", True),
        Column("policy", "text", "the policy it was decided under", True),
        Column("action", "text", "what was done", True),
        Column("moderator_id", "text", "who decided; null or empty = automated"),
        Column("moderator_team", "text", "the team of the moderator"),
        Column("site", "text", "where the team works"),
        Column("item_id", "text", "what was decided on"),
        Column("item_group", "text", "near-duplicates of the item; default item_id"),
        Column("action_rank", "number", "strictness of the action, 0 = left up", low=0, high=100),
        Column("language", "text", "language of the item"),
        Column("region", "text", "region of the item"),
        Column("content_type", "text", "post, comment, image, ..."),
        Column("source", "text", "report, proactive, appeal, ..."),
        Column("queue", "text", "the queue it came through"),
        Column("handle_seconds", "number", "time spent deciding, in seconds", low=0),
        Column("automated_score", "number", "probability of a violation", low=0, high=1),
        Column("reports", "number", "user reports so far", low=0),
        Column("skips", "number", "how often it was passed on undecided", low=0),
        Column("views", "number", "how often the item was seen", low=0),
        Column("moderator_tenure_days", "number", "days in the job", low=0),
        Column("policy_version", "text", "version of the policy then in force"),
        Column("graphic_level", "number", "0 harmless to 3 extreme", low=0, high=3),
        Column("text", "text", "the content, where it may be used"),
        Column("embedding", "vector", "the content as a vector, where it may be used"),
    ),
    ("group_", "x_"),
)

OUTCOMES = Table(
    "outcomes",
    (
        Column("audit_id", "text", "names the audit; the idempotency key", True, True),
        Column("decision_id", "text", "the decision that was audited", True),
        Column("audited_at", "time", "when the audit was finished", True),
        Column("verdict", "text", "what the audit found", True, allowed=VERDICTS),
        Column("auditor_id", "text", "who audited"),
        Column("corrected_action", "text", "the action that was right"),
        Column("corrected_policy", "text", "the policy that was right"),
        Column("source", "text", "why it was audited; null = audit", allowed=OUTCOME_SOURCES),
        Column(
            "inclusion_probability",
            "number",
            "chance of being audited; null = not known",
            low=1e-9,
            high=1,
        ),
        Column("minutes", "number", "time the audit took, in minutes", low=0),
        Column("root_cause", "text", "why the decision was wrong"),
        Column("supersedes", "text", "the audit_id that this outcome replaces"),
    ),
)


def key_of(table: Table) -> str:
    """Return the column that names a row.

    Examples
    --------
    >>> key_of(DECISIONS), key_of(OUTCOMES)
    ('decision_id', 'audit_id')
    """
    return next(column.name for column in table.columns if column.unique)


@dataclass(frozen=True, slots=True)
class Checked:
    """A table after its check.

    Attributes
    ----------
    good
        The rows that keep the contract, typed; every optional column that came is there.
    rejected
        The other rows as they were given, with a ``problem`` column.
    bad_values
        Everything that was found, rows counted from 0.
    """

    table: str
    good: pd.DataFrame
    rejected: pd.DataFrame
    bad_values: tuple[BadValue, ...]

    def require(self) -> pd.DataFrame:
        """Return the rows if all are good.

        Raises
        ------
        ContractError
            If any value breaks the contract.
        """
        if self.bad_values:
            raise ContractError(self.table, self.bad_values)
        return self.good


def check(
    frame: pd.DataFrame,
    table: Table,
    *,
    once: Once | None = None,
    vector_length: int | None = None,
) -> Checked:
    """Check a table against the contract, value by value.

    Parameters
    ----------
    once
        The ids of earlier parts of the table, which may not come again; it learns those of this
        part. Null = this is the whole table.
    vector_length
        How long the vectors of earlier parts are; null = as most of this part are.

    Raises
    ------
    ContractError
        If a column is missing or not known, or there is no row: nothing can be kept then.

    Examples
    --------
    >>> frame = pd.DataFrame({"decision_id": ["a", "b"], "decided_at": ["2026-03-01", "soon"],
    ...                       "policy": ["spam", "spam"], "action": ["keep", "keep"]})
    >>> checked = check(frame, DECISIONS)
    >>> len(checked.good)
    1
    >>> checked.bad_values[0].row, checked.bad_values[0].column, checked.bad_values[0].seen
    (1, 'decided_at', "'soon'")
    """
    _require_columns(frame, table)
    given = frame.reset_index(drop=True).set_axis([str(name) for name in frame.columns], axis=1)
    typed, bad = _typed(given, table, vector_length)
    already = {(b.row, b.column) for b in bad}
    bad += _broken_rules(typed, table, already=already, whole=once is None)
    bad += _repeated(typed, table, once, already={b.row for b in bad if b.column == key_of(table)})
    bad.sort(key=lambda b: (b.row, b.column))
    rows = sorted({b.row for b in bad})
    good = typed.drop(index=rows) if rows else typed
    return Checked(table.name, good, _rejected(given, rows, bad), tuple(bad))


def _require_columns(frame: pd.DataFrame, table: Table) -> None:
    bad = []
    for column in table.columns:
        if column.required and column.name not in frame.columns:
            bad.append(BadValue(-1, column.name, "no such column", column.expected))
    for name in map(str, frame.columns):
        if not table.admits(name):
            bad.append(
                BadValue(-1, name, "a column that is not in the contract", _mend(name, table))
            )
    names = pd.Series([str(name) for name in frame.columns], dtype=object)
    for name in names[names.duplicated()].unique():
        bad.append(BadValue(-1, name, "the column twice", "each column once"))
    if not bad and frame.empty:
        bad.append(BadValue(-1, table.columns[0].name, "no rows", "at least one row"))
    if bad:
        raise ContractError(table.name, bad)


def _mend(name: str, table: Table) -> str:
    near = difflib.get_close_matches(name, table.by_name, n=1)
    hint = f"did you mean {near[0]!r}? Otherwise " if near else ""
    more = f"name an extra input x_{name}, " if table.prefixes else ""
    return f"{hint}{more}drop it, or map it with a mapping file"


def _typed(
    given: pd.DataFrame, table: Table, vector_length: int | None
) -> tuple[pd.DataFrame, list[BadValue]]:
    columns: dict[str, pd.Series] = {}
    bad: list[BadValue] = []
    for name in map(str, given.columns):
        column = table.by_name.get(name) or _extra(name, given[name])
        if column.kind == "vector":
            columns[name], unread = as_vector(given[name], length=vector_length)
        else:
            columns[name], unread = READERS[column.kind](given[name])
        rows = np.flatnonzero(unread).tolist()
        bad += [_bad(row, column, given[name].iloc[row]) for row in rows]
    return pd.DataFrame(columns), bad


def _extra(name: str, values: pd.Series) -> Column:
    """Describe a ``group_*`` or ``x_*`` column: groups are text, inputs what they came as."""
    number = not name.startswith("group_") and pd.api.types.is_numeric_dtype(values)
    return Column(name, "number" if number else "text", "an extra column")


def _schema(table: Table, present: list[str], *, whole: bool) -> pa.DataFrameSchema:
    """Build the pandera schema of the columns that came."""
    columns = {}
    for name in present:
        column = table.by_name.get(name)
        if column is None or column.kind == "vector":
            continue
        checks = []
        if column.allowed is not None:
            checks.append(pa.Check.isin(column.allowed))
        if column.low is not None:
            checks.append(pa.Check.ge(column.low))
        if column.high is not None:
            checks.append(pa.Check.le(column.high))
        columns[name] = pa.Column(
            checks=checks,
            nullable=not column.required,
            unique=column.unique and whole,
            report_duplicates="exclude_first",
        )
    return pa.DataFrameSchema(columns)


def _broken_rules(
    typed: pd.DataFrame, table: Table, *, already: set[tuple[int, str]], whole: bool
) -> list[BadValue]:
    """Return what pandera finds; of a part, repeated ids are found with those of earlier ones."""
    try:
        _schema(table, list(typed.columns), whole=whole).validate(typed, lazy=True)
    except pa.errors.SchemaErrors as failure:
        cases = failure.failure_cases
    else:
        return []
    bad = []
    for name, row, value, rule in zip(
        cases["column"], cases["index"], cases["failure_case"], cases["check"], strict=True
    ):
        if (int(row), name) not in already:
            already.add((int(row), name))
            bad.append(_bad(int(row), table.by_name[name], value, twice="unique" in str(rule)))
    return bad


def _repeated(
    typed: pd.DataFrame, table: Table, once: Once | None, *, already: set[int]
) -> list[BadValue]:
    """Return ids of a part that came before in the table."""
    if once is None:
        return []
    key = key_of(table)
    rows = np.flatnonzero(once.again(typed[key])).tolist()
    return [
        _bad(row, table.by_name[key], typed[key].iat[row], twice=True)
        for row in rows
        if row not in already
    ]


def _bad(row: int, column: Column, value: object, *, twice: bool = False) -> BadValue:
    if column.name == "text" or column.kind == "vector":
        seen = f"a value of type {type(value).__name__}"
    elif not isinstance(value, (list, dict, np.ndarray)) and pd.isna(value):  # type: ignore[call-overload]
        seen = "null"
    elif isinstance(value, int) and value.bit_length() > 1_000:
        seen = "a number of very many digits"
    else:
        seen = repr(str(value)[:60]) + (" again" if twice else "")
    expected = "each value once" if twice else column.expected
    return BadValue(row, column.name, seen, expected)


def _rejected(given: pd.DataFrame, rows: list[int], bad: list[BadValue]) -> pd.DataFrame:
    problems: dict[int, list[str]] = {}
    for value in bad:
        problems.setdefault(value.row, []).append(
            f"{value.column}: saw {value.seen}; expected {value.expected}"
        )
    return given.loc[rows].assign(problem=["; ".join(problems[row]) for row in rows])
